"""The server of the benchmarks: with latency, a rate limit or an outage.

`python -m benchmarks.server FOLDER [--latency-ms MS] [--limit KIND --rate N]` answers in a process
of its own until its standard input ends; it prints its address. It runs on uvloop where that is.
"""

import argparse
import asyncio
import json
import math
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from email.utils import formatdate
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from benchmarks import bodies

EVENTS = 50  # of a completion that is streamed
COMPLETION_ID = "gen-1771967973-0hZ8J5kY7qLMOKbPx0u3"

_BACKLOG = 1024  # connections that wait to be accepted; all of a client's come at one time
_OFF_S = 3600.0  # by which a clock is wrong


class Limit(Protocol):
    """A rate limit, in requests per second."""

    def wait_s(self, now: float) -> float:
        """Return 0 to accept a request, else the seconds until one may be accepted."""
        ...

    def ideal_s(self, requests: int) -> float:
        """Return the minimum seconds from the first to the last of some requests."""
        ...


class FixedWindow:
    """A fixed number of requests per window, counted from the first request on."""

    def __init__(self, rate: int, window_s: float = 1.0) -> None:
        self._most = round(rate * window_s)
        self._window_s = window_s
        self._end = -math.inf
        self._count = 0

    def wait_s(self, now: float) -> float:
        """Return how long until the next window, if this one is full."""
        if now >= self._end:
            passed = 0 if self._end == -math.inf else (now - self._end) // self._window_s
            start = now if self._end == -math.inf else self._end + passed * self._window_s
            self._end, self._count = start + self._window_s, 0
        if self._count >= self._most:
            return self._end - now
        self._count += 1
        return 0

    def ideal_s(self, requests: int) -> float:
        """Return when the window of the last one begins."""
        return (math.ceil(requests / self._most) - 1) * self._window_s


class SlidingWindow:
    """A fixed number of requests in any period of the window's length."""

    def __init__(self, rate: int, window_s: float = 1.0) -> None:
        self._most = round(rate * window_s)
        self._window_s = window_s
        self._welcomed: deque[float] = deque()

    def wait_s(self, now: float) -> float:
        """Return how long until the oldest of the window is out of it."""
        while self._welcomed and self._welcomed[0] + self._window_s <= now:
            self._welcomed.popleft()
        if len(self._welcomed) >= self._most:
            return self._welcomed[0] + self._window_s - now
        self._welcomed.append(now)
        return 0

    def ideal_s(self, requests: int) -> float:
        """Return as for fixed windows: the first window's worth may come at one time."""
        return (math.ceil(requests / self._most) - 1) * self._window_s


class TokenBucket:
    """A token bucket with a rate in tokens per second and a capacity in seconds."""

    def __init__(self, rate: int, kept_s: float) -> None:
        self._rate = rate
        self._most = max(1.0, rate * kept_s)
        self._tokens = self._most
        self._filled_at = math.inf

    def wait_s(self, now: float) -> float:
        """Return how long until there is a token, if there is none."""
        self._tokens += max(0.0, now - self._filled_at) * self._rate
        self._tokens, self._filled_at = min(self._most, self._tokens), now
        if self._tokens < 1:
            return (1 - self._tokens) / self._rate
        self._tokens -= 1
        return 0

    def ideal_s(self, requests: int) -> float:
        """Return when there were tokens for all."""
        return max(0.0, requests - self._most) / self._rate


LIMITS: dict[str, Callable[[int], Limit]] = {
    "fixed window": FixedWindow,
    "sliding window": SlidingWindow,
    "token bucket of 1 s": lambda rate: TokenBucket(rate, 1.0),
    "token bucket of 0.1 s": lambda rate: TokenBucket(rate, 0.1),
}

#: Returns the headers of a refusal that tell the wait, in seconds.
WaitHeaders = Callable[[float], dict[str, str]]

WAIT_HEADERS: dict[str, WaitHeaders] = {
    "silent": lambda _: {},
    "seconds": lambda wait_s: {"Retry-After": f"{max(1, math.ceil(wait_s))}"},
    "date": lambda wait_s: _dated(time.time(), wait_s),
    "date, clock off": lambda wait_s: _dated(time.time() + _OFF_S, wait_s),
    "nonsense": lambda _: {"Retry-After": "soon"},
    "reset, epoch ms": lambda wait_s: {
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": f"{math.ceil(1000 * (time.time() + wait_s))}",
    },
}


def _dated(now: float, wait_s: float) -> dict[str, str]:
    after = formatdate(now + max(1, math.ceil(wait_s)), usegmt=True)
    return {"Date": formatdate(now, usegmt=True), "Retry-After": after}


class Outage(NamedTuple):
    """An outage of the server, and when it starts.

    Attributes:
        way: A status, or `refused`, `reset` or `half-open`: what happens to connections.
        seconds: How long.
        headers: Tell the wait, where it is a status.
        begin_s: Seconds from the first request on.
    """

    way: str
    seconds: float
    headers: WaitHeaders = WAIT_HEADERS["silent"]
    begin_s: float = 0.3


class Server:
    """A server on loopback.

    Args:
        bodies: What is answered, by the first part of the path; "" is for all others. The id of
            each is replaced by the one that is asked for.
        latency_s: Seconds before each answer.
        limit: The rate limit, if there is one.
        refusal: The status of what is over it, and how the wait is told.
        outage: The outage, if there is one.

    Attributes:
        requests: How many came.
        url: What a client takes as its base URL, once it serves.
    """

    def __init__(
        self,
        bodies: dict[str, bytes],
        latency_s: float = 0.0,
        limit: Limit | None = None,
        refusal: tuple[int, WaitHeaders] = (429, WAIT_HEADERS["seconds"]),
        outage: Outage | None = None,
    ) -> None:
        self.requests = 0
        self.url = ""
        self.latency_s = latency_s
        self._bodies = {name.encode(): _around_id(body) for name, body in bodies.items()}
        self._limit, self._refusal, self._outage = limit, refusal, outage
        self._first: float | None = None
        self._end = 0.0
        self._listener: asyncio.Server | None = None
        self._port = 0
        self._connections: set[Connection] = set()
        self._is_down = False

    def start(self) -> None:
        """Serve, in a thread, until the process ends."""
        loop = asyncio.new_event_loop()
        loop.run_until_complete(self.listen())
        threading.Thread(target=loop.run_forever, daemon=True).start()

    async def listen(self) -> None:
        """Take connections; after an outage, at the port of before."""
        self._loop = asyncio.get_running_loop()
        self._listener = await self._loop.create_server(
            lambda: Connection(self), "127.0.0.1", self._port, backlog=_BACKLOG, reuse_address=True
        )
        self._port = self._listener.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}/api/v1"

    def connected(self, connection: "Connection") -> None:
        """Take a connection, or break it."""
        self._connections.add(connection)
        if self._is_down and self._outage is not None:
            connection.is_dead = self._outage.way == "half-open"
            if self._outage.way == "reset":
                connection.reset()

    def lost(self, connection: "Connection") -> None:
        """Forget a connection."""
        self._connections.discard(connection)

    def answer(self, target: bytes, body: bytes) -> bytes:
        """Return the answer to a request, of which the body is `sent`."""
        now = self._loop.time()
        self.requests += 1
        if self._first is None:
            self._first = now
            if self._outage is not None:
                self._plan(self._outage)
        if self._is_down and self._outage is not None:
            return _error(int(self._outage.way), self._outage.headers(self._end - now))
        wait_s = self._limit.wait_s(now) if self._limit else 0
        if wait_s:
            status, headers = self._refusal
            return _error(status, headers(wait_s))
        if target.endswith(b"/chat/completions"):
            return _completion(target, json.loads(body))
        prefix = target.split(b"/", 2)[1]
        before, after = self._bodies.get(prefix) or self._bodies[b""]
        return _response(b"200 OK", before + target.rpartition(b"=")[2] + after)

    def _plan(self, outage: Outage) -> None:
        if outage.begin_s:
            self._loop.call_later(outage.begin_s, self._begin, outage)
        else:
            self._begin(outage)

    def _begin(self, outage: Outage) -> None:
        self._is_down, self._end = True, self._loop.time() + outage.seconds
        self._loop.call_later(outage.seconds, self._recover, outage)
        if outage.way == "refused" and self._listener is not None:
            self._listener.close()
        for connection in [*self._connections]:
            if outage.way in {"refused", "reset"}:
                connection.reset()
            connection.is_dead = outage.way == "half-open"  # also when the server is back

    def _recover(self, outage: Outage) -> None:
        self._is_down = False
        if outage.way == "refused":
            self._task = self._loop.create_task(self.listen())


class Connection(asyncio.Protocol):
    """Responds to requests in sequence.

    Attributes:
        is_dead: Whether nothing will be answered on it any more.
    """

    def __init__(self, server: Server) -> None:
        self.is_dead = False
        self._server = server
        self._buffer = b""
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Tell the server."""
        self._transport = transport
        self._server.connected(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - as asyncio calls it
        """Tell the server."""
        self._server.lost(self)

    def data_received(self, data: bytes) -> None:
        """Answer each request that is there as a whole."""
        if self.is_dead:
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
            body, self._buffer = after_head[:length], after_head[length:]
            answer = self._server.answer(head.split(b" ", 2)[1], body)
            if self._server.latency_s:
                loop = asyncio.get_running_loop()
                loop.call_later(self._server.latency_s, self._write, answer)
            else:
                self._write(answer)

    def reset(self) -> None:
        """Abort the connection."""
        self._transport.abort()

    def _write(self, answer: bytes) -> None:
        if not self.is_dead and not self._transport.is_closing():
            self._transport.write(answer)


def _around_id(body: bytes) -> tuple[bytes, bytes]:
    """Return the parts of a record's JSON before and after its id."""
    record = json.loads(body)
    record["data"]["id"] = mark = "the id"
    before, after = json.dumps(record, separators=(",", ":")).encode().split(mark.encode())
    return before, after


def _completion(target: bytes, request: Any) -> bytes:
    """Return a completion; below `/named`, a header has its id."""
    completion: dict[str, Any] = {"id": COMPLETION_ID, "created": 1, "model": "m"}
    headers = {"X-Generation-Id": COMPLETION_ID} if target.startswith(b"/named/") else {}
    if not request.get("stream"):
        message = {"role": "assistant", "content": "word " * 300}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        completion |= {"object": "chat.completion", "choices": [choice]}
        return _response(b"200 OK", json.dumps(completion).encode(), headers)
    choice = {"index": 0, "delta": {"content": "word "}, "finish_reason": None}
    completion |= {"object": "chat.completion.chunk", "choices": [choice]}
    events = f"data: {json.dumps(completion)}\n\n".encode() * EVENTS + b"data: [DONE]\n\n"
    return _response(b"200 OK", events, headers, b"text/event-stream")


def _error(status: int, headers: dict[str, str]) -> bytes:
    body = json.dumps({"error": {"code": status, "message": "no"}}).encode()
    return _response(b"%d X" % status, body, headers)


def _response(
    status: bytes,
    body: bytes,
    headers: dict[str, str] | None = None,
    kind: bytes = b"application/json",
) -> bytes:
    more = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items()).encode()
    head = b"HTTP/1.1 %b\r\nContent-Type: %b\r\n%bContent-Length: %d\r\n\r\n"
    return head % (status, kind, more, len(body)) + body


async def _serve(server: Server) -> None:
    await server.listen()
    print(json.dumps(server.url.removesuffix("/api/v1")), flush=True)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), stop.set)
    await stop.wait()


def main() -> None:
    """Parse the arguments, and serve until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="that of `benchmarks.bodies`")
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--limit", choices=LIMITS)
    parser.add_argument("--rate", type=int)
    options = parser.parse_args()
    files = {"": bodies.COMPLETE, "extended": bodies.EXTENDED}
    contents = {prefix: (options.folder / name).read_bytes() for prefix, name in files.items()}
    limit = LIMITS[options.limit](options.rate) if options.limit else None
    try:
        run = import_module("uvloop").run
    except ModuleNotFoundError:
        run = asyncio.run
    run(_serve(Server(contents, options.latency_ms / 1000, limit)))


if __name__ == "__main__":
    main()
