"""Measures reports, pages, budgets and reconciliations of a year: seconds and memory.

Each command is a process of its own; what it prints is held against what plain Python adds up, so
that no figure here is of a wrong answer.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import zoneinfo
from collections.abc import Callable, Iterator
from decimal import Decimal
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks.synthetic_year import Item, Sums, Year, items
from benchmarks.table import Table

BERLIN: Final = zoneinfo.ZoneInfo("Europe/Berlin")
UTC: Final = zoneinfo.ZoneInfo("UTC")
_BATCH: Final = 1000
_MIB: Final = 1024  # KiB
_MILLION: Final = 1_000_000

#: Names of commands, and the seconds that they may take of a million records, each within a GiB.
LIMITS: Final = {"report": 5.0, "page": 8.0, "budget": 1.0, "month": 1.0, "reconcile": 3.0}


def make(path: Path, number: int) -> None:
    """Make a ledger of a year."""
    ledger_class = import_module("modelgates_client.ledger").Ledger
    outcome = _outcomes()
    year = items(number)
    with ledger_class(path) as ledger:
        while batch := list(islice(year, _BATCH)):
            ledger.enqueue([item.generation_id for item in batch])
            ledger.add(
                [outcome(item) for item in batch if item.kind not in {"pending", "forgotten"}]
            )
            ledger.forget([item.generation_id for item in batch if item.kind == "forgotten"])


def _outcomes() -> Callable[[Item], object]:
    """Return what makes an outcome of an item."""
    package = import_module("modelgates_client")
    outcomes = import_module("modelgates_client.bulk.outcomes")
    decode = import_module("modelgates_client.ledger.values").decode
    response_class = import_module("modelgates_client.records.generation").GenerationResponse

    def outcome(item: Item) -> object:
        if item.record is None:
            refused = package.PermissionDeniedError("not under this key", 403, 1)
            return outcomes.Failed(item.generation_id, refused)
        body = item.body
        record = decode(body, 200, item.generation_id)
        answer = package.Response(response_class(data=record), 200, {}, body, 1, 0.25)
        return outcomes.Resolved(item.generation_id, answer)

    return outcome


class Took(NamedTuple):
    """The cost of a command: wall seconds, CPU seconds, and memory in MiB."""

    seconds: float
    cpu_s: float
    memory: float


#: Runs the command with some arguments: what it took, its status and what it printed.
Run = Callable[..., tuple[Took, int, str]]


def run(*arguments: object) -> tuple[Took, int, str]:
    """Run the command; return what it took, its status and what it printed."""
    command = [sys.executable, "-m", "modelgates_client", *map(str, arguments)]
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
    same = same and group["tokens_prompt"]["known"] == sums.prompt
    for name in ("charged_usd", "upstream_usd", "all_in_usd", "cache_saving_usd"):
        same = same and Decimal(group[name]["known"]) == sums.known[name]
        same = same and group[name]["unknown"] == sums.unknown[name]
    if not same:
        raise AssertionError(f"{what}: {group} is not {vars(sums)}")


def check_groups(report: Any, year: Year, kind: str) -> None:
    """Hold all groups of a report against the year's."""
    expected = {key for group_kind, key in year.by if group_kind == kind}
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
    dated = sum(sums.records for (kind, _), sums in year.by.items() if kind == f"month {UTC}")
    return year.total.records - dated


def tables(options: argparse.Namespace) -> Iterator[Table]:
    """Make the ledger unless it is there, run each command, and yield the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path: Path = options.ledger or folder / "year.db"
        if not path.exists():
            make(path, options.records)
        took = measure(path, Year(items(options.records), (UTC, BERLIN)), folder)
    columns = ("command", "seconds", "limit", "", "s of CPU", "MiB")
    table = Table(f"A year of {options.records:,} records", columns)
    for kind, (seconds, cpu_s, memory) in took.items():
        is_well = seconds <= LIMITS[kind] and memory <= _MIB
        verdict = "" if options.records < _MILLION else "met" if is_well else "MISSED"
        figures = (f"{seconds:.2f}", f"{LIMITS[kind]:g}", verdict, f"{cpu_s:.2f}", f"{memory:,.0f}")
        table.rows.append((kind, *figures))
    yield table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what can be said of reports alone."""
    parser.add_argument(
        "--records", type=int, default=200_000, help="of reports (%(default)s; limits: 1,000,000)"
    )
    parser.add_argument("--ledger", type=Path, help="of reports: is made there, and used again")
