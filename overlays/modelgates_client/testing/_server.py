"""HTTP on loopback, by pytest-httpserver: quiet, quick to stop, and nothing left behind."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Final

from modelgates_client.testing._chat import ChatStream
from modelgates_client.testing._stub_response import StubResponse

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

_POLL_S: Final = 0.005  # how often the server looks whether it is to stop


class StubServer(HTTPServer):
    """Answers each request in a thread of its own."""

    def __init__(
        self,
        answer: Callable[[Request], StubResponse],
        broken: Callable[[str], object],
        host: str,
        port: int,
    ) -> None:
        """Answer on a port (0: a free one) by `answer`; tell `broken` what is no HTTP."""
        super().__init__(host, port, threaded=True)
        self.log = _DiscardingLog()
        self._answer = answer
        self._broken = broken
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._serving: dict[threading.Thread, socket.socket] = {}

    def start(self) -> None:
        """Start serving.

        Raises:
            OSError: The address or the port cannot be had.
        """
        # werkzeug would print why not, and end the process.
        with socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET) as probe:
            if os.name == "posix":  # elsewhere it would take the port from who has it
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((self.host, self.port))
            probe.listen()
        super().start()

    def thread_target(self) -> None:
        """Serve; pytest-httpserver runs this in the server's thread."""
        if self.server is None:
            raise RuntimeError("the server was not made")
        owner = self

        class Handler(_StubHandler):
            server_of_stub = owner

        self.server.RequestHandlerClass = Handler
        self.server.serve_forever(poll_interval=_POLL_S)

    def stop(self) -> None:
        """Stop serving: end delays and connections, and wait for their threads."""
        self._stopping.set()
        with self._lock:
            for connection in self._serving.values():
                hang_up(connection)
        super().stop()
        for thread in tuple(self._serving):
            thread.join()

    def dispatch(self, request: Request) -> Response:
        """Answer a request; pytest-httpserver calls this."""
        answer = self._answer(request)
        aborted = answer.delay_s > 0 and self._stopping.wait(answer.delay_s)
        if answer.dropped or aborted:
            hang_up(request.environ["werkzeug.socket"])
            return Response()
        if isinstance(answer, ChatStream):
            pieces = self._pieces(answer, request.environ["werkzeug.socket"])
            return Response(pieces, answer.status, dict(answer.headers))
        response = Response(answer.body, answer.status, dict(answer.headers))
        if answer.truncated:
            response = Response(answer.body[: len(answer.body) // 2], answer.status)
            response.headers.update({**answer.headers, "Content-Length": str(len(answer.body))})
        return response

    def _pieces(self, answer: ChatStream, connection: socket.socket) -> Iterator[bytes]:
        """Yield what is streamed, until the stub is closed."""
        for piece in answer.events:
            yield piece
            if self._stopping.wait(answer.pause_s):
                return
        if answer.broken:
            hang_up(connection)

    def entered(self, connection: socket.socket) -> None:
        """Remember the connection of this thread."""
        with self._lock:
            self._serving = {t: c for t, c in self._serving.items() if t.is_alive()}
            self._serving[threading.current_thread()] = connection
            if self._stopping.is_set():
                hang_up(connection)

    def garbage(self, reason: str) -> None:
        """Tell of a request that is no HTTP."""
        self._broken(reason)


class _DiscardingLog(list[tuple[Request, Response]]):
    """Takes the place of the log of requests, which would keep their keys."""

    def append(self, item: object, /) -> None:
        """Keep nothing."""


class _StubHandler(WSGIRequestHandler):
    """Speaks HTTP on one connection."""

    protocol_version = "HTTP/1.1"
    server_of_stub: StubServer

    def setup(self) -> None:
        """Begin."""
        self.server_of_stub.entered(self.request)
        super().setup()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what is no HTTP."""
        self.server_of_stub.garbage(f"{code}, no HTTP/1.1 request (TLS, to an http:// URL?)")
        super().send_error(code, message, explain)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: the stub has its own list of requests."""

    def log_error(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing: the stub has its own list of violations."""


def hang_up(connection: socket.socket) -> None:
    """Close both directions of a connection; its thread closes the rest."""
    with suppress(OSError):  # it is closed already, by the other end or by its thread
        connection.shutdown(socket.SHUT_RDWR)
