"""What is said of a new spec: the changes, what is suspicious, what regenerating will do."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal

from attrs import frozen

from specdiff import release
from specdiff.changes import Change, Level
from specdiff.findings import SpecFinding
from specdiff.release import Bump, Entry
from specdiff.surface import Shift
from specdiff.suspicions import Suspicion

FailOn = Literal["breaking", "warning", "info", "never"]

#: Why findings fail, by the beginning of their rules.
_FINDINGS: Final = {
    "answer": "recorded responses contradict the new spec",
    "overlay": "the overlay hides changes of the new spec",
}
_LEVELS: Final = {"breaking": Level.BREAKING, "warning": Level.WARNING, "info": Level.INFO}


@frozen
class Proof:
    """What the backtest saw: bodies made from the new spec, read by the client as it stands.

    Attributes:
        bodies: How many.
        faults: Crashes, lies and losses, a line each.
        disagreements: Places where it saw something else than the changes say, a line each.
        uncovered: Places that no body could be made for, a line each.
        kept: How many operations answer as they did: no body is made of these.
    """

    bodies: int
    faults: tuple[str, ...]
    disagreements: tuple[str, ...]
    uncovered: tuple[str, ...] = ()
    kept: int = 0


@frozen
class DriftReport:
    """Everything that is said of a new spec.

    Attributes:
        old: What the old spec is called.
        new: What the new spec is called.
        changes: The worst first.
        suspicions: What may be a slip of the document.
        reasons: Why changes are accepted, by rule and pointer.
        shifts: What differs in the generated code; None if there is none to be had.
        refusal: Why not.
        proof: What the backtest saw; None if it was not asked, or could not be.
        findings: Recorded answers that refute the new spec, actions of the overlay that it has
            overtaken.
        answers: How many recorded answers were held against the new spec; None if none could be.
        version: The version of the package.
        fail_on: From which level on changes make the command fail.
        missing: Lines that the changelog lacks; None if it was not looked at.
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
        """What Semantic Versioning asks for."""
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
        """Why the command fails, a line each; nothing if it does not."""
        lines: list[str] = []
        if self.missing is not None:
            if self.missing:
                lines.append(f"{len(self.missing)} breaking change(s) are not in the changelog")
        elif self.fail_on != "never":
            least = _LEVELS[self.fail_on]
            count = sum(c.level >= least and c.key not in self.reasons for c in self.changes)
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
        for rule, words in _FINDINGS.items():
            listed = [f for f in self.findings if f.fails and f.rule.startswith(rule)]
            if count := sum(finding.key not in self.reasons for finding in listed):
                yield f"{words} in {count} place(s)"

    def count(self, level: Level) -> int:
        """Return how many changes are of that level."""
        return sum(change.level is level for change in self.changes)

    def as_json(self) -> dict[str, Any]:
        """Return all of it as JSON; the keys stay as they are."""
        return {
            "version": 1,
            "old": self.old,
            "new": self.new,
            "counts": {str(level): self.count(level) for level in reversed(Level)},
            "changes": [_change(change, self.reasons.get(change.key)) for change in self.changes],
            "suspicions": [
                {"id": s.id, "text": s.text, "advice": s.advice, "pointers": list(s.pointers)}
                for s in self.suspicions
            ],
            "findings": [_finding(f, self.reasons.get(f.key)) for f in self.findings],
            "answers": self.answers,
            "regenerated": None if self.shifts is None else [_shift(s) for s in self.shifts],
            "refusal": self.refusal,
            "proof": self.proof
            and {
                "bodies": self.proof.bodies,
                "faults": list(self.proof.faults),
                "disagreements": list(self.proof.disagreements),
                "uncovered": list(self.proof.uncovered),
                "kept": self.proof.kept,
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


def _finding(finding: SpecFinding, reason: str | None) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "pointer": finding.pointer,
        "text": finding.text,
        "advice": finding.advice,
        "fails": finding.fails,
        "actions": list(finding.actions),
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
