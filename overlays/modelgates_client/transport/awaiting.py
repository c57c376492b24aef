"""The engine of `AsyncModelGates`: one attempt, on asyncio, under a deadline."""

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from typing import Any, Final, cast

import anyio
import httpcore

from modelgates_client._credentials import Secret
from modelgates_client._deadline import Deadline
from modelgates_client.transport import exchange
from modelgates_client.transport.messages import Ending, Failure, Request
from modelgates_client.transport.options import NetworkOptions

_TURNS: Final = 3  # of the event loop, in which what is in a buffer is read

_FAILURES = (
    *exchange.FAILURES,
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
    anyio.EndOfStream,
)


class _Network(httpcore.AsyncNetworkBackend):
    """Remembers the socket: httpcore forgets it when a TLS handshake is cancelled."""

    def __init__(self) -> None:
        self._sockets = cast("httpcore.AsyncNetworkBackend", httpcore.AnyIOBackend())
        self._stream: httpcore.AsyncNetworkStream | None = None

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        stream = await self._sockets.connect_tcp(host, port, timeout, local_address, socket_options)
        return self.hold(stream)

    def hold(self, stream: httpcore.AsyncNetworkStream) -> httpcore.AsyncNetworkStream:
        """Remember a connection."""
        self._stream = stream
        return _Stream(stream, self)

    async def is_quiet(self) -> bool:
        """Whether nothing is there to be read, not even in the buffers of asyncio and of TLS."""
        if self._stream is None:
            return False
        reading = asyncio.ensure_future(self._stream.read(1))
        try:
            for _ in range(_TURNS):
                await asyncio.sleep(0)
        finally:
            reading.cancel()
        await asyncio.wait([reading])
        if not reading.cancelled():
            reading.exception()  # it brought more than the answer, or the end of the connection
        return reading.cancelled()

    async def aclose(self) -> None:
        if self._stream is not None:
            await self._stream.aclose()


class _Stream(httpcore.AsyncNetworkStream):
    """A connection of httpcore's, which says so when it changes to TLS."""

    def __init__(self, stream: httpcore.AsyncNetworkStream, network: _Network) -> None:
        self._stream = stream
        self._network = network

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        return await self._stream.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore.AsyncNetworkStream:
        return self._network.hold(
            await self._stream.start_tls(ssl_context, server_hostname, timeout)
        )

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Connection:
    """One connection, or the place of one: opened and opened again when needed."""

    def __init__(self, options: NetworkOptions) -> None:
        self._network = _Network()
        self._pool = httpcore.AsyncConnectionPool(
            **exchange.pool_options(options), network_backend=self._network
        )
        self._server = options.server
        self._quiet = False

    async def send(
        self, request: Request, secret: Secret, deadline: Deadline, limit: int
    ) -> Ending:
        """Send a request, and read its answer to the end, or to the deadline."""
        ours = exchange.OURS.set(True)
        try:
            return await self._exchange(request, secret, deadline, limit)
        except BaseException as error:
            exchange.cut(error)
            raise
        finally:
            exchange.OURS.reset(ours)

    async def _exchange(
        self, request: Request, secret: Secret, deadline: Deadline, limit: int
    ) -> Ending:
        head: httpcore.Response | None = None
        body = bytearray()
        failed: Failure | None = None
        try:
            async with asyncio.timeout(deadline.remaining()):
                head = await self._pool.handle_async_request(
                    exchange.outgoing(request, self._server, secret)
                )
                limit = exchange.body_limit(head.status, limit)
                chunks = cast("AsyncGenerator[bytes]", head.aiter_stream())
                async with aclosing(chunks):
                    async for chunk in chunks:
                        body += chunk
                        if len(body) > limit:
                            break
        except _FAILURES as error:
            failed = exchange.failure(error, secret)
        finally:
            if head is not None:
                await head.aclose()
        self._quiet = failed is None and await self._network.is_quiet()
        return exchange.incoming(head, bytes(body), failed, limit, secret)

    def is_spent(self) -> bool:
        """Whether it must not be used again."""
        return not self._quiet or exchange.is_spent(self._pool.connections)

    async def close(self) -> None:
        """Close it, whatever it is doing."""
        try:
            await self._pool.aclose()
        finally:
            await self._network.aclose()


class _Connections:
    """The connections of one event loop."""

    def __init__(self) -> None:
        self.idle: deque[_Connection] = deque()
        self.places = asyncio.Semaphore(exchange.MOST_CONNECTIONS)


class AwaitingEngine:
    """Sends requests to one server; each event loop has connections of its own."""

    def __init__(self, options: NetworkOptions) -> None:
        """Connect when the first request is sent, not before."""
        self.options = options
        self.closed = False
        self._loops: dict[asyncio.AbstractEventLoop, _Connections] = {}

    async def send(
        self, request: Request, secret: Secret, deadline: Deadline, limit: int
    ) -> Ending:
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
        try:
            async with asyncio.timeout(deadline.remaining()):
                await connections.places.acquire()
        except TimeoutError:
            return exchange.timed_out()
        connection: _Connection | None = None
        try:
            connection = connections.idle.pop() if connections.idle else _Connection(self.options)
            ending = await connection.send(request, secret, deadline, limit)
            if self._keeps(connection, connections):
                connections.idle.append(connection)
                connection = None
                if self.closed:  # meanwhile
                    await self.reset()
            return ending
        finally:
            try:
                if connection is not None:
                    await connection.close()
            finally:
                connections.places.release()

    async def reset(self) -> None:
        """Close the idle connections of this event loop."""
        connections = self._loops.get(asyncio.get_running_loop())
        while connections is not None and connections.idle:
            await connections.idle.pop().close()

    async def close(self) -> None:
        """Close the idle connections now, and those in use when their calls are over."""
        self.closed = True
        await self.reset()
        self._loops.clear()  # those of other loops are closed as they are let go

    def _current(self) -> _Connections:
        loop = asyncio.get_running_loop()
        connections = self._loops.get(loop)
        if connections is None:
            for old in [*self._loops]:
                if old.is_closed():  # what it left open can no longer be closed, only let go
                    self._loops.pop(old, None)
            connections = self._loops[loop] = _Connections()
        return connections

    def _keeps(self, connection: _Connection, connections: _Connections) -> bool:
        room = len(connections.idle) < exchange.MOST_IDLE
        return room and not self.closed and not connection.is_spent()
