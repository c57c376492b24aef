"""What a fault is: what a server does, and what must come out; and the words to say it with."""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from .servers import Peer, Request, Script
from .wire import body, response

#: Among what may come out: the right record.
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
    """Bytes sent again and again, until the client goes."""

    data: bytes
    every_s: float = 0.0
    limit: int = 256 << 20  # bytes; a bound for clients that never go


@dataclass(frozen=True)
class BeneathTls:
    """Bytes sent past the TLS layer."""

    data: bytes


#: Bytes to send, seconds to pause, or what the classes above say; a function makes bytes.
Step = bytes | float | Act | Drip | Endless | BeneathTls | Callable[[Request, Peer], bytes]


@dataclass(frozen=True)
class Fault:
    """One way to misbehave, and what a client must make of it.

    Attributes:
        kind: The class of the fault, a row of the table in README.md.
        id: A name, unique among all.
        serve: What the server does with a connection.
        gives: What may come out: `VALUE`, or classes of errors, exactly these.
        attempts: How many attempts there must be, with one retry allowed; None where the
            deadline or a matter of taste decides.
        then: What may come out of a call after the fault is over, by the same client.
        connections: How many connections the server must have seen at the end, if it matters.
        says: Attributes that an error must have.
        reads: Attributes that a record must have; a class of errors where reading must raise it.
        options: The client's arguments besides.
        timeout_s: The client's time-out, in seconds.
        rests: Whether the server has done all that it does before there is the next call.
        scheme: How the server is addressed: `http`, `https`, or `proxy` for a proxy to `https`.
        context: Makes the server's TLS context, if it speaks TLS.
        listening: False for a port where nobody listens.
        accepting: False for a server that never accepts.
    """

    kind: str
    id: str
    serve: Script
    gives: tuple[Any, ...]
    attempts: int | None = None
    then: tuple[Any, ...] = (VALUE,)
    connections: int | None = None
    says: Mapping[str, Any] = field(default_factory=dict)
    reads: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    timeout_s: float = 20.0
    rests: bool = False
    scheme: str = "http"
    context: Callable[[], ssl.SSLContext] | None = None
    listening: bool = True
    accepting: bool = True


def good(request: Request, _: Peer) -> bytes:
    """Answer as one should: with the record that is asked for."""
    return response(body(request.id))


def elsewhere(status: str) -> Callable[[Request, Peer], bytes]:
    """Point to a server that must never be asked."""

    def answer(_: Request, peer: Peer) -> bytes:
        return response(b"", status, f"Location: {peer.server.elsewhere}/generation")

    return answer


def play(*steps: Step, times: int | None = None) -> Script:
    """Take these steps after each request, or after the first few only; else answer well."""

    def script(peer: Peer) -> None:
        while (request := peer.request()) is not None:
            over = peer.server.healed.is_set() or times == len(peer.server.requests) - 1
            take(peer, request, (good,) if over else steps)

    return script


def tunnel(context: Callable[[], ssl.SSLContext]) -> Script:
    """Be a proxy, and the server behind it."""
    well = play(good)

    def script(peer: Peer) -> None:
        if peer.request() is not None:
            peer.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
            peer.secure(context())
            well(peer)

    return script


def connect(*steps: Step) -> Script:
    """Take these steps as soon as the connection is there; no request is read."""

    def script(peer: Peer) -> None:
        take(peer, Request(b"GET / HTTP/1.1"), steps)

    return script


def sequence(*requests: tuple[Step, ...]) -> Script:
    """Take these steps after the first, second, … request of the first connection.

    Other connections are served well, so that the right answer can be had there.
    """
    well = play(good)

    def script(peer: Peer) -> None:
        if peer.number > 1:
            well(peer)
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
    """Take a step without data; closing ends the script as a client's going does."""
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
