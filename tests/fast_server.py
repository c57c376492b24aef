"""A fast server for thousands of requests, with configurable limits, delays and failures.

It speaks just enough HTTP/1.1 for well-behaved clients; `tests/faults` has servers that misbehave.
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
KEY = "sk-mg-test-gateway"  # any key is accepted

_POLL_S = 0.005  # the interval of checks whether a response is ready
_TURNS = 20  # iterations of the event loop
_REASONS = {200: "OK", 404: "Not Found", 429: "Too Many Requests", 500: "Internal Server Error"}


class Answer(NamedTuple):
    """A response, its delay in seconds, and a condition that it waits for."""

    status: int
    body: bytes
    headers: tuple[str, ...] = ()
    delay_s: float = 0.0
    ready: Callable[[], bool] = lambda: True


def record(generation_id, **fields):
    """Respond with the recorded record, with this id and some fields changed."""
    body = {"data": {**RECORD["data"], "id": generation_id, **fields}}
    return Answer(200, json.dumps(body).encode())


def error(status, *headers, message="no"):
    """Respond with an error, as the API does."""
    return Answer(
        status, json.dumps({"error": {"code": status, "message": message}}).encode(), headers
    )


class Gateway:
    """A server on loopback, on an event loop in its own thread.

    Attributes:
        base_url: The `base_url` of a client.
        requests: The number of requests of each id.
        statuses: The number of responses of each status.
        max_open: The maximum number of connections open at the same time.
        max_in_progress: The maximum number of requests in progress at the same time.
    """

    def __init__(self, answer=None, *, per_second=None, delay_s=0.0):
        """Respond with `answer(generation_id, previous_requests)`; limit requests per second.

        The limit applies to a sliding window; 429 says when the next request is allowed, in whole
        seconds.
        """
        self._answer = answer or (lambda generation_id, _: record(generation_id))
        self._per_second = per_second
        self._delay_s = delay_s
        self._accepted = deque()
        self.requests = Counter()
        self.statuses = Counter()
        self.open = self.max_open = self.in_progress = self.max_in_progress = 0
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
        # A closed server creates no transport for a connection accepted just before and leaves its
        # socket open (CPython: `Server._attach`), so let pending connections get theirs first.
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        server.close()
        for transport in [*self.transports]:
            transport.abort()
        for _ in range(_TURNS):
            await asyncio.sleep(0)

    def answer(self, target):
        """Return the response to a request."""
        generation_id = parse_qs(urlsplit(target).query)["id"][0]
        now = time.monotonic()
        if self._per_second is not None:
            while self._accepted and self._accepted[0] <= now - 1:
                self._accepted.popleft()
            if len(self._accepted) >= self._per_second:
                retry_after_s = math.ceil(self._accepted[0] + 1 - now)
                self.statuses[429] += 1
                return error(429, f"Retry-After: {retry_after_s}")
            self._accepted.append(now)
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
        self._gateway.max_open = max(self._gateway.max_open, self._gateway.open)

    def connection_lost(self, _):
        self._gateway.transports.discard(self._transport)
        self._gateway.open -= 1

    def data_received(self, data):
        self._buffer += data
        while b"\r\n\r\n" in self._buffer:
            head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
            answer = self._gateway.answer(head.split(b" ", 2)[1].decode())
            self._gateway.in_progress += 1
            self._gateway.max_in_progress = max(
                self._gateway.max_in_progress, self._gateway.in_progress
            )
            if answer.delay_s:
                self._loop.call_later(answer.delay_s, self._send, answer)
            else:
                self._send(answer)

    def _send(self, answer):
        if not answer.ready():
            self._loop.call_later(_POLL_S, self._send, answer)
            return
        self._gateway.in_progress -= 1
        reason = _REASONS.get(answer.status, "Other")
        head = [
            f"HTTP/1.1 {answer.status} {reason}",
            "Content-Type: application/json",
            f"Content-Length: {len(answer.body)}",
            *answer.headers,
        ]
        self._transport.write("\r\n".join(head).encode() + b"\r\n\r\n" + answer.body)
