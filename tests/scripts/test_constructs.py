"""Each construct of ordinary specs: generated, imported, well typed, read and compared."""

import importlib
import inspect
import json
import shutil
from typing import Any

import pytest
from backtesting import bodies, clients, execution
from common.versions import Version
from normalizing.normal import normalize
from specdiff import specs

from ..typed import mypy

TEXT: dict[str, Any] = {"type": "string"}
NUMBER: dict[str, Any] = {"type": "number"}


def ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def obj(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


NAMED = {**obj(id=TEXT, count={"type": "integer"}), "required": ["id"]}
CAT = {**obj(kind={"const": "cat"}, lives={"type": "integer"}), "required": ["kind"]}
DOG = {**obj(kind={"const": "dog"}, tricks={"type": "array", "items": TEXT}), "required": ["kind"]}

COMPONENTS: dict[str, Any] = {
    "Named": NAMED,
    "Colour": {"type": "string", "enum": ["red", "blue"]},
    "MaybeColour": {"type": "string", "nullable": True, "enum": ["red", None]},
    "MaybeObject": {**obj(a=TEXT), "type": ["object", "null"]},
    "Cat": CAT,
    "Dog": DOG,
    "Pet": {
        "oneOf": [ref("Cat"), ref("Dog")],
        "discriminator": {
            "propertyName": "kind",
            "mapping": {"cat": "#/components/schemas/Cat", "dog": "Dog"},
        },
    },
    "Tree": obj(value=TEXT, children={"type": "array", "items": ref("Tree")}),
    "Base": obj(meta=obj(a=TEXT)),
    "Derived": {"allOf": [ref("Base"), obj(meta=obj(b=TEXT))]},
}

#: What stands in the property `it` of a body, by what it is.
CONSTRUCTS: dict[str, Any] = {
    "required beside a reference": {**ref("Named"), "required": ["count"]},
    "properties beside allOf": {**obj(more=TEXT), "allOf": [ref("Named")], "required": ["more"]},
    "properties beside oneOf": {**obj(more=TEXT), "oneOf": [ref("Cat"), ref("Dog")]},
    "required beside anyOf": {
        **obj(a=TEXT, b=TEXT),
        "anyOf": [{"required": ["a"]}, {"required": ["b"]}],
    },
    "an enum beside a reference": {**ref("Colour"), "enum": ["red"]},
    "allOf of several": {"allOf": [ref("Named"), obj(extra=NUMBER), {"required": ["extra"]}]},
    "allOf of one property twice": {
        "allOf": [obj(a=obj(x=TEXT)), {**obj(a=obj(y=TEXT)), "required": ["a"]}]
    },
    "allOf of one property twice, beside its parts": obj(one=ref("Base"), two=ref("Derived")),
    "null by nullable": {**TEXT, "nullable": True},
    "null by a list of types": {"type": ["integer", "null"]},
    "null by oneOf": {"oneOf": [ref("Named"), {"type": "null"}]},
    "null by an enum": {"enum": ["a", None]},
    "null by const": {"anyOf": [NUMBER, {"const": None}]},
    "null beside a reference": {"allOf": [ref("Named")], "nullable": True},
    "a nullable enum": ref("MaybeColour"),
    "a nullable component": ref("MaybeObject"),
    "a discriminated union": ref("Pet"),
    "a discriminator of nowhere": {
        "oneOf": [ref("Cat"), ref("Dog")],
        "discriminator": {"propertyName": "kind", "mapping": {"cat": "cat.yml#/cat"}},
    },
    "a nullable union": {"anyOf": [ref("Pet"), {"type": "null"}]},
    "a union of inline objects": {
        "anyOf": [{**obj(text=TEXT), "required": ["text"]}, {**obj(url=TEXT), "required": ["url"]}]
    },
    "a union of arrays of inline objects": {
        "anyOf": [{"type": "array", "items": {**obj(**{k: TEXT}), "required": [k]}} for k in "abc"]
    },
    "a union of an object and an enum": {"anyOf": [obj(a=TEXT), {"enum": ["auto", "none"]}]},
    "anything": True,
    "an array without items": {"type": "array"},
    "an array of anything": {"type": "array", "items": True},
    "a tuple": {"type": "array", "prefixItems": [TEXT, NUMBER], "items": False},
    "an enum of names that are alike": {"enum": ["name", "-name", "NAME", "<", ">"]},
    "an enum of integers": {"type": "integer", "enum": [1, -1, 404]},
    "an enum of numbers": {"type": "number", "enum": [0.5, 1]},
    "an enum of several types": {"enum": ["auto", 1, 1.5, True]},
    "a default that is no number": {"type": "integer", "default": "inf"},
    "a constant": {"const": "x"},
    "a constant number": {"const": 1.5},
    "a constant truth": {"const": True},
    "a reference into a schema": {"$ref": "#/components/schemas/Cat/properties/lives"},
    "a map by pattern": {"type": "object", "patternProperties": {".*": ref("Named")}},
    "a map": {"type": "object", "additionalProperties": ref("Colour")},
    "no other fields": {**obj(a=TEXT), "additionalProperties": False},
    "an object without a type": {"properties": {"a": TEXT}},
    "a schema inside itself": ref("Tree"),
    "names that hide": obj(drift=TEXT, to_dict=NUMBER, **{"a-b": TEXT, "a_b": TEXT, "a<b": TEXT}),
}


#: Schemas of required parameters that have a default.
DEFAULTS: dict[str, Any] = {
    "colour": {"type": "string", "enum": ["red", "blue"], "default": "red"},
    "day": {**TEXT, "format": "date", "default": "2024-02-29"},
    "limit": {"anyOf": [NUMBER, {"type": "null"}], "default": "nan"},
}


def answer(**types: Any) -> dict[str, Any]:
    return {"description": "", "content": {name: {"schema": s} for name, s in types.items()}}


def document() -> dict[str, Any]:
    """Return a document with each of these schemas, and every other part of operations."""
    paths: dict[str, Any] = {}
    for number, (name, schema) in enumerate(CONSTRUCTS.items()):
        body = {**obj(it=schema), "required": ["it"], "x-name": f"Body{number}"}
        content = {"application/json": {"schema": body}}
        paths[f"/c{number}"] = {
            "post": {
                "operationId": f"c{number}",
                "summary": name,
                "requestBody": {"required": True, "content": content},
                "responses": {"200": {"description": name, "content": content}},
            }
        }
    paths["/thing?kind=full&of={owner}"] = {
        "get": {
            "operationId": "full",
            "parameters": [
                {"name": "StartTime", "in": "query", "schema": TEXT},
                {"name": "StartTime<", "in": "query", "schema": TEXT},
                {"name": "StartTime>", "in": "query", "schema": TEXT},
                {"name": "X-Tags", "in": "header", "schema": {"type": "array", "items": TEXT}},
                {"name": "owner", "in": "path", "required": True, "schema": TEXT},
                *(
                    {"name": name, "in": "query", "required": True, "schema": schema}
                    for name, schema in DEFAULTS.items()
                ),
            ],
            "responses": {
                "200": answer(
                    **{"application/xml": TEXT, 'Application/JSON ;Charset="a;b"': ref("Named")}
                ),
                "404": answer(**{"text/plain; charset=utf-8": TEXT}),
                "406": answer(**{"*/*": ref("Named")}),
                "409": answer(**{"*/*": TEXT}),
                "415": {"description": "", "content": {"image/*": {}}},
            },
        }
    }
    answers = {"200": answer(**{"application/json": ref("Named")})}
    schemas = {"multipart/form-data": TEXT, "application/json": ref("Named")}
    content = {name: {"schema": schema} for name, schema in schemas.items()}
    paths["/thing#second"] = {
        "get": {"responses": {"200": answer(**{"application/json": ref("Dog")})}},
        "put": {"requestBody": {"content": content}, "responses": answers},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Constructs", "version": "1"},
        "paths": {"x-root": "an extension", **paths},
        "components": {"schemas": COMPONENTS},
    }


SPEC = document()
NORMAL = normalize(SPEC)
MADE = bodies.generate(NORMAL, combinations=2)


@pytest.fixture(scope="module")
def client(foreign, tmp_path_factory) -> clients.GeneratedClient:
    """The client of all of these: generated once."""
    version = Version("all", json.dumps(SPEC).encode())
    return clients.generate(foreign, version, tmp_path_factory.mktemp("constructs") / "client")


@pytest.fixture(scope="module")
def results(client):
    """The results of decoding every body that the document allows."""
    return execution.decoded(client, {"all": MADE}, own=["all"])["all"]


def test_every_construct_is_supported():
    """Each is carried."""
    assert NORMAL.omitted == NORMAL.unused == []
    assert len(NORMAL.operations) == len(CONSTRUCTS) + 3
    lost = "its body of multipart/form-data, whose schema is not an object"
    assert [line for line in NORMAL.left_out if line.endswith(lost)]


@pytest.mark.parametrize("name", CONSTRUCTS)
def test_what_the_spec_allows_is_read_and_comes_back(results, name):
    """Without a crash, a wrong value, a loss or drift."""
    operation = f"c{list(CONSTRUCTS).index(name)}"
    lines = [
        *results.crashes,
        *results.wrong_values,
        *results.losses,
        *(str(one) for one in results.drift),
    ]
    assert [line for line in lines if operation in line.replace("'", " ").split()] == []
    assert [body for body in MADE.bodies if body.operation == operation]


def test_the_client_is_well_typed(client):
    """Under --strict: a run of mypy over all of it takes some seconds."""
    place = {"PYTHONPATH": "", "MYPYPATH": str(client.runtime)}
    done = mypy("modelgates_api", cwd=client.directory, **place)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_class_is_named_by_a_number():
    """Nor by the order of a union."""
    inline = {name for name in NORMAL.schemas if name not in COMPONENTS}
    assert not [name for name in inline if name.endswith(("Type0", "Type1", "AnyOf0"))]
    number = list(CONSTRUCTS).index("a union of inline objects")
    assert {f"Body{number}ItText", f"Body{number}ItUrl"} <= NORMAL.schemas.keys()


def test_requests_have_what_their_path_and_headers_say(client, monkeypatch):
    """A query in a path, names that Python has not, lists in headers."""
    parent = client.directory.parent / "imported"
    shutil.copytree(client.directory / "modelgates_api", parent / "constructs_api")
    monkeypatch.syspath_prepend(str(parent))
    module = importlib.import_module("constructs_api.api.default.full")
    importlib.import_module("constructs_api.resources.default")

    call = module.full(
        start_time="a", start_time_less_than_sign="b", x_tags=["c", "d"], of="x", limit=1.5
    )

    assert "start_time_greater_than_sign" in inspect.signature(module.full).parameters
    path, _, query = call.target.partition("?")
    assert path == "/thing"
    assert sorted(query.split("&")) == [
        *("StartTime%3C=b", "StartTime=a", "colour=red", "day=2024-02-29", "kind=full"),
        *("limit=1.5", "of=x"),
    ]
    assert dict(call.headers)["X-Tags"] == "c,d"
    assert "Accept" not in dict(call.headers)  # the default is JSON, in any charset
    decode = module.OPERATION.decode
    assert decode(404, b"text") == "text"
    assert decode(415, b"\x00").payload.read() == b"\x00"
    assert decode(200, b'{"id": "x"}').id == decode(406, b'{"id": "x"}').id == "x"
    assert decode(409, b'"x"') == '"x"'
    body = importlib.import_module("constructs_api.models").Body7
    assert body(it=None).to_dict() == {"it": None}


def test_a_document_is_the_same_as_itself():
    """In any notation; keywords that the diff does not understand are reported."""
    rules = {change.rule for change in specs.compare(SPEC, document())}
    assert rules <= {"schema-keyword-not-understood"}


def test_the_normal_form_is_always_the_same():
    """Names among it."""
    again = normalize(document())
    assert again.schemas == NORMAL.schemas
    assert again.operations == NORMAL.operations
