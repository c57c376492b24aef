"""One connection on asyncio, and the answers on it, one at a time (RFC 9112), over httptools."""

import asyncio
import select
from typing import Final, cast

import httptools

from modelgates_client.transport import exchange
from modelgates_client.transport.messages import Failure

_READ_SIZE: Final = 16 * 1024  # bytes read at a time; most answers are shorter
_HEAD_LIMIT: Final = 100 * 1024  # bytes of a head, give or take a read
_FIRST_BYTE: Final = ord("H")  # of "HTTP"; llhttp takes RTSP as well, and empty lines before it

_INFORMATIONAL: Final = range(100, 200)
_SWITCHING: Final = 101


class HTTPReader(asyncio.BufferedProtocol):
    """Reads an answer to its end, and no further; what nobody asked for ends the connection.

    Attributes:
        status: That of the answer, once its head is whole; 0 before.
        headers: Names and values, as they came.
        body: As much of the body as came, and hardly more than `limit`.
        failed: Why the answer is not whole; None when it is.
        limit: The most bytes that its body may have.
        reusable: Whether the connection may be asked again.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Be connected by `loop`."""
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = bytearray()
        self.failed: Failure | None = None
        self.limit = 0
        self.reusable = False
        self._loop = loop
        self._buffer = memoryview(bytearray(_READ_SIZE))
        self._transport: asyncio.Transport | None = None
        self._readable = select.poll()
        self._parser: httptools.HttpResponseParser | None = None
        self._answered: asyncio.Future[None] | None = None
        self._asked = False
        self._until_s = 0.0  # by the loop's clock: when the answer is due, or keeping it is over
        self._timer: asyncio.TimerHandle | None = None
        self._refused = ""
        self._head_size = 0
        self._is_interim = False
        self._is_whole = False
        self._is_kept = False

    def expect(self, limit: int, seconds: float) -> asyncio.Future[None]:
        """Take what comes from now on as an answer.

        Returns:
            What is done when the answer is whole, or has failed.
        """
        self.status = 0
        self.headers = []
        self.body = bytearray()
        self.failed = None
        self.limit = limit
        self.reusable = False
        self._refused = ""
        self._head_size = 0
        self._asked = self._is_interim = self._is_whole = self._is_kept = False
        # Another one for each answer: nothing of the one before, like trailers, is left in it.
        self._parser = httptools.HttpResponseParser(self)
        self._until_s = self._loop.time() + seconds
        # A timer that is early enough is left as it is, and looks again: few ever have to ring.
        if self._timer is None or self._timer.when() > self._until_s:
            self._set_timer()
        self._answered = self._loop.create_future()
        return self._answered

    def ask(self, request: bytes) -> None:
        """Send the request whose answer is expected."""
        if self._transport is None:
            raise RuntimeError("there is no connection yet")
        self._asked = True
        self._transport.write(request)

    def is_quiet(self) -> bool:
        """Whether it is open, has not been idle for long, and nothing came beyond the answer.

        The last is asked of the system, too: what came may not have been read yet.
        """
        return (
            self._transport is not None
            and not self._transport.is_closing()
            and self._loop.time() < self._until_s
            and not self._readable.poll(0)
        )

    def abort(self) -> None:
        """Close the connection at once, whatever happens on it."""
        self.reusable = False
        self._parser = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None:
            self._transport.abort()

    # --- what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the connection."""
        self._transport = cast("asyncio.Transport", transport)
        self._readable.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's
        """Return where to put what comes."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take what came."""
        parser = self._parser
        if parser is None:  # it came when nothing was asked
            self.abort()
            return
        if not (self.status or self._head_size) and self._buffer[0] != _FIRST_BYTE:
            self._refused = "it does not begin with HTTP"
        elif self._feed(parser, nbytes):
            # What fills the buffer may not be all there is: TLS has a buffer of its own.
            self.reusable = self._is_kept and self._asked and nbytes < _READ_SIZE
            self._end(None)
            return
        if not self.status:
            self._head_size += nbytes
            if self._head_size > _HEAD_LIMIT:
                self._refused = self._refused or f"its head is larger than {_HEAD_LIMIT} bytes"
        if self._refused:
            self._end(Failure("connection", f"the answer is no whole HTTP: {self._refused}"))
        elif len(self.body) > self.limit:
            self._end(None)

    def eof_received(self) -> None:
        """Take the end of the connection for the end of a body that has no other."""
        self._lose(None)
        self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give up what is expected."""
        self._lose(exc)
        self.abort()
        self._transport = None

    # --- what httptools calls

    def on_message_begin(self) -> None:
        """Notice what comes behind the answer."""
        self._is_kept = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, or leave a trailer."""
        if not self.status:
            self.headers.append((name, value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        """Take the head, unless it is one of those before the answer's own."""
        parser = self._parser
        if parser is None or self.status or self._refused:
            return
        status = parser.get_status_code()
        if status in _INFORMATIONAL and status != _SWITCHING:
            self._is_interim = True
            self.headers = []
            return
        self._refused = self._problem(status, parser.get_http_version())
        if not self._refused:
            self.status = status
            self.limit = exchange.body_limit(status, self.limit)

    def on_body(self, body: bytes) -> None:
        """Take a part of the body, unless there is too much of it already."""
        if not self._is_whole and len(self.body) <= self.limit:
            self.body += body

    def on_message_complete(self) -> None:
        """Note the end of the answer."""
        if self._is_interim:
            self._is_interim = False
        elif not self._is_whole and self._parser is not None:
            self._is_whole = True
            # RFC 9112, section 9.3: by default, connections of HTTP/1.0 end with the answer.
            is_old = self._parser.get_http_version() != "1.1"
            self._is_kept = not is_old and self._parser.should_keep_alive()

    # --- the rest

    def _feed(self, parser: httptools.HttpResponseParser, nbytes: int) -> bool:
        """Let the parser call back; return whether the answer is whole."""
        try:
            parser.feed_data(self._buffer[:nbytes])
        except httptools.HttpParserCallbackError as error:  # raised in one of those above
            raise (error.__context__ or error) from None
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._is_kept = False
            if not self._is_whole:
                self._refused = self._refused or str(error)
        return self._is_whole and not self._refused

    def _problem(self, status: int, version: str) -> str:
        """Return why a head is refused, if it is; httptools leaves more to its callers than h11."""
        if version not in {"1.0", "1.1"}:
            return f"its version is {version}"
        if status < _INFORMATIONAL.start or status == _SWITCHING:
            return f"its status is {status}"
        codings = self._values(b"transfer-encoding")
        if codings and codings != [b"chunked"]:
            return "it has transfer codings other than chunked"
        return ""

    def _values(self, wanted: bytes) -> list[bytes]:
        size = len(wanted)
        return [
            value.lower()
            for name, value in self.headers
            if len(name) == size and name.lower() == wanted
        ]

    def _lose(self, error: Exception | None) -> None:
        if self._parser is None:
            return
        # RFC 9112, section 6.3: where the end is told neither by a length nor by chunks.
        is_open = not (self._values(b"content-length") or self._values(b"transfer-encoding"))
        if self.status and is_open and error is None:
            self._end(None)
        else:
            why = error or "it ended before the answer did"
            self._end(Failure("connection", f"the connection broke: {why}"))

    def _end(self, failed: Failure | None) -> None:
        self.failed = failed
        self._parser = None
        self._until_s = self._loop.time() + exchange.KEEP_ALIVE_S
        if self._answered is not None and not self._answered.done():
            self._answered.set_result(None)

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
