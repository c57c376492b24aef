"""Findings other than changes: contradicting responses and obsolete overlay actions."""

from collections.abc import Iterable, Iterator
from typing import Any

from attrs import frozen
from codegen import updates
from codegen.updates import Update
from common.tool_errors import one_line

from specdiff.changes import quote

#: An action of an overlay, as its document has it.
Action = dict[str, Any]


@frozen
class SpecFinding:
    """A problem of the new spec or of its overlay.

    Attributes:
        rule: What kind of thing it is; stable.
        pointer: Where in the new document, as a JSON pointer.
        text: What was found, as a sentence without a full stop.
        advice: What to do about it.
        fails: Whether it makes the command fail unless it is accepted.
        actions: Overlay actions that fix it, tested.
    """

    rule: str
    pointer: str
    text: str
    advice: str
    fails: bool
    actions: tuple[Action, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        """Its identity: rule and pointer."""
        return self.rule, self.pointer


def of_overlay(before: Iterable[Update], after: Iterable[Update]) -> Iterator[SpecFinding]:
    """Yield the overlay actions that are obsolete or hide changes.

    Args:
        before: What they do to the old document.
        after: What they do to the new one.
    """
    after = list(after)
    for action in updates.obsolete(after):
        (pointer, *_) = [update.pointer for update in after if update.action == action]
        yield SpecFinding(
            "overlay-action-obsolete",
            pointer,
            f"{one_line(action)} is redundant: the new spec now says the same",
            "delete it",
            fails=False,
        )
    for update in updates.hiding(before, after):
        yield SpecFinding(
            "overlay-action-hides",
            update.pointer,
            f"{one_line(update.action)} replaces {quote(update.was)} with {quote(update.now)}; "
            "the new spec introduced the replaced value",
            "change or delete the action, or accept the difference with a reason",
            fails=True,
        )
