"""Compares ways of asking for many records: `get_many`, aiohttp, httpx, the `openrouter` SDK.

Each way has a process of its own, so has the server, and all take turns, round by round: what else
the machine does meets all alike. Only ratios within a round mean anything, and their medians are
what is held against the limits. A limit that is missed is marked; the exit status stays 0.

1. On loopback, at several concurrencies: records per second, and CPU per record.
2. The same where each answer comes after some latency, against concurrency / latency.
3. A server that allows so many requests per second, by several kinds of limit.

The maintainer runs it as `nox -s bulk`. On a terminal it prints tables, into a pipe JSON lines.
"""

import json
import platform
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from importlib.metadata import PackageNotFoundError, version
from itertools import product
from pathlib import Path

import bench_bulk_clients
import bench_bulk_results
import bench_bulk_server
import bench_cases
from bench_asked import path_of_records
from bench_bulk_children import Child
from bench_bulk_results import Measurement, Round
from common import toolchain
from common.failure import Arguments, Failure, progress, run
from common.project import Project

RECORD = "tests/records/2026-02-cancelled-stream.json"
CONCURRENCIES = "10;50;100;200"
LATENCY_S = 0.05
OPTIONAL = ("httpx", "openrouter")  # rows that no limit is about
SELDOM = 3  # one round in three is enough for those
STORM_ROWS = ("aiohttp", "ours, fast, async", "ours, plain, async", "ours, plain, sync")
STORM_WORKERS = 32
STORM_PATIENCE = 3  # times the ideal time; no more ids are given then
PACKAGES = ("modelgates-client", "aiohttp", "httptools", "httpx", "openrouter", "uvloop")
LATER = ("data_region", "preset_id", "workspace_id")  # keys that the SDK takes no record without
_ENDLESS = 10**9


class Bench:
    """Runs the rows against servers.

    Args:
        scratch: Where the servers find what to answer.
        bodies: It, by row; that of the others is under the empty name.
        concurrencies: The most requests at one time, in turn.
    """

    def __init__(self, scratch: Path, bodies: dict[str, bytes], concurrencies: list[int]) -> None:
        self._scratch = scratch
        self._bodies = {row: scratch / f"body-{number}.json" for number, row in enumerate(bodies)}
        for row, file in self._bodies.items():
            file.write_bytes(bodies[row])
        self._concurrencies = concurrencies
        self._jobs = 0
        self._path = path_of_records()

    def client(self, row: str) -> Child:
        """Start the process of a row."""
        return Child(row, [bench_bulk_clients.__file__, row], self._scratch)

    @contextmanager
    def clients(self, rows: Iterable[str]) -> Iterator[dict[str, Child]]:
        """Start a process for each row; those that lack their package are left out.

        Raises:
            Failure: A package is missing that a limit is about.
        """
        with ExitStack() as stack:
            found = {row: stack.enter_context(self.client(row)) for row in rows}
            for row, client in [*found.items()]:
                missing = client.hear()["missing"]
                if missing and row in OPTIONAL:
                    print(f"{missing} is not installed: `{row}` is left out", file=sys.stderr)
                    del found[row]
                elif missing:
                    raise Failure(f"`{row}` needs {missing}; run `nox -s bulk`")
            yield found

    @contextmanager
    def server(self, row: str, *options: str) -> Iterator[tuple[Child, str]]:
        """Start a server with the body of a row; yield it, and its base URL."""
        command = [bench_bulk_server.__file__, str(self._bodies[row]), *options]
        with Child("the server", command, self._scratch) as server:
            yield server, f"http://127.0.0.1:{server.hear()}/api/v1"

    def job(
        self, client: Child, url: str, concurrency: int, seconds: float, most: int = _ENDLESS
    ) -> Measurement:
        """Let a row ask for ids that no one asked for before."""
        self._jobs += 1
        asked = {"url": url, "path": self._path, "name": f"{self._jobs:08}"}
        client.say({**asked, "concurrency": concurrency, "seconds": seconds, "most": most})
        return Measurement(**client.hear())

    def rounds(
        self, clients: dict[str, Child], count: int, seconds: float, latency_s: float = 0.0
    ) -> list[Round]:
        """Let all take turns; those that no limit is about, which are slow, at times only.

        Raises:
            Failure: They claim more records than the servers sent.
        """
        what = f"{1000 * latency_s:g} ms of latency" if latency_s else "loopback"
        patience_s = 2 * seconds if latency_s else seconds
        found: list[Round] = []
        done = 0
        with ExitStack() as stack:
            options = ("--delay-ms", str(1000 * latency_s))
            servers = {row: stack.enter_context(self.server(row, *options)) for row in self._bodies}
            urls = {row: servers[row if row in servers else ""][1] for row in clients}
            for row, client in clients.items():  # what is loaded, and built, for the first time
                done += self.job(client, urls[row], 1, seconds, most=20).done
            for number in range(count):
                found.append({})
                taking_part = [row for row in clients if row not in OPTIONAL or not number % SELDOM]
                for at, row in product(self._concurrencies, taking_part):
                    progress(f"{what}: round {number + 1} of {count}, {row} at {at}")
                    # Whole turns of the latency, for those that are fast enough for them.
                    turns = round(seconds / latency_s) * at if latency_s else _ENDLESS
                    one = self.job(clients[row], urls[row], at, patience_s, turns)
                    found[-1][row, at] = one
                    done += one.done
            sent = sum(server.end()["welcomed"] for server, _ in servers.values())
        progress("")
        others = bench_bulk_results.interference(found)
        print(f"{what}: rows waited for a core {others:.0%} of their time", file=sys.stderr)
        if done > sent:
            raise Failure(f"{what}: {done} records are said to have come, of {sent} that were sent")
        return found

    def storm(self, row: str, kind: str, ids: int, rate: int) -> list[bench_bulk_results.Result]:
        """Let a row ask a server for more than it allows."""
        limit = bench_bulk_server.LIMITS[kind](rate)
        with (
            self.clients([row]) as clients,
            self.server("", "--limit", kind, "--rate", str(rate)) as (server, url),
        ):
            patience_s = STORM_PATIENCE * limit.ideal_s(ids)
            one = self.job(clients[row], url, STORM_WORKERS, patience_s, ids)
            answered = server.end()
        requests = answered["welcomed"] + answered["refused"]
        ideal_s = limit.ideal_s(ids) * one.given / ids  # where its patience ended, pro rata
        return bench_bulk_results.storm(row, kind, one, requests, ideal_s)


def bodies(project: Project) -> dict[str, bytes]:
    """Return the real record with every key of the spec; for the SDK with those it needs, too.

    Raises:
        Failure: The record or the schema is not where it was.
    """
    from common import documents  # noqa: PLC0415 - needs what `check_versions` has looked for

    try:
        schemas = documents.load(project.spec)["components"]["schemas"]
        properties = schemas[bench_cases.RECORD_SCHEMA]["properties"]
        real = json.loads((project.root / RECORD).read_bytes())["data"]
        record = bench_cases.complete(real, properties)
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise Failure(
            f"{RECORD}, or {bench_cases.RECORD_SCHEMA} of the spec, is not as it was: {error!r}"
        ) from None
    later = {**dict.fromkeys(LATER), **record}
    return {"": bench_cases.encode(record), "openrouter": bench_cases.encode(later)}


def introduction() -> str:
    """Return what is compared."""
    parts = [f"Python {platform.python_version()}"]
    for name in PACKAGES:
        try:
            parts.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            parts.append(f"no {name}")
    return ", ".join(parts)


def main() -> None:
    """Parse the arguments, measure, print each part when it is complete."""
    parser = Arguments(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    parser.add_argument("--seconds", type=float, default=0.6, help="of a turn (%(default)s)")
    parser.add_argument("--ids", type=int, default=1000, help="of a storm (%(default)s; 0: none)")
    parser.add_argument("--rate", type=int, default=100, help="per second, of it (%(default)s)")
    parser.add_argument("--rows", default=";".join(bench_bulk_clients.ROWS), help="by ';'")
    parser.add_argument("--concurrency", default=CONCURRENCIES, help="by ';' (%(default)s)")
    options = parser.parse_args()
    rows: list[str] = options.rows.split(";")
    if unknown := [row for row in rows if row not in bench_bulk_clients.ROWS]:
        parser.error(f"there is no row {unknown[0]!r}")
    if min(options.rounds, options.rate) < 1 or options.seconds < LATENCY_S:
        parser.error(f"--rounds and --rate are at least 1, --seconds {LATENCY_S}")
    if options.ids and options.ids <= options.rate:
        parser.error("--ids is more than --rate: fewer are no storm")
    if not re.fullmatch(r"[1-9]\d*(;[1-9]\d*)*", options.concurrency):
        parser.error(f"--concurrency is like {CONCURRENCIES}")
    concurrencies = [int(at) for at in options.concurrency.split(";")]
    project = Project(Path(__file__).resolve().parents[2])
    toolchain.check_versions(project)
    print(introduction(), file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="modelgates-bench-") as name:
        bench = Bench(Path(name), bodies(project), concurrencies)
        with bench.clients(rows) as clients:
            rounds = bench.rounds(clients, options.rounds, options.seconds)
            bench_bulk_results.show(bench_bulk_results.loopback(rounds))
            rounds = bench.rounds(clients, options.rounds, 2 * options.seconds, LATENCY_S)
            bench_bulk_results.show(bench_bulk_results.latency(rounds, LATENCY_S))
        results = []
        for row in [row for row in STORM_ROWS if row in rows and options.ids]:
            progress(f"429 storm: {row}")
            with ThreadPoolExecutor(2) as pool:  # most of it is waiting, but not all
                storms = [
                    pool.submit(bench.storm, row, kind, options.ids, options.rate)
                    for kind in bench_bulk_server.LIMITS
                ]
            results += [result for one in storms for result in one.result()]
        progress("")
        bench_bulk_results.show(results)


if __name__ == "__main__":
    run(main)
