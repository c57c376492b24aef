"""The clients that faults are tested with, each by its name: a flavour."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx

from modelgates_client import AsyncModelGates, ModelGates

from .wire import KEY

#: Clients with their own engine; `AsyncModelGates` over httpcore (`async`) and httptools (`fast`).
OWN_FLAVOURS = ("sync", "async", "fast")
#: Both clients with an `http_client`.
BORROWED_FLAVOURS = ("httpx", "httpx-async")
#: All clients; the fixture `flavour` selects the engine.
FLAVOURS = (*OWN_FLAVOURS, *BORROWED_FLAVOURS)
#: The sync clients.
SYNC_FLAVOURS = ("sync", "httpx")
#: The async clients.
ASYNC_FLAVOURS = ("async", "fast", "httpx-async")


@contextmanager
def sync_client(flavour: str, **arguments: Any) -> Iterator[ModelGates]:
    """Open a sync client."""
    if flavour != "httpx":
        with ModelGates(api_key=KEY, **arguments) as client:
            yield client
        return
    with (
        httpx.Client(**_pop_httpx_arguments(arguments)) as http_client,
        ModelGates(api_key=KEY, http_client=http_client, **arguments) as client,
    ):
        yield client


@asynccontextmanager
async def async_client(flavour: str, **arguments: Any) -> AsyncIterator[AsyncModelGates]:
    """Open an async client."""
    if flavour != "httpx-async":
        async with AsyncModelGates(api_key=KEY, **arguments) as client:
            yield client
        return
    async with (
        httpx.AsyncClient(**_pop_httpx_arguments(arguments)) as http_client,
        AsyncModelGates(api_key=KEY, http_client=http_client, **arguments) as client,
    ):
        yield client


def _pop_httpx_arguments(arguments: dict[str, Any]) -> dict[str, Any]:
    """Move arguments to the httpx client; system certificates are not loaded, as that is slow."""
    arguments.pop("trust_env", None)
    return {
        "verify": arguments.pop("ssl_context", False),
        "proxy": arguments.pop("proxy", None),
        "trust_env": False,
    }
