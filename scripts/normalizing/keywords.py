"""The keywords of schemas: which are carried, for values of which type, and which say nothing.

Source: JSON Schema 2020-12, Validation; OpenAPI 3.0.4 and 3.1.1, section Schema Object.
"""

from typing import Any, Final

TYPES: Final = ("object", "array", "string", "integer", "number", "boolean", "null")

_NUMBERS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "format")

#: The keywords that are carried as they are, by the type of the values that they bind.
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

#: Of two values of these, the higher or the lower is what both say.
HIGHER: Final = {"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"}
LOWER: Final = {"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"}

#: What schemas are composed of, or what is written in another way in the normal form.
STRUCTURE: Final = {
    *("$ref", "allOf", "anyOf", "oneOf", "type", "nullable", "enum", "const", "discriminator"),
    *("properties", "required", "additionalProperties", "patternProperties", "items"),
    *("prefixItems",),
}

#: What narrows values in a way that is not carried: without it, more are allowed.
NOT_CARRIED: Final = {
    *("not", "if", "then", "else", "contains", "minContains", "maxContains", "propertyNames"),
    *("dependentRequired", "dependentSchemas", "dependencies", "unevaluatedProperties"),
    *("unevaluatedItems", "additionalItems", "$dynamicRef", "$recursiveRef"),
}

#: What says nothing of values.
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
    found = type_of(value)
    return found == kind or (kind == "number" and found == "integer")


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal; true is not 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return isinstance(one, bool) is isinstance(other, bool) and bool(one == other)
