"""One alternative of a schema, and the intersection of two of them."""

import math
from collections.abc import Callable
from typing import Any

from attrs import evolve, field, frozen

from normalizing import keywords
from normalizing.keywords import HIGHER, LOWER


@frozen(eq=False)
class Raw:
    """A Schema Object as written in a document.

    Attributes:
        value: The schema: an object or a boolean.
        pointer: Its JSON pointer in the published document.
        name: The name of a class made from it, from its place or its `x-name`.
    """

    value: Any
    pointer: str
    name: str


#: The schemas of a place; a value must satisfy all of them.
Parts = tuple[Raw, ...]

#: The schemas of additional fields; False if there are none, None if the document does not say.
Extra = Parts | bool | None

#: Called with a pointer and a text where more values are allowed than in the document.
Widen = Callable[[str, str], None]


def anywhere(pointer: str, name: str) -> Parts:
    """Return the schemas of a place that allows any value."""
    return (Raw(value=True, pointer=pointer, name=name),)


@frozen(eq=False)
class Shape:
    """One alternative of a schema, without references, compositions or a choice of types.

    Nested schemas stay as written in the document and are read when needed, so that a schema may
    contain itself.

    Attributes:
        raws: The schemas that it was made from; the first gives its name.
        type: The JSON type of its values, or None if the document does not say.
        name: The name of a class made from it.
        bounds: The other constraints on its values, by keyword.
        values: The allowed values, if they are listed.
        is_constant: Whether the document gives the value as `const`.
        properties: The schemas of each property, by name.
        required: The pointer that requires a property, by name.
        extra: The schemas of additional fields; False if there are none, None if the document
            does not say.
        items: The schemas of an array's items.
        at: The pointer of each of these, by keyword.
    """

    raws: Parts
    type: str | None
    name: str
    bounds: dict[str, Any] = field(factory=dict)
    values: list[Any] | None = None
    is_constant: bool = False
    properties: dict[str, Parts] = field(factory=dict)
    required: dict[str, str] = field(factory=dict)
    extra: Extra = None
    items: Parts | None = None
    at: dict[str, str] = field(factory=dict)

    @property
    def key(self) -> tuple[object, ...]:
        """Its identity: shapes with equal keys become one class."""
        return (self.type, *sorted({id(raw.value) for raw in self.raws}))

    @property
    def is_object(self) -> bool:
        """Whether its values are objects, or it has the keywords of objects without a type."""
        if self.type is None:
            described = self.extra is not None or self.properties or self.required
            return self.values is None and bool(described)
        return self.type == "object" and self.values is None

    @property
    def is_anything(self) -> bool:
        """Whether it allows every value."""
        bound = self.bounds or self.values is not None or self.items is not None
        return self.type is None and not bound and not self.is_object

    @property
    def is_class(self) -> bool:
        """Whether it becomes a class, which has a name."""
        return self.is_object or self.is_enum

    @property
    def is_enum(self) -> bool:
        """Whether its values are strings or integers with names."""
        if self.values is None or self.is_constant or self.type not in {"string", "integer"}:
            return False
        return all(isinstance(value, str | int) for value in self.values)


def both(left: Shape, right: Shape, place: Raw, widen: Widen) -> Shape | None:
    """Return the intersection of two shapes, or None if no value can satisfy both."""
    if left.type is not None and right.type is not None and left.type != right.type:
        if {left.type, right.type} != {"integer", "number"}:
            return None
        left, right = evolve(left, type="integer"), evolve(right, type="integer")
    kind = left.type or right.type
    left, right = _of_type(left, kind), _of_type(right, kind)
    values = _values(kind, left.values, right.values)
    if values == []:
        return None
    properties = dict(left.properties)
    for name, parts in right.properties.items():
        properties[name] = joined(properties.get(name, ()), parts)
    for first, second in ((left, right), (right, left)):
        if first.extra is not None and first.extra is not True:
            beyond = second.properties.keys() - first.properties.keys()
            if beyond:
                widen(
                    first.at.get("additionalProperties", place.pointer),
                    "`additionalProperties` is not applied to the properties of other parts",
                )
    return Shape(
        raws=joined((place,), joined(left.raws, right.raws)),
        type=kind,
        name=place.name,
        bounds=_bounds(left, right, place, widen),
        values=values,
        is_constant=left.is_constant or right.is_constant,
        properties=properties,
        required={**left.required, **right.required},
        extra=_extra(left.extra, right.extra),
        items=left.items if right.items is None else joined(left.items or (), right.items),
        at={**left.at, **right.at},
    )


def joined(left: Parts, right: Parts) -> Parts:
    """Return the parts of both, without duplicates."""
    return tuple({id(raw.value): raw for raw in (*left, *right)}.values())


def _of_type(shape: Shape, kind: str | None) -> Shape:
    """Return a shape, restricted to a type if it has none."""
    if shape.type is not None or kind is None:
        return shape
    is_object, is_array = kind == "object", kind == "array"
    return evolve(
        shape,
        bounds={k: v for k, v in shape.bounds.items() if k in keywords.BINDING[kind]},
        properties=shape.properties if is_object else {},
        required=shape.required if is_object else {},
        extra=shape.extra if is_object else None,
        items=shape.items if is_array else None,
    )


def _values(kind: str | None, left: list[Any] | None, right: list[Any] | None) -> list[Any] | None:
    listed = left if right is None else right if left is None else None
    if left is not None and right is not None:
        listed = [v for v in left if any(keywords.equal(v, w) for w in right)]
    if listed is None or kind is None:
        return listed
    return [value for value in listed if keywords.is_of(kind, value)]


def _bounds(left: Shape, right: Shape, place: Raw, widen: Widen) -> dict[str, Any]:
    result = {**left.bounds, **right.bounds}
    for key in left.bounds.keys() & right.bounds.keys():
        left_bound, right_bound = left.bounds[key], right.bounds[key]
        if key in HIGHER | LOWER:
            result[key] = (
                max(left_bound, right_bound) if key in HIGHER else min(left_bound, right_bound)
            )
        elif key == "uniqueItems":
            result[key] = left_bound or right_bound
        elif key == "multipleOf" and all(isinstance(v, int) for v in (left_bound, right_bound)):
            result[key] = math.lcm(left_bound, right_bound)
        elif not keywords.equal(left_bound, right_bound):
            result[key] = left_bound
            widen(place.pointer, f"only one of several `{key}` values is enforced")
    return result


def _extra(left: Extra, right: Extra) -> Extra:
    if left is False or right is False:
        return False
    if isinstance(left, tuple) and isinstance(right, tuple):
        return joined(left, right)
    for extra in (left, right):
        if isinstance(extra, tuple):
            return extra
    return left if right is None else right
