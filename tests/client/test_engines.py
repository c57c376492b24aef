"""The engine of an `AsyncModelGates`, and its number of connections."""

import asyncio
import select

import httptools
import pytest

from modelgates_client import AsyncModelGates
from modelgates_client.transport import exchange
from modelgates_client.transport.credentials import Secret
from modelgates_client.transport.deadline import Deadline
from modelgates_client.transport.engines import async_engine
from modelgates_client.transport.httpcore_async import HttpcoreAsyncEngine
from modelgates_client.transport.httptools_async import HttptoolsEngine
from modelgates_client.transport.messages import Request

from .servers import GUARD_S, KEY, respond_when_all_arrived
from .subprocess_scripts import run

URL = "http://127.0.0.1:9"
ENGINES = {"httpcore": HttpcoreAsyncEngine, "httptools": HttptoolsEngine}


def engine_type(**options):
    """Return the type of a client's engine."""
    return type(AsyncModelGates(api_key=KEY, base_url=URL, **options)._engine)


def test_httptools_is_used_if_it_is_installed(engine):
    """Otherwise httpcore."""
    assert engine_type() is ENGINES[engine]


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        ("0.1.1", HttpcoreAsyncEngine),
        ("0.6.3", HttpcoreAsyncEngine),
        ("0.6", HttpcoreAsyncEngine),
        ("0.6.4", HttptoolsEngine),
        ("0.7", HttptoolsEngine),
        ("0.10.0", HttptoolsEngine),
        ("1.0.0rc1", HttptoolsEngine),
    ],
)
def test_a_lenient_version_of_httptools_is_not_used(version, kind, monkeypatch):
    """Another package may have installed it."""
    monkeypatch.setattr(httptools, "__version__", version)
    assert engine_type() is kind


def test_httpcore_is_used_without_poll(monkeypatch):
    """The httptools engine could not detect unread data in a socket."""
    monkeypatch.delattr(select, "poll")
    assert engine_type() is HttpcoreAsyncEngine


@pytest.mark.filterwarnings("ignore:the API key goes to the proxy:UserWarning")
def test_httpcore_is_used_with_a_proxy(monkeypatch):
    """With one from an argument or from the environment."""
    assert engine_type(proxy=URL) is HttpcoreAsyncEngine
    monkeypatch.setenv("HTTPS_PROXY", URL)
    client = AsyncModelGates(api_key=KEY, base_url="https://api.example")
    assert type(client._engine) is HttpcoreAsyncEngine


LOADED = """
import sys
from modelgates_client import AsyncModelGates
print("httptools" in sys.modules)
AsyncModelGates()
print("httptools" in sys.modules)
"""


def test_httptools_is_not_imported_before_a_client_is_created():
    """Nor if no client is created."""
    assert run(LOADED) == ["False", "True"]


# --- how many connections


def open_connections_after(client, max_connections, calls):
    """Make concurrent calls with a connection limit; return the number of open connections."""

    async def main(server):
        engine = async_engine(client._settings.network, max_connections)

        async def call(number):
            request = Request("GET", f"/api/v1/generation?id=gen-{number}")
            deadline = Deadline.after(GUARD_S)
            return (await engine.send(request, Secret(KEY), deadline, 1 << 20)).status

        first = await asyncio.gather(*map(call, range(calls)))
        connections = server.connections
        assert {*first} == {200}
        idle = len(engine._loops[asyncio.get_running_loop()].idle)
        assert {*await asyncio.gather(*map(call, range(idle)))} == {200}
        again = server.connections - connections
        await engine.close()
        return connections, idle, again

    return main


@pytest.mark.parametrize(("max_connections", "calls"), [(3, 12), (40, 60)])
def test_an_engine_keeps_up_to_its_limit_of_connections(server, engine, max_connections, calls):
    """All of them while idle; further calls wait for a connection."""
    server.respond_with(respond_when_all_arrived(max_connections))
    client = AsyncModelGates(api_key=KEY, base_url=server.base_url)
    assert asyncio.run(open_connections_after(client, max_connections, calls)(server)) == (
        max_connections,
        max_connections,
        0,
    )
    assert server.all_connections_closed()


def test_a_client_keeps_few_connections(server, engine):
    """Also after many concurrent calls."""
    calls = exchange.MAX_IDLE + 30
    server.respond_with(respond_when_all_arrived(calls))
    client = AsyncModelGates(api_key=KEY, base_url=server.base_url)
    connections, idle, _ = asyncio.run(open_connections_after(client, None, calls)(server))
    assert (connections, idle) == (calls, exchange.MAX_IDLE)
