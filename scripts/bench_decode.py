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
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import bench_child
from codegen import toolchain
from codegen.failure import Failure, run
from codegen.project import Project

RECORD = "tests/records/2026-02-cancelled-stream.json"
FEW, MANY = 100, 600  # decodes; the cost of one is the difference by 500

STRUCTS, JSON, _, OURS, OURS_FAST, DEFAULT = bench_child.ROWS
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
    """

    measure: str
    body: str
    row: str
    value: float
    base: str
    ratio: float
    limit: float | None

    @property
    def missed(self) -> bool:
        """Whether a promise is not kept."""
        return self.limit is not None and self.ratio > self.limit


class Bench:
    """Runs `bench_child.py` over the files of a scratch directory."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        # Same hashes in every run, the checkout left as it is, nothing of the caller's settings.
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        pycache = str(scratch / "pycache")
        self._environment = {**kept, "PYTHONHASHSEED": "0", "PYTHONPYCACHEPREFIX": pycache}

    def instructions(self, row: str, file: Path) -> float:
        """Return the instructions of one decode."""
        self._child("check", row, file)  # and compile: a compiler's instructions are no decoder's
        few, many = (self._collected(row, file, times) for times in (FEW, MANY))
        return (many - few) / (MANY - FEW)

    def cpu_times(self, file: Path) -> dict[str, float]:
        """Return the nanoseconds of one decode, by row."""
        for row in bench_child.ROWS:
            self._child("check", row, file)
        times: dict[str, float] = json.loads(self._child("cpu-time", "all rows", file, FEW).stdout)
        return times

    def memory(self, row: str, file: Path) -> float:
        """Return the bytes that a kept record occupies."""
        return float(self._child("memory", row, file).stdout)

    def _collected(self, row: str, file: Path, times: int) -> int:
        tool = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
        done = self._child("repeat", row, file, times, tool=tool)
        found = _COLLECTED.search(done.stderr)
        if found is None:
            raise Failure(f"valgrind counted nothing: {_last_line(done.stderr)}; try --cpu-time")
        return int(found[1])

    def _child(
        self, what: str, row: str, file: Path, times: int = 1, tool: list[str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        arguments = [bench_child.__file__, what, row, str(file), str(times)]
        command = [*(tool or []), sys.executable, *arguments]
        done = execute(command, env=self._environment)
        if done.returncode:
            raise Failure(f"`{row}` does not run ({what}): {_last_line(done.stderr)}")
        return done


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
    project = Project(Path(__file__).resolve().parent.parent)
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
    from codegen import documents  # noqa: PLC0415 - needs what `check_versions` has looked for

    try:
        schemas = documents.load(project.spec)["components"]["schemas"]
        properties = schemas[bench_child.RECORD_SCHEMA]["properties"]
    except (KeyError, TypeError):
        name = bench_child.RECORD_SCHEMA
        raise Failure(
            f"{project.spec.name} has no schema {name}; is it called otherwise?"
        ) from None
    try:
        real: dict[str, Any] = json.loads((project.root / RECORD).read_bytes())["data"]
        full = complete(real, properties)
    except (OSError, ValueError, LookupError, TypeError):
        raise Failure(f"{RECORD} is missing or no record; restore it from git") from None
    files = {THREE: scratch / "three.json", REAL: scratch / "real.json"}
    files[MEMORY] = scratch / "records.jsonl"
    (scratch / bench_child.SCHEMAS).write_bytes(json.dumps(schemas).encode())
    files[THREE].write_bytes(encode(full))
    files[REAL].write_bytes(encode(real))
    files[MEMORY].write_bytes(b"".join(encode(one) + b"\n" for one in distinct(full, count)))
    return files


def encode(record: dict[str, Any]) -> bytes:
    """Return a response's body, without spaces as servers send it."""
    return json.dumps({"data": record}, separators=(",", ":")).encode()


def complete(real: dict[str, Any], properties: dict[str, Any]) -> dict[str, Any]:
    """Return a record that has every key of the spec and was served at the third attempt."""
    served = real["provider_responses"][-1]
    failed = [
        {**served, "id": "oAbYqLe-2kFHot-9c3ad8a5", "provider_name": "Together", "status": 503},
        {**served, "id": "req_01kjam3q9wf3trw8", "provider_name": "Groq", "status": 429},
    ]
    texts = {
        "http_referer": "https://example.com/",
        "request_id": "req-1771967973-7hQ2mVbXcN4rTz8sLw1k",
        "session_id": "session-5f2c9d",
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64)",
    }
    attempts = {"provider_responses": [*failed, served]}
    return {**dict.fromkeys(properties), **real, **texts, **attempts}


def distinct(full: dict[str, Any], count: int) -> Iterator[dict[str, Any]]:
    """Yield records of one account: each its own ids, numbers and times, few models and origins."""
    chance = random.Random(0)  # noqa: S311 - the same records every time; nothing is secret
    models = ["meta-llama/llama-4-scout-17b-16e-instruct", "openai/gpt-5-mini", "z-ai/glm-4.7"]
    providers = ["DeepInfra", "Together", "Groq", "Fireworks", "Novita", "Cerebras"]
    origins = [f"https://{name}.example.com/" for name in ("app", "batch", "docs")]
    agents = [full["user_agent"], "python-httpx/0.28.1", "OpenAI/Python 2.8.0", "node"]
    for number in range(count):
        model, origin = chance.choice(models), chance.choice(origins)
        names = chance.sample(providers, k=3)
        attempts = [
            {
                **attempt,
                "endpoint_id": f"9cf05ded-eefe-41b4-8c08-{models.index(model):04}{name:->8.8}",
                "id": f"chatcmpl-{chance.getrandbits(96):024x}",
                "latency": chance.randrange(100, 9000),
                "model_permaslug": model,
                "provider_name": name,
            }
            for name, attempt in zip(names, full["provider_responses"], strict=True)
        ]
        tokens = {
            key: chance.randrange(10, 50_000)
            for key, value in full.items()
            if "tokens" in key and value is not None
        }
        cost = round(chance.uniform(1e-6, 0.2), 8)
        second = f"{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}"
        yield {
            **full,
            **tokens,
            "created_at": f"2026-02-24T{second}.{chance.randrange(1000):03}Z",
            "generation_time": chance.randrange(500, 90_000),
            "http_referer": origin,
            "id": f"gen-{1771967973 + number}-{chance.getrandbits(80):020x}",
            "latency": chance.randrange(100, 9000),
            "model": model,
            "origin": origin,
            "provider_name": names[-1],
            "provider_responses": attempts,
            "request_id": f"req-{1771967973 + number}-{chance.getrandbits(80):020x}",
            "session_id": f"session-{number // 20:06x}",
            "total_cost": cost,
            "upstream_id": attempts[-1]["id"],
            "usage": cost,
            "user_agent": chance.choice(agents),
        }


def generate_default_models(project: Project, scratch: Path) -> None:
    """Generate from the spec what anyone would get: no overlays, no templates, no configuration."""
    options = ["--path", str(project.spec), "--meta", "none"]
    options += ["--output-path", str(scratch / bench_child.DEFAULT_PACKAGE)]
    path = os.pathsep.join([toolchain.search_path(), os.environ.get("PATH", "")])
    command = [sys.executable, "-m", "openapi_python_client", "generate", *options]
    done = execute(command, env={**os.environ, "PATH": path})
    if done.returncode:
        raise Failure(f"the default models are not generated: {_last_line(done.stderr)}")


def execute(command: list[str], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command and return what it wrote."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    except OSError as error:
        raise Failure(f"{command[0]} does not start: {error.strerror}") from None


def decode_results(bench: Bench, body: str, file: Path, *, counted: bool) -> list[Result]:
    """Measure every row on one body."""
    if not counted:
        print(f"{CPU_TIME}, {body}", file=sys.stderr)
        return results(CPU_TIME, body, bench.cpu_times(file), STRUCTS, {})
    rows = list(bench_child.ROWS)
    values = measured(rows, lambda row: bench.instructions(row, file), f"{INSTRUCTIONS}, {body}")
    return results(INSTRUCTIONS, body, values, STRUCTS, LIMITS if body == THREE else {})


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
    return [
        Result(measure, body, row, value, base, value / values[base], limits.get(row))
        for row, value in values.items()
    ]


def show(table: list[Result], file: Path) -> None:
    """Print a table on a terminal, JSON lines into a pipe."""
    if not sys.stdout.isatty():
        for one in table:
            numbers = {"value": round(one.value), "ratio": round(one.ratio, 3)}
            python = platform.python_version()
            print(json.dumps({**asdict(one), **numbers, "missed": one.missed, "python": python}))
        sys.stdout.flush()
        return
    first = table[0]
    with file.open("rb") as lines:
        size = len(next(lines))
    print(f"\n{first.body} ({size:,} bytes of JSON)")
    print(f"{'':30}{first.measure:>16}  x {first.base}")
    for one in table:
        limit = "" if one.limit is None else f"at most {one.limit:g}"
        mark = "  MISSED" if one.missed else ""
        print(f"  {one.row:28}{one.value:>16,.0f}{one.ratio:>10.2f}  {limit}{mark}")


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("==")]
    return lines[-1] if lines else "it said nothing"


if __name__ == "__main__":
    run(main)
