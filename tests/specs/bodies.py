"""JSON bodies for a schema: such as it says, and such as no schema says."""

import copy
from random import Random
from typing import Any

ODD = (
    None, True, 0, -1, 1.5, 1e300, 10**30, 2**53 + 1, "", "x", "2024-02-30", "2024-01-01",
    "2024-01-01T00:00:00Z", "12345678123456781234567812345678", [], [None], {}, {"name": 1}, [[{}]],
)  # fmt: skip

FORMATS = {
    "date": ("2024-02-29", "1970-01-01"),
    "date-time": ("2024-02-29T12:00:00Z", "1970-01-01T00:00:00.5+01:00"),
    "uuid": ("12345678-1234-5678-1234-567812345678",),
}


def valid(  # noqa: C901 - one clause for each kind of schema
    schema: dict[str, Any], components: dict[str, Any], random: Random, depth: int = 0
) -> Any:
    """Return a value that the schema allows."""

    def part(inner: dict[str, Any]) -> Any:
        return valid(inner, components, random, depth + 1)

    if "$ref" in schema:
        return part(components[schema["$ref"].rsplit("/", 1)[1]])
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return random.choice(schema["enum"])
    if choices := schema.get("oneOf") or schema.get("anyOf"):
        value = part(random.choice(choices))
        if discriminator := schema.get("discriminator"):
            value[discriminator["propertyName"]] = random.choice(list(discriminator["mapping"]))
        return value
    if "allOf" in schema:
        required_names = schema.get("required", [])
        values = [part(_requiring(inner, required_names, components)) for inner in schema["allOf"]]
        return {k: v for value in values for k, v in value.items()} if values[1:] else values[0]
    kind = schema.get("type", "any")
    if isinstance(kind, list):
        kind = random.choice(kind)
    if kind == "object":
        return _object(schema, part, random, depth)
    if kind == "array":
        items = schema["items"] if "items" in schema else {"oneOf": schema["prefixItems"]}
        return [part(items) for _ in range(random.randrange(3 if depth < 4 else 1))]
    return _scalar(kind, schema, random)


def _requiring(
    schema: dict[str, Any], required_names: list[str], components: dict[str, Any]
) -> dict[str, Any]:
    """Return an object's schema with those of its properties required that are wanted."""
    if not required_names:
        return schema
    if "$ref" in schema:
        schema = components[schema["$ref"].rsplit("/", 1)[1]]
    more = [key for key in required_names if key in schema.get("properties", {})]
    return {**schema, "required": [*schema.get("required", []), *more]}


def _object(schema: dict[str, Any], part: Any, random: Random, depth: int) -> dict[str, Any]:
    required, result = schema.get("required", []), {}
    for key, inner in schema.get("properties", {}).items():
        if key in required or (depth < 4 and random.random() < 0.5):
            result[key] = part(inner)
    extra = schema.get("additionalProperties")
    if extra and depth < 4 and random.random() < 0.5:
        result["extra ~/"] = "anything" if extra is True else part(extra)
    return result


def _scalar(kind: str, schema: dict[str, Any], random: Random) -> Any:
    if kind == "string":
        return random.choice(FORMATS.get(schema.get("format", ""), ("", "text", "ünï…")))
    if kind == "any":
        return copy.deepcopy(random.choice(ODD))
    return {
        "null": None,
        "boolean": random.random() < 0.5,
        "integer": random.choice((0, -1, 7, 2**60)),
        "number": random.choice((0, 1, -2.5, 1e-9)),
    }[kind]


def odd(value: Any, random: Random) -> Any:
    """Return a copy of a value in which one place is not as it was."""
    value = copy.deepcopy(value)
    places = list(_places(value))
    if not places or random.random() < 0.05:
        return copy.deepcopy(random.choice(ODD))
    holder, key = random.choice(places)
    if isinstance(holder, dict) and random.random() < 0.3:
        del holder[key]
    elif isinstance(holder, dict) and random.random() < 0.3:
        holder["odd ~/"] = copy.deepcopy(random.choice(ODD))
    else:
        holder[key] = copy.deepcopy(random.choice(ODD))
    return value


def _places(value: Any) -> Any:
    keys = (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    for key in keys:
        yield value, key
        yield from _places(value[key])
