"""A TCP connection to whichever address answers first; nothing stays open when it is cancelled.

The race that asyncio has (`happy_eyeballs_delay`) loses the socket that won when it is cancelled
before it has told of it, and uvloop has none.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from itertools import chain, zip_longest
from typing import Final, TypeVar

from modelgates_client.transport.addresses import AddressInfo, resolve_async

T = TypeVar("T")

_EAGER_S: Final = 0.25  # seconds until the next address is tried as well (RFC 8305, section 8)


async def open_socket(host: str, port: int) -> socket.socket:
    """Return a connected socket, which does not block.

    Raises:
        OSError: The host cannot be found, or none of its addresses can be connected to.
    """
    return await first_of(await resolve_async(host, port), _connect, socket.socket.close)


async def first_of(
    found: Sequence[AddressInfo],
    connect: Callable[[AddressInfo], Awaitable[T]],
    close: Callable[[T], object],
) -> T:
    """Return a connection to whichever address answers first.

    Raises:
        Exception: What the first attempt raised, if all failed.
    """
    if len(found) == 1:
        return await connect(found[0])
    return await _race(_interleave_families(found), connect, close)


def _interleave_families(found: Sequence[AddressInfo]) -> list[AddressInfo]:
    """Let IPv6 and IPv4 take turns, whichever is the first (RFC 8305, section 4)."""
    first = [one for one in found if one[0] == found[0][0]]
    others = [one for one in found if one[0] != found[0][0]]
    return [one for one in chain.from_iterable(zip_longest(first, others)) if one is not None]


async def _connect(found: AddressInfo) -> socket.socket:
    family, kind, protocol, _, address = found
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)  # noqa: FBT003 - the standard library's
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock


async def _race(
    waiting: list[AddressInfo],
    connect: Callable[[AddressInfo], Awaitable[T]],
    close: Callable[[T], object],
) -> T:
    attempts: set[asyncio.Future[T]] = set()
    errors: list[BaseException] = []
    try:
        while waiting or attempts:
            if waiting:
                attempts.add(asyncio.ensure_future(connect(waiting.pop(0))))
            done, attempts = await asyncio.wait(
                attempts,
                timeout=_EAGER_S if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for attempt in done:
                error = attempt.exception()
                if error is None:
                    _drop(attempts | done - {attempt}, close)
                    return attempt.result()
                errors.append(error)
    except BaseException:
        _drop(attempts, close)
        await asyncio.wait(attempts)
        raise
    raise errors[0]


def _drop(attempts: set[asyncio.Future[T]], close: Callable[[T], object]) -> None:
    """Cancel attempts, and close what they come to all the same."""
    for attempt in attempts:
        attempt.cancel()
        attempt.add_done_callback(partial(_close, close))


def _close(close: Callable[[T], object], attempt: asyncio.Future[T]) -> None:
    if not attempt.cancelled() and attempt.exception() is None:
        close(attempt.result())
