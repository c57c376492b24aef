"""The engine interfaces, and the choice of an engine."""

import select
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol

from modelgates_client.transport.credentials import Secret
from modelgates_client.transport.deadline import Deadline
from modelgates_client.transport.messages import AttemptResult, Request
from modelgates_client.transport.options import NetworkOptions

#: The first safe version of httptools. Earlier ones accept a space before a header's colon as part
#: of the name, and bytes after a 304 as its body, which allows response smuggling.
_FIRST_STRICT: Final = (0, 6, 4)


class Engine(Protocol):
    """Sends requests to one server, synchronously."""

    def send(
        self, request: Request, secret: Secret, deadline: Deadline, limit: int
    ) -> AttemptResult:
        """Make one attempt that ends at the deadline; the body has `limit` bytes at most."""
        ...

    def check(self) -> None:
        """Raise a `ModelGatesError` if the engine can no longer send."""
        ...

    def reset(self) -> None:
        """Close the idle connections that the engine owns."""
        ...

    def close(self) -> None:
        """Close the connections that the engine owns, and stop sending."""
        ...


class AttemptSender(Protocol):
    """Sends requests to one server, asynchronously."""

    async def send(
        self, request: Request, secret: Secret, deadline: Deadline, limit: int
    ) -> AttemptResult:
        """Make one attempt that ends at the deadline; the body has `limit` bytes at most."""
        ...

    async def reset(self) -> None:
        """Close the idle connections that the engine owns."""
        ...

    async def close(self) -> None:
        """Close the connections that the engine owns, and stop sending."""
        ...


class AsyncEngine(AttemptSender, Protocol):
    """The engine of an async client."""

    def check(self) -> None:
        """Raise a `ModelGatesError` if the engine can no longer send."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for some seconds on the engine's event loop."""
        ...

    def within(self, seconds: float) -> AbstractAsyncContextManager[object]:
        """Return a context manager that raises a `TimeoutError` after some seconds."""
        ...


def sync_engine(options: NetworkOptions) -> Engine:
    """Return the sync engine: over httpcore, or over the caller's client."""
    if options.http_client is not None:
        from modelgates_client.transport.httpx_engine import HttpxEngine  # noqa: PLC0415 - slow to import

        return HttpxEngine(options.http_client, options.server)
    from modelgates_client.transport.httpcore_sync import HttpcoreEngine  # noqa: PLC0415 - slow to import

    return HttpcoreEngine(options)


def async_engine(options: NetworkOptions, connections: int | None = None) -> AsyncEngine:
    """Return the async engine: over httptools, httpcore, or the caller's client.

    The first two make the same promises. The one over httptools (extra `fast`) is several times as
    fast, but does not support proxies.

    Args:
        options: Where and how to connect.
        connections: The maximum number of connections, see `PooledAsyncEngine`.
    """
    if options.http_client is not None:
        from modelgates_client.transport.httpx_engine import AsyncHttpxEngine  # noqa: PLC0415

        return AsyncHttpxEngine(options.http_client, options.server)
    if options.proxy is None and _has_httptools():
        from modelgates_client.transport.httptools_async import HttptoolsEngine  # noqa: PLC0415 - an extra

        return HttptoolsEngine(options, connections)
    from modelgates_client.transport.httpcore_async import HttpcoreAsyncEngine  # noqa: PLC0415 - slow to import

    return HttpcoreAsyncEngine(options, connections)


def _has_httptools() -> bool:
    """Whether a safe version of httptools, and `select.poll`, are available."""
    if not hasattr(select, "poll"):  # Windows
        return False
    try:
        from httptools import __version__  # noqa: PLC0415 - an extra
    except ImportError:  # not installed, or built for another platform
        return False
    numbers = [int(part) for part in __version__.split(".")[:3] if part.isdecimal()]
    return tuple(numbers) >= _FIRST_STRICT
