"""Finds the schema keyword that a pointer belongs to, and reports unknown keywords.

A keyword may allow or forbid values. One that the normal form does not support is always reported,
even in new schemas and where nothing changed.
"""

from collections.abc import Iterator

from common.effects import Effect
from normalizing import keywords

from specdiff import rules
from specdiff.changes import Change, ChangeSet, Level, quote
from specdiff.document import Document, Node

#: Keywords that hold schemas: by names, in a list or one, and one.
_BY_NAME = {"properties", "patternProperties", "dependentSchemas", "$defs", "definitions"}
_SCHEMAS = {"allOf", "anyOf", "oneOf", "prefixItems", "items", "additionalProperties"}

#: What holds things by names that people give, outside of schemas.
_NAMES = {"paths", "responses", "headers", "content", "callbacks", "links", "encoding", "variables"}
_NAMES |= {"webhooks"}

#: What says nothing of what is on the wire, and holds no schema.
_NOTES = {"summary", *keywords.ANNOTATIONS}


def keyword(pointer: str) -> tuple[str | None, bool, str]:
    """Return the keyword that a place of a document belongs to.

    Returns:
        The keyword whose value contains the place; whether it is a schema keyword; and the
        pointer of the keyword. The keyword is None for a schema, and for an entry of a map.
    """
    segments = pointer.split("/")
    if segments[1:2] in (["info"], ["tags"]):
        return segments[1], False, pointer
    name, in_schema, state = None, False, "root"
    for index, key in enumerate(segments[1:], start=1):
        before, state = state, _below(state, key)
        if before in {"names", "schemas"} or key.isdecimal():
            name = name if in_schema else None
        else:
            name = None if before == "components" or (before, key) == ("around", "schema") else key
        in_schema = in_schema or state in {"part", "schemas"}
        if state == "end":
            return name, in_schema, "/".join(segments[: index + 1])
    return name, in_schema, pointer


def _below(state: str, key: str) -> str:
    """Return the state below a key: `part` is a schema or a list of them, `end` no schema."""
    if state == "part":
        if key.isdecimal() or key in _SCHEMAS:
            return "part"
        return "schemas" if key in _BY_NAME else "end"
    if state in {"root", "components"} and key in {"components", "schemas"}:
        return key
    if state == "schemas" or (key == "schema" and state != "names"):
        return "part"
    if state != "names" and (key in _NOTES or key.startswith("x-")):
        return "end"
    return "names" if state == "components" or (state != "names" and key in _NAMES) else "around"


def readable_name(pointer: str) -> str:
    """Return the readable name of the last part of a pointer."""
    above, _, name = pointer.rpartition("/")
    if name.isdecimal():
        return f"{above.rpartition('/')[2]}[{name}]"
    return name.replace("~1", "/").replace("~0", "~")


def is_known(name: str) -> bool:
    """Whether the normal form supports a schema keyword, or it is an annotation."""
    return name in keywords.KNOWN - keywords.NOT_CARRIED or name.startswith("x-")


def add(old: Document, new: Document, changes: ChangeSet) -> None:
    """Report the schema keywords that are not understood."""
    reported = {change.pointer for change in changes.all() if change.rule == rules.UNKNOWN}
    before = {node.pointer for node, _ in _unknown(old.root)}
    for node, name in _unknown(new.root):
        if node.pointer in reported:
            continue
        is_in_old = node.pointer in before
        changes.add(
            Change(
                rule=rules.UNKNOWN,
                level=Level.INFO if is_in_old else Level.WARNING,
                text=f"the keyword {quote(name)} is not understood by this tool",
                why="it was already there before" if is_in_old else rules.NOT_UNDERSTOOD,
                effect=Effect.ABSORBED,
                old=node.pointer if is_in_old else None,
                new=node.pointer,
                subject=name,
            )
        )


def add_unreadable(old: Document, new: Document, changes: ChangeSet) -> None:
    """Report the parts that cannot be read, and those that can be read now."""
    before_problems, problems = old.problems, new.problems
    for pointer in {**before_problems, **problems}:
        before_it, reason = before_problems.get(pointer), problems.get(pointer)
        if before_it == reason:
            continue
        name = readable_name(pointer)
        changes.add(
            Change(
                rule=rules.UNREADABLE,
                level=Level.WARNING,
                text=f"{quote(name)} {'cannot' if reason else 'could not'} be read",
                why=f"it {reason or before_it}",
                effect=Effect.ABSORBED,
                old=pointer if before_it else None,
                new=pointer if reason else None,
                subject=name,
            ),
            keys=(),
        )


def _unknown(node: Node, state: str = "root") -> Iterator[tuple[Node, str]]:
    """Yield the unknown keywords of all schemas."""
    listed = ((str(index), item) for index, item in enumerate(node.items()))
    for key, part in (*node.parts(), *listed):
        below = _below(state, key)
        if below != "end":
            yield from _unknown(part, below)
        elif state == "part" and not is_known(key):
            yield part, key
