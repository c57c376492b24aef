"""The backtest: the client of one version decodes another, and faults are found."""

import json
import shutil

import pytest
from backtesting import bodies, clients, execution, workers
from backtesting.execution import BacktestOptions
from common.effects import Effect
from common.project import Project
from common.tool_errors import ToolError
from common.versions import Version

from .conftest import FROZEN, PINNED, ROOT

OURS = Project(ROOT)
SURFACED, BROKEN = Effect.SURFACED, Effect.BROKEN
PROVIDER = ("200", "/data/provider_responses/*/provider_name")
STATUS = ("200", "/data/provider_responses/*/status")


def test_no_client_has_a_fault_whatever_version_the_server_follows():
    """All pairs of versions, in both directions; a client sees no drift in its own version."""
    versions_ = {name: FROZEN[name] for name in (PINNED, "2026-05-30", "2026-06-08", LATEST)}
    every = list(versions_.values())
    results = execution.run(OURS, every, every, BacktestOptions()).results
    assert results.keys() == {(old, new) for old in versions_ for new in versions_}
    for (old, new), result in results.items():
        assert (result.crashes, result.wrong_values, result.losses) == ([], [], []), (old, new)
        assert result.uncovered == []
        assert result.bodies > 300
        if old == new:
            assert result.places == {}
            assert result.drift == {}
    assert results["2026-05-13", "2026-06-23"].effects == {
        PROVIDER: SURFACED,
        ("200", "/data/api_type"): SURFACED,
        ("200", "/data/preset_id"): SURFACED,
        ("200", "/data/data_region"): SURFACED,
    }
    assert results["2026-06-23", "2026-05-13"].effects == {
        STATUS: BROKEN,
        ("200", "/data/preset_id"): SURFACED,
        ("200", "/data/data_region"): BROKEN,
    }
    assert results["2026-05-30", "2026-06-08"].effects == {}


def observe(project, old, new, **options):
    """Return how the client of `old` decodes everything that `new` allows a server to send."""
    report = execution.run(project, [old], [new], BacktestOptions(**options))
    return report.results[old.name, new.name]


def described(schema, **responses):
    """Return a document whose only operation has a 200 response with a schema."""
    content = {"application/json": {"schema": schema}}
    answers = {"200": {"description": "it", "content": content}}
    answers |= {
        status: {"description": "it", "content": {"application/json": {"schema": part}}}
        for status, part in responses.items()
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Made up", "version": "1"},
        "paths": {"/x": {"get": {"operationId": "get-x", "tags": ["x"], "responses": answers}}},
    }


def version(name, document):
    """Return a version of a document."""
    return Version(name, json.dumps(document).encode())


def holding(schema, *, required=True):
    """Return the schema of an object with one property."""
    named = {"type": "object", "properties": {"p": schema, "q": {"type": "string"}}}
    return {**named, "required": ["p", "q"] if required else ["q"]}


TEXT, WHOLE, NUMBER = {"type": "string"}, {"type": "integer"}, {"type": "number"}
NULLABLE = {"type": ["string", "null"]}
AB, ABC = {"type": "string", "enum": ["a", "b"]}, {"type": "string", "enum": ["a", "b", "c"]}
THING = {"type": "object", "properties": {"n": WHOLE}, "required": ["n"]}
LIST = {"type": "array", "items": THING}
P = ("200", "/p")


def mapped(schema):
    """Return the schema of a free-form object."""
    return {"type": "object", "additionalProperties": schema}


PAIRS = {
    "an enum value added": (holding(AB), holding(ABC), {P: SURFACED}),
    "an enum value removed": (holding(ABC), holding(AB), {}),
    "nullability gained": (holding(TEXT), holding(NULLABLE), {P: BROKEN}),
    "nullability lost": (holding(NULLABLE), holding(TEXT), {}),
    "required gained": (holding(TEXT, required=False), holding(TEXT), {}),
    "required lost": (holding(TEXT), holding(TEXT, required=False), {P: BROKEN}),
    "required lost, nullable": (
        holding(NULLABLE),
        holding(NULLABLE, required=False),
        {P: SURFACED},
    ),
    "number to integer": (holding(NUMBER), holding(WHOLE), {}),
    "integer to number": (holding(WHOLE), holding(NUMBER), {P: BROKEN}),
    "string to integer": (holding(TEXT), holding(WHOLE), {P: BROKEN}),
    "integer to string": (holding(WHOLE), holding(TEXT), {P: BROKEN}),
    "string to enum": (holding(TEXT), holding(AB), {}),
    "enum to string": (holding(AB), holding(TEXT), {P: SURFACED}),
    "object to array": (holding(THING), holding(LIST), {P: BROKEN}),
    "the body to an array": (THING, LIST, {("200", ""): BROKEN}),
    "an alternative added": (
        holding({"oneOf": [TEXT, {"type": "null"}]}),
        holding({"oneOf": [TEXT, WHOLE, {"type": "null"}]}),
        {P: BROKEN},
    ),
    "an alternative removed": (holding({"oneOf": [TEXT, WHOLE]}), holding({"oneOf": [WHOLE]}), {}),
    "a property added": (
        {"type": "object", "properties": {"q": TEXT}},
        holding(TEXT),
        {P: SURFACED},
    ),
    "a property removed": (
        holding(TEXT),
        {"type": "object", "properties": {"q": TEXT}, "required": ["q"]},
        {P: BROKEN},
    ),
    "a type in an array": (
        LIST,
        {"type": "array", "items": {"type": "object", "properties": {"n": TEXT}}},
        {("200", "/*/n"): BROKEN},
    ),
    "an enum value in a map": (
        holding(mapped(AB)),
        holding(mapped(ABC)),
        {("200", "/p/*"): SURFACED},
    ),
    "a type in a map": (holding(mapped(TEXT)), holding(mapped(WHOLE)), {("200", "/p/*"): BROKEN}),
    "a date to a string": (
        holding({"type": "string", "format": "date-time"}),
        holding(TEXT),
        {P: BROKEN},
    ),
}


@pytest.mark.parametrize(("old", "new", "expected"), PAIRS.values(), ids=PAIRS)
def test_a_schema_change_has_the_expected_effect(foreign, old, new, expected):
    """Absorbed, surfaced or broken: at its place, and nowhere else."""
    result = observe(foreign, version("old", described(old)), version("new", described(new)))
    assert result.is_clean, (result.crashes, result.wrong_values, result.losses)
    assert result.effects == expected
    assert result.uncovered == []
    assert {deviation.place for deviation in result.drift} == {place for _, place in expected} - {
        ""
    }


STATUSES = {
    "an error added": ({}, {"503": THING}, {("503", ""): SURFACED}),
    "a success added": ({}, {"202": THING}, {("202", ""): BROKEN}),
    "a range added": ({}, {"5XX": THING}, {("5XX", ""): SURFACED}),
    "a status of a range": ({"5XX": THING}, {"503": THING}, {}),
    "a status removed": ({"503": THING}, {}, {}),
    "a status of another type": ({"503": THING}, {"503": LIST}, {("503", ""): BROKEN}),
}


@pytest.mark.parametrize(("old", "new", "expected"), STATUSES.values(), ids=STATUSES)
def test_a_status_change_has_the_expected_effect(foreign, old, new, expected):
    """An undocumented error status is an error; an undocumented success is not a success."""
    old_version, new_version = (
        version(name, described(TEXT, **r)) for name, r in (("old", old), ("new", new))
    )
    result = observe(foreign, old_version, new_version)
    assert result.is_clean
    assert result.effects == expected


def test_operations_are_known_by_id_and_else_by_method_and_path(foreign):
    """An operation that the client does not have is reported as not covered."""
    one, moved, renamed, gone = (described(holding(AB)) for _ in range(4))
    moved["paths"] = {"//y": moved["paths"]["/x"]}
    renamed["paths"]["/x"]["get"]["operationId"] = "fetch-x"
    gone["paths"] = {"/y": renamed["paths"]["/x"]}
    bodies_by_version = {
        name: bodies.generate(spec)
        for name, spec in (("moved", moved), ("renamed", renamed), ("gone", gone))
    }
    with clients.generated(foreign, [version("one", one)]) as generated:
        found = execution.decoded(generated["one"], bodies_by_version)
    assert all(result.is_clean and not result.places for result in found.values())
    assert found["moved"].uncovered == found["renamed"].uncovered == []
    assert found["gone"].uncovered == ["fetch-x: the client of one has no such operation"]


def test_the_same_seed_gives_the_same_result(foreign):
    """A seed decides everything."""
    old, new = version("old", described(holding(AB))), version("new", described(holding(ABC)))
    first, second = (observe(foreign, old, new, seed=7) for _ in range(2))
    assert first == second
    assert first.places


def test_a_hostile_version_ends_in_a_result(foreign):
    """Recursive and with a huge enum: decoded by a client that expects neither."""
    node = described({"$ref": "#/components/schemas/Node"})
    enum = {"type": "string", "enum": [f"v{number}" for number in range(100_000)]}
    kids = {"type": "array", "items": {"$ref": "#/components/schemas/Node"}}
    node["components"] = {
        "schemas": {"Node": {"type": "object", "properties": {"p": enum, "kids": kids}}}
    }
    bodies_by_version = {"hostile": bodies.generate(node)}
    with clients.generated(foreign, [version("old", described(holding(AB)))]) as generated:
        result = execution.decoded(generated["old"], bodies_by_version)["hostile"]
    assert result.is_clean
    assert result.effects == {
        P: BROKEN,  # left out
        ("200", "/q"): BROKEN,
        ("200", "/kids"): SURFACED,
    }
    assert any("only 1000 of its 100000 values" in line for line in result.uncovered)


def test_a_version_without_a_client_is_rejected(foreign):
    """The error names the version and the reason."""
    broken = version("2027-01-01", {"openapi": "3.1.0", "info": {"title": "x", "version": "1"}})
    with pytest.raises(ToolError, match="client of 2027-01-01 cannot be generated: "):
        observe(foreign, broken, version("new", described(TEXT)))


LATEST = "2026-06-23"
OPERATION = "modelgates_api/api/generations/get_generation.py"
WRAPPED = """
class Wrapped(_operation.Operation):
    def decode(self, status_code, content):
        import os, sys, time
        record = super().decode(status_code, content)
        if status_code == 200:
            {}
        return record

OPERATION = Wrapped(
    OPERATION.id, OPERATION.method, OPERATION.path, OPERATION.responses, OPERATION.parameters
)
"""


def wrapped(statement):
    """Return a fault that happens after decoding a record."""
    return OPERATION, "", WRAPPED.format(statement)


FAULTS = {
    "a lost key": (
        "modelgates_runtime/model.py",
        "in self._items_to_send()}",
        "in self._items_to_send() if key != 'model'}",
        "losses",
    ),
    "a lost null": (
        "modelgates_runtime/model.py",
        "in self._items_to_send()}",
        "in self._items_to_send() if value is not None}",
        "losses",
    ),
    "true for 1": (*wrapped("record.data.app_id = True"), "wrong_values"),
    "a string for an integer": (
        *wrapped("record.data.app_id = str(record.data.app_id)"),
        "wrong_values",
    ),
    "an integer for a number": (*wrapped("record.data.latency = 1"), "wrong_values"),
    "not a number": (*wrapped("record.data.latency = float('nan')"), "wrong_values"),
    "another number": (*wrapped("record.data.usage += 0.5"), "wrong_values"),
    "another text": (*wrapped("record.data.model = record.data.model.strip()"), "wrong_values"),
    "0 for unknown": (*wrapped("record.data.app_id = record.data.app_id or 0"), "wrong_values"),
    "none for a record": (*wrapped("record = None"), "wrong_values"),
    "a plain enum": (*wrapped("record.data.api_type = 'completions'"), "wrong_values"),
    "a lost attempt": (*wrapped("record.data.provider_responses = []"), "wrong_values"),
    "a raw attempt": (*wrapped("record.data.provider_responses = [{}]"), "wrong_values"),
    "hidden drift": (
        "modelgates_runtime/model.py",
        "yield mismatch(position, field.decoder.expected, MISSING)",
        "pass",
        None,
    ),
    "hidden extras": (
        "modelgates_runtime/model.py",
        "yield undeclared(position, value)",
        "pass",
        "wrong_values",
    ),
    "hidden values": (
        "modelgates_runtime/enums.py",
        "if not self.is_known:",
        "if False:",
        "wrong_values",
    ),
    "an unreadable value": (*wrapped("del record.data.model"), "losses"),
    "an exception": (*wrapped("raise KeyError('model')"), "crashes"),
    "an exit": (*wrapped("sys.exit(3)"), "crashes"),
    "an end": (*wrapped("os._exit(3)"), "crashes"),
    "a hang": (*wrapped("time.sleep(3600)"), "crashes"),
    "a repr that raises": (
        "modelgates_runtime/model.py",
        "parts: list[str] = []",
        "raise ValueError",
        "crashes",
    ),
    "a to_dict that raises": (
        "modelgates_runtime/model.py",
        "return {key: encode(value)",
        "raise TypeError; return {key: encode(value)",
        "crashes",
    ),
    "a pickle that loses": (
        "modelgates_runtime/model.py",
        "(self.to_dict(), pointer)",
        "({}, pointer)",
        "losses",
    ),
    "no package": ("modelgates_api/errors.py", "", "raise RuntimeError('no')", "crashes"),
    "noise on standard output": (*wrapped("print('{}'); os.write(1, b'[')"), None),
    "nothing": (OPERATION, "", "", None),
}


@pytest.fixture(scope="module")
def latest():
    """The bodies of the latest version, and the client of the one before the last fields came."""
    with clients.generated(OURS, [FROZEN["2026-05-24"]]) as generated:
        yield generated["2026-05-24"], bodies.generate(FROZEN[LATEST].document, combinations=1)


@pytest.mark.parametrize(("file", "old", "new", "kind"), FAULTS.values(), ids=FAULTS)
def test_a_faulty_client_is_detected(  # noqa: PLR0913, PLR0917 - a fault has four parts
    latest, tmp_path, file, old, new, kind
):
    """Each fault is reported as a crash, wrong value or loss; a sound client has none."""
    client, bodies_by_version = latest
    directory = tmp_path / "client"
    shutil.copytree(client.directory, directory)
    shutil.copytree(OURS.runtime, directory / OURS.runtime.name)
    target = directory / file
    text = target.read_text(encoding="utf-8")
    assert old in text
    text = text.replace(old, new) if old else text + new
    target.write_text(text, encoding="utf-8")
    faulty = clients.GeneratedClient("faulty", directory, directory, client.modules)
    patience_s = 3 if "sleep" in new else workers.PATIENCE_S  # a slow machine is no fault
    result = execution.decoded(faulty, {LATEST: bodies_by_version}, patience_s=patience_s)[LATEST]
    assert result.bodies == len(bodies_by_version.bodies)
    if kind is None:
        assert result.is_clean
    else:
        assert getattr(result, kind), (
            result.crashes[:3],
            result.wrong_values[:3],
            result.losses[:3],
        )
        assert getattr(result, kind)[0].startswith("body ")
        assert not result.is_clean


def test_a_worker_that_dies_costs_one_body_only(latest, tmp_path):
    """A new worker decodes the rest; the fatal body is reported with the last error line."""
    client, bodies_by_version = latest
    shutil.copytree(client.directory, tmp_path / "client")
    target = tmp_path / "client" / OPERATION
    message = "sys.stderr.write('no \\x1b[31m memory'), sys.stderr.flush(), os._exit(3)"
    fatal = f"if record.data.cancelled is False: {message}"
    target.write_text(target.read_text(encoding="utf-8") + WRAPPED.format(fatal), encoding="utf-8")
    killing = [
        b.number
        for b in bodies_by_version.bodies
        if b.status == "200" and b.value["data"]["cancelled"] is False
    ]
    assert 1 <= len(killing) < 3
    result = execution.decoded(
        clients.GeneratedClient("faulty", tmp_path / "client", client.runtime, client.modules),
        {LATEST: bodies_by_version},
    )[LATEST]
    assert len(result.crashes) == len(killing)
    for number, line in zip(killing, result.crashes, strict=True):
        assert line == f"body {number}, get-generation 200: the worker no ?[31m memory"
    assert result.effects[PROVIDER] is SURFACED


def test_drift_in_a_clients_own_version_is_a_wrong_value(latest):
    """Whatever its spec allows is no deviation."""
    client, bodies_by_version = latest
    result = execution.decoded(client, {LATEST: bodies_by_version}, own=[LATEST])[LATEST]
    assert len(result.wrong_values) == len(result.places) > 0
    assert "though the client's own spec allows it" in result.wrong_values[0]


def test_a_worker_inherits_no_secret(latest, tmp_path, monkeypatch):
    """The generated code runs without the environment of the maintainer."""
    monkeypatch.setenv("MODELGATES_API_KEY", "sk-mg-secret")
    client, bodies_by_version = latest
    shutil.copytree(client.directory, tmp_path / "client")
    target = tmp_path / "client" / OPERATION
    asking = WRAPPED.format("raise KeyError('MODELGATES_API_KEY' in os.environ)")
    target.write_text(target.read_text(encoding="utf-8") + asking, encoding="utf-8")
    faulty = clients.GeneratedClient("faulty", tmp_path / "client", client.runtime, client.modules)
    result = execution.decoded(faulty, {LATEST: bodies_by_version})[LATEST]
    assert result.crashes
    assert all(line.endswith("KeyError: False") for line in result.crashes)
