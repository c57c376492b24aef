"""The noxfile: what reading it does, and what it says of the tests."""

import os
import runpy
import subprocess
from pathlib import Path
from types import SimpleNamespace

import nox
import pytest

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


def test_the_lists_of_tests_name_what_there_is(noxfile):
    """A file that was moved would be tested on all interpreters, or on one, unnoticed."""
    read = noxfile()
    files = read["files_for_one"]()
    assert files
    assert all(Path(file).is_file() for file in files)
    assert all(Path(name).exists() for name in read["LOWEST"])


def test_the_lowest_versions_are_run_with_everything(noxfile):
    """An untested lower bound is a guess."""
    noxfile()
    assert "lowest" in nox.registry.get()["test"].requires


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["nowhere.yaml"], 2),
        (["--against", "nowhere.yaml"], 2),
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
