"""Measures lost ids, requests and time in outages, restarts and behind rate limits.

A server on loopback misbehaves, and a client in a process of its own fetches ids. Several cases run
at the same time, since nearly all of it is waiting. The time is compared with that of a client that
knows the server; `!` marks a value over its limit.
"""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import product
from typing import NamedTuple

from common.tool_errors import ToolError, progress

from benchmarks.cases import CLIENTS
from benchmarks.contenders import Setting
from benchmarks.limits import (
    ChangingLimit,
    FixedWindow,
    Limit,
    RandomRefusals,
    SlidingWindow,
    TokenBucket,
    ideal_s,
)
from benchmarks.runner import run_turn, table
from benchmarks.server import (
    Outage,
    Server,
    WaitHeaders,
    as_date,
    in_seconds,
    no_header,
    nonsense,
)

LATENCY_S = 0.05
CONCURRENCY, THREADS = 32, 100
_BODY = b'{"data":{"id":"gen-0","finish_reason":"stop"}}'
_JOBS = 6  # cases at the same time
_OUTAGES: dict[str, tuple[str, WaitHeaders]] = {
    "502": ("502", no_header),
    "503": ("503", no_header),
    "503, Retry-After": ("503", in_seconds),
    "503, nonsense": ("503", nonsense),
    "529": ("529", no_header),
    "restart, refused": ("refused", no_header),
    "restart, reset": ("reset", no_header),
    "restart, half-open": ("half-open", no_header),
}
_LIMITS: dict[str, tuple[Callable[[], Limit], int]] = {
    "bucket of 10, 100/s": (lambda: TokenBucket(100, 10), 1500),
    "bucket of 100, 500/s": (lambda: TokenBucket(500, 100), 4000),
    "no burst, 100/s": (lambda: TokenBucket(100, 1), 1500),
    "no burst, 500/s": (lambda: TokenBucket(500, 1), 4000),
    "window of 1 s": (lambda: SlidingWindow(100), 1500),
    "window of 10 s": (lambda: SlidingWindow(200, 10), 800),
    "fixed window of 1 s": (lambda: FixedWindow(100), 1500),
    "fixed window of 10 s": (lambda: FixedWindow(200, 10), 800),
    "10 at one time": (lambda: SlidingWindow(10, LATENCY_S), 2400),  # each takes the latency
    "raised tenfold": (lambda: ChangingLimit(TokenBucket(50, 10), TokenBucket(500, 10), 6), 3500),
    "lowered to a quarter": (
        lambda: ChangingLimit(TokenBucket(100, 10), TokenBucket(25, 10), 5),
        1000,
    ),
    "2 % at random": (lambda: RandomRefusals(0.02), 2000),
}
_REFUSALS = {
    f"{status}, {name}": (status, headers)
    for status, (name, headers) in product(
        (429, 503), (("silent", no_header), ("seconds", in_seconds), ("date", as_date))
    )
}
_REFUSALS["429, nonsense"] = (429, nonsense)
_FEW = 3
#: The requests in flight, and their seconds beyond the outage; those of `get_many` otherwise.
_AT_ONCE = {"base, threads": THREADS, "base, two fetches": 2 * CONCURRENCY}
_SPARE_S = {"base, threads": 3.5, "base, two fetches": 2.0}  # a ledger is checked for leases


class Case(NamedTuple):
    """A limit or an outage, the client that meets it, and the bounds that must hold.

    Attributes:
        client: Its name in `CLIENTS`.
        ids: The number of ids to fetch.
        ideal_s: The seconds of a client that knows the server.
        max_requests: The maximum of requests per id.
        max_s: The maximum of seconds.
        server: Creates the server.
    """

    client: str
    ids: int
    ideal_s: float
    max_requests: float
    max_s: float
    server: Callable[[], Server]


def outage(client: str, kind: str, headers: WaitHeaders, seconds: float, *, is_few: bool) -> Case:
    """Return a case of an outage: the bounds are on the requests during it, and the time after.

    Few ids meet it from the first request.
    """
    at_once = _AT_ONCE.get(client, CONCURRENCY)
    ids = _FEW if is_few else 8 * at_once if "threads" in client else 500
    down = Outage(kind, seconds, headers, 0.0 if is_few else 0.3)
    fetching_s = max(1.0, ids / at_once) * LATENCY_S
    probes = (8 + 2 * min(seconds, 10) + max(0, seconds - 10)) * (2 if "fetches" in client else 1)
    max_requests = 1.5 if "threads" in client else (ids + at_once + probes) / ids
    end_s = down.start_s + seconds
    server = partial(Server, {"": _BODY}, latency_s=LATENCY_S, outage=down)
    max_s = end_s + _SPARE_S.get(client, 1.0) + 1.5 * fetching_s
    return Case(client, ids, end_s + fetching_s, max_requests, max_s, server)


def limited(client: str, name: str, refusal: tuple[int, WaitHeaders]) -> Case:
    """Return a case of a limit, which the client should use well."""
    limit, ids = _LIMITS[name]
    ideal = max(ideal_s(limit(), ids), ids * LATENCY_S / CONCURRENCY)
    max_requests, slowdown = (1.3, 2.0) if name.startswith("no burst") else (1.1, 1.25)

    def server() -> Server:
        return Server({"": _BODY}, latency_s=LATENCY_S, limit=limit(), refusal=refusal)

    return Case(client, ids, ideal, max_requests, slowdown * ideal, server)


def cases() -> dict[str, Case]:
    """Return all cases, by name."""
    result = {}
    for client in CLIENTS:
        is_get = "threads" in client
        for (name, (kind, headers)), seconds in product(_OUTAGES.items(), (1, 3, 10, 60)):
            if not is_get or seconds <= 10:  # noqa: PLR2004 - a `get` waits 30 s at most
                key = f"{client}: outage {seconds} s: {name}"
                result[key] = outage(client, kind, headers, seconds, is_few=False)
                if not is_get:
                    result[f"{key}: few ids"] = outage(client, kind, headers, seconds, is_few=True)
        for name, (refusal, how) in product(_LIMITS, _REFUSALS.items()):
            if client not in _AT_ONCE:
                result[f"{client}: {name}: {refusal}"] = limited(client, name, how)
    return result


def row(name: str) -> tuple[str, ...]:
    """Run a case; return its row of the table."""
    case = cases()[name]
    progress(name)
    with case.server().running() as server:
        concurrency = THREADS if "threads" in case.client else CONCURRENCY
        setting = Setting("", server.url, concurrency=concurrency, timeout_s=30)
        turn, _ = run_turn("", case.client, setting, case.ids)
    lost, requests, wall_s = turn["lost"], server.requests / case.ids, case.ids / turn["RATE"]
    return (
        name,
        f"{lost} of {case.ids}{'!' * bool(lost)}",
        f"{requests:.2f}{'!' * (requests > case.max_requests)}",
        f"{wall_s:.1f}",
        f"{case.ideal_s:.1f}",
        f"{wall_s / case.ideal_s:.2f}{'!' * (wall_s > case.max_s)}",
    )


def measured(only: str) -> str:
    """Run the cases whose names match a regular expression; return the table.

    Raises:
        ToolError: No name matches, or a client fails.
    """
    names = [name for name in cases() if re.search(only, name)]
    if not names:
        raise ToolError(f"no case matches {only!r}; there are: {'; '.join(cases())}")
    with ThreadPoolExecutor(_JOBS) as pool:
        rows = [*pool.map(row, names)]
    progress("")
    columns = ("client: case", "ids lost", "requests an id", "wall s", "ideal s", "wall / ideal")
    return table("Outages and limits", columns, rows)
