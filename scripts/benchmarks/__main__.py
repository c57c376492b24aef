"""Measures the client and its peers in alternating turns, and prints ratios as Markdown tables.

`calls`, `startup` (import, first request) and `bulk` (many records) are measured unless parts are
named. `growth` is regeneration and drift of larger specs, where no SDK hides the package that they
need; `outages` is ids lost, requests and time when the server fails; `reports` is of a year of
records, and of an export. A goal that is missed is marked; the exit status stays 0.
"""

import argparse
import platform
import re
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from common import toolchain
from common.project import Project
from common.tool_errors import Arguments, ToolError, run

from benchmarks import bodies, outages, reports, runner
from benchmarks.cases import CASES
from benchmarks.contenders import Setting

_PACKAGES = ("aiohttp", "httptools", "httpx", "msgspec", "openai", "openrouter", "pyreqwest")
_DEFAULT = ("calls", "startup", "bulk")
_PARTS = (*_DEFAULT, "growth", "outages", "reports")
_IDS = 3000  # of one account


def about() -> str:
    """Return the versions that the numbers depend on."""
    parts = [f"Python {platform.python_version()}"]
    if "--enable-optimizations" not in (sysconfig.get_config_var("CONFIG_ARGS") or ""):
        parts[0] += " (built without profile-guided optimisation)"
    for name in ("modelgates-client", *_PACKAGES, "openapi-python-client"):
        try:
            parts.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            parts.append(f"no {name}")
    return ", ".join(parts)


def compared(options: argparse.Namespace) -> Iterator[str]:
    """Measure the cases of some parts, and yield each table when it is complete.

    Raises:
        ToolError: No case is selected, or one cannot be measured.
    """
    names = [
        name
        for name, case in CASES.items()
        if case.part in options.parts and re.search(options.only, name)
    ]
    if not names:
        raise ToolError(f"no case matches {options.only!r}; there are: {', '.join(CASES)}")
    project = Project(Path(__file__).resolve().parents[2])
    toolchain.check_versions(project)
    path = import_module("modelgates_api.api.generations.get_generation").OPERATION.path
    counted = runner.can_count() and not options.no_instructions
    if not counted:
        print("instructions are not counted: no valgrind, or not asked for", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="modelgates-bench-") as name:
        folder = Path(name)
        bodies.write(project, folder, _IDS)
        bodies.write_generator_client(project, folder)
        setting = Setting(name, path=path, concurrency=options.concurrency)
        for case in names:
            yield from runner.measured(case, setting, options.rounds, counted=counted)


def main() -> None:
    """Parse the arguments, measure, and print each table when it is complete."""
    parser = Arguments(
        prog="benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(_PARTS))
    parser.add_argument("--only", default="", metavar="REGEX", help="cases whose name matches")
    parser.add_argument("--rounds", type=int, default=7, help="turns of each (%(default)s)")
    parser.add_argument("--concurrency", type=int, default=100, help="of `many` (%(default)s)")
    parser.add_argument(
        "--no-instructions", action="store_true", help="count none, even if valgrind is installed"
    )
    parser.add_argument(
        "--records", type=int, default=200_000, help="of reports (%(default)s; limits: 1,000,000)"
    )
    parser.add_argument(
        "--rows", type=int, default=1_000_000, help="of the export (%(default)s; limit: 10,000,000)"
    )
    options = parser.parse_args()
    options.parts = options.parts or _DEFAULT
    if unknown := {*options.parts} - {*_PARTS}:
        parser.error(f"no part is named {', '.join(sorted(unknown))}")
    if min(options.rounds, options.concurrency, options.records, options.rows) < 1:
        parser.error("all numbers are at least 1")
    print(about(), file=sys.stderr)
    if "outages" in options.parts:
        print(outages.measured(options.only))
    if "reports" in options.parts:
        print(reports.measured(options.records, options.rows))
    if {*options.parts} - {"outages", "reports"}:
        for table in compared(options):
            print(table, flush=True)


if __name__ == "__main__":
    run(main)
