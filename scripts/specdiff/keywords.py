"""Compares the keywords of two schemas of one type: what they list, and bounds."""

import json
from typing import Any

from common.effects import Effect
from normalizing.shapes import Shape

from specdiff import reading, rules
from specdiff.change_recorder import ChangeRecorder, ComparedPlace
from specdiff.changes import quote
from specdiff.schemas import as_json, listing, listing_pointer, value_pointer

#: What a change of a keyword is called, and of a keyword that is new or gone.
_WORDS = {
    "pattern": ("pattern", "added", "removed"),
    "multipleOf": ("multiple-of", "set", "unset"),
    "uniqueItems": ("unique-items", "set", "unset"),
}


def compare(recorder: ChangeRecorder, old: Shape, new: Shape, at: ComparedPlace) -> None:
    """Record the differences of keywords; formats are compared with types."""
    _values(recorder, old, new, at)
    for keyword in sorted((old.bounds.keys() | new.bounds.keys()) - {"format"}):
        before, after = old.bounds.get(keyword), new.bounds.get(keyword)
        if as_json(before) == as_json(after) or (
            keyword == "uniqueItems" and not before and not after
        ):
            continue
        if keyword in rules.BOUNDS:
            word = rules.bound(keyword, before, after)
        else:
            name, gained, lost = _WORDS[keyword]
            word = f"{name}-{gained if not before else lost if not after else 'changed'}"
        text = f"has {keyword} {show(after)}, previously {show(before)}"
        nodes = old.at.get(keyword), new.at.get(keyword)
        recorder.record(word, at, text, nodes, Effect.ABSORBED)


def _values(recorder: ChangeRecorder, old: Shape, new: Shape, at: ComparedPlace) -> None:
    """Record the differences of the values that two shapes list."""
    before, after = listing(old), listing(new)
    if before == after:
        return
    effect = reading.fit(old, new)
    if (old.is_constant or before is None) and (new.is_constant or after is None):
        how = "added" if before is None else "removed" if after is None else "changed"
        text = f"has const {_shown(after)}, previously {_shown(before)}"
        nodes = old.at.get("const"), new.at.get("const")
        recorder.record(f"const-{how}", at, text, nodes, effect)
    elif before is None or after is None:
        word = "became-enum" if before is None else "became-not-enum"
        text = "is limited to listed values" if before is None else "may have any value"
        nodes = (
            None if before is None else listing_pointer(old),
            None if after is None else listing_pointer(new),
        )
        recorder.record(word, at, text, nodes, effect)
    else:
        for value in [v for v in after if v not in before]:
            text, where = f"may be {quote(value)}", value_pointer(new, value)
            recorder.record("enum-value-added", at, text, (None, where), effect, value=value)
        for value in [v for v in before if v not in after]:
            text, where = f"is no longer {quote(value)}", value_pointer(old, value)
            recorder.record(
                "enum-value-removed", at, text, (where, None), Effect.ABSORBED, value=value
            )


def _shown(values: list[str] | None) -> str:
    return "none" if values is None else quote(values[0])


def show(value: Any) -> str:
    """Return a value in backticks, or `none`."""
    return "none" if value is None else quote(json.dumps(value, sort_keys=True))
