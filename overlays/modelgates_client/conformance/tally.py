"""Counting the deviations of many responses. Pure, and bounded in memory."""

from collections.abc import Mapping
from typing import Any, Final

from attrs import define, frozen

from modelgates_client.conformance.checking import (
    LEVELS,
    SOME_NAME,
    Checked,
    Fault,
    Kind,
    Level,
    effect,
    found_text,
    redacted_pointer,
    shape,
)

#: Names of new fields, and new enum values, to show at one location.
MAX_NAMES: Final = 20
#: Findings to list.
MAX_FINDINGS: Final = 1_000

_MAX_CACHED: Final = 4_096  # deviations whose finding is cached
_MAX_CACHED_LENGTH: Final = 256  # characters of their pointers, whose names may be huge


@frozen
class Place:
    """The origin of a response.

    Attributes:
        source: A file, `-` for stdin, or the requested id.
        line: The line number in the file, from 1; None for an id.
    """

    source: str
    line: int | None = None

    def __str__(self) -> str:
        return self.source if self.line is None else f"{self.source}:{self.line}"


@define(kw_only=True)
class Finding:
    """A deviation, with the number of responses that have it.

    Attributes:
        level: `breaking`, `warning` or `info`.
        reason: A description of the effect.
        kind: The kind of deviation: a `Drift.kind`, `undocumented_status`, `unreadable_body`,
            `unreadable_line` or `repeated_name`.
        status: The HTTP status of the responses, or None if unknown.
        pointer: JSON pointer into the body; `*` is any index, `?` a name that is not shown.
        expected: A description of what the spec requires.
        found: A description of what was received.
        example: The shape of the first value; None if there was no value.
        first: The first response with this deviation.
        last: The last one.
        bodies: The number of responses with this deviation.
        occurrences: The number of times it occurs in them.
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
        """Count one occurrence, in the response with this number."""
        self.occurrences += 1
        if self._latest != number:
            self._latest = number
            self.bodies += 1
            self.last = place


@frozen
class Unchecked:
    """A file or an id that could not be checked, or not completely.

    Attributes:
        source: As in `Place`.
        reason: A description of the problem.
    """

    source: str
    reason: str


@frozen
class Report:
    """The results of checking many responses.

    Attributes:
        bodies: The number of responses that were checked.
        deviating: The number of those that deviate from the spec.
        findings: The findings, the most severe first, then the most frequent.
        unlisted: By level, the number of deviations that are not among the findings.
        unchecked: The files and ids that were not checked, or not completely.
    """

    bodies: int
    deviating: int
    findings: tuple[Finding, ...]
    unlisted: Mapping[Level, int]
    unchecked: tuple[Unchecked, ...] = ()

    def count(self, level: Level) -> int:
        """Return the number of findings of a level."""
        return sum(finding.level == level for finding in self.findings)

    def reaches(self, level: Level) -> bool:
        """Whether there is any deviation at a level or above."""
        levels = LEVELS[: LEVELS.index(level) + 1]
        return any(self.count(each) or self.unlisted[each] for each in levels)


class Tally:
    """Counts the deviations of responses."""

    def __init__(self) -> None:
        """Start without any."""
        self._bodies = 0
        self._deviating = 0
        self._findings: dict[tuple[Any, ...], Finding] = {}
        self._cache: dict[tuple[Any, ...], Finding | Level] = {}
        self._shown: dict[tuple[Any, ...], set[str]] = {}
        self._unlisted: dict[Level, int] = dict.fromkeys(LEVELS, 0)
        self._unchecked: list[Unchecked] = []

    def add(self, place: Place, checked: Checked) -> None:
        """Count the deviations of a response."""
        self._bodies += 1
        deviates = False
        for deviation in checked.deviations:
            deviates = True
            # A lookup by the unredacted deviation takes a tenth of the time of describing it.
            key = (
                *(checked.status, deviation.kind, deviation.pointer),
                *(deviation.expected, deviation.found),
            )
            finding = self._cache.get(key)
            if finding is None:
                finding = self._finding(place, checked, deviation)
                if len(self._cache) >= _MAX_CACHED:
                    self._cache.clear()
                if len(deviation.pointer) <= _MAX_CACHED_LENGTH:
                    self._cache[key] = finding
            if isinstance(finding, Finding):
                finding.count(self._bodies, place)
            else:
                self._unlisted[finding] += 1
        self._deviating += deviates

    def add_unchecked(self, source: str, reason: str) -> None:
        """Record that a source could not be checked, or not completely."""
        self._unchecked.append(Unchecked(source, reason))

    def report(self) -> Report:
        """Return the results so far."""
        findings = sorted(
            self._findings.values(),
            key=lambda f: (LEVELS.index(f.level), -f.bodies, f.status or 0, f.pointer, f.found),
        )
        unchecked = tuple(self._unchecked)
        return Report(self._bodies, self._deviating, tuple(findings), self._unlisted, unchecked)

    def _finding(self, place: Place, checked: Checked, deviation: Any) -> Finding | Level:
        """Return the finding for a deviation, or its level if there are too many findings."""
        kind = deviation.kind
        pointer = redacted_pointer(deviation.pointer, is_undeclared=kind == "undeclared")
        found = found_text(deviation)
        if kind == "undeclared":
            owner, _, name = pointer.rpartition("/")
            if not self._may_show(name, checked.status, kind, owner):
                pointer = f"{owner}/{SOME_NAME}"
        elif kind == "unknown_value" and not self._may_show(found, checked.status, kind, pointer):
            found = shape(deviation.value)
        elif kind == "repeated_name" and not self._may_show(found, checked.status, kind):
            found = "other names repeated"
        key = (checked.status, kind, pointer, deviation.expected, found)
        finding = self._findings.get(key)
        if finding is not None:
            return finding
        level, reason = effect(deviation, checked.body)
        if len(self._findings) >= MAX_FINDINGS:
            return level
        has_value = not isinstance(deviation, Fault) and kind != "missing"
        finding = self._findings[key] = Finding(
            level=level,
            reason=reason,
            kind=kind,
            status=checked.status,
            pointer=pointer,
            expected=deviation.expected,
            found=found,
            example=shape(deviation.value) if has_value else None,
            first=place,
            last=place,
        )
        return finding

    def _may_show(self, name: str, *group: object) -> bool:
        """Whether a name is among the first that occurred in its group."""
        shown = self._shown.setdefault(group, set())
        if len(shown) < MAX_NAMES:
            shown.add(name)
        return name in shown
