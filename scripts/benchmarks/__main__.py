"""Measures the client and its peers in alternating turns, and reports ratios.

Sessions: `bench` (most cases), `startup` (import, client, first request), `bulk` (many records),
`growth` (regeneration and drift of larger specs, where no SDK hides the package that they need),
`outages` (ids lost, requests and time when the server fails), `reports` (of a year of records).
A goal that is missed is marked; the exit status stays 0.
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
from benchmarks.table import FORMATS, Table

_PACKAGES = ("aiohttp", "httptools", "httpx", "msgspec", "openai", "openrouter", "pyreqwest")
_KEPT = 2500  # records of one account
_SESSIONS = ("bench", "startup", "bulk", "growth", "outages", "reports")


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


def compared(options: argparse.Namespace) -> Iterator[Table]:
    """Measure the cases of a session, and yield the tables as they are complete.

    Raises:
        ToolError: No case is selected, or one cannot be measured.
    """
    names = [
        name
        for name, case in CASES.items()
        if options.session in case.sessions and re.search(options.only, name)
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
        bodies.write(project, folder, _KEPT)
        bodies.write_generator_client(project, folder)
        setting = Setting(name, path=path, concurrency=options.concurrency)
        for case in names:
            yield from runner.measured(case, setting, options.rounds, counted=counted)


def main() -> None:
    """Parse the arguments, measure, print each table when it is complete."""
    parser = Arguments(
        prog="benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("session", choices=_SESSIONS)
    parser.add_argument("--only", default="", metavar="REGEX", help="cases whose name matches")
    parser.add_argument("--format", choices=FORMATS, default="text")
    parser.add_argument("--rounds", type=int, default=7, help="turns of each (%(default)s)")
    parser.add_argument("--concurrency", type=int, default=100, help="of `many` (%(default)s)")
    parser.add_argument(
        "--no-instructions", action="store_true", help="count none, even if valgrind is installed"
    )
    outages.add_arguments(parser)
    reports.add_arguments(parser)
    options = parser.parse_args()
    if min(options.rounds, options.concurrency) < 1:
        parser.error("--rounds and --concurrency are at least 1")
    tables = {"outages": outages.tables, "reports": reports.tables}.get(options.session, compared)
    print(about(), file=sys.stderr)
    for table in tables(options):
        print(table.render(options.format), flush=True)


if __name__ == "__main__":
    run(main)
