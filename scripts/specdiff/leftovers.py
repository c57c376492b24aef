"""Differences that nobody has looked at: what makes the comparison complete.

Two documents are compared as plain JSON. Where they differ and no reading of OpenAPI has said
anything, the difference is reported as such: nothing is passed over because it is not known.
"""

import json
from collections.abc import Iterator
from typing import Any

from specdiff.changes import Change, Found, Level, quote
from specdiff.document import child
from specdiff.effects import Effect

_NOTES = ("info", "tags", "externalDocs", "x-")


def add(old: dict[str, Any], new: dict[str, Any], found: Found) -> None:
    """Report every difference of two documents that `found` does not cover."""
    for pointer, in_old, in_new in differences(old, new, "#"):
        if any(_related(pointer, known) for known in found.covered):
            continue
        found.add(_change(pointer, in_old=in_old, in_new=in_new))


def differences(old: Any, new: Any, pointer: str) -> Iterator[tuple[str, bool, bool]]:
    """Yield where two JSON values differ: the pointer, and in which of the two it exists."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            place = child(pointer, key)
            if key in old and key in new:
                yield from differences(old[key], new[key], place)
            else:
                yield place, key in old, key in new
    elif isinstance(old, list) and isinstance(new, list):
        yield from _lists(old, new, pointer)
    elif type(old) is not type(new) or old != new:
        yield pointer, True, True


def _lists(old: list[Any], new: list[Any], pointer: str) -> Iterator[tuple[str, bool, bool]]:
    """Yield the items that only one list has, and the list itself if merely the order differs."""
    before, after = ([json.dumps(item, sort_keys=True) for item in part] for part in (old, new))
    if before == after:
        return
    gone, come = ([i for i, x in enumerate(one) if x not in set(other)]
                  for one, other in ((before, after), (after, before)))  # fmt: skip
    if not gone and not come:
        yield pointer, True, True
    for index in gone:
        yield child(pointer, index), True, False
    for index in come:
        yield child(pointer, index), False, True


def _related(pointer: str, known: str) -> bool:
    return pointer == known or pointer.startswith(f"{known}/") or known.startswith(f"{pointer}/")


def _change(pointer: str, *, in_old: bool, in_new: bool) -> Change:
    name = pointer.rpartition("/")[2]
    old, new = (pointer if there else None for there in (in_old, in_new))
    part = pointer[2:]
    if name in {"enum", "required", "tags", "parameters", "servers", "oneOf", "anyOf", "allOf"}:
        why, level = "the order says nothing", Level.INFO
        text = f"{quote(name)} has another order"
        return Change("order-changed", level, text, why, Effect.ABSORBED, old, new, name)
    if part.startswith("components/"):
        kind, _, rest = part.removeprefix("components/").partition("/")
        if rest and "/" not in rest and not (in_old and in_new):
            how = "added" if in_new else "removed"
            why = "by itself it is not on the wire; what refers to it is listed, too"
            text = f"the component {quote(rest)} is {'new' if in_new else 'gone'}"
            rule = f"api-{'schema' if kind == 'schemas' else 'component'}-{how}"
            return Change(rule, Level.INFO, text, why, Effect.ABSORBED, old, new, rest)
    if part.startswith(_NOTES) or name.startswith("x-"):
        why, level = "it is documentation", Level.INFO
        text = f"{quote(name)} changed"
        return Change("note-changed", level, text, why, Effect.ABSORBED, old, new, name)
    why = "this tool does not know what it means; look at it"
    text = f"{quote(name)} {'changed' if in_old and in_new else 'is new' if in_new else 'is gone'}"
    return Change("unclassified-change", Level.WARNING, text, why, Effect.ABSORBED, old, new, name)
