"""`nox -s drift` and recorded responses: they contradict a document that forbids what was sent."""

import json
from functools import partial

import pytest
from backtesting import clients, records
from common import documents
from common.project import Project
from common.versions import Version
from ruamel.yaml import YAML
from specdiff import evidence, specs

from .conftest import FROZEN, RECORD as SENT, ROOT

RECORD = "GenerationResponseData"
AT = f"#/components/schemas/{RECORD}/properties"
API_TYPE = {"$ref": "#/components/schemas/GenerationResponseDataApiType"}
STRING = {"type": "string"}

#: Schemas that deny what the record has, and what it has.
LIES = {
    "cache_discount": ({"type": "number"}, "null"),
    "external_user": ({"type": "string", "enum": ["one"]}, "null"),
    "finish_reason": (STRING, "null"),
    "latency": (API_TYPE, "integer"),
    "moderation_latency": ({"type": ["string", "integer"]}, "null"),
    "router": (API_TYPE, "null"),
    "total_cost": ({"type": "integer"}, "number"),
}


def spec(project, fields, optional=()):
    """Return the project's spec with other schemas for fields of the record."""
    document = documents.load(project.root / "openapi.yaml")
    schema = document["components"]["schemas"][RECORD]
    schema["properties"].update(fields)
    schema["required"] = [key for key in schema["required"] if key not in optional]
    return Version("new", json.dumps(document).encode())


@pytest.fixture
def weigh(project, tmp_path_factory):
    """Check recorded responses against a spec with some changed fields."""

    def run(fields, old=None, folders=()):
        here, scratch = Project(project.root), tmp_path_factory.mktemp("clients")
        before, new = old or spec(project, {}), spec(project, fields)
        return evidence.check(
            here,
            before,
            new,
            client=clients.generate(here, new, scratch / "new"),
            changes=specs.compare(before.document, new.document),
            files=records.files(here, folders),
            directory=scratch / "tried",
        )

    return run


def test_a_response_contradicts_a_document_that_forbids_its_values(weigh, project):
    """It is reported by place and count; with the suggested actions applied, none remains."""
    fields = {name: schema for name, (schema, _) in LIES.items()}
    result = weigh(fields)
    assert (result.answers, result.faults) == (1, ())
    findings = {finding.pointer: finding for finding in result.findings}
    assert list(findings) == [f"{AT}/{name}" for name in LIES]
    for name, (_, sent) in LIES.items():
        finding = findings[f"{AT}/{name}"]
        assert finding.rule == ("answer-null" if sent == "null" else "answer-type")
        message = (
            f"get-generation 200 /data/{name} has {sent} in 1 of 1 recorded response(s); the new"
        )
        assert finding.text.startswith(message)
        assert finding.fails
        assert finding.actions
    overlay = documents.load(project.root / "overlays" / "spec.overlay.yaml")
    overlay["actions"] += [action for finding in result.findings for action in finding.actions]
    project.write("overlays/spec.overlay.yaml", json.dumps(overlay))
    assert weigh(fields).findings == ()


def test_a_missing_field_contradicts_only_a_newly_required_one(weigh, project):
    """A response may be older than a field, but not older than an optional one."""
    field = {"num_fetches": {"type": "integer"}}  # the record lacks it
    assert weigh({**field, "made_up": STRING}).findings == ()
    (result,) = weigh(field, old=spec(project, field, ["num_fetches"])).findings
    assert (result.rule, result.pointer) == ("answer-missing", f"{AT}/num_fetches")
    assert [set(action) for action in result.actions] == [{"target", "description", "remove"}]


def test_an_extra_folder_adds_recorded_responses(weigh, tmp_path_factory):
    """Bodies, or lines of bodies, of the operation that the folder is named after; each counts."""
    folder = tmp_path_factory.mktemp("mine")
    (folder / "get-generation").mkdir()
    sent = json.loads((ROOT / SENT).read_bytes())
    other = {"data": {**sent["data"], "finish_reason": "stop"}}
    lines = [json.dumps(finding) for finding in (sent, other, sent)]
    (folder / "seen.jsonl").write_text("\n".join(lines) + "\n\n")
    (folder / "get-generation" / "one.json").write_text(lines[0])
    result = weigh({"finish_reason": STRING}, folders=[folder])
    assert "has null in 4 of 5 recorded response(s)" in result.findings[0].text


def test_an_undeclared_field_is_reported_with_actions_that_declare_it(
    weigh, project, tmp_path_factory
):
    """It is no contradiction; with the actions, values of each kind are read at any depth."""
    folder = tmp_path_factory.mktemp("mine")
    sent = json.loads((ROOT / SENT).read_bytes())
    response = {**sent["data"]["provider_responses"][0], "x/y": {"a": [1]}}
    more = {"tier": "gold", "it's": None, "provider_responses": [response]}
    (folder / "seen.json").write_text(json.dumps({"data": {**sent["data"], **more}, "at": 1}))
    result = weigh({}, folders=[folder])
    assert [
        (finding.rule, finding.fails, finding.text.partition(" in ")[0])
        for finding in result.findings
    ] == [
        ("answer-undeclared", False, f"get-generation 200 {message}")
        for message in (
            "/at has integer",
            "/data/it's has null",
            "/data/provider_responses/*/x~1y has object",
            "/data/tier has string",
        )
    ]
    overlay = documents.load(project.root / "overlays" / "spec.overlay.yaml")
    overlay["actions"] += [action for finding in result.findings for action in finding.actions]
    project.write("overlays/spec.overlay.yaml", json.dumps(overlay))
    assert weigh({}, folders=[folder]).findings == ()


def test_an_unknown_enum_value_is_reported_with_actions_that_list_it(
    weigh, project, tmp_path_factory
):
    """Wherever the enum is, however it is written; one whose text is cut has no action."""
    folder = tmp_path_factory.mktemp("mine")
    sent = json.loads((ROOT / SENT).read_bytes())
    named = {"type": "integer", "enum": [1, 2], "x-enum-varnames": ["ONE", "TWO"]}
    fields = {
        "tier": {"type": ["string", "null"], "enum": ["free", None]},
        "level": named,
        "mode": {"oneOf": [{"const": "slow"}, {"const": "fast"}]},
        "labels": {"type": "array", "items": {"type": "string", "enum": ["a"]}},
        "long": {"type": "string", "enum": ["x"]},
    }
    more = {"tier": "gold", "level": 3, "mode": "it's", "labels": ["a", "b"], "long": "y" * 70}
    values = {"api_type": "telepathy", **more}
    (folder / "seen.json").write_text(json.dumps({"data": {**sent["data"], **values}}))
    result = weigh(fields, folders=[folder])
    texts = ("'telepathy'", "'b'", "3", f"'{'y' * 59}…", '"it\'s"', "'gold'")
    places = ("api_type", "labels/*", "level", "long", "mode", "tier")
    assert [
        (finding.rule, finding.fails, finding.text.partition(" in ")[0])
        for finding in result.findings
    ] == [
        ("answer-unknown-value", False, f"get-generation 200 /data/{place} has {text}")
        for place, text in zip(places, texts, strict=True)
    ]
    assert [bool(finding.actions) for finding in result.findings] == [
        place != "long" for place in places
    ]
    overlay = documents.load(project.root / "overlays" / "spec.overlay.yaml")
    overlay["actions"] += [action for finding in result.findings for action in finding.actions]
    project.write("overlays/spec.overlay.yaml", json.dumps(overlay))
    [left] = weigh(fields, old=spec(project, fields), folders=[folder]).findings
    assert left.pointer == f"{AT}/long"


@pytest.mark.parametrize(
    ("name", "message"),
    [("empty", "holds no recorded response"), ("bad", "bad/a.json is not JSON")],
)
def test_a_folder_without_responses_is_rejected(weigh, tmp_path, name, message):
    """No folder or file is ignored silently."""
    (tmp_path / name).mkdir()
    if name == "bad":
        (tmp_path / name / "a.json").write_text("{")
    with pytest.raises(Exception, match=message):
        weigh({}, folders=[tmp_path / name])


@pytest.mark.slow("runs the whole command, five times")
def test_contradicting_responses_fail_until_fixed_or_accepted(drift):
    """The report shows the count, and the actions as overlay YAML."""
    run = partial(drift, "--format")
    drift.project.write("new.json", spec(drift.project, {"router": STRING}).content.decode())
    new = drift.project.root / "new.json"
    status, out, _ = run("text", new)
    assert status == 1
    assert "recorded responses contradict the new spec in 1 place(s)" in out
    listed = out.partition("reads the responses (tested):\n")[2].partition("\n\n")[0]
    actions = YAML(typ="safe").load(listed)
    assert [set(action) for action in actions] == [{"target", "description", "update"}]
    overlay = drift.project.read("overlays/spec.overlay.yaml")
    corrected = documents.parse(overlay.encode(), "overlay")
    corrected["actions"] += actions
    number = len(corrected["actions"])
    drift.project.write("overlays/spec.overlay.yaml", json.dumps(corrected))
    status, out, _ = run("text", new)
    assert status == 0
    assert f"restores  overlay action {number}" in out
    status, out, _ = run("text", new, "--no-backtest")
    assert status == 1
    assert f"hidden    overlay action {number}" in out
    drift.project.write("overlays/spec.overlay.yaml", overlay)
    entry = {"rule": "answer-null", "pointer": f"{AT}/router", "reason": "They know."}
    text = json.dumps({"accepted": [entry]})
    drift.project.write("overlays/accepted-differences.yaml", text)
    _, out, _ = run("markdown", new)
    assert "has null in 1 of 1 recorded response" in out
    assert "They know." in out
    assert "contradict the new spec" not in out
    status, _, err = drift(drift.spec())
    assert status == 2
    assert "is stale: there is no such recorded response, or the spec now allows it" in err


@pytest.mark.slow("runs the whole command")
def test_a_document_that_was_published_before_is_judged_with_todays_overlay(drift):
    """It is what would be vendored next; with both names given, it is a matter of the past."""
    overlay = documents.load(drift.project.root / "overlays" / "spec.overlay.yaml")
    target, update = "$.components.schemas.ProviderName", {"enum": ["Added"]}
    overlay["actions"].append({"target": target, "description": "Seen.", "update": update})
    drift.project.write("overlays/spec.overlay.yaml", json.dumps(overlay))
    drift.project.write("next.yaml", FROZEN["2026-05-24"].content.decode())
    status, out, _ = drift("--no-backtest", "--format", "json", drift.project.root / "next.yaml")
    assert (status, [shift["name"] for shift in json.loads(out)["regenerated"]]) == (
        0,
        ["ProviderName.DIGITALOCEAN"],
    )
