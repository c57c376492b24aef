"""The engines over an httpx client of the caller's: one attempt, blocking or awaited.

The client stays the caller's: it is never closed, changed, or given the key. Each request goes
through a copy of it that shares its transports, hooks, headers and timeouts, and nothing else:
no cookie is sent or stored, no redirect followed, neither its `auth` nor its `params` added.
"""

import os
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, closing
from typing import Any, Final, Generic, NamedTuple, TypeVar, cast

import anyio
import httpx

from modelgates_client.errors import ConfigurationError
from modelgates_client.transport import exchange, httpcore_terms
from modelgates_client.transport.credentials import Secret
from modelgates_client.transport.deadline import Deadline
from modelgates_client.transport.messages import Ending, Failure, Request
from modelgates_client.transport.options import Server
from modelgates_runtime.errors import ClientClosedError

C = TypeVar("C", bound=httpx.Client | httpx.AsyncClient)

_LOOK_S: Final = 0.01  # seconds until a call that found no place in the pool looks again
#: Of the caller's headers, those that say whose request it is, or what is in it.
_NOT_SENT: Final = frozenset(
    {"authorization", "content-length", "content-type", "cookie", "host", "transfer-encoding"}
)

#: What transports raise when there is no answer; beside httpx's own, what it lets through.
_FAILURES: Final = (
    httpx.TransportError,
    OSError,
    EOFError,
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
    anyio.EndOfStream,
)


class _Head(NamedTuple):
    status: int
    headers: list[tuple[bytes, bytes]]


class _Exchange(Generic[C]):
    """One request by a copy of the caller's client, and what has come of it."""

    def __init__(  # noqa: PLR0913, PLR0917 - what `send` is given, and by whom
        self,
        client: C,
        server: Server,
        request: Request,
        secret: Secret,
        deadline: Deadline,
        limit: int,
    ) -> None:
        self._server, self._request, self._secret = server, request, secret
        self._deadline, self._limit = deadline, limit
        self._head: _Head | None = None
        self._body = bytearray()
        self._failed: Failure | None = None
        self._timeouts: dict[str, float] = {}
        self.client: C = client

    def prepare(self, hook: Any) -> None:
        """Leave out what is not for us; have the head before a hook of the caller's may raise."""
        client = self.client
        client.cookies = httpx.Cookies()
        client.params = httpx.QueryParams()
        kept = [one for one in client.headers.multi_items() if one[0] not in _NOT_SENT]
        client.headers = httpx.Headers(kept)
        hooks: Any = client.event_hooks
        client.event_hooks = {**hooks, "response": [hook, *hooks["response"]]}

    def lower(self, *_: object) -> None:
        """Lower the caller's timeouts to what remains now, in seconds."""
        left = self._deadline.remaining()
        for name, value in self.client.timeout.as_dict().items():
            self._timeouts[name] = left if value is None else min(left, value)

    def request(self, **extensions: Any) -> httpx.Request:
        """Return the request in httpx's terms."""
        server = self._server
        self.lower()
        key = f"Bearer {self._secret.reveal()}"
        return self.client.build_request(
            self._request.method,
            f"{server.scheme}://{server.authority}{self._request.target}",
            headers=[
                ("Host", server.authority),
                *self._request.headers,
                *([("Authorization", key)] if self._request.is_secured else []),
            ],
            content=self._request.body,
            extensions={"timeout": self._timeouts, **extensions},
        )

    def begin(self, response: httpx.Response) -> None:
        """Take the head."""
        self._head = _Head(response.status_code, response.headers.raw)
        self._limit = exchange.body_limit(response.status_code, self._limit)

    def has_body(self, response: httpx.Response) -> bool:
        """Take the body, if it has been read and decoded already; return whether it has."""
        if not response.is_stream_consumed:
            return False
        self._body += response.content
        if self._head is not None:
            headers = [one for one in self._head.headers if one[0].lower() != b"content-encoding"]
            self._head = self._head._replace(headers=headers)
        return True

    def take(self, chunk: bytes) -> bool:
        """Take a part of the body; return whether another may come."""
        self._body += chunk
        return len(self._body) <= self._limit

    def is_in_time(self) -> bool:
        """Return whether there is time for another part; if not, this is the end."""
        if not self._deadline.remaining():
            self._failed = exchange.timed_out()
        return self._failed is None

    def fail(self, error: Exception) -> None:
        """Take an error for what it means; it may be one of a hook, whatever that is."""
        said = self._secret.masked(f"{type(error).__name__}: {error}".removesuffix(": "))
        if not self._deadline.remaining():
            self._failed = exchange.timed_out()
        elif isinstance(error, httpx.TimeoutException | TimeoutError):
            is_sent = not isinstance(error, httpx.ConnectTimeout)
            self._failed = Failure("timeout", f"the http_client gave up sooner: {said}", is_sent)
        elif isinstance(error, _FAILURES):
            self._failed = httpcore_terms.failure(error, self._secret, httpx)
        else:
            self._failed = Failure("refused", f"the http_client failed: {said}")

    def ending(self) -> Ending:
        """Return what came, or why nothing did."""
        return exchange.incoming(
            self._head, bytes(self._body), self._failed, self._limit, self._secret
        )


def _leave(_: object) -> None:
    """Close nothing."""


class _Lent(Generic[C]):
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
        httpcore_terms.hide_ours()
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
            raise exchange.closed()
        if self._client.is_closed:
            raise ClientClosedError("the http_client was closed; give one that is open")
        if self._process_id != os.getpid():
            raise ConfigurationError(
                "the http_client is of the process that this one was forked from, and both would "
                "read one another's answers; make it, and its client, in the process that uses it"
            )


class HttpxEngine(_Lent[httpx.Client]):
    """Sends requests by an `httpx.Client`; as safe to share between threads as that is."""

    def __init__(self, client: object, server: Server) -> None:
        """Send nothing yet; see `_Lent`."""
        super().__init__(client, httpx.Client, server)

    def send(self, request: Request, secret: Secret, deadline: Deadline, limit: int) -> Ending:
        """Make one attempt.

        It is over at the deadline but for what cannot be cut: each read ends in time, many of them
        that bring a byte each need not. Between two parts of a body there is a look at the clock.
        """
        ours = httpcore_terms.OURS.set(secret)
        try:
            done = _Exchange(self._copy(), self._server, request, secret, deadline, limit)
            self._exchange(done, deadline)
            return done.ending()
        except BaseException as error:
            exchange.cut(error)
            raise
        finally:
            httpcore_terms.OURS.reset(ours)

    @staticmethod
    def _exchange(done: _Exchange[httpx.Client], deadline: Deadline) -> None:
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


class AsyncHttpxEngine(_Lent[httpx.AsyncClient]):
    """Sends requests by an `httpx.AsyncClient`, on whatever that runs on: asyncio, or trio."""

    def __init__(self, client: object, server: Server) -> None:
        """Send nothing yet; see `_Lent`."""
        super().__init__(client, httpx.AsyncClient, server)

    async def send(
        self, request: Request, secret: Secret, deadline: Deadline, limit: int
    ) -> Ending:
        """Make one attempt; it is over at the deadline."""
        ours = httpcore_terms.OURS.set(secret)
        try:
            done = _Exchange(self._copy(), self._server, request, secret, deadline, limit)
            await self._exchange(done, deadline)
            return done.ending()
        except BaseException as error:
            exchange.cut(error)
            raise
        finally:
            httpcore_terms.OURS.reset(ours)

    @staticmethod
    async def _exchange(done: _Exchange[httpx.AsyncClient], deadline: Deadline) -> None:
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


async def _read(done: _Exchange[httpx.AsyncClient], response: httpx.Response) -> None:
    """Take the body, and close the response."""
    async with aclosing(response):
        if not done.has_body(response):
            async with aclosing(cast("AsyncGenerator[bytes]", response.aiter_raw())) as chunks:
                async for chunk in chunks:
                    if not done.take(chunk):
                        break


class _Trace:
    """Hears from httpcore how far a request is."""

    def __init__(self, done: _Exchange[httpx.AsyncClient]) -> None:
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
