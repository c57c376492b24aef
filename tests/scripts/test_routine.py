"""`nox -s routine`: one line per document, and what there is to decide."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import routine

STEPS = ["vendor", "drift", "regenerate"]
STEPS += ["tests", "once", "tools", "contract", "pyright", "mypy", "fresh"]  # side by side
LOCK = {"spec": {"source": "https://example.org/spec", "retrieved": "2026-05-13", "sha256": ""}}


class Scripted:
    """A checkout in which every program is replaced by the test.

    Attributes:
        fails: By the step that fails: what it prints.
        failing: What `drift` finds.
    """

    def __init__(self, _, root):
        self.root = root
        self.fails = self.scenario
        self.dates = []
        for name in routine.CHANGED[2:]:
            (root / name).mkdir(parents=True)
        for name in routine.CHANGED[:2]:
            (root / name).write_text("old")

    keep = routine.Checkout.keep

    def run(self, *arguments):
        """Do what a step does."""
        command = " ".join(map(str, arguments))
        step = next(name for key, name in NAMES.items() if key in command)
        status, out = self.fails.get(step, (0, ""))
        self.commands.append(command)
        if step == "vendor" and not status:
            (self.root / "openapi.yaml").write_bytes(Path(arguments[1]).read_bytes())
            self.made.append(arguments[3])
        if step == "drift":
            failing = [out] if status == 1 else []
            (self.root / "drift.json").write_text(json.dumps({"failing": failing}))
            (self.root / "drift.md").write_text("## Spec\n")
        return SimpleNamespace(returncode=status, stdout=out, stderr="")


NAMES = {
    "vendor.py": "vendor",
    "drift.py": "drift",
    "--check": "fresh",
    "regenerate.py": "regenerate",
    "mypy": "mypy",
    "pyright": "pyright",
    "--on=every": "tests",
    "--on=one": "once",
    "tests/contract": "contract",
    "tests/scripts": "tools",
}


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run it over documents; return the exit status, the lines, and the project's folder."""
    root = tmp_path / "project"
    for name in routine.CHANGED[2:]:
        (root / name).mkdir(parents=True)
    (root / "openapi.yaml").write_text("old")
    (root / "openapi.lock.json").write_text(json.dumps(LOCK))
    monkeypatch.setattr(routine, "Checkout", Scripted)

    def run(*arguments, **fails):
        monkeypatch.setattr(Scripted, "scenario", fails, raising=False)
        monkeypatch.setattr(Scripted, "made", [], raising=False)
        monkeypatch.setattr(Scripted, "commands", [], raising=False)
        monkeypatch.setattr(sys, "argv", ["routine.py", "--root", str(root), *map(str, arguments)])
        try:
            routine.main()
            status = 0
        except SystemExit as end:
            status = end.code
        return status, capsys.readouterr().out.splitlines(), root

    return run


@pytest.fixture
def documents(tmp_path):
    """Two documents."""
    for name in ("one.yaml", "two.yaml"):
        (tmp_path / name).write_text(name)
    return [tmp_path / "one.yaml", tmp_path / "two.yaml"]


def test_green_documents_get_one_line_each_and_a_summary(run, documents):
    """Each on a separate day, so that the replaced version is kept."""
    status, lines, root = run(*documents)
    assert status == 0
    assert [line.partition(" (")[0] for line in lines] == [
        "one.yaml: green",
        "two.yaml: green",
        "green: 2 document(s)",
    ]
    steps = [[part.split()[0] for part in line.partition("(")[2].split(", ")] for line in lines[:2]]
    assert steps == [STEPS, STEPS]
    tools = [command for command in Scripted.commands if "tests/scripts" in command]
    assert [command.endswith("-m not frozen") for command in tools] == [False, True]
    assert len(set(Scripted.made)) == 2
    assert (root / "openapi.yaml").read_text() == "old"  # the project stays as it is


def test_decisions_are_listed_at_the_end(run, documents):
    """Failed tests with their reasons, and drift results; the other steps still run."""
    failed = (
        "tests/a.py::b[error: no] FAILED\ntests/a.py::c FAILED\n=== short test summary info ===\n"
        "FAILED tests/a.py::b[error: no] - AssertionError: it is green\nassert 'red' == 'green'\n"
        "\n  - green\n  + red\nFAILED tests/a.py::c - ValueError\n=== 2 failed in 3.00s ==="
    )
    untyped = "/a.py\n  /a.py:1:2 - error: no such name\n1 error, 0 warnings, 0 informations"
    status, lines, _ = run(
        documents[0],
        drift=(1, "1 change(s) are not accepted"),
        pyright=(1, untyped),
        tests=(1, failed),
    )
    assert status == 1
    assert lines[0].startswith("one.yaml: to decide (vendor ")
    assert lines[1:] == [
        "to decide:",
        "  one.yaml: drift: 1 change(s) are not accepted",
        "  one.yaml: tests: FAILED tests/a.py::b[error: no] - AssertionError: it is green",
        "  one.yaml: tests:   assert 'red' == 'green'",
        "  one.yaml: tests:   - green",
        "  one.yaml: tests: FAILED tests/a.py::c - ValueError",
        "  one.yaml: pyright: /a.py:1:2 - error: no such name",
    ]


@pytest.mark.parametrize("step", ["vendor", "regenerate"])
def test_a_rejected_document_does_not_stop_the_others(run, documents, step):
    """The checkout is restored; the last line says why."""
    status, lines, _ = run(*documents, **{step: (1, "error: no\n")})
    assert status == 1
    assert lines[-2:] == [f"  one.yaml: {step}: error: no", f"  two.yaml: {step}: error: no"]
    assert "fresh" not in lines[0]


def test_apply_updates_the_checkout(run, documents, tmp_path):
    """With a report for a pull request; not where it cannot be regenerated."""
    report = tmp_path / "report.md"
    arguments = (documents[0], "--apply", "--report", report)
    status, _, root = run(*arguments, regenerate=(1, "error: no"))
    assert (status, (root / "openapi.yaml").read_text()) == (1, "old")
    assert "- ` regenerate: error: no `" in report.read_text()
    status, _, root = run(*arguments)
    assert (status, (root / "openapi.yaml").read_text()) == (0, "one.yaml")
    assert report.read_text().startswith("## Spec\n")


def test_the_vendored_document_is_not_reported_as_new(run, tmp_path):
    """Nothing more is run."""
    (tmp_path / "same.yaml").write_text("old")
    status, lines, _ = run(tmp_path / "same.yaml", tests=(1, "never run"))
    assert status == 0
    assert lines[0].startswith("same.yaml: nothing new (vendor ")


def test_a_wrong_path_is_reported_before_anything_is_created(run):
    """And that one document can be taken over, not two."""
    with pytest.raises(routine.ToolError, match=r"there is no file 'nowhere\.yaml'"):
        run("nowhere.yaml")
    with pytest.raises(routine.ToolError, match="--apply takes exactly one document"):
        run("https://a.example", "https://b.example", "--apply")


@pytest.mark.skipif(sys.platform == "win32", reason="its paths are written another way")
def test_a_checkout_imports_its_own_packages(tmp_path):
    """Whatever is installed; files outside version control are excluded."""
    project = tmp_path / "project"
    for package in ("overlays/modelgates_client", "generated/modelgates_api"):
        (project / package).mkdir(parents=True)
        (project / package / "__init__.py").write_text("")
    (project / ".gitignore").write_text("secret.txt\n")
    (project / "secret.txt").write_text("")
    subprocess.run(["git", "init", "-q"], cwd=project, check=True)
    checkout = routine.Checkout(project, tmp_path / "checkout")
    code = (
        "import modelgates_client as c, modelgates_api as a, attrs; print(c.__file__, a.__file__)"
    )
    done = checkout.run("-I", "-c", code)
    found = [Path(file) for file in done.stdout.split()]
    assert all(file.is_relative_to(tmp_path / "checkout") for file in found), done
    assert len(found) == 2
    assert not (tmp_path / "checkout" / "secret.txt").exists()
