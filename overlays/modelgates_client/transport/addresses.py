"""The addresses of a host: the system's look-up knows no deadline, so a thread waits for it."""

import contextlib
import queue
import socket
import threading
from collections.abc import Callable, Sequence
from typing import Any

#: What `getaddrinfo` finds: family, type, protocol, canonical name, address.
AddressInfo = tuple[int, int, int, str, Any]


def resolve(host: str, port: int, seconds: Callable[[], float]) -> Sequence[AddressInfo]:
    """Return the addresses of a host.

    Raises:
        TimeoutError: They are not known within the seconds left.
        OSError: It cannot be found.
    """
    numeric = _numeric(host, port)
    if numeric:
        return numeric
    answers: queue.SimpleQueue[Sequence[AddressInfo] | OSError] = queue.SimpleQueue()
    _ask(host, port, answers.put)
    try:
        return _known(host, answers.get(timeout=seconds()))
    except queue.Empty:
        raise TimeoutError("the look-up took too long") from None


async def resolve_async(host: str, port: int) -> Sequence[AddressInfo]:
    """Return the addresses of a host.

    That thread is none of the event loop's own, for which both the loop and the program would wait
    when they end.

    Raises:
        OSError: It cannot be found.
    """
    import asyncio  # noqa: PLC0415 - it costs, and blocking calls do without

    numeric = _numeric(host, port)
    if numeric:
        return numeric
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Sequence[AddressInfo] | OSError] = loop.create_future()

    def settle(found: Sequence[AddressInfo] | OSError) -> None:
        if not answer.done():
            answer.set_result(found)

    def tell(found: Sequence[AddressInfo] | OSError) -> None:
        with contextlib.suppress(RuntimeError):  # the event loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, found)

    _ask(host, port, tell)
    return _known(host, await answer)


def _numeric(host: str, port: int) -> Sequence[AddressInfo]:
    """Return the address that a host's name is; nothing if it is a name."""
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (socket.gaierror, UnicodeError):
        return []


def _ask(host: str, port: int, tell: Callable[[Sequence[AddressInfo] | OSError], object]) -> None:
    def ask() -> None:
        try:
            tell(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except OSError as error:
            tell(error)
        except UnicodeError:
            tell(OSError(0, "it is no name of a host"))

    try:
        threading.Thread(target=ask, name="modelgates-look-up", daemon=True).start()
    except RuntimeError:
        # A limit is reached, or the program ends, or this is a subinterpreter. What remains is to
        # wait here, as long as the system's own limit allows.
        ask()


def _known(host: str, answer: Sequence[AddressInfo] | OSError) -> Sequence[AddressInfo]:
    if isinstance(answer, OSError):
        raise OSError(f"{host} cannot be found: {answer.strerror}")
    return answer
