"""Attempts of an async engine without a client."""

import asyncio

import pytest

from modelgates_client.transport.credentials import Secret
from modelgates_client.transport.deadline import Deadline
from modelgates_client.transport.httpcore_async import HttpcoreAsyncEngine
from modelgates_client.transport.httptools_async import HttptoolsEngine
from modelgates_client.transport.messages import Request
from modelgates_client.transport.options import NetworkOptions, Server, Trust

from . import tls
from .servers import GUARD_S
from .wire import ID, KEY

LIMIT = 1 << 20
TARGET = "/api/v1/generation?id="
#: Runs a test with each async engine.
ENGINES = pytest.mark.parametrize(
    "kind", [HttpcoreAsyncEngine, HttptoolsEngine], ids=["httpcore", "fast"]
)


def options(port, *, secure=False):
    """Return the options for a loopback server."""
    url = f"https://localhost:{port}" if secure else f"http://127.0.0.1:{port}"
    return NetworkOptions(Server.from_url(url, ""), Trust(context=tls.trusting()))


async def attempt(engine, generation_id=ID, seconds=GUARD_S, **changes):
    """Make one attempt with an engine."""
    request = Request("GET", TARGET + generation_id)._replace(**changes)
    return await engine.send(request, Secret(KEY), Deadline.after(seconds), LIMIT)


def results(server, *ids, kind=HttptoolsEngine, secure=False, seconds=GUARD_S):
    """Return the results of successive attempts of one engine."""

    async def main():
        engine = kind(options(server.port, secure=secure))
        try:
            return [await attempt(engine, generation_id, seconds) for generation_id in ids]
        finally:
            await engine.close()

    return asyncio.run(main())
