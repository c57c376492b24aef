"""The report on a new spec: changes, suspicions, and the effects of regenerating."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal

from attrs import asdict, frozen

from specdiff import release
from specdiff.changes import Change, Level
from specdiff.findings import SpecFinding
from specdiff.release import Bump, Entry
from specdiff.surface import Shift
from specdiff.suspicions import Suspicion

FailOn = Literal["breaking", "warning", "info", "never"]

#: Why findings fail, by prefix of their rules.
_FINDINGS: Final = {
    "answer": "recorded responses contradict the new spec",
    "overlay": "the overlay hides changes of the new spec",
}
_LEVELS: Final = {"breaking": Level.BREAKING, "warning": Level.WARNING, "info": Level.INFO}


@frozen
class Proof:
    """The result of the backtest: bodies generated from the new spec, read by the current client.

    Attributes:
        bodies: How many.
        faults: Crashes, wrong values and losses, one line each.
        disagreements: Places where its result differs from the changes, one line each.
        uncovered: Places without generated bodies, one line each.
        unchanged: How many operations have unchanged responses; they are not tested.
    """

    bodies: int
    faults: tuple[str, ...]
    disagreements: tuple[str, ...]
    uncovered: tuple[str, ...] = ()
    unchanged: int = 0


@frozen
class DriftReport:
    """The report on a new spec.

    Attributes:
        old: What the old spec is called.
        new: What the new spec is called.
        changes: The changes, the most severe first.
        suspicions: Likely mistakes in the document.
        reasons: Why changes are accepted, by rule and pointer.
        shifts: Differences in the generated code; None if it cannot be generated.
        refusal: Why the client cannot be generated; None if it can.
        proof: The result of the backtest; None if it was not run.
        findings: Recorded responses that contradict the new spec, and overlay actions that it makes
            obsolete.
        answers: How many recorded responses were checked; None if this was not done.
        version: The version of the package.
        fail_on: From which level on changes make the command fail.
        missing: Entries missing from the changelog; None if it was not checked.
    """

    old: str
    new: str
    changes: list[Change]
    suspicions: list[Suspicion]
    reasons: dict[tuple[str, str], str]
    shifts: list[Shift] | None
    refusal: str | None
    proof: Proof | None
    version: str
    fail_on: FailOn
    findings: Sequence[SpecFinding] = ()
    answers: int | None = None
    missing: list[Entry] | None = None

    @property
    def bump(self) -> Bump:
        """The version bump that Semantic Versioning requires."""
        return release.bump(self.changes, self.shifts)

    @property
    def following(self) -> str:
        """The version that the next release should have."""
        return release.following(self.version, self.bump)

    @property
    def entries(self) -> list[Entry]:
        """The lines that the changelog needs."""
        return release.entries(self.changes, self.shifts or [])

    @property
    def failing(self) -> list[str]:
        """Why the command fails, one line each; empty if it succeeds."""
        lines: list[str] = []
        if self.missing is not None:
            if self.missing:
                lines.append(f"{len(self.missing)} breaking change(s) are not in the changelog")
        elif self.fail_on != "never":
            min_level = _LEVELS[self.fail_on]
            count = sum(c.level >= min_level and c.key not in self.reasons for c in self.changes)
            if count:
                lines.append(f"{count} change(s) at or above `{self.fail_on}` are not accepted")
            if any(shift.breaks for shift in self.shifts or ()):
                lines.append("code that uses the package breaks when it is regenerated")
        lines += self._failing_findings()
        if self.refusal:
            lines.append("the client cannot be regenerated from the new spec")
        if self.proof and self.proof.faults:
            lines.append(f"the backtest found {len(self.proof.faults)} fault(s) in the client")
        if self.proof and self.proof.disagreements:
            count = len(self.proof.disagreements)
            lines.append(f"the backtest disagrees with the comparison in {count} place(s)")
        return lines

    def _failing_findings(self) -> Iterator[str]:
        for rule, text in _FINDINGS.items():
            listed = [f for f in self.findings if f.fails and f.rule.startswith(rule)]
            if count := sum(finding.key not in self.reasons for finding in listed):
                yield f"{text} in {count} place(s)"

    def count(self, level: Level) -> int:
        """Return how many changes are of that level."""
        return sum(change.level is level for change in self.changes)

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON; the keys are stable."""
        return {
            "version": 1,
            "old": self.old,
            "new": self.new,
            "counts": {str(level): self.count(level) for level in reversed(Level)},
            "changes": [_change(change, self.reasons.get(change.key)) for change in self.changes],
            "suspicions": [asdict(suspicion) for suspicion in self.suspicions],
            "findings": [{**asdict(f), "accepted": self.reasons.get(f.key)} for f in self.findings],
            "answers": self.answers,
            "regenerated": None if self.shifts is None else [_shift(s) for s in self.shifts],
            "refusal": self.refusal,
            "proof": self.proof
            and {
                "bodies": self.proof.bodies,
                "faults": list(self.proof.faults),
                "disagreements": list(self.proof.disagreements),
                "uncovered": list(self.proof.uncovered),
                "kept": self.proof.unchanged,
            },
            "release": {"bump": self.bump, "version": self.version, "next": self.following},
            "changelog": [
                {"section": e.section, "text": e.text, "breaking": e.breaking} for e in self.entries
            ],
            "failing": self.failing,
        }


def _change(change: Change, reason: str | None) -> dict[str, Any]:
    return {
        "rule": change.rule,
        "level": str(change.level),
        "text": change.text,
        "why": change.why,
        "effect": str(change.effect),
        "pointer": change.pointer,
        "old": change.old,
        "new": change.new,
        "places": [
            {"operation": p.operation, "status": p.status, "pointer": p.pattern}
            for p in sorted(change.places)
        ],
        "accepted": reason,
    }


def _shift(shift: Shift) -> dict[str, Any]:
    return {
        "name": shift.name.strip("`"),
        "text": shift.text,
        "breaks": shift.breaks,
        "why": shift.why,
        "how": shift.how,
    }
