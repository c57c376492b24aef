"""The engine of `ModelGates`: one synchronous attempt over httpcore, under a deadline.

Each wait on a socket gets the time that remains until the deadline, not a new timeout.
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

#: Seconds until the next address is tried: the maximum of RFC 8305, section 8, as only one is tried
#: at a time.
_MAX_CONNECT_S: Final = 2.0


class _Connection:
    """One connection of the pool; it connects, and reconnects, when it is needed."""

    def __init__(self, options: NetworkOptions) -> None:
        httpcore_mapping.install_log_filters()
        self._network = _Network()
        self._pool = httpcore.ConnectionPool(
            **httpcore_mapping.pool_options(options), network_backend=self._network
        )
        self._server = options.server

    def send(
        self, request: Request, secret: Secret, deadline: Deadline, limit: int
    ) -> AttemptResult:
        """Send a request, and read the response to its end or until the deadline."""
        self._network.deadline = deadline
        token = httpcore_mapping.CURRENT_SECRET.set(secret)
        try:
            return self._exchange(request, secret, limit)
        except BaseException as error:
            exchange.clear_frames(error)
            raise
        finally:
            httpcore_mapping.CURRENT_SECRET.reset(token)

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

    def is_reusable(self) -> bool:
        """Whether another request may be sent on it."""
        return httpcore_mapping.is_reusable(self._pool.connections)

    def close(self) -> None:
        """Close it, even in the middle of an exchange."""
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
        """Create the engine; it connects when the first request is sent."""
        self.options = options
        self.closed = False
        self._connections = _ConnectionPool()
        self._lock = threading.Lock()

    def send(
        self, request: Request, secret: Secret, deadline: Deadline, limit: int
    ) -> AttemptResult:
        """Make one attempt.

        Args:
            request: The request.
            secret: The API key to send with it.
            deadline: When the attempt ends, whatever the server does.
            limit: The maximum size of the response body, in bytes.

        Returns:
            The response, or the reason why there is none.
        """
        connections = self._current()
        if not connections.slots.acquire(timeout=deadline.remaining()):
            return exchange.timeout_failure()
        connection: _Connection | None = None
        try:
            connection = self._acquire(connections)
            attempt_result = connection.send(request, secret, deadline, limit)
            has_room = len(connections.idle) < exchange.MAX_IDLE
            if has_room and not self.closed and connection.is_reusable():
                connections.idle.append(connection)
                connection = None
                if self.closed:  # in the meantime, by another thread
                    self.reset()
            return attempt_result
        finally:
            try:
                if connection is not None:
                    connection.close()
            finally:
                connections.slots.release()

    def check(self) -> None:
        """Raise a `ClientClosedError` if the engine was closed."""
        if self.closed:
            raise exchange.closed_error()

    def reset(self) -> None:
        """Close the idle connections."""
        idle = self._connections.idle
        while idle:
            idle.pop().close()

    def close(self) -> None:
        """Close the idle connections now, and those in use when their calls end."""
        self.closed = True
        self.reset()

    def _acquire(self, connections: _ConnectionPool) -> _Connection:
        try:
            return connections.idle.pop()
        except IndexError:
            with self._lock:  # so that the TLS context is created only once
                return _Connection(self.options)

    def _current(self) -> _ConnectionPool:
        if self._connections.process_id != os.getpid():
            # The parent keeps its connections: two processes would read each other's responses.
            self._connections = _ConnectionPool()
            self._lock = threading.Lock()
        return self._connections


class _Network(httpcore.NetworkBackend):
    """Connects for one call at a time, within its deadline.

    Attributes:
        deadline: The deadline of the current call.
    """

    def __init__(self) -> None:
        """Create a backend without a connection, whose deadline has passed."""
        self.deadline = Deadline(0.0)
        self._open: httpcore.NetworkStream | None = None
        self._sockets: Final = httpcore.SyncBackend()

    def hold(self, stream: httpcore.NetworkStream) -> httpcore.NetworkStream:
        """Keep a reference to a connection, to close it without httpcore."""
        self._open = stream
        return _Stream(stream, self)

    def close(self) -> None:
        """Close the connection, without a lock: after a Ctrl-C one may never be released."""
        if self._open is not None:
            self._open.close()

    def remaining(self) -> float:
        """Return the seconds left.

        Raises:
            ReadTimeout: The deadline has passed.
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
        """Connect to the first address that answers; only the last one gets more than a moment.

        Raises:
            ConnectError: None answers; this is the first error, other than a timeout.
            ConnectTimeout: None answers in time.
        """
        addresses = self._addresses(host, port)
        errors: list[httpcore.ConnectError | httpcore.ConnectTimeout] = []
        try:
            for left, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
                timeout_s = self.remaining() / left
                if left > 1:
                    timeout_s = min(timeout_s, _MAX_CONNECT_S)
                try:
                    stream = self._sockets.connect_tcp(
                        address, port, timeout_s, local_address, socket_options
                    )
                except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                    errors.append(error)
                else:
                    return self.hold(stream)
            errors.sort(key=lambda error: isinstance(error, httpcore.ConnectTimeout))
            raise errors[0] if errors else httpcore.ConnectError(f"{host} has no address")
        finally:
            errors.clear()  # their tracebacks refer to this frame

    def _addresses(self, host: str, port: int) -> list[str]:
        try:
            addresses = resolve(host, port, self.remaining)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(str(error)) from None
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from None
        return list(dict.fromkeys(str(entry[4][0]) for entry in addresses))


class _Stream(httpcore.NetworkStream):
    """A connection of httpcore whose waits end at the deadline."""

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
