"""The noxfile and run.py: how they start, and what they say of the tests."""

import os
import runpy
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import nox
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]


@pytest.fixture
def noxfile(monkeypatch):
    """Read it, in the project's folder, where no program may be started."""

    def refused(*arguments, **_):
        raise AssertionError(arguments)

    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(subprocess, "Popen", refused)
    monkeypatch.setattr(nox.registry, "_REGISTRY", {})
    return lambda: runpy.run_path("noxfile.py")


def test_importing_it_starts_no_program_and_keeps_the_path(noxfile):
    """Listing the sessions is immediate."""
    before = dict(os.environ)
    noxfile()
    assert dict(os.environ) == before


@pytest.mark.parametrize(
    ("arguments", "jobs"),
    [([], 6), (["-s", "test"], 6), (["--session", "tests"], 6), (["-s", "coverage"], None)],
)
def test_only_sessions_that_require_others_run_them_side_by_side(
    noxfile, monkeypatch, arguments, jobs
):
    """A single session writes its output at once, and nox does not say why it is alone."""
    monkeypatch.setattr(sys, "argv", ["nox", *arguments])
    monkeypatch.setattr(nox.options, "parallel", None)
    noxfile()
    assert nox.options.parallel == jobs


def test_a_checkout_that_cannot_be_written_is_an_error_of_one_line(monkeypatch):
    """Nothing is started, and no folder is made."""
    monkeypatch.setattr(sys, "argv", ["run.py", "lint"])
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(SystemExit) as raised:
        runpy.run_path(str(ROOT / "scripts" / "run.py"), run_name="__main__")
    assert raised.value.code == (
        f"error: this user may not write to {ROOT}: run it in a clone of your own"
    )


def test_the_lists_of_tests_name_what_there_is(noxfile):
    """A file that was moved would be tested on all interpreters, or on one, unnoticed."""
    lists = runpy.run_path("tests/conftest.py")
    for name in lists["ON_ONE"] | lists["ON_EVERY"] | lists["SEPARATE"]:
        assert Path("tests", name).exists()
    assert all(Path(name).exists() for name in noxfile()["LOWEST"])


def test_the_lowest_versions_are_run_with_everything(noxfile):
    """An untested lower bound is a guess."""
    noxfile()
    assert "lowest" in nox.registry.get()["test"].requires


def test_the_locked_versions_are_those_that_pyproject_allows(noxfile):
    """All of them have a hash; `nox -s pins` locks what was added or raised since."""
    read = noxfile()
    lines = (ROOT / read["LOCKED"][-1]).read_text().splitlines()
    locked = dict(line.split(" ")[0].split("==") for line in lines if not line.startswith(" "))
    metadata = read["PROJECT"]["project"]
    needs = list(metadata["dependencies"])
    for extra in metadata["optional-dependencies"].values():
        needs += extra
    for name in read["LOCKED_GROUPS"]:
        needs += read["group"](name)
    for need in map(Requirement, needs):
        if need.name != metadata["name"]:
            assert need.specifier.contains(locked[canonicalize_name(need.name)])
    assert sum("--hash=sha256:" in line for line in lines) > len(locked)


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["nowhere.yaml"], 2),
        (["nowhere"], 2),
        (["docs"], 2),
        (["--no-backtest", "nowhere"], 2),
        (["--fail-on=info", "nowhere"], 2),
        (["--against", "nowhere.yaml"], 2),
        (["--format", "json", "2026-05-13", "-"], None),
        (["README.md", "--against", "2026-05-13", "--output", "report.md"], None),
        (["https://example.org/openapi.yaml"], None),
    ],
)
def test_a_missing_file_is_reported_before_an_environment_is_created(noxfile, arguments, status):
    """Creating one is slow; output files need not exist."""
    session = SimpleNamespace(posargs=arguments, warn=print)
    try:
        noxfile()["refuse_missing_files"](session)
        ended = None
    except SystemExit as end:
        ended = end.code
    assert ended == status
