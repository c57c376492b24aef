"""Random small OpenAPI documents, and random edits of them, all decided by a seed.

`document` and `edit` stay with what a client can usually be generated from; `spoil` puts anything
anywhere, as a document that nobody has validated may.
"""

import copy
import json
from random import Random
from typing import Any

Spec = dict[str, Any]

_NAMES = ("Alpha", "Beta", "Gamma", "Delta")
_KEYS = ("name", "size", "kind", "type", "properties", "required", "items", "x-foo", "ünïcode",
         "a/c~b", "enum", "nullable", "default")  # fmt: skip
_WORDS = ("big", "small", "tiny", "Z AI", "01.AI", "")
_ODD = (None, True, False, 0, 1.5, -1, "", "x", "#/nowhere", [], {}, [None], [[]], [{}], ["a", 1],
        {"": None}, {"$ref": "#/components/schemas/Alpha"}, {"$ref": "#/nowhere"}, {"$ref": 5},
        {"$ref": "other.yaml#/x"}, {"type": []}, {"type": "nonsense"}, {"type": ["null"]},
        {"type": {}}, {"enum": [None, 1, 1.0, True, "1", 1]}, {"enum": {}}, {"enum": []},
        {"allOf": []}, {"allOf": [{}, None, True]}, {"oneOf": [None, 5]}, {"anyOf": {}},
        {"oneOf": []}, {"required": True}, {"required": [1, None, {}]}, {"properties": []},
        {"properties": {"x": None}}, {"const": None}, {"format": []}, {"items": []},
        {"additionalProperties": None}, {"maximum": "5"}, {"maximum": True}, {"prefixItems": {}},
        {"discriminator": "kind"})  # fmt: skip


def ref(name: str) -> Spec:
    """Refer to a component."""
    return {"$ref": f"#/components/schemas/{name}"}


def schema(random: Random, depth: int = 2) -> Spec:
    """Return a random schema."""
    makers = [_string, _string, _number, _enum, _boolean, _reference, _const]
    if depth > 0:
        makers += [_object, _object, _array, _choice, _types, _nullable, _map, _all_of, _any]
    made = random.choice(makers)(random, depth - 1)
    if random.random() < 0.1:
        made["description"] = random.choice(_WORDS)
    return made


def _string(random: Random, _: int) -> Spec:
    extra = random.choice(({}, {}, {"format": "date-time"}, {"format": "uuid"}, {"format": "date"},
                           {"format": "uri"}, {"maxLength": 20}, {"pattern": "^.*$"},
                           {"minLength": 1}, {"format": "binary"}))  # fmt: skip
    return {"type": "string", **extra}


def _number(random: Random, _: int) -> Spec:
    extra = random.choice(({}, {"minimum": 0}, {"maximum": 100}, {"format": "double"},
                           {"multipleOf": 2}))  # fmt: skip
    return {"type": random.choice(("integer", "number")), **extra}


def _boolean(_: Random, __: int) -> Spec:
    return {"type": "boolean"}


def _any(_: Random, __: int) -> Spec:
    return {}


def _const(random: Random, _: int) -> Spec:
    return random.choice(({"const": "thing"}, {"type": "string", "const": "object"},
                          {"type": "integer", "const": 3}))  # fmt: skip


def _enum(random: Random, _: int) -> Spec:
    if random.random() < 0.3:
        return {"type": "integer", "enum": random.sample(range(5), 3)}
    return {"type": "string", "enum": random.sample(_WORDS, random.randint(1, 4))}


def _reference(random: Random, _: int) -> Spec:
    return ref(random.choice(_NAMES))


def _object(random: Random, depth: int) -> Spec:
    keys = random.sample(_KEYS, random.randint(0, 4))
    made: Spec = {"type": "object", "properties": {key: schema(random, depth) for key in keys}}
    made["required"] = [key for key in keys if random.random() < 0.5]
    if random.random() < 0.3:
        made["additionalProperties"] = random.choice((True, False, {}, {"type": "integer"}))
    return made


def _map(random: Random, depth: int) -> Spec:
    return {"type": "object", "additionalProperties": schema(random, depth)}


def _array(random: Random, depth: int) -> Spec:
    return {"type": "array", "items": schema(random, depth)}


def _choice(random: Random, depth: int) -> Spec:
    keyword = random.choice(("oneOf", "anyOf"))
    return {keyword: [schema(random, depth) for _ in range(random.randint(1, 3))]}


def _nullable(random: Random, depth: int) -> Spec:
    keyword = random.choice(("oneOf", "anyOf"))
    return {keyword: [schema(random, depth), {"type": "null"}]}


def _types(random: Random, _: int) -> Spec:
    return {"type": random.sample(("string", "integer", "number", "boolean", "null"), 2)}


def _all_of(random: Random, depth: int) -> Spec:
    return {"allOf": [ref(random.choice(_NAMES)), _object(random, depth)]}


def document(random: Random) -> Spec:
    """Return a random document."""
    responses = {
        status: {"description": status, "content": {"application/json": {"schema": _body(random)}}}
        for status in random.sample(("200", "202", "404", "4XX", "default"), 3)
    }
    if random.random() < 0.3:
        responses["204"] = {"description": "nothing"}
    if random.random() < 0.2:
        responses["500"] = {"description": "text", "content": {
            "text/plain": {"schema": {"type": "string"}}}}  # fmt: skip
    schemas = {name: schema(random, 0) for name in _NAMES[2:]}
    schemas["Alpha"] = _object(random, 1)  # may contain itself
    schemas["Beta"] = _object(random, 0)
    spec: Spec = {
        "openapi": "3.1.0",
        "info": {"title": "Random", "version": "1"},
        "servers": [{"url": "https://example.com/api"}],
        "tags": [{"name": "things"}],
        "paths": {
            "/thing": {
                "parameters": [{"name": "trace", "in": "header", "schema": {"type": "string"}}],
                "get": {
                    "operationId": "get-generation",
                    "tags": ["things"],
                    "security": [{"key": []}],
                    "parameters": [
                        {"name": "id", "in": "query", "required": True,
                         "schema": {"type": "string"}},
                    ],
                    "responses": responses,
                },
            },
            "/things/{id}": {
                "post": {
                    "parameters": [
                        {"name": "id", "in": "path", "required": True,
                         "schema": {"type": "string"}},
                    ],
                    "requestBody": {"content": {"application/json": {"schema": _body(random)}}},
                    "responses": {
                        "200": {
                            "description": "done",
                            "headers": {"X-Left": {"schema": {"type": "integer"}}},
                            "content": {"application/json": {"schema": _body(random)}},
                        },
                    },
                },
            },
        },
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas,
        },
    }  # fmt: skip
    return _straight(spec)


def _body(random: Random) -> Spec:
    return random.choice((_object, _object, _reference, _array, _choice, _map))(random, 1)


def edit(random: Random, spec: Spec, times: int = 1) -> Spec:
    """Return a copy with some random edits: of schemas mostly, of what is around them at times."""
    spec = copy.deepcopy(spec)
    for _ in range(times):
        if random.random() < 0.15:
            random.choice(_AROUND)(random, spec)
        else:
            random.choice(_EDITS)(random, random.choice(schemas(spec)))
    return _straight(spec)


def _straight(spec: Spec) -> Spec:
    """Take references out that lead in a circle, with nothing in it: no document means that."""
    components = spec["components"]["schemas"]
    for name in _NAMES:
        todo, seen = [components[name]], 0
        while todo and seen < 20:
            one, seen = todo.pop(), seen + 1
            todo += [p for key in ("allOf", "oneOf", "anyOf") for p in one.get(key, ())]
            if "$ref" in one:
                todo.append(components[one["$ref"].rpartition("/")[2]])
        if todo:
            components[name] = {"type": "boolean"}
    return spec


def schemas(spec: Spec) -> list[Spec]:
    """Return every schema of a document, at every depth."""
    found: list[Spec] = list(spec["components"]["schemas"].values())
    for item in spec["paths"].values():
        for operation in (part for key, part in item.items() if key != "parameters"):
            media = [r.get("content", {}) for r in operation["responses"].values()]
            media.append(operation.get("requestBody", {}).get("content", {}))
            found += [m["schema"] for content in media for m in content.values() if "schema" in m]
    for one in found:  # grows on the way
        found += one.get("properties", {}).values()
        found += [p for key in ("oneOf", "anyOf", "allOf") for p in one.get(key, ())]
        found += [one[key] for key in ("items", "additionalProperties")
                  if isinstance(one.get(key), dict)]  # fmt: skip
    return found


def _replace(random: Random, one: Spec) -> None:
    made = schema(random, random.randint(0, 2))
    one.clear()
    one.update(made)


def _toggle_null(_: Random, one: Spec) -> None:
    kind = one.get("type")
    if isinstance(kind, str):
        one["type"] = [kind, "null"]
        if "enum" in one:
            one["enum"] = [*one["enum"], None]
    elif isinstance(kind, list):
        rest = [k for k in kind if k != "null"] or ["string"]
        one["type"] = rest[0] if len(rest) == 1 else rest
        if "enum" in one:
            one["enum"] = [value for value in one["enum"] if value is not None]
    else:
        inner = dict(one)
        one.clear()
        one["anyOf"] = [inner, {"type": "null"}]


def _property(random: Random, one: Spec) -> None:
    if "properties" not in one:
        return
    key = random.choice(_KEYS)
    if key in one["properties"] and random.random() < 0.6:
        del one["properties"][key]
        one["required"] = [name for name in one.get("required", ()) if name != key]
        return
    one["properties"][key] = schema(random, 1)


def _require(random: Random, one: Spec) -> None:
    if one.get("properties"):
        key = random.choice(sorted(one["properties"]))
        required = one.get("required", [])
        one["required"] = (
            [name for name in required if name != key] if key in required else [*required, key]
        )


def _values(random: Random, one: Spec) -> None:
    if one.get("type") == "string":
        if "enum" in one and random.random() < 0.3:
            del one["enum"]
        else:
            one["enum"] = random.sample(_WORDS, random.randint(1, 4))


def _bound(random: Random, one: Spec) -> None:
    key = {"string": "maxLength", "integer": "maximum", "number": "minimum", "array": "minItems",
           "object": "maxProperties"}.get(str(one.get("type")))  # fmt: skip
    if key:
        one[key] = random.choice((0, 1, 5, 50))
        if random.random() < 0.3:
            del one[key]


def _note(random: Random, one: Spec) -> None:
    one[random.choice(("description", "title", "x-unit", "deprecated", "default"))] = "other"
    if one.get("default") == "other" and one.get("type") != "string":
        del one["default"]
    if one.get("deprecated") == "other":
        one["deprecated"] = True


def _open(random: Random, one: Spec) -> None:
    if one.get("type") == "object":
        one["additionalProperties"] = random.choice((True, False, {}, schema(random, 0)))
        if random.random() < 0.3:
            del one["additionalProperties"]


def _more(random: Random, one: Spec) -> None:
    for key in ("oneOf", "anyOf"):
        if key in one:
            if len(one[key]) > 1 and random.random() < 0.5:
                one[key].pop(random.randrange(len(one[key])))
            else:
                one[key].append(schema(random, 1))
            if random.random() < 0.3:
                random.shuffle(one[key])


def _wrap(random: Random, one: Spec) -> None:
    inner = dict(one)
    one.clear()
    keywords = ("oneOf", "anyOf", "allOf")  # `allOf` of what is no object is refused, or misread
    one[random.choice(keywords if inner.get("type") == "object" else keywords[:2])] = [inner]


def _format(random: Random, one: Spec) -> None:
    if one.get("type") == "string":
        one["format"] = random.choice(("date", "date-time", "uuid", "uri", "binary"))
        if random.random() < 0.4:
            del one["format"]


_EDITS = (_replace, _replace, _toggle_null, _toggle_null, _property, _property, _require, _values,
          _bound, _note, _open, _more, _wrap, _format)  # fmt: skip


def _add_status(random: Random, spec: Spec) -> None:
    responses = spec["paths"]["/thing"]["get"]["responses"] if "/thing" in spec["paths"] else {}
    status = random.choice(("200", "201", "400", "404", "4XX", "5XX", "default", "204"))
    if status in responses and len(responses) > 1:
        del responses[status]
    else:
        responses[status] = {"description": "x", "content": {
            "application/json": {"schema": _body(random)}}}  # fmt: skip


def _media(random: Random, spec: Spec) -> None:
    for item in spec["paths"].values():
        for operation in (part for key, part in item.items() if key != "parameters"):
            response = random.choice(list(operation["responses"].values()))
            content = response.setdefault("content", {})
            if content and random.random() < 0.5:
                content.pop(next(iter(content)))
            else:
                kind = random.choice(("text/plain", "application/problem+json", "text/html",
                                      "application/octet-stream", "application/json"))  # fmt: skip
                content[kind] = {"schema": random.choice(({"type": "string"}, _body(random)))}


def _rename_path(_: Random, spec: Spec) -> None:
    if "/thing" in spec["paths"]:
        spec["paths"]["/object"] = spec["paths"].pop("/thing")


def _rename_id(random: Random, spec: Spec) -> None:
    for item in spec["paths"].values():
        if "get" in item:
            item["get"]["operationId"] = random.choice(("get-generation", "get-thing"))


def _parameter(random: Random, spec: Spec) -> None:
    item = random.choice(list(spec["paths"].values()))
    listed = item.setdefault("parameters", [])
    listed.append({"name": random.choice(("view", "trace")), "in": "query",
                   "required": random.random() < 0.5, "schema": {"type": "string"}})  # fmt: skip


_AROUND = (_add_status, _add_status, _media, _rename_path, _rename_id, _parameter)


def places(value: Any, pointer: str = "#") -> list[tuple[Any, Any, str]]:
    """Return every container of a document, with each key or index in it, and its pointer."""
    found = []
    parts = value.items() if isinstance(value, dict) else enumerate(value)
    for key, part in parts:
        at = f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"
        found.append((value, key, at))
        if isinstance(part, dict | list):
            found += places(part, at)
    return found


def spoil(random: Random, spec: Spec, times: int = 1) -> Spec:
    """Return a copy in which anything may stand anywhere."""
    spec = copy.deepcopy(spec)
    for _ in range(times):
        holder, key, _at = random.choice(places(spec))
        how = random.random()
        if how < 0.6:
            holder[key] = copy.deepcopy(random.choice(_ODD))
        elif how < 0.75:
            del holder[key]
        elif isinstance(holder, dict):
            holder[random.choice(("type", "$ref", "properties", "allOf", "enum", "required",
                                  "parameters", "schema", "content", "in", "name", "security",
                                  "servers", "tags", "responses", "headers"))] = (
                copy.deepcopy(random.choice(_ODD)))  # fmt: skip
        else:
            holder.insert(key, copy.deepcopy(random.choice(_ODD)))
    return spec


def dumped(spec: Spec) -> bytes:
    """Return a document as the file that it would be."""
    return json.dumps(spec).encode()
