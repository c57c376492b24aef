"""Which engine an `AsyncModelGates` has, and how many connections."""

import asyncio
import select

import httptools
import pytest

from modelgates_client import AsyncModelGates
from modelgates_client.transport.credentials import Secret
from modelgates_client.transport.deadline import Deadline
from modelgates_client.transport.engines import async_engine
from modelgates_client.transport.httpcore_async import HttpcoreAsyncEngine
from modelgates_client.transport.httptools_async import HttptoolsEngine
from modelgates_client.transport.messages import Request

from .servers import GUARD_S, KEY, together
from .subprocess_scripts import run

URL = "http://127.0.0.1:9"
ENGINES = {"httpcore": HttpcoreAsyncEngine, "httptools": HttptoolsEngine}


def engine_of(**options):
    """Return the type of a client's engine."""
    return type(AsyncModelGates(api_key=KEY, base_url=URL, **options)._engine)


def test_httptools_is_used_where_it_is_installed(engine):
    """Else httpcore."""
    assert engine_of() is ENGINES[engine]


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
def test_a_version_that_is_too_lenient_is_not_used(version, kind, monkeypatch):
    """Other packages may have brought one."""
    monkeypatch.setattr(httptools, "__version__", version)
    assert engine_of() is kind


def test_a_system_without_poll_has_the_engine_over_httpcore(monkeypatch):
    """The other could not tell whether there is something in a socket."""
    monkeypatch.delattr(select, "poll")
    assert engine_of() is HttpcoreAsyncEngine


@pytest.mark.filterwarnings("ignore:the API key goes to the proxy:UserWarning")
def test_a_proxy_is_connected_through_by_httpcore(monkeypatch):
    """One that is given, or one of the environment."""
    assert engine_of(proxy=URL) is HttpcoreAsyncEngine
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


def test_httptools_is_not_loaded_before_a_client_is_made():
    """Nor where there is none to be made."""
    assert run(LOADED) == ["False", "True"]


# --- how many connections


def many(client, most, calls):
    """Make calls at once, by an engine with so many connections; return what is open then."""

    async def main(server):
        engine = async_engine(client._settings.network, most)

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


@pytest.mark.parametrize(("most", "calls"), [(3, 12), (40, 60)])
def test_an_engine_keeps_as_many_connections_as_it_was_told(server, engine, most, calls):
    """All of them, when they are idle; further calls wait for their turn."""
    server.answers(together(most))
    client = AsyncModelGates(api_key=KEY, base_url=server.base_url)
    assert asyncio.run(many(client, most, calls)(server)) == (most, most, 0)
    assert server.is_left()


def test_a_client_keeps_few_connections(server, engine):
    """After many calls at once, too."""
    server.answers(together(50))
    client = AsyncModelGates(api_key=KEY, base_url=server.base_url)
    connections, idle, _ = asyncio.run(many(client, None, 50)(server))
    assert (connections, idle) == (50, 20)
