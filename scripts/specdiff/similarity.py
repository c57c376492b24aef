"""Finds schemas of two documents that are equivalent, and pairs equivalent alternatives.

Each pair of schemas is compared once, however many places use it, so that the time is proportional
to the size of the documents.
"""

from collections.abc import Callable
from typing import Any, Final

from attrs import evolve, field, frozen
from common.effects import Effect
from normalizing import discriminators
from normalizing.findings import UnreadableSchemaError
from normalizing.shapes import Parts, Shape

from specdiff import reading
from specdiff.changes import ChangeSet, quote
from specdiff.document import Document
from specdiff.schemas import ANY, Choices, as_json, kind, listing, read

Pair = tuple[Parts, Parts]
Pairs = list[tuple[Shape, Shape]]
Key = tuple[tuple[object, ...], tuple[object, ...]]

#: Whether two alternatives are the same.
Test = Callable[[Shape, Shape], bool]


@frozen(eq=False)
class Similarity:
    """Finds equivalent schemas of two documents.

    Attributes:
        changes: Records which schemas were compared with each other.
    """

    old: Document
    new: Document
    changes: ChangeSet
    _alike: dict[Key, bool] = field(factory=dict)

    @property
    def count(self) -> int:
        """The number of pairs of schemas that were compared."""
        return len(self._alike)

    def are_equivalent(self, old: Parts, new: Parts) -> bool:
        """Whether two schemas are equivalent, including everything inside them."""
        key, pair = self._pair(old, new)
        if key not in self._alike:
            self._explore(key, pair)
        return self._alike[key]

    def _pair(self, old: Parts, new: Parts) -> tuple[Key, tuple[Choices, Choices]]:
        old_choices, new_choices = read(self.old, old), read(self.new, new)
        self.changes.compared.update(raw.pointer for raw in (*old, *new))
        return (old_choices.key, new_choices.key), (old_choices, new_choices)

    def _explore(self, first: Key, pair: tuple[Choices, Choices]) -> None:
        """Compare a pair and everything inside it; a pair with a differing part differs."""
        holders: dict[Key, list[Key]] = {}
        unlike: list[Key] = []
        todo = [(first, pair)]
        while todo:
            key, (old_choices, new_choices) = todo.pop()
            if key in self._alike:
                continue
            self._alike[key], parts = self._compare(old_choices, new_choices)
            if not self._alike[key]:
                unlike.append(key)
            for old, new in parts:
                inner, inner_choices = self._pair(old, new)
                holders.setdefault(inner, []).append(key)
                if self._alike.get(inner) is False:
                    unlike.append(inner)
                todo.append((inner, inner_choices))
        while unlike:
            for holder in holders.pop(unlike.pop(), ()):
                self._alike[holder] = False
                unlike.append(holder)

    def _compare(self, old_choices: Choices, new_choices: Choices) -> tuple[bool, list[Pair]]:
        """Return whether two schemas are equal apart from their parts, and the pairs of parts."""
        pairs, removed, added = matched(old_choices.shapes, new_choices.shapes)
        alike = not removed and not added and old_choices.nullable == new_choices.nullable
        if len(pairs) > 1:
            before, after = zip(*pairs, strict=True)
            alike = alike and tags(old_choices, list(before)) == tags(new_choices, list(after))
        shapes = (*old_choices.shapes, *new_choices.shapes)
        self.changes.compared.update(raw.pointer for shape in shapes for raw in shape.raws)
        inner: list[Pair] = []
        for old, new in pairs:
            self.changes.pair(old.raws[0].pointer, new.raws[0].pointer)
            alike = alike and _keywords(old) == _keywords(new)
            inner += _inside(old, new)
        return alike, inner


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
    form = reading.typed_format(shape)
    return evolve(shape, bounds={"format": form} if form else {}, values=None, is_constant=False)


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


def _keywords(shape: Shape) -> tuple[object, ...]:
    """Return the properties of a shape that do not depend on its parts."""
    extra = shape.extra
    is_any = isinstance(extra, tuple) and extra[0].value in ({}, True)
    return (
        kind(shape),
        shape.type,
        as_json(shape.bounds),
        sorted(listing(shape) or ()) if shape.values is not None else None,
        shape.is_constant,
        shape.properties.keys(),
        shape.required.keys(),
        is_any if isinstance(extra, tuple) else extra,
        shape.items is not None,
    )


def _inside(old: Shape, new: Shape) -> list[Pair]:
    """Return the pairs of parts of two shapes."""
    pairs = [
        (parts, new.properties[name])
        for name, parts in old.properties.items()
        if name in new.properties
    ]
    for before, after in ((old.extra, new.extra), (old.items, new.items)):
        if isinstance(before, tuple) and isinstance(after, tuple):
            pairs.append((before, after))
    return pairs
