"""The report of a normal form: everything that is not supported, with its place."""

import json
from collections.abc import Iterator
from typing import Any

from normalizing.findings import UnsupportedConstruct
from normalizing.normal import NormalForm, OmittedOperation
from normalizing.operations import left_out


def lines(normal: NormalForm) -> Iterator[str]:
    """Yield a line for everything that is not supported, and the overlay actions that solve it.

    Put the actions first in the overlay: their targets are places in the published document.
    """
    problems = {problem for lost in normal.lost for problem in lost.problems}
    if normal.lost:
        count = len(problems) + len(normal.unused)
        yield f"{len(normal.lost)} operation(s) are left out, for {count} problem(s):"
    for lost in normal.lost:
        yield f"  left out: {lost.name}"
        for problem in lost.problems:
            yield f"    {_problem(problem)}"
    for problem in normal.unused:
        yield f"  not carried, and not needed: {_problem(problem)}"
    actions = list(mends(normal))
    if actions:
        yield "overlay actions that mend it; put them before the others:"
        for action in actions:
            yield f"  - {json.dumps(action, ensure_ascii=False)}"
    for note in normal.notes:
        yield f"not carried: {note.pointer}: {note.text}"


def mends(normal: NormalForm) -> Iterator[dict[str, Any]]:
    """Yield the overlay actions that solve the problems, or else that remove the operations."""
    actions = [action for lost in normal.lost for action in _mends(lost)]
    yield from {json.dumps(action): action for action in actions}.values()


def _mends(lost: OmittedOperation) -> list[dict[str, Any]]:
    known = [problem.mend for problem in lost.problems if problem.mend]
    return known if len(known) == len(lost.problems) else [left_out(lost.pointer)]


def _problem(problem: UnsupportedConstruct) -> str:
    return f"{problem.pointer}: {problem.reason}"
