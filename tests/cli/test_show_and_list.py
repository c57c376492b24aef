"""`modelgates show` and `list`: what a ledger contains about ids, without a server."""

import json

import pytest

from modelgates_client.cli.statuses import Status
from modelgates_client.ledger import Ledger

from ..reports.sample_ledgers import make_ledger, record, resolved
from .command_runs import invoke


@pytest.fixture
def ledger(tmp_path):
    """A ledger with an id in each state; one record was received twice."""
    path = make_ledger(
        tmp_path / "costs.db",
        record(1, total_cost=4, model="a/\x1b[2Jb"),
        record(2, finish_reason=None, total_cost=1),
        record(3),
        pending=1,
        failed=1,
    )
    with Ledger(path) as opened:
        opened.add([resolved(record(1, total_cost=5, model="a/b"))])
    return path


def listed_states(path, *options):
    """Return the listed ids with their states."""
    details = [json.loads(line) for line in invoke("list", path, *options)[1].splitlines()]
    return {each["generation_id"]: each["state"] for each in details}


def test_a_list_has_each_id_whose_cost_is_not_known_and_final(ledger):
    """All of them, or those in the given states."""
    everything = {
        "gen-2": "provisional",
        "gen-pending-0": "pending",
        "gen-failed-0": "failed",
        "gen-3": "unknown",
    }
    assert listed_states(ledger) == everything
    for state in ("pending", "failed", "provisional", "unknown"):
        assert listed_states(ledger, f"--{state}") == {
            name: each for name, each in everything.items() if each == state
        }
    assert listed_states(ledger, "--pending", "--failed").keys() == {
        "gen-pending-0",
        "gen-failed-0",
    }


def test_a_list_has_the_reason_of_each_failure(ledger):
    """With the HTTP status and the time of the attempt."""
    _, printed, _ = invoke("list", ledger, "--format", "table")
    lines = dict(line.split("  ", 1) for line in printed.splitlines())

    assert lines["gen-pending-0"] == "pending: not requested yet; never tried, 0 requests"
    assert lines["gen-failed-0"].startswith("failed: PermissionDeniedError: HTTP 403: not under")
    assert "(status 403); tried 20" in lines["gen-failed-0"]
    assert lines["gen-2"].startswith("provisional: ")
    assert lines["gen-3"].startswith("unknown: the record does not state a cost; tried 20")


def test_a_record_is_shown_with_its_response_and_history(ledger):
    """Earlier responses are part of it."""
    status, printed, _ = invoke("show", ledger, "gen-1")
    details = json.loads(printed)

    assert status == Status.OK
    assert json.loads(details["record"]["body"])["data"]["total_cost"] == 5
    assert [json.loads(past["body"])["data"]["total_cost"] for past in details["history"]] == [4]
    assert details["waiting"] is None
    assert details["record"]["status"] == 200


def test_an_id_without_a_record_is_shown_with_the_reason(ledger):
    """An unknown id is an error that does not affect other ids."""
    status, printed, stderr = invoke("show", ledger, "gen-unheard-of", "gen-failed-0")
    details = json.loads(printed)

    assert status == Status.NOT_FOUND
    assert "gen-unheard-of: it is not in the ledger" in stderr
    assert details["record"] is None
    assert details["waiting"]["state"] == "failed"
    assert details["waiting"]["status"] == 403


def test_a_missing_ledger_is_an_error(tmp_path):
    """No file is created and no request is sent."""
    for arguments in (
        ["show", str(tmp_path / "none.db"), "gen-1"],
        ["list", str(tmp_path / "n.db")],
    ):
        status, printed, stderr = invoke(*arguments)
        assert status == Status.FAILED
        assert printed == ""
        assert "error: " in stderr
    assert list(tmp_path.iterdir()) == []
