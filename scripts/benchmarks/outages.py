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


class ConcurrencyLimit:
    """A limit of concurrent requests, each of which takes `LATENCY_S`."""

    def __init__(self, max_requests: int) -> None:
        self._most = max_requests
        self._ends: list[float] = []

    def wait_s(self, now: float) -> float:
        """Return the seconds until a request ends if the limit is reached, else 0."""
        self._ends = [end for end in self._ends if end > now]
        if len(self._ends) >= self._most:
            return max(min(self._ends) - now, 1e-6)
        self._ends.append(now + LATENCY_S)
        return 0

    def ideal_s(self, requests: int) -> float:
        """Return the seconds that some requests take at full concurrency."""
        return requests / self._most * LATENCY_S


class RandomRefusals:
    """Refuses a random share of the requests, at any rate."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._uniform = random.Random(1).random  # noqa: S311 - chance, no secret

    def wait_s(self, now: float) -> float:  # noqa: ARG002 - chance knows no time
        """Return a short wait for a random share of the calls, else 0."""
        return 0.1 if self._uniform() < self._share else 0

    def ideal_s(self, requests: int) -> float:
        """Return the seconds that some requests take, including one wait after a refusal."""
        return requests / CONCURRENCY * LATENCY_S + 1


class ChangingLimit:
    """A limit that is replaced by another after some time."""

    def __init__(self, before: Limit, after: Limit, at_s: float) -> None:
        self._before, self._after, self._at_s = before, after, at_s
        self._began = math.inf

    def wait_s(self, now: float) -> float:
        """Return the wait under the current limit."""
        self._began = min(self._began, now)
        limit = self._before if now < self._began + self._at_s else self._after
        return limit.wait_s(now)

    def ideal_s(self, requests: int) -> float:
        """Return the seconds that some requests take under both limits."""
        passed = 0
        while passed < requests and self._before.ideal_s(passed + 1) <= self._at_s:
            passed += 1
        return self._at_s + self._after.ideal_s(requests - passed)


class Case(NamedTuple):
    """A limit or an outage, the client that meets it, and the bounds that must hold.

    Attributes:
        ids: The number of ids to fetch.
        ideal_s: The seconds that they take at best.
        max_requests_per_id: The maximum of requests per id.
        max_s: The maximum of seconds.
        limit: Creates the server's limit.
        refusal: The status of refused requests, and the headers that state the wait.
        outage: The server's outage.
        is_many: Whether `get_many` is used; else `get` in many threads.
        timeout_s: The client's timeout.
    """

    ids: int
    ideal_s: float
    max_requests_per_id: float
    max_s: float
    limit: Callable[[], Limit] | None = None
    refusal: tuple[int, WaitHeaders] = (429, WAIT_HEADERS["silent"])
    outage: Outage | None = None
    is_many: bool = True
    timeout_s: float = 30.0


def failing(down: Outage, *, ids: int = 500, is_many: bool = True) -> Case:
    """Return a case of an outage: no id may be lost, and extra requests and time are bounded."""
    at_once = CONCURRENCY if is_many else THREADS
    ideal_s = ids * LATENCY_S / at_once
    probes = 8 + 2 * min(down.seconds, 10) + max(0, down.seconds - 10)
    over_s = down.begin_s + down.seconds
    spare_s = 1.0 if is_many else 3.5  # a get waits by itself, as long as its retries do
    max_requests_per_id = (ids + at_once + probes) / ids if is_many else 1.5
    max_s = over_s + spare_s + 1.5 * ideal_s
    return Case(ids, over_s + ideal_s, max_requests_per_id, max_s, outage=down, is_many=is_many)


def limited(
    limit: Callable[[], Limit],
    ids: int,
    status: int,
    wait_header: str,
    burst: bool = True,  # noqa: FBT001, FBT002 - of the table below
) -> Case:
    """Return a case of a limit, which the client should use well."""
    ideal_s = limit().ideal_s(ids)
    max_requests_per_id, slowdown = (1.1, 1.25) if burst else (1.3, 2.0)
    refusal = status, WAIT_HEADERS[wait_header]
    return Case(ids, ideal_s, max_requests_per_id, slowdown * ideal_s, limit, refusal)


def cases() -> dict[str, Case]:
    """Return all cases, by name."""
    result: dict[str, Case] = {}
    headers_by_name = {"Retry-After": WAIT_HEADERS["seconds"], "nonsense": WAIT_HEADERS["nonsense"]}
    outages = {
        **{f"{status}": Outage(f"{status}", 0) for status in (502, 503, 529)},
        **{f"503, {name}": Outage("503", 0, headers) for name, headers in headers_by_name.items()},
        **{f"restart, {kind}": Outage(kind, 0) for kind in ("refused", "reset", "half-open")},
    }
    for name, down in outages.items():
        for seconds in (1, 3, 10, 60):
            result[f"outage {seconds} s: {name}"] = failing(down._replace(seconds=seconds))
    for ids in (1, 3):
        down = Outage("503", 3, begin_s=0)
        result[f"outage 3 s: 503, of {ids} id(s)"] = failing(down, ids=ids)
    for kind in ("503", "refused", "reset"):
        result[f"gets, outage 10 s: {kind}"] = failing(Outage(kind, 10), ids=800, is_many=False)
    result["gets, outage 3 s: half-open"] = failing(Outage("half-open", 3), ids=800, is_many=False)
    kinds: dict[str, tuple[Callable[[], Limit], int, bool]] = {
        "bucket of 10, 100/s": (lambda: TokenBucket(100, 0.1), 1500, True),
        "bucket of 100, 500/s": (lambda: TokenBucket(500, 0.2), 4000, True),
        "no burst, 100/s": (lambda: TokenBucket(100, 0), 1500, False),
        "no burst, 500/s": (lambda: TokenBucket(500, 0), 4000, False),
        "fixed window of 1 s": (lambda: FixedWindow(100), 1500, True),
        "fixed window of 10 s": (lambda: FixedWindow(20, 10.0), 800, True),
        "sliding window of 1 s": (lambda: SlidingWindow(100), 1500, True),
        "sliding window of 10 s": (lambda: SlidingWindow(20, 10.0), 800, True),
        "10 at one time": (lambda: ConcurrencyLimit(10), 2400, True),
        "raised tenfold": (
            lambda: ChangingLimit(TokenBucket(50, 0.2), TokenBucket(500, 0.02), 6),
            3500,
            True,
        ),
        "lowered to a quarter": (
            lambda: ChangingLimit(TokenBucket(100, 0.1), TokenBucket(25, 0.4), 5),
            1000,
            True,
        ),
        "2 % at random": (lambda: RandomRefusals(0.02), 2000, True),
    }
    for name, (limit, ids, burst) in kinds.items():
        for status in (429, 503):
            for header in ("silent", "seconds"):
                result[f"{name}: {status}, {header}"] = limited(limit, ids, status, header, burst)
    for header in ("date", "date, clock off", "nonsense", "reset, epoch ms"):
        limit, ids, _ = kinds["bucket of 10, 100/s"]
        result[f"bucket of 10, 100/s: 429, {header}"] = limited(limit, ids, 429, header)
    no_burst = limited(kinds["no burst, 100/s"][0], 800, 429, "seconds", burst=False)
    result["gets, 10 s each, no burst, 100/s: 429, seconds"] = no_burst._replace(
        is_many=False, timeout_s=10.0, max_requests_per_id=math.inf
    )
    return result


def fetch_all(case: Case, package: Any, client: str, url: str) -> int:
    """Fetch the ids of a case; return the number of records."""
    ids = [f"gen-{number}" for number in range(case.ids)]
    options = {"api_key": KEY, "base_url": url, "trust_env": False, "timeout": case.timeout_s}
    options_of_many: dict[str, Any] = {"concurrency": CONCURRENCY, "wait": 0}
    count = 0

    def get(name: str) -> bool:
        try:
            return bool(sync_client.generations.get(name).id == name)
        except package.ModelGatesError:
            return False

    async def main() -> int:
        resolved = 0
        async with package.AsyncModelGates(**options) as async_client:
            async for outcome in async_client.generations.get_many(ids, **options_of_many):
                resolved += isinstance(outcome, package.Resolved)
        return resolved

    if case.is_many and client in {"async", "fast"}:
        return asyncio.run(main())
    with package.ModelGates(**options) as sync_client:
        if case.is_many:
            for outcome in sync_client.generations.get_many(ids, **options_of_many):
                count += isinstance(outcome, package.Resolved)
            return count
        with ThreadPoolExecutor(THREADS) as pool:
            return sum(pool.map(get, ids))


def measure(name: str, client: str) -> None:
    """Run a case in this process, and print ids lost, requests per id and seconds."""
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
    count = fetch_all(case, package, client, server.url)
    print(json.dumps([case.ids - count, server.requests / case.ids, time.monotonic() - began]))


def row(name: str, client: str) -> tuple[str, ...]:
    """Run a case in a separate process; return its row of the table."""
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
        f"{requests:.2f}{'!' * (requests > case.max_requests_per_id)}",
        f"{wall_s:.1f}",
        f"{case.ideal_s:.1f}",
        f"{wall_s / case.ideal_s:.2f}{'!' * (wall_s > case.max_s)}",
    )


def tables(options: argparse.Namespace) -> Iterator[Table]:
    """Run the selected cases, several in parallel, and yield the table.

    Raises:
        ToolError: No case is selected.
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
    """Add the options that only outages have."""
    parser.add_argument(
        "--client", choices=CLIENTS, default="fast", help="of outages (%(default)s)"
    )
    parser.add_argument("--jobs", type=int, default=6, help="outages at one time (%(default)s)")


if __name__ == "__main__":
    measure(sys.argv[2], sys.argv[1])
