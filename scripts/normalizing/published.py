"""The published document as JSON Schema: what a judge reads that knows nothing of the normal form.

Nothing is interpreted here but what OpenAPI 3.0 writes in another way than JSON Schema 2020-12:
`nullable`, bounds that are exclusive by a boolean, arrays of `items`, and a discriminator, which
says which one of `oneOf` a value is.
"""

from typing import Any


def as_json_schema(node: Any) -> Any:
    """Return a copy of a document, or of a part of one, whose schemas are JSON Schema 2020-12."""
    if isinstance(node, list):
        return [as_json_schema(part) for part in node]
    if not isinstance(node, dict):
        return node
    made = {key: as_json_schema(part) for key, part in node.items()}
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(made.get(exclusive), bool) and made.pop(exclusive) and bound in made:
            made[exclusive] = made.pop(bound)
    if isinstance(made.get("items"), list):
        made["prefixItems"] = made.pop("items")
        if "additionalItems" in made:
            made["items"] = made.pop("additionalItems")
    if "discriminator" in made and "anyOf" not in made and isinstance(made.get("oneOf"), list):
        made["anyOf"] = made.pop("oneOf")  # its value says which one it is, whatever else fits
    if made.get("nullable") is True and None in _values(made):
        return {"anyOf": [{"type": "null"}, made]}
    return made


def _values(schema: dict[str, Any]) -> list[Any]:
    """Return the values that a schema lists; null, where it lists none."""
    return [schema["const"]] if "const" in schema else schema.get("enum") or [None]
