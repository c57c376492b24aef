"""Builds a report: compares two specs, generates both clients, and backtests the old one."""

import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from attrs import evolve
from backtesting import bodies, clients, execution
from backtesting.clients import GeneratedClient
from codegen import computed, updates
from codegen.updates import Update
from common.project import PACKAGE, Project
from common.tool_errors import ToolError, one_line
from common.versions import Version
from normalizing.normal import normalize

from specdiff import accepted, agreement, evidence, findings, release, specs, surface
from specdiff.evidence import Evidence
from specdiff.report import DriftReport, FailOn, Proof
from specdiff.specs import Verdict
from specdiff.surface import Shift
from specdiff.suspicions import suspect

_VERSION = re.compile(r'^__version__ = "([^"]+)"', re.MULTILINE)


def assess(  # noqa: PLR0913 - each of them is an option of the command
    project: Project,
    old: Version,
    new: Version,
    *,
    excuses: list[accepted.Accepted],
    are_due: bool = True,
    fail_on: FailOn,
    changelog: str | None,
    backtest: bool,
    answers: Sequence[Path] = (),
    progress: Callable[[str], None],
) -> DriftReport:
    """Compare a new spec with the old one, and return the report.

    Args:
        project: The project whose client it is for.
        old: The spec that the client is generated from.
        new: The new spec.
        excuses: The accepted differences.
        are_due: Whether each of them has to match something.
        fail_on: From which level on changes make the command fail.
        changelog: The text that must name every breaking change; None to skip this check.
        backtest: Whether to test the client with bodies generated from the new spec, and its
            successor with recorded responses.
        answers: Files of recorded responses.
        progress: Called with a short text before each step.

    Raises:
        ToolError: A spec cannot be read, the old client cannot be generated, or an accepted
            difference is stale.
    """
    progress("comparing the specs")
    try:
        verdict = specs.verdict(old.document, new.document)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else one_line(str(error))
        raise ToolError(f"the specs cannot be compared: {reason}") from None
    changes = verdict.changes
    done_before, done = _updates(project, old, new)
    restoring: list[Update] = []
    answered: Evidence | None = None
    with tempfile.TemporaryDirectory(prefix="modelgates-drift-") as scratch:
        progress("generating the client of the old spec")
        client = clients.generate(project, old, Path(scratch) / "old")
        progress("generating the client of the new spec")
        new_client, refusal = _successor(project, new, Path(scratch) / "new")
        proof = None
        if backtest:
            progress("testing the current client with responses that the changes allow")
            proof = _proof(project, client, verdict, old, new)
        if backtest and answers and new_client:
            progress("checking recorded responses against the new spec")
            answered = evidence.check(
                project,
                old,
                new,
                client=new_client,
                changes=changes,
                files=answers,
                directory=Path(scratch) / "tried",
            )
            hiding = list(updates.hiding(done_before, done))
            restoring = evidence.restoring(project, new, hiding, answers, Path(scratch) / "bare")
        shifts = _shifts(client, new_client) if new_client else None
    found = [*findings.of_overlay(done_before, done, restoring)]
    found += answered.findings if answered else ()
    reasons = accepted.apply(excuses, [*changes, *found], are_due=are_due)
    missing = None
    if changelog is not None:
        missing = release.unacknowledged(changelog, release.entries(changes, shifts or []))
    return DriftReport(
        old=old.name,
        new=new.name,
        changes=changes,
        suspicions=suspect(changes),
        reasons=reasons,
        shifts=shifts,
        refusal=refusal,
        proof=_with(proof, answered),
        answers=answered.answers if answered else None,
        findings=found,
        version=_version(project),
        fail_on=fail_on,
        missing=missing,
    )


def _successor(
    project: Project, new: Version, directory: Path
) -> tuple[GeneratedClient | None, str | None]:
    """Return the client of the new spec, or the reason why it cannot be generated."""
    try:
        return clients.generate(project, new, directory), None
    except ToolError as failure:
        return None, str(failure)


def _shifts(client: GeneratedClient, successor: GeneratedClient) -> list[Shift]:
    """Return the differences in the generated code."""
    packages = (client.directory / PACKAGE, successor.directory / PACKAGE)
    unknown = [
        Shift(surface.BREAKS, f"`{name}`", f"is unknown {reason}", computed.ADVICE, "changed")
        for name, reason in successor.unknown.items()
        if client.unknown.get(name) != reason
    ]
    return [*unknown, *surface.compare(*map(surface.read, packages))]


def _updates(project: Project, old: Version, new: Version) -> tuple[list[Update], list[Update]]:
    """Return what the overlay does to both documents; nothing if it cannot be applied."""
    try:
        return evidence.corrected(project, old)[1], evidence.corrected(project, new)[1]
    except ToolError:
        return [], []


def _proof(
    project: Project, client: GeneratedClient, verdict: Verdict, old: Version, new: Version
) -> Proof:
    apart = normalize(old.document).statuses
    sent = bodies.generate(new.document, separate_statuses=apart, without=verdict.unchanged)
    result = execution.decoded(client, {new.name: sent})[new.name]

    def differing(compared: Verdict) -> list[str]:
        return agreement.disagreements(compared, result.places, result.uncovered, sent.unmade)

    differ = differing(verdict)
    if differ:  # what the overlay says otherwise is no disagreement: the client stands under it
        under_overlay = specs.verdict(evidence.corrected(project, old)[0], new.document)
        differ = sorted({*differ} & {*differing(under_overlay)})
    faults = (*result.crashes, *result.wrong_values, *result.losses)
    unchanged = len(verdict.unchanged)
    return Proof(result.bodies, faults, tuple(differ), tuple(result.uncovered), unchanged)


def _with(proof: Proof | None, answered: Evidence | None) -> Proof | None:
    """Return the backtest's result, with the faults that recorded responses showed."""
    if proof is None or answered is None:
        return proof
    return evolve(proof, faults=(*proof.faults, *answered.faults))


def _version(project: Project) -> str:
    file = project.root / "overlays" / "modelgates_client" / "_version.py"
    match = _VERSION.search(file.read_text(encoding="utf-8"))
    if match is None:
        raise ToolError(f"{file.name} has no `__version__`; restore it from git")
    return match[1]
