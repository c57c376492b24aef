"""The overlay over time: actions that became obsolete, hide new values, or were corrected since."""

import copy

import pytest
from codegen import overlay, updates
from common import versions
from common.project import Project
from common.versions import Version
from specdiff import findings

from .conftest import PINNED

DOCUMENT = {
    "openapi": "3.1.0",
    "paths": {},
    "components": {
        "schemas": {
            "Thing": {
                "type": "object",
                "required": ["id"],
                "properties": {"id": {"type": "string"}, "cost": {"type": "number"}},
            }
        }
    },
}
AHEAD = {"properties": {"since": {"type": ["string", "null"], "description": "Put in ahead"}}}


def document(**fields):
    """Return the document with fields more, or others."""
    made = copy.deepcopy(DOCUMENT)
    made["components"]["schemas"]["Thing"]["properties"].update(fields)
    return made


def does(update, spec, target="$.components.schemas.Thing"):
    """Return the effects of an update on a document."""
    action = {"target": target, "description": "Why.", "update": update}
    notes = []
    overlay.apply({"overlay": "1.0.0", "actions": [action]}, spec, notes)
    return notes


@pytest.mark.parametrize(
    ("since", "rules"),
    [
        (None, []),
        ({"type": ["string", "null"]}, ["obsolete"]),
        ({"type": ["null", "string"], "description": "Their words"}, ["obsolete"]),
        ({"type": "string"}, ["hides"]),
        ({"type": "integer"}, ["hides"]),
        ({"$ref": "#/components/schemas/Thing"}, ["hides"]),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, ["hides"]),
    ],
)
def test_what_was_put_in_ahead_is_published_one_day(since, rules):
    """Then the action is obsolete, or hides a new value; only the latter fails."""
    new = document(since=since) if since else document(other={"type": "string"})
    result = list(findings.of_overlay(does(AHEAD, document()), does(AHEAD, new)))
    assert [one.rule for one in result] == [f"overlay-action-{rule}" for rule in rules]
    assert [one.fails for one in result] == [rule == "hides" for rule in rules]
    for one in result:
        assert one.pointer.startswith("#/components/schemas/Thing/properties/since")
        assert "overlay action 1 (target $.components.schemas.Thing)" in one.text


def test_what_an_action_has_always_replaced_it_goes_on_replacing():
    """A correction is not reported again until the corrected value changes."""
    correction = {"properties": {"cost": {"type": ["number", "null"]}}}
    before = does(correction, document())
    assert [one.kind for one in before] == [updates.UpdateKind.REPLACED]
    assert list(findings.of_overlay(before, does(correction, document()))) == []
    (result,) = findings.of_overlay(before, does(correction, document(cost={"type": "string"})))
    assert (result.rule, result.pointer) == (
        "overlay-action-hides",
        "#/components/schemas/Thing/properties/cost/type",
    )
    assert list(findings.of_overlay([], before)) == []  # made for this document, knowingly


def test_lists_are_added_to_until_they_have_it():
    """As an overlay's update appends to them."""
    update = {"required": ["cost"]}
    assert [one.kind for one in does(update, DOCUMENT)] == [updates.UpdateKind.ADDED]
    caught_up = copy.deepcopy(DOCUMENT)
    caught_up["components"]["schemas"]["Thing"]["required"].append("cost")
    assert len(list(updates.obsolete(does(update, caught_up)))) == 1
    target = "$.components.schemas.Thing.required"
    assert len(list(updates.obsolete(does("cost", caught_up, target)))) == 1


ACTION = """\
  - target: $..enum[?@ == '%s']
    description: Nobody sends it.
    remove: true
"""


@pytest.mark.slow("generates two clients, and tries one")
def test_an_action_that_was_corrected_since_is_no_obstacle(drift):
    """A value was renamed, and the action with it: the past is read under what fitted it then."""
    project, file = Project(drift.project.root), "overlays/spec.overlay.yaml"
    plain = drift.project.read(file)
    drift.project.write(file, plain + ACTION % "FakeProvider")
    pinned = Version(PINNED, project.spec.read_bytes())
    for path, content in versions.archive_files(project, pinned).items():
        path.write_bytes(content)
    drift.project.set_spec(drift.text.replace("FakeProvider", "Pretender"))
    lock = drift.project.read("openapi.lock.json").replace(PINNED, "2026-12-01")
    drift.project.write("openapi.lock.json", lock)
    drift.project.write(file, plain + ACTION % "Pretender")
    status, out, err = drift("--against", PINNED)
    assert (status, err) == (0, ""), out
    assert f"{PINNED} → openapi.yaml (2026-12-01)" in out
