"""The script as the maintainer runs it: what it writes, and that it does so again and again."""

import json
import os
import shutil
import sys

import pytest


def generated(project) -> dict[str, bytes]:
    """Return the files of generated/."""
    return {name: data for name, data in project.files().items() if name.startswith("generated/")}


def test_ours_is_fresh(ours):
    """Regenerated code passes the check, which says so and changes nothing."""
    before = ours.files()

    done = ours.regenerate("--check")

    assert (done.returncode, done.stdout, done.stderr) == (0, "generated/ is fresh\n", "")
    assert ours.files() == before


def test_regenerating_again_changes_nothing(regenerated):
    """Nor does it touch a file."""
    times = {path: path.stat().st_mtime_ns for path in regenerated.root.rglob("*")}

    done = regenerated.regenerate()

    assert done.stdout.endswith(" files, 0 changed\n")
    assert {path: path.stat().st_mtime_ns for path in times} == times


def test_every_file_says_that_it_is_generated(ours):
    """And that the package has types."""
    files = generated(ours)

    assert "generated/modelgates_api/py.typed" in files
    for name, data in files.items():
        assert b"\r" not in data
        assert name.endswith("py.typed") or data.startswith(b"# Generated from openapi.yaml by ")


def test_generated_files_are_readable_by_all(ours):
    """A temporary directory's mode does not come along."""
    for path in (ours.root / "generated").rglob("*"):
        mode = path.stat().st_mode
        assert mode & 0o444 == 0o444 or os.name == "nt"
    assert (ours.root / "generated").stat().st_mode & 0o555 == 0o555 or os.name == "nt"


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda path: (path / "types.py").write_text("x = 1\n"), "types.py: differs"),
        (lambda path: (path / "types.py").unlink(), "types.py: missing"),
        (lambda path: (path / "old.py").touch(), "old.py: left over, nothing generates it"),
        (lambda path: (path / "api" / "b").touch(), "api/b: left over, nothing generates it"),
    ],
)  # fmt: skip
def test_outdated_files_are_named_and_regenerated(regenerated, ours, change, line):
    """Hand edits, missing files and leftovers alike."""
    change(regenerated.root / "generated" / "modelgates_api")
    before = regenerated.files()

    done = regenerated.regenerate("--check")

    assert done.returncode == 1
    assert done.stderr == (
        f"generated/modelgates_api/{line}\n"
        "error: 1 file(s) do not match the inputs; run `nox -s regenerate`\n"
    )
    assert regenerated.files() == before
    assert regenerated.regenerate().returncode == 0
    assert regenerated.files() == ours.files()


def test_a_lock_that_is_not_current_is_not_fresh(regenerated, ours):
    """A comment in a template changes no output, but the lock's hash of it."""
    regenerated.replace("codegen-config.yaml", "# Isolated", "# Apart")

    done = regenerated.regenerate("--check")

    assert done.stderr.startswith("openapi.lock.json: differs\n")
    assert regenerated.regenerate().returncode == 0
    assert regenerated.regenerate("--check").returncode == 0
    assert generated(regenerated) == generated(ours)


@pytest.mark.parametrize("kind", ["missing", "file", "empty"])
def test_a_missing_generated_directory_is_created(regenerated, ours, kind):
    """Or something else in its place."""
    target = regenerated.root / "generated"
    shutil.rmtree(target)
    if kind == "file":
        target.touch()
    elif kind == "empty":
        target.mkdir()

    assert regenerated.regenerate().returncode == 0
    assert regenerated.files() == ours.files()


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONHASHSEED": "1", "LC_ALL": "C", "TZ": "Asia/Kathmandu", "PYTHONUTF8": "0"},
        {"PYTHONHASHSEED": "4711", "LANG": "tr_TR.UTF-8", "COLUMNS": "20", "PYTHONOPTIMIZE": "1"},
    ],
)
def test_the_output_is_the_same_elsewhere(project, large_spec, ours, environment):
    """Whatever the hash seed, locale, time zone, or a configuration of ruff above it."""
    project.write("ruff.toml", "line-length = 40\n[format]\nquote-style = 'single'\n")
    project.write("pyproject.toml", "[tool.ruff]\nline-length = 50\n")

    assert project.regenerate(**environment).returncode == 0
    assert generated(project) == generated(ours)


def test_the_output_of_many_sets_is_the_same_under_another_hash_seed(project, large_spec):
    """Of a spec with unions, composed schemas and several operations."""
    spec = {**large_spec, "paths": dict(list(large_spec["paths"].items())[:20])}
    project.write("overlays/spec.overlay.yaml", "overlay: 1.0.0\nactions: []\n")
    project.set_spec(spec)
    outputs = []
    for seed in ("1", "2"):
        done = project.regenerate(PYTHONHASHSEED=seed)
        assert done.returncode == 0, done.stderr
        outputs.append(generated(project))

    assert outputs[0] == outputs[1]


def test_it_needs_no_network(project, tmp_path_factory):
    """It runs where every connection and every look-up of a name fails."""
    block = tmp_path_factory.mktemp("block")
    (block / "sitecustomize.py").write_text(
        "import socket\n"
        "def refuse(*_, **__): raise SystemExit('it uses the network')\n"
        "socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse\n"
    )

    done = project.regenerate(PYTHONPATH=str(block))

    assert done.returncode == 0, done.stderr


def test_the_lock_and_generated_change_together(regenerated):
    """Neither is written when the generation fails."""
    regenerated.replace("codegen-config.yaml", "# Isolated", "# Apart")
    regenerated.replace("codegen-config.yaml", "ruff format", "ruff no-such-command")

    assert "ruff failed" in regenerated.refusal()


def test_an_empty_spec_generates(project):
    """Not every spec has components, or tags."""
    project.write("overlays/spec.overlay.yaml", "overlay: 1.0.0\nactions: []\n")
    answers = {"204": {"description": "Nothing"}}
    project.set_spec(
        {
            "openapi": "3.0.3",
            "info": {"title": "", "version": ""},
            "paths": {"/a": {"get": {"responses": answers}}},
        }
    )

    done = project.regenerate()

    assert done.returncode == 0, done.stderr
    assert "generated/modelgates_api/api/default/get_a.py" in project.files()


def test_an_unquoted_status_is_a_status(project):
    """YAML reads 200 as a number; in JSON, and in OpenAPI, a key is a string."""
    project.write("overlays/spec.overlay.yaml", "overlay: 1.0.0\nactions: []\n")
    project.set_spec(
        "openapi: 3.1.0\ninfo: {title: T, version: 2024-01-01}\n"
        "paths: {/a: {get: {responses: {200: {description: D}}}}}\n"
    )

    assert project.regenerate().returncode == 0


def test_help_says_what_it_does(project):
    """And that it checks."""
    done = project.regenerate("--help")

    assert done.returncode == 0
    assert "--check" in done.stdout


def test_the_tests_run_it_on_this_interpreter(ours):
    """The lock is that of the pinned tools, whatever the Python is."""
    assert sys.version_info >= (3, 11)
    assert json.loads(ours.read("openapi.lock.json"))["tools"]["ruff"]


def test_a_client_that_does_not_read_its_own_document_is_not_written(project):
    """A fault in a template or the runtime cannot lose data silently."""
    fault = ("in self._items_to_send()}", "in self._items_to_send() if value != 2**31}")
    project.replace("overlays/modelgates_runtime/model.py", *fault)
    done = project.regenerate()
    assert done.returncode == 1
    assert "in to_dict()" in done.stderr
    assert "error: the client does not read all that its own document allows, in " in done.stderr
    assert generated(project) == {}
