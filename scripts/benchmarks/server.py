"""The server of the benchmarks, in a thread: with latency, a rate limit or an outage.

It runs on uvloop if that is installed.
"""

import asyncio
import json
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.utils import formatdate
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

from benchmarks.limits import Limit

_EVENTS = 50  # of a streamed completion
_COMPLETION_ID = "gen-1771967973-0hZ8J5kY7qLMOKbPx0u3"
_BACKLOG = 1024  # a client opens all its connections at once
_CLOCK_ERROR_S = 3600.0


#: Returns the headers of a refusal that report the wait, in seconds.
WaitHeaders = Callable[[float], dict[str, str]]


def no_header(wait_s: float) -> dict[str, str]:  # noqa: ARG001 - it is not reported
    """Report no wait."""
    return {}


def in_seconds(wait_s: float) -> dict[str, str]:
    """Report whole seconds."""
    return {"Retry-After": f"{max(1, math.ceil(wait_s))}"}


def as_date(wait_s: float) -> dict[str, str]:
    """Report a date, by a clock that is an hour fast."""
    now = time.time() + _CLOCK_ERROR_S
    after = formatdate(now + max(1, math.ceil(wait_s)), usegmt=True)
    return {"Date": formatdate(now, usegmt=True), "Retry-After": after}


def nonsense(wait_s: float) -> dict[str, str]:  # noqa: ARG001 - it is not reported
    """Report a word."""
    return {"Retry-After": "soon"}


class Outage(NamedTuple):
    """An outage of the server.

    Attributes:
        kind: A status, or what happens to connections: `refused`, `reset` or `half-open`.
        seconds: Its length.
        headers: The headers of error responses.
        start_s: Seconds from the first request to its start.
    """

    kind: str
    seconds: float
    headers: WaitHeaders = no_header
    start_s: float = 0.3


class Server:
    """A server on loopback.

    Attributes:
        url: Its URL, without a path.
        requests: How many requests arrived.
    """

    def __init__(
        self,
        bodies: Mapping[str, bytes],
        *,
        latency_s: float = 0.0,
        limit: Limit | None = None,
        refusal: tuple[int, WaitHeaders] = (429, in_seconds),
        outage: Outage | None = None,
    ) -> None:
        """Set what the server does.

        Args:
            bodies: The responses, by the first part of the path; "" is for all others. The id of
                each is replaced by the requested one.
            latency_s: Seconds before each response.
            limit: The rate limit.
            refusal: The status of refused requests, and their headers.
            outage: The outage.
        """
        self.url, self.requests = "", 0
        self.latency_s = latency_s
        self.connections: set[Connection] = set()
        self.outage: Outage | None = None  # the current one
        self._bodies = {name.encode(): _around_id(body) for name, body in bodies.items()}
        self._limit, self._refusal, self._planned_outage = limit, refusal, outage
        self._loop: Any = import_module("uvloop" if find_spec("uvloop") else "asyncio")
        self._loop = self._loop.new_event_loop()
        self._listener: asyncio.Server
        self._port, self._outage_end = 0, 0.0

    @contextmanager
    def running(self) -> Iterator["Server"]:
        """Serve, in a thread."""
        self._loop.run_until_complete(self._listen())
        thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join()
            self._loop.close()

    async def _listen(self) -> None:
        """Accept connections; after an outage, on the same port as before."""
        self._listener = await self._loop.create_server(
            lambda: Connection(self), "127.0.0.1", self._port, backlog=_BACKLOG, reuse_address=True
        )
        self._port = self._listener.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"

    async def _close(self) -> None:
        self._listener.close()
        for connection in [*self.connections]:
            connection.transport.abort()
        await asyncio.sleep(0)  # they are closed in the next turn of the loop

    def respond(self, target: bytes) -> bytes:
        """Return the response to a request."""
        now = self._loop.time()
        self.requests += 1
        planned, self._planned_outage = self._planned_outage, None
        if planned is not None and planned.start_s:
            self._loop.call_later(planned.start_s, self._fail, planned)
        elif planned is not None:
            self._fail(planned)
        if self.outage is not None:
            status = int(self.outage.kind) if self.outage.kind.isdigit() else 503  # not written
            return _error(status, self.outage.headers(self._outage_end - now))
        wait_s = self._limit.wait_s(now) if self._limit else 0
        if wait_s:
            status, headers = self._refusal
            return _error(status, headers(wait_s))
        if target.endswith(b"/chat/completions"):
            return _completion()
        before, after = self._bodies.get(target.split(b"/", 2)[1]) or self._bodies[b""]
        return _response(200, before + target.rpartition(b"=")[2] + after)

    def _fail(self, outage: Outage) -> None:
        """Start the outage."""
        self.outage, self._outage_end = outage, self._loop.time() + outage.seconds
        self._loop.call_later(outage.seconds, self._recover)
        if outage.kind == "refused":
            self._listener.close()
        for connection in [*self.connections]:
            if outage.kind in {"refused", "reset"}:
                connection.transport.abort()
            connection.is_silent = outage.kind == "half-open"  # also after the outage

    def _recover(self) -> None:
        """End the outage."""
        if not self._listener.is_serving():
            self._task = self._loop.create_task(self._listen())
        self.outage = None


class Connection(asyncio.Protocol):
    """Responds to requests in sequence.

    Attributes:
        transport: Its transport.
        is_silent: Whether it no longer responds.
    """

    transport: Any

    def __init__(self, server: Server) -> None:
        self.is_silent = False
        self._server = server
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accept the connection, or break it in an outage."""
        self.transport = transport
        self._server.connections.add(self)
        if self._server.outage is not None:
            self.is_silent = self._server.outage.kind == "half-open"
            if self._server.outage.kind == "reset":
                self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - as asyncio calls it
        """Forget the connection."""
        self._server.connections.discard(self)

    def data_received(self, data: bytes) -> None:
        """Respond to each request that is complete."""
        if self.is_silent:
            self._server.requests += 1
            return
        self._buffer += data
        while b"\r\n\r\n" in self._buffer:
            head, _, after_head = self._buffer.partition(b"\r\n\r\n")
            length = 0
            if head.startswith(b"POST"):
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            if len(after_head) < length:
                return
            self._buffer = after_head[length:]
            response = self._server.respond(head.split(b" ", 2)[1])
            if self._server.latency_s:
                loop = asyncio.get_running_loop()
                loop.call_later(self._server.latency_s, self._write, response)
            else:
                self._write(response)

    def _write(self, response: bytes) -> None:
        if not self.is_silent and not self.transport.is_closing():
            self.transport.write(response)


def _around_id(body: bytes) -> tuple[bytes, bytes]:
    """Return the parts of a record's JSON before and after its id."""
    record = json.loads(body)
    record["data"]["id"] = mark = "the id"
    before, after = json.dumps(record, separators=(",", ":")).encode().split(mark.encode())
    return before, after


def _completion() -> bytes:
    choice = {"index": 0, "delta": {"content": "word "}, "finish_reason": None}
    completion = {"id": _COMPLETION_ID, "created": 1, "model": "m"}
    event = {**completion, "object": "chat.completion.chunk", "choices": [choice]}
    events = f"data: {json.dumps(event)}\n\n" * _EVENTS + "data: [DONE]\n\n"
    headers = {"X-Generation-Id": _COMPLETION_ID, "Content-Type": "text/event-stream"}
    return _response(200, events.encode(), headers)


def _error(status: int, headers: dict[str, str]) -> bytes:
    body = json.dumps({"error": {"code": status, "message": "no"}}).encode()
    return _response(status, body, headers)


def _response(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> bytes:
    fields = {"Content-Type": "application/json", **(headers or {}), "Content-Length": len(body)}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode() + body
