"""`modelgates reconcile`: a verdict, the differences, and an exit status for CI."""

import json

import pytest
from click.testing import CliRunner

from modelgates_client.cli._command import command
from modelgates_client.cli._statuses import Status

from ..reports.ledgers import make_ledger, record
from ..reports.test_reconciling import item


@pytest.fixture
def ledger(tmp_path):
    """A ledger of a record, and of an id without one."""
    return make_ledger(
        tmp_path / "costs.db",
        record(1, model="a/b", total_cost=1, upstream_inference_cost=0),
        pending=1,
    )


def run(ledger, items, *options):
    """Run the command with activity on stdin; return its status, what it printed and said."""
    arguments = ["reconcile", ledger, "-", *options]
    done = CliRunner().invoke(
        command, arguments, input=json.dumps({"data": items}), standalone_mode=False
    )
    if done.exception is not None:
        raise done.exception
    return done.return_value, done.stdout, done.stderr


def test_nothing_missing_is_zero(ledger):
    """In words: what both sides say, and what is left out."""
    status, printed, said = run(ledger, [item(requests=1, usage=1)], "--format", "text")

    assert status == Status.WELL
    assert printed.startswith("nothing is missing: 2026-11-02 to 2026-11-02 (UTC), 1 pair")
    assert "the account  1 request, $1.000000 charged, 10 and 4 tokens" in printed
    assert "left out: 1 id without a record" in printed
    assert said == ""


def test_what_is_missing_has_a_status(ledger):
    """And ids that wait for a record are said to be what it may be."""
    status, printed, said = run(ledger, [item()], "--format", "text")

    assert status == Status.DIFFERENT == 14
    assert printed.startswith("they differ: ")
    assert "2026-11-02 a/b: 1 missing here: 2 there, 1 here; $2.000000 and $1.000000" in printed
    assert "may be what is missing" in said


def test_in_a_pipe_it_is_json(ledger):
    """Exact, with every day and model."""
    status, printed, _ = run(ledger, [item(usage=2.5)])
    found = json.loads(printed)

    assert status == Status.DIFFERENT
    assert found["is_same"] is False
    assert found["lines"][0]["finding"] == "missing here"
    assert found["lines"][0]["there"]["charged_usd"] == "2.5"
    assert found["lines"][0]["place"] == ["2026-11-02", "a/b"]


def test_wrong_usage_is_two(ledger, tmp_path):
    """What cannot be read, and a tolerance that is none."""
    assert run(ledger, [], "--tolerance", "0.1")[0] == Status.USAGE
    assert run(ledger, [item()], "--tolerance", "2")[0] == Status.USAGE
    arguments = ["reconcile", ledger, str(tmp_path / "none.json")]
    done = CliRunner().invoke(command, arguments, standalone_mode=False)
    assert done.return_value == Status.USAGE
