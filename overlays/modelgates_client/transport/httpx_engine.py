"""The engines over the caller's own httpx client: one attempt, sync or async.

The caller's client is never closed or changed, and never gets the API key. Each request goes
through a copy that shares its transports, hooks, headers and timeouts, and nothing else: no cookie
is sent or stored, no redirect is followed, and neither its `auth` nor its `params` are added.
"""

import os
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, closing
from typing import Any, Final, Generic, cast

import anyio
import httpx

from modelgates_client.errors import ConfigurationError
from modelgates_client.transport import exchange, httpcore_mapping
from modelgates_client.transport.credentials import Secret
from modelgates_client.transport.deadline import Deadline
from modelgates_client.transport.httpx_exchange import C, Exchange
from modelgates_client.transport.messages import AttemptResult, Request
from modelgates_client.transport.options import Server
from modelgates_runtime.errors import ClientClosedError

_POOL_RETRY_S: Final = 0.01  # wait before the next attempt when the connection pool is full


def _do_nothing(_: object) -> None:
    """Do not close the client."""


class _BorrowedClient(Generic[C]):
    """The caller's httpx client, to send requests to one server.

    Attributes:
        closed: Whether the engine was closed; the caller's client stays open.
    """

    def __init__(self, client: object, kind: type[C], server: Server) -> None:
        """Check the client.

        Raises:
            ConfigurationError: It is not an httpx client of this kind.
            ClientClosedError: It was closed.
        """
        if not isinstance(client, kind):
            actual = type(client)
            owner = "ModelGates" if kind is httpx.Client else "AsyncModelGates"
            raise ConfigurationError(
                f"http_client is {actual.__module__}.{actual.__qualname__}; {owner} takes an "
                f"httpx.{kind.__name__}"
            )
        self.closed = False
        self._client = client
        self._server = server
        self._process_id = os.getpid()
        # Some client classes close themselves when they are collected; copies must not.
        self._copy_class: type[Any] = type(kind.__name__, (type(client),), {"__del__": _do_nothing})
        httpcore_mapping.install_log_filters()
        self.check()

    def _copy(self) -> C:
        """Return a shallow copy of the caller's client."""
        client: C = object.__new__(self._copy_class)
        vars(client).update(vars(self._client))
        return client

    def check(self) -> None:
        """Check that requests can still be sent.

        Raises:
            ClientClosedError: The engine or the caller's client was closed.
            ConfigurationError: The process was forked after the client was created.
        """
        if self.closed:
            raise exchange.closed_error()
        if self._client.is_closed:
            raise ClientClosedError("the http_client was closed; pass one that is open")
        if self._process_id != os.getpid():
            raise ConfigurationError(
                "the http_client was created before this process was forked, and both processes "
                "would read each other's responses; create both clients in the process that uses "
                "them"
            )


class HttpxEngine(_BorrowedClient[httpx.Client]):
    """Sends requests through an `httpx.Client`; as thread-safe as that client."""

    def __init__(self, client: object, server: Server) -> None:
        """Create the engine; it sends nothing yet; see `_BorrowedClient`."""
        super().__init__(client, httpx.Client, server)

    def send(
        self, request: Request, secret: Secret, deadline: Deadline, limit: int
    ) -> AttemptResult:
        """Make one attempt.

        It ends at the deadline as far as httpx allows: each read ends in time, but a head that
        arrives byte by byte may take longer. The deadline is checked between two parts of a body.
        """
        token = httpcore_mapping.CURRENT_SECRET.set(secret)
        try:
            current = Exchange(self._copy(), self._server, request, secret, deadline, limit)
            self._exchange(current, deadline)
            return current.attempt_result()
        except BaseException as error:
            exchange.clear_frames(error)
            raise
        finally:
            httpcore_mapping.CURRENT_SECRET.reset(token)

    @staticmethod
    def _exchange(current: Exchange[httpx.Client], deadline: Deadline) -> None:
        try:
            current.prepare(current.begin)
            while deadline.remaining():
                # httpcore traces each phase before it reads the timeout of that phase.
                request = current.request(trace=current.lower_timeouts)
                try:
                    response = current.client.send(
                        request, stream=True, auth=None, follow_redirects=False
                    )
                except httpx.PoolTimeout:  # nothing was sent
                    time.sleep(min(_POOL_RETRY_S, deadline.remaining()))
                    continue
                with closing(response):
                    if not current.has_body(response):
                        with closing(cast("Generator[bytes]", response.iter_raw())) as chunks:
                            all(current.add(chunk) and current.is_in_time() for chunk in chunks)
                return
        except Exception as error:  # noqa: BLE001 - hooks are the caller's own code
            current.fail(error)

    def reset(self) -> None:
        """Do nothing: the connections are the caller's."""

    def close(self) -> None:
        """Stop sending; the caller's client stays open."""
        self.closed = True


class AsyncHttpxEngine(_BorrowedClient[httpx.AsyncClient]):
    """Sends requests through an `httpx.AsyncClient`, under asyncio or trio."""

    def __init__(self, client: object, server: Server) -> None:
        """Create the engine; it sends nothing yet; see `_BorrowedClient`."""
        super().__init__(client, httpx.AsyncClient, server)

    async def send(
        self, request: Request, secret: Secret, deadline: Deadline, limit: int
    ) -> AttemptResult:
        """Make one attempt, which ends at the deadline."""
        token = httpcore_mapping.CURRENT_SECRET.set(secret)
        try:
            current = Exchange(self._copy(), self._server, request, secret, deadline, limit)
            await self._exchange(current, deadline)
            return current.attempt_result()
        except BaseException as error:
            exchange.clear_frames(error)
            raise
        finally:
            httpcore_mapping.CURRENT_SECRET.reset(token)

    @staticmethod
    async def _exchange(current: Exchange[httpx.AsyncClient], deadline: Deadline) -> None:
        async def begin(response: httpx.Response) -> None:
            current.begin(response)

        try:
            current.prepare(begin)
            with anyio.fail_after(deadline.remaining()):
                while deadline.remaining():
                    request = current.request(trace=_Trace(current).on_event)
                    try:
                        response = await current.client.send(
                            request, stream=True, auth=None, follow_redirects=False
                        )
                    except httpx.PoolTimeout:  # nothing was sent
                        await anyio.sleep(_POOL_RETRY_S)
                        continue
                    await _read(current, response)
                    return
        except Exception as error:  # noqa: BLE001 - hooks are the caller's own code
            current.fail(error)

    async def sleep(self, seconds: float) -> None:
        """Wait for some seconds."""
        await anyio.sleep(seconds)

    def within(self, seconds: float) -> AbstractAsyncContextManager[None]:
        """Return a context manager that raises a `TimeoutError` after some seconds."""
        return _within(seconds)

    async def reset(self) -> None:
        """Do nothing: the connections are the caller's."""

    async def close(self) -> None:
        """Stop sending; the caller's client stays open."""
        self.closed = True


@asynccontextmanager
async def _within(seconds: float) -> AsyncGenerator[None]:
    with anyio.fail_after(seconds):
        yield


async def _read(current: Exchange[httpx.AsyncClient], response: httpx.Response) -> None:
    """Read the body, and close the response."""
    async with aclosing(response):
        if not current.has_body(response):
            async with aclosing(cast("AsyncGenerator[bytes]", response.aiter_raw())) as chunks:
                async for chunk in chunks:
                    if not current.add(chunk):
                        break


class _Trace:
    """Receives httpcore's trace events of a request."""

    def __init__(self, current: Exchange[httpx.AsyncClient]) -> None:
        self._current = current
        self._socket: Any = None

    async def on_event(self, event: str, info: dict[str, Any]) -> None:
        """Lower the timeouts of the next phase; close a socket whose TLS handshake was cancelled.

        httpcore would leak that socket.
        """
        self._current.lower_timeouts()
        if event.endswith("connect_tcp.complete"):
            self._socket = info["return_value"]
        elif event.endswith("start_tls.failed") and self._socket is not None:
            with anyio.CancelScope(shield=True):
                await self._socket.aclose()
