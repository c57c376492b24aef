"""Deviations of many responses, counted by what they are. Pure, and bounded in memory."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from attrs import define

from modelgates_client.conformance.checking import (
    LEVELS,
    SOME_NAME,
    Checked,
    Fault,
    Kind,
    Level,
    effect,
    found,
    pattern,
    shape,
)

#: Names of new fields, and new values of an enum, that are told apart at one place.
MAX_NAMES: Final = 20
#: Findings that are listed in all.
MAX_FINDINGS: Final = 1_000

_MAX_KNOWN: Final = 4_096  # deviations whose finding is remembered
_MAX_KNOWN_LENGTH: Final = 256  # characters of their pointers, which may have names of megabytes


class Place(NamedTuple):
    """Where a response came from.

    Attributes:
        source: A file, `-` for stdin, or the id that was asked for.
        line: The line in it, from 1; None for an id.
    """

    source: str
    line: int | None = None

    def __str__(self) -> str:
        return self.source if self.line is None else f"{self.source}:{self.line}"


@define(kw_only=True)
class Finding:
    """One deviation, in however many responses.

    Attributes:
        level: `breaking`, `warning` or `info`.
        reason: Why, in words.
        kind: What it is, as in `Drift.kind`; or `undocumented_status`, `unreadable_body` or
            `unreadable_line`.
        status: The HTTP status of the responses, if that is known.
        pointer: JSON pointer into the body; `*` is any index, `?` a name that is not shown.
        expected: What the spec asks for, in words.
        found: What came, in words.
        example: What the first value was like; None if there was none.
        first: The first response that has it.
        last: The last one.
        bodies: How many responses have it.
        occurrences: How often it is in them.
    """

    level: Level
    reason: str
    kind: Kind
    status: int | None
    pointer: str
    expected: str
    found: str
    example: str | None
    first: Place
    last: Place
    bodies: int = 0
    occurrences: int = 0
    _latest: int = 0

    def count(self, number: int, place: Place) -> None:
        """Count one occurrence, in the response of this number."""
        self.occurrences += 1
        if self._latest != number:
            self._latest = number
            self.bodies += 1
            self.last = place


class Unchecked(NamedTuple):
    """A file or an id that was given, and not checked, or not to its end.

    Attributes:
        source: As in `Place`.
        reason: Why, in words.
    """

    source: str
    reason: str


class Report(NamedTuple):
    """What there is to say of many responses.

    Attributes:
        bodies: How many were checked.
        deviating: How many of them deviate from the spec.
        findings: The worst first; of one level, the most frequent.
        unlisted: By level, the deviations beyond the findings that are listed.
        unchecked: What was not checked, or not to its end: of that, the report says nothing.
    """

    bodies: int
    deviating: int
    findings: tuple[Finding, ...]
    unlisted: Mapping[Level, int]
    unchecked: tuple[Unchecked, ...] = ()

    def count(self, level: Level) -> int:
        """Return how many findings of a level are listed."""
        return sum(finding.level == level for finding in self.findings)

    def reaches(self, level: Level) -> bool:
        """Whether there is anything at a level or above."""
        enough = LEVELS[: LEVELS.index(level) + 1]
        return any(self.count(worse) or self.unlisted[worse] for worse in enough)


class Tally:
    """The deviations of the responses so far."""

    def __init__(self) -> None:
        """Begin with none."""
        self._bodies = 0
        self._deviating = 0
        self._findings: dict[tuple[Any, ...], Finding] = {}
        self._known: dict[tuple[Any, ...], Finding | Level] = {}
        self._shown: dict[tuple[Any, ...], set[str]] = {}
        self._unlisted: dict[Level, int] = dict.fromkeys(LEVELS, 0)
        self._unchecked: list[Unchecked] = []

    def add(self, place: Place, checked: Checked) -> None:
        """Count the deviations of a response."""
        self._bodies += 1
        deviates = False
        for entry in checked.deviations:
            deviates = True
            # Looking up what is known of the deviation as it came costs a tenth of describing it.
            key = (checked.status, entry.kind, entry.pointer, entry.expected, entry.found)
            finding = self._known.get(key)
            if finding is None:
                finding = self._finding(place, checked, entry)
                if len(self._known) >= _MAX_KNOWN:
                    self._known.clear()
                if len(entry.pointer) <= _MAX_KNOWN_LENGTH:
                    self._known[key] = finding
            if isinstance(finding, Finding):
                finding.count(self._bodies, place)
            else:
                self._unlisted[finding] += 1
        self._deviating += deviates

    def miss(self, source: str, reason: str) -> None:
        """Note that a source could not be checked, or not to its end."""
        self._unchecked.append(Unchecked(source, reason))

    def report(self) -> Report:
        """Return what there is to say so far."""
        findings = sorted(
            self._findings.values(),
            key=lambda f: (LEVELS.index(f.level), -f.bodies, f.status or 0, f.pointer, f.found),
        )
        unchecked = tuple(self._unchecked)
        return Report(self._bodies, self._deviating, tuple(findings), self._unlisted, unchecked)

    def _finding(self, place: Place, checked: Checked, entry: Any) -> Finding | Level:
        """Return the finding that a deviation belongs to; its level, if it is not listed."""
        pointer = pattern(entry.pointer, undeclared=entry.kind == "undeclared")
        came = found(entry)
        if entry.kind == "undeclared":
            owner, _, name = pointer.rpartition("/")
            if not self._may_show(name, checked.status, entry.kind, owner):
                pointer = f"{owner}/{SOME_NAME}"
        elif entry.kind == "unknown_value" and not self._may_show(
            came, checked.status, entry.kind, pointer
        ):
            came = shape(entry.value)
        key = (checked.status, entry.kind, pointer, entry.expected, came)
        finding = self._findings.get(key)
        if finding is not None:
            return finding
        level, reason = effect(entry, checked.body)
        if len(self._findings) >= MAX_FINDINGS:
            return level
        nothing = isinstance(entry, Fault) or entry.kind == "missing"
        finding = self._findings[key] = Finding(
            level=level,
            reason=reason,
            kind=entry.kind,
            status=checked.status,
            pointer=pointer,
            expected=entry.expected,
            found=came,
            example=None if nothing else shape(entry.value),
            first=place,
            last=place,
        )
        return finding

    def _may_show(self, name: str, *group: object) -> bool:
        """Whether a name is one of the first that were met in its group."""
        shown = self._shown.setdefault(group, set())
        if len(shown) < MAX_NAMES:
            shown.add(name)
        return name in shown
