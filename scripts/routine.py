"""Runs every check on new specs, one after another, in a scratch checkout.

Run it as `nox -s routine -- SOURCE …`: vendor, drift and regenerate; then, side by side, fresh,
mypy, pyright, contract, and all tests on one interpreter. It prints one line per spec. Tests of the
tools that do not depend on the vendored spec (marked `frozen`) run once, for the first new spec.
Exit status: 0, all green; 1, there is something to decide; 2, the checks could not be run.
"""

import argparse
import datetime
import json
import os
import re
import shutil
import site
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from common import lock
from common.project import Project
from common.tool_errors import Arguments, ToolError, progress, run

#: What a new spec changes in a checkout.
CHANGED = ("openapi.yaml", "openapi.lock.json", "generated", "tests/specs/versions")

_PACKAGES = (
    "overlays/modelgates_client",
    "overlays/modelgates_runtime",
    "generated/modelgates_api",
)
#: `-vv` prints in full why a test failed.
_PYTEST = ("-m", "pytest", "-vv", "--tb=no", "--no-header", "-p", "no:cacheprovider")
_REASON_LINES = 2  # after the first, of the reason why a test failed
_LINE = 300  # characters
_SHOWN = 20  # lines of one document that are worth showing at the end
_JSON, _MARKDOWN = "drift.json", "drift.md"


@dataclass
class Outcome:
    """The result for one document.

    Attributes:
        name: Its file name or URL.
        undecided: What the maintainer has to decide, one line each.
        times: Seconds per step.
        report: The report of `drift`, in Markdown.
        is_regenerated: Whether the checkout was regenerated from this document.
        is_new: Whether it differs from the document that the checkout had.
    """

    name: str
    undecided: list[str] = field(default_factory=list)
    times: dict[str, float] = field(default_factory=dict)
    report: str = ""
    is_regenerated: bool = False
    is_new: bool = True

    @property
    def markdown(self) -> str:
        """The text for a pull request; lines to decide may quote the document."""
        lines = [line.replace("`", "'") for line in self.undecided]
        items = "".join(f"- ` {line} `\n" for line in lines)
        return f"{self.report}\n### {'To decide' if lines else 'Green'}: {self.line}\n\n{items}"

    @property
    def line(self) -> str:
        """The summary in one line."""
        took = ", ".join(f"{step} {seconds:.0f} s" for step, seconds in self.times.items())
        new = "green" if self.is_new else "nothing new"
        return f"{self.name}: {'to decide' if self.undecided else new} ({took})"


class Checkout:
    """A copy of the project, with an environment that imports the packages of the copy.

    Args:
        project: The project.
        root: Where the copy goes; it must not exist.
    """

    def __init__(self, project: Path, root: Path) -> None:
        self.root = root
        listed = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
        done = subprocess.run(listed, cwd=project, capture_output=True, check=False)
        if done.returncode:
            raise ToolError(f"{project} is no git checkout: {done.stderr.decode().strip()}")
        for name in sorted({*os.fsdecode(done.stdout).split("\0")} - {""}):
            if (project / name).is_file():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(project / name, root / name, follow_symlinks=False)
        self._python = _environment(root)

    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run Python in the copy."""
        programs = os.pathsep.join([str(self._python.parent), os.environ.get("PATH", os.defpath)])
        return subprocess.run(
            [str(self._python), *map(str, arguments)],
            cwd=self.root,
            env={**os.environ, "PATH": programs, "VIRTUAL_ENV": str(self._python.parents[1])},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )

    def keep(self) -> Path:
        """Copy what a new spec changes to a backup folder; return the folder."""
        aside = self.root.with_name("before")
        shutil.rmtree(aside, ignore_errors=True)
        copy(self.root, aside)
        return aside


def copy(source: Path, target: Path) -> None:
    """Copy what a new spec changes from one checkout to another."""
    for name in CHANGED:
        there = target / name
        there.parent.mkdir(parents=True, exist_ok=True)
        if (source / name).is_dir():
            shutil.rmtree(there, ignore_errors=True)
            shutil.copytree(source / name, there, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source / name, there)


def _environment(root: Path) -> Path:
    """Create an environment in a checkout from the installed packages; return its Python."""
    home = root / ".nox" / "routine"
    venv.EnvBuilder(symlinks=os.name != "nt").create(home)
    folder = "Scripts" if os.name == "nt" else "bin"
    for program in (Path(sys.prefix) / folder).iterdir():
        if not (home / folder / program.name).exists():
            (shutil.copy2 if os.name == "nt" else os.symlink)(program, home / folder / program.name)
    inside = next(home.rglob("site-packages"))
    lines = [str(root / "overlays"), str(root / "generated")]
    lines += [f"import site; site.addsitedir({path!r})" for path in site.getsitepackages()]
    (inside / "checkout.pth").write_text("\n".join(lines), encoding="utf-8")
    return home / folder / Path(sys.executable).name


def check(checkout: Checkout, source: str, date: str, *, with_tools: bool) -> Outcome:
    """Run all steps on a document; leave the checkout at the document if it can be regenerated.

    The steps end early for a document that the checkout already has.

    Args:
        checkout: The checkout.
        source: The document.
        date: The day on which it was retrieved.
        with_tools: Whether to run the tests that are the same for each document, too.
    """
    outcome = Outcome(Path(source).name if Path(source).is_file() else source)
    before = checkout.keep()
    for step, arguments in _steps(source, date, before / "openapi.yaml").items():
        progress(f"{outcome.name}: {step}")
        done, outcome.times[step] = _timed(checkout, arguments)
        if step == "drift" and done.returncode < 2:  # noqa: PLR2004 - it was judged
            drift_report = json.loads((checkout.root / _JSON).read_text(encoding="utf-8"))
            outcome.report = (checkout.root / _MARKDOWN).read_text(encoding="utf-8")
            outcome.undecided += [f"drift: {line}" for line in drift_report["failing"]]
        elif done.returncode:
            outcome.undecided += [f"{step}: {line}" for line in _failure_lines(done)]
        if done.returncode and step in {"vendor", "regenerate"}:
            copy(before, checkout.root)
            return outcome
        if not _differ(before / "openapi.yaml", checkout.root / "openapi.yaml"):
            outcome.is_new = False
            return outcome
    outcome.is_regenerated = True
    checks = _checks(with_tools=with_tools)
    progress(f"{outcome.name}: {', '.join(checks)}")
    with ThreadPoolExecutor(len(checks)) as pool:
        results = pool.map(lambda arguments: _timed(checkout, arguments), checks.values())
        for step, (done, seconds) in zip(checks, results, strict=True):
            outcome.times[step] = seconds
            if done.returncode:
                outcome.undecided += [f"{step}: {line}" for line in _failure_lines(done)]
    return outcome


def _timed(
    checkout: Checkout, arguments: Sequence[object]
) -> tuple[subprocess.CompletedProcess[str], float]:
    """Run a step; return its result and the seconds that it took."""
    began = time.monotonic()
    return checkout.run(*arguments), time.monotonic() - began


def _differ(old: Path, new: Path) -> bool:
    return old.read_bytes() != new.read_bytes()


def _steps(source: str, date: str, old: Path) -> Mapping[str, Sequence[object]]:
    """Return the Python arguments of each step that changes the checkout, in order."""
    forms = ("--format", "markdown", "--output", _MARKDOWN, "--json", _JSON)
    return {
        "vendor": ("scripts/vendor.py", source, "--date", date),
        "drift": ("scripts/drift.py", "--against", old, *forms),
        "regenerate": ("scripts/regenerate.py",),
    }


def _checks(*, with_tools: bool) -> Mapping[str, Sequence[object]]:
    """Return the Python arguments of each step that checks the regenerated checkout.

    The tests are split as in the sessions of nox, the longest parts over two processes. They often
    wait, so all run side by side.
    """
    in_two = ("--numprocesses=2", "--dist=loadfile", "--no-loadscope-reorder")
    return {
        "tests": (*_PYTEST, *in_two, "--on=every"),
        "once": (*_PYTEST, *in_two, "--on=one", "--ignore=tests/contract"),
        "tools": (*_PYTEST, "tests/scripts", *(() if with_tools else ("-m", "not frozen"))),
        "contract": (*_PYTEST, "tests/contract"),
        "pyright": ("-m", "pyright", *_PACKAGES),
        "mypy": ("-m", "mypy", *_PACKAGES),
        "fresh": ("scripts/regenerate.py", "--check"),
    }


def _failure_lines(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Return why a step failed: failed tests with their reasons, errors, or else its last line."""
    lines = [line.strip() for line in f"{done.stdout}\n{done.stderr}".splitlines() if line.strip()]
    failures = [*_failed_tests(lines)] or [x for x in lines if re.match(r"error: |.* error: ", x)]
    return [line[:_LINE] for line in failures or lines[-1:] or [f"exit status {done.returncode}"]]


def _failed_tests(lines: list[str]) -> Iterator[str]:
    """Yield the names of failed tests in pytest's summary, each with the start of its reason."""
    rest = 0
    for line in lines:
        if line.startswith(("FAILED ", "ERROR ")):
            yield line
            rest = _REASON_LINES
        elif rest and not line.startswith("="):
            yield f"  {line}"
            rest -= 1


def main() -> None:
    """Parse the arguments, check each document, and print what there is to decide."""
    options = _options()
    project = Project(options.root.resolve())
    recorded = lock.read(project)["spec"]
    sources = [_absolute(source) for source in options.sources or [recorded["source"]]]
    if options.apply and len(sources) > 1:
        raise ToolError("--apply takes exactly one document")
    undecided: list[str] = []
    reports: list[str] = []
    with tempfile.TemporaryDirectory(prefix="modelgates-routine-") as scratch:
        checkout = Checkout(project.root, Path(scratch).resolve() / "checkout")
        days = _days(options.apply, recorded["retrieved"])
        with_tools = True
        for date, source in zip(days, sources, strict=False):
            outcome = check(checkout, source, date, with_tools=with_tools)
            with_tools = with_tools and "tools" not in outcome.times
            progress("")
            print(outcome.line, flush=True)
            undecided += _lines(outcome)
            reports.append(outcome.markdown)
            if options.apply and outcome.is_regenerated:
                copy(checkout.root, project.root)
    if options.report:
        options.report.write_text("\n".join(reports), encoding="utf-8", newline="\n")
    if undecided:
        print("\n".join(["to decide:", *undecided]))
        sys.exit(1)
    print(f"green: {len(sources)} document(s)")


def _days(is_real: bool, last: str) -> Iterator[str]:  # noqa: FBT001 - what is asked for
    """Yield a different day for each document, so that each replaced version is kept.

    Args:
        is_real: Whether to start today, even if the vendored spec is from today.
        last: The day on which the vendored spec was retrieved.
    """
    day = datetime.datetime.now(datetime.UTC).date()
    if not is_real:
        day = max(day, datetime.date.fromisoformat(last) + datetime.timedelta(days=1))
    while True:
        yield day.isoformat()
        day += datetime.timedelta(days=1)


def _lines(outcome: Outcome) -> list[str]:
    lines = [f"  {outcome.name}: {line}" for line in outcome.undecided]
    rest = len(lines) - _SHOWN
    return lines[:_SHOWN] + ([f"  {outcome.name}: and {rest} more"] if rest > 0 else [])


def _absolute(source: str) -> str:
    """Return a source that is valid in any working directory.

    Raises:
        ToolError: It is neither a file nor a URL.
    """
    if Path(source).is_file():
        return str(Path(source).resolve())
    if "://" not in source:
        raise ToolError(f"there is no file {source!r}")
    return source


def _options() -> argparse.Namespace:
    parser = Arguments(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "sources",
        nargs="*",
        metavar="SOURCE",
        help="files or URLs (default: the source of the vendored spec)",
    )
    parser.add_argument(
        "--apply", action="store_true", help="also update this checkout to the document"
    )
    parser.add_argument("--report", type=Path, metavar="FILE", help="write a pull request report")
    parser.add_argument(
        "--root", type=Path, default=Path(__file__).parent.parent, help="the project's directory"
    )
    return parser.parse_args()


if __name__ == "__main__":
    run(main, status=2)
