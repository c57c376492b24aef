"""What `bench_bulk.py` makes of its measurements: ratios within a round, judged by their median."""

import json
import platform
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from statistics import median

BASE = "aiohttp"
FAST = ("ours, fast, async", "ours, fast, sync")
PLAIN = ("ours, plain, async", "ours, plain, sync")

#: What is promised, as ratios.
OF_AIOHTTP, OF_FEW, OF_IDEAL, FULL = 0.9, 1.0, 0.9, 0.9
REQUESTS, LOST, WALL = 1.1, 0.0, 1.5

KEPT, MISSED, CPU_FULL = "kept", "MISSED", "the CPU is full"


@dataclass(frozen=True)
class Measurement:
    """What a row did in one job.

    Attributes:
        given: The ids that it took.
        done: Those whose records came.
        failed: How often what went wrong.
        elapsed_s: Seconds from the first id to the last outcome.
        cpu_s: Seconds of CPU that its process took.
        waited_s: Seconds that its threads were ready to run, and others had the cores.
    """

    given: int
    done: int
    elapsed_s: float
    cpu_s: float
    waited_s: float
    failed: dict[str, int] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Records per second."""
        return self.done / self.elapsed_s

    @property
    def cpu_us(self) -> float:
        """Microseconds of CPU per record."""
        return 1e6 * self.cpu_s / max(self.done, 1)

    @property
    def busy(self) -> float:
        """The share of a core that it took, or would have taken if others had not."""
        return (self.cpu_s + self.waited_s) / self.elapsed_s


#: Of one round: by row and concurrency.
Round = dict[tuple[str, int], Measurement]


@dataclass(frozen=True)
class Result:
    """One cell of a table.

    Attributes:
        table: What is compared.
        at: At which concurrency, or under which rate limit.
        base: What the ratio is to.
        values: What was measured, round by round.
        bases: What it is compared with, round by round.
        ratio: The median of the ratios of the rounds.
        lowest: The lowest of them.
        highest: The highest of them.
        limit: What is promised of the median; None where nothing is.
        verdict: Whether it is kept; empty where nothing is promised.
        failed: What went wrong, and how often, in all rounds.
    """

    table: str
    row: str
    at: str
    base: str
    values: list[float]
    bases: list[float]
    ratio: float
    lowest: float
    highest: float
    limit: str | None = None
    verdict: str = ""
    failed: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Promise:
    """A limit that the median of ratios has to keep."""

    limit: float
    is_least: bool = False  # else it is the most

    def __str__(self) -> str:
        return f"at {'least' if self.is_least else 'most'} {self.limit:g}"

    def keeps(self, ratio: float) -> bool:
        """Whether a ratio keeps it."""
        return ratio >= self.limit if self.is_least else ratio <= self.limit


@dataclass(frozen=True)
class Table:
    """What is compared, and with what."""

    name: str
    base: str

    def cell(  # noqa: PLR0913, PLR0917 - what a cell is about, and what stands in it
        self,
        row: str,
        at: object,
        values: list[float],
        bases: list[float],
        promise: Promise | None = None,
        failed: dict[str, int] | None = None,
        *,
        excused: bool = False,
    ) -> Result:
        """Compare values with their bases, round by round, and judge the median.

        Where a base is 0, the ratio is 0, too, and keeps nothing: there is nothing to compare with.
        """
        pairs = zip(values, bases, strict=True)
        ratios = [value / base if base else 0.0 for value, base in pairs]
        ratio, verdict = median(ratios), ""
        if promise is not None:
            kept = promise.keeps(ratio) and all(bases) and not failed
            verdict = KEPT if kept else CPU_FULL if excused and not failed else MISSED
        return Result(
            self.name,
            row,
            str(at),
            self.base,
            [round(value, 3) for value in values],
            [round(base, 3) for base in bases],
            round(ratio, 3),
            round(min(ratios), 3),
            round(max(ratios), 3),
            None if promise is None else str(promise),
            verdict,
            failed or {},
        )


def failures(measurements: Iterable[Measurement]) -> dict[str, int]:
    """Return what went wrong, and how often; an id that nothing was said of went wrong, too."""
    found: dict[str, int] = {}
    for one in measurements:
        missing = one.given - one.done - sum(one.failed.values())
        for what, count in {**one.failed, "no outcome": missing}.items():
            if count:
                found[what] = found.get(what, 0) + count
    return found


def loopback(rounds: list[Round]) -> list[Result]:
    """Compare rates and CPU with aiohttp's at the same concurrency, and ours with few and many."""
    rate = Table("requests/s on loopback", f"{BASE} at the same concurrency")
    cpu = Table("CPU per request on loopback", f"{BASE} at the same concurrency")
    few, many = min(at for _, at in rounds[0]), max(at for _, at in rounds[0])
    growth = Table("requests/s on loopback as concurrency grows", f"itself at {few}")
    results = []
    for row, at in rounds[0]:
        mine, base = _pairs(rounds, (row, at), (BASE, at))
        if base:
            promise = Promise(OF_AIOHTTP, is_least=True) if row in FAST else None
            values, bases = [one.rate for one in mine], [one.rate for one in base]
            results.append(rate.cell(row, at, values, bases, promise, failures(mine)))
            values, bases = [one.cpu_us for one in mine], [one.cpu_us for one in base]
            results.append(cpu.cell(row, at, values, bases))
        if at == many:
            mine, base = _pairs(rounds, (row, many), (row, few))
            promise = Promise(OF_FEW, is_least=True) if row in PLAIN else None
            values, bases = [one.rate for one in mine], [one.rate for one in base]
            results.append(growth.cell(row, many, values, bases, promise, failures(mine)))
    return _by_table(results)


def latency(rounds: list[Round], latency_s: float) -> list[Result]:
    """Compare rates with what the latency allows, and say how much of a core they took.

    The CPU is full when there was no more of it, or when the ideal would take more than there is.
    """
    ideal = Table(f"requests/s at {1000 * latency_s:g} ms of latency", "concurrency / latency")
    busy = Table("CPU used and waited for, at that latency", "one core")
    need = Table("CPU that concurrency / latency would take", "one core")
    results = []
    for row, at in rounds[0]:
        mine, _ = _pairs(rounds, (row, at), (row, at))
        core = busy.cell(row, at, [one.busy for one in mine], [1.0] * len(mine))
        promise = Promise(OF_IDEAL, is_least=True) if row in (*FAST, *PLAIN) else None
        values, bases = [one.rate for one in mine], [at / latency_s] * len(mine)
        needed = [one.cpu_us / 1e6 * at / latency_s for one in mine]
        cpu = need.cell(row, at, needed, [1.0] * len(mine))
        excused = max(core.ratio, cpu.ratio) >= FULL
        share = ideal.cell(row, at, values, bases, promise, failures(mine), excused=excused)
        results += [share, core, cpu]
    return _by_table(results)


def interference(rounds: list[Round]) -> float:
    """Return the median share of the time that others had the cores, of all measurements."""
    return median(one.waited_s / one.elapsed_s for done in rounds for one in done.values())


def _pairs(
    rounds: list[Round], wanted: tuple[str, int], base: tuple[str, int]
) -> tuple[list[Measurement], list[Measurement]]:
    """Return two measurements of each round that has both."""
    both = [one for one in rounds if wanted in one and base in one]
    return [one[wanted] for one in both], [one[base] for one in both]


def storm(row: str, kind: str, one: Measurement, requests: int, ideal_s: float) -> list[Result]:
    """Compare what a storm of 429 took with what it had to take."""
    judged = row in (*FAST, *PLAIN)
    cells = (
        ("requests", "the ids", requests, one.given, REQUESTS),
        ("ids lost", "the ids", one.given - one.done, one.given, LOST),
        ("wall time", "the least that the limit allows", one.elapsed_s, ideal_s, WALL),
    )
    failed = failures([one])
    busy = Table("429 storm: CPU used and waited for", "one core")
    results = [
        Table(f"429 storm: {what}", base).cell(
            row, kind, [value], [least], Promise(limit) if judged else None, failed
        )
        for what, base, value, least, limit in cells
    ]
    return [*results, busy.cell(row, kind, [one.busy], [1.0])]


def _by_table(results: list[Result]) -> list[Result]:
    names = list(dict.fromkeys(one.table for one in results))
    return sorted(results, key=lambda one: names.index(one.table))


def show(results: list[Result]) -> None:
    """Print tables on a terminal, JSON lines into a pipe."""
    if not sys.stdout.isatty():
        for one in results:
            print(json.dumps({**asdict(one), "python": platform.python_version()}), flush=True)
        return
    for name in dict.fromkeys(one.table for one in results):
        print(text([one for one in results if one.table == name]), flush=True)


def text(results: list[Result]) -> str:
    """Return one table: a row a line, a column a concurrency or rate limit."""
    columns = list(dict.fromkeys(one.at for one in results))
    cells = {(one.row, one.at): one for one in results}
    width = max(22, 2 + max(map(len, columns)))
    lines = ["", f"{results[0].table}, x {results[0].base}"]
    lines.append(" " * 20 + "".join(f"{at:>{width}}" for at in columns))
    for row in dict.fromkeys(one.row for one in results):
        found = [cells.get((row, at)) for at in columns]
        lines.append(f"  {row:18}" + "".join(f"{_cell(one):>{width}}" for one in found))
        for one in filter(None, found):
            if one.failed:
                what = ", ".join(f"{count} x {name}" for name, count in one.failed.items())
                lines.append(f"    failed at {one.at}: {what}")
    for limit in dict.fromkeys(one.limit for one in results if one.limit):
        broken = [one for one in results if one.limit == limit and one.verdict != KEPT]
        lines.append(f"  limit: {limit}{'' if broken else ', kept'}")
        lines += [f"    {one.row} at {one.at}: {one.ratio:.2f}, {one.verdict}" for one in broken]
    return "\n".join(lines)


def _cell(one: Result | None) -> str:
    if one is None:
        return "-"
    spread = f" ({one.lowest:.2f}-{one.highest:.2f})" if len(one.values) > 1 else ""
    return f"{one.ratio:.2f}{spread}"
