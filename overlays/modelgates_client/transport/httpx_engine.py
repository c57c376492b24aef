"""The engines over an httpx client of the caller's: one attempt, blocking or awaited.

The client stays the caller's: it is never closed, changed, or given the key. Each request goes
through a copy of it that shares its transports, hooks, headers and timeouts, and nothing else:
no cookie is sent or stored, no redirect followed, neither its `auth` nor its `params` added.
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

_LOOK_S: Final = 0.01  # seconds until a call that found no place in the pool looks again


def _leave(_: object) -> None:
    """Close nothing."""


class _BorrowedClient(Generic[C]):
    """A client of the caller's, which sends to one server.

    Attributes:
        closed: Whether the engine was; the caller's client stays as it is.
    """

    def __init__(self, client: object, kind: type[C], server: Server) -> None:
        """Check the client.

        Raises:
            ConfigurationError: It is none, or not of the kind.
            ClientClosedError: It was closed.
        """
        if not isinstance(client, kind):
            given = type(client)
            taker = "ModelGates" if kind is httpx.Client else "AsyncModelGates"
            raise ConfigurationError(
                f"http_client is {given.__module__}.{given.__qualname__}; {taker} takes an "
                f"httpx.{kind.__name__}"
            )
        self.closed = False
        self._client = client
        self._server = server
        self._process_id = os.getpid()
        # Copies are of a class that closes nothing when they are collected, as some do.
        self._copied: type[Any] = type(kind.__name__, (type(client),), {"__del__": _leave})
        httpcore_mapping.hide_ours()
        self.check()

    def _copy(self) -> C:
        """Return a client that shares all with the caller's, until it is told otherwise."""
        client: C = object.__new__(self._copied)
        vars(client).update(vars(self._client))
        return client

    def check(self) -> None:
        """Fail if nothing can be sent any more.

        Raises:
            ClientClosedError: It was closed, or the caller's client.
            ConfigurationError: This is another process.
        """
        if self.closed:
            raise exchange.closed_error()
        if self._client.is_closed:
            raise ClientClosedError("the http_client was closed; give one that is open")
        if self._process_id != os.getpid():
            raise ConfigurationError(
                "the http_client is of the process that this one was forked from, and both would "
                "read one another's answers; make it, and its client, in the process that uses it"
            )


class HttpxEngine(_BorrowedClient[httpx.Client]):
    """Sends requests by an `httpx.Client`; as safe to share between threads as that is."""

    def __init__(self, client: object, server: Server) -> None:
        """Send nothing yet; see `_BorrowedClient`."""
        super().__init__(client, httpx.Client, server)

    def send(
        self, request: Request, secret: Secret, deadline: Deadline, limit: int
    ) -> AttemptResult:
        """Make one attempt.

        It is over at the deadline but for what cannot be cut: each read ends in time, many of them
        that bring a byte each need not. Between two parts of a body there is a look at the clock.
        """
        ours = httpcore_mapping.OURS.set(secret)
        try:
            done = Exchange(self._copy(), self._server, request, secret, deadline, limit)
            self._exchange(done, deadline)
            return done.attempt_result()
        except BaseException as error:
            exchange.clear_frames(error)
            raise
        finally:
            httpcore_mapping.OURS.reset(ours)

    @staticmethod
    def _exchange(done: Exchange[httpx.Client], deadline: Deadline) -> None:
        try:
            done.prepare(done.begin)
            while deadline.remaining():
                # httpcore tells of each phase before it looks how long that may take.
                request = done.request(trace=done.lower)
                try:
                    response = done.client.send(
                        request, stream=True, auth=None, follow_redirects=False
                    )
                except httpx.PoolTimeout:  # nothing was sent
                    time.sleep(min(_LOOK_S, deadline.remaining()))
                    continue
                with closing(response):
                    if not done.has_body(response):
                        with closing(cast("Generator[bytes]", response.iter_raw())) as chunks:
                            all(done.take(chunk) and done.is_in_time() for chunk in chunks)
                return
        except Exception as error:  # noqa: BLE001 - hooks are the caller's own code
            done.fail(error)

    def reset(self) -> None:
        """Do nothing: the connections are the caller's."""

    def close(self) -> None:
        """Send no more; the caller's client stays open."""
        self.closed = True


class AsyncHttpxEngine(_BorrowedClient[httpx.AsyncClient]):
    """Sends requests by an `httpx.AsyncClient`, on whatever that runs on: asyncio, or trio."""

    def __init__(self, client: object, server: Server) -> None:
        """Send nothing yet; see `_BorrowedClient`."""
        super().__init__(client, httpx.AsyncClient, server)

    async def send(
        self, request: Request, secret: Secret, deadline: Deadline, limit: int
    ) -> AttemptResult:
        """Make one attempt; it is over at the deadline."""
        ours = httpcore_mapping.OURS.set(secret)
        try:
            done = Exchange(self._copy(), self._server, request, secret, deadline, limit)
            await self._exchange(done, deadline)
            return done.attempt_result()
        except BaseException as error:
            exchange.clear_frames(error)
            raise
        finally:
            httpcore_mapping.OURS.reset(ours)

    @staticmethod
    async def _exchange(done: Exchange[httpx.AsyncClient], deadline: Deadline) -> None:
        async def begin(response: httpx.Response) -> None:
            done.begin(response)

        try:
            done.prepare(begin)
            with anyio.fail_after(deadline.remaining()):
                while deadline.remaining():
                    request = done.request(trace=_Trace(done).hear)
                    try:
                        response = await done.client.send(
                            request, stream=True, auth=None, follow_redirects=False
                        )
                    except httpx.PoolTimeout:  # nothing was sent
                        await anyio.sleep(_LOOK_S)
                        continue
                    await _read(done, response)
                    return
        except Exception as error:  # noqa: BLE001 - hooks are the caller's own code
            done.fail(error)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await anyio.sleep(seconds)

    def within(self, seconds: float) -> AbstractAsyncContextManager[None]:
        """Return what raises a `TimeoutError` after some seconds."""
        return _within(seconds)

    async def reset(self) -> None:
        """Do nothing: the connections are the caller's."""

    async def close(self) -> None:
        """Send no more; the caller's client stays open."""
        self.closed = True


@asynccontextmanager
async def _within(seconds: float) -> AsyncGenerator[None]:
    with anyio.fail_after(seconds):
        yield


async def _read(done: Exchange[httpx.AsyncClient], response: httpx.Response) -> None:
    """Take the body, and close the response."""
    async with aclosing(response):
        if not done.has_body(response):
            async with aclosing(cast("AsyncGenerator[bytes]", response.aiter_raw())) as chunks:
                async for chunk in chunks:
                    if not done.take(chunk):
                        break


class _Trace:
    """Hears from httpcore how far a request is."""

    def __init__(self, done: Exchange[httpx.AsyncClient]) -> None:
        self._done = done
        self._socket: Any = None

    async def hear(self, event: str, info: dict[str, Any]) -> None:
        """Lower the timeouts of the next phase; close a socket whose handshake was cancelled.

        httpcore forgets it.
        """
        self._done.lower()
        if event.endswith("connect_tcp.complete"):
            self._socket = info["return_value"]
        elif event.endswith("start_tls.failed") and self._socket is not None:
            with anyio.CancelScope(shield=True):
                await self._socket.aclose()
