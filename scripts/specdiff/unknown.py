"""Finds the keywords of schemas that this tool does not know, wherever they stand.

A keyword may allow or forbid values. One that nobody here understands is never passed over: it is
reported, also in schemas that are new, and also where nothing changed.
"""

from collections.abc import Iterator

from common.effects import Effect

from specdiff import rules
from specdiff.changes import Change, Found, Level, quote
from specdiff.document import Document, Node, child
from specdiff.schemas import STRUCTURE

_KNOWN = STRUCTURE | rules.OWN | rules.BOUNDS.keys() | rules.NOTES.keys()
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")


def add(old: Document, new: Document, found: Found) -> None:
    """Report every keyword of the new spec's schemas that is not known."""
    known = {change.pointer for change in found.all() if change.rule == rules.UNKNOWN}
    before = set(keywords(old))
    for pointer, keyword in keywords(new):
        if pointer in known:
            continue
        there = (pointer, keyword) in before
        found.add(
            Change(
                rule=rules.UNKNOWN,
                level=Level.INFO if there else Level.WARNING,
                text=f"the keyword {quote(keyword)} is not understood",
                why="it was there before" if there else rules.NOT_UNDERSTOOD,
                effect=Effect.ABSORBED,
                old=pointer if there else None,
                new=pointer,
                subject=keyword,
            )
        )


def keywords(document: Document) -> Iterator[tuple[str, str]]:
    """Yield the unknown keywords of all schemas: where, and which."""
    for node in _roots(document.root):
        yield from _schema(node)


def _roots(node: Node) -> Iterator[Node]:
    """Yield the schemas that are not inside others."""
    if isinstance(node.value, list):
        for item in node.items():
            yield from _roots(item)
    for key, part in node.parts():
        if key == "schema":
            yield part
        elif key == "schemas" and node.pointer == "#/components":
            yield from (schema for _, schema in part.parts())
        elif key not in {"example", "examples"} and not key.startswith("x-"):
            yield from _roots(part)


def _schema(node: Node) -> Iterator[tuple[str, str]]:
    for keyword, part in node.parts():
        if keyword == "properties":
            for _, schema in part.parts():
                yield from _schema(schema)
        elif keyword in _LISTS:
            for schema in part.items():
                yield from _schema(schema)
        elif keyword in {"items", "additionalProperties"}:
            yield from _schema(part)
        elif keyword not in _KNOWN and not keyword.startswith("x-"):
            yield child(node.pointer, keyword), keyword
