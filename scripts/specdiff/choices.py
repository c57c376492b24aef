"""Pairs the equivalent alternatives of two schemas."""

from collections.abc import Callable
from typing import Any, Final

from common.effects import Effect
from normalizing import discriminators
from normalizing.findings import UnreadableSchemaError
from normalizing.shapes import Shape

from specdiff import reading
from specdiff.changes import quote
from specdiff.schemas import ANY, Choices, kind, of_type

Pairs = list[tuple[Shape, Shape]]

#: Whether two alternatives are the same.
Test = Callable[[Shape, Shape], bool]


def matched(
    old: tuple[Shape, ...], new: tuple[Shape, ...]
) -> tuple[Pairs, list[Shape], list[Shape]]:
    """Pair equivalent alternatives; return the pairs, the removed and the added ones."""
    gone, come = list(old), list(new)
    pairs: Pairs = []
    for same in _TESTS:
        for shape in tuple(gone):
            twin = next((candidate for candidate in come if same(shape, candidate)), None)
            if twin is not None:
                pairs.append((shape, twin))
                gone.remove(shape)
                come.remove(twin)
    return pairs, gone, come


def tags(choices: Choices, shapes: list[Shape]) -> dict[str, Any] | None:
    """Return the discriminator of objects: a property, and the shape's number by its value."""
    numbered = [(shape, str(number)) for number, shape in enumerate(shapes) if shape.is_object]
    try:
        return discriminators.find(choices.document.reader, choices.parts, numbered)
    except UnreadableSchemaError:
        return None


def bare(shape: Shape) -> Shape:
    """Return only the type of a shape, with its format if that has its own Python type."""
    return of_type(shape, ("format",) if reading.typed_format(shape) else ())


def typed(shape: Shape) -> str:
    """Return the description of a shape's type."""
    form, name = shape.bounds.get("format"), kind(shape)
    text = "of any type" if name == ANY else name
    return f"{text} ({quote(form)})" if form is not None else text


#: The strictest first.
_TESTS: Final[tuple[Test, ...]] = (
    lambda a, b: kind(a) == kind(b) and all(
        raw.value == twin.value for raw, twin in zip(a.raws, b.raws, strict=False)),
    lambda a, b: kind(a) == kind(b) and a.raws[0].name == b.raws[0].name != "",
    lambda a, b: kind(a) == kind(b),
    lambda a, b: reading.fit(bare(a), bare(b)) is Effect.ABSORBED,
)  # fmt: skip
