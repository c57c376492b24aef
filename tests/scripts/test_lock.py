"""The lock file: scripts/common/lock.py."""

import hashlib
import json

import pytest
from common import lock
from common.project import Project
from common.tool_errors import ToolError


def test_the_lock_records_origin_tools_and_inputs(ours):
    """Every file that the output depends on, by its hash."""
    recorded = json.loads(ours.read("openapi.lock.json"))

    assert set(recorded["spec"]) == {"source", "retrieved", "sha256"}
    assert set(recorded["tools"]) == {"openapi-python-client", "ruff"}
    pinned = ours.read("scripts/requirements/codegen.txt")
    for name, tool in recorded["tools"].items():
        assert f"{name}=={tool['version']} " in pinned
        assert len(tool["sha256"]) >= 2, "a wheel and an sdist"
        assert all(f"sha256:{digest}" in pinned for digest in tool["sha256"])
    for name, digest in recorded["inputs"].items():
        assert hashlib.sha256((ours.root / name).read_bytes()).hexdigest() == digest
    templates = {p.name for p in (ours.root / "overlays" / "templates").rglob("*") if p.is_file()}
    assert templates < {name.rsplit("/", 1)[-1] for name in recorded["inputs"]}


def test_the_origin_stays_when_the_rest_changes(project):
    """It is written when the spec is vendored."""
    before = json.loads(project.read("openapi.lock.json"))
    project.replace("codegen-config.yaml", "# Iso", "# ISO")
    root = Project(project.root)

    after = json.loads(lock.current(root, lock.read(root)))

    assert after["spec"] == before["spec"]
    assert after["inputs"] != before["inputs"]


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{", "null", '{"spec": 1}', "[" * 100_000),
        '{"spec": {"source": "", "retrieved": ""}}',
        '{"spec": {"source": 1, "retrieved": "", "sha256": ""}}',
    ],
)
def test_a_malformed_lock_is_refused(project, text):
    """With the remedy."""
    project.write("openapi.lock.json", text)

    with pytest.raises(ToolError, match=r"openapi\.lock\.json is malformed; restore it"):
        lock.read(Project(project.root))


def test_an_edited_spec_is_refused(project):
    """By a byte; corrections belong elsewhere."""
    root = Project(project.root)
    lock.check_spec(root, lock.read(root))
    project.write("openapi.yaml", project.read("openapi.yaml") + "\n")

    with pytest.raises(ToolError, match=r"was changed after it was vendored.*spec.overlay.yaml"):
        lock.check_spec(root, lock.read(root))
