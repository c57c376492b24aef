"""A small spec, and every kind of change of one: what the diff must say of it, both ways.

Each change is tried in both directions, and by execution: bodies made from one side are read by the
client generated from the other (tests/scripts/test_specdiff.py).
"""

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

Spec = dict[str, Any]

BREAKING, WARNING, INFO = "breaking", "warning", "info"
ABSORBED, SURFACED, BROKEN = "absorbed", "surfaced", "broken"


def base() -> Spec:
    """Return the spec that is changed."""
    return copy.deepcopy(_BASE)


def ref(name: str) -> Spec:
    """Refer to a component."""
    return {"$ref": f"#/components/schemas/{name}"}


_BASE: Spec = {
    "openapi": "3.1.0",
    "info": {"title": "A small API", "version": "1"},
    "servers": [{"url": "https://example.com/api"}],
    "tags": [{"name": "things", "description": "Things"}],
    "paths": {
        "/thing": {
            "get": {
                "operationId": "get-generation",
                "tags": ["things"],
                "summary": "Get a thing",
                "security": [{"key": []}],
                "parameters": [
                    {"name": "id", "in": "query", "required": True, "schema": {"type": "string"}},
                    {"name": "view", "in": "query",
                     "schema": {"type": "string", "enum": ["long", "short"]}},
                ],
                "responses": {
                    "200": {
                        "description": "A thing",
                        "headers": {"X-Left": {"required": True, "schema": {"type": "integer"}}},
                        "content": {"application/json": {"schema": ref("Thing")}},
                    },
                    "404": {
                        "description": "No thing",
                        "content": {"application/json": {"schema": ref("Problem")}},
                    },
                },
            },
        },
    },
    "components": {
        "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        "schemas": {
            "Thing": {
                "type": "object",
                "description": "A thing",
                "required": ["name", "nick", "size", "kind", "parts"],
                "properties": {
                    "name": {"type": "string", "description": "Its name", "maxLength": 9},
                    "nick": {"type": ["string", "null"]},
                    "size": {"type": "integer", "minimum": 0, "maximum": 100},
                    "ratio": {"type": "number", "format": "double"},
                    "note": {"type": "string"},
                    "spare": {"type": ["integer", "null"]},
                    "kind": ref("Kind"),
                    "when": {"type": "string", "format": "date-time"},
                    "words": {"type": "array", "items": {"type": "string"}},
                    "parts": {"type": "array", "items": ref("Part")},
                    "meta": {"type": "object", "additionalProperties": {"type": "integer"}},
                    "either": {"oneOf": [{"type": "string"}, {"type": "integer"}]},
                    "fixed": {"const": "thing"},
                    "code": {"type": "string", "pattern": "^[a-z]*$"},
                },
            },
            "Part": {
                "title": "Part",
                "type": "object",
                "required": ["weight"],
                "properties": {"weight": {"type": "number"}, "label": {"type": "string"}},
            },
            "Kind": {"type": "string", "enum": ["big", "small"]},
            "Problem": {
                "type": "object",
                "required": ["message"],
                "properties": {"message": {"type": "string"}},
            },
        },
    },
}  # fmt: skip


class Expected(NamedTuple):
    """What the diff says of a change.

    Attributes:
        rule: Its rule.
        level: How bad it is.
        effect: What the client as it stands makes of it.
        pointer: The end of its JSON pointer.
    """

    rule: str
    level: str
    effect: str
    pointer: str


class Kind(NamedTuple):
    """A kind of change.

    Attributes:
        name: What it is.
        change: What makes the change, in a copy of the base.
        there: The expected changes from the base to the changed spec.
        back: The expected changes from the changed spec to the base.
        generated: Whether a client can be generated from it, and its bodies be made.
    """

    name: str
    change: Callable[[Spec], object]
    there: tuple[Expected, ...]
    back: tuple[Expected, ...]
    generated: bool = True


def _thing(spec: Spec) -> Spec:
    return spec["components"]["schemas"]["Thing"]


def _properties(spec: Spec) -> Spec:
    return _thing(spec)["properties"]


def _operation(spec: Spec) -> Spec:
    return spec["paths"]["/thing"]["get"]


def _set(name: str, **keywords: Any) -> Callable[[Spec], object]:
    """Return a function that sets keywords of a property; None removes one."""

    def change(spec: Spec) -> None:
        schema = _properties(spec)[name]
        for key, value in keywords.items():
            if value is None:
                del schema[key]
            else:
                schema[key] = value

    return change


def _define(name: str, schema: Spec) -> Callable[[Spec], object]:
    """Return a function that replaces the schema of a property."""
    return lambda spec: _properties(spec).__setitem__(name, schema)


def _require(spec: Spec, name: str) -> None:
    """Make a property required."""
    _thing(spec)["required"].append(name)


def _drop(spec: Spec, name: str) -> None:
    """Remove a property, also from `required`."""
    del _properties(spec)[name]
    _thing(spec)["required"] = [key for key in _thing(spec)["required"] if key != name]


def _rename_component(spec: Spec, old: str, new: str) -> None:
    schemas = spec["components"]["schemas"]
    schemas[new] = schemas.pop(old)

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if node.get("$ref") == f"#/components/schemas/{old}":
                node["$ref"] = f"#/components/schemas/{new}"
            for part in node.values():
                walk(part)
        elif isinstance(node, list):
            for part in node:
                walk(part)

    walk(spec)


def _rename_path(spec: Spec, new: str) -> None:
    spec["paths"][new] = spec["paths"].pop("/thing")


def _entry(rule: str, level: str, effect: str, pointer: str) -> tuple[Expected, ...]:
    return (Expected(rule, level, effect, pointer),)


_P = "response-property"


def _bound(keyword: str, loose: str, tight: str, property_: str) -> tuple[Any, Any]:
    """Return the expected changes for a loosened bound and for a tightened one."""
    at = f"{property_}/{keyword}"
    return (
        _entry(f"{_P}-{loose}", WARNING, ABSORBED, at),
        _entry(f"{_P}-{tight}", INFO, ABSORBED, at),
    )


KINDS = (
    Kind("enum value added", lambda s: s["components"]["schemas"]["Kind"]["enum"].append("tiny"),
         _entry(f"{_P}-enum-value-added", WARNING, SURFACED, "Kind/enum/2"),
         _entry(f"{_P}-enum-value-removed", INFO, ABSORBED, "Kind/enum/2")),
    Kind("enum order", lambda s: s["components"]["schemas"]["Kind"]["enum"].reverse(),
         _entry("order-changed", INFO, ABSORBED, "Kind/enum"),
         _entry("order-changed", INFO, ABSORBED, "Kind/enum")),
    Kind("enum lifted", lambda s: s["components"]["schemas"]["Kind"].pop("enum"),
         _entry(f"{_P}-became-not-enum", WARNING, SURFACED, "Kind/enum"),
         _entry(f"{_P}-became-enum", INFO, ABSORBED, "Kind/enum")),
    Kind("nullable gained", _set("name", type=["string", "null"]),
         _entry(f"{_P}-became-nullable", BREAKING, BROKEN, "name/type"),
         _entry(f"{_P}-became-not-nullable", INFO, ABSORBED, "name/type")),
    Kind("optional gains null", _set("note", type=["string", "null"]),
         _entry(f"{_P}-became-nullable", BREAKING, BROKEN, "note/type"),
         _entry(f"{_P}-became-not-nullable", INFO, ABSORBED, "note/type")),
    Kind("null as oneOf", _define("kind", {"oneOf": [ref("Kind"), {"type": "null"}]}),
         _entry(f"{_P}-became-nullable", BREAKING, BROKEN, "kind/oneOf/1/type"),
         _entry(f"{_P}-became-not-nullable", INFO, ABSORBED, "properties/kind")),
    Kind("required becomes optional", lambda s: _thing(s)["required"].remove("name"),
         _entry(f"{_P}-became-optional", BREAKING, BROKEN, "properties/name"),
         _entry(f"{_P}-became-required", INFO, ABSORBED, "required/0")),
    Kind("nullable required becomes optional", lambda s: _thing(s)["required"].remove("nick"),
         _entry(f"{_P}-became-optional", BREAKING, SURFACED, "properties/nick"),
         _entry(f"{_P}-became-required", INFO, ABSORBED, "required/1")),
    Kind("required property gone", lambda s: _drop(s, "size"),
         _entry("response-required-property-removed", BREAKING, BROKEN, "properties/size"),
         _entry("response-required-property-added", INFO, SURFACED, "properties/size")),
    Kind("nullable required property gone", lambda s: _drop(s, "nick"),
         _entry("response-required-property-removed", BREAKING, SURFACED, "properties/nick"),
         _entry("response-required-property-added", INFO, SURFACED, "properties/nick")),
    Kind("optional property gone", lambda s: _drop(s, "note"),
         _entry("response-optional-property-removed", WARNING, ABSORBED, "properties/note"),
         _entry("response-optional-property-added", INFO, SURFACED, "properties/note")),
    Kind("property of an item gone",
         lambda s: s["components"]["schemas"]["Part"]["properties"].pop("label"),
         _entry("response-optional-property-removed", WARNING, ABSORBED, "properties/label"),
         _entry("response-optional-property-added", INFO, SURFACED, "properties/label")),
    Kind("number narrowed to integer", _set("ratio", type="integer", format=None),
         _entry(f"{_P}-type-specialized", INFO, ABSORBED, "ratio/type"),
         _entry(f"{_P}-type-generalized", BREAKING, BROKEN, "ratio/type")),
    Kind("string instead of integer", _set("size", type="string", minimum=None, maximum=None),
         _entry(f"{_P}-type-changed", BREAKING, BROKEN, "size/type"),
         _entry(f"{_P}-type-changed", BREAKING, BROKEN, "size/type")),
    Kind("array instead of object", _define("parts", ref("Part")),
         _entry(f"{_P}-type-changed", BREAKING, BROKEN, "/type"),
         _entry(f"{_P}-type-changed", BREAKING, BROKEN, "/type")),
    Kind("no type", _define("note", {}),
         (Expected(f"{_P}-became-nullable", BREAKING, BROKEN, "properties/note"),
          Expected(f"{_P}-type-generalized", BREAKING, BROKEN, "properties/note")),
         (Expected(f"{_P}-became-not-nullable", INFO, ABSORBED, "note/type"),
          Expected(f"{_P}-type-specialized", INFO, ABSORBED, "note/type"))),
    Kind("date-time dropped", _set("when", format=None),
         _entry(f"{_P}-type-generalized", BREAKING, BROKEN, "when/type"),
         _entry(f"{_P}-type-specialized", INFO, ABSORBED, "when/type")),
    Kind("a format without a type of its own", _set("ratio", format="float"),
         _entry(f"{_P}-type-specialized", INFO, ABSORBED, "ratio/format"),
         _entry(f"{_P}-type-specialized", INFO, ABSORBED, "ratio/format")),
    Kind("items of another type", _define("words", {"type": "array", "items": {"type": "integer"}}),
         _entry(f"{_P}-type-changed", BREAKING, BROKEN, "words/items/type"),
         _entry(f"{_P}-type-changed", BREAKING, BROKEN, "words/items/type")),
    Kind("fields of another type",
         _define("meta", {"type": "object", "additionalProperties": {"type": "number"}}),
         _entry(f"{_P}-type-generalized", BREAKING, BROKEN, "additionalProperties/type"),
         _entry(f"{_P}-type-specialized", INFO, ABSORBED, "additionalProperties/type")),
    Kind("choice added",
         lambda s: _properties(s)["either"]["oneOf"].append({"type": "boolean"}),
         _entry(f"{_P}-one-of-added", BREAKING, BROKEN, "either/oneOf/2"),
         _entry(f"{_P}-one-of-removed", INFO, ABSORBED, "either/oneOf/2")),
    Kind("choice by a list of types", _define("note", {"type": ["string", "integer"]}),
         _entry(f"{_P}-list-of-types-widened", BREAKING, BROKEN, "note/type/1"),
         _entry(f"{_P}-list-of-types-narrowed", INFO, ABSORBED, "note/type/1")),
    Kind("choice by another keyword",
         _define("note", {"anyOf": [{"type": "string"}, {"type": "integer"}]}),
         _entry(f"{_P}-any-of-added", BREAKING, BROKEN, "note/anyOf/1"),
         _entry(f"{_P}-any-of-removed", INFO, ABSORBED, "note/anyOf/1")),
    Kind("another constant", _set("fixed", const="object"),
         _entry(f"{_P}-const-changed", BREAKING, BROKEN, "fixed/const"),
         _entry(f"{_P}-const-changed", BREAKING, BROKEN, "fixed/const")),
    Kind("pattern lifted", _set("code", pattern=None),
         _entry(f"{_P}-pattern-removed", WARNING, ABSORBED, "code/pattern"),
         _entry(f"{_P}-pattern-added", INFO, ABSORBED, "code/pattern")),
    Kind("pattern changed", _set("code", pattern="^[A-Z]*$"),
         _entry(f"{_P}-pattern-changed", WARNING, ABSORBED, "code/pattern"),
         _entry(f"{_P}-pattern-changed", WARNING, ABSORBED, "code/pattern")),
    Kind("maximum raised", _set("size", maximum=1000),
         *_bound("maximum", "max-increased", "max-decreased", "size")),
    Kind("maximum lifted", _set("size", maximum=None),
         *_bound("maximum", "max-unset", "max-set", "size")),
    Kind("minimum lowered", _set("size", minimum=-5),
         *_bound("minimum", "min-decreased", "min-increased", "size")),
    Kind("length raised", _set("name", maxLength=20),
         *_bound("maxLength", "max-length-increased", "max-length-decreased", "name")),
    Kind("description", _set("name", description="What it is called"),
         _entry("description-changed", INFO, ABSORBED, "name/description"),
         _entry("description-changed", INFO, ABSORBED, "name/description")),
    Kind("deprecated", _set("name", deprecated=True),
         _entry("deprecated-changed", INFO, ABSORBED, "name/deprecated"),
         _entry("deprecated-changed", INFO, ABSORBED, "name/deprecated")),
    Kind("a keyword that nobody knows", _set("name", contentQuality="high"),
         _entry("schema-keyword-not-understood", WARNING, BROKEN, "name/contentQuality"),
         _entry("schema-keyword-not-understood", WARNING, BROKEN, "name/contentQuality"),
         generated=False),
    Kind("an extension", _set("name", **{"x-unit": "m"}),
         _entry("extension-changed", INFO, ABSORBED, "name/x-unit"),
         _entry("extension-changed", INFO, ABSORBED, "name/x-unit")),
    Kind("schema spelt out", _define("kind", copy.deepcopy(_BASE["components"]["schemas"]["Kind"])),
         _entry("restructured", INFO, ABSORBED, "properties/kind"),
         _entry("restructured", INFO, ABSORBED, "properties/kind")),
    Kind("component renamed", lambda s: _rename_component(s, "Kind", "Sort"),
         _entry("api-schema-renamed", INFO, ABSORBED, "schemas/Sort"),
         _entry("api-schema-renamed", INFO, ABSORBED, "schemas/Kind")),
    Kind("unused component", lambda s: s["components"]["schemas"].update(Other={"type": "string"}),
         _entry("api-schema-added", INFO, ABSORBED, "schemas/Other"),
         _entry("api-schema-removed", INFO, ABSORBED, "schemas/Other")),
    Kind("error status documented",
         lambda s: _operation(s)["responses"].update({"529": _operation(s)["responses"]["404"]}),
         _entry("response-non-success-status-added", INFO, SURFACED, "responses/529"),
         _entry("response-non-success-status-removed", WARNING, ABSORBED, "responses/529")),
    Kind("success status documented",
         lambda s: _operation(s)["responses"].update({"202": _operation(s)["responses"]["200"]}),
         _entry("response-success-status-added", WARNING, BROKEN, "responses/202"),
         _entry("response-success-status-removed", BREAKING, ABSORBED, "responses/202")),
    Kind("no body", lambda s: _operation(s)["responses"]["200"].pop("content"),
         _entry("response-media-type-removed", BREAKING, BROKEN, "200/content/application~1json"),
         _entry("response-media-type-added", INFO, ABSORBED, "200/content/application~1json")),
    Kind("a range instead of a status",
         lambda s: _operation(s)["responses"].update(
             {"4XX": _operation(s)["responses"].pop("404")}),
         (Expected("response-non-success-status-added", INFO, SURFACED, "responses/4XX"),
          Expected("response-non-success-status-removed", WARNING, ABSORBED, "responses/404")),
         (Expected("response-non-success-status-added", INFO, ABSORBED, "responses/404"),
          Expected("response-non-success-status-removed", WARNING, ABSORBED, "responses/4XX"))),
    Kind("listed values instead of a date-time", _set("when", enum=["soon"]),
         _entry(f"{_P}-type-generalized", BREAKING, BROKEN, "when/type"),
         (Expected(f"{_P}-became-not-enum", WARNING, SURFACED, "when/enum"),
          Expected(f"{_P}-type-specialized", INFO, ABSORBED, "when/type"))),
    Kind("a schema inside itself",
         _set("note", type="object", properties={"inner": ref("Thing")}),
         _entry(f"{_P}-type-changed", BREAKING, BROKEN, "note/type"),
         _entry(f"{_P}-type-changed", BREAKING, BROKEN, "note/type")),
    Kind("two alternatives at once",
         lambda s: _operation(s).update(security=[{"key": []}, {"other": []}, {"third": []}]),
         (Expected("api-security-alternative-added", INFO, ABSORBED, "security/1"),
          Expected("api-security-alternative-added", INFO, ABSORBED, "security/2")),
         (Expected("api-security-removed", WARNING, ABSORBED, "security/1"),
          Expected("api-security-removed", WARNING, ABSORBED, "security/2")), generated=False),
    Kind("header gone", lambda s: _operation(s)["responses"]["200"].pop("headers"),
         _entry("required-response-header-removed", BREAKING, ABSORBED, "headers/X-Left"),
         _entry("response-header-added", INFO, ABSORBED, "headers/X-Left")),
    Kind("path renamed", lambda s: _rename_path(s, "/object"),
         _entry("path-changed", BREAKING, BROKEN, "paths/~1object"),
         _entry("path-changed", BREAKING, BROKEN, "paths/~1thing")),
    Kind("slash doubled", lambda s: _rename_path(s, "//thing"),
         _entry("path-slashes-changed", WARNING, ABSORBED, "paths/~1~1thing"),
         _entry("path-slashes-changed", WARNING, ABSORBED, "paths/~1thing")),
    Kind("operation id", lambda s: _operation(s).update(operationId="get-thing"),
         _entry("api-operation-id-changed", INFO, ABSORBED, "operationId"),
         _entry("api-operation-id-changed", INFO, ABSORBED, "operationId")),
    Kind("tag", lambda s: _operation(s).update(tags=["objects"]),
         (Expected("api-tag-added", INFO, ABSORBED, "tags/0"),
          Expected("api-tag-removed", INFO, ABSORBED, "tags/0")),
         (Expected("api-tag-added", INFO, ABSORBED, "tags/0"),
          Expected("api-tag-removed", INFO, ABSORBED, "tags/0"))),
    Kind("deprecated operation", lambda s: _operation(s).update(deprecated=True),
         _entry("endpoint-deprecated", WARNING, ABSORBED, "deprecated"),
         _entry("endpoint-reactivated", INFO, ABSORBED, "deprecated")),
    Kind("required parameter",
         lambda s: _operation(s)["parameters"].append(
             {"name": "who", "in": "query", "required": True, "schema": {"type": "string"}}),
         _entry("new-required-request-parameter", BREAKING, BROKEN, "parameters/2"),
         _entry("request-parameter-removed", WARNING, ABSORBED, "parameters/2")),
    Kind("optional parameter",
         lambda s: _operation(s)["parameters"].append(
             {"name": "who", "in": "query", "schema": {"type": "string"}}),
         _entry("new-optional-request-parameter", INFO, ABSORBED, "parameters/2"),
         _entry("request-parameter-removed", WARNING, ABSORBED, "parameters/2")),
    Kind("parameter becomes required",
         lambda s: _operation(s)["parameters"][1].update(required=True),
         _entry("request-parameter-became-required", BREAKING, BROKEN, "parameters/1"),
         _entry("request-parameter-became-optional", INFO, ABSORBED, "parameters/1")),
    Kind("value of a parameter gone",
         lambda s: _operation(s)["parameters"][1]["schema"]["enum"].remove("long"),
         _entry("request-parameter-enum-value-removed", BREAKING, ABSORBED, "enum/0"),
         _entry("request-parameter-enum-value-added", INFO, ABSORBED, "enum/0")),
    Kind("the id is a number",
         lambda s: _operation(s)["parameters"][0].update(schema={"type": "integer"}),
         _entry("request-parameter-type-changed", BREAKING, BROKEN, "schema/type"),
         _entry("request-parameter-type-changed", BREAKING, BROKEN, "schema/type")),
    Kind("request body",
         lambda s: _operation(s).update(requestBody={"required": True, "content": {
             "application/json": {"schema": ref("Part")}}}),
         _entry("request-body-added-required", BREAKING, BROKEN, "requestBody"),
         _entry("request-body-removed", BREAKING, BROKEN, "requestBody")),
    Kind("operation added",
         lambda s: s["paths"].update({"/other": {"get": _operation(s) | {"operationId": "other"}}}),
         _entry("endpoint-added", INFO, ABSORBED, "~1other/get"),
         _entry("api-removed-without-deprecation", BREAKING, BROKEN, "~1other/get")),
    Kind("another server", lambda s: s["servers"][0].update(url="https://example.org/api"),
         _entry("api-server-changed", BREAKING, BROKEN, "servers"),
         _entry("api-server-changed", BREAKING, BROKEN, "servers")),
    Kind("another security",
         lambda s: _operation(s).update(security=[{"other": []}]),
         (Expected("api-security-added", BREAKING, BROKEN, "security/0"),
          Expected("api-security-removed", WARNING, ABSORBED, "security/0")),
         (Expected("api-security-added", BREAKING, ABSORBED, "security/0"),
          Expected("api-security-removed", WARNING, ABSORBED, "security/0")), generated=False),
    Kind("summary", lambda s: _operation(s).update(summary="Fetch a thing"),
         _entry("summary-changed", INFO, ABSORBED, "get/summary"),
         _entry("summary-changed", INFO, ABSORBED, "get/summary")),
    Kind("title of the API", lambda s: s["info"].update(title="The API"),
         _entry("note-changed", INFO, ABSORBED, "info/title"),
         _entry("note-changed", INFO, ABSORBED, "info/title")),
    Kind("what no rule knows", lambda s: _operation(s).update(callbacks={"x": {}}),
         _entry("unclassified-change", WARNING, ABSORBED, "callbacks"),
         _entry("unclassified-change", WARNING, ABSORBED, "callbacks"), generated=False),
)  # fmt: skip
