"""The published versions of the spec: restored byte for byte, or refused."""

import hashlib
import json
import os
import re
import subprocess

import pytest
from common import versions
from common.project import Project
from common.tool_errors import ToolError
from common.versions import Version
from vendoring import sources

from .conftest import KEPT, PINNED, ROOT

OURS = Project(ROOT)


@pytest.fixture
def project(project):
    """A project with versions that stay the same, to change."""
    return Project(project.root)


@pytest.mark.vendored
def test_every_version_is_there_in_order_and_is_an_openapi_document():
    """The vendored one is among them, under the date that the lock gives."""
    result = versions.all(OURS)
    assert list(result) == sorted(result)
    assert len({result[name].content for name in (PINNED, *KEPT)}) == 9
    vendored = json.loads(OURS.lock.read_text())["spec"]["retrieved"]
    assert result[vendored].content == OURS.spec.read_bytes()
    for name, version in result.items():
        assert version.name == name
        assert version.document["openapi"].startswith("3.")


@pytest.mark.vendored
def test_what_is_restored_has_the_sum_that_is_recorded():
    """The sums are in the format of `sha256sum`, and checked without our code."""
    lines = (versions.store(OURS) / versions.SUMS).read_text().splitlines()
    assert lines
    result = versions.all(OURS)
    for line in lines:
        digest, name = line.split("  ")
        version = result[name[:10]]
        kept = version.overlay if name.endswith(".overlay.yaml") else version.content
        assert kept is None or hashlib.sha256(kept).hexdigest() == digest


@pytest.mark.vendored
def test_the_diffs_are_ones_that_git_applies(tmp_path):
    """They are no format of our own."""
    result = versions.all(OURS)
    diffs = sorted(versions.store(OURS).glob("*.diff"))
    assert diffs
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}
    for diff in diffs:
        base, name = re.findall(rb"^(?:---|\+\+\+) [ab]/(\S+)", diff.read_bytes(), re.MULTILINE)
        target = tmp_path / name.decode()
        target.write_bytes(result[base.decode().removesuffix(".yaml")].content)
        patch = diff.read_bytes().replace(base, name)
        subprocess.run(
            ["git", "apply", "-"], input=patch, cwd=tmp_path, env=environment, check=True
        )
        assert target.read_bytes() == result[name.decode().removesuffix(".yaml")].content


def keep(project, version):
    """Keep a version; return the name of its file."""
    files = versions.archive_files(project, version)
    for path, content in files.items():
        path.write_bytes(content)
    return next((path.name for path in files), None)


def test_a_version_that_is_kept_comes_back(project):
    """The next one is kept as a diff; one of another layout is kept whole."""
    latest = list(versions.all(project).values())[-1]
    small = Version("2027-01-01", latest.content.replace(b"- Groq\n", b"- Groq\n      - Grok\n"))
    other = Version("2027-01-02", b'{"openapi": "3.1.0", "paths": {}}\n')
    odd = Version("2027-01-03", small.content.replace(b"\n", b"\r\n") + b"# \r no end")
    assert keep(project, small) == "2027-01-01.diff"
    assert keep(project, other) == "2027-01-02.yaml"
    assert keep(project, odd) == "2027-01-03.yaml"
    assert versions.archive_files(project, odd) == {}  # it is there already
    result = versions.all(project)
    assert [result[v.name].content for v in (small, other, odd)] == [
        v.content for v in (small, other, odd)
    ]


def test_a_version_is_kept_with_the_overlay_that_fitted_it(project):
    """Those without one get it too; whatever becomes of the project's own, theirs stays."""
    latest = versions.dated(project, KEPT[-1]).content
    first, second = project.overlay.read_bytes(), project.overlay.read_bytes() + b"# mended\n"
    keep(project, Version("2027-01-01", latest + b"# 1\n"))
    project.overlay.write_bytes(second)
    keep(project, Version("2027-01-02", latest + b"# 2\n"))
    keep(project, Version("2027-01-03", latest + b"# 3\n"))
    project.overlay.write_bytes(b"another")
    result = versions.all(project)
    assert result[PINNED].overlay is None  # it is vendored: the project's own fits it
    assert {result[name].overlay for name in KEPT} == {first}
    assert [result[f"2027-01-0{day}"].overlay for day in (1, 2, 3)] == [first, second, second]
    stored = sorted(path.name for path in versions.store(project).glob("*.overlay.yaml"))
    assert stored == [f"{KEPT[0]}.overlay.yaml", "2027-01-02.overlay.yaml"]  # each of them once
    (versions.store(project) / "2027-01-02.overlay.yaml").unlink()
    with pytest.raises(ToolError, match="overlay of version 2027-01-02 is missing"):
        versions.all(project)


@pytest.mark.parametrize("name", ["2026-05-28", "latest", "2026-1-1", "../2027-01-01"])
def test_a_version_is_kept_once_under_its_date(project, name):
    """A kept version never changes."""
    with pytest.raises(ToolError, match=r"never changes|is not a date"):
        versions.archive_files(project, Version(name, b"openapi: 3.1.0\n"))


def change(name, old, new):
    """Return a function that replaces a text in a file of the store."""

    def apply(store):
        text = (store / name).read_bytes()
        assert old in text
        (store / name).write_bytes(text.replace(old, new))

    return apply


DAMAGE = {
    "a changed line": (
        change("2026-05-28.diff", b"+      - Dark", b"+      - Bark"),
        "not what it",
    ),
    "a changed context": (
        change("2026-05-28.diff", b" - Cohere", b" - Coherent"),
        "does not match",
    ),
    "a moved hunk": (change("2026-05-28.diff", b"@@ -640", b"@@ -641"), "does not match"),
    "a changed base": (change("2026-05-24.yaml", b"Cohere", b"Coherent"), "2026-05-24 is not what"),
    "another base": (change("2026-05-28.diff", b"a/2026-05-24", b"a/2026-06-09"), "not an earlier"),
    "no diff": (change("2026-05-28.diff", b"@@", b"##"), "not a unified diff"),
    "an empty diff": (lambda store: (store / "2026-05-28.diff").write_bytes(b""), "not an earlier"),
    "line ends": (change("2026-06-09.diff", b"\n", b"\r\n"), "not an earlier|does not match"),
    "a missing diff": (
        lambda store: (store / "2026-06-02.diff").unlink(),
        "2026-06-02.diff is miss",
    ),
    "no sums": (lambda store: (store / "SHA256SUMS").unlink(), "SHA256SUMS is missing"),
    "a bad sum": (change("SHA256SUMS", b"  2026-06-23", b" 2026-06-23"), "malformed line"),
    "one without sum": (lambda s: (s / "2026-07-01.yaml").write_bytes(b"{}"), "has no line"),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_store_is_refused(project, damage, message):
    """Only exact copies of the stored versions are accepted."""
    damage(versions.store(project))
    with pytest.raises(ToolError, match=message):
        versions.all(project)


def test_two_documents_of_one_date_are_refused(project):
    """The vendored one must not hide another."""
    lock = project.lock.read_text().replace(PINNED, "2026-05-24")
    project.lock.write_text(lock)
    with pytest.raises(ToolError, match="so has another document"):
        versions.all(project)


@pytest.mark.vendored
def test_a_version_is_named_by_its_date_or_its_source(tmp_path):
    """What is neither is refused, with the names there are."""
    (tmp_path / "next.yaml").write_bytes(OURS.spec.read_bytes() + b"# next\n")
    assert sources.version(OURS, "2026-06-09") == versions.all(OURS)["2026-06-09"]
    result = sources.version(OURS, str(tmp_path / "next.yaml"))
    assert (result.name, result.document["openapi"]) == ("next.yaml", "3.1.0")
    with pytest.raises(ToolError, match="known are 2026-05-13"):
        sources.version(OURS, "2026-06-99")
    with pytest.raises(ToolError, match="there is no file"):
        sources.version(OURS, "2026-6-9")
