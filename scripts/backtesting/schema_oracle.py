"""What the published document says of a body, by a judge that knows nothing of the normal form."""

import math
from typing import Any

import jsonschema_rs
from normalizing.located import plain
from normalizing.published import as_json_schema

_UNJUDGED = (ValueError, jsonschema_rs.ReferencingError, jsonschema_rs.ValidationError)
_MAX = 2**64  # beyond it, the judge takes integers for doubles


class SchemaOracle:
    """Judges values by the schemas of one document, with jsonschema-rs."""

    def __init__(self, document: dict[str, Any]) -> None:
        """Take a document as it was loaded, or under its overlay."""
        self._document = as_json_schema(plain(document))
        self._judges: dict[str, jsonschema_rs.Draft202012Validator | None] = {}

    def allows(self, pointer: str, value: Any) -> bool:
        """Whether the schema at a pointer allows a value; one that cannot be judged does."""
        judge = self._judge(pointer)
        return judge is None or not _is_exact(value) or judge.is_valid(value)

    def _judge(self, pointer: str) -> jsonschema_rs.Draft202012Validator | None:
        if pointer not in self._judges:
            try:
                schema = {**self._document, "$ref": pointer}
                self._judges[pointer] = jsonschema_rs.Draft202012Validator(schema)
            except _UNJUDGED:
                self._judges[pointer] = None
        return self._judges[pointer]


def _is_exact(value: Any) -> bool:
    """Whether the judge sees the value that it is given."""
    if isinstance(value, dict):
        return all(map(_is_exact, value.values()))
    if isinstance(value, list):
        return all(map(_is_exact, value))
    if isinstance(value, float):
        return math.isfinite(value)
    return not isinstance(value, int) or abs(value) < _MAX
