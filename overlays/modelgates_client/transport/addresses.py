"""Look up the addresses of a host; in a thread, as the system's look-up has no timeout."""

import contextlib
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from itertools import chain, zip_longest
from typing import Any

#: An entry of the result of `getaddrinfo`: family, type, protocol, canonical name, address.
AddressInfo = tuple[int, int, int, str, Any]


def resolve(host: str, port: int, seconds: Callable[[], float]) -> Sequence[AddressInfo]:
    """Return the addresses of a host.

    Raises:
        TimeoutError: The look-up took longer than the seconds left.
        OSError: The host cannot be found.
    """
    return _numeric(host, port) or _look_up(host, port).result(seconds())


async def resolve_async(host: str, port: int) -> Sequence[AddressInfo]:
    """Return the addresses of a host.

    The thread does not belong to the event loop's executor: the loop and the interpreter would
    wait for it at shutdown.

    Raises:
        OSError: The host cannot be found.
    """
    import asyncio  # noqa: PLC0415 - slow to import, and sync calls do not need it

    numeric = _numeric(host, port)
    if numeric:
        return numeric
    loop, is_done = asyncio.get_running_loop(), asyncio.Event()

    def notify(_: object) -> None:
        with contextlib.suppress(RuntimeError):  # the event loop is closed: nothing waits any more
            loop.call_soon_threadsafe(is_done.set)

    addresses = _look_up(host, port)
    addresses.add_done_callback(notify)
    await is_done.wait()
    return addresses.result()


def _numeric(host: str, port: int) -> Sequence[AddressInfo]:
    """Return the address if the host is a numeric address; an empty list if it is a name."""
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (socket.gaierror, UnicodeError):
        return []


def _look_up(host: str, port: int) -> Future[Sequence[AddressInfo]]:
    """Start to look up a host; the future has its addresses, or an `OSError`."""
    future: Future[Sequence[AddressInfo]] = Future()

    def run() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            future.set_result(_interleave_families(found))
        except OSError as error:
            future.set_exception(OSError(f"{host} cannot be found: {error.strerror}"))
        except UnicodeError:
            future.set_exception(OSError(f"{host} cannot be found: it is not a valid host name"))

    try:
        threading.Thread(target=run, name="modelgates-look-up", daemon=True).start()
    except RuntimeError:
        # No thread can be started: a limit is reached, the interpreter shuts down, or this is a
        # subinterpreter. Then the look-up runs here, bounded only by the system's own timeout.
        run()
    return future


def _interleave_families(addresses: Sequence[AddressInfo]) -> list[AddressInfo]:
    """Alternate IPv6 and IPv4, starting with the first family (RFC 8305, section 4)."""
    first = [info for info in addresses if info[0] == addresses[0][0]]
    second = [info for info in addresses if info[0] != addresses[0][0]]
    pairs = zip_longest(first, second)
    return [info for info in chain.from_iterable(pairs) if info is not None]
