"""Overlay actions that make a document allow what the service sends."""

import ast
from collections.abc import Iterator
from typing import Any

from attrs import frozen
from backtesting.observations import Deviation
from normalizing import enum_names
from normalizing.findings import UnreadableSchemaError
from normalizing.located import LocatedObject, child, json_path, without_pointers
from normalizing.operations import ApiDescription
from normalizing.reading import SchemaReader
from normalizing.shapes import Parts, Raw, Shape

from specdiff.findings import Action

#: The keywords that declare a field or list a value, by the kind of deviation.
_DECLARED_BY = {"undeclared": ("properties",), "unknown_value": ("enum", "anyOf", "oneOf")}
_TYPES = {"array", "boolean", "integer", "number", "object", "string"}
_REASON = "Seen in recorded responses of the service: "


@frozen
class _Place:
    """A schema in a document with its overlay applied.

    Attributes:
        pointer: Its place, as an overlay action finds it.
        schema: The schema, references not followed.
    """

    pointer: str
    schema: dict[str, Any]


class ResponseSchemas:
    """The schemas of the response bodies of a document.

    Attributes:
        document: The document, with its overlay applied.
    """

    def __init__(self, document: LocatedObject) -> None:
        """Create the reader of its schemas."""
        self.document = document
        self._reader = SchemaReader(document, lambda *_: None)

    def denying(self, denied: Deviation) -> Raw | None:
        """Return the schema that responses contradict."""
        return self.declaring(denied) or next(self._at(denied), None)

    def declaring(self, denied: Deviation) -> Raw | None:
        """Return the schema that should declare a field or list a value; None for the others."""
        if denied.kind not in _DECLARED_BY:
            return None
        if denied.kind == "undeclared":
            denied = denied._replace(place=denied.place.rpartition("/")[0])
        shapes = [shape for raw in self._at(denied) for shape in self._shapes((raw,))]
        raws = [raw for shape in shapes for raw in shape.raws if isinstance(raw.value, dict)]
        keywords = _DECLARED_BY[denied.kind]
        return next((raw for keyword in keywords for raw in raws if keyword in raw.value), None)

    def _at(self, denied: Deviation) -> Iterator[Raw]:
        """Yield the schemas at a place in the response bodies of an operation."""
        for operation in ApiDescription(self.document).operations:
            if denied.operation in {operation.key, operation.route}:
                for response in operation.responses:
                    for media in response.content if response.status == denied.status else ():
                        if media.kind == "json" and media.source:
                            yield from self._below((media.source,), denied.place.split("/")[1:])

    def _below(self, parts: Parts, keys: list[str]) -> Iterator[Raw]:
        if not keys:
            yield from parts
        for shape in self._shapes(parts) if keys else ():
            inner = [shape.properties.get(_name(keys[0]))]
            if keys[0] == "*":
                inner += [shape.items, shape.extra if isinstance(shape.extra, tuple) else None]
            for nested in inner:
                if nested:
                    yield from self._below(nested, keys[1:])

    def _shapes(self, parts: Parts) -> list[Shape]:
        try:
            return self._reader.intersection(parts)
        except UnreadableSchemaError:
            return []

    def place(self, raw: Raw | None) -> _Place | None:
        """Return the place of a schema; None if it does not stand in the document itself."""
        pending: list[tuple[str, Any]] = [("#", self.document)]
        while pending and raw is not None:
            pointer, node = pending.pop()
            if node is raw.value and isinstance(node, dict):
                return _Place(pointer, node)
            listed = enumerate(node) if isinstance(node, list) else ()
            parts = node.items() if isinstance(node, dict) else listed
            pending += [(child(pointer, key), part) for key, part in parts]
        return None


def candidates(
    before: ResponseSchemas, after: ResponseSchemas, denied: Deviation
) -> list[list[Action]]:
    """Return candidate actions that may fix a document, the smallest first, to be tested.

    Args:
        before: Those of the document before, under its overlay.
        after: Those of the document, under its overlay.
        denied: The deviation of the responses from the document.
    """
    reason = f"{_REASON}{denied.operation} {denied.status} {denied.place} has {denied.found}."
    if holder := after.place(after.declaring(denied)):
        update = _declaration(holder.schema, denied)
        target = json_path(holder.pointer)
        return [[{"target": target, "description": reason, "update": update}]] if update else []
    spot, old = (schemas.place(schemas.denying(denied)) for schemas in (after, before))
    if spot is None:
        return []
    if denied.kind == "missing":
        above = spot.pointer.rpartition("/properties/")[0]
        name = _name(spot.pointer).replace("'", "\\'")
        target = f"{json_path(child(above, 'required'))}[?@ == '{name}']"
        return [[{"target": target, "description": reason, "remove": True}]]
    result: list[list[Action]] = []
    if small := _update(after.document, spot.schema, old.schema if old else {}, denied):
        target = json_path(spot.pointer)
        result.append([{"target": target, "description": reason, "update": small}])
    if denied.kind == "null":
        nullable = {"anyOf": [without_pointers(spot.schema), {"type": "null"}]}
        result.append(_replaced(spot, nullable, reason))
    elif old and "$ref" not in old.schema:
        result.append(_replaced(spot, without_pointers(old.schema), reason))
    return result


def _declaration(schema: dict[str, Any], denied: Deviation) -> dict[str, Any]:
    """Return an `update` that declares a field or lists a value; empty if its text is cut."""
    if denied.kind == "undeclared":
        declared = {} if denied.found in {"null", "object"} else {"type": denied.found}
        return {"properties": {_name(denied.place): declared}}
    try:
        value = ast.literal_eval(denied.found)
    except SyntaxError:
        return {}
    if "enum" not in schema:
        return {"anyOf" if "anyOf" in schema else "oneOf": [{"const": value}]}
    names = [enum_names.member_name(value)] if enum_names.NAMES in schema else []
    return {"enum": [value], **({enum_names.NAMES: names} if names else {})}


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


def _replaced(spot: _Place, schema: dict[str, Any], reason: str) -> list[Action]:
    """Return the actions that replace a schema."""
    above, update = spot.pointer.rpartition("/")[0], {_name(spot.pointer): schema}
    return [
        {"target": json_path(spot.pointer), "description": reason, "remove": True},
        {"target": json_path(above), "description": reason, "update": update},
    ]


def _name(pointer: str) -> str:
    """Return the last key of a pointer."""
    return pointer.rpartition("/")[2].replace("~1", "/").replace("~0", "~")
