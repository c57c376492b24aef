"""Overlay actions that make a document allow what the service sends."""

from collections.abc import Iterator
from typing import Any

from attrs import frozen
from backtesting import operations
from backtesting.observations import Deviation
from normalizing.located import COMPONENTS, child, json_path, pointer_of, without_pointers

from specdiff.findings import Action

_TYPES = {"array", "boolean", "integer", "number", "object", "string"}
_REASON = "Seen in recorded responses of the service: "


@frozen
class _Spot:
    """A schema in a document with its overlay applied.

    Attributes:
        pointer: Its place.
        schema: The schema, references not followed.
        published: Its place in the document as it is published.
    """

    pointer: str
    schema: dict[str, Any]
    published: str


def pointer(document: dict[str, Any], denied: Deviation) -> str:
    """Return the pointer, in the published document, of the schema that responses contradict."""
    spot = _holder(document, denied) or next(_spots(document, denied), None)
    return spot.published if spot else "#/paths"


def candidates(
    before: dict[str, Any], after: dict[str, Any], denied: Deviation
) -> list[list[Action]]:
    """Return candidate actions that may fix a document, the smallest first, to be tested.

    Args:
        before: The document before, under its overlay.
        after: The document, under its overlay.
        denied: The deviation of the responses from the document.
    """
    reason = f"{_REASON}{denied.operation} {denied.status} {denied.place} has {denied.found}."
    if holder := _holder(after, denied):
        schema = {} if denied.found in {"null", "object"} else {"type": denied.found}
        target, update = json_path(holder.pointer), {"properties": {_name(denied.place): schema}}
        return [[{"target": target, "description": reason, "update": update}]]
    spot, old = (next(_spots(document, denied), None) for document in (after, before))
    if spot is None:
        return []
    if denied.kind == "missing":
        above = spot.pointer.rpartition("/properties/")[0]
        name = _name(spot.pointer).replace("'", "\\'")
        target = f"{json_path(child(above, 'required'))}[?@ == '{name}']"
        return [[{"target": target, "description": reason, "remove": True}]]
    result: list[list[Action]] = []
    if small := _update(after, spot.schema, old.schema if old else {}, denied):
        target = json_path(spot.pointer)
        result.append([{"target": target, "description": reason, "update": small}])
    if denied.kind == "null":
        nullable = {"anyOf": [without_pointers(spot.schema), {"type": "null"}]}
        result.append(_replaced(spot, nullable, reason))
    elif old and "$ref" not in old.schema:
        result.append(_replaced(spot, without_pointers(old.schema), reason))
    return result


def _update(
    document: dict[str, Any], schema: dict[str, Any], old: dict[str, Any], denied: Deviation
) -> dict[str, Any]:
    """Return an `update`, which appends to arrays; an empty dict if none fits."""
    kind = schema.get("type")
    if denied.kind == "null":
        if str(document.get("openapi")).startswith("3.0"):
            return {} if "$ref" in schema else {"nullable": True}
        listed = {"enum": [None]} if "enum" in schema else {}
        if isinstance(kind, str):
            return {"type": [kind, "null"], **listed}
        if isinstance(kind, list):
            return {"type": ["null"], **listed}
        return next(({key: [{"type": "null"}]} for key in ("anyOf", "oneOf") if key in schema), {})
    sent_type = denied.found.partition(" ")[0]
    if not isinstance(kind, str | list) or sent_type not in _TYPES:
        return {}
    if isinstance(kind, str):
        declared = old.get("type")
        return {"type": declared if declared and declared != kind else [kind, sent_type]}
    return {"type": [sent_type]}


def _replaced(spot: _Spot, schema: dict[str, Any], reason: str) -> list[Action]:
    """Return the actions that replace a schema."""
    above, update = spot.pointer.rpartition("/")[0], {_name(spot.pointer): schema}
    return [
        {"target": json_path(spot.pointer), "description": reason, "remove": True},
        {"target": json_path(above), "description": reason, "update": update},
    ]


def _name(pointer: str) -> str:
    """Return the last key of a pointer."""
    return pointer.rpartition("/")[2].replace("~1", "/").replace("~0", "~")


def _holder(document: dict[str, Any], denied: Deviation) -> _Spot | None:
    """Return the schema that should declare an undeclared field; None for other deviations."""
    if denied.kind != "undeclared":
        return None
    above = denied._replace(place=denied.place.rpartition("/")[0])
    return next((spot for spot in _spots(document, above) if "properties" in spot.schema), None)


def _spots(document: dict[str, Any], denied: Deviation) -> Iterator[_Spot]:
    """Yield the schemas at a place in the response bodies of an operation."""
    for path, item in document["paths"].items():
        for method, operation in item.items() if isinstance(item, dict) else ():
            if not isinstance(operation, dict) or "responses" not in operation:
                continue
            route = operations.route(method, path)
            if denied.operation not in {operation.get("operationId", route), route}:
                continue
            answer = operation["responses"].get(denied.status, {})
            for media, content in (answer.get("content") or {}).items():
                if "json" in media and "schema" in content:
                    at = child("#/paths", path, method, "responses", denied.status)
                    at = child(at, "content", media, "schema")
                    keys = denied.place.split("/")[1:]
                    yield from _below(document, content["schema"], at, keys)


def _below(document: dict[str, Any], schema: Any, at: str, keys: list[str]) -> Iterator[_Spot]:
    if not isinstance(schema, dict):
        return
    if not keys:
        yield _Spot(at, schema, pointer_of(schema, at))
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference.startswith(COMPONENTS):
        name = reference.removeprefix(COMPONENTS)
        component = document["components"]["schemas"].get(name)
        yield from _below(document, component, reference, keys)
    key = _name(keys[0]) if keys else ""
    properties = schema.get("properties")
    if keys and isinstance(properties, dict) and key in properties:
        below = child(at, "properties", key)
        yield from _below(document, properties[key], below, keys[1:])
    if key == "*":
        for name in ("items", "additionalProperties"):
            yield from _below(document, schema.get(name), child(at, name), keys[1:])
    for name in ("allOf", "anyOf", "oneOf"):
        parts = schema.get(name)
        for number, part in enumerate(parts if isinstance(parts, list) else ()):
            yield from _below(document, part, child(at, name, number), keys)
