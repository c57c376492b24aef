"""An asyncio protocol that reads responses (RFC 9112), one at a time, over httptools."""

import asyncio
import select
from typing import Final, cast

import httptools

from modelgates_client.transport import exchange
from modelgates_client.transport.messages import Failure

_READ_SIZE: Final = 16 * 1024  # bytes per read; most responses are shorter
_HEAD_LIMIT: Final = 100 * 1024  # maximum bytes of a head, to within one read
_FIRST_BYTE: Final = ord("H")  # of "HTTP"; llhttp also accepts RTSP, and leading empty lines

_INFORMATIONAL: Final = range(100, 200)
_SWITCHING: Final = 101


class HTTPReader(asyncio.BufferedProtocol):
    """Reads one response to its end; data without a request closes the connection.

    Attributes:
        status: The HTTP status, once the head is complete; 0 before.
        headers: Names and values as received.
        body: The body received so far; at most one read more than `limit`.
        failed: Why the response is incomplete; None when it is complete.
        limit: The maximum size of the body, in bytes.
        is_reusable: Whether another request may be sent on the connection.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Create a protocol for a connection of `loop`."""
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = bytearray()
        self.failed: Failure | None = None
        self.limit = 0
        self.is_reusable = False
        self._loop = loop
        self._buffer = memoryview(bytearray(_READ_SIZE))
        self._transport: asyncio.Transport | None = None
        self._readable = select.poll()
        self._parser: httptools.HttpResponseParser | None = None
        self._completed: asyncio.Future[None] | None = None
        self._is_request_sent = False
        self._until_s = 0.0  # on the loop's clock: the response's deadline, or the end of idling
        self._timer: asyncio.TimerHandle | None = None
        self._refused = ""
        self._head_size = 0
        self._is_interim = False
        self._is_complete = False
        self._is_keep_alive = False

    def expect(self, limit: int, seconds: float) -> asyncio.Future[None]:
        """Expect a response.

        Args:
            limit: The maximum size of its body, in bytes.
            seconds: The time until the deadline.

        Returns:
            A future that is done when the response is complete or has failed.
        """
        self.status = 0
        self.headers = []
        self.body = bytearray()
        self.failed = None
        self.limit = limit
        self.is_reusable = False
        self._refused = ""
        self._head_size = 0
        self._is_request_sent = self._is_interim = self._is_complete = self._is_keep_alive = False
        # A new parser for each response, so that no state, such as trailers, carries over.
        self._parser = httptools.HttpResponseParser(self)
        self._until_s = self._loop.time() + seconds
        # A timer that fires early enough is kept, and reschedules itself: few timers ever expire.
        if self._timer is None or self._timer.when() > self._until_s:
            self._set_timer()
        self._completed = self._loop.create_future()
        return self._completed

    def write(self, request: bytes) -> None:
        """Send the request for the expected response."""
        if self._transport is None:
            raise RuntimeError("there is no connection yet")
        self._is_request_sent = True
        self._transport.write(request)

    def is_fresh(self) -> bool:
        """Whether the connection is open, and has been idle for less than `KEEP_ALIVE_S`."""
        return (
            self._transport is not None
            and not self._transport.is_closing()
            and self._loop.time() < self._until_s
        )

    def has_unread_data(self) -> bool:
        """Whether the socket has data, or an end, that the event loop has not read yet."""
        return bool(self._readable.poll(0))

    def abort(self) -> None:
        """Close the connection immediately, even in the middle of a response."""
        self.is_reusable = False
        self._parser = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None:
            self._transport.abort()

    # --- called by asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport, and watch its socket for data."""
        self._transport = cast("asyncio.Transport", transport)
        self._readable.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's
        """Return the buffer to read into."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Parse the data in the buffer."""
        parser = self._parser
        if parser is None:  # data without a request
            self.abort()
            return
        if not (self.status or self._head_size) and self._buffer[0] != _FIRST_BYTE:
            self._refused = "it does not start with HTTP"
        elif self._feed(parser, nbytes):
            # If the buffer is full there may be more data: TLS has a buffer of its own.
            self.is_reusable = self._is_keep_alive and self._is_request_sent and nbytes < _READ_SIZE
            self._end(None)
            return
        if not self.status:
            self._head_size += nbytes
            if self._head_size > _HEAD_LIMIT:
                self._refused = self._refused or f"its head is larger than {_HEAD_LIMIT} bytes"
        if self._refused:
            self._end(Failure("connection", f"the response is not valid HTTP: {self._refused}"))
        elif len(self.body) > self.limit:
            self._end(None)

    def eof_received(self) -> None:
        """Take the end of the connection as the end of a body without a declared length."""
        self._on_disconnect(None)
        self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the expected response."""
        self._on_disconnect(exc)
        self.abort()
        self._transport = None

    # --- called by httptools

    def on_message_begin(self) -> None:
        """Note a message, which after the response means excess data."""
        self._is_keep_alive = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Store a header; ignore a trailer."""
        if not self.status:
            self.headers.append((name, value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        """Store the status, unless this is an informational response."""
        parser = self._parser
        if parser is None or self.status or self._refused:
            return
        status = parser.get_status_code()
        if status in _INFORMATIONAL and status != _SWITCHING:
            self._is_interim = True
            self.headers = []
            return
        self._refused = self._head_problem(status, parser.get_http_version())
        if not self._refused:
            self.status = status
            self.limit = exchange.body_limit(status, self.limit)

    def on_body(self, body: bytes) -> None:
        """Store a part of the body, unless the limit is exceeded already."""
        if not self._is_complete and len(self.body) <= self.limit:
            self.body += body

    def on_message_complete(self) -> None:
        """Note the end of the response."""
        if self._is_interim:
            self._is_interim = False
        elif not self._is_complete and self._parser is not None:
            self._is_complete = True
            # RFC 9112, section 9.3: by default, HTTP/1.0 connections end with the response.
            is_http_1_0 = self._parser.get_http_version() != "1.1"
            self._is_keep_alive = not is_http_1_0 and self._parser.should_keep_alive()

    # --- internal

    def _feed(self, parser: httptools.HttpResponseParser, nbytes: int) -> bool:
        """Feed the parser; return whether the response is complete."""
        try:
            parser.feed_data(self._buffer[:nbytes])
        except httptools.HttpParserCallbackError as error:  # raised in a callback above
            raise (error.__context__ or error) from None
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._is_keep_alive = False
            if not self._is_complete:
                self._refused = self._refused or str(error)
        return self._is_complete and not self._refused

    def _head_problem(self, status: int, version: str) -> str:
        """Return why the head is rejected, or ""; httptools checks less than h11."""
        if version not in {"1.0", "1.1"}:
            return f"its version is {version}"
        if status < _INFORMATIONAL.start or status == _SWITCHING:
            return f"its status is {status}"
        codings = self._values(b"transfer-encoding")
        if codings and codings != [b"chunked"]:
            return "it has transfer codings other than chunked"
        return ""

    def _values(self, header: bytes) -> list[bytes]:
        size = len(header)
        return [
            value.lower()
            for name, value in self.headers
            if len(name) == size and name.lower() == header
        ]

    def _on_disconnect(self, error: Exception | None) -> None:
        if self._parser is None:
            return
        # RFC 9112, section 6.3: the body has neither a length nor chunks.
        has_length = self._values(b"content-length") or self._values(b"transfer-encoding")
        if self.status and not has_length and error is None:
            self._end(None)
        else:
            why = error or "it was closed before the response was complete"
            self._end(Failure("connection", f"the connection broke: {why}"))

    def _end(self, failed: Failure | None) -> None:
        self.failed = failed
        self._parser = None
        self._until_s = self._loop.time() + exchange.KEEP_ALIVE_S
        if self._completed is not None and not self._completed.done():
            self._completed.set_result(None)

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._until_s, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        if self._parser is None:
            return
        if self._loop.time() < self._until_s:
            self._set_timer()
        else:
            self._end(exchange.timeout_failure())
