"""Servers on loopback for tests of the client as a whole: HTTP/1.1, kept alive, TLS, a proxy."""

import itertools
import json
import select
import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import trustme

#: Distinctive, and long enough that finding it is no chance.
KEY = "sk-mg-d0n0tsh0w-4711-0815"

GUARD_S = 30.0  # what has not happened by then does not happen, on the busiest machine

#: Seconds to try a test with in which something has to come before the time is over: the first will
#: do, but on a busy machine.
TIMES_S = (0.3, 3.0, 30.0)

HOSTS = ("127.0.0.1", "localhost", "api.example")


@dataclass(frozen=True)
class Answer:
    """What a server says."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """A request that came.

    Attributes:
        target: As it was sent.
        headers: By name in lower case.
        at_s: When, by the monotonic clock.
        method: The HTTP method.
        body: The body.
    """

    target: str
    headers: Mapping[str, str]
    at_s: float
    method: str = "GET"
    body: bytes = b""

    @property
    def id(self) -> str:
        """The generation asked for."""
        return parse_qs(urlsplit(self.target).query).get("id", [""])[0]

    @property
    def key(self) -> str:
        """The key that it came with."""
        return self.headers.get("authorization", "").removeprefix("Bearer ")


#: Says it outright, or does something to the connection and says nothing.
Reaction = Answer | Callable[[Asked, "Handler"], Answer | None]


def says(body: Any = b"", status: int = 200, **headers: str) -> Answer:
    """Return an answer: bytes as they are, anything else as JSON; `_` in names is `-`."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(content, status, {"Content-Type": "application/json", **names})


def record(generation_id: str = "gen-1", **changes: Any) -> Answer:
    """Return an answer with a record, which is final."""
    return says({"data": {"id": generation_id, "finish_reason": "stop", **changes}})


def refusal(status: int, message: str = "it says no", **headers: str) -> Answer:
    """Return an error in the API's form."""
    return says({"error": {"code": status, "message": message}}, status, **headers)


def good(asked: Asked, _: "Handler") -> Answer:
    """Answer with the record that is asked for."""
    return record(asked.id)


def together(most: int) -> Callable[[Asked, "Handler"], Answer]:
    """Return a reaction: nobody has an answer before so many have asked; all later ones at once."""
    all_there = threading.Barrier(most)
    left = itertools.count(most, -1)

    def reaction(asked: Asked, handler: "Handler") -> Answer:
        if next(left) > 0:
            all_there.wait(GUARD_S)
        return good(asked, handler)

    return reaction


def silence(_: Asked, handler: "Handler") -> None:
    """Say nothing until the client goes."""
    with suppress(OSError):
        handler.rfile.read(1)
    handler.close_connection = True


def drip(_: Asked, handler: "Handler") -> None:
    """Send a head, and then a byte now and then, for ever."""
    handler.close_connection = True
    with suppress(OSError):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while not handler.server.owner.stopping.wait(0.02):
            handler.wfile.write(b" ")


def hang_up(_: Asked, handler: "Handler") -> None:
    """Close the connection without a word."""
    handler.close_connection = True


def interrupt(asked: Asked, handler: "Handler") -> None:
    """Be slow, and have the main thread interrupted meanwhile, as Ctrl-C does."""
    time.sleep(0.05)  # it waits for the answer by now
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    silence(asked, handler)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "_Listener"

    def log_message(self, *_: Any) -> None:
        """Keep the tests' output clean."""

    def do_GET(self) -> None:
        """React as the server was told."""
        owner = self.server.owner
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", "0")))
        asked = Asked(self.path, headers, time.monotonic(), self.command, body)
        reaction = owner.next(asked)
        answer = reaction if isinstance(reaction, Answer) else reaction(asked, self)
        if answer is not None:
            self.say(answer)

    do_DELETE = do_PATCH = do_POST = do_PUT = do_GET  # noqa: N815 - http.server's

    def say(self, answer: Answer) -> None:
        """Send an answer."""
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def do_CONNECT(self) -> None:
        """Be a proxy: join the client with the server behind, whatever host it names."""
        proxy = self.server.owner
        self.close_connection = True
        proxy.connects.append((self.path, dict(self.headers.items())))
        if proxy.login and self.headers.get("Proxy-Authorization") != proxy.login:
            self.say(Answer(b"", 407, {"Proxy-Authenticate": 'Basic realm="x"'}))
            return
        with socket.create_connection(("127.0.0.1", proxy.behind)) as upstream:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            ways = {self.connection: upstream, upstream: self.connection}
            while not proxy.stopping.is_set():
                for source in select.select([*ways], [], [], 0.05)[0]:
                    data = source.recv(65536)
                    if not data:
                        return
                    proxy.seen += data
                    ways[source].sendall(data)


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    owner: "Server"

    def server_bind(self) -> None:
        """Bind without looking up a name, which may take long."""
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def finish_request(self, request: socket.socket, client_address: Any) -> None:
        """Serve a connection, in its own thread."""
        owner = self.owner
        with owner.lock:
            owner.connections += 1
            owner.live.add(request)
        served = request
        try:
            request.settimeout(6 * GUARD_S)
            if owner.context is not None:
                served = owner.context.wrap_socket(request, server_side=True)
                with owner.lock:
                    owner.live.add(served)
            self.RequestHandlerClass(served, client_address, self)
        except OSError:
            pass  # the client went away
        except Exception as error:  # noqa: BLE001 - raised again where the test can see it
            owner.problems.append(error)
        finally:
            served.close()
            with owner.lock:
                owner.live -= {request, served}


class Server:
    """A server on loopback; answers every request with the record asked for, unless told otherwise.

    Attributes:
        base_url: What a client takes.
        requests: What came.
        connections: How many were accepted.
        live: Those that are open.
        connects: The targets and headers of CONNECT, when it is a proxy.
        seen: What a proxy saw of what it carried.
        login: The `Proxy-Authorization` that a proxy asks for, if it does.
    """

    def __init__(
        self,
        *,
        tls: bool = False,
        stranger: bool = False,
        hosts: tuple[str, ...] = HOSTS,
        behind: "Server | None" = None,
    ) -> None:
        """Listen: with TLS, signed by a stranger or for hosts; or be a proxy for the one behind."""
        self.context = None
        if tls:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            issuer = trustme.CA() if stranger else authority()
            issuer.issue_cert(*hosts).configure_cert(self.context)
        self.behind = behind.port if behind is not None else 0
        self.requests: list[Asked] = []
        self.connections = 0
        self.live: set[socket.socket] = set()
        self.connects: list[tuple[str, dict[str, str]]] = []
        self.seen = bytearray()
        self.login = ""
        self.problems: list[Exception] = []
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self._reactions: list[Reaction] = [good]
        self._listener = _Listener(("127.0.0.1", 0), Handler)
        self._listener.owner = self
        self.port: int = self._listener.server_address[1]
        self.base_url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}/api/v1"
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(
            target=self._listener.serve_forever, args=(0.01,), daemon=True
        )
        self._thread.start()

    def answers(self, *reactions: Reaction) -> None:
        """React so to the next requests, one after the other; the last stays."""
        self._reactions = list(reactions)

    def next(self, asked: Asked) -> Reaction:
        """Return the reaction to a request."""
        with self.lock:
            self.requests.append(asked)
            rest = len(self._reactions) > 1
            return self._reactions.pop(0) if rest else self._reactions[0]

    def is_left(self) -> bool:
        """Whether all connections are closed, at last."""
        until = time.monotonic() + GUARD_S
        while self.live and time.monotonic() < until:
            time.sleep(0.005)
        return not self.live

    def close(self) -> None:
        """Stop serving; raise what went wrong here."""
        self.stopping.set()
        self._listener.shutdown()
        self._listener.server_close()
        self._thread.join(GUARD_S)
        with self.lock:
            for sock in self.live:
                with suppress(OSError):  # it may be gone
                    sock.shutdown(socket.SHUT_RDWR)
        self.is_left()
        if self.problems:
            raise self.problems[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@cache
def authority() -> trustme.CA:
    """Return the authority that clients trust."""
    return trustme.CA()


def refusing_port() -> int:
    """Return a port where nobody listens, nor will: a socket has it that stays as it is."""
    port: int = _bound().getsockname()[1]
    return port


@cache
def _bound() -> socket.socket:
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    return taken
