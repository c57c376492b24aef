"""Finds schemas of two documents that are equivalent, so that nothing has to be reported.

Each pair of schemas is compared once, however many places use it, so that the time is proportional
to the size of the documents.
"""

from attrs import field, frozen
from normalizing.shapes import Parts, Shape

from specdiff import choices
from specdiff.changes import ChangeSet
from specdiff.document import Document
from specdiff.schemas import Choices, as_json, kind, listing, read

Pair = tuple[Parts, Parts]
Key = tuple[tuple[object, ...], tuple[object, ...]]


@frozen(eq=False)
class Similarity:
    """Finds equivalent schemas of two documents.

    Attributes:
        found: Records which schemas were compared with each other.
    """

    old: Document
    new: Document
    found: ChangeSet
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
        one, other = read(self.old, old), read(self.new, new)
        self.found.compared.update(raw.pointer for raw in (*old, *new))
        return (one.key, other.key), (one, other)

    def _explore(self, first: Key, pair: tuple[Choices, Choices]) -> None:
        """Compare a pair and everything inside it; a pair with a differing part differs."""
        holders: dict[Key, list[Key]] = {}
        unlike: list[Key] = []
        todo = [(first, pair)]
        while todo:
            key, (one, other) = todo.pop()
            if key in self._alike:
                continue
            self._alike[key], parts = self._compare(one, other)
            if not self._alike[key]:
                unlike.append(key)
            for old, new in parts:
                inner, found = self._pair(old, new)
                holders.setdefault(inner, []).append(key)
                if self._alike.get(inner) is False:
                    unlike.append(inner)
                todo.append((inner, found))
        while unlike:
            for holder in holders.pop(unlike.pop(), ()):
                self._alike[holder] = False
                unlike.append(holder)

    def _compare(self, one: Choices, other: Choices) -> tuple[bool, list[Pair]]:
        """Return whether two schemas are equal apart from their parts, and the pairs of parts."""
        pairs, gone, come = choices.matched(one.shapes, other.shapes)
        alike = not gone and not come and one.nullable == other.nullable
        if len(pairs) > 1:
            before, after = zip(*pairs, strict=True)
            alike = alike and choices.tags(one, list(before)) == choices.tags(other, list(after))
        shapes = (*one.shapes, *other.shapes)
        self.found.compared.update(raw.pointer for shape in shapes for raw in shape.raws)
        inner: list[Pair] = []
        for old, new in pairs:
            self.found.pair(old.raws[0], new.raws[0])
            alike = alike and _says(old) == _says(new)
            inner += _inside(old, new)
        return alike, inner


def _says(shape: Shape) -> tuple[object, ...]:
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
    found = [
        (parts, new.properties[name])
        for name, parts in old.properties.items()
        if name in new.properties
    ]
    for before, after in ((old.extra, new.extra), (old.items, new.items)):
        if isinstance(before, tuple) and isinstance(after, tuple):
            found.append((before, after))
    return found
