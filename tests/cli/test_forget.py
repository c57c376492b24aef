"""`modelgates forget`: which ids are meant, what is printed, and what becomes of reports."""

import json

import pytest

from modelgates_client.cli.statuses import Status
from modelgates_client.ledger import Ledger

from ..reports.sample_ledgers import make_ledger, record
from .commands import invoke
from .test_look import listed

OLD = "gen-1000000000-old"


@pytest.fixture
def ledger(tmp_path):
    """A ledger of a record, and of ids without one."""
    path = make_ledger(tmp_path / "costs.db", record(1, total_cost=4), pending=2, failed=1)
    with Ledger(path) as opened:
        opened.enqueue([OLD])
    return path


@pytest.mark.parametrize(
    ("asked", "number"),
    [
        (("gen-pending-0", OLD), 2),
        (("--pending",), 3),
        (("--failed",), 1),
        (("--pending", "--failed"), 4),
        (("--older-than", "30d"), 1),
        (("--failed", "--older-than", "30d"), 0),
    ],
)
def test_ids_are_forgotten_as_asked_for(ledger, asked, number):
    """By name, or all of a kind or an age; a pipe gets an object."""
    status, printed, _ = invoke("forget", ledger, *asked)
    said = json.loads(printed)

    assert status == Status.OK
    assert said["forgotten"] == said["counts"]["forgotten"] == number
    assert set(listed(ledger, "--forgotten").values()) <= {"forgotten"}
    assert len(listed(ledger, "--forgotten")) == number
    assert len(listed(ledger)) == 4 - number


def test_an_id_that_is_none_to_forget_is_told(ledger):
    """One with a record, and one that the ledger does not know; again is once."""
    status, _, said = invoke("forget", ledger, "gen-1", "gen-unheard", "gen-pending-0")
    assert status == Status.NOT_FOUND
    assert "gen-1: it is not an id without a record" in said
    assert "gen-unheard: it is not an id without a record" in said
    assert invoke("forget", ledger, "gen-pending-0")[0] == Status.OK


def test_a_forgotten_id_is_shown_and_recalled(ledger):
    """With when that was; and no budget is spoilt meanwhile."""
    budget = ("budget", ledger, "--max-usd", "5")
    assert invoke(*budget)[0] == Status.UNDECIDED
    invoke("forget", ledger, "--pending", "--failed")
    status, printed, _ = invoke(*budget)
    assert status == Status.OK
    assert "4 forgotten ids" in printed
    shown = json.loads(invoke("show", ledger, OLD)[1])
    assert shown["waiting"]["state"] == "forgotten"
    assert shown["waiting"]["forgotten_at"] >= "2026"
    assert (
        "forgotten: not requested" in invoke("list", ledger, "--forgotten", "--format", "table")[1]
    )

    assert json.loads(invoke("forget", ledger, OLD, "--undo")[1])["queued"] == 1
    assert listed(ledger) == {OLD: "pending"}
    assert invoke("forget", ledger, "gen-1", "--undo")[0] == Status.NOT_FOUND
    assert json.loads(invoke("forget", ledger, "--undo")[1])["queued"] == 3
    assert len(listed(ledger)) == 4


@pytest.mark.parametrize(
    "asked",
    [
        (),
        ("gen-1", "--pending"),
        ("--undo", "--failed"),
        ("--older-than", "soon"),
        ("--older-than", "1y"),
    ],
)
def test_what_is_not_clear_is_refused(ledger, asked):
    """In one line, and nothing is forgotten."""
    status, _, said = invoke("forget", ledger, *asked)
    assert status == Status.USAGE
    assert said.count("\n") == 1
    assert not listed(ledger, "--forgotten")


def test_a_ledger_that_is_not_there_is_not_made(tmp_path):
    """A wrong name is told."""
    path = tmp_path / "other.db"
    assert invoke("forget", str(path), "--pending")[0] == Status.FAILED
    assert not path.exists()
