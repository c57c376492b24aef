"""Measures lost ids, requests and time in outages, restarts and behind rate limits.

Each case has a process of its own, in which a server on loopback misbehaves and a client asks it
for ids. Several run at one time: nearly all of it is waiting. A row is the ids that were lost,
requests for each id that reached the server, and the wall time, against that of a client that knows
the server; `!` marks what is over its limit.
"""

import argparse
import asyncio
import json
import math
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any, NamedTuple

from common.tool_errors import ToolError, progress

from benchmarks.server import (
    WAIT_HEADERS,
    FixedWindow,
    Limit,
    Outage,
    Server,
    SlidingWindow,
    TokenBucket,
    WaitHeaders,
)
from benchmarks.table import Table

LATENCY_S = 0.05
CONCURRENCY = 32
THREADS = 100
KEY = "sk-mg-of-the-benchmark"  # any will do: the server does not look
CLIENTS = ("fast", "async", "sync")

_RECORD = b'{"data":{"id":"gen-0","finish_reason":"stop"}}'


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

    def __init__(self, before: Limit, after: Limit, at_s: float) -> None:
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


class Case(NamedTuple):
    """What happens to whom, and what is promised of it.

    Attributes:
        ids: How many are asked for.
        ideal_s: Seconds that they take at best.
        most_requests: An id, at most.
        most_s: Seconds, at most.
        limit: Makes the limit that the server has.
        refusal: The status of what is over it, and how its wait is told.
        outage: The outage that it has.
        is_many: Whether `get_many` asks; else `get` in many threads.
        timeout_s: The client's.
    """

    ids: int
    ideal_s: float
    most_requests: float
    most_s: float
    limit: Callable[[], Limit] | None = None
    refusal: tuple[int, WaitHeaders] = (429, WAIT_HEADERS["silent"])
    outage: Outage | None = None
    is_many: bool = True
    timeout_s: float = 30.0


def failing(down: Outage, *, ids: int = 500, is_many: bool = True) -> Case:
    """Return a case of an outage: no id is lost, and it costs few requests and little time."""
    at_once = CONCURRENCY if is_many else THREADS
    ideal_s = ids * LATENCY_S / at_once
    probes = 8 + 2 * min(down.seconds, 10) + max(0, down.seconds - 10)
    over_s = down.begin_s + down.seconds
    spare_s = 1.0 if is_many else 3.5  # a get waits by itself, as long as its retries do
    most_requests = (ids + at_once + probes) / ids if is_many else 1.5
    most_s = over_s + spare_s + 1.5 * ideal_s
    return Case(ids, over_s + ideal_s, most_requests, most_s, outage=down, is_many=is_many)


def limited(
    limit: Callable[[], Limit],
    ids: int,
    status: int,
    told: str,
    burst: bool = True,  # noqa: FBT001, FBT002 - of the table below
) -> Case:
    """Return a case of a limit, of which use is to be made."""
    ideal_s = limit().ideal_s(ids)
    most_requests, most = (1.1, 1.25) if burst else (1.3, 2.0)
    return Case(ids, ideal_s, most_requests, most * ideal_s, limit, (status, WAIT_HEADERS[told]))


def cases() -> dict[str, Case]:
    """Return all cases, by name."""
    found: dict[str, Case] = {}
    named = {"Retry-After": WAIT_HEADERS["seconds"], "nonsense": WAIT_HEADERS["nonsense"]}
    ways = {
        **{f"{status}": Outage(f"{status}", 0) for status in (502, 503, 529)},
        **{f"503, {name}": Outage("503", 0, headers) for name, headers in named.items()},
        **{f"restart, {way}": Outage(way, 0) for way in ("refused", "reset", "half-open")},
    }
    for name, down in ways.items():
        for seconds in (1, 3, 10, 60):
            found[f"outage {seconds} s: {name}"] = failing(down._replace(seconds=seconds))
    for ids in (1, 3):
        found[f"outage 3 s: 503, of {ids} id(s)"] = failing(Outage("503", 3, begin_s=0), ids=ids)
    for way in ("503", "refused", "reset"):
        found[f"gets, outage 10 s: {way}"] = failing(Outage(way, 10), ids=800, is_many=False)
    found["gets, outage 3 s: half-open"] = failing(Outage("half-open", 3), ids=800, is_many=False)
    kinds: dict[str, tuple[Callable[[], Limit], int, bool]] = {
        "bucket of 10, 100/s": (lambda: TokenBucket(100, 0.1), 1500, True),
        "bucket of 100, 500/s": (lambda: TokenBucket(500, 0.2), 4000, True),
        "no burst, 100/s": (lambda: TokenBucket(100, 0), 1500, False),
        "no burst, 500/s": (lambda: TokenBucket(500, 0), 4000, False),
        "fixed window of 1 s": (lambda: FixedWindow(100), 1500, True),
        "fixed window of 10 s": (lambda: FixedWindow(20, 10.0), 800, True),
        "sliding window of 1 s": (lambda: SlidingWindow(100), 1500, True),
        "sliding window of 10 s": (lambda: SlidingWindow(20, 10.0), 800, True),
        "10 at one time": (lambda: AtOneTime(10), 2400, True),
        "raised tenfold": (
            lambda: Changing(TokenBucket(50, 0.2), TokenBucket(500, 0.02), 6),
            3500,
            True,
        ),
        "lowered to a quarter": (
            lambda: Changing(TokenBucket(100, 0.1), TokenBucket(25, 0.4), 5),
            1000,
            True,
        ),
        "2 % at random": (lambda: AtRandom(0.02), 2000, True),
    }
    for name, (limit, ids, burst) in kinds.items():
        for status in (429, 503):
            for told in ("silent", "seconds"):
                found[f"{name}: {status}, {told}"] = limited(limit, ids, status, told, burst)
    for told in ("date", "date, clock off", "nonsense", "reset, epoch ms"):
        limit, ids, _ = kinds["bucket of 10, 100/s"]
        found[f"bucket of 10, 100/s: 429, {told}"] = limited(limit, ids, 429, told)
    no_burst = limited(kinds["no burst, 100/s"][0], 800, 429, "seconds", burst=False)
    found["gets, 10 s each, no burst, 100/s: 429, seconds"] = no_burst._replace(
        is_many=False, timeout_s=10.0, most_requests=math.inf
    )
    return found


def fetch_all(case: Case, package: Any, client: str, url: str) -> int:
    """Fetch the ids of a case; return the number of records."""
    ids = [f"gen-{number}" for number in range(case.ids)]
    options = {"api_key": KEY, "base_url": url, "trust_env": False, "timeout": case.timeout_s}
    wanted: dict[str, Any] = {"concurrency": CONCURRENCY, "wait": 0}
    came = 0

    def get(name: str) -> bool:
        try:
            return bool(sync_client.generations.get(name).id == name)
        except package.ModelGatesError:
            return False

    async def main() -> int:
        found = 0
        async with package.AsyncModelGates(**options) as async_client:
            async for outcome in async_client.generations.get_many(ids, **wanted):
                found += isinstance(outcome, package.Resolved)
        return found

    if case.is_many and client in {"async", "fast"}:
        return asyncio.run(main())
    with package.ModelGates(**options) as sync_client:
        if case.is_many:
            for outcome in sync_client.generations.get_many(ids, **wanted):
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
    server = Server(
        {"": _RECORD},
        LATENCY_S,
        limit=case.limit() if case.limit else None,
        refusal=case.refusal,
        outage=case.outage,
    )
    server.start()
    began = time.monotonic()
    came = fetch_all(case, package, client, server.url)
    print(json.dumps([case.ids - came, server.requests / case.ids, time.monotonic() - began]))


def row(name: str, client: str) -> tuple[str, ...]:
    """Run a case in a process of its own; return its row of the table."""
    case = cases()[name]
    command = [sys.executable, "-m", "benchmarks.outages", client, name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    progress(name)
    if done.returncode:
        return name, done.stderr.strip().rpartition("\n")[2], "", "", "", ""
    lost, requests, wall_s = json.loads(done.stdout)
    return (
        name,
        f"{lost} of {case.ids}{'!' * bool(lost)}",
        f"{requests:.2f}{'!' * (requests > case.most_requests)}",
        f"{wall_s:.1f}",
        f"{case.ideal_s:.1f}",
        f"{wall_s / case.ideal_s:.2f}{'!' * (wall_s > case.most_s)}",
    )


def tables(options: argparse.Namespace) -> Iterator[Table]:
    """Run the cases that are selected, some at one time, and yield the table.

    Raises:
        ToolError: None is selected.
    """
    names = [name for name in cases() if re.search(options.only, name)]
    if not names:
        raise ToolError(f"no case matches {options.only!r}; there are: {'; '.join(cases())}")
    columns = ("case", "ids lost", "requests an id", "wall s", "ideal s", "wall / ideal")
    table = Table(f"Outages and limits, {options.client}", columns)
    with ThreadPoolExecutor(options.jobs) as pool:
        table.rows.extend(pool.map(lambda name: row(name, options.client), names))
    progress("")
    yield table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what can be said of outages alone."""
    parser.add_argument(
        "--client", choices=CLIENTS, default="fast", help="of outages (%(default)s)"
    )
    parser.add_argument("--jobs", type=int, default=6, help="outages at one time (%(default)s)")


if __name__ == "__main__":
    measure(sys.argv[2], sys.argv[1])
