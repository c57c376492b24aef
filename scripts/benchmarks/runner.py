"""Runs contenders in alternating turns, each in a new process, and compares them with the base.

`python -m benchmarks.runner CASE CONTENDER SETTING TIMES` is a turn: it prints the cost of a unit
of work as JSON.
"""

import gc
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time
import tracemalloc
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median
from typing import Any

from common.tool_errors import ToolError, progress

from benchmarks import bodies
from benchmarks.cases import CASES, CLIENTS, Case, Measure
from benchmarks.contenders import Setting, Work, block_extra
from benchmarks.server import Server

_SCRIPTS = Path(__file__).resolve().parents[1]
_COUNTED = re.compile(r"Collected\s*:\s*(\d+)")
_VALGRIND = ("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null")
_FEW, _MANY = 20, 120  # the instructions of one unit are the difference by a hundred

#: The cost of a unit of work, by the name of the measure; or `missing`, the name of a package.
Turn = dict[str, Any]


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *notes: str) -> str:
    """Return a table in Markdown, aligned for a terminal."""
    widths = [max(map(len, cells)) for cells in zip(columns, *rows, strict=True)]
    rule = ["-" * max(widths[0], 3), *("-" * (max(width, 3) - 1) + ":" for width in widths[1:])]
    widths = [len(cell) for cell in rule]
    lines = [
        "| {} |".format(
            " | ".join([f"{first:{widths[0]}}", *map("{:>{}}".format, others, widths[1:])])
        )
        for first, *others in (columns, rule, *rows)
    ]
    return "\n".join([f"### {title}", "", *lines, "", *(f"{note}  " for note in notes)])


def run_turn(
    case: str, contender: str, setting: Setting, times: int | None = None, tool: Sequence[str] = ()
) -> tuple[Turn, str]:
    """Run a turn in a new process.

    Args:
        case: The name of the case; empty for `CLIENTS`.
        contender: Its name.
        setting: The environment of the contender.
        times: How often to do the work, without a warm-up; None: as the case says.
        tool: A command that runs the process.

    Returns:
        The result, and what was written to stderr.

    Raises:
        ToolError: The contender fails.
    """
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy") and not name.startswith(("MODELGATES_", "OPEN"))
    }
    job = (case, contender, json.dumps(asdict(setting)), json.dumps(times))
    done = subprocess.run(
        [*tool, sys.executable, "-m", "benchmarks.runner", *job],
        env={**inherited, "PYTHONPATH": str(_SCRIPTS), "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        error = done.stderr.strip().rpartition("\n")[2]
        raise ToolError(f"{case}: {contender}: {error or f'exit status {done.returncode}'}")
    return json.loads(done.stdout), done.stderr


def measured(name: str, setting: Setting, rounds: int, *, counted: bool) -> list[str]:
    """Run all contenders of a case in turns; return a table for each measure.

    Args:
        name: The name of the case.
        setting: The environment, without a server.
        rounds: How many turns each contender has, unless the case says it.
        counted: Whether to count instructions if the case does.

    Raises:
        ToolError: A contender fails, or none can be measured.
    """
    case = CASES[name]
    setting = replace(setting, concurrency=case.concurrency or setting.concurrency)
    values: dict[str, dict[Measure, list[float]]] = {
        contender: defaultdict(list) for contender in case.contenders
    }
    notes, rounds = [], case.rounds or rounds
    with _served(case, setting) as served:
        for number in range(rounds):
            for contender in [*values][:: -1 if number % 2 else 1]:
                progress(f"{case.title}: {contender}, round {number + 1} of {rounds}")
                turn, _ = run_turn(name, contender, served)
                if "missing" in turn:
                    notes.append(f"{contender}: {turn['missing']} is not installed")
                    del values[contender]
                    continue
                if turn.pop("lost"):
                    raise ToolError(f"{name}: {contender} fails at its work")
                for measure, value in turn.items():
                    values[contender][Measure[measure]].append(value)
        if counted and Measure.INSTRUCTIONS in case.measures:
            _count_instructions(name, served, values)
    progress("")
    if not values:
        raise ToolError(f"{name}: nothing that it compares is installed; run `nox -s bench`")
    tables = (_compare(case, measure, values, notes, setting) for measure in case.measures)
    return [text for text in tables if text]


@contextmanager
def _served(case: Case, setting: Setting) -> Iterator[Setting]:
    """Start the server of a case, if it needs one, and yield the setting with its URL."""
    if not case.has_server:
        yield setting
        return
    limit = case.limit() if case.limit else None
    served = bodies.served(Path(setting.folder))
    with Server(served, latency_s=case.latency_s, limit=limit).running() as server:
        yield replace(setting, url=server.url)


def can_count() -> bool:
    """Whether valgrind is installed, to count instructions."""
    return shutil.which("valgrind") is not None


def _count_instructions(
    name: str, setting: Setting, values: dict[str, dict[Measure, list[float]]]
) -> None:
    """Add the instructions per unit of work, counted by callgrind."""

    def count(contender: str) -> float:
        counts = []
        for times in (_FEW, _MANY):
            _, stderr = run_turn(name, contender, setting, times, _VALGRIND)
            match = _COUNTED.search(stderr)
            if match is None:
                raise ToolError(f"valgrind fails: {stderr.strip()[-200:]}; try --no-instructions")
            counts.append(int(match[1]))
        return (counts[1] - counts[0]) / (_MANY - _FEW)

    progress(f"{CASES[name].title}: instructions")
    names = [contender for contender in values if contender not in CASES[name].uncounted]
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # parallel runs do not change counts
        for contender, counted in zip(names, pool.map(count, names), strict=True):
            values[contender][Measure.INSTRUCTIONS] = [counted]


def _compare(
    case: Case,
    measure: Measure,
    values: dict[str, dict[Measure, list[float]]],
    notes: Sequence[str],
    setting: Setting,
) -> str:
    """Return the table that compares each contender with the base, round by round."""
    series = {name: of[measure] for name, of in values.items() if of.get(measure)}
    if not series:
        return ""
    base, bases = next(iter(series.items()))
    is_base_missing = base not in list(case.contenders)[:1]  # goals refer to it
    if case.ideal_rate and measure is Measure.RATE:
        base, is_base_missing = "the ideal", False
        bases = [case.ideal_rate * setting.concurrency] * len(bases)
    goals = {} if is_base_missing or not case.goals else case.goals
    is_rate = measure is Measure.RATE
    unit = f"{case.unit}s per second" if is_rate else f"{measure.value} a {case.unit}"
    rows = []
    for name, own in series.items():
        ratios = [value / reference for value, reference in zip(own, bases, strict=True)]
        ratio, goal = median(ratios), goals.get((name, measure))
        spread = [min(ratios), max(ratios)] if len(ratios) > 1 else []
        low, high = (f"{value:.2f}" for value in spread) if spread else ("", "")
        verdict, value = "", median(own)
        if goal is not None:
            verdict = "met" if (ratio >= goal if is_rate else ratio <= goal) else "MISSED"
        shown = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004 - three digits
        limit = "" if goal is None else f"{'≥' if is_rate else '≤'} {goal:g}"
        rows.append((name, f"{ratio:.2f}", low, high, shown, limit, verdict))
    columns = ("", f"x {base}", "low", "high", unit, "goal", "")
    return table(f"{case.title}: {measure.value}", columns, rows, *notes)


# What follows runs in the process of a turn.


def cpu_s() -> float:
    """Return the CPU seconds of this process and its finished child processes."""
    used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def repeat(work: Work, times: int) -> Turn:
    """Do the work some times, and return the cost of a unit."""
    gc.collect()
    cpu, start = cpu_s(), time.perf_counter()
    done = work(times)
    seconds, cpu = time.perf_counter() - start, cpu_s() - cpu
    lost = times - done if isinstance(done, int) else 0
    return {"CPU": 1e6 * cpu / times, "RATE": times / seconds, "lost": lost}


def repeat_for(work: Work, times: int, seconds: float) -> Turn:
    """Do the work more and more often, until it takes some CPU seconds; the last time counts."""
    turn = repeat(work, times)
    while turn["CPU"] * times < 1e6 * seconds:
        times *= 2
        turn = repeat(work, times)
    return turn


def bytes_kept(work: Work, times: int) -> Turn:
    """Return the bytes that the results of a unit of work occupy."""
    work(1)  # what is built on first use belongs to no unit
    gc.collect()
    tracemalloc.start()
    results = work(times)
    gc.collect()
    occupied = tracemalloc.get_traced_memory()[0]
    del results
    return {"BYTES": occupied / times, "lost": 0}


def main() -> None:
    """Run a turn."""
    name, contender, setting, times = sys.argv[1:]
    case, parsed, number = CASES.get(name), Setting(**json.loads(setting)), json.loads(times)
    if "base" in contender:
        block_extra()
    try:
        work = (case.contenders if case else CLIENTS)[contender](parsed)
    except ModuleNotFoundError as error:
        print(json.dumps({"missing": error.name}))
        return
    if number or not case:
        turn = repeat(work, number)
    elif Measure.BYTES in case.measures and case.times:
        turn = bytes_kept(work, case.times)
    elif case.times:
        if case.rounds != 1:
            work(case.times)
        turn = repeat(work, case.times)
    else:
        turn = repeat_for(work, parsed.concurrency, case.seconds)
    print(json.dumps(turn), flush=True)
    os._exit(0)  # threads of some contenders crash when the interpreter ends


if __name__ == "__main__":
    main()
