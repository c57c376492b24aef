"""The portable engine of `AsyncModelGates`: one attempt over httpcore."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from typing import Any, Final, cast

import anyio
import httpcore

from modelgates_client.transport import exchange, httpcore_mapping
from modelgates_client.transport.addresses import AddressInfo, resolve_async
from modelgates_client.transport.async_pool import PooledAsyncEngine
from modelgates_client.transport.credentials import Secret
from modelgates_client.transport.deadline import Deadline
from modelgates_client.transport.happy_eyeballs import first_of
from modelgates_client.transport.messages import AttemptResult, Failure, Request
from modelgates_client.transport.options import NetworkOptions

_LOOP_TURNS: Final = 3  # event loop iterations in which buffered data is read

_FAILURES = (
    *httpcore_mapping.FAILURES,
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
    anyio.EndOfStream,
)


class _AsyncNetwork(httpcore.AsyncNetworkBackend):
    """Keeps a reference to the socket: httpcore loses it when a TLS handshake is cancelled."""

    def __init__(self) -> None:
        self._sockets = cast("httpcore.AsyncNetworkBackend", httpcore.AnyIOBackend())
        self._stream: httpcore.AsyncNetworkStream | None = None
        self._closing: set[asyncio.Future[None]] = set()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        async def connect(info: AddressInfo) -> httpcore.AsyncNetworkStream:
            address = str(info[4][0])
            return await self._sockets.connect_tcp(
                address, port, timeout, local_address, socket_options
            )

        try:
            addresses = await resolve_async(host, port)
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from None
        return self.hold(await first_of(addresses, connect, self._close_soon))

    def _close_soon(self, stream: httpcore.AsyncNetworkStream) -> None:
        """Close a connection that lost the race."""
        closing = asyncio.ensure_future(stream.aclose())
        self._closing.add(closing)  # an event loop holds its tasks only weakly
        closing.add_done_callback(self._closing.discard)

    def hold(self, stream: httpcore.AsyncNetworkStream) -> httpcore.AsyncNetworkStream:
        """Keep a reference to a connection."""
        self._stream = stream
        return _AsyncStream(stream, self)

    async def has_unread_data(self) -> bool:
        """Whether there is data, or an end of the connection, that has not been read.

        The buffers of asyncio and of TLS are checked, too.
        """
        if self._stream is None:
            return False
        reading = asyncio.ensure_future(self._stream.read(1))
        try:
            for _ in range(_LOOP_TURNS):
                await asyncio.sleep(0)
        finally:
            reading.cancel()
        await asyncio.wait([reading])
        if not reading.cancelled():
            reading.exception()  # data beyond the response, or the end of the connection
        return not reading.cancelled()

    async def aclose(self) -> None:
        if self._stream is not None:
            await self._stream.aclose()

    def abandon(self) -> None:
        """Close the socket."""
        if self._stream is None:
            return
        sock = self._stream.get_extra_info("socket")
        with contextlib.suppress(OSError, TypeError):  # other event loops have other socket types
            getattr(sock, "_sock", sock).close()  # asyncio wraps the socket without `close`


class _AsyncStream(httpcore.AsyncNetworkStream):
    """A connection of httpcore that tells its network backend when it is upgraded to TLS."""

    def __init__(self, stream: httpcore.AsyncNetworkStream, network: _AsyncNetwork) -> None:
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


class _AsyncConnection:
    """One connection of the pool; it connects, and reconnects, when it is needed."""

    def __init__(self, options: NetworkOptions) -> None:
        self._network = _AsyncNetwork()
        httpcore_mapping.install_log_filters()
        self._pool = httpcore.AsyncConnectionPool(
            **httpcore_mapping.pool_options(options), network_backend=self._network
        )
        self._server = options.server
        self._is_clean = False  # the last response was complete, and nothing followed it

    async def send(
        self, request: Request, secret: Secret, deadline: Deadline, limit: int
    ) -> AttemptResult:
        """Send a request, and read the response to its end or until the deadline."""
        token = httpcore_mapping.CURRENT_SECRET.set(secret)
        try:
            return await self._exchange(request, secret, deadline, limit)
        except BaseException as error:
            exchange.clear_frames(error)
            raise
        finally:
            httpcore_mapping.CURRENT_SECRET.reset(token)

    async def _exchange(
        self, request: Request, secret: Secret, deadline: Deadline, limit: int
    ) -> AttemptResult:
        head: httpcore.Response | None = None
        body = bytearray()
        failed: Failure | None = None
        try:
            async with asyncio.timeout(deadline.remaining()):
                head = await self._pool.handle_async_request(
                    httpcore_mapping.outgoing(request, self._server, secret)
                )
                limit = exchange.body_limit(head.status, limit)
                chunks = cast("AsyncGenerator[bytes]", head.aiter_stream())
                async with aclosing(chunks):
                    async for chunk in chunks:
                        body += chunk
                        if len(body) > limit:
                            break
        except _FAILURES as error:
            failed = httpcore_mapping.failure(error, secret)
        finally:
            if head is not None:
                await head.aclose()
        self._is_clean = failed is None and not await self._network.has_unread_data()
        return exchange.attempt_result(head, bytes(body), failed, limit, secret)

    def is_reusable(self) -> bool:
        """Whether another request may be sent on it."""
        return self._is_clean and httpcore_mapping.is_reusable(self._pool.connections)

    async def close(self) -> None:
        """Close it, even in the middle of an exchange."""
        try:
            await self._pool.aclose()
        finally:
            await self._network.aclose()

    def abandon(self) -> None:
        """Close its socket without its event loop."""
        self._network.abandon()


class HttpcoreAsyncEngine(PooledAsyncEngine):
    """Sends requests over httpcore; supports proxies."""

    def _connection(self) -> _AsyncConnection:
        return _AsyncConnection(self.options)
