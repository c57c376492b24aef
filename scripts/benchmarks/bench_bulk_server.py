"""The server of `bench_bulk.py`: it answers at once, after a delay, or as a rate limit allows.

`bench_bulk_server.py FILE [--delay-ms MS] [--limit KIND --rate N]` answers each request with the
record in FILE, under the id that was asked for. It prints its port, and when its standard input
ends, how often it answered what.
"""

import argparse
import asyncio
import json
import math
import sys
from collections import deque
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

_BACKLOG = 1024  # connections that wait to be accepted; all of a client's come at one time


class Limit(Protocol):
    """A rate limit, in requests per second."""

    def wait_s(self, now: float) -> float:
        """Return 0 for a request that is welcome, else the seconds until one may be."""
        ...

    def ideal_s(self, requests: int) -> float:
        """Return the least seconds from the first of so many requests to the last."""
        ...


class FixedWindow:
    """So many a second on average, in each window, counted from the first request on."""

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
    """So many a second on average, in any time as long as the window."""

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
    """So many tokens a second, of which a part of a second's worth is kept for later."""

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


class Answers:
    """What is answered, and how often it was."""

    def __init__(self, body: bytes, delay_s: float, limit: Limit | None) -> None:
        record = json.loads(body)
        record["data"]["id"] = mark = "the id"
        text = json.dumps(record, separators=(",", ":"))
        self._before, self._after = text.encode().split(mark.encode())
        self.delay_s = delay_s
        self._limit = limit
        self.welcomed = self.refused = 0

    def answer(self, target: bytes, now: float) -> bytes:
        """Return the answer to a request."""
        wait_s = self._limit.wait_s(now) if self._limit else 0
        if wait_s:
            self.refused += 1
            error = b'{"error":{"code":429,"message":"Rate limit exceeded"}}'
            after = max(1, math.ceil(wait_s))
            return _response(b"429 Too Many Requests", error, b"Retry-After: %d\r\n" % after)
        self.welcomed += 1
        generation_id = target.rpartition(b"=")[2]
        return _response(b"200 OK", self._before + generation_id + self._after)


def _response(status: bytes, body: bytes, header: bytes = b"") -> bytes:
    head = b"HTTP/1.1 %b\r\nContent-Type: application/json\r\n%bContent-Length: %d\r\n\r\n"
    return head % (status, header, len(body)) + body


class Connection(asyncio.Protocol):
    """Reads requests that have no body, and no more of them than what they ask for."""

    def __init__(self, answers: Answers, loop: asyncio.AbstractEventLoop) -> None:
        self._answers = answers
        self._loop = loop
        self._buffer = b""
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer what is there."""
        self._buffer += data
        while b"\r\n\r\n" in self._buffer:
            head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
            answer = self._answers.answer(head.split(b" ", 2)[1], self._loop.time())
            if self._answers.delay_s:
                self._loop.call_later(self._answers.delay_s, self._transport.write, answer)
            else:
                self._transport.write(answer)


async def serve(answers: Answers) -> None:
    """Answer until standard input ends."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    server = await loop.create_server(
        lambda: Connection(answers, loop), "127.0.0.1", 0, backlog=_BACKLOG
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    loop.add_reader(sys.stdin.fileno(), stop.set)
    await stop.wait()
    server.close()
    print(json.dumps({"welcomed": answers.welcomed, "refused": answers.refused}))


def main() -> None:
    """Parse the arguments, and serve; on uvloop where it is installed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--delay-ms", type=float, default=0.0)
    parser.add_argument("--limit", choices=LIMITS)
    parser.add_argument("--rate", type=int)
    options = parser.parse_args()
    limit = LIMITS[options.limit](options.rate) if options.limit else None
    answers = Answers(options.file.read_bytes(), options.delay_ms / 1000, limit)
    try:
        run = import_module("uvloop").run
    except ModuleNotFoundError:
        run = asyncio.run
    run(serve(answers))


if __name__ == "__main__":
    main()
