"""The normal form of a spec allows what the spec does, says jsonschema-rs."""

from random import Random
from typing import Any

import jsonschema_rs
import pytest
from backtesting.schema_oracle import as_json_schema
from hypothesis import HealthCheck, assume, given, settings, strategies as st
from normalizing import messages, reading
from normalizing.normal import NormalForm, normalize
from normalizing.wire import without_charset

from . import specs

NAMES = ("A", "B", "C")
KEYS = ("a", "b", "kind")
BODY = "#/paths/~1x/get/responses/200/content/application~1json/schema"
TYPES = ("object", "array", "string", "integer", "number", "boolean", "null")

#: Values that hit each other: what is interesting is which schemas they are of.
PLAIN = st.sampled_from([None, True, False, 0, 1, 2, 1.5, -1, "", "a", "b", "abc"])
VALUES = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from([*KEYS, "z"]), inner, max_size=3)
    ),
    max_leaves=6,
)
BOUNDS = {
    "minimum": st.sampled_from([0, 1]),
    "exclusiveMaximum": st.sampled_from([1, 2, True, False]),
    "multipleOf": st.sampled_from([2, 0.5]),
    "minLength": st.just(1),
    "pattern": st.sampled_from(["^a", "b$"]),
    "minItems": st.just(1),
    "uniqueItems": st.booleans(),
    "maxProperties": st.just(1),
    "nullable": st.booleans(),
    "description": st.just("Words."),
}


def schemas() -> st.SearchStrategy[Any]:
    """Return schemas with every supported construct, and some unsupported ones."""
    kinds = st.sampled_from(TYPES)
    leaf = st.fixed_dictionaries(
        {},
        optional={
            "type": kinds | st.lists(kinds, min_size=1, max_size=3, unique=True),
            "enum": st.lists(VALUES, min_size=1, max_size=3),
            **BOUNDS,
        },
    ) | st.sampled_from([True, False, {}, *({"$ref": f"#/components/schemas/{n}"} for n in NAMES)])
    return st.recursive(leaf, _composed, max_leaves=8)


def _composed(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, min_size=1, max_size=3)
    return st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["object", "array", ["object", "null"], ["array", "string"]]),
            "$ref": st.sampled_from([f"#/components/schemas/{n}" for n in NAMES]),
            "properties": st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
            "required": st.lists(st.sampled_from(KEYS), max_size=2, unique=True),
            "additionalProperties": st.booleans() | inner,
            "patternProperties": st.dictionaries(st.sampled_from(["^a", ".*"]), inner, max_size=1),
            "items": inner,
            "prefixItems": several,
            "allOf": several,
            "anyOf": several,
            "oneOf": several,
            "not": inner,
            "const": VALUES,
            "nullable": st.booleans(),
        },
    )


def document(body: Any, **components: Any) -> dict[str, Any]:
    """Return a document with a response body of this schema."""
    content = {"application/json": {"schema": body}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "A", "version": "1"},
        "paths": {
            "/x": {
                "get": {
                    "operationId": "x",
                    "responses": {"200": {"description": "", "content": content}},
                }
            }
        },
        "components": {"schemas": components},
    }


def judges(spec: dict[str, Any], normal: NormalForm) -> tuple[Any, Any]:
    """Return validators of bodies for the document and for its normal form."""
    before = {**as_json_schema(spec), "$ref": BODY}
    media = normal.operations[0].responses[0].media
    assert media is not None
    after = {**(media.schema or {}), "components": {"schemas": normal.schemas}}
    return tuple(jsonschema_rs.Draft202012Validator(schema) for schema in (before, after))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    schemas(),
    st.fixed_dictionaries({name: schemas() for name in NAMES}),
    st.lists(VALUES, min_size=5, max_size=15),
)
def test_what_was_valid_is_valid(body, components, values):
    """Always; invalid bodies stay invalid, except at the places that are listed as widened."""
    spec = document(body, **components)
    normal = normalize(spec)
    assume(normal.operations)  # references in circles have no normal form
    before, after = judges(spec, normal)
    for value in values:
        if before.is_valid(value):
            assert after.is_valid(value), value
        elif not normal.widened:
            assert not after.is_valid(value), value


OBJECT = {"type": "object", "properties": {"a": {"type": "string"}}}
PET = {"type": "object", "properties": {"kind": {"type": "string"}}, "required": ["kind"]}
NAMED = {"$ref": "#/components/schemas/Named"}


def schema_of(body: Any, **components: Any) -> dict[str, Any]:
    """Return the normal form of a fully supported body."""
    normal = normalize(document(body, **components))
    assert normal.omitted == normal.widened == normal.unused == []
    media = normal.operations[0].responses[0].media
    assert media is not None
    return {**(media.schema or {}), "schemas": normal.schemas}


@pytest.mark.parametrize(
    "body",
    [
        {"type": ["string", "null"]},
        {"type": "string", "nullable": True},
        {"anyOf": [{"type": "string"}, {"type": "null"}]},
        {"oneOf": [{"type": "null"}, {"type": "string"}]},
        {"anyOf": [{"type": "string"}, {"enum": [None]}]},
        {"anyOf": [{"type": "string"}, {"const": None}]},
        {"allOf": [{"type": "string"}], "nullable": True},
    ],
)
def test_null_has_one_notation(body):
    """Whichever the document takes."""
    assert schema_of(body)["anyOf"] == [{"type": "string"}, {"type": "null"}]


@pytest.mark.parametrize(
    "body",
    [
        {**NAMED, "required": ["a"]},
        {"allOf": [NAMED], "required": ["a"]},
        {"oneOf": [NAMED], "required": ["a"]},
        {"allOf": [NAMED, {"required": ["a"]}]},
        {"properties": {"b": {"type": "integer"}}, **NAMED, "required": ["a"]},
        {"properties": {"b": {"type": "integer"}}, "allOf": [NAMED], "required": ["a"]},
        {"properties": {"b": {"type": "integer"}}, "anyOf": [NAMED], "required": ["a"]},
    ],
)
def test_keywords_next_to_a_composition_are_kept(body):
    """Properties, and which of them are required."""
    result = schema_of(body, Named=OBJECT)["schemas"]["XResponse200"]
    assert result["required"] == ["a"]
    assert result["properties"].keys() == {"a", *body.get("properties", {})}


def test_an_enum_next_to_a_reference_is_kept():
    """The values that both allow."""
    result = schema_of(
        {"$ref": "#/components/schemas/Kind", "enum": ["a"]}, Kind={"type": "string"}
    )
    assert result["schemas"]["XResponse200"]["enum"] == ["a"]


def test_values_of_several_types_are_alternatives():
    """Strings and integers have names; other numbers do not."""
    result = schema_of({"enum": ["a", 1, 1.5, True, None]})
    kinds = [part.get("$ref", part.get("type")) for part in result["anyOf"]]
    ref = "#/components/schemas/XResponse200"
    assert kinds == [f"{ref}", f"{ref}Number", "number", "boolean", "null"]


@pytest.mark.parametrize(
    ("members", "names"),
    [
        ([{"kind": {"const": "cat"}}, {"kind": {"const": "dog"}}], ["Cat", "Dog"]),
        ([{"text": {}, "kind": {}}, {"image": {}, "kind": {}}], ["Text", "Image"]),
        ([{"kind": {}}, {"image": {}, "kind": {}}], ["", "Image"]),
    ],
)
def test_inline_schemas_of_a_union_are_named_by_what_they_are(members, names):
    """Not by their number in the list, which moves."""
    parts = [{"type": "object", "properties": part, "required": ["kind"]} for part in members]
    normal = normalize(document({"anyOf": parts}))
    assert list(normal.schemas) == [f"XResponse200{name}" for name in names]


def test_an_inline_schema_whose_name_is_taken_gets_a_suffix():
    """The suffix says what kind of schema it is."""
    normal = normalize(document({**OBJECT, "title": "Inline"}, XResponse200=OBJECT))
    assert list(normal.schemas) == ["XResponse200", "XResponse200Object"]


def test_the_overlay_names_an_inline_schema():
    """By `x-name`, where it stands."""
    body = {"type": "array", "items": {**OBJECT, "x-name": "Line"}}
    assert list(schema_of(body)["schemas"]) == ["Line"]


def test_a_discriminator_tells_classes_apart():
    """By its values, or the names of the schemas, in any order."""
    mapping = {"miaow": "#/components/schemas/Cat", "purr": "Cat"}
    union = {
        "anyOf": [{"$ref": f"#/components/schemas/{name}"} for name in ("Cat", "Dog")],
        "discriminator": {"propertyName": "kind", "mapping": mapping},
    }
    result = normalize(document(union, Cat=PET, Dog=dict(PET)))
    media = result.operations[0].responses[0].media
    assert media is not None
    cat, dog = (f"#/components/schemas/{name}" for name in ("Cat", "Dog"))
    assert media.schema["discriminator"] == {
        "propertyName": "kind",
        "mapping": {"miaow": cat, "purr": cat, "Dog": dog},
    }


def test_every_place_is_one_of_the_published_document():
    """For each class, whatever it is composed of."""
    body = {"allOf": [NAMED, {"properties": {"b": {"anyOf": [OBJECT, {"type": "null"}]}}}]}
    normal = normalize(document(body, Named=OBJECT))
    pointers = normal.schemas["XResponse200"].pointers
    assert pointers == (BODY, "#/components/schemas/Named", f"{BODY}/allOf/1")
    assert normal.schemas["XResponse200B"].pointers == (f"{BODY}/allOf/1/properties/b/anyOf/0",)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"$ref": "#/components/schemas/No"}, "refers to '#/components/schemas/No'"),
        ({"$ref": "other.yaml#/A"}, "in another document"),
        ({"$ref": "#/components/schemas/Loop"}, "is composed of itself"),
        ({"type": "text"}, "which is not a JSON type"),
        ({"type": "object", "properties": []}, "is not a valid value of `properties`"),
    ],
)
def test_every_unsupported_construct_is_reported(body, reason):
    """At once, each with its place; the operations that need it are left out by name."""
    loop = {"allOf": [{"$ref": "#/components/schemas/Loop"}]}
    spec = document({"type": "object", "properties": {"a": body, "b": {"type": "no"}}}, Loop=loop)
    spec["paths"]["/y"] = document({"type": "string"})["paths"]["/x"] | {}
    spec["paths"]["/y"]["get"] = {**spec["paths"]["/y"]["get"], "operationId": "y"}
    normal = normalize(spec)
    [lost] = normal.omitted
    assert lost.name == "GET /x"
    assert [operation.name for operation in normal.operations] == ["GET /y"]
    assert len(lost.problems) == 2
    assert reason in lost.problems[0].reason
    assert lost.problems[0].pointer.startswith(
        (f"{BODY}/properties/a", "#/components/schemas/Loop")
    )


def test_a_cycle_of_classes_is_not_a_cycle_of_compositions():
    """A schema may stand inside itself, behind a reference."""
    node = {"type": "object", "properties": {"next": {"$ref": "#/components/schemas/Node"}}}
    result = schema_of({"$ref": "#/components/schemas/Node"}, Node=node)
    assert result["schemas"]["Node"]["properties"]["next"] == {"$ref": "#/components/schemas/Node"}


@pytest.mark.parametrize("doubling", ["allOf", "anyOf", "oneOf"])
def test_compositions_that_double_are_no_hang(doubling):
    """Each is read once; excessive expansions are reported."""
    schemas = {"N0": OBJECT}
    for number in range(1, 39):
        last = {"$ref": f"#/components/schemas/N{number - 1}"}
        own = {"type": "object", "properties": {f"p{number}": {"type": "string"}}}
        schemas[f"N{number}"] = {doubling: [last, {"allOf": [last, own]}]}
    normal = normalize(document({"$ref": "#/components/schemas/N38"}, **schemas))
    assert normal.operations or normal.omitted


@pytest.mark.parametrize(
    ("limit", "count", "reason"),
    [
        ("MAX_ALTERNATIVES", 2, "expands to more than 2 alternatives"),
        ("MAX_TOTAL_ALTERNATIVES", 2, "more than 2 alternatives, counting all schemas before it"),
        ("MAX_COMPOSED_DEPTH", 1, "is composed over more than 1 levels"),
    ],
)
def test_each_limit_is_reported_as_itself(monkeypatch, limit, count, reason):
    """With its own number, so that a maintainer knows which part of the document is too large."""
    monkeypatch.setattr(reading, limit, count)
    union = {"anyOf": [{"type": "string", "minLength": 1}, {"type": "integer"}]}
    if limit == "MAX_ALTERNATIVES":
        union["anyOf"].append({"type": "boolean"})
    both = {"allOf": [union, {"anyOf": [{"type": "string", "maxLength": 2}]}]}
    [problem] = normalize(document(both)).omitted[0].problems
    assert reason in problem.reason


def test_any_document_is_read_without_an_exception():
    """Invalid OpenAPI is reported with its place."""
    reported = 0
    for seed in range(200):
        random = Random(seed)
        spec = specs.spoil(random, specs.document(random), times=3)
        normal = normalize(spec)
        reported += len([line for line in messages.lines(normal) if line])
    assert reported


@pytest.mark.parametrize(
    ("type_", "without"),
    [
        ("application/json;charset=UTF-8", "application/json"),
        ('Text/Plain; a="B;c"; charset="x;y"; d=E', 'text/plain; a="B;c"; d=E'),
        ("application/json;", "application/json"),
    ],
)
def test_a_media_type_without_its_charset_keeps_its_other_parameters(type_, without):
    """Clients accept it in any charset."""
    assert without_charset(type_) == without


BEARER = {"type": "http", "scheme": "Bearer"}
IN_HEADER = {"type": "apiKey", "in": "header", "name": "X-Key"}


@pytest.mark.parametrize(
    ("schemes", "security"),
    [
        ({"a": BEARER}, [{"a": []}]),
        ({"a": {"$ref": "#/components/securitySchemes/b"}, "b": BEARER}, [{"a": []}]),
        ({"a": {"type": "oauth2", "flows": {}}}, [{"a": ["read"]}]),
        ({"a": {"type": "openIdConnect"}}, [{"a": []}]),
        ({"a": {"type": "apiKey", "in": "header", "name": "Authorization"}}, [{"a": []}]),
        ({"a": IN_HEADER, "b": BEARER}, [{"a": []}, {"b": []}]),
        ({"a": IN_HEADER}, [{"a": []}, {}]),
        ({"a": IN_HEADER}, []),
        ({}, [{"a": []}]),
    ],
)
def test_a_bearer_token_meets_many_security_requirements(schemes, security):
    """Those of OAuth 2 and OpenID Connect too, and one of several alternatives."""
    spec = document({"type": "string"})
    spec["components"]["securitySchemes"] = schemes
    spec["paths"]["/x"]["get"]["security"] = security
    assert normalize(spec).left_out == []


@pytest.mark.parametrize(
    ("scheme", "what"),
    [
        (IN_HEADER, "an API key in the header 'x-key', which callers must add by `headers=`"),
        ({"type": "apiKey", "in": "query", "name": "k"}, "an API key in the query 'k'"),
        ({"type": "apiKey", "in": "cookie", "name": "k"}, "an API key in the cookie 'k'"),
        ({"type": "http", "scheme": "Basic"}, "HTTP 'basic' authentication"),
        ({"type": "mutualTLS"}, "a client certificate"),
        ("odd", "a credential of 'None'"),
    ],
)
@pytest.mark.parametrize("name", ["a", "unknown"])
def test_a_credential_that_clients_do_not_send_is_named(scheme, what, name):
    """Once, with one of the operations; a requirement of an unknown scheme may mean any."""
    spec = document({"type": "string"})
    spec["components"]["securitySchemes"] = {"a": scheme}
    spec["security"] = [{name: []}]
    spec["paths"]["/y"] = {"get": {**spec["paths"]["/x"]["get"], "operationId": "y"}}
    [line] = normalize(spec).left_out
    start = "security scheme 'a' of GET /x and 1 more: the client sends its key as a bearer token, "
    assert line.startswith(f"{start}but this is {what}")


def test_operations_that_require_nothing_are_sent_without_a_key():
    """An empty requirement is none; an empty value says nothing."""
    spec = document({"type": "string"})
    for security, is_secured in (([{}], False), ([], False), (None, True), ([{}, {"a": []}], True)):
        spec["paths"]["/x"]["get"]["security"] = security
        [operation] = normalize(spec).operations
        assert operation.is_secured is is_secured
