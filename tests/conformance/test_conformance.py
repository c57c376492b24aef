"""Checking responses against the spec: every deviation is found, and no private data is shown."""

import json

import pytest
from hypothesis import given, settings, strategies as st

from modelgates_api.api.generations.get_generation import OPERATION
from modelgates_api.models import ErrorResponse
from modelgates_client.conformance.checking import (
    check,
    effect,
    found_text,
    redacted_pointer,
    repeated_names,
    shape,
)
from modelgates_client.conformance.recorded import check_line
from modelgates_client.conformance.tally import Place, Tally
from modelgates_runtime import decoders
from modelgates_runtime.errors import FieldError
from modelgates_runtime.operation import Content

from ..contract.strategies import (
    ANYTHING,
    SCHEMAS,
    as_json,
    deviations,
    mutated,
)
from ..recorded_gaps import MISSING_FIELDS

DOCUMENTED = pytest.mark.parametrize("status", SCHEMAS)


def kinds_by_pointer(checked):
    """Return the kind of each deviation by its pointer."""
    return {entry.pointer: entry.kind for entry in checked.deviations}


def levels_by_pointer(checked):
    """Return the level of each deviation by its pointer."""
    return {entry.pointer: effect(entry, checked.body).level for entry in checked.deviations}


@DOCUMENTED
@given(data=st.data())
@settings(max_examples=60)
def test_the_deviations_are_those_of_the_operation_and_the_spec(status, data):
    """From parsed JSON and from its bytes, with their levels.

    The expected level comes from the kind and from the spec's nullability, which the implementation
    does not use.
    """
    content = as_json(data.draw(mutated(SCHEMAS[status])))
    body = json.loads(content)
    is_object = isinstance(body, dict)
    expected = deviations(SCHEMAS[status], body) if is_object else {"": "unreadable_body"}
    if is_object:
        drift = OPERATION.decode(status, content).drift
        assert expected == {entry.pointer: entry.kind for entry in drift}

    checked = check(status, body)
    entries = list(checked.deviations)
    assert {entry.pointer: entry.kind for entry in entries} == expected
    assert kinds_by_pointer(check(status, content)) == expected
    for entry in entries:
        nullable = entry.expected.endswith(" or null")
        assert effect(entry, checked.body).level == {
            "missing": "warning" if nullable else "breaking",
            "null": "breaking",
            "type": "breaking",
            "undeclared": "info",
            "unknown_value": "warning",
            "unreadable_body": "breaking",
        }.get(entry.kind)


def test_levels_agree_with_the_attributes_of_the_record(recorded):
    """A breaking deviation raises `FieldError`; a warning reads as None."""
    data = recorded["data"]
    del data["model"], data["provider_name"]
    data["total_cost"] = "free"
    data["provider_responses"][0]["latency"] = None
    data["provider_responses"].append("none")

    checked = check(200, recorded)
    record = checked.body.data

    expected = {
        **MISSING_FIELDS,
        "/data/model": "breaking",
        "/data/provider_name": "warning",
        "/data/provider_responses/0/latency": "breaking",
        "/data/provider_responses/1": "breaking",
        "/data/total_cost": "breaking",
    }
    assert levels_by_pointer(checked) == expected
    for pointer, level in expected.items():
        path = pointer.removeprefix("/data/").split("/")
        if level == "warning":
            assert getattr(record, path[0]) is None
        else:
            with pytest.raises(FieldError):
                read(record, path)


def read(value, path):
    """Return what is at a path of attributes and indices."""
    for part in path:
        value = value[int(part)] if part.isdigit() else getattr(value, part)
    return value


#: An operation with bodies of several kinds.
OTHER = OPERATION._replace(
    id="other",
    responses={
        "200": Content(decoders.Array(decoders.Object(ErrorResponse))),
        "201": Content(decoders.OneOf([decoders.STRING, decoders.Object(ErrorResponse)])),
        "202": Content(decoders.STRING, "text/plain"),
        "203": Content(decoders.FILE, "application/octet-stream"),
        "204": Content(),
        "205": Content(decoders.DATE, "text/plain"),
        "206": Content(decoders.ANYTHING),
        "default": Content(decoders.Array(decoders.STRING)),
    },
)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, b"[]", {}),
        (200, [{"error": {"code": 1, "message": "m"}}], {}),
        (200, [{"error": {"code": "x", "message": "m"}}], {"/0/error/code": "breaking"}),
        (200, [{"error": {"code": 1, "message": "m"}}, 7], {"/1": "breaking"}),
        (200, {}, {"": "breaking"}),
        (200, b"<html>", {"": "breaking"}),
        (200, "[" * 300, {"": "breaking"}),
        (201, "text", {}),
        (201, {"error": {"code": 1, "message": "m"}, "more": 1}, {"/more": "info"}),
        (201, [], {"": "breaking"}),
        (202, b"any text \xff", {}),
        (202, "any text", {}),
        (202, {"no": "text"}, {"": "breaking"}),
        (203, b"\x00\xff", {}),
        (203, b"", {}),
        (204, b"", {}),
        (204, None, {}),
        (205, b"2026-11-30", {}),
        (205, b"yesterday", {"": "breaking"}),
        (205, b"", {"": "breaking"}),
        (206, b'{"a": 1, "a": 2}', {"": "warning"}),
        (404, ["gone"], {}),
        (404, [7], {"/0": "breaking"}),
        (None, ["gone"], {}),
        (None, {}, {"": "breaking"}),
    ],
)
def test_responses_of_any_operation_can_be_checked(status, body, expected):
    """With any bodies: arrays, alternatives, texts, octets, or none."""
    assert levels_by_pointer(check(status, body, OTHER)) == expected


def test_undocumented_statuses_of_an_operation_are_reported():
    """Its own statuses count, not those of other operations."""
    bare = OTHER._replace(responses={"200": OTHER.responses["200"]})
    for status in (404, None):
        (entry,) = check(status, {}, bare).deviations
        assert (entry.kind, entry.expected) == ("undocumented_status", "one of 200")


def test_a_recorded_exchange_may_name_its_operation():
    """It names the id in the spec; an unknown id makes the line invalid."""
    body = {"data": {"api_type": "telepathy"}}
    for named in ({}, {"operation": OPERATION.id}):
        checked = check_line(as_json({"status": 200, "body": body, **named}))
        assert kinds_by_pointer(checked) == kinds_by_pointer(check(200, body))
    for name in ("none", None, 7, ["x"], {}):
        (entry,) = check_line(as_json({"status": 200, "body": body, "operation": name})).deviations
        assert entry.kind == "unreadable_line"
        assert entry.found == "an exchange of an operation that the spec does not have"


@pytest.mark.parametrize("body", [{"error": {}}, b"<html>", None, [], b""])
def test_an_undocumented_status_is_the_only_finding(body):
    """The spec does not describe its body, so the body cannot deviate."""
    (entry,) = check(418, body).deviations

    assert (entry.kind, entry.found) == ("undocumented_status", "418")
    assert entry.expected == f"one of {', '.join(sorted(OPERATION.responses))}"
    assert effect(entry, None).level == "warning"


@pytest.mark.parametrize(
    ("body", "came"),
    [
        (b"<html>secret</html>", "invalid JSON"),
        (b"\xff\xfe", "invalid JSON"),
        (b"", "nothing"),
        (b"NaN", "invalid JSON"),
        (b"[" * 100_000, "invalid JSON"),
        (b'["secret"]', "array"),
        (None, "null"),
        ("secret", "string"),
        ({"data": {"x": json.loads("[" * 200 + "]" * 200)}}, "an object that is nested too deeply"),
    ],
)
def test_an_unreadable_body_is_breaking(body, came):
    """The finding names its kind, without text of the body."""
    (entry,) = check(200, body).deviations

    assert (entry.kind, entry.pointer, entry.found) == ("unreadable_body", "", came)
    assert entry.expected == "object (GenerationResponse)"
    assert effect(entry, None).level == "breaking"


def test_an_error_without_a_status_is_checked_against_the_error_schema():
    """The schema is the same for every status."""
    checked = check(None, {"error": {"code": "x", "message": "m"}, "more": 1})

    assert levels_by_pointer(checked) == {"/error/code": "breaking", "/more": "info"}


@pytest.mark.parametrize(
    ("pointer", "undeclared", "expected"),
    [
        ("", False, ""),
        ("/data/provider_responses/17/status", False, "/data/provider_responses/*/status"),
        ("/data/new_field", True, "/data/new_field"),
        ("/data/a@example.com", True, "/data/?"),
        ("/data/" + "x" * 41, True, "/data/?"),
        ("/data/12", True, "/data/?"),
        ("/data/tokens_1h_2026", True, "/data/?"),
        ("/data/price_per_1000", True, "/data/price_per_1000"),
        ("/data/", True, "/data/?"),
        ("/data/a~1b~0c", True, "/data/?"),
        ("/data/sk-mg-secret", True, "/data/?"),
        ("/data/id\n", True, "/data/?"),
        ("/error/metadata/alice/0", False, "/error/metadata/?/*"),
        ("/error/metadata/model", False, "/error/metadata/model"),
    ],
)
def test_a_pointer_shows_only_names_of_fields(pointer, undeclared, expected):
    """Not indices, keys of maps, or new names that do not look like field names."""
    assert redacted_pointer(pointer, is_undeclared=undeclared) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("NewProvider", "'NewProvider'"),
        ("01.AI", "'01.AI'"),
        ("SF Compute", "'SF Compute'"),
        ("a@example.com", "string (len 13)"),
        ("x" * 33, "string (len 33)"),
        ("Bearer sk-mg-secret", "string (len 19)"),
        ("a|b", "string (len 3)"),
        ("\u202eevil", "string (len 5)"),
        ("acct 0049 17", "string (len 12)"),
        ("two\nlines", "string (len 9)"),
        ("", "string (len 0)"),
    ],
)
def test_an_unknown_enum_value_is_shown_if_it_is_a_word(value, expected):
    """The maintainer needs it; other texts are not shown."""
    (entry,) = [e for e in check(200, {"data": {"api_type": value}}).deviations if e.value == value]

    assert entry.kind == "unknown_value"
    assert found_text(entry) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "null"),
        (True, "boolean"),
        (12, "integer"),
        (0.5, "number"),
        ("private", "string (len 7)"),
        ([], "array (len 0)"),
        ([1, "x", 2], "array (len 3) of integer or string"),
        ([{"a": 1}, {"b": 2}], "array (len 2) of {a: integer}"),
        ({}, "{}"),
        ({"code": 1, "message": "m"}, "{code: integer, message: string (len 1)}"),
        ({"a@b.c": 1}, "{1 names}"),
        ({"alice": 1, "x y": 2}, "{2 names}"),
        ({"a": {"b": {"c": 1}}}, "{a: {b: {1 names}}}"),
        ({f"k{n}": 0 for n in range(101)}, "{101 names}"),
        ({"user_2NNEqL2nrIRdJ194": 1, "alice": 1}, "{2 names}"),
        (
            {f"k{n}": 0 for n in range(10)},
            "{" + "".join(f"k{n}: integer, " for n in range(8)) + "2 more}",
        ),
    ],
)
def test_a_shape_has_types_lengths_and_names(value, expected):
    """Bounded in depth and number."""
    assert shape(value) == expected


@given(ANYTHING)
def test_the_shape_of_any_value_is_short_and_one_line(value):
    """Whatever the server sends."""
    assert len(shape(value)) <= 200
    assert shape(value).isprintable()


@pytest.mark.parametrize("name", [b"id", b"\\u0069d"])
def test_a_duplicate_key_is_found(name):
    """Parsers differ in which value they use; the client uses the last one."""
    body = b'{"data": {"id": "gen-1", "' + name + b'": "gen-2"}}'
    for checked in (
        check(200, body),
        check_line(body),
        check_line(b'{"status": 200, "body": ' + body + b"}"),
    ):
        (twice,) = [entry for entry in checked.deviations if entry.kind == "repeated_name"]
        assert effect(twice, checked.body).level == "warning"
        assert (twice.expected, found_text(twice)) == ("each name once", "id repeated")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["usage", "a", "usage", "a", "a", "b"], "a, usage repeated"),
        (["\x1b[2J", "\x1b[2J", "a@b.example", "a@b.example", "x", "x"], "?, x repeated"),
        ([*"abcdefghij"] * 2, "a, b, c, d, e, f, g, h, ... repeated"),
        (["x" * 41] * 2, "? repeated"),
    ],
)
def test_duplicate_keys_are_named(names, expected):
    """As far as they look like names of fields, and not more than eight."""
    members = ", ".join(f"{json.dumps(name)}: 1" for name in names)
    (fault,) = repeated_names(f'{{"data": {{{members}}}}}'.encode())
    assert fault.found == expected


def test_only_some_sets_of_duplicate_keys_are_listed():
    """A server that repeats other names in each response cannot fill the report."""
    tally = Tally()
    for number in range(30):
        name = f"name_{'x' * number}"
        body = f'{{"data": {{"id": "gen-1", "{name}": 1, "{name}": 2}}}}'
        tally.add(Place("-", number), check(200, body.encode()))
    found = [each.found for each in tally.report().findings if each.kind == "repeated_name"]
    assert len(found) == 21
    assert "other names repeated" in found
