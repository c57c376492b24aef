"""Gives the schemas of a discriminated union what tells them apart.

The generator ignores `discriminator`; a union is then decoded as the schema that fits best. Where
the schemas have the same fields, nothing but the discriminator's value says which one it is. So
its property becomes an enum of the values that stand for the schema, unless it is one already.

Source: OpenAPI 3.1.0, section 4.8.25 (Discriminator Object).
"""

from collections.abc import Iterator
from typing import Any, TypeGuard

_COMPONENTS = "#/components/schemas/"


def spell_out(document: dict[str, Any]) -> None:
    """Put the values into the schemas of every discriminated union of `document`, in place."""
    components = (document.get("components") or {}).get("schemas")
    if not isinstance(components, dict):
        return
    inherited = set(_inherited(document))
    values: dict[tuple[str, str], list[str]] = {}
    for union, discriminator in _unions(document):
        key, mapping = str(discriminator.get("propertyName")), discriminator.get("mapping") or {}
        names = {value: str(target).rsplit("/", 1)[-1] for value, target in mapping.items()}
        for reference in union:
            name = reference.removeprefix(_COMPONENTS)
            own = [value for value, target in names.items() if target == name] or [name]
            values.setdefault((name, key), []).extend(own)
    for (name, key), own in values.items():
        properties = (components.get(name) or {}).get("properties") or {}
        schema = properties.get(key)
        if name not in inherited and _is_any_string(schema):
            properties[key] = {**schema, "enum": list(dict.fromkeys(own))}


def _is_any_string(schema: Any) -> TypeGuard[dict[str, Any]]:
    if not isinstance(schema, dict) or schema.get("type") != "string":
        return False
    return not schema.keys() & {"enum", "const", "format"}


def _unions(node: Any) -> Iterator[tuple[list[str], dict[str, Any]]]:
    """Yield the references of every union of references that has a discriminator, with that."""
    if isinstance(node, dict):
        union, discriminator = node.get("oneOf") or node.get("anyOf"), node.get("discriminator")
        if isinstance(union, list) and isinstance(discriminator, dict):
            parts = [part for part in union if isinstance(part, dict)]
            yield [str(part["$ref"]) for part in parts if "$ref" in part], discriminator
    for part in _parts(node):
        yield from _unions(part)


def _inherited(node: Any) -> Iterator[str]:
    """Yield the names of the schemas that others are composed of: they stand for those too."""
    if isinstance(node, dict) and isinstance(node.get("allOf"), list):
        for part in node["allOf"]:
            if isinstance(part, dict):
                yield str(part.get("$ref", "")).removeprefix(_COMPONENTS)
    for part in _parts(node):
        yield from _inherited(part)


def _parts(node: Any) -> Iterator[Any]:
    if isinstance(node, dict):
        yield from node.values()
    elif isinstance(node, list):
        yield from node
