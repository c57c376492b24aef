"""Vendoring a spec: scripts/vendor.py, with vendoring/finding.py."""

import datetime
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from common import documents, versions
from common.project import Project
from common.tool_errors import ToolError
from vendoring import finding

from .conftest import FROZEN, PINNED, ROOT, SOURCE, run_script

SCRIPT = ROOT / "scripts" / "vendor.py"
OURS = FROZEN[PINNED].content
NEW = OURS.replace(b"  version: 1.0.0", b"  version: 1.0.1", 1)
LOCK = "openapi.lock.json"
SPEC = "openapi.yaml"


def run(project, *arguments, stdin=b""):
    """Run the script as the maintainer does; return its output and its end."""
    ended = run_script(project.root, "vendor.py", *arguments, stdin=stdin)
    return ended.output + ended.errors, None if ended.status is None else str(ended.status)


def vendor(project, content, *arguments):
    """Vendor a document from standard input; return the output."""
    output, end = run(project, "-", *arguments, stdin=content)
    assert end is None
    return output


def refusal(project, content):
    """Vendor a document that must be refused in one line without changes; return the line."""
    before = project.files()
    output, end = run(project, "-", stdin=content)
    assert output == ""
    assert end is not None
    assert end.startswith("error: ")
    assert end.isprintable()
    assert project.files() == before
    return end.removeprefix("error: ")


def recorded(project):
    return json.loads(project.read(LOCK))["spec"]


@pytest.mark.parametrize(
    "content",
    [
        NEW,
        NEW.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + NEW,
        b"# A comment,\n\n---\n" + NEW + b"\n# at both ends   \n...\n",
        NEW.rstrip(b"\n"),
        NEW.replace(b"1.0.1", "1.0.1 \U0001f600 \u2028".encode()),
        json.dumps(documents.parse(OURS, SPEC)).encode(),
        b"\xef\xbb\xbf" + json.dumps(documents.parse(OURS, SPEC), indent="\t").encode() + b"\r\n",
    ],
)
def test_a_document_is_vendored_byte_for_byte(project, content):
    """With its line ends, comments, order, byte order mark, and whether it is YAML or JSON."""
    before = json.loads(project.read(LOCK))

    vendor(project, content, "--date", "2026-07-01")

    assert (project.root / SPEC).read_bytes() == content
    after = json.loads(project.read(LOCK))
    assert after.pop("spec") == {
        "source": "standard input",
        "retrieved": "2026-07-01",
        "sha256": hashlib.sha256(content).hexdigest(),
        "url": SOURCE,
    }
    before.pop("spec")
    assert after == before
    assert documents.load(project.root / SPEC)["openapi"] == "3.1.0"


def test_a_file_is_vendored_under_its_name_alone(project, tmp_path_factory):
    """The lock is public; the directories of the maintainer are not."""
    file = tmp_path_factory.mktemp("private") / "new.txt"
    file.write_bytes(NEW)

    _, end = run(project, file)

    assert end is None
    assert recorded(project)["source"] == "new.txt"
    assert recorded(project)["retrieved"] == datetime.datetime.now(datetime.UTC).date().isoformat()


def test_a_url_is_vendored_with_its_address(project, httpserver):
    """As given, without parts that may be a key."""
    httpserver.expect_request("/a/b").respond_with_data(NEW)

    _, end = run(project, httpserver.url_for("/a/b") + "?token=secret")

    assert end is None
    assert recorded(project)["source"] == httpserver.url_for("/a/b")
    assert (project.root / SPEC).read_bytes() == NEW


def test_the_document_in_a_page_is_vendored(project):
    """As it stands between the fences."""
    page = b"# The API\n\nSome text: with a colon.\n\n```yaml\n" + NEW + b"```\n\nMore text.\n"

    vendor(project, page)

    assert (project.root / SPEC).read_bytes() == NEW


def test_it_says_what_changed_and_what_to_do_next(project):
    """Version, each change, next step: a line each."""
    old = recorded(project)

    output = vendor(project, NEW, "--date", "2026-07-01").splitlines()

    new = recorded(project)
    assert output[0] == (
        f"openapi.yaml: {PINNED} (sha256 {old['sha256'][:12]}) -> "
        f"2026-07-01 (sha256 {new['sha256'][:12]})"
    )
    assert output[1:] == [
        "  info: `version` changed (note-changed)",
        f"next: `nox -s drift -- --against {PINNED}`: what does it break?",
    ]


def test_many_changes_are_counted(project):
    """The first of them are listed, the worst first; `drift` has them all."""
    added = b"".join(b"        - New %d\n" % number for number in range(30))
    new = OURS.replace(b"        - FakeProvider\n", b"        - FakeProvider\n" + added)
    output = vendor(project, new.replace(b"type: number\n", b"type: string\n", 1)).splitlines()
    assert output[1].startswith("  breaking: ")
    assert len(output) == 23
    assert output[-2] == "  and 11 more"


def test_the_replaced_version_is_kept(project):
    """Compactly, byte for byte, and once; versions of less than a day are not kept."""
    vendor(project, NEW, "--date", "2026-07-01")
    later = NEW.replace(b"1.0.1", b"1.0.2")
    vendor(project, later, "--date", "2026-07-02")
    found = versions.all(Project(project.root))
    assert found[PINNED].content == OURS
    assert found["2026-07-01"].content == NEW
    assert found["2026-07-02"].content == later
    output = vendor(project, NEW.replace(b"1.0.1", b"1.0.3"), "--date", "2026-07-02")
    assert "the replaced spec is not kept; get the committed one: `git show HEAD:" in output
    assert max(versions.all(Project(project.root))) == "2026-07-02"


def test_a_date_that_another_version_has_is_refused(project):
    """A date names one document."""
    before = project.files()
    _, end = run(project, "-", "--date", "2026-06-10", stdin=NEW)
    assert end == "error: version 2026-06-10 is another document; a kept version never changes"
    assert project.files() == before


def test_without_a_source_it_is_the_recorded_one(project, httpserver):
    """What a routine runs every week."""
    httpserver.expect_request("/spec").respond_with_data(NEW)
    lock = json.loads(project.read(LOCK))
    lock["spec"]["source"] = httpserver.url_for("/spec")
    project.write(LOCK, json.dumps(lock))
    _, end = run(project)
    assert end is None
    assert (project.root / SPEC).read_bytes() == NEW


def test_after_a_file_it_is_the_last_url_that_is_on_record(project, httpserver):
    """A file cannot be fetched again next week; without a URL, this is reported."""
    lock = json.loads(project.read(LOCK))
    lock["spec"]["source"] = httpserver.url_for("/spec")
    project.write(LOCK, json.dumps(lock))
    vendor(project, NEW)
    vendor(project, NEW.replace(b"1.0.1", b"1.0.2"))
    httpserver.expect_request("/spec").respond_with_data(NEW.replace(b"1.0.1", b"1.0.3"))
    _, end = run(project)
    assert end is None
    assert recorded(project)["source"] == httpserver.url_for("/spec")
    assert "url" not in recorded(project)
    lock["spec"].update(recorded(project), source="new.yaml")
    project.write(LOCK, json.dumps(lock))
    assert "came from new.yaml, not a URL; give a SOURCE" in run(project)[1]


def test_hints_name_the_command_that_was_run(project, monkeypatch):
    """Where the tasks are run without nox, it may not be there."""
    monkeypatch.setenv("MODELGATES_RUN_BY", "python3 scripts/run.py")
    output = vendor(project, NEW, "--date", "2026-07-01")
    assert f"next: `python3 scripts/run.py drift -- --against {PINNED}`" in output


def test_the_same_document_changes_nothing(project):
    """Nor its date, which says since when this is the spec."""
    before = project.files()

    output = vendor(project, OURS, "--date", "2026-12-31")

    assert output.startswith(f"openapi.yaml is unchanged: {PINNED} (sha256 056e4cc9ff1b)")
    assert project.files() == before


@pytest.mark.parametrize("state", ["edited", "missing", "of another lock"])
def test_a_spec_that_is_not_what_was_vendored_is_replaced(project, state):
    """Vendoring repairs the state after an interruption or a manual edit."""
    if state == "edited":
        project.write(SPEC, "edited: by hand")
    elif state == "missing":
        (project.root / SPEC).unlink()
    else:
        project.replace(LOCK, "056e4cc9ff1b", "000000000000")

    vendor(project, OURS)

    assert (project.root / SPEC).read_bytes() == OURS
    assert recorded(project)["sha256"] == hashlib.sha256(OURS).hexdigest()


BOMB = b"\n".join(
    [b"openapi: 3.1.0", b"a0: &a0 [x]"]
    + [b"a%d: &a%d [*a%d , *a%d ]" % (i + 1, i + 1, i, i) for i in range(60)]
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "standard input has no OpenAPI documents in code blocks"),
        (b"text", "standard input has no OpenAPI documents in code blocks"),
        (b"a: 1", "it has no `openapi`"),
        (b"\x00\x01", "the character U+0000"),
        (NEW[:-9] + b"\xff", "is not UTF-8 text"),
        (NEW.decode().encode("utf-16"), "is not UTF-8 text"),
        (b"<!DOCTYPE html><html><body>openapi: 3.1.0</body></html>", "Markdown"),
        (b"swagger: '2.0'\npaths: {}", "is a Swagger 2.0 document"),
        (b"openapi: 3.1.0\npaths: [", "standard input, line 2 is not YAML"),
        (b"---\n# c\nopenapi: 3.1.0 # c\npaths: [", "standard input, line 4 is not YAML"),
        (b'{"openapi": "3.1.0", ', "standard input, line 1 is not YAML"),
        (b"openapi: 3.1.0\nopenapi: 3.1.0\n" + NEW, "duplicate key"),
        (NEW + b"\n---\na: 1\n", "another document"),
        (NEW.replace(b"get-generation", b"other", 1), "has no usable operation `get_generation`"),
        (NEW.replace(b"'#/components", b"'x.yaml#/components", 1), "in another document"),
        (BOMB, "counting what aliases repeat"),
        (b" " * 15_000_001, "is larger than"),
        (b"# Page\n```yaml\nswagger: '2.0'\nopenapi: 2\n```\n", "Swagger"),
        (NEW[: NEW.index(b"    UnauthorizedResponse:")], "which is not there"),
    ],
)
def test_a_source_that_is_refused_changes_nothing(project, content, message):
    """In one line with the reason."""
    output = refusal(project, content)

    assert message in output


@pytest.mark.parametrize(
    "arguments",
    [
        ["-", "more"],
        ["-", "--date", "yesterday"],
        ["-", "--date", "20260524"],
        ["-", "--date", "2026-02-30"],
        ["-", "--dated", "2026-07-01"],
    ],
)
def test_other_arguments_are_refused(project, arguments):
    """Before anything is read."""
    before = project.files()

    _, end = run(project, *arguments, stdin=NEW)

    assert "see --help" in end
    assert project.files() == before


def test_a_project_without_a_lock_is_refused(project):
    """The origin could not be recorded."""
    (project.root / LOCK).unlink()

    assert "openapi.lock.json is missing" in refusal(project, NEW)


def failing(monkeypatch, number, error):
    """Have a rename fail, and every later one work."""
    renames, rename = [], Path.rename

    def replace(self, target):
        renames.append(target)
        if len(renames) == number:
            raise error
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", replace)


@pytest.mark.parametrize("number", [1, 2, 3, 4])
@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), KeyboardInterrupt()])
def test_a_failing_rename_leaves_spec_and_lock_as_they_were(project, monkeypatch, number, error):
    """Whichever of them fails, and be it by Ctrl-C; the kept versions, too."""
    failing(monkeypatch, number, error)

    output = refusal(project, NEW)

    assert output in {"a file cannot be used: Permission denied", "interrupted"}


def test_a_directory_that_cannot_be_written_is_refused(project, monkeypatch):
    """By its name."""

    def denied(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "mkdir", denied)
    output = refusal(project, NEW)
    assert output == f"{project.root / '.install'} cannot be used: Permission denied"


def test_missing_tools_are_refused(project):
    """Without the packages, the message says what to install."""
    done = subprocess.run(
        [sys.executable, "-S", "-E", SCRIPT, "-", "--root", project.root],
        input=NEW,
        capture_output=True,
    )

    assert done.returncode == 1
    assert re.fullmatch(rb"error: openapi-python-client is not installed; [^\n]+\n", done.stderr)


def test_a_broken_document_is_not_taken_for_a_page(monkeypatch):
    """What looks for documents in pages might find something else in it."""

    def called(*arguments):
        pytest.fail("it was taken for a page")

    monkeypatch.setattr(finding, "_document_in_page", called)
    for begin in ("openapi: 3.1.0", '"openapi": "3.1.0" # c', "%YAML 1.2\n---\nopenapi: '3.0.3'\r"):
        with pytest.raises(ToolError, match="is not YAML"):
            finding.find(f"{begin}\npaths: [".encode(), "new.yaml", "")


def test_the_vendored_spec_can_be_regenerated_from(project):
    """Lock and spec go together."""
    vendor(project, (project.root / SPEC).read_bytes() + b"\n")

    done = project.regenerate()

    assert done.returncode == 0, done.stderr
