"""Each promise of SECURITY.md is checked by an existing test."""

import re

import pytest

from .documents import ROOT

PROMISES = re.findall(
    r"^\| ([^|]+) \| `(tests/[\w/]+\.py)::(\w+)` \|$",
    (ROOT / "SECURITY.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)


def test_every_promise_names_its_test():
    """No row of a table is without one."""
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    rows = [row for row in text.splitlines() if row.startswith("| ")]
    assert len(rows) - rows.count("| promise | tested by |") == len(PROMISES) > 0


@pytest.mark.parametrize(("promise", "file", "test"), PROMISES, ids=[row[0] for row in PROMISES])
def test_the_test_of_a_promise_exists(promise, file, test):
    """Under that name, in that file."""
    text = (ROOT / file).read_text(encoding="utf-8")
    assert re.search(rf"^(?:async )?def {test}\(", text, re.MULTILINE), f"{promise}: {file}::{test}"
