"""Findings other than changes: contradicting responses and obsolete overlay actions."""

from collections.abc import Collection, Iterable, Iterator
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


def of_overlay(
    before: Iterable[Update], after: Iterable[Update], restoring: Collection[Update] = ()
) -> Iterator[SpecFinding]:
    """Yield the overlay actions that are obsolete or hide changes.

    Args:
        before: What they do to the old document.
        after: What they do to the new one.
        restoring: Those that replace what recorded responses contradict.
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
        text = f"{one_line(update.action)} replaces {quote(update.was)} with {quote(update.now)}; "
        if update in restoring:
            yield SpecFinding(
                "overlay-action-restores",
                update.pointer,
                f"{text}recorded responses contradict the replaced value",
                "keep it until the spec allows what was sent",
                fails=False,
            )
        else:
            yield SpecFinding(
                "overlay-action-hides",
                update.pointer,
                f"{text}the new spec introduced the replaced value",
                "change or delete the action, or accept the difference with a reason",
                fails=True,
            )
