"""The tools that the server has, on each interpreter: pydantic reads their types differently."""

import asyncio

import pytest
from mcp import Client

from modelgates_client import AsyncModelGates
from modelgates_client.mcp.server import server_of

ALWAYS = {"get_generation", "explain_cost"}
OF_A_LEDGER = {"report", "budget_state", "unresolved_ids"}


@pytest.mark.parametrize(("ledger", "names"), [("a.db", ALWAYS | OF_A_LEDGER), (None, ALWAYS)])
def test_each_tool_is_told_with_what_it_takes_and_gives(ledger, names):
    """Without a ledger there are none for one: a tool that can only fail would be asked."""

    async def listing():
        server = server_of(AsyncModelGates(api_key="sk-mg-of-nobody"), ledger, ())
        async with Client(server) as asker:
            return (await asker.list_tools()).tools

    tools = {tool.name: tool for tool in asyncio.run(listing())}
    assert tools.keys() == names
    assert all(tool.annotations.read_only_hint for tool in tools.values())
    assert all(tool.input_schema["properties"] for name, tool in tools.items() if name in ALWAYS)
    assert all(tool.output_schema["properties"] for tool in tools.values())
