"""The keywords of schemas: which are supported, for values of which type, and which are ignored.

Source: JSON Schema 2020-12, Validation; OpenAPI 3.0.4 and 3.1.1, section Schema Object.
"""

from typing import Any, Final

TYPES: Final = ("object", "array", "string", "integer", "number", "boolean", "null")

_NUMBERS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "format")

#: The keywords that are copied unchanged, by the type of the values they constrain.
BINDING: Final[dict[str, frozenset[str]]] = {
    "object": frozenset({"minProperties", "maxProperties"}),
    "array": frozenset({"minItems", "maxItems", "uniqueItems"}),
    "string": frozenset({"minLength", "maxLength", "pattern", "format"}),
    "integer": frozenset(_NUMBERS),
    "number": frozenset(_NUMBERS),
    "boolean": frozenset(),
    "null": frozenset(),
}

CARRIED: Final = frozenset().union(*BINDING.values())

#: Where two schemas have these, the higher or the lower value satisfies both.
HIGHER: Final = {"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"}
LOWER: Final = {"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"}

#: Keywords that compose schemas, or that the normal form writes differently.
STRUCTURE: Final = {
    *("$ref", "allOf", "anyOf", "oneOf", "type", "nullable", "enum", "const", "discriminator"),
    *("properties", "required", "additionalProperties", "patternProperties", "items"),
    *("prefixItems",),
}

#: Keywords that restrict values and are not supported: without them, more values are allowed.
NOT_CARRIED: Final = {
    *("not", "if", "then", "else", "contains", "minContains", "maxContains", "propertyNames"),
    *("dependentRequired", "dependentSchemas", "dependencies", "unevaluatedProperties"),
    *("unevaluatedItems", "additionalItems", "$dynamicRef", "$recursiveRef"),
}

#: Keywords that do not restrict values.
ANNOTATIONS: Final = {
    *("title", "description", "default", "example", "examples", "deprecated", "readOnly"),
    *("writeOnly", "xml", "externalDocs", "$comment", "$defs", "definitions", "$schema", "$id"),
    *("id", "$anchor", "$dynamicAnchor", "$vocabulary", "contentEncoding", "contentMediaType"),
    *("contentSchema",),
}


KNOWN: Final = CARRIED | STRUCTURE | NOT_CARRIED | ANNOTATIONS


def type_of(value: Any) -> str:
    """Return the JSON type of a value; a number without a fraction is an integer."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, float):
        return "integer" if value.is_integer() else "number"
    names = {str: "string", int: "integer", list: "array", dict: "object", type(None): "null"}
    return next(name for kind, name in names.items() if isinstance(value, kind))


def is_of(kind: str, value: Any) -> bool:
    """Whether a value is of a JSON type; 64.0 is an integer."""
    actual = type_of(value)
    return actual == kind or (kind == "number" and actual == "integer")


def equal(left: Any, right: Any) -> bool:
    """Whether two JSON values are equal; true is not 1."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal, left, right))
    return isinstance(left, bool) is isinstance(right, bool) and bool(left == right)
