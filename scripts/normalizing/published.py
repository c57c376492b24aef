"""The published document as JSON Schema, for checks that are independent of the normal form.

Only the differences between OpenAPI 3.0 and JSON Schema 2020-12 are converted: `nullable`, boolean
exclusive bounds, arrays of `items`, and a discriminator, which selects one schema of `oneOf`.
"""

from typing import Any


def as_json_schema(node: Any) -> Any:
    """Return a copy of a document, or of a part of one, whose schemas are JSON Schema 2020-12."""
    if isinstance(node, list):
        return [as_json_schema(part) for part in node]
    if not isinstance(node, dict):
        return node
    schema = {key: as_json_schema(part) for key, part in node.items()}
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
