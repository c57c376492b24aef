"""The fast engine of `AsyncModelGates`: one attempt over httptools."""

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
#: Headers that only the engine sets: others could make a server see a second request, or wait for
#: a body.
_ENGINE_HEADERS: Final = frozenset(
    {"authorization", "connection", "content-length", "host", "transfer-encoding"}
)
_BODILESS: Final = frozenset({"CONNECT", "HEAD"})  # methods whose responses are framed differently

_HANDSHAKE_GRACE_S: Final = 1.0  # the deadline must end a handshake, not asyncio's timeout


class _RequestHeads:
    """Builds and checks the heads of requests; caches the header lines while they stay the same.

    The heads do not contain the API key, so it is never cached.
    """

    def __init__(self, server: Server) -> None:
        self._host = f"Host: {server.authority}\r\n"
        # One tuple, replaced as a whole: event loops of several threads may share an engine.
        self._cached: tuple[tuple[tuple[str, str], ...], bytes] = ((), self._host.encode())

    def build(self, request: Request) -> bytes | str:
        """Return the head without the key, or the reason why the request is invalid."""
        headers, lines = self._cached
        if request.headers is not headers:
            for name, value in request.headers:
                if not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
                    return f"the header {name!r} has an invalid name or value"
                if name.lower() in _ENGINE_HEADERS:
                    return f"the header {name!r} is set by the engine"
            text = "".join([f"{name}: {value}\r\n" for name, value in request.headers])
            lines = (self._host + text).encode("latin-1")
            self._cached = (request.headers, lines)
        if not _TARGET.fullmatch(request.target):
            return "the target has invalid characters"
        if not _TOKEN.fullmatch(request.method) or request.method in _BODILESS:
            return f"the method {request.method!r} is not supported"
        return f"{request.method} {request.target} HTTP/1.1\r\n".encode() + lines


class _HttptoolsConnection:
    """One connection of the pool; it connects, and reconnects, when it is needed."""

    def __init__(self, options: NetworkOptions, heads: _RequestHeads) -> None:
        self._options = options
        self._heads = heads
        self._reader: HTTPReader | None = None
        self._socket: socket.socket | None = None

    async def send(
        self, request: Request, secret: Secret, deadline: Deadline, limit: int
    ) -> AttemptResult:
        """Send a request, and read the response to its end or until the deadline."""
        head = self._heads.build(request)
        if isinstance(head, str) or secret.problem() is not None:
            why = (
                head
                if isinstance(head, str)
                else "the key has characters that are invalid in a header"
            )
            return Failure("refused", f"the request cannot be sent: {why}")
        try:
            remaining_s = deadline.remaining()
            if not remaining_s:
                return exchange.timeout_failure()
            reader = self._reader
            failed: Failure | None = None
            if reader is not None and reader.is_fresh() and not reader.has_unread_data():
                completed = reader.expect(limit, remaining_s)
            else:
                await self.close()
                reader = self._reader = HTTPReader(asyncio.get_running_loop())
                # A server may respond before it gets a request, for example that it is overloaded.
                completed = reader.expect(limit, remaining_s)
                failed = await self._connect(reader, remaining_s)
            if failed is None:
                if not completed.done():
                    reader.write(head + _key_and_body(request, secret))
                    await completed
                failed = reader.failed
            if failed is not None:  # the reason may quote the server
                failed = failed._replace(reason=secret.masked(failed.reason))
            head_read = reader if reader.status else None
            return exchange.attempt_result(
                head_read, bytes(reader.body), failed, reader.limit, secret
            )
        except BaseException as error:
            exchange.clear_frames(error)
            raise

    async def _connect(self, reader: HTTPReader, remaining_s: float) -> Failure | None:
        loop = asyncio.get_running_loop()
        server = self._options.server
        options: dict[str, Any] = {}
        if server.scheme == "https":
            context = self._options.trust.tls()
            context.set_alpn_protocols(["http/1.1"])  # the caller's may offer others
            options["ssl"] = context
            options["server_hostname"] = server.host
            options["ssl_handshake_timeout"] = remaining_s + _HANDSHAKE_GRACE_S
        try:
            async with asyncio.timeout(remaining_s):
                sock = self._socket = await open_socket(server.host, server.port)
                await loop.create_connection(lambda: reader, sock=sock, **options)
        except ssl.SSLCertVerificationError as error:
            why = error.verify_message or error.reason
            return Failure("untrusted", f"the server's certificate is not trusted: {why}")
        except TimeoutError:
            return exchange.timeout_failure()
        except (OSError, ValueError) as error:
            return exchange.connect_failure(error, str(error) or type(error).__name__)
        return None

    def is_reusable(self) -> bool:
        """Whether another request may be sent on it."""
        return self._reader is not None and self._reader.is_reusable

    async def close(self) -> None:
        """Close it, even in the middle of an exchange."""
        if self._reader is not None:
            self._reader.abort()

    def abandon(self) -> None:
        """Close its socket without its event loop."""
        if self._reader is not None:
            with contextlib.suppress(RuntimeError):  # the event loop is closed
                self._reader.abort()
        if self._socket is not None:
            self._socket.close()


def _key_and_body(request: Request, secret: Secret) -> bytes:
    """Return what follows the head: the authorization header and the body."""
    key = b"Authorization: Bearer " + secret.reveal().encode() if request.is_secured else b""
    if request.body is None:
        return key + b"\r\n\r\n" if key else b"\r\n"
    length = f"Content-Length: {len(request.body)}\r\n\r\n".encode()
    return (key + b"\r\n" if key else b"") + length + request.body


def _is_httpcore_replaced() -> bool:
    """Whether httpcore's sending is patched, for example by respx."""
    httpcore = sys.modules.get("httpcore")
    if httpcore is None:
        return False
    handler = httpcore.AsyncConnectionPool.handle_async_request
    if type(handler) is not FunctionType:
        return True
    return not handler.__globals__["__name__"].startswith("httpcore.")


class HttptoolsEngine(PooledAsyncEngine):
    """Sends requests over httptools; does not support proxies.

    While httpcore is patched, for example by a mock, requests go through httpcore instead.
    """

    def __init__(self, options: NetworkOptions, connections: int | None = None) -> None:
        """Create the engine; it connects with the first request; see `PooledAsyncEngine`."""
        super().__init__(options, connections)
        self._heads = _RequestHeads(options.server)
        self._fallback: PooledAsyncEngine | None = None

    async def send(
        self, request: Request, secret: Secret, deadline: Deadline, limit: int
    ) -> AttemptResult:
        """Make one attempt; see `PooledAsyncEngine.send`."""
        if not _is_httpcore_replaced():
            return await super().send(request, secret, deadline, limit)
        if self._fallback is None:
            from modelgates_client.transport.httpcore_async import HttpcoreAsyncEngine  # noqa: PLC0415 - rare

            self._fallback = HttpcoreAsyncEngine(self.options, self._max_connections)
        return await self._fallback.send(request, secret, deadline, limit)

    async def close(self) -> None:
        """Close the connections; see `PooledAsyncEngine.close`."""
        await super().close()
        if self._fallback is not None:
            await self._fallback.close()

    def _connection(self) -> _HttptoolsConnection:
        return _HttptoolsConnection(self.options, self._heads)
