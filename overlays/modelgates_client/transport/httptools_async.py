"""The engine of `AsyncModelGates` that is fast: one attempt, awaited, over httptools."""

import asyncio
import contextlib
import re
import socket
import ssl
import sys
from types import FunctionType
from typing import Any, Final

from modelgates_client.transport import exchange
from modelgates_client.transport.async_pool import PooledAsyncEngine
from modelgates_client.transport.credentials import Secret
from modelgates_client.transport.deadline import Deadline
from modelgates_client.transport.happy_eyeballs import open_socket
from modelgates_client.transport.messages import AttemptResult, Failure, Request
from modelgates_client.transport.options import NetworkOptions, Server
from modelgates_client.transport.protocol import HTTPReader

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2
_TARGET: Final = re.compile(r"[\x21-\x7e]+")
_VALUE: Final = re.compile(  # RFC 9110, section 5.5
    r"(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?"
)
#: Those by which a server would see another request, or expect a body behind this one.
_OURS: Final = frozenset(
    {"authorization", "connection", "content-length", "host", "transfer-encoding"}
)
_BODILESS: Final = frozenset({"CONNECT", "HEAD"})  # methods whose answers end elsewhere

_MOMENT_S: Final = 1.0


class _RequestHeads:
    """The heads of requests, but for the key: checked, and kept as long as the headers are those.

    No key is in them, so that none is kept.
    """

    def __init__(self, server: Server) -> None:
        self._host = f"Host: {server.authority}\r\n"
        # One value, since the event loops of several threads may share an engine.
        self._kept: tuple[tuple[tuple[str, str], ...], bytes] = ((), self._host.encode())

    def of(self, request: Request) -> bytes | str:
        """Return a head up to the key, or why there can be none."""
        headers, lines = self._kept
        if request.headers is not headers:
            for name, value in request.headers:
                if not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
                    return f"the header {name!r} has what no header may have"
                if name.lower() in _OURS:
                    return f"the header {name!r} is the engine's own"
            text = "".join([f"{name}: {value}\r\n" for name, value in request.headers])
            lines = (self._host + text).encode("latin-1")
            self._kept = (request.headers, lines)
        if not _TARGET.fullmatch(request.target):
            return "the target has what no target may have"
        if not _TOKEN.fullmatch(request.method) or request.method in _BODILESS:
            return f"{request.method!r} is no method of this engine"
        return f"{request.method} {request.target} HTTP/1.1\r\n".encode() + lines


class _HttptoolsConnection:
    """One connection, or the place of one: opened and opened again when needed."""

    def __init__(self, options: NetworkOptions, heads: _RequestHeads) -> None:
        self._options = options
        self._heads = heads
        self._answers: HTTPReader | None = None
        self._socket: socket.socket | None = None

    async def send(
        self, request: Request, secret: Secret, deadline: Deadline, limit: int
    ) -> AttemptResult:
        """Send a request, and read its answer to the end, or to the deadline."""
        head = self._heads.of(request)
        if isinstance(head, str) or secret.problem() is not None:
            why = head if isinstance(head, str) else "the key has what no header may have"
            return Failure("refused", f"the request cannot be sent: {why}")
        try:
            remaining_s = deadline.remaining()
            if not remaining_s:
                return exchange.timeout_failure()
            answers = self._answers
            failed: Failure | None = None
            if answers is not None and answers.is_quiet():
                answered = answers.expect(limit, remaining_s)
            else:
                await self.close()
                answers = self._answers = HTTPReader(asyncio.get_running_loop())
                # What a server says before it is asked is an answer, too: that it has no time.
                answered = answers.expect(limit, remaining_s)
                failed = await self._connect(answers, remaining_s)
            if failed is None:
                if not answered.done():
                    answers.ask(head + _rest(request, secret))
                    await answered
                failed = answers.failed
            if failed is not None:  # the words may be the server's
                failed = failed._replace(reason=secret.masked(failed.reason))
            whole = answers if answers.status else None
            return exchange.attempt_result(
                whole, bytes(answers.body), failed, answers.limit, secret
            )
        except BaseException as error:
            exchange.clear_frames(error)
            raise

    async def _connect(self, answers: HTTPReader, remaining_s: float) -> Failure | None:
        loop = asyncio.get_running_loop()
        server = self._options.server
        options: dict[str, Any] = {}
        if server.scheme == "https":
            context = self._options.trust.tls()
            context.set_alpn_protocols(["http/1.1"])  # a caller's own may offer others
            options["ssl"] = context
            options["server_hostname"] = server.host
            options["ssl_handshake_timeout"] = remaining_s + _MOMENT_S  # longer than the deadline
        try:
            async with asyncio.timeout(remaining_s):
                sock = self._socket = await open_socket(server.host, server.port)
                await loop.create_connection(lambda: answers, sock=sock, **options)
        except ssl.SSLCertVerificationError as error:
            why = error.verify_message or error.reason
            return Failure("untrusted", f"the server's certificate is not trusted: {why}")
        except TimeoutError:
            return exchange.timeout_failure()
        except (OSError, ValueError) as error:
            return exchange.connect_failure(error, str(error) or type(error).__name__)
        return None

    def is_spent(self) -> bool:
        """Whether it must not be used again."""
        return self._answers is None or not self._answers.reusable

    async def close(self) -> None:
        """Close it, whatever it is doing."""
        if self._answers is not None:
            self._answers.abort()

    def abandon(self) -> None:
        """Close its socket, without its event loop."""
        if self._answers is not None:
            with contextlib.suppress(RuntimeError):  # the event loop is closed
                self._answers.abort()
        if self._socket is not None:
            self._socket.close()


def _rest(request: Request, secret: Secret) -> bytes:
    """Return what follows a head: the key, and the body."""
    key = b"Authorization: Bearer " + secret.reveal().encode() if request.is_secured else b""
    if request.body is None:
        return key + b"\r\n\r\n" if key else b"\r\n"
    length = f"Content-Length: {len(request.body)}\r\n\r\n".encode()
    return (key + b"\r\n" if key else b"") + length + request.body


def _is_httpcore_replaced() -> bool:
    """Whether something stands in for httpcore's sending, as respx does while it mocks."""
    httpcore = sys.modules.get("httpcore")
    if httpcore is None:
        return False
    sends = httpcore.AsyncConnectionPool.handle_async_request
    if type(sends) is not FunctionType:
        return True
    return not sends.__globals__["__name__"].startswith("httpcore.")


class HttptoolsEngine(PooledAsyncEngine):
    """Sends requests over httptools, and through no proxy.

    What is told to httpcore meanwhile, as by a mock, holds all the same: then it sends over that.
    """

    def __init__(self, options: NetworkOptions, connections: int | None = None) -> None:
        """Connect when the first request is sent, not before; see `PooledAsyncEngine`."""
        super().__init__(options, connections)
        self._heads = _RequestHeads(options.server)
        self._replaced: PooledAsyncEngine | None = None

    async def send(
        self, request: Request, secret: Secret, deadline: Deadline, limit: int
    ) -> AttemptResult:
        """Make one attempt; see `PooledAsyncEngine.send`."""
        if not _is_httpcore_replaced():
            return await super().send(request, secret, deadline, limit)
        if self._replaced is None:
            from modelgates_client.transport.httpcore_async import HttpcoreAsyncEngine  # noqa: PLC0415 - rare

            self._replaced = HttpcoreAsyncEngine(self.options, self._most)
        return await self._replaced.send(request, secret, deadline, limit)

    async def close(self) -> None:
        """Close the connections; see `PooledAsyncEngine.close`."""
        await super().close()
        if self._replaced is not None:
            await self._replaced.close()

    def _connection(self) -> _HttptoolsConnection:
        return _HttptoolsConnection(self.options, self._heads)
