"""Differences that nobody has looked at: what makes the comparison complete.

Two documents are compared as plain JSON, and so is what has moved with what it was before. Where
they differ and no reading of OpenAPI has said anything, the difference is reported as such: nothing
is passed over because it is not known.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from attrs import field, frozen
from common.effects import Effect

from specdiff.changes import Change, Found, Level, quote
from specdiff.document import Document, Node

_NOTES: Final = ("info", "tags", "externalDocs", "x-")
_SETS: Final = {"enum", "required", "tags", "parameters", "servers", "oneOf", "anyOf", "allOf"}

#: Where a difference is, in the old document and in the new one; None where there is nothing.
Nodes = tuple[Node | None, Node | None]


class Difference(NamedTuple):
    """A difference of two JSON values.

    Attributes:
        nodes: What differs.
        holders: What it is in, in both documents.
    """

    nodes: Nodes
    holders: tuple[Node, Node]


def add(old: Document, new: Document, found: Found) -> None:
    """Report every difference of two documents that `found` does not cover."""
    walk = Walk(dict.fromkeys(found.pairs))
    differences: list[Difference] = []
    for place, twin in found.pairs:
        before, after = old.at(place), new.at(twin)
        if place != twin and before and after:
            differences += walk.differences(before, after)
    differences += walk.differences(old.root, new.root)
    known = (_Known(found.covered, walk.old | found.followed),
             _Known(found.covered, walk.new | found.followed))  # fmt: skip
    used = _used(old) | _used(new)
    for nodes, _ in differences:
        one, other = nodes
        if one and other:
            followed = {one.pointer, other.pointer} & found.followed
            if not followed and not known[0].has(one) and not known[1].has(other):
                found.add(_change((one, other), used))
        elif one:
            for node in known[0].unknown(one):
                found.add(_change((node, None), used))
        elif other:
            for node in known[1].unknown(other):
                found.add(_change((None, node), used))
    _add_restructured(differences, found)


def _add_restructured(differences: Iterable[Difference], found: Found) -> None:
    """Report where nothing has been told of, or in, what has a difference."""
    pointers = {p for change in found.all() for p in (change.old, change.new) if p}
    known = _Known(found.covered | pointers, set())
    for nodes, (one, other) in differences:
        if any(_leads(pair, nodes) for pair in found.pairs):
            continue  # a component has another name: that is told by itself
        if not any(known.has(node) for node in (*nodes, one, other) if node):
            found.add(_restructured(one, other))


@frozen(eq=False)
class Walk:
    """Compares plain JSON.

    Attributes:
        pairs: Pointers of nodes that belong together wherever they stand, old and new.
        old: Pointers of the old document that were held against something.
        new: Those of the new one.
    """

    pairs: dict[tuple[str, str], None] = field(factory=dict)
    old: set[str] = field(factory=set)
    new: set[str] = field(factory=set)

    def differences(self, old: Node, new: Node) -> Iterator[Difference]:
        """Yield where two values differ."""
        self.old.add(old.pointer)
        self.new.add(new.pointer)
        if isinstance(old.value, dict) and isinstance(new.value, dict):
            after = dict(new.parts())
            before = dict(old.parts())
            for key, node in before.items():
                if key in after:
                    yield from self.differences(node, after[key])
                else:
                    yield Difference((node, None), (old, new))
            for key, node in after.items():
                if key not in before:
                    yield Difference((None, node), (old, new))
        elif isinstance(old.value, list) and isinstance(new.value, list):
            yield from self._lists(old, new)
        elif type(old.value) is not type(new.value) or old.value != new.value:
            yield Difference((old, new), (old, new))

    def _lists(self, old: Node, new: Node) -> Iterator[Difference]:
        before, after = list(old.items()), list(new.items())
        gone, come = _without(before, after), _without(after, before)
        if not gone and not come:
            if [node.value for node in before] != [node.value for node in after]:
                yield Difference((old, new), (old, new))
            return
        for node in tuple(gone):
            twin = next((n for n in come if (node.pointer, n.pointer) in self.pairs), None)
            twin = twin or next((n for n in come if self._is_twin(node, n)), None)
            if twin:
                gone.remove(node)
                come.remove(twin)
                yield from self.differences(node, twin)
        yield from (Difference((node, None), (old, new)) for node in gone)
        yield from (Difference((None, node), (old, new)) for node in come)

    def _is_twin(self, old: Node, new: Node) -> bool:
        """Whether two items stand at the same place, and belong to no others."""
        return _index(old) == _index(new) and not any(
            old.pointer == pair[0] or new.pointer == pair[1] for pair in self.pairs
        )


@frozen
class _Known:
    """What has been said of one document.

    Attributes:
        covered: Pointers of what has been told, with all that is below.
        walked: Pointers of what was held against something: what differs there is told there.
    """

    covered: set[str]
    walked: set[str]
    above: set[str] = field(init=False, factory=set)

    def __attrs_post_init__(self) -> None:
        self.above.update(
            pointer[:end]
            for pointer in self.covered | self.walked
            for end, character in enumerate(pointer)
            if character == "/"
        )

    def has(self, node: Node) -> bool:
        """Whether something has been told of a node, of what it is in, or of what is in it."""
        return self._is_told(node.pointer) or any(
            pointer.startswith(f"{node.pointer}/") for pointer in self.covered
        )

    def unknown(self, node: Node) -> Iterator[Node]:
        """Yield what has not been told of a node that the other document does not have."""
        if node.pointer in self.walked or self._is_told(node.pointer):
            return
        if node.pointer not in self.above:
            yield node
            return
        for part in (*(part for _, part in node.parts()), *node.items()):
            yield from self.unknown(part)

    def _is_told(self, pointer: str) -> bool:
        while pointer:
            if pointer in self.covered:
                return True
            pointer = pointer.rpartition("/")[0]
        return False


def _without(nodes: list[Node], others: list[Node]) -> list[Node]:
    """Return the items that another list does not have, or has less often."""
    left = Counter(_json(node) for node in others)
    found: list[Node] = []
    for node in nodes:
        left[_json(node)] -= 1
        if left[_json(node)] < 0:
            found.append(node)
    return found


def _json(node: Node) -> str:
    return json.dumps(node.value, sort_keys=True)


def _index(node: Node) -> str:
    return node.pointer.rpartition("/")[2]


def _used(document: Document) -> set[str]:
    """Return the pointers of the components that operations refer to, however indirectly."""
    todo = [value for key, value in document.root.parts() if key != "components"]
    found: set[str] = set()
    while todo:
        node = todo.pop()
        reference = node.says("$ref")
        if isinstance(reference, str) and reference not in found:
            found.add(reference)
            target = document.at(reference)
            todo += [target] if target else []
        todo += [part for _, part in node.parts()]
        todo += node.items()
    return found


def _leads(pair: tuple[str, str], nodes: Nodes) -> bool:
    """Whether two values are references to components that were compared with each other."""
    return nodes[0] is not None and nodes[1] is not None and (
        pair == (nodes[0].value, nodes[1].value)
    )  # fmt: skip


def _restructured(old: Node, new: Node) -> Change:
    """Return that something is said in another place, or in other words, and means the same."""
    name = _name(new.pointer)
    text = f"{quote(name)} is written in another way"
    why = "what it was was compared with what it is, and that is told by itself"
    level, effect = Level.INFO, Effect.ABSORBED
    return Change("restructured", level, text, why, effect, old.pointer, new.pointer, name)


def _name(pointer: str) -> str:
    """Return what people call the last part of a pointer."""
    above, _, name = pointer.rpartition("/")
    if name.isdecimal():
        return f"{above.rpartition('/')[2]}[{name}]"
    return name.replace("~1", "/").replace("~0", "~")


def _change(nodes: Nodes, used: set[str]) -> Change:
    old, new = (node.pointer if node else None for node in nodes)
    pointer = new or old or "#"
    name = _name(pointer)
    how = "changed" if old and new else "is new" if new else "is gone"
    rule, level, text, why = _told(nodes, pointer, name, how, used)
    return Change(rule, level, text, why, Effect.ABSORBED, old, new, name)


def _told(
    nodes: Nodes, pointer: str, name: str, how: str, used: set[str]
) -> tuple[str, Level, str, str]:
    """Return the rule, the level, the text and the reason."""
    values = [node.value for node in nodes if node]
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    if all(nodes) and numbers and values[0] == values[1]:
        text = f"{quote(name)} is written {values[1]}, was {values[0]}"
        return "number-notation-changed", Level.INFO, text, "it is the same number in JSON"
    if all(nodes) and all(isinstance(value, list) for value in values) and name in _SETS:
        text = f"{quote(name)} has another order"
        return "order-changed", Level.INFO, text, "the order says nothing"
    part = pointer[2:]
    if part.startswith("components/"):
        kind, _, rest = part.removeprefix("components/").partition("/")
        component = rest.partition("/")[0]
        sort = "schema" if kind == "schemas" else "component"
        if rest == component and not all(nodes):
            text = f"the component {quote(name)} {how}"
            why = "by itself it is not on the wire; what refers to it is listed, too"
            return f"api-{sort}-{'added' if nodes[1] else 'removed'}", Level.INFO, text, why
        if kind != "securitySchemes" and f"#/components/{kind}/{component}" not in used:
            text = f"{quote(name)} {how} in {quote(component)}, which no operation refers to"
            return f"api-{sort}-unused-changed", Level.INFO, text, "it is not on the wire"
    if part.startswith(_NOTES) or name.startswith("x-"):
        return "note-changed", Level.INFO, f"{quote(name)} {how}", "it is documentation"
    why = "this tool does not know what it means; look at it"
    return "unclassified-change", Level.WARNING, f"{quote(name)} {how}", why
