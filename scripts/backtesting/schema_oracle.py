"""Validates bodies against the published document, independently of the normal form."""

import math
from typing import Any

import jsonschema_rs
from normalizing.located import without_pointers
from normalizing.published import as_json_schema

_VALIDATOR_ERRORS = (ValueError, jsonschema_rs.ReferencingError, jsonschema_rs.ValidationError)
_MAX = 2**64  # from here on, the validator reads integers as doubles


class SchemaOracle:
    """Validates values against the schemas of one document, with jsonschema-rs."""

    def __init__(self, document: dict[str, Any]) -> None:
        """Take a document as it was loaded, or under its overlay."""
        self._document = as_json_schema(without_pointers(document))
        self._validators: dict[str, jsonschema_rs.Draft202012Validator | None] = {}

    def allows(self, pointer: str, value: Any) -> bool:
        """Whether the schema at a pointer allows a value; an unsupported schema allows any."""
        validator = self._validator(pointer)
        return validator is None or not _is_exact(value) or validator.is_valid(value)

    def _validator(self, pointer: str) -> jsonschema_rs.Draft202012Validator | None:
        if pointer not in self._validators:
            try:
                schema = {**self._document, "$ref": pointer}
                self._validators[pointer] = jsonschema_rs.Draft202012Validator(schema)
            except _VALIDATOR_ERRORS:
                self._validators[pointer] = None
        return self._validators[pointer]


def _is_exact(value: Any) -> bool:
    """Whether the validator handles the value without loss of precision."""
    if isinstance(value, dict):
        return all(map(_is_exact, value.values()))
    if isinstance(value, list):
        return all(map(_is_exact, value))
    if isinstance(value, float):
        return math.isfinite(value)
    return not isinstance(value, int) or abs(value) < _MAX
