"""Classifies the updates of an overlay: they add, replace or repeat values of a document.

The document changes while the overlay stays. When the document gains a value that an action adds,
the action is obsolete if the values are equal; otherwise it hides the value of the document.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from itertools import groupby
from typing import Any

from normalizing.located import child, pointer_of

#: Members of a schema or operation that are documentation: replacing one hides nothing.
_PROSE = {"title", "description", "summary", "example", "examples", "externalDocs", "deprecated"}
#: Members that define the type of a value.
_SHAPES = {"$ref", "allOf", "anyOf", "const", "oneOf", "type"}


class UpdateKind(Enum):
    """The effect of an update at one place."""

    ADDED = auto()
    REPLACED = auto()
    REPEATED = auto()


@dataclass(frozen=True)
class Update:
    """The effect of an `update` at one place.

    Attributes:
        action: The action's name in error messages.
        identity: The identity of the action: its target and its value.
        pointer: The JSON pointer in the published document.
        path: The same, relative to the target.
        was: The previous value; None for an added value.
        now: The new value.
    """

    action: str
    identity: tuple[str, str]
    pointer: str
    path: str
    kind: UpdateKind
    was: Any
    now: Any


def effects(name: str, action: dict[str, Any], target: Any) -> Iterator[Update]:
    """Yield the effects of an action on one target, place by place."""
    for path, pointer, kind, was, now in _places(target, action["update"], "", "#"):
        yield Update(name, identity(action), pointer, path, kind, was, now)


def identity(action: dict[str, Any]) -> tuple[str, str]:
    """Return what makes an action the same one in another overlay."""
    return action["target"], repr(action.get("update"))


def _places(
    target: Any, value_in_update: Any, path: str, pointer: str
) -> Iterator[tuple[str, str, UpdateKind, Any, Any]]:
    pointer = pointer_of(target, pointer)
    if isinstance(target, list):
        new = (
            value_in_update if isinstance(value_in_update, list) and path else [value_in_update]
        )  # an array target gets one item
        kind = UpdateKind.REPEATED if all(item in target for item in new) else UpdateKind.ADDED
        yield path, pointer, kind, target, value_in_update
    elif isinstance(target, dict) and isinstance(value_in_update, dict):
        shape = {key: target[key] for key in target.keys() & _SHAPES}
        for key, value in value_in_update.items():
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
            elif key in _SHAPES and shape:  # next to another definition of the type
                yield *below, UpdateKind.REPLACED, shape, value
            else:
                yield *below, UpdateKind.ADDED, None, value


def obsolete(updates: Iterable[Update]) -> Iterator[str]:
    """Yield the actions that only repeat the document, apart from documentation."""
    for action, done in groupby(updates, lambda update: update.action):
        kinds = {update.kind for update in done if not _is_prose(update)}
        if kinds == {UpdateKind.REPEATED}:
            yield action


def hiding(before: Iterable[Update], updates: Iterable[Update]) -> Iterator[Update]:
    """Yield the values that actions hide in a document, and did not hide in the previous one.

    A new action is left out: it was written for this document, so it corrects it deliberately.
    """
    known_replacements = [
        (update.identity, update.path, update.was) for update in before if _replaces(update)
    ]
    actions = {update.identity for update in before}
    for update in updates:
        is_new = (update.identity, update.path, update.was) not in known_replacements
        if _replaces(update) and update.identity in actions and is_new:
            yield update


def _replaces(update: Update) -> bool:
    return update.kind is UpdateKind.REPLACED and not _is_prose(update)


def _is_prose(update: Update) -> bool:
    return update.path.rpartition("/")[2] in _PROSE
