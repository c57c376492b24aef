"""Compares the keywords of two schemas of one type: enums, bounds, notes, and unknown ones."""

import json

from common.effects import Effect

from specdiff import members, reading, rules
from specdiff.changes import Level, quote
from specdiff.document import Node
from specdiff.schemas import Schema
from specdiff.telling import At, Nodes, Teller


def compare(teller: Teller, old: Schema, new: Schema, at: At) -> None:
    """Tell how keywords differ; not those that `notes` looks at, where they stand."""
    _enum(teller, old, new, at)
    for keyword in sorted(old.keywords.keys() | new.keywords.keys()):
        nodes = (old.keywords.get(keyword), new.keywords.get(keyword))
        if keyword in rules.NOTES or not _differ(nodes):
            continue
        if keyword in rules.BOUNDS and all(_is_bound(node) for node in nodes):
            words = f"has {keyword} {show(nodes[1])}, had {show(nodes[0])}"
            kind = rules.bound(keyword, members.value(nodes[0]), members.value(nodes[1]))
            teller.tell(kind, at, words, nodes, Effect.ABSORBED)
        elif keyword in rules.OWN:
            _own(teller, keyword, old, new, at)
        elif keyword.startswith("x-"):
            words = f"has another {quote(keyword)}"
            teller.tell("extension-changed", at, words, nodes, Effect.ABSORBED)
        else:
            words = f"has another {quote(keyword)}, which is not understood"
            level = (Level.WARNING, rules.NOT_UNDERSTOOD)
            teller.tell_rule(rules.UNKNOWN, at, words, nodes, Effect.BROKEN, level)


def notes(teller: Teller, old: Node, new: Node, at: At) -> None:
    """Tell how two Schema Objects differ in what says nothing of values."""
    for keyword, name in rules.NOTES.items():
        nodes = (old.get(keyword), new.get(keyword))
        if _differ(nodes):
            words = f"has another {keyword}"
            teller.tell(f"{name}-changed", at, words, nodes, Effect.ABSORBED)


def _enum(teller: Teller, old: Schema, new: Schema, at: At) -> None:
    if old.values is None and new.values is None:
        return
    if old.values is None or new.values is None:
        became = new.values is not None
        kind = "became-enum" if became else "became-not-enum"
        words = "has only listed values" if became else "may have any value"
        nodes = (old.enum_node, new.enum_node)
        teller.tell(kind, at, words, nodes, Effect.ABSORBED if became else Effect.SURFACED)
        return
    for value in [v for v in new.values if v not in old.values]:
        words, nodes = f"may be {quote(value)}", (None, new.values[value])
        teller.tell("enum-value-added", at, words, nodes, Effect.SURFACED, value=value)
    for value in [v for v in old.values if v not in new.values]:
        words, nodes = f"is never {quote(value)}", (old.values[value], None)
        teller.tell("enum-value-removed", at, words, nodes, Effect.ABSORBED, value=value)


def _own(teller: Teller, keyword: str, old: Schema, new: Schema, at: At) -> None:
    if keyword == "format":
        return  # formats are compared with types
    nodes = (old.keywords.get(keyword), new.keywords.get(keyword))
    name = {"multipleOf": "multiple-of", "uniqueItems": "unique-items"}.get(keyword, keyword)
    gained, lost = ("set", "unset") if name != keyword else ("added", "removed")
    how = gained if nodes[0] is None else lost if nodes[1] is None else "changed"
    if keyword == "uniqueItems":
        how = gained if members.value(nodes[1]) else lost
    if keyword == "discriminator":
        how = "changed"
    effect = reading.fit(old, new) if keyword == "const" else Effect.ABSORBED
    words = f"has {keyword} {show(nodes[1])}, had {show(nodes[0])}"
    teller.tell(f"{name}-{how}", at, words, nodes, effect)


def _differ(nodes: Nodes) -> bool:
    """Whether two values differ as JSON; a keyword that is null is not one that is missing."""
    old, new = nodes
    if old is None or new is None:
        return old is not new
    return json.dumps(old.value, sort_keys=True) != json.dumps(new.value, sort_keys=True)


def _is_bound(node: Node | None) -> bool:
    """Whether it is a number, or nothing; in OpenAPI 3.0 two of these keywords are booleans."""
    value = members.value(node)
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def show(node: Node | None) -> str:
    """Return a node's value in backticks, or that there is none."""
    return "none" if node is None else quote(json.dumps(node.value, sort_keys=True))
