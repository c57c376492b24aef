"""Schemas of the normal form, prepared for comparison."""

import json
from typing import Any, Final

from attrs import frozen
from normalizing.findings import UnreadableSchemaError
from normalizing.located import child, place
from normalizing.reading import anything
from normalizing.shapes import Parts, Raw, Shape

from specdiff.document import Document

ANY: Final = "any"  # the type of a schema that asks for none


@frozen(eq=False)
class Choices:
    """The alternatives of a schema: null or not, and one of several shapes.

    Attributes:
        document: Where it is from.
        parts: The schemas that it has to satisfy.
        shapes: Its alternatives but null.
        null: That it may be null, if it may by itself.
        key: What tells it from others: what a reference leads to is the same by any reference.
    """

    document: Document
    parts: Parts
    shapes: tuple[Shape, ...]
    null: Shape | None
    key: tuple[object, ...]

    @property
    def nullable(self) -> bool:
        """Whether null is allowed."""
        return self.null is not None or any(kind(shape) == ANY for shape in self.shapes)

    @property
    def single(self) -> Shape | None:
        """The only shape, or None if there are several."""
        return self.shapes[0] if len(self.shapes) == 1 else None

    @property
    def pointer(self) -> str:
        """Its pointer."""
        return self.parts[0].pointer

    @property
    def type_pointer(self) -> str:
        """The pointer of its type."""
        if self.null is not None:
            return self.null.at.get("type", self.pointer)
        value = self.parts[0].value
        is_said = isinstance(value, dict) and "type" in value
        return child(self.pointer, "type") if is_said else self.pointer

    @property
    def tags_pointer(self) -> str:
        """The pointer of its discriminator."""
        raws = [raw for raw in self._composing if "discriminator" in raw.value]
        return child(raws[0].pointer, "discriminator") if raws else self.pointer

    @property
    def keyword(self) -> str:
        """The keyword that lists the alternatives: `oneOf`, `anyOf` or `type`."""
        values = [raw.value for raw in self._composing]
        return next(
            (key for key in ("oneOf", "anyOf", "type") for s in values if key in s), "oneOf"
        )

    @property
    def _composing(self) -> list[Raw]:
        """Its schemas, and those that are part of them."""
        return self.document.reader.composing(self.parts, "allOf")

    def listed(self, shape: Shape) -> str:
        """Return the pointer of an alternative."""
        for raw in self._composing:
            for keyword in ("oneOf", "anyOf"):
                for item in self.document.reader.part_list(raw, keyword):
                    if shape.key in [s.key for s in read(self.document, (item,)).shapes]:
                        return item.pointer
            kinds = raw.value.get("type")
            if isinstance(kinds, list) and shape.type in kinds:
                return child(place(raw.value, "type"), kinds.index(shape.type))
        return shape.raws[0].pointer


def read(document: Document, parts: Parts) -> Choices:
    """Return the alternatives of a schema; a schema without a normal form allows anything."""
    pointers = tuple(raw.pointer for raw in parts)
    if pointers in document.choices:
        return document.choices[pointers]
    try:
        shapes = document.reader.intersection(parts) or [anything(parts[0])]
    except UnreadableSchemaError as error:
        document.unreadable[error.problem.pointer] = error.problem.reason
        shapes = [anything(parts[0])]
    null = next((shape for shape in shapes if shape.type == "null"), None)
    not_null = tuple(shape for shape in shapes if shape.type != "null")
    key: tuple[object, ...] = (null is not None, *(shape.key for shape in not_null))
    if isinstance(parts[0].value, bool):
        key = (parts[0].pointer,)  # there are but two of them, wherever they stand
    document.choices[pointers] = Choices(document, parts, not_null, null, key)
    return document.choices[pointers]


def kind(shape: Shape) -> str:
    """Return the explicit or implied type of a shape, or `ANY`."""
    if shape.type is not None:
        return shape.type
    return "object" if shape.is_object else "array" if shape.items is not None else ANY


def listing(shape: Shape) -> list[str] | None:
    """Return the JSON of the values that a shape lists, or None."""
    return None if shape.values is None else [as_json(value) for value in shape.values]


def type_pointer(shape: Shape) -> str:
    """Return the pointer of a shape's type."""
    return shape.at.get("type", shape.raws[0].pointer)


def value_pointer(shape: Shape, value: str) -> str:
    """Return the pointer of a listed value, given as JSON."""
    for raw in shape.raws:
        listed = raw.value.get("enum") if isinstance(raw.value, dict) else None
        for index, item in enumerate(listed if isinstance(listed, list) else ()):
            if as_json(item) == value:
                return child(place(raw.value, "enum"), index)
        if isinstance(raw.value, dict) and as_json(raw.value.get("const")) == value:
            return child(raw.pointer, "const")
    return listing_pointer(shape)


def listing_pointer(shape: Shape) -> str:
    """Return the pointer of a shape's list of values."""
    return shape.at.get("enum") or shape.at.get("const") or shape.raws[0].pointer


def as_json(value: Any) -> str:
    """Return the JSON of a value; 1.0 is written as 1."""
    is_whole = isinstance(value, float) and value.is_integer()
    return json.dumps(int(value) if is_whole else value, sort_keys=True)
