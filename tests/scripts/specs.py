"""Random small OpenAPI documents, and random edits of them, all decided by a seed.

`document` and `edit` give documents that a client can usually be generated from; `spoil` puts
arbitrary values anywhere, as in an unvalidated document.
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
    result = random.choice(makers)(random, depth - 1)
    if random.random() < 0.1:
        result["description"] = random.choice(_WORDS)
    return result


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
    result: Spec = {"type": "object", "properties": {key: schema(random, depth) for key in keys}}
    result["required"] = [key for key in keys if random.random() < 0.5]
    if random.random() < 0.3:
        result["additionalProperties"] = random.choice((True, False, {}, {"type": "integer"}))
    return result


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
    """Return a copy with some random edits, mostly of schemas."""
    spec = copy.deepcopy(spec)
    for _ in range(times):
        if random.random() < 0.15:
            random.choice(_AROUND)(random, spec)
        else:
            random.choice(_EDITS)(random, random.choice(schemas(spec)))
    return _straight(spec)


def _straight(spec: Spec) -> Spec:
    """Remove cycles of references without any content, which no real document has."""
    components = spec["components"]["schemas"]
    for name in _NAMES:
        todo, count = [components[name]], 0
        while todo and count < 20:
            node, count = todo.pop(), count + 1
            todo += [p for key in ("allOf", "oneOf", "anyOf") for p in node.get(key, ())]
            if "$ref" in node:
                todo.append(components[node["$ref"].rpartition("/")[2]])
        if todo:
            components[name] = {"type": "boolean"}
    return spec


def schemas(spec: Spec) -> list[Spec]:
    """Return every schema of a document, at every depth."""
    result: list[Spec] = list(spec["components"]["schemas"].values())
    for item in spec["paths"].values():
        for operation in (part for key, part in item.items() if key != "parameters"):
            media = [r.get("content", {}) for r in operation["responses"].values()]
            media.append(operation.get("requestBody", {}).get("content", {}))
            result += [m["schema"] for content in media for m in content.values() if "schema" in m]
    for node in result:  # grows on the way
        result += node.get("properties", {}).values()
        result += [p for key in ("oneOf", "anyOf", "allOf") for p in node.get(key, ())]
        result += [node[key] for key in ("items", "additionalProperties")
                  if isinstance(node.get(key), dict)]  # fmt: skip
    return result


def _replace(random: Random, node: Spec) -> None:
    result = schema(random, random.randint(0, 2))
    node.clear()
    node.update(result)


def _toggle_null(_: Random, node: Spec) -> None:
    kind = node.get("type")
    if isinstance(kind, str):
        node["type"] = [kind, "null"]
        if "enum" in node:
            node["enum"] = [*node["enum"], None]
    elif isinstance(kind, list):
        others = [k for k in kind if k != "null"] or ["string"]
        node["type"] = others[0] if len(others) == 1 else others
        if "enum" in node:
            node["enum"] = [value for value in node["enum"] if value is not None]
    else:
        inner = dict(node)
        node.clear()
        node["anyOf"] = [inner, {"type": "null"}]


def _property(random: Random, node: Spec) -> None:
    if "properties" not in node:
        return
    key = random.choice(_KEYS)
    if key in node["properties"] and random.random() < 0.6:
        del node["properties"][key]
        node["required"] = [name for name in node.get("required", ()) if name != key]
        return
    node["properties"][key] = schema(random, 1)


def _require(random: Random, node: Spec) -> None:
    if node.get("properties"):
        key = random.choice(sorted(node["properties"]))
        required = node.get("required", [])
        node["required"] = (
            [name for name in required if name != key] if key in required else [*required, key]
        )


def _values(random: Random, node: Spec) -> None:
    if node.get("type") == "string":
        if "enum" in node and random.random() < 0.3:
            del node["enum"]
        else:
            node["enum"] = random.sample(_WORDS, random.randint(1, 4))


def _bound(random: Random, node: Spec) -> None:
    key = {"string": "maxLength", "integer": "maximum", "number": "minimum", "array": "minItems",
           "object": "maxProperties"}.get(str(node.get("type")))  # fmt: skip
    if key:
        node[key] = random.choice((0, 1, 5, 50))
        if random.random() < 0.3:
            del node[key]


def _note(random: Random, node: Spec) -> None:
    node[random.choice(("description", "title", "x-unit", "deprecated", "default"))] = "other"
    if node.get("default") == "other" and node.get("type") != "string":
        del node["default"]
    if node.get("deprecated") == "other":
        node["deprecated"] = True


def _open(random: Random, node: Spec) -> None:
    if node.get("type") == "object":
        node["additionalProperties"] = random.choice((True, False, {}, schema(random, 0)))
        if random.random() < 0.3:
            del node["additionalProperties"]


def _more(random: Random, node: Spec) -> None:
    for key in ("oneOf", "anyOf"):
        if key in node:
            if len(node[key]) > 1 and random.random() < 0.5:
                node[key].pop(random.randrange(len(node[key])))
            else:
                node[key].append(schema(random, 1))
            if random.random() < 0.3:
                random.shuffle(node[key])


def _wrap(random: Random, node: Spec) -> None:
    inner = dict(node)
    node.clear()
    keywords = ("oneOf", "anyOf", "allOf")  # `allOf` of what is no object is refused, or misread
    node[random.choice(keywords if inner.get("type") == "object" else keywords[:2])] = [inner]


def _format(random: Random, node: Spec) -> None:
    if node.get("type") == "string":
        node["format"] = random.choice(("date", "date-time", "uuid", "uri", "binary"))
        if random.random() < 0.4:
            del node["format"]


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
    result = []
    parts = value.items() if isinstance(value, dict) else enumerate(value)
    for key, part in parts:
        at = f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"
        result.append((value, key, at))
        if isinstance(part, dict | list):
            result += places(part, at)
    return result


def spoil(random: Random, spec: Spec, times: int = 1) -> Spec:
    """Return a copy with arbitrary values in arbitrary places."""
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
    """Return a document as the content of a file."""
    return json.dumps(spec).encode()
