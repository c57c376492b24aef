"""What becomes of ids in outages, restarts and behind limits, over real sockets: a table.

Each case has a process of its own, in which a server on loopback misbehaves and a client asks it
for ids. Several run at one time: nearly all of it is waiting. A row is the share of the ids that
were lost, requests for each id that reached the server, and the wall time, against that of a client
that knows the server; `!` marks what is over its limit. The exit status stays 0.

The maintainer runs it as `nox -s outages`; `--only REGEX` selects cases, `--client` another one.
"""

import asyncio
import json
import math
import random
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from importlib import import_module
from typing import Any, NamedTuple

import bench_bulk_server as limits
from common.failure import Arguments, Failure, progress, run

LATENCY_S = 0.05
CONCURRENCY = 32
THREADS = 100
BEGIN_S = 0.3
KEY = "sk-mg-of-the-benchmark"  # any will do: the server does not look
OFF_S = 3600.0  # by which a clock is wrong

Refusal = tuple[int, dict[str, str]]
Saying = Callable[[float], dict[str, str]]

SAYINGS: dict[str, Saying] = {
    "silent": lambda _: {},
    "seconds": lambda wait_s: {"Retry-After": f"{max(1, math.ceil(wait_s))}"},
    "date": lambda wait_s: {
        "Date": formatdate(time.time(), usegmt=True),
        "Retry-After": formatdate(time.time() + max(1, math.ceil(wait_s)), usegmt=True),
    },
    "date, clock off": lambda wait_s: {
        "Date": formatdate(time.time() + OFF_S, usegmt=True),
        "Retry-After": formatdate(time.time() + OFF_S + max(1, math.ceil(wait_s)), usegmt=True),
    },
    "nonsense": lambda _: {"Retry-After": "soon"},
    "reset, epoch ms": lambda wait_s: {
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": f"{math.ceil(1000 * (time.time() + wait_s))}",
    },
}


class AtOneTime:
    """So many requests at one time; each takes as long as an answer does."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._ends: list[float] = []

    def wait_s(self, now: float) -> float:
        """Return the seconds until the next one ends, if there are too many."""
        self._ends = [end for end in self._ends if end > now]
        if len(self._ends) >= self._most:
            return max(min(self._ends) - now, 1e-6)
        self._ends.append(now + LATENCY_S)
        return 0

    def ideal_s(self, requests: int) -> float:
        """Return the time of so many, one behind the other."""
        return requests / self._most * LATENCY_S


class AtRandom:
    """Refuses a share of the requests, whatever the rate."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._uniform = random.Random(1).random  # noqa: S311 - chance, no secret

    def wait_s(self, now: float) -> float:  # noqa: ARG002 - chance knows no time
        """Return a moment, by chance."""
        return 0.1 if self._uniform() < self._share else 0

    def ideal_s(self, requests: int) -> float:
        """Return the time of so many, and of the last one's refusal."""
        return requests / CONCURRENCY * LATENCY_S + 1


class Changing:
    """One limit, and another one from some moment on."""

    def __init__(self, before: limits.Limit, after: limits.Limit, at_s: float) -> None:
        self._before, self._after, self._at_s = before, after, at_s
        self._began = math.inf

    def wait_s(self, now: float) -> float:
        """Return what the limit of the time says."""
        self._began = min(self._began, now)
        limit = self._before if now < self._began + self._at_s else self._after
        return limit.wait_s(now)

    def ideal_s(self, requests: int) -> float:
        """Return the time of what the first one lets through by then, and of the rest."""
        passed = 0
        while passed < requests and self._before.ideal_s(passed + 1) <= self._at_s:
            passed += 1
        return self._at_s + self._after.ideal_s(requests - passed)


class Down(NamedTuple):
    """An outage: what the server does for some seconds, and how long after the first request."""

    way: str
    seconds: float
    saying: Saying = SAYINGS["silent"]
    begin_s: float = BEGIN_S


class Case(NamedTuple):
    """What happens to whom, and what is promised of it.

    Attributes:
        ids: How many are asked for.
        ideal_s: Seconds that they take at best.
        most_requests: An id, at most.
        most_s: Seconds, at most.
        limit: Makes the limit that the server has.
        refusal: The status of what is over it, and how its wait is told.
        down: The outage that it has.
        is_many: Whether `get_many` asks; else `get` in many threads.
        timeout_s: The client's.
    """

    ids: int
    ideal_s: float
    most_requests: float
    most_s: float
    limit: Callable[[], limits.Limit] | None = None
    refusal: tuple[int, Saying] = (429, SAYINGS["silent"])
    down: Down | None = None
    is_many: bool = True
    timeout_s: float = 30.0


def outage(down: Down, *, ids: int = 500, is_many: bool = True) -> Case:
    """Return a case of an outage: no id is lost, and it costs few requests and little time."""
    at_once = CONCURRENCY if is_many else THREADS
    ideal_s = ids * LATENCY_S / at_once
    probes = 8 + 2 * min(down.seconds, 10) + max(0, down.seconds - 10)
    over_s = down.begin_s + down.seconds
    spare_s = 1.0 if is_many else 3.5  # a get waits by itself, as long as its retries do
    most_requests = (ids + at_once + probes) / ids if is_many else 1.5
    most_s = over_s + spare_s + 1.5 * ideal_s
    return Case(ids, over_s + ideal_s, most_requests, most_s, down=down, is_many=is_many)


def limited(
    limit: Callable[[], limits.Limit],
    ids: int,
    status: int,
    saying: str,
    burst: bool = True,  # noqa: FBT001, FBT002 - of the table below
) -> Case:
    """Return a case of a limit, of which use is to be made."""
    ideal_s = limit().ideal_s(ids)
    most_requests, most = (1.1, 1.25) if burst else (1.3, 2.0)
    return Case(ids, ideal_s, most_requests, most * ideal_s, limit, (status, SAYINGS[saying]))


def cases() -> dict[str, Case]:
    """Return all cases, by name."""
    found: dict[str, Case] = {}
    named = {"Retry-After": SAYINGS["seconds"], "nonsense": SAYINGS["nonsense"]}
    ways = {
        **{f"{status}": Down(f"{status}", 0) for status in (502, 503, 529)},
        **{f"503, {name}": Down("503", 0, saying) for name, saying in named.items()},
        **{f"restart, {way}": Down(way, 0) for way in ("refused", "reset", "half-open")},
    }
    for name, down in ways.items():
        for seconds in (1, 3, 10, 60):
            found[f"outage {seconds} s: {name}"] = outage(down._replace(seconds=seconds))
    for ids in (1, 3):
        found[f"outage 3 s: 503, of {ids} id(s)"] = outage(Down("503", 3, begin_s=0), ids=ids)
    for way in ("503", "refused", "reset"):
        found[f"gets, outage 10 s: {way}"] = outage(Down(way, 10), ids=800, is_many=False)
    found["gets, outage 3 s: half-open"] = outage(Down("half-open", 3), ids=800, is_many=False)
    kinds: dict[str, tuple[Callable[[], limits.Limit], int, bool]] = {
        "bucket of 10, 100/s": (lambda: limits.TokenBucket(100, 0.1), 1500, True),
        "bucket of 100, 500/s": (lambda: limits.TokenBucket(500, 0.2), 4000, True),
        "no burst, 100/s": (lambda: limits.TokenBucket(100, 0), 1500, False),
        "no burst, 500/s": (lambda: limits.TokenBucket(500, 0), 4000, False),
        "fixed window of 1 s": (lambda: limits.FixedWindow(100), 1500, True),
        "fixed window of 10 s": (lambda: limits.FixedWindow(20, 10.0), 800, True),
        "sliding window of 1 s": (lambda: limits.SlidingWindow(100), 1500, True),
        "sliding window of 10 s": (lambda: limits.SlidingWindow(20, 10.0), 800, True),
        "10 at one time": (lambda: AtOneTime(10), 2400, True),
        "raised tenfold": (
            lambda: Changing(limits.TokenBucket(50, 0.2), limits.TokenBucket(500, 0.02), 6),
            3500,
            True,
        ),
        "lowered to a quarter": (
            lambda: Changing(limits.TokenBucket(100, 0.1), limits.TokenBucket(25, 0.4), 5),
            1000,
            True,
        ),
        "2 % at random": (lambda: AtRandom(0.02), 2000, True),
    }
    for name, (limit, ids, burst) in kinds.items():
        for status in (429, 503):
            for saying in ("silent", "seconds"):
                found[f"{name}: {status}, {saying}"] = limited(limit, ids, status, saying, burst)
    for saying in ("date", "date, clock off", "nonsense", "reset, epoch ms"):
        limit, ids, _ = kinds["bucket of 10, 100/s"]
        found[f"bucket of 10, 100/s: 429, {saying}"] = limited(limit, ids, 429, saying)
    no_burst = limited(kinds["no burst, 100/s"][0], 800, 429, "seconds", burst=False)
    found["gets, 10 s each, no burst, 100/s: 429, seconds"] = no_burst._replace(
        is_many=False, timeout_s=10.0, most_requests=math.inf
    )
    return found


class Server:
    """What a case asks for, on loopback.

    Attributes:
        requests: How many came.
        url: What a client takes as its base URL.
    """

    def __init__(self, case: Case) -> None:
        self.requests = 0
        self.url = ""
        self._down, (self._status, self._saying) = case.down, case.refusal
        self._limit = case.limit() if case.limit else None
        self._loop = asyncio.new_event_loop()
        self._began: float | None = None
        self._listener: asyncio.Server | None = None
        self._connections: set[Connection] = set()
        self._is_down = False

    def start(self) -> None:
        """Serve, in a thread, until the process ends."""
        self._loop.run_until_complete(self._listen(0))
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    async def _listen(self, port: int) -> None:
        self._listener = await self._loop.create_server(
            lambda: Connection(self), "127.0.0.1", port, backlog=1024, reuse_address=True
        )
        self._port = self._listener.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}/api/v1"

    def connected(self, connection: "Connection") -> None:
        """Take a connection, or break it."""
        self._connections.add(connection)
        if self._is_down and self._down is not None:
            connection.is_dead = self._down.way == "half-open"
            if self._down.way == "reset":
                connection.reset()

    def lost(self, connection: "Connection") -> None:
        """Forget a connection."""
        self._connections.discard(connection)

    def answer(self, target: bytes) -> bytes:
        """Return the answer to a request."""
        now = self._loop.time()
        self.requests += 1
        if self._began is None:
            self._began = now
            if self._down is not None and self._down.begin_s:
                self._loop.call_later(self._down.begin_s, self._begin, self._down)
            elif self._down is not None:
                self._begin(self._down)
        if self._is_down and self._down is not None:
            return _response(int(self._down.way), self._down.saying(self._end_s - now))
        wait_s = self._limit.wait_s(now) if self._limit else 0
        if wait_s:
            return _response(self._status, self._saying(wait_s))
        name = target.rpartition(b"=")[2].decode()
        return _response(200, {}, {"data": {"id": name, "finish_reason": "stop"}})

    def _begin(self, down: Down) -> None:
        self._is_down, self._end_s = True, self._loop.time() + down.seconds
        self._loop.call_later(down.seconds, self._end)
        if down.way == "refused" and self._listener is not None:
            self._listener.close()
        for connection in [*self._connections]:
            if down.way in {"refused", "reset"}:
                connection.reset()
            connection.is_dead = down.way == "half-open"  # also when the server is back

    def _end(self) -> None:
        self._is_down = False
        if self._down is not None and self._down.way == "refused":
            self._task = self._loop.create_task(self._listen(self._port))


class Connection(asyncio.Protocol):
    """Answers requests without a body, after the latency.

    Attributes:
        is_dead: Whether nothing will be answered on it any more.
    """

    def __init__(self, server: Server) -> None:
        self.is_dead = False
        self._server = server
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Tell the server."""
        self._transport = transport
        self._server.connected(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - as asyncio calls it
        """Tell the server."""
        self._server.lost(self)

    def data_received(self, data: bytes) -> None:
        """Answer; a client sends a request when it has the answer to the one before."""
        if self.is_dead:
            self._server.requests += 1
            return
        answer = self._server.answer(data.split(b" ", 2)[1])
        asyncio.get_running_loop().call_later(LATENCY_S, self._write, answer)

    def reset(self) -> None:
        """End without a word."""
        self._transport.abort()

    def _write(self, answer: bytes) -> None:
        if not self.is_dead and not self._transport.is_closing():
            self._transport.write(answer)


def _response(status: int, headers: dict[str, str], body: dict[str, Any] | None = None) -> bytes:
    said = json.dumps(body or {"error": {"code": status, "message": "no"}})
    lines = [f"HTTP/1.1 {status} X", "Content-Type: application/json"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, f"Content-Length: {len(said)}", "", said]).encode()


def ask(case: Case, package: Any, client: str, url: str) -> int:
    """Ask for the ids of a case; return how many records came."""
    ids = [f"gen-{number}" for number in range(case.ids)]
    options = {"api_key": KEY, "base_url": url, "trust_env": False, "timeout": case.timeout_s}
    wanted: dict[str, Any] = {"concurrency": CONCURRENCY, "wait": 0}
    came = 0

    def get(name: str) -> bool:
        try:
            return bool(blocking.generations.get(name).id == name)
        except package.ModelGatesError:
            return False

    async def main() -> int:
        found = 0
        async with package.AsyncModelGates(**options) as awaiting:
            async for outcome in awaiting.generations.get_many(ids, **wanted):
                found += isinstance(outcome, package.Resolved)
        return found

    if case.is_many and client in {"async", "fast"}:
        return asyncio.run(main())
    with package.ModelGates(**options) as blocking:
        if case.is_many:
            for outcome in blocking.generations.get_many(ids, **wanted):
                came += isinstance(outcome, package.Resolved)
            return came
        with ThreadPoolExecutor(THREADS) as pool:
            return sum(pool.map(get, ids))


def measure(name: str, client: str) -> None:
    """Run a case in this process, and print what it came to."""
    case = cases()[name]
    modules: dict[str, Any] = sys.modules
    if client != "fast":
        modules["httptools"] = None  # that is how an import is made to fail
    package = import_module("modelgates_client")
    server = Server(case)
    server.start()
    began = time.monotonic()
    came = ask(case, package, client, server.url)
    print(json.dumps([case.ids - came, server.requests / case.ids, time.monotonic() - began]))


def row(name: str, client: str) -> str:
    """Run a case in a process of its own; return its row of the table."""
    case = cases()[name]
    command = [sys.executable, __file__, "--client", client, "--one", name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    progress(name)
    if done.returncode:
        why = done.stderr.strip().rpartition("\n")[2]
        return f"| {name} | {why} | | | | |"
    lost, requests, wall_s = json.loads(done.stdout)
    marks = ["!" if over else "" for over in (lost, requests > case.most_requests)]
    late = "!" if wall_s > case.most_s else ""
    return (
        f"| {name} | {lost} of {case.ids}{marks[0]} | {requests:.2f}{marks[1]} | {wall_s:.1f} "
        f"| {case.ideal_s:.1f} | {wall_s / case.ideal_s:.2f}{late} |"
    )


def main() -> None:
    """Parse the arguments, and print the table as its rows come."""
    parser = Arguments(description=__doc__)
    parser.add_argument("--only", default="", help="cases whose name matches this")
    parser.add_argument("--client", choices=("async", "fast", "sync"), default="fast")
    parser.add_argument("--jobs", type=int, default=3, help="cases at one time (%(default)s)")
    parser.add_argument("--one", help="run this case in this process, and print what it came to")
    options = parser.parse_args()
    if options.one is not None:
        measure(options.one, options.client)
        return
    names = [name for name in cases() if re.search(options.only, name)]
    if not names:
        raise Failure(f"no case matches {options.only!r}; there are: {'; '.join(cases())}")
    print("| case | ids lost | requests an id | wall s | ideal s | wall / ideal |")
    print("|---|---|---|---|---|---|")
    with ThreadPoolExecutor(options.jobs) as pool:
        for line in pool.map(lambda name: row(name, options.client), names):
            progress("")
            print(line, flush=True)


if __name__ == "__main__":
    run(main)
