"""Loopback servers for tests of the whole client: HTTP/1.1 with keep-alive, TLS, and a proxy."""

import atexit
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
class ServerResponse:
    """A response of the server."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ReceivedRequest:
    """A received request.

    Attributes:
        target: The request target as sent.
        headers: The headers, with lower-case names.
        at_s: The time, by the monotonic clock.
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
        """The requested generation id."""
        return parse_qs(urlsplit(self.target).query).get("id", [""])[0]

    @property
    def key(self) -> str:
        """The API key of the request."""
        return self.headers.get("authorization", "").removeprefix("Bearer ")


#: A fixed response, or a function that may use the connection itself.
Reaction = ServerResponse | Callable[[ReceivedRequest, "Handler"], ServerResponse | None]


def json_response(body: Any = b"", status: int = 200, **headers: str) -> ServerResponse:
    """Return a response: bytes unchanged, other bodies as JSON; `_` in header names becomes `-`."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return ServerResponse(content, status, {"Content-Type": "application/json", **names})


def record(generation_id: str = "gen-1", **changes: Any) -> ServerResponse:
    """Return a response with a final record."""
    return json_response({"data": {"id": generation_id, "finish_reason": "stop", **changes}})


def refusal(status: int, message: str = "it says no", **headers: str) -> ServerResponse:
    """Return an error response in the API's format."""
    return json_response({"error": {"code": status, "message": message}}, status, **headers)


def respond_with_record(request: ReceivedRequest, _: "Handler") -> ServerResponse:
    """Respond with the requested record."""
    return record(request.id)


def respond_when_all_arrived(count: int) -> Callable[[ReceivedRequest, "Handler"], ServerResponse]:
    """Return a reaction that responds to the first `count` requests only once all have arrived."""
    barrier = threading.Barrier(count)
    left = itertools.count(count, -1)

    def reaction(request: ReceivedRequest, handler: "Handler") -> ServerResponse:
        if next(left) > 0:
            barrier.wait(GUARD_S)
        return respond_with_record(request, handler)

    return reaction


def silence(_: ReceivedRequest, handler: "Handler") -> None:
    """Send nothing until the client disconnects."""
    with suppress(OSError):
        handler.rfile.read(1)
    handler.close_connection = True


def drip(_: ReceivedRequest, handler: "Handler") -> None:
    """Send a head, and then single bytes, slowly and without end."""
    handler.close_connection = True
    with suppress(OSError):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while not handler.server.owner.stopping.wait(0.02):
            handler.wfile.write(b" ")


def hang_up(_: ReceivedRequest, handler: "Handler") -> None:
    """Close the connection without a response."""
    handler.close_connection = True


def interrupt(request: ReceivedRequest, handler: "Handler") -> None:
    """Interrupt the main thread, as Ctrl-C does, while it waits for the response."""
    time.sleep(0.05)  # by then it waits for the response
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    silence(request, handler)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "_Listener"

    def log_message(self, *_: Any) -> None:
        """Keep the tests' output clean."""

    def do_GET(self) -> None:
        """Respond as configured."""
        owner = self.server.owner
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", "0")))
        request = ReceivedRequest(self.path, headers, time.monotonic(), self.command, body)
        reaction = owner.next(request)
        response = reaction if isinstance(reaction, ServerResponse) else reaction(request, self)
        if response is not None:
            self.send(response)

    do_DELETE = do_PATCH = do_POST = do_PUT = do_GET  # noqa: N815 - http.server's

    def send(self, response: ServerResponse) -> None:
        """Send a response."""
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        self.wfile.write(response.body)

    def do_CONNECT(self) -> None:
        """Act as a proxy: tunnel to the server behind it, whatever host is requested."""
        proxy = self.server.owner
        self.close_connection = True
        proxy.connects.append((self.path, dict(self.headers.items())))
        if proxy.login and self.headers.get("Proxy-Authorization") != proxy.login:
            self.send(ServerResponse(b"", 407, {"Proxy-Authenticate": 'Basic realm="x"'}))
            return
        with socket.create_connection(("127.0.0.1", proxy.behind)) as upstream:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            peers = {self.connection: upstream, upstream: self.connection}
            while not proxy.stopping.is_set():
                for source in select.select([*peers], [], [], 0.05)[0]:
                    data = source.recv(65536)
                    if not data:
                        return
                    proxy.seen += data
                    peers[source].sendall(data)


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    owner: "Server"

    def server_bind(self) -> None:
        """Bind without a name lookup, which may be slow."""
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
    """A loopback server; by default it responds with the requested record.

    Attributes:
        base_url: The base URL for a client.
        requests: The received requests.
        connections: The number of accepted connections.
        live: The open connections.
        connects: The targets and headers of CONNECT requests to a proxy.
        seen: The bytes that a proxy forwarded.
        login: The `Proxy-Authorization` that a proxy requires; empty for none.
    """

    def __init__(
        self,
        *,
        tls: bool = False,
        stranger: bool = False,
        hosts: tuple[str, ...] = HOSTS,
        behind: "Server | None" = None,
    ) -> None:
        """Listen; `stranger` uses an untrusted authority, `behind` makes it a proxy."""
        self.context = None
        if tls:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            issuer = trustme.CA() if stranger else authority()
            issuer.issue_cert(*hosts).configure_cert(self.context)
        self.behind = behind.port if behind is not None else 0
        self.requests: list[ReceivedRequest] = []
        self.connections = 0
        self.live: set[socket.socket] = set()
        self.connects: list[tuple[str, dict[str, str]]] = []
        self.seen = bytearray()
        self.login = ""
        self.problems: list[Exception] = []
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self._reactions: list[Reaction] = [respond_with_record]
        self._listener = _Listener(("127.0.0.1", 0), Handler)
        self._listener.owner = self
        self.port: int = self._listener.server_address[1]
        self.base_url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}/api/v1"
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(
            target=self._listener.serve_forever, args=(0.01,), daemon=True
        )
        self._thread.start()

    def respond_with(self, *reactions: Reaction) -> None:
        """React in this way to the next requests, in this order; the last reaction is repeated."""
        self._reactions = list(reactions)

    def next(self, request: ReceivedRequest) -> Reaction:
        """Return the reaction to a request."""
        with self.lock:
            self.requests.append(request)
            rest = len(self._reactions) > 1
            return self._reactions.pop(0) if rest else self._reactions[0]

    def all_connections_closed(self) -> bool:
        """Wait for all connections to be closed; return whether they are."""
        until = time.monotonic() + GUARD_S
        while self.live and time.monotonic() < until:
            time.sleep(0.005)
        return not self.live

    def close(self) -> None:
        """Stop the server; raise the first exception of a handler."""
        self.stopping.set()
        self._listener.shutdown()
        self._listener.server_close()
        self._thread.join(GUARD_S)
        with self.lock:
            for sock in self.live:
                with suppress(OSError):  # it may be gone
                    sock.shutdown(socket.SHUT_RDWR)
        self.all_connections_closed()
        if self.problems:
            raise self.problems[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@cache
def authority() -> trustme.CA:
    """Return the certificate authority that clients trust."""
    return trustme.CA()


def refusing_port() -> int:
    """Return a port without a listener; a bound socket reserves it."""
    port: int = _bound().getsockname()[1]
    return port


@cache
def _bound() -> socket.socket:
    bound = socket.socket()
    atexit.register(bound.close)
    bound.bind(("127.0.0.1", 0))
    return bound
