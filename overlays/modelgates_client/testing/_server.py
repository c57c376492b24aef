"""The HTTP server of the stub, based on pytest-httpserver: no logs, and it stops quickly."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Final

from modelgates_client.testing._responses import StubResponse, StubStream

try:
    from pytest_httpserver import HTTPServer
    from werkzeug import Request, Response
    from werkzeug.serving import WSGIRequestHandler
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] not in {"pytest_httpserver", "werkzeug"}:
        raise
    raise ModuleNotFoundError(
        "the stub needs an extra: pip install 'modelgates-client[testing]'",
        name="pytest_httpserver",
    ) from error

_POLL_S: Final = 0.005  # how often the server checks whether to stop


class StubServer(HTTPServer):
    """Handles each request in its own thread."""

    def __init__(
        self,
        respond: Callable[[Request], StubResponse],
        on_invalid: Callable[[str], object],
        host: str,
        port: int,
    ) -> None:
        """Listen on a port; 0 is a free one.

        Args:
            respond: Returns the response to a request.
            on_invalid: Called with a description of each request that is not HTTP.
            host: The address to listen on.
            port: The port.
        """
        super().__init__(host, port, threaded=True)
        self.log = _DiscardingLog()
        self._respond = respond
        self.on_invalid = on_invalid
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._serving: dict[threading.Thread, socket.socket] = {}

    def start(self) -> None:
        """Start serving.

        Raises:
            OSError: The address or the port is not available.
        """
        # Otherwise werkzeug would print the error and end the process.
        with socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET) as probe:
            if os.name == "posix":  # elsewhere it would take over a port that is in use
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((self.host, self.port))
            probe.listen()
        super().start()

    def thread_target(self) -> None:
        """Serve requests; pytest-httpserver calls this in the server's thread."""
        if self.server is None:
            raise RuntimeError("the server was not created")
        stub_server = self

        class Handler(_StubHandler):
            owner = stub_server

        self.server.RequestHandlerClass = Handler
        self.server.serve_forever(poll_interval=_POLL_S)

    def stop(self) -> None:
        """Stop serving: end all delays and connections, and wait for their threads."""
        self._stopping.set()
        with self._lock:
            for connection in self._serving.values():
                hang_up(connection)
        super().stop()
        for thread in tuple(self._serving):
            thread.join()

    def dispatch(self, request: Request) -> Response:
        """Respond to a request; pytest-httpserver calls this."""
        response = self._respond(request)
        connection: socket.socket = request.environ["werkzeug.socket"]
        is_aborted = response.delay_s > 0 and self._stopping.wait(response.delay_s)
        if response.is_dropped or is_aborted:
            hang_up(connection)
            return Response()
        headers = dict(response.headers)
        if isinstance(response, StubStream):
            return Response(self._events(response, connection), response.status, headers)
        if not response.is_truncated:
            return Response(response.body, response.status, headers)
        length = len(response.body)
        truncated = Response(response.body[: length // 2], response.status, headers)
        truncated.headers["Content-Length"] = str(length)  # replaces the one by werkzeug
        return truncated

    def _events(self, stream: StubStream, connection: socket.socket) -> Iterator[bytes]:
        """Yield the events of a stream, until the server stops."""
        for event in stream.events:
            yield event
            if self._stopping.wait(stream.pause_s):
                return
        if stream.is_broken:
            hang_up(connection)

    def register(self, connection: socket.socket) -> None:
        """Remember the connection of this thread, to close it when the server stops."""
        with self._lock:
            self._serving = {
                thread: serving for thread, serving in self._serving.items() if thread.is_alive()
            }
            self._serving[threading.current_thread()] = connection
            if self._stopping.is_set():
                hang_up(connection)


class _DiscardingLog(list[tuple[Request, Response]]):
    """Replaces the log of requests, which would contain API keys."""

    def append(self, item: object, /) -> None:
        """Discard the item."""


class _StubHandler(WSGIRequestHandler):
    """Handles one connection."""

    protocol_version = "HTTP/1.1"
    owner: StubServer

    def setup(self) -> None:
        """Register the connection."""
        self.owner.register(self.request)
        super().setup()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse a request that is not HTTP."""
        self.owner.on_invalid(f"{code}: not an HTTP/1.1 request (TLS to an http:// URL?)")
        super().send_error(code, message, explain)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing; the stub has its own list of requests."""

    def log_error(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Log nothing; the stub has its own list of violations."""


def hang_up(connection: socket.socket) -> None:
    """Shut down both directions of a connection; its thread closes the socket."""
    with suppress(OSError):  # already closed by the peer or by its thread
        connection.shutdown(socket.SHUT_RDWR)
