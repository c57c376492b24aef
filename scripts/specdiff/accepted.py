"""The differences that a maintainer has reviewed and accepted, each with the reason.

A YAML list of entries with `rule`, `pointer` and `reason`. An entry that matches no change is
stale: the accepted difference is gone, and a similar one in the future should be reviewed.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from attrs import frozen
from common import documents
from common.tool_errors import ToolError

from specdiff.changes import Change
from specdiff.findings import SpecFinding

_KEYS: Final = {"rule", "pointer", "reason"}
#: For entries that are not about changes: their subject and what to do, by prefix of the rule.
_KIND: Final = {
    "answer": "recorded response, or the spec now allows it; keep one in tests/records, or "
    "delete the entry",
    "overlay": "action of the overlay; delete it from the list",
}


@frozen
class Accepted:
    """An accepted difference.

    Attributes:
        rule: The rule of the change.
        pointer: Its JSON pointer; a trailing `*` matches anything.
        reason: Why it is accepted.
    """

    rule: str
    pointer: str
    reason: str

    def matches(self, change: Change | SpecFinding) -> bool:
        """Whether it is about this change or finding."""
        if self.rule != change.rule:
            return False
        if self.pointer.endswith("*"):
            return change.pointer.startswith(self.pointer[:-1])
        return change.pointer == self.pointer


def load(path: Path) -> list[Accepted]:
    """Read a list of accepted differences.

    Raises:
        ToolError: It is missing or malformed.
    """
    listed = documents.load(path).get("accepted")
    if not isinstance(listed, list):
        raise ToolError(
            f"{path.name} has no list of `accepted`; an empty one would be `accepted: []`"
        )
    entries: list[Accepted] = []
    for number, entry in enumerate(listed, start=1):
        if not isinstance(entry, dict) or entry.keys() != _KEYS or not all(
            isinstance(value, str) and value.strip() for value in entry.values()
        ):  # fmt: skip
            raise ToolError(
                f"{path.name}, entry {number}: it needs a `rule`, a `pointer` and a `reason`, "
                "and nothing else"
            )
        entries.append(Accepted(**entry))
    return entries


def apply(
    entries: Iterable[Accepted], changes: Sequence[Change | SpecFinding], *, are_due: bool = True
) -> dict[tuple[str, str], str]:
    """Return the reason for each accepted change or finding, by rule and pointer.

    Args:
        entries: The accepted differences.
        changes: The changes and findings.
        are_due: Whether each entry must match something.

    Raises:
        ToolError: An entry matches no change.
    """
    reasons: dict[tuple[str, str], str] = {}
    for entry in entries:
        matching = [change for change in changes if entry.matches(change)]
        if are_due and not matching:
            raise ToolError(
                f"the accepted difference {entry.rule} at {entry.pointer} is stale: there is no "
                f"such {_KIND.get(entry.rule.partition('-')[0], 'change; delete it from the list')}"
            )
        reasons.update({change.key: entry.reason for change in matching})
    return reasons
