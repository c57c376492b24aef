"""The workflows: pinned, with least permissions, and running what is there."""

import re
import tomllib

import pytest
from common import documents

from ..documents import sessions
from .conftest import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FILES = pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)


def steps(file):
    """Return the steps of all jobs, each with its job."""
    jobs = documents.load(file)["jobs"]
    return [(job, step) for job in jobs.values() for step in job["steps"]]


def test_there_are_five():
    """One for every change, three for every week, one for every release."""
    assert [file.stem for file in WORKFLOWS] == ["audit", "newest", "release", "spec", "test"]


@FILES
def test_actions_are_pinned_by_hash(file):
    """With the version that it is, for people and for tools that update it."""
    used = re.findall(r"uses: (.*)", file.read_text(encoding="utf-8"))
    assert used
    for name in used:
        assert re.fullmatch(r"(actions|pypa)/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", name), name


@FILES
def test_permissions_are_least(file):
    """Read-only by default; a single job may write, and it does not run our code."""
    workflow = documents.load(file)
    assert workflow["permissions"] in ({}, {"contents": "read"})
    for name, job in workflow["jobs"].items():
        writes = "write" in job.get("permissions", {}).values()
        assert writes is (name in {"propose", "publish"})
        if writes:
            assert not any("scripts/" in step.get("run", "") for step in job["steps"])
    for _, step in steps(file):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


@FILES
def test_no_text_from_outside_is_put_into_a_script(file):
    """It comes by the environment, where it is a text and no code."""
    for job, step in steps(file):
        assert "${{" not in step.get("run", "")
        assert job["timeout-minutes"] <= 90


@FILES
def test_the_sessions_that_are_run_exist(file):
    """By the names that the noxfile has."""
    for _, step in steps(file):
        for name in re.findall(r"scripts/run\.py (\w+)", step.get("run", "")):
            assert name in sessions()


def test_hooks_have_the_versions_of_the_sessions():
    """Otherwise checks could pass before a commit and fail after it."""
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = project["dependency-groups"]
    used = set(re.findall(r'additional_dependencies: \["(.*)"\]', hooks))
    assert used
    assert used <= {*groups["lint"], *groups["audit"]}
