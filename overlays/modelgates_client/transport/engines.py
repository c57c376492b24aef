"""The engines that there are, what they all can, and which of them suits."""

import select
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol

from modelgates_client.transport.credentials import Secret
from modelgates_client.transport.deadline import Deadline
from modelgates_client.transport.messages import AttemptResult, Request
from modelgates_client.transport.options import NetworkOptions

#: Of httptools: those before take a space before a header's colon for a part of its name, and
#: bytes behind a 304 for its body, by which one may slip another's answer in.
_FIRST_STRICT: Final = (0, 6, 4)


class Engine(Protocol):
    """Sends requests to one server, blocking."""

    def send(
        self, request: Request, secret: Secret, deadline: Deadline, limit: int
    ) -> AttemptResult:
        """Make one attempt, over at the deadline, with so many bytes of a body at most."""
        ...

    def check(self) -> None:
        """Raise a `ModelGatesError` if it can no longer send."""
        ...

    def reset(self) -> None:
        """Close the idle connections, if they are its own."""
        ...

    def close(self) -> None:
        """Close its own connections, and send no more."""
        ...


class AttemptSender(Protocol):
    """Sends requests to one server, awaited."""

    async def send(
        self, request: Request, secret: Secret, deadline: Deadline, limit: int
    ) -> AttemptResult:
        """Make one attempt, over at the deadline, with so many bytes of a body at most."""
        ...

    async def reset(self) -> None:
        """Close the idle connections, if they are its own."""
        ...

    async def close(self) -> None:
        """Close its own connections, and send no more."""
        ...


class AsyncEngine(AttemptSender, Protocol):
    """What a client that is awaited sends by."""

    def check(self) -> None:
        """Raise a `ModelGatesError` if it can no longer send."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait, on the event loop that it sends on."""
        ...

    def within(self, seconds: float) -> AbstractAsyncContextManager[object]:
        """Return what raises a `TimeoutError` after some seconds, on that event loop."""
        ...


def sync_engine(options: NetworkOptions) -> Engine:
    """Return the engine that blocks: over httpcore, or the caller's client."""
    if options.http_client is not None:
        from modelgates_client.transport.httpx_engine import HttpxEngine  # noqa: PLC0415 - it costs

        return HttpxEngine(options.http_client, options.server)
    from modelgates_client.transport.httpcore_sync import HttpcoreEngine  # noqa: PLC0415 - it costs

    return HttpcoreEngine(options)


def async_engine(options: NetworkOptions, connections: int | None = None) -> AsyncEngine:
    """Return the engine that is awaited; all promise the same, but for a client of the caller's.

    That over httptools (extra `fast`) is several times as fast. It knows no proxies.

    Args:
        options: Where to connect to, and how.
        connections: The most connections at one time, see `PooledAsyncEngine`.
    """
    if options.http_client is not None:
        from modelgates_client.transport.httpx_engine import AsyncHttpxEngine  # noqa: PLC0415

        return AsyncHttpxEngine(options.http_client, options.server)
    if options.proxy is None and _has_httptools():
        from modelgates_client.transport.httptools_async import HttptoolsEngine  # noqa: PLC0415 - an extra

        return HttptoolsEngine(options, connections)
    from modelgates_client.transport.httpcore_async import HttpcoreAsyncEngine  # noqa: PLC0415 - it costs

    return HttpcoreAsyncEngine(options, connections)


def _has_httptools() -> bool:
    """Whether there is a version that can be used, and `poll`, which it is used with."""
    if not hasattr(select, "poll"):  # Windows
        return False
    try:
        from httptools import __version__  # noqa: PLC0415 - an extra
    except ImportError:  # there is none, or one that was built for something else
        return False
    numbers = [int(part) for part in __version__.split(".")[:3] if part.isdecimal()]
    return tuple(numbers) >= _FIRST_STRICT
