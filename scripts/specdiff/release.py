"""The next release after a new spec: its version and changelog entries."""

import re
from collections.abc import Iterable
from typing import Final, Literal

from attrs import frozen

from specdiff.changes import Change, Level, quote
from specdiff.surface import Shift

Bump = Literal["major", "minor", "patch", "none"]

_SECTIONS: Final = {"added": "Added", "changed": "Changed", "removed": "Removed"}
_UNRELEASED: Final = re.compile(
    r"^## \[?Unreleased\]?.*?$(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL | re.IGNORECASE
)


@frozen
class Entry:
    """A line for the changelog.

    Attributes:
        section: Its section, as named by Keep a Changelog.
        text: The line.
        breaking: Whether users must be told.
        marks: The texts that a changelog line must contain to be about this entry.
    """

    section: str
    text: str
    breaking: bool
    marks: tuple[str, str]


def bump(changes: list[Change], shifts: list[Shift] | None) -> Bump:
    """Return the version bump that Semantic Versioning requires for the regenerated client.

    Code that breaks is `major`, whatever the spec's own level is; without the generated code to
    look at (None), a breaking change of the spec is.

    Source: Semantic Versioning 2.0.0, sections 6 to 8.
    """
    if shifts is None:
        return "major" if any(change.level is Level.BREAKING for change in changes) else "minor"
    if any(shift.breaks for shift in shifts) or any(_felt(change) for change in changes):
        return "major"
    if shifts:
        return "minor"
    return "patch" if changes else "none"


def following(version: str, how: Bump) -> str:
    """Return the version after this one.

    Below 1.0, where anything may change, a breaking change counts as minor and others as patch.
    """
    major, minor, patch = (int(part) for part in version.split(".")[:3])
    if how == "none":
        return version
    if major == 0:
        return f"0.{minor + 1}.0" if how == "major" else f"0.{minor}.{patch + 1}"
    if how == "major":
        return f"{major + 1}.0.0"
    return f"{major}.{minor + 1}.0" if how == "minor" else f"{major}.{minor}.{patch + 1}"


def entries(changes: Iterable[Change], shifts: Iterable[Shift]) -> list[Entry]:
    """Return the lines that the changelog needs, breaking ones first."""
    listed, lines = list(changes), []
    explained: set[tuple[str, str]] = set()
    for shift in shifts:
        causes = [change for change in listed if _causes(change, shift)]
        explained.update(change.key for change in causes)
        rule = causes[0].rule if causes else f"generated-name-{shift.how}"
        lines.append(_entry(_SECTIONS[shift.how], f"{shift.name} {shift.text}", rule, shift.name,
                            breaking=shift.breaks))  # fmt: skip
    for change in listed:
        if _felt(change) or (change.level is Level.BREAKING and change.key not in explained):
            name = quote(change.subject)
            lines.append(_entry("Changed", change.text, change.rule, name, breaking=True))
    return sorted(lines, key=lambda line: (not line.breaking, line.section, line.text))


def unacknowledged(changelog: str, needed: Iterable[Entry]) -> list[Entry]:
    """Return the breaking entries that no line under `Unreleased` mentions.

    A line mentions an entry if it contains both its name and its rule.
    """
    match = _UNRELEASED.search(changelog)
    lines = _paragraphs(match[1]) if match else []
    return [
        entry
        for entry in needed
        if entry.breaking and not any(all(m in line for m in entry.marks) for line in lines)
    ]


def _paragraphs(text: str) -> list[str]:
    """Return the items of lists, each as one line."""
    return [" ".join(item.split()) for item in re.split(r"(?m)^[-*] ", text)]


def _entry(section: str, text: str, rule: str, name: str, *, breaking: bool) -> Entry:
    mark = f"`{rule}`"
    line = f"{'**Breaking:** ' if breaking else ''}{text} ({mark})."
    return Entry(section, line, breaking, (name, mark))


def _felt(change: Change) -> bool:
    """Whether it breaks calls without changing a generated name."""
    return change.level is Level.BREAKING and not change.places and change.rule.startswith(
        ("api-removed", "path-", "method-", "api-server", "api-security")
    )  # fmt: skip


def _causes(change: Change, shift: Shift) -> bool:
    if change.value or shift.value:
        return change.value == shift.value
    notes = ("description-changed", "title-changed")
    same = bool(shift.attribute) and change.subject == shift.attribute
    return same and not change.rule.endswith(notes)
