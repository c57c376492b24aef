# ruff: noqa: PLC0415, T201 - what an extra brings is there only where that is used; a program
"""Each extra used as its users do, where nothing else is installed.

`nox -s extras` runs `python -P tests/use_extras.py EXTRA` in an environment with just that extra,
and for `base` in one with none.
"""

import asyncio
import contextlib
import io
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import httpx

from modelgates_client import AsyncModelGates, ConfigurationError, Generation, ModelGates
from modelgates_client.cli import main
from modelgates_client.ledger import Ledger

RECORD = {"id": "gen-1", "total_cost": 0.25, "is_byok": False, "finish_reason": "stop"}

#: A module of each extra, by which it is there.
MODULES = {
    "arrow": "pyarrow",
    "cli": "click",
    "fast": "httptools",
    "mcp": "mcp",
    "otel": "opentelemetry",
    "report": "duckdb",
    "testing": "pytest_httpserver",
}
#: What extras bring of others: those that they are made of, and what the SDK of MCP stands on.
BRINGS = {"all": set(MODULES), "mcp": {"cli", "mcp", "otel", "report"}}


def told(*arguments):
    """Run the command; return its status, and all that it told."""
    out, sys.argv = io.StringIO(), ["modelgates", *arguments]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        status = main()
    return int(status), out.getvalue()


def lacks(extras, *arguments):
    """Hold that a command says in one line which extras it needs."""
    status, text = told(*arguments)
    assert (status, text.count("\n")) == (2, 1), text
    assert f"pip install 'modelgates-client[{extras}]'" in text, text


def base(folder):
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json={"data": RECORD}))
    with httpx.Client(transport=transport) as http_client:
        client = ModelGates(api_key="sk-mg-of-nobody", http_client=http_client)
        assert str(client.generations.get("gen-1").cost.charged) == "0.25"
    assert told("--version")[0] == 0
    lacks("cli", "get", "gen-1")
    lacks("cli,report", "report", "costs.db")
    lacks("mcp", "mcp")
    with Ledger(folder / "costs.db") as ledger:
        said = ""
        try:
            ledger.rows()
        except ConfigurationError as error:
            said = str(error)
    assert "[arrow]" in said


def arrow(folder):
    with Ledger(folder / "costs.db") as ledger:
        assert ledger.rows().num_rows == 0


def cli(folder):
    assert told("--help")[0] == 0
    Ledger(folder / "costs.db").close()
    assert told("list", str(folder / "costs.db")) == (0, "")
    lacks("report", "export", str(folder / "costs.db"), "--to", str(folder / "costs.csv"))
    lacks("mcp", "mcp")


def fast(folder):
    from modelgates_client.transport.engines import async_engine
    from modelgates_client.transport.options import NetworkOptions, Server, Trust

    server = Server.from_url("http://127.0.0.1:1", "")
    assert "httptools" in type(async_engine(NetworkOptions(server, Trust()), 1)).__module__


def mcp(folder):
    from mcp import Client

    from modelgates_client.mcp.server import server_of

    Ledger(folder / "costs.db").close()
    server = server_of(AsyncModelGates(api_key="k"), str(folder / "costs.db"), ())

    async def ask():
        async with Client(server) as client:
            return await client.call_tool("report", {"by": ["model"]})

    assert asyncio.run(ask()).structured_content["total"]["records"] == 0


def otel(folder):
    from modelgates_client.telemetry import CaptureSpanProcessor, RecordMetrics

    RecordMetrics()(Generation.from_dict(RECORD))
    found = []
    span = type("Span", (), {"attributes": {"gen_ai.response.id": "gen-1"}})()
    CaptureSpanProcessor(to=found.append).on_end(span)
    assert found == ["gen-1"]


def report(folder):
    from modelgates_client.exports.source import open_rows

    Ledger(folder / "costs.db").close()
    with open_rows(str(folder / "costs.db")) as connection:
        assert connection.execute("SELECT count(*) FROM rows").fetchall() == [(0,)]


def testing(folder):
    from modelgates_client.testing import StubAPI

    with (
        StubAPI([RECORD]) as stub,
        ModelGates(api_key=stub.api_key, base_url=stub.base_url) as client,
    ):
        assert client.generations.get("gen-1").total_cost == 0.25


if __name__ == "__main__":
    extra = sys.argv[1]
    there = {name for name, module in MODULES.items() if find_spec(module) is not None}
    assert there == BRINGS.get(extra, {extra} & set(MODULES)), there
    uses = [arrow, fast, mcp, otel, report, testing] if extra == "all" else [globals()[extra]]
    for use in uses:
        with tempfile.TemporaryDirectory() as scratch:
            use(Path(scratch))
    print(f"{extra}: used")
