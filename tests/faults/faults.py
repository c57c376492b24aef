"""The declaration of a fault: the server's steps, and the allowed outcomes of the call."""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from .servers import Peer, Request, Script
from .wire import body, response

#: An allowed outcome: the right record.
VALUE = object()


class Act(Enum):
    """A step of a script without data."""

    CLOSE = auto()
    RESET = auto()
    STALL = auto()
    FINISH = auto()
    NOTIFY = auto()


CLOSE, RESET, STALL, FINISH, NOTIFY = Act


@dataclass(frozen=True)
class Drip:
    """Bytes sent in small pieces."""

    data: bytes
    every_s: float = 0.1
    size: int = 1


@dataclass(frozen=True)
class Endless:
    """Bytes sent repeatedly until the client disconnects."""

    data: bytes
    every_s: float = 0.0
    limit: int = 256 << 20  # bytes; a bound for clients that never disconnect


@dataclass(frozen=True)
class BeneathTls:
    """Bytes sent below the TLS layer, unencrypted."""

    data: bytes


#: Bytes to send, seconds to pause, an instance of a class above, or a function that returns bytes.
Step = bytes | float | Act | Drip | Endless | BeneathTls | Callable[[Request, Peer], bytes]


@dataclass(frozen=True)
class Fault:
    """One misbehaviour of a server, and the allowed outcomes of a call.

    Attributes:
        kind: The class of the fault, a row of the table in README.md.
        id: A unique name.
        serve: The script that serves a connection.
        allowed: The allowed outcomes: `VALUE`, or exact classes of errors.
        attempts: The required number of attempts, with one retry allowed; None for any.
        allowed_after: The allowed outcomes of the same client's next call, after the fault.
        connections: The required number of connections to the server; None for any.
        error_attributes: Attributes that an error must have.
        record_attributes: Attributes that a record must have; `FieldError` if reading must raise.
        options: Additional arguments of the client.
        timeout_s: The client's timeout, in seconds.
        awaits_server: Whether the next call starts only after the server has taken all its steps.
        scheme: How the server is addressed: `http`, `https`, or `proxy` for a proxy to `https`.
        context: Returns the server's TLS context; None without TLS.
        listening: False for a port without a listener.
        accepting: False for a server that never accepts.
    """

    kind: str
    id: str
    serve: Script
    allowed: tuple[Any, ...]
    attempts: int | None = None
    allowed_after: tuple[Any, ...] = (VALUE,)
    connections: int | None = None
    error_attributes: Mapping[str, Any] = field(default_factory=dict)
    record_attributes: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    timeout_s: float = 20.0
    awaits_server: bool = False
    scheme: str = "http"
    context: Callable[[], ssl.SSLContext] | None = None
    listening: bool = True
    accepting: bool = True


def good(request: Request, _: Peer) -> bytes:
    """Respond normally, with the requested record."""
    return response(body(request.id))


def elsewhere(status: str) -> Callable[[Request, Peer], bytes]:
    """Redirect to a server that must never be contacted."""

    def redirect(_: Request, peer: Peer) -> bytes:
        return response(b"", status, f"Location: {peer.server.elsewhere}/generation")

    return redirect


def play(*steps: Step, times: int | None = None) -> Script:
    """Take these steps after each request, or only after the first few; then respond normally."""

    def script(peer: Peer) -> None:
        while (request := peer.request()) is not None:
            is_over = peer.server.healed.is_set() or times == len(peer.server.requests) - 1
            take(peer, request, (good,) if is_over else steps)

    return script


def tunnel(context: Callable[[], ssl.SSLContext]) -> Script:
    """Act as a proxy and as the server behind it."""
    serve_normally = play(good)

    def script(peer: Peer) -> None:
        if peer.request() is not None:
            peer.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
            peer.secure(context())
            serve_normally(peer)

    return script


def connect(*steps: Step) -> Script:
    """Take these steps as soon as the connection is open, without reading a request."""

    def script(peer: Peer) -> None:
        take(peer, Request(b"GET / HTTP/1.1"), steps)

    return script


def sequence(*requests: tuple[Step, ...]) -> Script:
    """Take these steps after the first, second, … request of the first connection.

    Other connections are served normally, so the right response is available there.
    """
    serve_normally = play(good)

    def script(peer: Peer) -> None:
        if peer.number > 1:
            serve_normally(peer)
            return
        for steps in requests:
            if (request := peer.request()) is None:
                return
            take(peer, request, steps)
        peer.stall()

    return script


def take(peer: Peer, request: Request, steps: tuple[Step, ...]) -> None:
    """Take some steps."""
    for step in steps:
        match step:
            case bytes():
                peer.send(step)
            case float():
                peer.pause(step)
            case Act():
                act(peer, step)
            case Drip():
                for at in range(0, len(step.data), step.size):
                    peer.send(step.data[at : at + step.size])
                    peer.pause(step.every_s)
            case Endless():
                for _ in range(step.limit // len(step.data)):
                    peer.send(step.data)
                    peer.pause(step.every_s)
            case BeneathTls():
                peer.send_beneath_tls(step.data)
            case _:
                peer.send(step(request, peer))


def act(peer: Peer, step: Act) -> None:
    """Take a step without data; closing ends the script, as if the client had disconnected."""
    match step:
        case Act.STALL:
            peer.stall()
        case Act.FINISH:
            peer.finish()
        case Act.NOTIFY:
            peer.notify()
        case Act.RESET:
            peer.reset()
            raise ConnectionResetError
        case Act.CLOSE:
            raise ConnectionAbortedError
