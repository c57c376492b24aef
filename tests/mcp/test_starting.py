"""The server's tools on each Python version: pydantic reads their types differently."""

import asyncio

import pytest
from mcp import Client

from modelgates_client import AsyncModelGates
from modelgates_client.mcp.server import server_of

ALWAYS = {"get_generation", "explain_cost"}
LEDGER_TOOLS = {"report", "budget_state", "unresolved_ids"}


@pytest.mark.parametrize(("ledger", "names"), [("a.db", ALWAYS | LEDGER_TOOLS), (None, ALWAYS)])
def test_each_tool_has_schemas_of_its_input_and_output(ledger, names):
    """Without a ledger its tools are not listed, because they could only fail."""

    async def list_tools():
        server = server_of(AsyncModelGates(api_key="sk-mg-test"), ledger, ())
        async with Client(server) as client:
            return (await client.list_tools()).tools

    tools = {tool.name: tool for tool in asyncio.run(list_tools())}
    assert tools.keys() == names
    assert all(tool.annotations.read_only_hint for tool in tools.values())
    assert all(tool.input_schema["properties"] for name, tool in tools.items() if name in ALWAYS)
    assert all(tool.output_schema["properties"] for tool in tools.values())
