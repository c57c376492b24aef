"""A TCP connection to whichever address answers first; nothing stays open when it is cancelled.

The race that asyncio has (`happy_eyeballs_delay`) loses the socket that won when it is cancelled
before it has told of it, and uvloop has none.
"""

import asyncio
import socket
from collections.abc import Sequence
from itertools import chain, zip_longest
from typing import Any, Final

_EAGER_S: Final = 0.25  # seconds until the next address is tried as well (RFC 8305, section 8)

#: What `getaddrinfo` finds: family, type, protocol, canonical name, address.
_Found = tuple[int, int, int, str, Any]


async def dial(host: str, port: int) -> socket.socket:
    """Return a connected socket, which does not block.

    Raises:
        OSError: The host cannot be found, or none of its addresses can be connected to.
        UnicodeError: It is no name of a host.
    """
    try:
        flags = socket.AI_NUMERICHOST
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    except socket.gaierror:  # it is a name, which a thread looks up
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    if len(found) == 1:
        return await _connect(found[0])
    return await _race(_by_turns(found))


def _by_turns(found: Sequence[_Found]) -> list[_Found]:
    """Let IPv6 and IPv4 take turns, whichever is the first (RFC 8305, section 4)."""
    first = [one for one in found if one[0] == found[0][0]]
    others = [one for one in found if one[0] != found[0][0]]
    return [one for one in chain.from_iterable(zip_longest(first, others)) if one is not None]


async def _connect(found: _Found) -> socket.socket:
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


async def _race(waiting: list[_Found]) -> socket.socket:
    attempts: set[asyncio.Task[socket.socket]] = set()
    errors: list[BaseException] = []
    try:
        while waiting or attempts:
            if waiting:
                attempts.add(asyncio.create_task(_connect(waiting.pop(0))))
            done, attempts = await asyncio.wait(
                attempts,
                timeout=_EAGER_S if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for attempt in done:
                error = attempt.exception()
                if error is None:
                    _drop(attempts | done - {attempt})
                    return attempt.result()
                errors.append(error)
    except BaseException:
        _drop(attempts)
        await asyncio.wait(attempts)
        raise
    raise errors[0]


def _drop(attempts: set[asyncio.Task[socket.socket]]) -> None:
    """Cancel attempts, and close what they come to all the same."""
    for attempt in attempts:
        attempt.cancel()
        attempt.add_done_callback(_close)


def _close(attempt: asyncio.Task[socket.socket]) -> None:
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()
