"""`modelgates forget`: which ids are forgotten, what is printed, and the effect on reports."""

import json

import pytest

from modelgates_client.cli.statuses import Status
from modelgates_client.ledger import Ledger

from ..reports.sample_ledgers import make_ledger, record
from .command_runs import invoke
from .test_show_and_list import listed_states

OLD = "gen-1000000000-old"


@pytest.fixture
def ledger(tmp_path):
    """A ledger of a record and of ids without one."""
    path = make_ledger(tmp_path / "costs.db", record(1, total_cost=4), pending=2, failed=1)
    with Ledger(path) as opened:
        opened.enqueue([OLD])
    return path


@pytest.mark.parametrize(
    ("arguments", "number"),
    [
        (("gen-pending-0", OLD), 2),
        (("--pending",), 3),
        (("--failed",), 1),
        (("--pending", "--failed"), 4),
        (("--older-than", "30d"), 1),
        (("--failed", "--older-than", "30d"), 0),
    ],
)
def test_ids_are_forgotten_by_name_state_or_age(ledger, arguments, number):
    """A pipe gets a JSON object."""
    status, printed, _ = invoke("forget", ledger, *arguments)
    summary = json.loads(printed)

    assert status == Status.OK
    assert summary["forgotten"] == summary["counts"]["forgotten"] == number
    assert set(listed_states(ledger, "--forgotten").values()) <= {"forgotten"}
    assert len(listed_states(ledger, "--forgotten")) == number
    assert len(listed_states(ledger)) == 4 - number


def test_an_id_that_cannot_be_forgotten_is_reported(ledger):
    """An id with a record, or one that the ledger does not have; forgetting twice counts once."""
    status, _, stderr = invoke("forget", ledger, "gen-1", "gen-unheard", "gen-pending-0")
    assert status == Status.NOT_FOUND
    assert "gen-1: it is not an id without a record" in stderr
    assert "gen-unheard: it is not an id without a record" in stderr
    assert invoke("forget", ledger, "gen-pending-0")[0] == Status.OK


def test_a_forgotten_id_is_shown_and_can_be_recalled(ledger):
    """With the time when it was forgotten; meanwhile no budget is undecided because of it."""
    budget = ("budget", ledger, "--max-usd", "5")
    assert invoke(*budget)[0] == Status.UNDECIDED
    invoke("forget", ledger, "--pending", "--failed")
    status, printed, _ = invoke(*budget)
    assert status == Status.OK
    assert "4 forgotten ids" in printed
    details = json.loads(invoke("show", ledger, OLD)[1])
    assert details["waiting"]["state"] == "forgotten"
    assert details["waiting"]["forgotten_at"] >= "2026"
    assert (
        "forgotten: not requested" in invoke("list", ledger, "--forgotten", "--format", "table")[1]
    )

    assert json.loads(invoke("forget", ledger, OLD, "--undo")[1])["queued"] == 1
    assert listed_states(ledger) == {OLD: "pending"}
    assert invoke("forget", ledger, "gen-1", "--undo")[0] == Status.NOT_FOUND
    assert json.loads(invoke("forget", ledger, "--undo")[1])["queued"] == 3
    assert len(listed_states(ledger)) == 4


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("gen-1", "--pending"),
        ("--undo", "--failed"),
        ("--older-than", "soon"),
        ("--older-than", "1y"),
    ],
)
def test_ambiguous_options_are_refused(ledger, arguments):
    """With one line, and nothing is forgotten."""
    status, _, stderr = invoke("forget", ledger, *arguments)
    assert status == Status.USAGE
    assert stderr.count("\n") == 1
    assert not listed_states(ledger, "--forgotten")


def test_a_missing_ledger_is_not_created(tmp_path):
    """A wrong name is an error."""
    path = tmp_path / "other.db"
    assert invoke("forget", str(path), "--pending")[0] == Status.FAILED
    assert not path.exists()
