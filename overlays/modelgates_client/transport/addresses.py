"""Look up the addresses of a host; in a thread, as the system's look-up has no timeout."""

import contextlib
import queue
import socket
import threading
from collections.abc import Callable, Sequence
from typing import Any

#: An entry of the result of `getaddrinfo`: family, type, protocol, canonical name, address.
AddressInfo = tuple[int, int, int, str, Any]


def resolve(host: str, port: int, seconds: Callable[[], float]) -> Sequence[AddressInfo]:
    """Return the addresses of a host.

    Raises:
        TimeoutError: The look-up took longer than the seconds left.
        OSError: The host cannot be found.
    """
    numeric = _numeric(host, port)
    if numeric:
        return numeric
    results: queue.SimpleQueue[Sequence[AddressInfo] | OSError] = queue.SimpleQueue()
    _look_up(host, port, results.put)
    try:
        return _addresses_or_raise(host, results.get(timeout=seconds()))
    except queue.Empty:
        raise TimeoutError("the look-up took too long") from None


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
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Sequence[AddressInfo] | OSError] = loop.create_future()

    def set_result(result: Sequence[AddressInfo] | OSError) -> None:
        if not future.done():
            future.set_result(result)

    def notify(result: Sequence[AddressInfo] | OSError) -> None:
        with contextlib.suppress(RuntimeError):  # the event loop is closed: nothing waits any more
            loop.call_soon_threadsafe(set_result, result)

    _look_up(host, port, notify)
    return _addresses_or_raise(host, await future)


def _numeric(host: str, port: int) -> Sequence[AddressInfo]:
    """Return the address if the host is a numeric address; an empty list if it is a name."""
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (socket.gaierror, UnicodeError):
        return []


def _look_up(
    host: str, port: int, notify: Callable[[Sequence[AddressInfo] | OSError], object]
) -> None:
    def run() -> None:
        try:
            notify(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except OSError as error:
            notify(error)
        except UnicodeError:
            notify(OSError(0, "it is not a valid host name"))

    try:
        threading.Thread(target=run, name="modelgates-look-up", daemon=True).start()
    except RuntimeError:
        # No thread can be started: a limit is reached, the interpreter shuts down, or this is a
        # subinterpreter. Then the look-up runs here, bounded only by the system's own timeout.
        run()


def _addresses_or_raise(
    host: str, result: Sequence[AddressInfo] | OSError
) -> Sequence[AddressInfo]:
    if isinstance(result, OSError):
        raise OSError(f"{host} cannot be found: {result.strerror}")
    return result
