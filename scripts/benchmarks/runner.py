"""Runs contenders in alternating turns, each in its own process, and compares them with the base.

`python -m benchmarks.runner CASE NAME…` is such a process: it reads a setting, then jobs, and
reports what each took, all in lines of JSON.
"""

import gc
import itertools
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Self

from common.tool_errors import ToolError, progress

from benchmarks.cases import CASES, Case, Measure
from benchmarks.contenders import Setting
from benchmarks.table import Table

_SCRIPTS = Path(__file__).resolve().parents[1]
_COUNTED = re.compile(r"Collected\s*:\s*(\d+)")
_VALGRIND = ("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null")
_FEW, _MANY = 20, 120  # the instructions of one are the difference by a hundred

#: The cost of one unit of work in a turn, by measure.
Turn = dict[Measure, float]


class Process:
    """A process of this project that takes jobs and returns results as lines of JSON."""

    def __init__(self, module: str, *arguments: str, tool: Sequence[str] = ()) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed below
        self._process = subprocess.Popen(
            [*tool, sys.executable, "-m", module, *arguments],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=_environment(),
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise TypeError("they are pipes")
        self._stdin, self._stdout = self._process.stdin, self._process.stdout

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        for file in (self._stdin, self._stdout, self._errors):
            file.close()

    def call(self, job: Any) -> Any:
        """Send a job, and return the result.

        Raises:
            Failure: It ended.
        """
        with suppress(BrokenPipeError):  # it has ended: `receive` reports why
            self._stdin.write(json.dumps(job).encode() + b"\n")
        return self.receive()

    def receive(self) -> Any:
        """Wait for the next line, and return its value.

        Raises:
            Failure: It ended.
        """
        line = self._stdout.readline()
        if line:
            return json.loads(line)
        raise ToolError(self.finish().strip().rpartition("\n")[2] or "it ended without a message")

    def finish(self) -> str:
        """Close its input, wait for its end, and return its standard error."""
        self._stdin.close()
        self._process.wait()
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace")


def _environment() -> dict[str, str]:
    """Return the environment with a fixed hash seed and without settings for real servers."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy") and not name.startswith(("MODELGATES_", "OPEN"))
    }
    return {**inherited, "PYTHONPATH": str(_SCRIPTS), "PYTHONHASHSEED": "0"}


def measured(name: str, setting: Setting, rounds: int, *, counted: bool) -> list[Table]:
    """Run all contenders of a case in turns; return a table for each measure.

    Args:
        name: Of the case.
        setting: For its contenders; the URL is that of a server of the case's own.
        rounds: How often all take turns, unless the case says it.
        counted: Whether to count instructions, where the case does.

    Raises:
        ToolError: One of them fails at the work.
    """
    case = CASES[name]
    setting = replace(setting, concurrency=case.concurrency or setting.concurrency)
    notes: list[str] = []
    with _served(case, setting) as setting, ExitStack() as stack:
        processes = _started(stack, name, setting, notes)
        turns = _turns(case, processes, setting, case.rounds or rounds)
        if counted and Measure.INSTRUCTIONS in case.measures:
            names = [contender for contender in processes if contender not in case.uncounted]
            with ThreadPoolExecutor(os.cpu_count()) as pool:  # parallel runs do not change counts
                counts = pool.map(partial(_count_instructions, name, setting=setting), names)
            for contender, count in zip(names, counts, strict=True):
                turns[contender].append({Measure.INSTRUCTIONS: count})
    progress("")
    tables = [_table(case, measure, turns, notes, setting) for measure in case.measures]
    return [table for table in tables if table.rows]


@contextmanager
def _served(case: Case, setting: Setting) -> Iterator[Setting]:
    """Start the server of a case, if it needs one, and yield the setting with its URL."""
    if case.server is None:
        yield setting
        return
    with Process("benchmarks.server", setting.folder, *case.server) as server:
        yield replace(setting, url=server.receive())


def _started(stack: ExitStack, name: str, setting: Setting, notes: list[str]) -> dict[str, Process]:
    """Start the processes; contenders with missing packages are noted and left out."""
    processes: dict[str, Process] = {}
    case = CASES[name]
    for contender in case.contenders:
        if case.is_shared and processes:
            processes[contender] = next(iter(processes.values()))
            continue
        names = case.contenders if case.is_shared else (contender,)
        process = stack.enter_context(Process("benchmarks.runner", name, *names))
        reply = process.call(asdict(setting))
        if "missing" in reply:
            notes.append(f"{contender}: {reply['missing']} is not installed")
            continue
        processes[contender] = process
    if not processes:
        raise ToolError(f"{name}: nothing that it compares is installed; run `nox -s bench`")
    return processes


def _turns(
    case: Case, processes: dict[str, Process], setting: Setting, rounds: int
) -> dict[str, list[Turn]]:
    """Run all contenders in turns, alternating the order."""
    times: dict[str, int] = {}
    for contender, process in processes.items():
        progress(f"{case.title}: {contender}")
        warm_up = 0 if case.times and case.rounds == 1 else case.times or setting.concurrency * 2
        times[contender] = case.times or warm_up
        if warm_up:
            _turn(case, process, contender, warm_up)  # what is loaded for the first time
        if not case.times:
            took = _turn(case, process, contender, warm_up)
            one_s = took[Measure.CPU] / 1e6
            if Measure.RATE in case.measures:  # else its waiting for a core does not matter
                one_s = max(one_s, 1 / took[Measure.RATE])
            times[contender] = max(warm_up, round(case.seconds / one_s))
    turns: dict[str, list[Turn]] = defaultdict(list)
    order = list(processes)
    for number in range(rounds):
        progress(f"{case.title}: round {number + 1} of {rounds}")
        for contender in order:
            turns[contender].append(_turn(case, processes[contender], contender, times[contender]))
        order.reverse()
    return turns


def _turn(case: Case, process: Process, contender: str, times: int) -> Turn:
    try:
        answer = process.call({"name": contender, "times": times})
    except ToolError as failure:
        raise ToolError(f"{case.title}: {contender}: {failure}") from None
    return {Measure[name]: value for name, value in answer.items()}


def _count_instructions(name: str, contender: str, setting: Setting) -> float:
    """Return the instructions per unit of work, counted by callgrind."""
    progress(f"{CASES[name].title}: {contender}, counted")
    counts = []
    for times in (_FEW, _MANY):
        with Process("benchmarks.runner", name, contender, tool=_VALGRIND) as process:
            process.call(asdict(setting))
            process.call({"name": contender, "times": times})
            stderr = process.finish()
        match = _COUNTED.search(stderr)
        if match is None:
            raise ToolError(f"valgrind fails: {stderr.strip()[-200:]}; try --no-instructions")
        counts.append(int(match[1]))
    return (counts[1] - counts[0]) / (_MANY - _FEW)


def can_count() -> bool:
    """Whether valgrind is installed, to count instructions."""
    return shutil.which("valgrind") is not None


def _table(
    case: Case,
    measure: Measure,
    turns: dict[str, list[Turn]],
    notes: list[str],
    setting: Setting,
) -> Table:
    """Compare each contender with the base, round by round."""
    values = {
        name: [turn[measure] for turn in series if measure in turn]
        for name, series in turns.items()
    }
    base, bases = next(iter(values.items()))
    title = f"{case.title}: {measure.value}"
    if case.ideal_rate and measure is Measure.RATE:
        base = "the ideal"
        bases = [case.ideal_rate * setting.concurrency] * len(bases)
    unit = measure.value if measure is Measure.RATE else f"{measure.value} a {case.unit}"
    table = Table(title, ("", f"x {base}", "low", "high", unit, "goal", ""), notes=[*notes])
    goals = {goal.contender: goal for goal in case.goals if goal.measure is measure}
    if base not in {"the ideal", *itertools.islice(case.contenders, 1)}:
        goals = {}  # they are about another base, which is not installed
    for name, series in values.items():
        if not series:
            continue
        ratios = [own / reference for own, reference in zip(series, bases, strict=True)]
        ratio, goal = median(ratios), goals.get(name)
        table.rows.append(
            (
                name,
                f"{ratio:.2f}",
                f"{min(ratios):.2f}" if len(ratios) > 1 else "",
                f"{max(ratios):.2f}" if len(ratios) > 1 else "",
                _format_value(median(series)),
                str(goal or ""),
                "" if goal is None else "met" if goal.is_met(ratio) else "MISSED",
            )
        )
    return table


def _format_value(value: float) -> str:
    """Return the value with at least three significant digits."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004


# What follows runs in the process of a contender.


def cpu_s() -> float:
    """Return the CPU seconds of this process and its finished child processes."""
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, _CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


_CHILDREN = resource.RUSAGE_CHILDREN


def main() -> None:
    """Prepare the contenders of a case, and run the jobs from standard input."""
    name, *names = sys.argv[1:]
    case = CASES[name]
    lines = map(json.loads, iter(sys.stdin.readline, ""))
    setting = Setting(**next(lines))
    try:
        work = {contender: case.contenders[contender](setting) for contender in names}
    except ModuleNotFoundError as error:
        print(json.dumps({"missing": error.name}), flush=True)
        return
    print(json.dumps({}), flush=True)
    for job in lines:
        took = _measure(work[job["name"]], job["times"], keeps=Measure.BYTES in case.measures)
        print(json.dumps({measure.name: value for measure, value in took.items()}), flush=True)


def _measure(work: Any, times: int, *, keeps: bool) -> Turn:
    """Repeat the work; return the cost of one unit."""
    if keeps:
        work(1)  # what is built on first use belongs to no record
        gc.collect()
        tracemalloc.start()
        results = work(times)
        gc.collect()
        occupied = tracemalloc.get_traced_memory()[0]
        del results
        return {Measure.BYTES: occupied / times}
    gc.collect()
    cpu, began = cpu_s(), time.perf_counter()
    work(times)
    seconds, cpu = time.perf_counter() - began, cpu_s() - cpu
    return {Measure.CPU: 1e6 * cpu / times, Measure.RATE: times / seconds}


if __name__ == "__main__":
    main()
