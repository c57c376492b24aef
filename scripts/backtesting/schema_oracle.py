"""Validates bodies against the published document, independently of the normal form.

Only the differences between OpenAPI 3.0 and JSON Schema 2020-12 are converted: `nullable`, boolean
exclusive bounds, arrays of `items`, and a discriminator, which selects one schema of `oneOf`.
"""

import math
from typing import Any
from urllib.parse import quote

import jsonschema_rs
from normalizing.located import without_pointers

_VALIDATOR_ERRORS = (ValueError, jsonschema_rs.ReferencingError, jsonschema_rs.ValidationError)
_DOCUMENT = "urn:document"
_MAX = 2**64  # from here on, the validator reads integers as doubles


class SchemaOracle:
    """Validates values against the schemas of one document, with jsonschema-rs."""

    def __init__(self, document: dict[str, Any]) -> None:
        """Take a document as it was loaded, or under its overlay."""
        schemas = as_json_schema(without_pointers(document))
        # Validators share the registry: one with a copy of a large document takes 16 MB.
        self._registry = jsonschema_rs.Registry([(_DOCUMENT, schemas)])
        self._validators: dict[str, jsonschema_rs.Draft202012Validator | None] = {}

    def allows(self, pointer: str, value: Any) -> bool:
        """Whether the schema at a pointer allows a value; an unsupported schema allows any."""
        validator = self._validator(pointer)
        return validator is None or not _is_exact(value) or validator.is_valid(value)

    def _validator(self, pointer: str) -> jsonschema_rs.Draft202012Validator | None:
        if pointer not in self._validators:
            try:
                schema = {"$ref": _DOCUMENT + _encoded(pointer)}
                validator = jsonschema_rs.Draft202012Validator(schema, registry=self._registry)
                self._validators[pointer] = validator
            except _VALIDATOR_ERRORS:
                self._validators[pointer] = None
        return self._validators[pointer]


def _encoded(reference: str, safe: str = "") -> str:
    """Return a reference as a URI, whose fragment cannot have `{`, as many paths do."""
    document, _, fragment = reference.partition("#")
    fragment = quote(fragment, safe=f"/~:@?!$&'()*+,;={safe}")
    return f"{document}#{fragment}"


def _is_exact(value: Any) -> bool:
    """Whether the validator handles the value without loss of precision."""
    if isinstance(value, dict):
        return all(map(_is_exact, value.values()))
    if isinstance(value, list):
        return all(map(_is_exact, value))
    if isinstance(value, float):
        return math.isfinite(value)
    return not isinstance(value, int) or abs(value) < _MAX


def as_json_schema(node: Any) -> Any:
    """Return a copy of a document, or of a part of one, whose schemas are JSON Schema 2020-12."""
    if isinstance(node, list):
        return [as_json_schema(part) for part in node]
    if not isinstance(node, dict):
        return node
    schema = {key: as_json_schema(part) for key, part in node.items()}
    if isinstance(schema.get("$ref"), str):
        schema["$ref"] = _encoded(schema["$ref"], "%")
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(schema.get(exclusive), bool) and schema.pop(exclusive) and bound in schema:
            schema[exclusive] = schema.pop(bound)
    if isinstance(schema.get("items"), list):
        schema["prefixItems"] = schema.pop("items")
        if "additionalItems" in schema:
            schema["items"] = schema.pop("additionalItems")
    if (
        "discriminator" in schema
        and "anyOf" not in schema
        and isinstance(schema.get("oneOf"), list)
    ):
        schema["anyOf"] = schema.pop("oneOf")  # the discriminator selects one, even if others match
    if schema.get("nullable") is True and None in _values(schema):
        return {"anyOf": [{"type": "null"}, schema]}
    return schema


def _values(schema: dict[str, Any]) -> list[Any]:
    """Return the values that a schema lists, or null if it lists none."""
    return [schema["const"]] if "const" in schema else schema.get("enum") or [None]
