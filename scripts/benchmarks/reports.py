"""Measures reports, pages, budgets and reconciliations of a year, and the report of an export.

Each command is a process of its own. What it prints is compared with sums in plain Python, so that
no number here is that of a wrong answer.
"""

import json
import math
import os
import subprocess
import sys
import tempfile
import time
import zoneinfo
from collections.abc import Callable
from decimal import Decimal
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

from common.tool_errors import ToolError, progress

from benchmarks.contenders import resolved_outcomes
from benchmarks.runner import table
from benchmarks.synthetic_year import Item, Sums, Year, items

BERLIN: Final = zoneinfo.ZoneInfo("Europe/Berlin")
UTC: Final = zoneinfo.ZoneInfo("UTC")
_BATCH: Final = 1000
_MIB: Final = 1024  # KiB
_MILLION: Final = 1_000_000
_EXPORTED: Final = 1000  # rows; an export repeats them

#: The seconds and GiB that a command may take: of a million records, or ten million exported rows.
LIMITS: Final = {
    "report": (5.0, 1),
    "page": (8.0, 1),
    "budget": (1.0, 1),
    "month": (1.0, 1),
    "reconcile": (3.0, 1),
    "export": (10.0, 2),
}

#: A program that repeats the rows of an export in another one.
_REPEAT: Final = """
import duckdb, sys
source, times, target = sys.argv[1:]
columns = "* EXCLUDE n REPLACE (generation_id || '-' || n AS generation_id)"
duckdb.sql(f"COPY (SELECT {columns} FROM '{source}', range({times}) AS turn(n)) TO '{target}'")
"""

#: A program that does the sums and percentiles of `report` in DuckDB, and prints the records and
#: the sum of the costs.
_DUCKDB: Final = """
import duckdb, sys
sums = ["charged_usd", "upstream_usd", "all_in_usd", "cache_saving_usd", "native_tokens_prompt",
    "native_tokens_completion", "native_tokens_cached", "native_tokens_reasoning"]
quantiles = ["latency_ms", "generation_time_ms", "native_tokens_per_second"]
duckdb.sql("SET enable_progress_bar = false")  # it would be on stdout
groups = duckdb.sql(
    "SELECT count(*), " + ", ".join([f"sum({name})" for name in sums]
        + [f"quantile_cont({name}, [0.5, 0.95, 0.99])" for name in quantiles])
    + f" FROM '{sys.argv[1]}' WHERE state NOT IN ('pending', 'forgotten') GROUP BY model"
).fetchall()
print(sum(group[0] for group in groups), sum(group[1] for group in groups))
"""


def make(path: Path, number: int) -> None:
    """Make a ledger of a year."""
    package = import_module("modelgates_client")
    ledger_class = import_module("modelgates_client.ledger").Ledger
    resolved, year = resolved_outcomes(), items(number)

    def outcome(item: Item) -> object:
        if item.record is not None:
            return resolved(item.generation_id, item.body)
        refused = package.PermissionDeniedError("not under this key", 403, 1)
        return package.Failed(item.generation_id, refused)

    with ledger_class(path) as ledger:
        while batch := list(islice(year, _BATCH)):
            ledger.enqueue([item.generation_id for item in batch])
            ledger.add(
                [outcome(item) for item in batch if item.kind not in {"pending", "forgotten"}]
            )
            ledger.forget([item.generation_id for item in batch if item.kind == "forgotten"])


class Took(NamedTuple):
    """The cost of a command: wall seconds, CPU seconds, and memory in MiB."""

    seconds: float
    cpu_s: float
    memory: float


#: Runs the command with some arguments: what it took, its status and what it printed.
Run = Callable[..., tuple[Took, int, str]]


def run(*arguments: object, before: tuple[str, ...] = ("-m", "modelgates_client")) -> Any:
    """Run the command, or another program of Python; return as `Run` does."""
    command = [sys.executable, *before, *map(str, arguments)]
    with tempfile.TemporaryFile() as out:
        started = time.perf_counter()
        child = subprocess.Popen(command, stdout=out)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - started
        out.seek(0)
        printed = out.read().decode()
    took = Took(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / _MIB)
    return took, child.returncode, printed


def check(group: Any, sums: Sums, what: str) -> None:
    """Hold a group of a report against what plain Python adds up.

    Raises:
        AssertionError: They differ.
    """
    same = group["records"] == sums.records and group["provisional"] == sums.provisional
    same = same and group["native_tokens_prompt"]["known"] == sums.tokens["prompt"]
    for name in ("charged_usd", "upstream_usd", "all_in_usd", "cache_saving_usd"):
        same = same and Decimal(group[name]["known"]) == sums.known[name]
        same = same and group[name]["unknown"] == sums.unknown[name]
    if not same:
        raise AssertionError(f"{what}: {group} is not {vars(sums)}")


def check_groups(report: Any, year: Year, kind: str) -> None:
    """Hold all groups of a report against the year's."""
    expected = {key for group_kind, *keys in year.by if group_kind == kind for key in keys}
    if not expected <= {key for group in report["groups"] for key in group["key"]}:
        raise AssertionError(f"{kind}: a group is missing")
    for group in report["groups"]:
        (key,) = group["key"]
        if key is not None:
            check(group, year.by[kind, key], f"{kind} {key}")


def measure(ledger: Path, year: Year, folder: Path, run: Run = run) -> dict[str, Took]:
    """Run each command; return what it took, and check what it said.

    Args:
        ledger: Of the year.
        year: What it adds up to.
        folder: For files.
        run: Runs the command.

    Raises:
        AssertionError: One of them is wrong.
    """
    took: dict[str, Took] = {}
    took["report"], _, printed = run("report", ledger, "--by", "model")
    report = json.loads(printed)
    check(report["total"], year.total, "all")
    check_groups(report, year, "model")
    for zone in (UTC, BERLIN):
        *_, printed = run("report", ledger, "--by", "month", "--tz", zone)
        check_groups(json.loads(printed), year, f"month {zone}")
    *_, printed = run("report", ledger, "--by", "day", "--tz", BERLIN)
    check_groups(json.loads(printed), year, f"day {BERLIN}")
    took["page"], *_ = run("report", ledger, "--html", folder / "page.html")

    took["budget"], _, printed = run("budget", ledger, "--max-usd", "1e9", "--format", "json")
    budget = json.loads(printed)
    if Decimal(budget["known_usd"]) != year.total.known["all_in_usd"]:
        raise AssertionError(f"budget: {budget}")
    for state in ("pending", "failed", "forgotten"):
        if budget[state] != year.without[state]:
            raise AssertionError(f"{state}: {budget[state]}, not {year.without[state]}")
    period = ("--since", "2026-10-01", "--until", "2026-11-01", "--tz", BERLIN)
    took["month"], _, printed = run(
        "budget", ledger, "--max-usd", "1e9", "--format", "json", *period
    )
    month = json.loads(printed)
    if Decimal(month["known_usd"]) != year.by[f"month {BERLIN}", "2026-10"].known["all_in_usd"]:
        raise AssertionError(f"budget of a month: {month}")

    activity = folder / "activity.json"
    activity.write_text(json.dumps(year.activity()))
    took["reconcile"], status, printed = run("reconcile", ledger, activity, "--format", "json")
    if status or json.loads(printed)["ledger"]["requests"] != year.total.records - _undated(year):
        raise AssertionError(f"reconcile: {status}, {printed[:400]}")
    return took


def _undated(year: Year) -> int:
    dated = sum(sums.records for (kind, *_), sums in year.by.items() if kind == "activity")
    return year.total.records - dated


def make_export(path: Path, rows: int, folder: Path) -> None:
    """Make an export of that many rows: DuckDB repeats those of a small ledger, with other ids."""
    make(folder / "small.db", _EXPORTED)
    run("export", folder / "small.db", "--to", folder / "small.parquet")
    run(folder / "small.parquet", math.ceil(rows / _EXPORTED), path, before=("-c", _REPEAT))


def measure_export(path: Path) -> tuple[Took, Took]:
    """Report an export, and do the same sums in plain DuckDB; return what both took.

    Raises:
        ToolError: The report fails.
        AssertionError: Their sums differ.
    """
    took, status, printed = run("report", path, "--by", "model", "--format", "json")
    if status:
        raise ToolError(f"the report of the export ends with exit status {status}")
    total = json.loads(printed)["total"]
    plain, _, printed = run(path, before=("-c", _DUCKDB))
    records, charged = printed.split()
    if (total["records"], Decimal(total["charged_usd"]["known"])) != (
        int(records),
        Decimal(charged),
    ):
        raise AssertionError(f"export: {total} is not {printed}")
    return took, plain


def measured(records: int, rows: int) -> str:
    """Make a year's ledger and an export, run each command, and return the table.

    Args:
        records: The number of ids of the year; the limits are for a million.
        rows: The number of rows of the export; the limit is for ten million.

    Raises:
        AssertionError: A command prints a wrong number.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        progress("making the ledger of a year")
        make(folder / "year.db", records)
        progress("making its reports")
        took = measure(folder / "year.db", Year(items(records), (UTC, BERLIN)), folder)
        progress("making and reporting an export")
        make_export(folder / "export.parquet", rows, folder)
        took["export"], took["DuckDB"] = measure_export(folder / "export.parquet")
    progress("")
    cells = []
    for kind, (seconds, cpu_s, mib) in took.items():
        max_s, max_gib = LIMITS.get(kind, (math.inf, 0))
        is_full = records >= _MILLION if kind != "export" else rows >= 10 * _MILLION
        kept = "met" if seconds <= max_s and mib <= max_gib * _MIB else "MISSED"
        limit = (f"{max_s:g}", kept if is_full else "") if kind in LIMITS else ("", "")
        cells.append((kind, f"{seconds:.2f}", *limit, f"{cpu_s:.2f}", f"{mib:,.0f}"))
    ratio = took["export"].cpu_s / took["DuckDB"].cpu_s
    return table(
        f"Reports of {records:,} records, and of {rows:,} exported rows",
        ("", "seconds", "limit", "", "s of CPU", "MiB"),
        cells,
        f"The report of the export takes {ratio:.2f} x the CPU time of the same sums in DuckDB.",
    )
