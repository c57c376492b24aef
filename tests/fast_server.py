"""A server for thousands of requests: fast, and it limits, delays, fails, forgets as it is told.

It speaks just enough HTTP/1.1 for well-behaved clients; `tests/faults` has those that misbehave.
"""

import asyncio
import json
import math
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

RECORD = json.loads(
    (Path(__file__).parent / "records" / "2026-02-cancelled-stream.json").read_bytes()
)
KEY = "sk-mg-of-the-gateway"  # any will do: it does not look

_LOOK_S = 0.005  # between two looks whether an answer is ready
_TURNS = 20  # of the event loop
_REASONS = {200: "OK", 404: "Not Found", 429: "Too Many Requests", 500: "Internal Server Error"}


class Answer(NamedTuple):
    """A status, a body, headers; and after how many seconds, and when at the earliest, they go."""

    status: int
    body: bytes
    headers: tuple[str, ...] = ()
    delay_s: float = 0.0
    ready: Callable[[], bool] = lambda: True


def record(generation_id, **fields):
    """Answer with the record of an id: the real one, with some fields changed."""
    body = {"data": {**RECORD["data"], "id": generation_id, **fields}}
    return Answer(200, json.dumps(body).encode())


def error(status, *headers, message="no"):
    """Answer with an error, as the API does."""
    return Answer(
        status, json.dumps({"error": {"code": status, "message": message}}).encode(), headers
    )


class Gateway:
    """A server on loopback, on an event loop in a thread of its own.

    Attributes:
        base_url: What a client takes as its `base_url`.
        requests: How often each id was asked for.
        statuses: How often each status was answered.
        most_open: The most connections that were open at one time.
        most_at_once: The most requests that were being answered at one time.
    """

    def __init__(self, answer=None, *, per_second=None, delay_s=0.0):
        """Answer by `answer(generation_id, how_often_before)`; allow so many requests per second.

        The limit is that of a window that slides; 429 says when the next request is welcome, in
        whole seconds.
        """
        self._answer = answer or (lambda generation_id, _: record(generation_id))
        self._per_second = per_second
        self._delay_s = delay_s
        self._welcomed = deque()
        self.requests = Counter()
        self.statuses = Counter()
        self.open = self.most_open = self.at_once = self.most_at_once = 0
        self.transports = set()
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self):
        self._thread.start()
        self._started.wait()
        self.base_url = f"http://127.0.0.1:{self._port}/api/v1"
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _serve(self):
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await self._loop.create_server(
            lambda: _Connection(self), "127.0.0.1", 0, backlog=1024
        )
        self._port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._stop.wait()
        # A server that is closed makes no transport of what it accepted just before, and leaves the
        # socket open (CPython: `Server._attach`): first let all that is there become transports.
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        server.close()
        for transport in [*self.transports]:
            transport.abort()
        for _ in range(_TURNS):
            await asyncio.sleep(0)

    def answer(self, target):
        """Return what a request is answered with."""
        generation_id = parse_qs(urlsplit(target).query)["id"][0]
        now = time.monotonic()
        if self._per_second is not None:
            while self._welcomed and self._welcomed[0] <= now - 1:
                self._welcomed.popleft()
            if len(self._welcomed) >= self._per_second:
                after = math.ceil(self._welcomed[0] + 1 - now)
                self.statuses[429] += 1
                return error(429, f"Retry-After: {after}")
            self._welcomed.append(now)
        answer = self._answer(generation_id, self.requests[generation_id])
        self.requests[generation_id] += 1
        self.statuses[answer.status] += 1
        return answer._replace(delay_s=answer.delay_s + self._delay_s)


class _Connection(asyncio.Protocol):
    def __init__(self, gateway):
        self._gateway = gateway
        self._buffer = b""
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport):
        self._transport = transport
        self._gateway.transports.add(transport)
        self._gateway.open += 1
        self._gateway.most_open = max(self._gateway.most_open, self._gateway.open)

    def connection_lost(self, _):
        self._gateway.transports.discard(self._transport)
        self._gateway.open -= 1

    def data_received(self, data):
        self._buffer += data
        while b"\r\n\r\n" in self._buffer:
            head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
            answer = self._gateway.answer(head.split(b" ", 2)[1].decode())
            self._gateway.at_once += 1
            self._gateway.most_at_once = max(self._gateway.most_at_once, self._gateway.at_once)
            if answer.delay_s:
                self._loop.call_later(answer.delay_s, self._send, answer)
            else:
                self._send(answer)

    def _send(self, answer):
        if not answer.ready():
            self._loop.call_later(_LOOK_S, self._send, answer)
            return
        self._gateway.at_once -= 1
        reason = _REASONS.get(answer.status, "Other")
        head = [
            f"HTTP/1.1 {answer.status} {reason}",
            "Content-Type: application/json",
            f"Content-Length: {len(answer.body)}",
            *answer.headers,
        ]
        self._transport.write("\r\n".join(head).encode() + b"\r\n\r\n" + answer.body)
