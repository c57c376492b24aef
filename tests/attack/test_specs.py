"""Specs with hostile texts in every place: they are refused, or become code that does nothing."""

import random

import pytest
from common.tool_errors import ToolError
from vendoring import admission

from ..scripts import test_admission
from ..scripts.conftest import inputs, project

__all__ = ["inputs", "project"]  # fixtures of the tools' tests

PIECES = [
    *test_admission.HOSTILE,
    *"'\"\\#{}%$()[];:,./<>&|`~!?*+-=@^ \t",
    "é",
    "\u202e",
    "\U0001f600",
]


def admitted(rng, count):
    """Return texts of random pieces that a spec may have everywhere; the others are refused."""
    texts = []
    while len(texts) < count:
        text = "".join(rng.choices(PIECES, k=rng.randint(1, 6)))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(test_admission, "HOSTILE", (text,))
            patch.setattr(test_admission, "LINES", ())
            try:
                admission.admit(test_admission.hostile_spec(), "new.yaml")
            except ToolError as refused:
                error = str(refused)
            else:
                texts.append(text)
                continue
        assert error.isprintable()
    return tuple(texts)


@pytest.mark.slow("generates a package from each spec")
@pytest.mark.timeout(0)
def test_hostile_specs_become_inert_code(size, project, monkeypatch):
    """Each has other texts, put together at random."""
    for seed in range(size("specs")):
        monkeypatch.setattr(test_admission, "HOSTILE", admitted(random.Random(seed), 20))
        try:
            test_admission.test_a_hostile_spec_becomes_inert_code(project)
        except BaseException as error:
            error.add_note(f"spec {seed}: {test_admission.HOSTILE}")
            raise
