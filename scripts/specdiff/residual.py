"""Reports the differences that no other module covers, so that the comparison is complete.

Two documents are compared as plain JSON; parts that have moved are compared with their old version.
A difference that no other module has reported is reported here, so that unknown parts of a document
are never ignored. Schemas whose normal forms are equal are equivalent; all of their rewrites are
reported in one line.
"""

import itertools
import json
from collections import Counter
from collections.abc import Iterator
from typing import Final, NamedTuple

from attrs import field, frozen
from common.effects import Effect
from normalizing import keywords

from specdiff import rules, unknown
from specdiff.changes import Change, ChangeSet, Level, quote
from specdiff.document import Document, Node

_SETS: Final = {"enum", "required", "tags", "parameters", "servers", "oneOf", "anyOf", "allOf"}
_NOTES: Final = {"info", "tags", "externalDocs", "summary", *keywords.ANNOTATIONS}

#: What the normal form carries, but not all of what it says.
_WIDENED: Final = {"patternProperties", "prefixItems"}


class JSONDifference(NamedTuple):
    """A difference of two JSON values.

    Attributes:
        old: What was; None where there was nothing.
        new: What is; None where there is nothing.
        holders: What it is in, in both documents.
    """

    old: Node | None
    new: Node | None
    holders: tuple[Node, Node]

    @property
    def nodes(self) -> list[Node]:
        """The existing ones of the two nodes."""
        return [node for node in (self.old, self.new) if node]

    @property
    def places(self) -> tuple[str, str]:
        """Its pointers in both documents."""
        last = self.nodes[-1].pointer.rpartition("/")[2]
        old, new = (
            node.pointer if node else f"{holder.pointer}/{last}"
            for node, holder in zip((self.old, self.new), self.holders, strict=True)
        )
        return old, new

    @property
    def keywords(self) -> tuple[str | None, str | None]:
        """The pointers of the enclosing keyword, in each document that has it."""
        old, new = (
            where if node or where != place else None
            for node, place, where in (
                (node, place, unknown.keyword(place)[2])
                for node, place in zip((self.old, self.new), self.places, strict=True)
            )
        )
        return old, new


def add(old: Document, new: Document, changes: ChangeSet) -> None:
    """Report every difference of two documents that `found` does not cover."""
    walk = DocumentWalk(dict.fromkeys(changes.pairs))
    differences: list[JSONDifference] = []
    for place, twin in changes.pairs:
        before, after = old.at(place), new.at(twin)
        if place != twin and before and after:
            differences += walk.differences(before, after)
    differences += walk.differences(old.root, new.root)
    covered_places = (_CoveredPlaces(changes.covered, walk.old | changes.followed),
             _CoveredPlaces(changes.covered, walk.new | changes.followed))  # fmt: skip
    unreadable = {c.pointer for c in changes.all() if c.rule == rules.UNREADABLE}
    used, is_read = _used(old) | _used(new), not (old.unreadable or new.unreadable)
    for difference in differences:
        for part in _unreported(difference, covered_places, changes):
            change = _change(part, used, is_read=is_read and _is_compared(part, changes))
            if change is None:
                _restate(part, changes)
            elif change.rule != rules.UNCLASSIFIED or change.pointer not in unreadable:
                changes.add(change, keys=())
    _add_restated(differences, changes)


def _unreported(
    difference: JSONDifference,
    covered_places: "tuple[_CoveredPlaces, _CoveredPlaces]",
    changes: ChangeSet,
) -> Iterator[JSONDifference]:
    """Yield the parts of a difference that are not reported yet."""
    old, new, holders = difference
    name, in_schema, _ = unknown.keyword(difference.places[1])
    if in_schema and name and (_is_annotation(name) or not unknown.is_known(name)):
        yield difference
    elif old and new:
        followed = {old.pointer, new.pointer} & changes.followed
        if not (
            _leads(difference, changes)
            or followed
            or covered_places[0].has(old)
            or covered_places[1].has(new)
        ):
            yield difference
    elif old:
        yield from (JSONDifference(node, None, holders) for node in covered_places[0].unknown(old))
    elif new:
        yield from (JSONDifference(None, node, holders) for node in covered_places[1].unknown(new))
    if in_schema and name not in {None, "properties"}:
        for node in difference.nodes if not (old and new) else ():
            if node.pointer not in changes.covered:
                for note in _annotations(node):
                    yield JSONDifference(note if old else None, note if new else None, holders)


def _annotations(node: Node) -> Iterator[Node]:
    """Yield the annotations of schemas in a part that only one document has."""
    for part in (*(part for _, part in node.parts()), *node.items()):
        name, _, where = unknown.keyword(part.pointer)
        if name and _is_annotation(name):
            if where == part.pointer:
                yield part
        else:
            yield from _annotations(part)


def _add_restated(differences: list[JSONDifference], changes: ChangeSet) -> None:
    """Report all equivalent rewrites as one change."""
    reported = {p for change in changes.all() for p in (change.old, change.new) if p}
    covered_places = _CoveredPlaces(changes.covered | reported, set())
    for difference in differences:
        if _leads(difference, changes):
            continue  # a renamed component is reported separately
        if not any(covered_places.has(node) for node in (*difference.nodes, *difference.holders)):
            _restate(difference, changes)
    places = [(old or new or "#", new or old or "#") for old, new in changes.restated]
    if not places:
        return
    before, after = (_common([pair[side] for pair in places]) for side in (0, 1))
    name, count = unknown.readable_name(after), len(places)
    text = f"{quote(name)} is restructured"
    if count > 1:
        text = f"{count} places are restructured without a change of meaning"
    why = "old and new were compared by meaning; any differences are listed separately"
    level, effect = Level.INFO, Effect.ABSORBED
    changes.add(Change("restructured", level, text, why, effect, before, after, name))


def _restate(difference: JSONDifference, changes: ChangeSet) -> None:
    """Record that what holds a difference is equivalent."""
    old, new = difference.holders
    has_moved = old.pointer.count("/") == new.pointer.count("/") and old.value == new.value
    if not has_moved:  # or else it has moved with what it is in
        changes.restate(old.pointer, new.pointer)


def _leads(difference: JSONDifference, changes: ChangeSet) -> bool:
    """Whether two values are references to components that were compared with each other."""
    values = [node.value for node in difference.nodes]
    return all(isinstance(value, str) for value in values) and tuple(values) in changes.pairs


def _is_compared(difference: JSONDifference, changes: ChangeSet) -> bool:
    """Whether the difference is in a schema that was compared."""
    pointer = difference.nodes[-1].pointer
    while pointer and pointer not in changes.compared:
        pointer = pointer.rpartition("/")[0]
    return bool(pointer)


def _common(pointers: list[str]) -> str:
    """Return the common parent of pointers."""
    columns = itertools.takewhile(
        lambda column: len(set(column)) == 1,
        zip(*(pointer.split("/") for pointer in pointers), strict=False),
    )
    return "/".join(column[0] for column in columns)


@frozen(eq=False)
class DocumentWalk:
    """Compares plain JSON.

    Attributes:
        pairs: Pointers of nodes that belong together wherever they stand, old and new.
        old: Pointers of the old document that were held against something.
        new: Those of the new one.
    """

    pairs: dict[tuple[str, str], None] = field(factory=dict)
    old: set[str] = field(factory=set)
    new: set[str] = field(factory=set)
    _paired: tuple[set[str], set[str]] = field(init=False, factory=lambda: (set(), set()))

    def __attrs_post_init__(self) -> None:
        for side in (0, 1):
            self._paired[side].update(pair[side] for pair in self.pairs)

    def differences(self, old: Node, new: Node) -> Iterator[JSONDifference]:
        """Yield the differences of two values."""
        self.old.add(old.pointer)
        self.new.add(new.pointer)
        if isinstance(old.value, dict) and isinstance(new.value, dict):
            after = dict(new.parts())
            before = dict(old.parts())
            for key, node in before.items():
                if key in after:
                    yield from self.differences(node, after[key])
                else:
                    yield JSONDifference(node, None, (old, new))
            for key, node in after.items():
                if key not in before:
                    yield JSONDifference(None, node, (old, new))
        elif isinstance(old.value, list) and isinstance(new.value, list):
            yield from self._lists(old, new)
        elif type(old.value) is not type(new.value) or old.value != new.value:
            yield JSONDifference(old, new, (old, new))

    def _lists(self, old: Node, new: Node) -> Iterator[JSONDifference]:
        before, after = list(old.items()), list(new.items())
        removed, added = _without(before, after), _without(after, before)
        if not removed and not added:
            if [node.value for node in before] != [node.value for node in after]:
                yield JSONDifference(old, new, (old, new))
            return
        for node in tuple(removed):
            twin = next((n for n in added if (node.pointer, n.pointer) in self.pairs), None)
            twin = twin or next((n for n in added if self._is_twin(node, n)), None)
            if twin:
                removed.remove(node)
                added.remove(twin)
                yield from self.differences(node, twin)
        yield from (JSONDifference(node, None, (old, new)) for node in removed)
        yield from (JSONDifference(None, node, (old, new)) for node in added)

    def _is_twin(self, old: Node, new: Node) -> bool:
        """Whether two items have the same index and are not paired with others."""
        paired = old.pointer in self._paired[0] or new.pointer in self._paired[1]
        return _index(old) == _index(new) and not paired


@frozen
class _CoveredPlaces:
    """The pointers of one document that are already covered.

    Attributes:
        covered: Pointers of what has been told, with all that is below.
        walked: Pointers of what was held against something: what differs there is told there.
    """

    covered: set[str]
    walked: set[str]
    _above: dict[str, bool] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        for pointers, is_covered in ((self.walked, False), (self.covered, True)):
            for pointer in pointers:
                for end, character in enumerate(pointer):
                    if character == "/":
                        self._above[pointer[:end]] = is_covered

    def has(self, node: Node) -> bool:
        """Whether a node, one of its parents or one of its parts is covered."""
        return self._is_covered(node.pointer) or self._above.get(node.pointer, False)

    def unknown(self, node: Node) -> Iterator[Node]:
        """Yield the uncovered parts of a node that only this document has."""
        if node.pointer in self.walked or self._is_covered(node.pointer):
            return
        if node.pointer not in self._above:
            yield node
            return
        for part in (*(part for _, part in node.parts()), *node.items()):
            yield from self.unknown(part)

    def _is_covered(self, pointer: str) -> bool:
        while pointer:
            if pointer in self.covered:
                return True
            pointer = pointer.rpartition("/")[0]
        return False


def _without(nodes: list[Node], subtrahend: list[Node]) -> list[Node]:
    """Return the items that the other list has fewer times."""
    remaining = Counter(_json(node) for node in subtrahend)
    result: list[Node] = []
    for node in nodes:
        remaining[_json(node)] -= 1
        if remaining[_json(node)] < 0:
            result.append(node)
    return result


def _json(node: Node) -> str:
    return _text(node.value)


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True)


def _index(node: Node) -> str:
    return node.pointer.rpartition("/")[2]


def _used(document: Document) -> set[str]:
    """Return the pointers of the components that operations refer to, however indirectly."""
    pending = [value for key, value in document.root.parts() if key != "components"]
    references: set[str] = set()
    while pending:
        node = pending.pop()
        reference = node.get_value("$ref")
        if isinstance(reference, str) and reference not in references:
            references.add(reference)
            target = document.at(reference)
            pending += [target] if target else []
        pending += [part for _, part in node.parts()]
        pending += node.items()
    return references


def _is_annotation(name: str) -> bool:
    return name in _NOTES or name.startswith("x-")


def _change(difference: JSONDifference, used: set[str], *, is_read: bool) -> Change | None:
    """Return the change for a difference; None if both sides are equivalent.

    Args:
        difference: The difference.
        used: The components that operations refer to.
        is_read: Whether the schemas were read and compared, so that what is not told is the same.
    """
    old, new = (node.pointer if node else None for node in difference[:2])
    pointer = new or old or "#"
    keyword, in_schema, _ = unknown.keyword(difference.places[1])
    how = "changed" if old and new else "is new" if new else "is gone"
    part = pointer[2:]
    kind, _, path = part.removeprefix("components/").partition("/")
    component = path.partition("/")[0] if part.startswith("components/") else ""
    sort = "schema" if kind == "schemas" else "component"
    name, effect = unknown.readable_name(pointer), Effect.ABSORBED
    text = f"{quote(name)} {how}"
    if component and path == component and how != "changed":
        rule, level = f"api-{sort}-{'added' if new else 'removed'}", Level.INFO
        text = f"the component {quote(name)} {how}"
        why = "it is not sent by itself; changes in what refers to it are listed separately"
    elif component and kind != "securitySchemes" and (
        f"#/components/{kind}/{component}" not in used
    ):  # fmt: skip
        rule, level, why = f"api-{sort}-unused-changed", Level.INFO, "it is not sent"
        text = f"{quote(name)} {how} in {quote(component)}, which no operation refers to"
    elif keyword and _is_annotation(keyword):
        if _same_examples(difference, keyword):
            return None
        old, new = difference.keywords
        annotation = "note" if keyword in {"info", "tags"} else rules.NOTES.get(keyword, keyword)
        rule = f"{'extension' if keyword.startswith('x-') else annotation}-changed"
        level, why = Level.INFO, "it is documentation"
        if keyword not in {"info", "tags"}:  # the name of the part that differs says more
            name = keyword
            holder = (new or old or "#").rpartition("/")[0]
            text = f"{quote(unknown.readable_name(holder))} has a different {quote(keyword)}"
    elif in_schema and keyword and not unknown.is_known(keyword):
        old, new = difference.keywords
        text = f"the keyword {quote(keyword)} {how}; this tool does not understand it"
        rule, level, why = rules.UNKNOWN, Level.WARNING, rules.NOT_UNDERSTOOD
        name, effect = keyword, Effect.BROKEN
    elif _is_of_numbers(difference):
        rule, level, why = "number-notation-changed", Level.INFO, "it is the same number in JSON"
    elif _is_of_lists(difference) and unknown.readable_name(pointer) in _SETS:
        rule, level, why = "order-changed", Level.INFO, "the order has no meaning"
        text = f"{quote(name)} has a different order"
    elif pointer == "#/openapi" or (
        in_schema and keyword and is_read and not _is_lost(difference, keyword)
    ):
        return None
    else:
        rule, level = rules.UNCLASSIFIED, Level.WARNING
        why = "this tool does not know what it means; review it"
    return Change(rule, level, text, why, effect, old, new, name)


def _same_examples(difference: JSONDifference, keyword: str) -> bool:
    """Whether two documents give the same examples, as OpenAPI 3.0 and 3.1 do."""
    if keyword not in {"example", "examples"} or (difference.old and difference.new):
        return False
    listed = [
        [holder.get_value("example")] if holder.has("example") else holder.get_value("examples")
        for holder in difference.holders
    ]
    return _text(listed[0]) == _text(listed[1])


def _is_of_numbers(difference: JSONDifference) -> bool:
    values = [node.value for node in difference.nodes]
    are_numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    return len(values) > 1 and are_numbers and bool(values[0] == values[1])


def _is_of_lists(difference: JSONDifference) -> bool:
    return len(difference.nodes) > 1 and all(isinstance(n.value, list) for n in difference.nodes)


def _is_lost(difference: JSONDifference, keyword: str) -> bool:
    """Whether the normal form loses information of a keyword."""
    if keyword in _WIDENED:
        return True
    kinds = {type(node.value) for node in difference.nodes}
    return keyword in keywords.CARRIED and len(difference.nodes) > 1 and bool not in kinds
