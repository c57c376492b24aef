"""Compares what decoding a record costs: this package, bare parsers, Structs, default models.

Instructions are counted by valgrind (callgrind) as the difference between two numbers of decodes,
so that neither start-up nor the machine's load is in them. Without valgrind it is CPU time, which
wanders by some per cent and is held against no limit. Memory is what tracemalloc finds occupied
by many records that are kept. A limit that is missed is marked; the exit status stays 0.

The maintainer runs it as `nox -s bench`. On a terminal it prints tables, into a pipe JSON lines.
"""

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import bench_cases
from common import toolchain
from common.failure import Failure, run
from common.project import Project

RECORD = "tests/records/2026-02-cancelled-stream.json"
FEW, MANY = 100, 600  # decodes; the cost of one is the difference by 500

STRUCTS, JSON, _, OURS, OURS_FAST, DEFAULT = bench_cases.ROWS
LIMITS = {OURS: 5.5, OURS_FAST: 3.0}  # times the instructions of Structs, three responses
MEMORY_LIMIT = 0.5  # times the bytes of the default models
INSTRUCTIONS, CPU_TIME, MEMORY = "instructions", "ns of CPU time", "bytes kept"
THREE, REAL = "three provider responses", "real record of 2026-02"

_COLLECTED = re.compile(r"Collected\s*:\s*(\d+)")


@dataclass(frozen=True)
class Result:
    """One row of a table.

    Attributes:
        measure: What `value` is, per record.
        body: What was decoded.
        base: The row whose ratio is 1.
        limit: The highest ratio that is good enough; None where nothing is promised.
        error: Why there is no value: the row cannot decode this body.
    """

    measure: str
    body: str
    row: str
    value: int | None
    base: str
    ratio: float | None
    limit: float | None
    missed: bool
    error: str | None = None


class Bench:
    """Runs `bench_cases.py` over the files of a scratch directory."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        # Same hashes in every run, the checkout left as it is, nothing of the caller's settings.
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        pycache = str(scratch / "pycache")
        self._environment = {**kept, "PYTHONHASHSEED": "0", "PYTHONPYCACHEPREFIX": pycache}

    def refusal(self, row: str, file: Path) -> str | None:
        """Decode a body once, which also compiles the bytecode; return why it does not work."""
        done = self._child("check", row, file)
        return _last_line(done.stderr) if done.returncode else None

    def instructions(self, row: str, file: Path) -> float:
        """Return the instructions of one decode."""
        tool = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
        counts = []
        for times in (FEW, MANY):
            done = self._child("repeat", row, file, times, tool=tool)
            found = _COLLECTED.search(done.stderr)
            if done.returncode or found is None:
                raise Failure(f"valgrind fails: {_last_line(done.stderr)}; try --cpu-time")
            counts.append(int(found[1]))
        return (counts[1] - counts[0]) / (MANY - FEW)

    def cpu_times(self, rows: list[str], file: Path) -> dict[str, float]:
        """Return the nanoseconds of one decode, by row."""
        times: dict[str, float] = self._numbers("cpu-time", ";".join(rows), file)
        return times

    def memory(self, row: str, file: Path) -> float:
        """Return the bytes that a kept record occupies."""
        return float(self._numbers("memory", row, file))

    def _numbers(self, what: str, rows: str, file: Path) -> Any:
        done = self._child(what, rows, file, FEW)
        if done.returncode:
            raise Failure(f"{what} of {rows}: {_last_line(done.stderr)}")
        return json.loads(done.stdout)

    def _child(
        self, what: str, rows: str, file: Path, times: int = 1, tool: Iterable[str] = ()
    ) -> subprocess.CompletedProcess[str]:
        program = [sys.executable, bench_cases.__file__, what, rows, str(file), str(times)]
        return execute([*tool, *program], self._environment)


def main() -> None:
    """Parse the arguments, measure, print each table when it is complete."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--cpu-time", action="store_true", help="measure CPU time even if valgrind is installed"
    )
    parser.add_argument(
        "--records", type=int, default=2000, help="how many records to keep (default: %(default)s)"
    )
    arguments = parser.parse_args()
    if arguments.records < 1:
        parser.error("--records must be at least 1")
    project = Project(Path(__file__).resolve().parents[2])
    counted = not arguments.cpu_time and shutil.which("valgrind") is not None
    print(introduction(project, counted=counted, asked=arguments.cpu_time), file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="modelgates-bench-") as name:
        bench = Bench(Path(name))
        files = write_bodies(project, bench.scratch, arguments.records)
        generate_default_models(project, bench.scratch)
        for body in (THREE, REAL):
            show(decode_results(bench, body, files[body], counted=counted), files[body])
        title = f"{arguments.records:,} distinct records"
        rows = [JSON, OURS, OURS_FAST, DEFAULT]
        values = measured(rows, lambda row: bench.memory(row, files[MEMORY]), f"memory, {title}")
        limits = dict.fromkeys((OURS, OURS_FAST), MEMORY_LIMIT)
        show(results(MEMORY, title, values, DEFAULT, limits), files[MEMORY])


def introduction(project: Project, *, counted: bool, asked: bool) -> str:
    """Return what is measured, and by what.

    Raises:
        Failure: A tool is missing, or the generator is not the one that the project pins.
    """
    toolchain.check_versions(project)
    try:
        parts = [f"{name} {version(name)}" for name in ("msgspec", toolchain.GENERATOR)]
    except PackageNotFoundError as error:
        raise Failure(f"{error.name} is not installed; run `nox -s bench`") from None
    if counted:
        measure = "counting instructions; this takes a minute or two"
    elif asked:
        measure = "measuring CPU time, as asked"
    else:
        measure = "valgrind is not installed: measuring CPU time, which the limits are not about"
    return f"Python {platform.python_version()}, {', '.join(parts)}: {measure}"


def write_bodies(project: Project, scratch: Path, count: int) -> dict[str, Path]:
    """Write the spec's schemas and all bodies where the children find them; return the bodies."""
    from common import documents  # noqa: PLC0415 - needs what `check_versions` has looked for

    try:
        schemas = documents.load(project.spec)["components"]["schemas"]
        properties = schemas[bench_cases.RECORD_SCHEMA]["properties"]
    except (KeyError, TypeError):
        name = bench_cases.RECORD_SCHEMA
        raise Failure(
            f"{project.spec.name} has no schema {name}; is it called otherwise?"
        ) from None
    try:
        real: dict[str, Any] = json.loads((project.root / RECORD).read_bytes())["data"]
        full = bench_cases.complete(real, properties)
    except (OSError, ValueError, LookupError, TypeError):
        raise Failure(f"{RECORD} is missing or no record; restore it from git") from None
    files = {THREE: scratch / "three.json", REAL: scratch / "real.json"}
    files[MEMORY] = scratch / "records.jsonl"
    (scratch / bench_cases.SCHEMAS).write_bytes(json.dumps(schemas).encode())
    files[THREE].write_bytes(bench_cases.encode(full))
    files[REAL].write_bytes(bench_cases.encode(real))
    records = bench_cases.distinct(full, count)
    files[MEMORY].write_bytes(b"".join(bench_cases.encode(one) + b"\n" for one in records))
    return files


def generate_default_models(project: Project, scratch: Path) -> None:
    """Generate from the spec what anyone would get: no overlays, no templates, no configuration."""
    options = ["--path", str(project.spec), "--meta", "none"]
    options += ["--output-path", str(scratch / bench_cases.DEFAULT_PACKAGE)]
    path = os.pathsep.join([toolchain.search_path(), os.environ.get("PATH", "")])
    command = [sys.executable, "-m", "openapi_python_client", "generate", *options]
    done = execute(command, {**os.environ, "PATH": path})
    if done.returncode:
        raise Failure(f"the default models are not generated: {_last_line(done.stderr)}")


def execute(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command and return what it wrote."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    except OSError as error:
        raise Failure(f"{command[0]} does not start: {error.strerror}") from None


def decode_results(bench: Bench, body: str, file: Path, *, counted: bool) -> list[Result]:
    """Measure every row on one body; the default models may be unable to decode it."""
    refused = {row: why for row in bench_cases.ROWS if (why := bench.refusal(row, file))}
    for row in refused.keys() - {DEFAULT}:
        raise Failure(f"`{row}` does not decode the {body}: {refused[row]}")
    rows = [row for row in bench_cases.ROWS if row not in refused]
    measure, limits = (INSTRUCTIONS, LIMITS) if counted else (CPU_TIME, {})
    if counted:
        values = measured(rows, lambda row: bench.instructions(row, file), f"{measure}, {body}")
    else:
        print(f"{measure}, {body}", file=sys.stderr)
        values = bench.cpu_times(rows, file)
    table = results(measure, body, values, STRUCTS, limits if body == THREE else {})
    for row, why in refused.items():
        table.append(Result(measure, body, row, None, STRUCTS, None, None, missed=False, error=why))
    return table


def measured(rows: list[str], measure: Callable[[str], float], what: str) -> dict[str, float]:
    """Measure rows side by side, which changes no count, and tell stderr how far it is."""
    values = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for row, value in zip(rows, pool.map(measure, rows), strict=True):
            values[row] = value
            print(f"{what}: {len(values)} of {len(rows)} rows", file=sys.stderr)
    return values


def results(
    measure: str, body: str, values: dict[str, float], base: str, limits: dict[str, float]
) -> list[Result]:
    """Return the rows of a table, each with its ratio to the row `base`."""
    table = []
    for row, value in values.items():
        ratio, limit = round(value / values[base], 3), limits.get(row)
        missed = limit is not None and ratio > limit
        table.append(Result(measure, body, row, round(value), base, ratio, limit, missed))
    return table


def show(table: list[Result], file: Path) -> None:
    """Print a table on a terminal, JSON lines into a pipe."""
    if not sys.stdout.isatty():
        for one in table:
            print(json.dumps({**asdict(one), "python": platform.python_version()}), flush=True)
        return
    with file.open("rb") as lines:
        size = len(next(lines))
    print(f"\n{table[0].body} ({size:,} bytes of JSON)")
    print(f"{'':30}{table[0].measure:>16}  x {table[0].base}")
    for one in table:
        if one.value is None:
            print(f"  {one.row:28}{'-':>16}{'-':>10}  fails: {one.error}")
            continue
        limit = "" if one.limit is None else f"  at most {one.limit:g}"
        mark = "  MISSED" if one.missed else ""
        print(f"  {one.row:28}{one.value:>16,}{one.ratio:>10.2f}{limit}{mark}")


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("==")]
    return lines[-1] if lines else "it said nothing"


if __name__ == "__main__":
    run(main)
