"""A spec of a hundred operations that has what real specs have, the awkward things above all."""

from collections.abc import Iterator
from typing import Any

TAGS = ("users", "Files & blobs", "class", "chat.completions", "v2/models")

STRING: dict[str, Any] = {"type": "string"}
INTEGER: dict[str, Any] = {"type": "integer"}
COLOURS = {"type": "string", "enum": ["red", "light-green", "Blue 2", "01.AI", "", "…", "Größe"]}

UUID = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"

#: Names that generated code imports, defines or uses itself, and names that Python has.
TAKEN_NAMES = (
    "File", "Response", "Client", "Any", "Field", "Schema", "Model", "Object", "UUID", "Literal",
    "Self", "Iterable", "MutableMapping", "FileTypes", "BytesIO", "Drift", "Decoder", "Array",
    "Datetime", "Unset", "List", "None", "Type", "Exception", "ValueError", "Import", "2Fast",
)  # fmt: skip


def ref(name: str) -> dict[str, Any]:
    """Refer to a component schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def array(items: dict[str, Any]) -> dict[str, Any]:
    """Describe an array."""
    return {"type": "array", "items": items}


def obj(required: str = "", **properties: Any) -> dict[str, Any]:
    """Describe an object; `required` names properties, with spaces between."""
    return {"type": "object", "properties": properties, "required": required.split()}


def build() -> dict[str, Any]:
    """Return the spec."""
    paths: dict[str, Any] = {}
    for number, operation in zip(range(100), _operations(), strict=False):
        path = "".join(f"/{{{p['name']}}}" for p in operation["parameters"] if p["in"] == "path")
        operation["operationId"] = f"{operation.pop('name')}-{number}"
        operation["tags"] = [TAGS[number % len(TAGS)]]
        paths[f"/things/{number}{path}"] = {operation.pop("method"): operation}
    return {
        "openapi": "3.1.0",
        "info": {"title": "A large API", "version": "1.0.0"},
        "paths": paths,
        "components": {"schemas": _schemas()},
    }


def _schemas() -> dict[str, Any]:
    return {
        **{name: obj("name", name=STRING, size=INTEGER) for name in TAKEN_NAMES},
        "Colour": COLOURS,
        "Level": {"type": "integer", "enum": [-1, 0, 404], "description": 'An "integer"'},
        "MaybeColour": {"type": ["string", "null"], "enum": ["red", None]},
        "Scalars": obj(
            "text whole number flag any nothing",
            text=STRING, whole=INTEGER, number={"type": "number"}, flag={"type": "boolean"},
            any={}, nothing={"type": "null"}, maybe_text={"type": ["string", "null"]},
            maybe_number={"type": ["number", "null"]}, either={"type": ["string", "integer"]},
        ),
        "Optionals": obj(
            text=STRING, whole=INTEGER, number={"type": "number"}, flag={"type": "boolean"}, any={},
            nothing={"type": "null"}, list=array(STRING), colour=ref("Colour"), level=ref("Level"),
        ),
        "Formats": obj(
            "day moment identifier",
            day={"type": "string", "format": "date"},
            moment={"type": "string", "format": "date-time"},
            identifier={"type": "string", "format": "uuid"},
            other={"type": "string", "format": "made-up"},
            moments=array({"type": "string", "format": "date-time"}),
            maybe_moment={"type": ["string", "null"], "format": "date-time"},
            octets={"type": "string", "format": "binary"},
            day_or_number={"oneOf": [{"type": "string", "format": "date"}, INTEGER]},
        ),
        "Defaults": obj(
            "text whole number flag colour day moment identifier constant quoted",
            text={**STRING, "default": "a"}, whole={**INTEGER, "default": 0},
            number={"type": "number", "default": 0.5}, flag={"type": "boolean", "default": False},
            colour={"allOf": [ref("Colour")], "default": "01.AI"},
            day={"type": "string", "format": "date", "default": "2024-02-29"},
            moment={"type": "string", "format": "date-time", "default": "2024-02-29T00:00:00Z"},
            identifier={"type": "string", "format": "uuid", "default": UUID},
            constant={"const": "only", "default": "only"},
            quoted={**STRING, "default": "say \"hi\" \\ 'bye'\n"},
            optional={**STRING, "default": "not sent"},
        ),
        "Enums": obj(
            "colour level maybe",
            colour=ref("Colour"), level=ref("Level"), maybe=ref("MaybeColour"),
            inline={"type": "string", "enum": ["a", "b"]},
            inline_null={"type": ["integer", "null"], "enum": [1, 2, None]},
            only_null={"enum": [None]},
            nullable={"oneOf": [ref("Colour"), {"type": "null"}]},
            colours=array(ref("Colour")), levels=array(ref("Level")),
        ),
        "Constants": obj(
            "text",
            text={"const": "it's \"so\" \\ "}, whole={"const": 7}, flag={"const": True},
            either={"oneOf": [{"const": "a"}, {"const": 1}, {"const": False}]},
        ),
        "Arrays": obj(
            "strings",
            strings=array(STRING), nested=array(array(array(INTEGER))),
            unions=array({"oneOf": [STRING, INTEGER, ref("Leaf"), {"type": "null"}]}),
            leaves=array(ref("Leaf")), maybe={"anyOf": [array(ref("Leaf")), {"type": "null"}]},
            numbers=array({"type": "number"}), maybes=array({"type": ["string", "null"]}),
            anything=array({}), pair={"type": "array", "prefixItems": [STRING, INTEGER]},
        ),
        "Leaf": obj("name", name=STRING),
        "Tree": obj("value", value=INTEGER, children=array(ref("Tree")), parent={
            "anyOf": [ref("Tree"), {"type": "null"}]
        }),
        "Chicken": obj(egg=ref("Egg")),
        "Egg": obj(chicken=ref("Chicken"), clutch=array(ref("Egg"))),
        "Base": obj("id", id=STRING, kind=STRING),
        "Derived": {"allOf": [ref("Base"), obj("extra", extra=INTEGER, kind=STRING)]},
        "Stricter": {"allOf": [ref("Base")], "required": ["kind"]},
        "Cat": obj("pet", pet={"const": "cat"}, name=STRING),
        "Dog": obj("pet", pet={"const": "dog"}, name=STRING),
        "Cow": obj("animal", animal=STRING, name=STRING),
        "Hen": obj("animal", animal=STRING, name=STRING),
        "Unions": obj(
            "pet",
            pet={"oneOf": [ref("Cat"), ref("Dog")]},
            stock={"oneOf": [ref("Cow"), ref("Hen")], "discriminator": {
                "propertyName": "animal",
                "mapping": {"moo": "#/components/schemas/Cow", "cluck": "Hen"},
            }},
            any_of={"anyOf": [ref("Leaf"), STRING, {"type": "null"}]},
            wide={"oneOf": [{"type": "boolean"}, {"type": "number"}, array(STRING), ref("Colour")]},
            nested={"oneOf": [{"anyOf": [STRING, INTEGER]}, {"type": "null"}]},
        ),
        "Inline": obj(
            "inner",
            inner=obj("deep", deep=obj(deeper=obj(text=STRING))),
            items=array(obj("a", a=STRING)),
        ),
        "Closed": {**obj("a", a=STRING), "additionalProperties": False},
        "Open": {**obj("a", a=STRING), "additionalProperties": True},
        "TypedExtra": {**obj("a", a=STRING), "additionalProperties": INTEGER},
        "LeafExtra": {"type": "object", "additionalProperties": ref("Leaf")},
        "UnionExtra": {"type": "object", "additionalProperties": {
            "oneOf": [STRING, ref("Leaf"), {"type": "null"}]
        }},
        "SelfExtra": {"type": "object", "additionalProperties": ref("SelfExtra")},
        "FreeForm": {"type": "object"},
        "HoldsFreeForm": obj(free={"type": "object"}, maybe={"type": ["object", "null"]}),
        "AwkwardNames": {
            "type": "object",
            "description": 'Ends in a quote and a backslash: "\\"',
            "properties": {name: {**STRING, "description": 'Says """hi""" \\ "'} for name in (
                "class", "def", "None", "list", "dict", "id", "self", "cls", "with-dash", "a b",
                "a/b~c", "100%", "", "drift", "drift_", "to_dict", "from_dict", "to_multipart",
                "additional_properties", "source", "pointer", "_note", "_self", "_value", "Any",
                "any", "camelCase", "camel_case", "x-y", "x_y", "datetime", "UUID", "File",
                "__decode__", "__class__", "TYPE_CHECKING", "type_checking", "typing", 'quote"',
                "back\\slash", "{brace}", "new\nline", "ünï", "ﬁeld", "property", "classmethod",
            )},
            "required": ["class", "drift", "a/b~c", 'quote"'],
        },
        "Upload": obj(
            "file note",
            file={"type": "string", "format": "binary"}, note=STRING, tags=array(STRING),
            leaf=ref("Leaf"), files=array({"type": "string", "format": "binary"}),
            when={"type": "string", "format": "date-time"}, level=ref("Level"),
            flag={"type": "boolean"},
        ),
        "Form": obj("name", name=STRING, count=INTEGER, tags=array(STRING)),
        "Wrong": obj("error", error=obj("code message", code=INTEGER, message=STRING)),
    }  # fmt: skip


def _parameters() -> list[list[dict[str, Any]]]:
    moment = {"type": "string", "format": "date-time"}
    return [
        [],
        [
            _parameter("path", "id", STRING),
            _parameter("query", "limit", {**INTEGER, "default": 10}),
        ],
        [
            _parameter("path", "from", INTEGER),
            _parameter("path", "class", ref("Colour")),
            _parameter("query", "colours", array(ref("Colour"))),
            _parameter("query", "flag", {"type": "boolean"}),
            _parameter("query", "since", moment),
            _parameter("query", "level", {**ref("Level")}, required=True),
            _parameter("header", "X-Trace-Id", STRING),
            _parameter("header", "X-Level", ref("Level"), required=True),
            _parameter("header", "X-Flag", {"type": "boolean"}),
            _parameter("cookie", "session", STRING),
        ],
        [
            _parameter("query", "client", STRING),
            _parameter("query", "url", STRING),
            _parameter("query", "body", STRING),
            _parameter("query", "sync", STRING),
            _parameter("query", "build_request", STRING, required=True),
            _parameter("query", "status_code", INTEGER),
            _parameter("query", "a[b]", STRING),
            _parameter("header", "id", STRING),
            _parameter("query", "id", STRING),
            _parameter("query", 'quote"\\', {**STRING, "default": '"\\'}, required=True),
            _parameter(
                "query", "day", {"type": "string", "format": "date", "default": "2024-01-01"}
            ),
            _parameter("query", "uuid", {"type": "string", "format": "uuid"}),
            _parameter("query", "either", {"oneOf": [STRING, INTEGER, {"type": "null"}]}),
            _parameter("query", "filter", ref("Leaf")),
        ],
        [
            _parameter("path", "parse_response", STRING),
            _parameter("path", "body", {"type": "string", "format": "uuid"}),
            _parameter("query", "moments", array(moment), required=True),
            _parameter("query", "maybe", {"type": ["string", "null"]}, required=True),
        ],
    ]


def _parameter(where: str, name: str, schema: dict[str, Any], *, required: bool = False) -> Any:
    return {"in": where, "name": name, "schema": schema, "required": required or where == "path"}


def _bodies() -> list[Any]:
    def content(**schemas: Any) -> dict[str, Any]:
        types = {
            "json": "application/json", "form": "application/x-www-form-urlencoded",
            "multipart": "multipart/form-data", "octets": "application/octet-stream",
            "merge": "application/merge-patch+json",
        }  # fmt: skip
        return {"required": True, "content": {types[k]: {"schema": v} for k, v in schemas.items()}}

    binary = {"type": "string", "format": "binary"}
    return [
        None,
        content(json=ref("Arrays")),
        content(form=ref("Form")),
        content(multipart=ref("Upload")),
        content(octets=binary),
        content(json=ref("Leaf"), form=ref("Form"), multipart=ref("Upload"), octets=binary),
        {**content(json=ref("Scalars")), "required": False},
        content(json=array(ref("Leaf"))),
        content(json={"oneOf": [ref("Leaf"), array(STRING), {"type": "null"}]}),
        content(json=obj("inline", inline=STRING)),
        content(multipart={"oneOf": [ref("Upload"), ref("Form")]}),
        {**content(json=ref("Leaf"), merge=ref("Leaf")), "required": False},
        content(json={}),
        {**content(json={}, octets=binary), "required": False},
        content(json=array(ref("Leaf")), form={"anyOf": [ref("Form"), {"type": "null"}]}),
        {**content(multipart=obj(inline=binary)), "required": False},
        content(json=STRING),
        content(json=ref("Colour")),
    ]


def _responses() -> list[dict[str, Any]]:
    def answer(schema: Any = None, kind: str = "application/json") -> dict[str, Any]:
        content = {} if schema is None else {"content": {kind: {"schema": schema}}}
        return {"description": "Says it", **content}

    return [
        {"200": answer(ref(name))} for name in _schemas() if name not in {"Cow", "Hen", "Upload"}
    ] + [  # a union says what may be in the first two; the third is for requests
        {"200": answer(ref("Leaf")), "2XX": answer(ref("Tree")), "default": answer(ref("Wrong"))},
        {"204": answer()},
        {"201": answer(array(ref("Tree"))), "404": answer(ref("Wrong"))},
        {"201": answer(ref("Leaf")), "404": answer(ref("Wrong")), "4XX": answer(ref("Leaf"))},
        {"200": answer(STRING, "text/plain")},
        {"200": answer(ref("Leaf"), "text/event-stream")},
        {"200": answer({"type": "string", "format": "binary"}, "application/octet-stream")},
        {"200": answer(STRING, "application/octet-stream")},
        {"200": answer({"type": ["string", "null"]}), "204": answer(), "5XX": answer({})},
        {"200": answer({"oneOf": [ref("Cat"), ref("Dog"), array(INTEGER)]})},
        {"default": answer(ref("Wrong"))},
        {"200": answer(obj("data", data=array(ref("Leaf")), next=STRING))},
        {"200": answer({"type": "object", "additionalProperties": ref("Leaf")})},
    ]  # fmt: skip


def _operations() -> Iterator[dict[str, Any]]:
    names = ("get-thing", "List Things", "class", "import", "createThing", "v1.things_update")
    parameters, bodies, responses = _parameters(), _bodies(), _responses()
    for number in range(100):
        body = bodies[number % len(bodies)]
        yield {
            "name": names[number % len(names)],
            "method": ("post", "put", "patch")[number % 3]
            if body
            else ("get", "delete")[number % 2],
            "summary": 'Does "it"',
            "description": 'Ends in "quotes" \\',
            "parameters": parameters[number // 2 % len(parameters)],
            **({"requestBody": body} if body else {}),
            "responses": responses[number % len(responses)],
        }
