"""Checks recorded responses against a new spec: what the service sent that it forbids.

A response contradicts a document where it has null, or a value of a different type, in a place that
does not allow it: the attribute could no longer be read. A missing field contradicts only a
document that newly requires it, because a response may be older than the field. An undeclared field
or enum value is no contradiction, but is reported.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from attrs import frozen
from backtesting import clients, records
from backtesting.clients import GeneratedClient
from backtesting.observations import Deviation
from codegen import overlay
from codegen.updates import Update, identity
from common import documents
from common.project import Project
from common.tool_errors import ToolError, one_line
from common.versions import Version
from normalizing.located import LocatedObject

from specdiff import overlay_fixes
from specdiff.changes import Change
from specdiff.findings import Action, SpecFinding
from specdiff.overlay_fixes import ResponseSchemas

_ADVICE = (
    "trust the responses, since the service sent this: correct the document in the overlay; or "
    "accept this with a reason in overlays/accepted-differences.yaml"
)
#: The kinds of deviation that are reported, but are no contradiction.
_REPORTED = {"undeclared", "unknown_value"}
_AHEAD = "declare it in the overlay ahead of the spec, or it is reported as drift"


@frozen
class Evidence:
    """The result of checking recorded responses.

    Attributes:
        answers: How many were read.
        faults: Crashes, wrong values and losses, one line each.
        findings: Where they refute the new document, or have what it does not declare.
    """

    answers: int
    faults: tuple[str, ...]
    findings: tuple[SpecFinding, ...]


@frozen
class _Trial:
    """Recorded responses, decoded by clients of one document.

    Attributes:
        project: Whose overlay is to mend the document.
        new: The document.
        files: The recorded responses.
        required: Places that the document newly requires.
        directory: Scratch directory for clients.
    """

    project: Project
    new: Version
    files: Sequence[Path]
    required: Collection[tuple[str, str, str]]
    directory: Path

    def denied(self, client: GeneratedClient) -> tuple[Counter[Deviation], int, list[str]]:
        """Count the deviations in recorded responses.

        Returns:
            The number of responses with each deviation, that of all responses, and the client's
            faults.
        """
        counts: Counter[Deviation] = Counter()
        faults: list[str] = []
        decoded = records.decoded(client, self.files)
        for r in decoded.values():
            faults += [f"{r.new}: {x}" for x in (*r.crashes, *r.wrong_values, *r.losses)]
            for deviation in r.drift:
                place = (deviation.operation, deviation.status, deviation.place)
                excused = deviation.kind == "missing" and place not in self.required
                if deviation.kind in _REPORTED or (place in r.broken and not excused):
                    counts[deviation] += 1
        return counts, len(decoded), faults

    def still_denied(self, actions: Sequence[Action], number: int) -> set[tuple[str, ...]] | None:
        """Return the places that still deviate with more actions; None if no client results."""
        corrections = documents.parse(overlay_of(self.project, self.new), "the overlay")
        fixed_overlay = {**corrections, "actions": [*corrections["actions"], *actions]}
        version = Version(self.new.name, self.new.content, json.dumps(fixed_overlay).encode())
        try:
            client = clients.generate(self.project, version, self.directory / str(number))
        except ToolError:
            return None
        return {deviation[:3] for deviation in self.denied(client)[0]}


def check(  # noqa: PLR0913 - the two documents, and what is known of them
    project: Project,
    old: Version,
    new: Version,
    *,
    client: GeneratedClient,
    changes: Iterable[Change],
    files: Sequence[Path],
    directory: Path,
) -> Evidence:
    """Check recorded responses against a new document.

    Args:
        project: The project whose overlay is to mend it.
        old: The document before.
        new: The document.
        client: The client that is generated from it.
        changes: What is new in it.
        files: The recorded responses.
        directory: Scratch directory for clients, to test fixes.

    Raises:
        ToolError: An answer cannot be read.
    """
    required = {
        (place.operation, place.status, place.pattern)
        for change in changes
        if change.rule.endswith("became-required")
        for place in change.places
    }
    trial = _Trial(project, new, files, required, directory)
    denied, answers, faults = trial.denied(client)
    if not denied:
        return Evidence(answers, tuple(faults), ())
    before, after = (ResponseSchemas(corrected(project, version)[0]) for version in (old, new))
    candidates = {
        deviation: overlay_fixes.candidates(before, after, deviation) for deviation in denied
    }
    fixes = _working_fixes(trial, candidates)
    return Evidence(
        answers,
        tuple(faults),
        tuple(
            SpecFinding(
                f"answer-{deviation.kind.replace('_', '-')}",
                denying.pointer if (denying := after.denying(deviation)) else "#/paths",
                f"{deviation.operation} {deviation.status} {one_line(deviation.place)} has "
                f"{deviation.found} in {count} of "
                f"{answers} recorded response(s); the new spec says {one_line(deviation.expected)}",
                _AHEAD if deviation.kind in _REPORTED else _ADVICE,
                fails=deviation.kind not in _REPORTED,
                actions=tuple(fixes.get(deviation, ())),
            )
            for deviation, count in sorted(denied.items())
        ),
    )


def restoring(
    project: Project, new: Version, hiding: Sequence[Update], files: Sequence[Path], directory: Path
) -> list[Update]:
    """Return the updates that replace what recorded responses contradict.

    Args:
        project: The project whose overlay makes the updates.
        new: The document.
        hiding: Updates that replace a value of it.
        files: The recorded responses.
        directory: Scratch directory for a client without these updates.

    Raises:
        ToolError: An answer cannot be read.
    """
    if not hiding:
        return []
    corrections = documents.parse(overlay_of(project, new), "the overlay")
    left_out = {update.identity for update in hiding}
    kept = [a for a in corrections["actions"] if identity(a) not in left_out]
    bare_overlay = json.dumps({**corrections, "actions": kept}).encode()
    bare = Version(new.name, new.content, bare_overlay)
    try:
        client = clients.generate(project, bare, directory)
    except ToolError:
        return []
    denied, _, _ = _Trial(project, bare, files, (), directory).denied(client)
    schemas = ResponseSchemas(corrected(project, bare)[0])
    places = [schemas.denying(one) for one in denied if one.kind not in _REPORTED]
    contradicted = {f"{place.pointer}/" for place in places if place}
    return [u for u in hiding if any(f"{u.pointer}/".startswith(p) for p in contradicted)]


def corrected(project: Project, version: Version) -> tuple[LocatedObject, list[Update]]:
    """Return a spec with its overlay applied, as a client is generated from it.

    Returns:
        The spec, and what the updates of the overlay do to it.

    Raises:
        ToolError: The overlay cannot be applied.
    """
    corrections = documents.parse(overlay_of(project, version), "the overlay")
    updates: list[Update] = []
    return overlay.apply(corrections, version.document, updates), updates


def overlay_of(project: Project, version: Version) -> bytes:
    """Return the overlay that applies to a version."""
    return project.overlay.read_bytes() if version.overlay is None else version.overlay


def _working_fixes(
    trial: _Trial, candidates: dict[Deviation, list[list[Action]]]
) -> dict[Deviation, list[Action]]:
    """Return, for each deviation, the actions that remove it."""
    fixes: dict[Deviation, list[Action]] = {}
    for number in range(max(map(len, candidates.values()), default=0)):
        attempted = {
            deviation: options[number]
            for deviation, options in candidates.items()
            if deviation not in fixes and number < len(options)
        }
        listed = [
            action for actions in (*fixes.values(), *attempted.values()) for action in actions
        ]
        denied = trial.still_denied(listed, number)
        if denied is not None:
            fixes |= {
                deviation: actions
                for deviation, actions in attempted.items()
                if deviation[:3] not in denied
            }
    return fixes
