"""Bodies made from the spec itself, as it says and not quite, and what is wrong with a body."""

import copy
import json
import math
import re
from pathlib import Path

from hypothesis import strategies as st
from ruamel.yaml import YAML

from modelgates_api.api.generations.get_generation import OPERATION as GET_GENERATION

SPEC = YAML(typ="safe", pure=True).load(Path(__file__).parents[2] / "openapi.yaml")
OPERATION = next(
    operation
    for path in SPEC["paths"].values()
    for operation in path.values()
    if operation["operationId"] == GET_GENERATION.id
)
#: The schema of each documented status.
SCHEMAS = {
    int(status): next(iter(response["content"].values()))["schema"]
    for status, response in OPERATION["responses"].items()
}


def resolved(schema):
    """Follow a reference."""
    return (
        SPEC["components"]["schemas"][schema["$ref"].split("/")[-1]] if "$ref" in schema else schema
    )


def kinds(schema):
    """Return the schemas that a schema is a choice of, references followed.

    One of constants is an enum, and `nullable` is that of OpenAPI 3.0.
    """
    schema = resolved(schema)
    null = [{"type": "null"}] if schema.get("nullable") else []
    if len(schema.get("allOf", ())) == 1:
        return kinds(schema["allOf"][0]) + null
    types = schema.get("type")
    if isinstance(types, list):
        return [{**schema, "type": kind} for kind in types]
    choices = [resolved(choice) for key in ("oneOf", "anyOf") for choice in schema.get(key, ())]
    if choices and all("const" in choice for choice in choices):
        return [{"type": "string", "enum": [choice["const"] for choice in choices]}, *null]
    if not choices:
        return [schema, *null]
    return [kind for choice in choices for kind in kinds(choice)] + null


SCALARS = {
    "null": st.none(),
    "boolean": st.booleans(),
    "string": st.text(max_size=20),
    "integer": st.integers() | st.integers(-100, 100).map(float),
    "number": st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53),
}
#: Strings of a format: what makes them, and what they match.
FORMATS = {
    "date-time": (
        st.datetimes().map(lambda moment: f"{moment.isoformat()}Z"),
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)",
    ),
    "date": (st.dates().map(str), r"\d{4}-\d\d-\d\d"),
    "uuid": (st.uuids().map(str), r"[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}"),
}
ANYTHING = st.recursive(
    st.one_of(*SCALARS.values()),
    lambda parts: (
        st.lists(parts, max_size=3) | st.dictionaries(st.text(max_size=9), parts, max_size=3)
    ),
    max_leaves=5,
)


def values(schema):
    """Return a strategy of the values that a schema takes."""
    return st.one_of([_values(kind) for kind in kinds(schema)])


def _values(schema):
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if schema["type"] == "array":
        return st.lists(values(schema["items"]), max_size=3)
    if schema["type"] != "object":
        made, _ = FORMATS.get(schema.get("format"), (SCALARS[schema["type"]], ""))
        return made
    if "additionalProperties" in schema:
        return st.dictionaries(st.text(max_size=9), ANYTHING, max_size=3)
    fields = {key: values(part) for key, part in schema["properties"].items()}
    required = {key: fields.pop(key) for key in schema.get("required", ())}
    return st.fixed_dictionaries(required, optional=fields)


#: What is wrong nearly everywhere, and some things that are not quite.
ODD = [
    *(
        None,
        True,
        False,
        0,
        1,
        64.0,
        0.5,
        -0.0,
        1e300,
        math.inf,
        -math.inf,
        2**53,
        2**53 + 1,
        10**30,
        10**400,
    ),
    *("", "1", "true", "new value", "\ud800", "\x00", [], [[]], [None], {}, {"a": {"~/": [1]}}),
    json.loads("[" * 15 + "]" * 15),
]


@st.composite
def mutated(draw, schema):
    """Draw a body that deviates from the spec in up to five places."""
    body = draw(values(schema))
    for _ in range(draw(st.integers(1, 5))):
        owner = draw(st.sampled_from(list(containers(body))))
        odd = copy.deepcopy(draw(st.sampled_from(ODD)))
        if isinstance(owner, list):
            owner.insert(draw(st.integers(0, len(owner))), odd)
        elif owner and draw(st.booleans()):
            key = draw(st.sampled_from(sorted(owner)))
            owner[key] = odd
            if draw(st.booleans()):
                del owner[key]
        else:
            owner[draw(st.sampled_from(["new field", "a/b~c", "", "\ud800", "id", "code"]))] = odd
    return body


def containers(value):
    """Yield the objects and arrays in a value."""
    if isinstance(value, dict | list):
        yield value
        for part in value.values() if isinstance(value, dict) else value:
            yield from containers(part)


def as_json(body):
    """Return the body as it is sent; numbers beyond a double are sent as 1e999."""
    return json.dumps(body).replace("Infinity", "1e999").encode()


def deviations(schema, value, at=""):
    """Return the kind of each deviation from the spec by its JSON pointer.

    Independent of the decoders, for comparison with `drift`.
    """
    choices = kinds(schema)
    if value is None:
        return {} if any(choice.get("type") == "null" for choice in choices) else {at: "null"}
    fitting = [choice for choice in choices if _is_of_type(choice, value)]
    if not fitting:
        return {at: "type"}
    schema = fitting[0]
    if value not in schema.get("enum", [value]):
        return {at: "unknown_value"}
    result = {}
    for index, item in enumerate(value if schema["type"] == "array" else []):
        result |= deviations(schema["items"], item, f"{at}/{index}")
    if schema["type"] == "object" and "additionalProperties" not in schema:
        for key in {*schema["properties"], *value}:
            result |= _field_deviations(schema, key, value, at)
    return result


def _field_deviations(schema, key, owner, at):
    at = f"{at}/{key.replace('~', '~0').replace('/', '~1')}"
    if key not in schema["properties"]:
        return {at: "undeclared"}
    if key in owner:
        return deviations(schema["properties"][key], owner[key], at)
    return {at: "missing"} if key in schema.get("required", ()) else {}


def _is_of_type(schema, value):
    kind = schema["type"]
    if isinstance(value, bool):
        return kind == "boolean"
    if isinstance(value, int | float):
        is_whole = isinstance(value, int) or value.is_integer()
        is_exact = abs(value) < 2**1024 and float(value) == value  # an integer may be larger
        return (kind == "integer" and is_whole) or (kind == "number" and is_exact)
    if isinstance(value, str) and kind == "string":
        _, pattern = FORMATS.get(schema.get("format"), (None, ".*"))
        return bool(re.fullmatch(pattern, value, re.DOTALL | re.IGNORECASE))
    return isinstance(value, {"array": list, "object": dict}.get(kind, ()))
