"""Loopback servers that follow a script, byte by byte, with a thread for each connection."""

import contextlib
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qs, urlsplit

_HEAD_LIMIT = 1 << 20  # bytes of a request's head
GUARD_S = 30.0  # a guard against hanging, even on a busy machine


@dataclass(frozen=True)
class Request:
    """The head of a request as received."""

    head: bytes

    @property
    def id(self) -> str:
        """The requested generation id, or an empty string."""
        target = self.head.split(b" ", 2)[1].decode("latin-1")
        return parse_qs(urlsplit(target).query).get("id", [""])[0]

    @property
    def is_for_a_proxy(self) -> bool:
        """Whether it asks for a tunnel."""
        return self.head.startswith(b"CONNECT")


class Peer:
    """One connection, as a script sees it.

    Attributes:
        server: The server that accepted it.
        number: The number of the connection, from 1.
        sock: The socket; a TLS socket if the server uses TLS.
    """

    def __init__(self, server: "FaultServer", number: int, sock: socket.socket) -> None:
        self.server = server
        self.number = number
        self.sock = sock
        self._pending = b""

    def request(self) -> Request | None:
        """Read one request; None once the client has disconnected."""
        while b"\r\n\r\n" not in self._pending:
            if not (data := self.receive()) or len(self._pending) > _HEAD_LIMIT:
                return None
            self._pending += data
        head, _, self._pending = self._pending.partition(b"\r\n\r\n")
        request = Request(head)
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        while length and len(self._pending) < int(length[1]):
            if not (data := self.receive()):
                return None
            self._pending += data
        self._pending = self._pending[int(length[1]) if length else 0 :]
        self.server.requests.append(request)
        return request

    def receive(self) -> bytes:
        """Read the next bytes; empty once the client has disconnected."""
        with self.server.resting():
            return self.sock.recv(65536)

    def send(self, data: bytes) -> None:
        """Send all data at once."""
        self.sock.sendall(data)

    def send_beneath_tls(self, data: bytes) -> None:
        """Send bytes past the TLS layer."""
        socket.socket.send(self.sock, data)

    def pause(self, seconds: float) -> None:
        """Wait, or raise if the server stops."""
        if self.server.stopping.wait(seconds):
            raise ConnectionAbortedError

    def stall(self) -> None:
        """Send nothing more until the client disconnects or the server stops."""
        while self.receive():
            pass

    def secure(self, context: ssl.SSLContext) -> None:
        """Switch to TLS, as behind a proxy's tunnel."""
        plain, self.sock = self.sock, context.wrap_socket(self.sock, server_side=True)
        self.server.replace(plain, self.sock)

    def finish(self) -> None:
        """Close the sending half of the socket without a TLS `close_notify`."""
        socket.socket.shutdown(self.sock, socket.SHUT_WR)

    def notify(self) -> None:
        """Send a TLS `close_notify`."""
        assert isinstance(self.sock, ssl.SSLSocket)
        self.sock.settimeout(0.2)
        self.sock.unwrap()

    def reset(self) -> None:
        """Close the connection with RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


Script = Callable[[Peer], None]


class FaultServer:
    """A loopback server; use it as a context manager.

    Attributes:
        port: The port it listens on.
        requests: The received requests, in order.
        connections: The number of accepted connections.
        request_count_at_end: The number of requests received when the fault ended.
        accepted: Set once a connection was accepted.
        problems: Exceptions of scripts that no client causes.
        healed: Set by `heal`: afterwards, new connections are served normally.
        elsewhere: URL of a server that must never be contacted; for redirects.
    """

    def __init__(  # noqa: PLR0913 - each setting of a server is named
        self,
        script: Script,
        *,
        healthy: Script | None = None,
        context: ssl.SSLContext | None = None,
        healthy_context: ssl.SSLContext | None = None,
        listening: bool = True,
        accepting: bool = True,
        elsewhere: str = "",
    ) -> None:
        self._phases = ((script, context), (healthy or script, healthy_context or context))
        self._accepting = threading.Event()
        self._listener = (
            socket.create_server(("127.0.0.1", 0), backlog=32) if listening else _bound()
        )
        self.port: int = self._listener.getsockname()[1]
        self.requests: list[Request] = []
        self.connections = 0
        self.request_count_at_end = 0
        self.problems: list[Exception] = []
        self.healed = threading.Event()
        self.accepted = threading.Event()
        self.stopping = threading.Event()
        self.elsewhere = elsewhere
        self._listening = listening
        self._lock = threading.Lock()
        self._busy = 0  # connections whose scripts do something, or will before they read
        self._rests = threading.Condition()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        if listening and accepting:
            self._start(self._accept)

    def heal(self) -> None:
        """Serve normally from now on; listen and accept if the fault did not."""
        self.healed.set()
        if not self._listening:
            self._listener.listen(32)
            self._listening = True
        if not self._accepting.is_set():
            self._start(self._accept)

    def all_closed(self, within_s: float = GUARD_S) -> bool:
        """Whether all connections are closed within some seconds."""
        deadline = time.monotonic() + within_s
        while self._open and time.monotonic() < deadline:
            time.sleep(0.005)
        return not self._open

    @contextlib.contextmanager
    def resting(self) -> Iterator[None]:
        """Mark a connection's script as idle while it only waits for the client."""
        self._add_busy(-1)
        try:
            yield
        finally:
            self._add_busy(1)

    def _add_busy(self, change: int) -> None:
        with self._rests:
            self._busy += change
            self._rests.notify_all()

    def rest(self) -> None:
        """Wait until all scripts only wait for the client."""
        with self._rests:
            assert self._rests.wait_for(lambda: not self._busy, GUARD_S)

    def replace(self, old: socket.socket, new: socket.socket) -> None:
        """Register the new socket of a connection."""
        with self._lock:
            self._open.discard(old)
            self._open.add(new)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        if self._accepting.is_set():  # a closed listener does not wake its `accept` everywhere
            address = ("127.0.0.1", self.port)
            # It times out if the queue is full: then a connection there has woken `accept`.
            with contextlib.suppress(OSError), socket.create_connection(address, timeout=1.0):
                pass
        with self._lock:
            for sock in self._open:
                with contextlib.suppress(OSError):  # the client may have gone before
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(GUARD_S)
        self._listener.close()
        if self.problems:
            raise self.problems[0]

    def _start(self, target: Callable[..., None], *args: object) -> None:
        if target == self._accept:
            self._accepting.set()
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self.stopping.is_set():
            sock, _ = self._listener.accept()
            if self.stopping.is_set():
                sock.close()
                return
            sock.settimeout(GUARD_S)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            self._add_busy(1)
            self.accepted.set()
            self._start(self._serve, sock, self.connections)

    def _serve(self, sock: socket.socket, number: int) -> None:
        script, context = self._phases[self.healed.is_set()]
        peer: Peer | None = None
        try:
            if context is not None:
                # The descriptor moves into the TLS socket; on failure it is closed.
                sock = context.wrap_socket(sock, server_side=True, suppress_ragged_eofs=True)
            with self._lock:
                self._open.add(sock)
            if not self.stopping.is_set():
                peer = Peer(self, number, sock)
                script(peer)
        except OSError:
            pass  # the client went away: with most faults, it should
        except Exception as error:  # noqa: BLE001 - raised again where the test can see it
            self.problems.append(error)
        finally:
            sock = peer.sock if peer is not None else sock
            with self._lock:
                self._open.discard(sock)
            sock.close()
            self._add_busy(-1)


def _bound() -> socket.socket:
    """Return a socket that has a port but does not listen: connections are refused."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    return sock
