"""The engine of `ModelGates`: one attempt, blocking, under a deadline.

Its sockets end at the deadline: each wait is for what remains of it, not for a time anew.
"""

import os
import ssl
import threading
from collections import deque
from collections.abc import Iterable
from typing import Any, Final

import httpcore

from modelgates_client.transport import exchange, httpcore_mapping
from modelgates_client.transport.addresses import resolve
from modelgates_client.transport.credentials import Secret
from modelgates_client.transport.deadline import Deadline
from modelgates_client.transport.messages import AttemptResult, Failure, Request
from modelgates_client.transport.options import NetworkOptions


class _Connection:
    """One connection, or the place of one: opened and opened again when needed."""

    def __init__(self, options: NetworkOptions) -> None:
        httpcore_mapping.hide_ours()
        self._network = _Network()
        self._pool = httpcore.ConnectionPool(
            **httpcore_mapping.pool_options(options), network_backend=self._network
        )
        self._server = options.server

    def send(
        self, request: Request, secret: Secret, deadline: Deadline, limit: int
    ) -> AttemptResult:
        """Send a request, and read its answer to the end, or to the deadline."""
        self._network.deadline = deadline
        ours = httpcore_mapping.OURS.set(secret)
        try:
            return self._exchange(request, secret, limit)
        except BaseException as error:
            exchange.clear_frames(error)
            raise
        finally:
            httpcore_mapping.OURS.reset(ours)

    def _exchange(self, request: Request, secret: Secret, limit: int) -> AttemptResult:
        head: httpcore.Response | None = None
        body = bytearray()
        failed: Failure | None = None
        try:
            head = self._pool.handle_request(
                httpcore_mapping.outgoing(request, self._server, secret)
            )
            limit = exchange.body_limit(head.status, limit)
            for chunk in head.iter_stream():
                body += chunk
                if len(body) > limit:
                    break
        except httpcore_mapping.FAILURES as error:
            failed = httpcore_mapping.failure(error, secret)
        if head is not None:
            head.close()
        return exchange.attempt_result(head, bytes(body), failed, limit, secret)

    def is_spent(self) -> bool:
        """Whether it must not be used again."""
        return httpcore_mapping.is_spent(self._pool.connections)

    def close(self) -> None:
        """Close it, whatever it is doing."""
        self._network.close()


class _ConnectionPool:
    """The connections of one process."""

    def __init__(self) -> None:
        self.process_id = os.getpid()
        self.idle: deque[_Connection] = deque()
        self.slots = threading.BoundedSemaphore(exchange.MAX_CONNECTIONS)


class HttpcoreEngine:
    """Sends requests to one server; safe to share between threads, and across a fork."""

    def __init__(self, options: NetworkOptions) -> None:
        """Connect when the first request is sent, not before."""
        self.options = options
        self.closed = False
        self._connections = _ConnectionPool()
        self._lock = threading.Lock()

    def send(
        self, request: Request, secret: Secret, deadline: Deadline, limit: int
    ) -> AttemptResult:
        """Make one attempt.

        Args:
            request: What to send.
            secret: The key to send with it.
            deadline: When the attempt is over, whatever the server does.
            limit: The most bytes that the body may have.

        Returns:
            What came, or why nothing did.
        """
        connections = self._current()
        if not connections.slots.acquire(timeout=deadline.remaining()):
            return exchange.timeout_failure()
        connection: _Connection | None = None
        try:
            connection = self._take(connections)
            attempt_result = connection.send(request, secret, deadline, limit)
            if self._keeps(connection, connections):
                connections.idle.append(connection)
                connection = None
                if self.closed:  # meanwhile, by another thread
                    self.reset()
            return attempt_result
        finally:
            try:
                if connection is not None:
                    connection.close()
            finally:
                connections.slots.release()

    def check(self) -> None:
        """Raise a `ClientClosedError` if it was closed."""
        if self.closed:
            raise exchange.closed_error()

    def reset(self) -> None:
        """Close the idle connections."""
        idle = self._connections.idle
        while idle:
            idle.pop().close()

    def close(self) -> None:
        """Close the idle connections now, and those in use when their calls are over."""
        self.closed = True
        self.reset()

    def _keeps(self, connection: _Connection, connections: _ConnectionPool) -> bool:
        room = len(connections.idle) < exchange.MAX_IDLE
        return room and not self.closed and not connection.is_spent()

    def _take(self, connections: _ConnectionPool) -> _Connection:
        try:
            return connections.idle.pop()
        except IndexError:
            with self._lock:  # the context for TLS is made once
                return _Connection(self.options)

    def _current(self) -> _ConnectionPool:
        if self._connections.process_id != os.getpid():
            # The parent's connections are its own: two processes would read one another's answers.
            self._connections = _ConnectionPool()
            self._lock = threading.Lock()
        return self._connections


class _Network(httpcore.NetworkBackend):
    """Connects for one call at a time, within its deadline.

    Attributes:
        deadline: That of the call that is served now.
    """

    def __init__(self) -> None:
        """Start with nothing to do, and no time for it."""
        self.deadline = Deadline(0.0)
        self._open: httpcore.NetworkStream | None = None
        self._sockets: Final = httpcore.SyncBackend()

    def hold(self, stream: httpcore.NetworkStream) -> httpcore.NetworkStream:
        """Remember a connection, to close it without asking httpcore."""
        self._open = stream
        return _Stream(stream, self)

    def close(self) -> None:
        """Close the connection. No lock is taken: one may be held for good after a Ctrl-C."""
        if self._open is not None:
            self._open.close()

    def remaining(self) -> float:
        """Return the seconds left.

        Raises:
            ReadTimeout: There are none.
        """
        left = self.deadline.remaining()
        if not left:
            raise httpcore.ReadTimeout("the deadline has passed")
        return left

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the deadline decides
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address that answers; each gets its share of what remains."""
        addresses = self._addresses(host, port)
        for last, address in enumerate(addresses, 1 - len(addresses)):
            try:
                stream = self._sockets.connect_tcp(
                    address, port, self.remaining() / (1 - last), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if last == 0:
                    raise
            else:
                return self.hold(stream)
        raise httpcore.ConnectError(f"{host} has no address")

    def _addresses(self, host: str, port: int) -> list[str]:
        try:
            found = resolve(host, port, self.remaining)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(str(error)) from None
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from None
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class _Stream(httpcore.NetworkStream):
    """A connection of httpcore's, whose every wait ends at the deadline."""

    def __init__(self, stream: httpcore.NetworkStream, network: _Network) -> None:
        self._stream = stream
        self._network = network

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        return self._stream.read(max_bytes, self._network.remaining())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._stream.write(buffer, self._network.remaining())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        remaining = self._network.remaining()
        return self._network.hold(self._stream.start_tls(ssl_context, server_hostname, remaining))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
