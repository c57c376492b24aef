"""The clients that faults are tried on: each by its name, a flavour."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx

from modelgates_client import AsyncModelGates, ModelGates

from .wire import KEY

#: Over engines of their own: `ModelGates`, and `AsyncModelGates` over httpcore and over httptools.
OWN = ("sync", "async", "fast")
#: Both over a client of httpx that they are given.
GIVEN = ("given", "given-async")
#: All clients; the fixture `flavour` sees to the engine.
FLAVOURS = (*OWN, *GIVEN)
#: Those that block.
BLOCKING = ("sync", "given")
#: Those that are awaited.
AWAITED = ("async", "fast", "given-async")


@contextmanager
def opened(flavour: str, **arguments: Any) -> Iterator[ModelGates]:
    """Make a client that blocks."""
    if flavour != "given":
        with ModelGates(api_key=KEY, **arguments) as client:
            yield client
        return
    with (
        httpx.Client(**_of_httpx(arguments)) as given,
        ModelGates(api_key=KEY, http_client=given, **arguments) as client,
    ):
        yield client


@asynccontextmanager
async def opened_awaited(flavour: str, **arguments: Any) -> AsyncIterator[AsyncModelGates]:
    """Make a client that is awaited."""
    if flavour != "given-async":
        async with AsyncModelGates(api_key=KEY, **arguments) as client:
            yield client
        return
    async with (
        httpx.AsyncClient(**_of_httpx(arguments)) as given,
        AsyncModelGates(api_key=KEY, http_client=given, **arguments) as client,
    ):
        yield client


def _of_httpx(arguments: dict[str, Any]) -> dict[str, Any]:
    """Take out what a client of httpx is told instead; certificates cost, so none are loaded."""
    arguments.pop("trust_env", None)
    return {
        "verify": arguments.pop("ssl_context", False),
        "proxy": arguments.pop("proxy", None),
        "trust_env": False,
    }
