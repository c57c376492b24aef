"""A TCP connection to whichever address answers first; nothing stays open when it is cancelled.

The race built into asyncio (`happy_eyeballs_delay`) leaks the winning socket when it is cancelled
before it returns, and uvloop has no such race.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, TypeVar

from modelgates_client.transport.addresses import AddressInfo, resolve_async

T = TypeVar("T")

_ATTEMPT_DELAY_S: Final = 0.25  # until the next address is tried as well (RFC 8305, section 8)


async def open_socket(host: str, port: int) -> socket.socket:
    """Return a connected, non-blocking socket.

    Raises:
        OSError: The host cannot be found, or no connection to any of its addresses succeeds.
    """
    return await first_of(await resolve_async(host, port), _connect, socket.socket.close)


async def first_of(
    addresses: Sequence[AddressInfo],
    connect: Callable[[AddressInfo], Awaitable[T]],
    close: Callable[[T], object],
) -> T:
    """Return a connection to whichever address answers first.

    Raises:
        Exception: All attempts failed; this is the error of the first one.
    """
    if len(addresses) == 1:
        return await connect(addresses[0])
    return await _race([*addresses], connect, close)


async def _connect(info: AddressInfo) -> socket.socket:
    family, kind, protocol, _, address = info
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
                timeout=_ATTEMPT_DELAY_S if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for attempt in done:
                error = attempt.exception()
                if error is None:
                    _cancel(attempts | done - {attempt}, close)
                    return attempt.result()
                errors.append(error)
    except BaseException:
        _cancel(attempts, close)
        await asyncio.wait(attempts)
        raise
    raise errors[0]


def _cancel(attempts: set[asyncio.Future[T]], close: Callable[[T], object]) -> None:
    """Cancel attempts, and close the connections of those that still succeed."""
    for attempt in attempts:
        attempt.cancel()
        attempt.add_done_callback(partial(_close, close))


def _close(close: Callable[[T], object], attempt: asyncio.Future[T]) -> None:
    if not attempt.cancelled() and attempt.exception() is None:
        close(attempt.result())
