"""Bodies made from a document: all that it allows, nothing that it does not, always the same."""

import json
import math

import pytest
from backtesting import bodies
from backtesting.schema_oracle import SchemaOracle
from normalizing.located import child

from .conftest import FROZEN

BODY = "#/paths/~1x/get/responses/200/content/application~1json/schema"


def document(schema, components=None, **responses):
    """Return a document whose only operation has a 200 response with a schema."""
    content = {"application/json": {"schema": schema}}
    return {
        "openapi": "3.1.0",
        "paths": {
            "/x": {
                "get": {"operationId": "x", "responses": {"200": {"content": content}, **responses}}
            }
        },
        "components": {"schemas": components or {}},
    }


def generate(schema, components=None, combinations=0):
    """Return the values of the bodies of a schema, and the places that are not covered."""
    result = bodies.generate(document(schema, components), 0, combinations)
    assert all(json.loads(body.content) == body.value for body in result.bodies)
    return [body.value for body in result.bodies], list(result.uncovered)


def places(value, at=""):
    """Yield every place of a value, as a pattern, with the value there."""
    yield at, value
    for key in value if isinstance(value, dict) else ():
        yield from places(value[key], f"{at}/{key}")
    for item in value if isinstance(value, list) else ():
        yield from places(item, f"{at}/*")


@pytest.mark.parametrize("name", FROZEN)
def test_the_bodies_of_a_version_show_all_that_it_allows(name):
    """Every enum value, every nullable as null, every property absent that may be, at its place."""
    spec = FROZEN[name].document
    result = bodies.generate(spec)
    assert result.uncovered == []
    assert {body.status for body in result.bodies} == {
        "200",
        "401",
        "402",
        "404",
        "429",
        "500",
        "502",
    }
    seen_values = {}
    for body in result.bodies:
        if body.status == "200":
            for at, value in places(body.value):
                seen_values.setdefault(at, []).append(value)
    schemas = spec["components"]["schemas"]
    record = schemas["GenerationResponseData"]
    attempt = schemas["ProviderResponse"]
    for at, schema in (("/data", record), ("/data/provider_responses/*", attempt)):
        assert len(seen_values[at]) > 1
        for key, part in schema["properties"].items():
            values = seen_values[f"{at}/{key}"]
            refs = [choice.get("$ref", "") for choice in (part, *part.get("oneOf", []))]
            enum = next((schemas[ref.split("/")[-1]]["enum"] for ref in refs if ref), [])
            assert {*enum} <= {value for value in values if isinstance(value, str)}
            nullable = "null" in part.get("type", ()) or {"type": "null"} in part.get("oneOf", ())
            assert (None in values) is nullable, key
            absent = [owner for owner in seen_values[at] if owner is not None and key not in owner]
            assert bool(absent) is (key not in schema["required"]), key
            kinds = part.get("type", ())
            if "number" in kinds:
                assert {5e-324, 1.7e308, 1e-9, -1, 2**53 - 1, -(2**53) + 1, 0} <= {*values}
                assert any(math.copysign(1, v) < 0 for v in values if v == 0 and type(v) is float)
            if "integer" in kinds:
                assert any(type(value) is float for value in values)
                assert all(value is None or float(value).is_integer() for value in values)
    assert {len(value or []) for value in seen_values["/data/provider_responses"]} >= {0, 1, 64}


@pytest.mark.parametrize("name", FROZEN)
def test_a_version_allows_its_bodies(name):
    """So says a reading of the schema that has no part in making them."""
    spec = FROZEN[name].document
    pointer = "#/paths/~1generation/get/responses/{}/content/application~1json/schema"
    oracle = SchemaOracle(spec)
    for body in bodies.generate(spec).bodies:
        assert oracle.allows(pointer.format(body.status), json.loads(body.content)), body.number


def test_the_same_seed_makes_the_same_bodies():
    """Another makes other random combinations, and the same bodies else."""
    spec = FROZEN["2026-06-23"].document
    one, again, other = (bodies.generate(spec, seed) for seed in (1, 1, 2))
    assert one == again
    assert [body.content for body in one.bodies] == [body.content for body in again.bodies]
    assert len(one.bodies) == len(other.bodies)
    different = sum(a.content != b.content for a, b in zip(one.bodies, other.bodies, strict=True))
    assert 0 < different <= 7 * 20


SCHEMAS = {
    "an enum": ({"enum": ["a", 1, None]}, ["a", 1, None]),
    "a constant": ({"const": {"a": 1}}, [{"a": 1}]),
    "bounds": (
        {"type": "integer", "minimum": 3, "exclusiveMaximum": 6},
        [3, 4, 5],
    ),
    "bounds of 3.0": (
        {"type": "integer", "minimum": 3, "exclusiveMinimum": True, "maximum": 5},
        [4, 5],
    ),
    "a multiple": ({"type": "integer", "multipleOf": 7, "minimum": -7, "maximum": 8}, [0, -7, 7]),
    "a choice": ({"oneOf": [{"const": 1}, {"const": "b"}]}, [1, "b"]),
    "null beside": ({"anyOf": [{"type": "null"}, {"const": 1}]}, [1, None]),
    "null of 3.0": ({"type": "boolean", "nullable": True}, [True, False, None]),
    "all of": (
        {"allOf": [{"properties": {"a": {"const": 1}}}, {"required": ["a"], "type": "object"}]},
        [{"a": 1}],
    ),
    "all of a type": ({"allOf": [{"type": "number"}, {"type": "integer", "enum": [1, 2.5]}]}, [1]),
    "an array": ({"type": "array", "items": {"const": 1}}, [[1], []]),
    "a full array": ({"type": "array", "items": {"const": 1}, "minItems": 2}, [[1, 1]]),
    "a set": (
        {"type": "array", "items": {"enum": [1, 2]}, "minItems": 1, "uniqueItems": True},
        [[1], [1, 2]],
    ),
    "an optional": (
        {"type": "object", "properties": {"a": {"const": 1}, "b": False}},
        [{"a": 1}, {}],
    ),
    "a length": ({"type": "string", "minLength": 2, "maxLength": 3}, None),
    "a set of odd numbers": ({"type": "number", "minimum": 0.25, "maximum": 0.5}, None),
}


@pytest.mark.parametrize(("schema", "expected"), SCHEMAS.values(), ids=SCHEMAS)
def test_a_schema_yields_its_values_and_no_others(schema, expected):
    """Small sets of values are complete, and nothing is reported as uncovered."""
    values, uncovered = generate(schema)
    assert uncovered == []
    assert values
    if expected is not None:
        wanted = {json.dumps(value) for value in expected}
        assert {json.dumps(value) for value in values} - {json.dumps(-0.0)} == wanted
    oracle = SchemaOracle(document(schema))
    assert all(oracle.allows(BODY, value) for value in values)


@pytest.mark.parametrize(
    "key", ["{id}", "a b", "%20", "é", "a/b", "a~b", "<>", '"', "\\", "a;b=c", "a#b"]
)
def test_schemas_are_found_at_any_pointer(key):
    """By a pointer and by a reference, both as documents have them."""
    pointer = child("#/components/schemas", key)
    schemas = {key: {"type": "integer"}, "Reference": {"$ref": pointer.replace("%", "%25")}}
    oracle = SchemaOracle({"components": {"schemas": schemas}})
    for name in (pointer, "#/components/schemas/Reference"):
        assert oracle.allows(name, 1)
        assert not oracle.allows(name, "x")


def test_a_map_has_odd_keys_that_are_one_place():
    """A pointer to any of them is a pattern with a star; a named property keeps its name."""
    schema = {
        "type": "object",
        "properties": {"key": {"type": "integer"}},
        "additionalProperties": {"type": "array", "items": {"enum": ["a"]}},
    }
    result = bodies.generate(document(schema)).bodies
    keys = {key for body in result for key in body.value}
    assert {"", "a/b~c", "__class__", "0"} <= keys
    (full,) = [body.value for body in result if "a/b~c" in body.value]
    assert bodies.pattern(full, "/a~1b~0c/0") == "/*/*"
    assert bodies.pattern(full, "/0") == "/*"
    assert bodies.pattern(full, "/key") == "/key"
    assert bodies.pattern(full, "/never/there") == "/never/there"
    assert bodies.pattern(full, "") == ""


def test_a_discriminator_tells_its_schemas_apart():
    """The property has the value that stands for the schema."""
    components = {
        name: {"type": "object", "properties": {"kind": {"type": "string"}}} for name in ("A", "B")
    }
    union = {
        "oneOf": [{"$ref": f"#/components/schemas/{name}"} for name in components],
        "discriminator": {
            "propertyName": "kind",
            "mapping": {"a": "#/components/schemas/A", "b": "#/components/schemas/B"},
        },
    }
    values, uncovered = generate(union, components, combinations=3)
    assert uncovered == []
    assert {value["kind"] for value in values} == {"a", "b"}


def test_formats_are_honoured():
    """Dates, times, ids: values of the format, not any text."""
    values, uncovered = generate({"type": "string", "format": "date-time"})
    assert uncovered == []
    assert len(values) > 3
    assert all("T" in value.upper() for value in values)


UNCOVERED = {
    "a pattern": ({"type": "string", "pattern": "^a"}, "are not of the document"),
    "a not": ({"type": "integer", "not": {"const": 1}}, "are not of the document"),
    "a tuple": (
        {"type": "array", "prefixItems": [{"const": 1}, {"enum": [2, 3]}], "items": False},
        "are not of the document",
    ),
    "a format": ({"type": "string", "format": "semver"}, "format 'semver' is not understood"),
    "a contradiction": (
        {"allOf": [{"type": "string"}, {"type": "null"}]},
        "are not of the document",
    ),
    "no number": ({"type": "integer", "minimum": 9, "maximum": 8}, "no number within its bounds"),
    "ambiguity": ({"oneOf": [{"enum": [1]}, {"enum": [1.0]}]}, "are not of the document"),
    "too many items": ({"type": "array", "minItems": 10**9}, "too long to be sent"),
}
UNREADABLE = {
    "a type": ({"type": "money"}, "'money', which is not a JSON type"),
    "a reference": ({"$ref": "#/components/schemas/Gone"}, "which is not there"),
    "a remote reference": ({"$ref": "https://example.com/x"}, "in another document"),
    "no schema": ([1], "is not a schema"),
    "bad bounds": ({"type": "integer", "minimum": "3"}, "not a valid value of `minimum`"),
}


@pytest.mark.parametrize(("schema", "message"), UNREADABLE.values(), ids=UNREADABLE)
def test_an_operation_that_cannot_be_read_has_no_bodies(schema, message):
    """It is named, with the place and the reason."""
    values, [line] = generate({"type": "object", "properties": {"a": schema}})
    assert values == []
    assert line.startswith("GET /x: it cannot be read: ")
    assert message in line


@pytest.mark.parametrize(("schema", "message"), UNCOVERED.values(), ids=UNCOVERED)
def test_uncovered_places_are_reported(schema, message):
    """With place and reason; no wrong body is generated silently."""
    whole = {"type": "object", "properties": {"a": schema, "b": {"const": 1}}}
    _, uncovered = generate(whole, combinations=2)
    assert any(line.startswith("x 200 /a: ") and message in line for line in uncovered), uncovered


REF = {"$ref": "#/components/schemas/Node"}
HOSTILE = {
    "a list": ({"Node": {"type": "object", "properties": {"next": REF}}}, []),
    "a tree": (
        {
            "Node": {
                "type": "object",
                "properties": {"left": REF, "right": REF, "all": {"type": "array", "items": REF}},
            }
        },
        [],
    ),
    "any JSON": (
        {
            "Node": {
                "anyOf": [
                    {"type": "string"},
                    {"type": "array", "items": REF},
                    {"type": "object", "additionalProperties": REF},
                ]
            }
        },
        ["are not of the document"],
    ),
    "no end": (
        {"Node": {"type": "object", "properties": {"next": REF}, "required": ["next"]}},
        ["x 200: no body can be made for it"],
    ),
    "itself": ({"Node": REF}, ["is composed of itself"]),
    "itself, composed": ({"Node": {"allOf": [REF, {"type": "object"}]}}, ["of itself"]),
    "everyone": (
        {
            "Node": {
                "type": "object",
                "properties": {f"p{i}": {"$ref": f"#/components/schemas/N{i}"} for i in range(40)},
            },
            **{
                f"N{i}": {
                    "type": "object",
                    "properties": {
                        f"p{j}": {"$ref": f"#/components/schemas/N{j}"} for j in range(40)
                    },
                }
                for i in range(40)
            },
        },
        ["too much to be looked into"],
    ),
    "a bomb": (
        {
            "Node": {"type": "array", "items": {"$ref": "#/components/schemas/N0"}},
            **{
                f"N{i}": {
                    "type": "object",
                    "required": list("abcdefgh"),
                    "properties": {
                        k: {"$ref": f"#/components/schemas/N{i + 1}"} for k in "abcdefgh"
                    },
                }
                for i in range(12)
            },
            "N12": {"type": "null"},
        },
        ["too much to be looked into"],
    ),
    "a huge enum": (
        {"Node": {"enum": [f"value {i}" for i in range(100_000)]}},
        ["only 1000 of its 100000 values are sent"],
    ),
}


@pytest.mark.parametrize(("components", "phrases"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_document_ends_in_few_bodies_and_says_so(components, phrases):
    """Recursive, vast or endless: bounded bodies, and a line for what was left out."""
    values, uncovered = generate(REF, components, combinations=5)
    assert sum(len(json.dumps(value)) for value in values) < 20_000_000
    for word in phrases:
        assert any(word in line for line in uncovered), uncovered
    if not phrases:
        assert uncovered == []
        assert len(values) > 1


def test_every_documented_status_and_kind_of_body_has_bodies():
    """Ranges and the default stand for statuses that nothing else documents.

    The default for no success where one is documented.
    """
    text = {"content": {"text/plain": {"schema": {"type": "string"}}}}
    json_body = {"content": {"application/problem+json; charset=utf-8": {"schema": {"const": 1}}}}
    result = bodies.generate(
        document(
            {"const": 1},
            **{
                "204": {"description": "nothing"},
                "404": text,
                "4XX": json_body,
                "default": json_body,
                "503": {"content": {"image/png": {}}},
                "6": json_body,
            },
        ),
        combinations=0,
    )
    codes = {}
    for body in result.bodies:
        codes.setdefault((body.status, body.kind), set()).add(body.code)
    assert codes["204", "empty"] == {204}
    assert codes["404", "text"] == {404}
    assert 400 in codes["4XX", "json"]
    assert 404 not in codes["4XX", "json"]
    assert {500, 301} <= codes["default", "json"]
    assert not codes["default", "json"] & {200, 202, 204, 404, 400, 503}
    assert result.uncovered == ["x 503: bodies of image/png are not made"]
