"""Puts a report together: compares two specs, generates both clients, and has the old one tried."""

import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from backtesting import bodies, clients, operations, running
from backtesting.clients import Client
from common.failure import Failure
from common.project import PACKAGE, Project
from common.versions import Version
from normalizing.normal import normalize

from specdiff import accepted, agreement, release, specs, surface
from specdiff.changes import plain
from specdiff.report import FailOn, Proof, Report
from specdiff.specs import Verdict
from specdiff.surface import Shift
from specdiff.suspicions import suspect

_VERSION = re.compile(r'^__version__ = "([^"]+)"', re.MULTILINE)


def judge(  # noqa: PLR0913 - each of them is an option of the command
    project: Project,
    old: Version,
    new: Version,
    *,
    excuses: list[accepted.Accepted],
    fail_on: FailOn,
    changelog: str | None,
    backtest: bool,
    progress: Callable[[str], None],
) -> Report:
    """Return everything that is to be said of a new spec.

    Args:
        project: The project whose client it is for.
        old: The spec that the client is generated from.
        new: The spec that is judged.
        excuses: The accepted differences.
        fail_on: From which level on changes make the command fail.
        changelog: The text that has to name what breaks, if it has to.
        backtest: Whether the client is tried on bodies made from the new spec.
        progress: Is told in a few words what is being done.

    Raises:
        Failure: A spec cannot be read, the old client cannot be generated, or an accepted
            difference is stale.
    """
    progress("comparing the specs")
    try:
        verdict = specs.verdict(old.document, new.document)
    except (ValueError, RecursionError) as error:
        words = "nested too deeply" if isinstance(error, RecursionError) else plain(str(error))
        raise Failure(f"the specs cannot be compared: {words}") from None
    changes = verdict.changes
    reasons = accepted.apply(excuses, changes)
    with tempfile.TemporaryDirectory(prefix="modelgates-drift-") as scratch:
        progress("generating the client of the old spec")
        client = clients.generate(project, old, Path(scratch) / "old")
        progress("generating the client of the new spec")
        shifts, refusal = _shifts(project, client, new, Path(scratch) / "new")
        proof = None
        if backtest:
            progress("trying the client as it stands on bodies made from the new spec")
            proof = _proof(client, verdict, old, new)
    missing = None
    if changelog is not None:
        missing = release.unacknowledged(changelog, release.entries(changes, shifts or []))
    return Report(
        old=old.name,
        new=new.name,
        changes=changes,
        suspicions=suspect(changes),
        reasons=reasons,
        shifts=shifts,
        refusal=refusal,
        proof=proof,
        version=_version(project),
        fail_on=fail_on,
        missing=missing,
    )


def _shifts(
    project: Project, client: Client, new: Version, directory: Path
) -> tuple[list[Shift] | None, str | None]:
    """Return what differs in the generated code, or why none can be generated."""
    try:
        other = clients.generate(project, new, directory)
    except Failure as failure:
        return None, str(failure)
    packages = (client.directory / PACKAGE, other.directory / PACKAGE)
    return surface.compare(*map(surface.read, packages)), None


def _proof(client: Client, verdict: Verdict, old: Version, new: Version) -> Proof:
    made = bodies.of(new.document, apart=operations.statuses(normalize(old.document)))
    seen = running.decoded(client, {new.name: made})[new.name]
    differ = agreement.disagreements(verdict, seen.places, seen.uncovered, made.unmade)
    faults = (*seen.crashes, *seen.lies, *seen.losses)
    return Proof(seen.bodies, faults, tuple(differ), tuple(seen.uncovered))


def _version(project: Project) -> str:
    file = project.root / "overlays" / "modelgates_client" / "_version.py"
    found = _VERSION.search(file.read_text(encoding="utf-8"))
    if found is None:
        raise Failure(f"{file.name} says no `__version__`; restore it from git")
    return found[1]
