"""The report of a normal form: everything that is not supported, with its place."""

import json
from collections.abc import Iterator
from typing import Any

from normalizing.findings import UnsupportedConstruct
from normalizing.normal import NormalForm, OmittedOperation
from normalizing.support import removal


def lines(normal: NormalForm) -> Iterator[str]:
    """Yield a line for everything that is not supported, and the overlay actions that solve it.

    Put the actions first in the overlay: their targets are places in the published document.
    """
    problems = {problem for omitted in normal.omitted for problem in omitted.problems}
    if normal.omitted:
        count = len(problems) + len(normal.unused)
        yield f"{len(normal.omitted)} operation(s) are left out, for {count} problem(s):"
    for omitted in normal.omitted:
        yield f"  left out: {omitted.name}"
        for problem in omitted.problems:
            yield f"    {_problem(problem)}"
    for problem in normal.unused:
        yield f"  not supported, and not needed: {_problem(problem)}"
    actions = list(fixes(normal))
    if actions:
        yield "overlay actions that fix this; put them before the others:"
        for action in actions:
            yield f"  - {json.dumps(action, ensure_ascii=False)}"
    for note in normal.notes:
        yield f"ignored: {note.pointer}: {note.text}"


def fixes(normal: NormalForm) -> Iterator[dict[str, Any]]:
    """Yield the overlay actions that solve the problems, or else that remove the operations."""
    actions = [action for omitted in normal.omitted for action in _fixes(omitted)]
    yield from {json.dumps(action): action for action in actions}.values()


def _fixes(omitted: OmittedOperation) -> list[dict[str, Any]]:
    known = [problem.fix for problem in omitted.problems if problem.fix]
    return known if len(known) == len(omitted.problems) else [removal(omitted.pointer)]


def _problem(problem: UnsupportedConstruct) -> str:
    return f"{problem.pointer}: {problem.reason}"
