"""What the updates of an overlay do to a document: add to it, replace what it says, or repeat it.

Documents change under an overlay. What an action put in ahead is published one day: then the action
is obsolete, if it says the same; if it says something else, it hides what the document says.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from itertools import groupby
from typing import Any

from normalizing.located import child, pointer_of

#: Members of a schema or operation that are for people: replacing one hides nothing.
_PROSE = {"title", "description", "summary", "example", "examples", "externalDocs", "deprecated"}
#: Members that say of what a value is.
_SHAPES = {"$ref", "allOf", "anyOf", "const", "oneOf", "type"}


class UpdateKind(Enum):
    """What an update does at one place."""

    ADDED = auto()
    REPLACED = auto()
    REPEATED = auto()


@dataclass(frozen=True)
class Update:
    """What an `update` does at one place.

    Attributes:
        action: What failures call the action.
        says: What tells the action from others: its target, and what it says.
        pointer: Where in the published document.
        path: The same, from the target on.
        was: What was there; None for what is added.
        now: What the action puts there.
    """

    action: str
    says: tuple[str, str]
    pointer: str
    path: str
    kind: UpdateKind
    was: Any
    now: Any


def of(name: str, action: dict[str, Any], target: Any) -> Iterator[Update]:
    """Yield what an action is about to do to one target, place by place."""
    says = (action["target"], repr(action["update"]))
    for path, pointer, kind, was, now in _places(target, action["update"], "", "#"):
        yield Update(name, says, pointer, path, kind, was, now)


def _places(
    target: Any, said: Any, path: str, pointer: str
) -> Iterator[tuple[str, str, UpdateKind, Any, Any]]:
    pointer = pointer_of(target, pointer)
    if isinstance(target, list):
        new = said if isinstance(said, list) and path else [said]  # a target that is one gets one
        kind = UpdateKind.REPEATED if all(item in target for item in new) else UpdateKind.ADDED
        yield path, pointer, kind, target, said
    elif isinstance(target, dict) and isinstance(said, dict):
        shape = {key: target[key] for key in target.keys() & _SHAPES}
        for key, value in said.items():
            below, was = (child(path, key), child(pointer, key)), target.get(key)
            if any(isinstance(was, kind) and isinstance(value, kind) for kind in (dict, list)):
                yield from _places(was, value, *below)
            elif key in target:
                yield (
                    *below,
                    UpdateKind.REPEATED if was == value else UpdateKind.REPLACED,
                    was,
                    value,
                )
            elif key in _SHAPES and shape:  # beside what says it in another way
                yield *below, UpdateKind.REPLACED, shape, value
            else:
                yield *below, UpdateKind.ADDED, None, value


def obsolete(updates: Iterable[Update]) -> Iterator[str]:
    """Yield the actions that say only what the document says, but for the prose."""
    for action, done in groupby(updates, lambda update: update.action):
        kinds = {update.kind for update in done if not _is_prose(update)}
        if kinds == {UpdateKind.REPEATED}:
            yield action


def hiding(before: Iterable[Update], updates: Iterable[Update]) -> Iterator[Update]:
    """Yield what actions hide of a document that they did not hide of the one before it.

    An action that was not there before was made for this document: it corrects, and knowingly so.
    """
    known = [(update.says, update.path, update.was) for update in before if _replaces(update)]
    actions = {update.says for update in before}
    for update in updates:
        is_new = (update.says, update.path, update.was) not in known
        if _replaces(update) and update.says in actions and is_new:
            yield update


def _replaces(update: Update) -> bool:
    return update.kind is UpdateKind.REPLACED and not _is_prose(update)


def _is_prose(update: Update) -> bool:
    return update.path.rpartition("/")[2] in _PROSE
