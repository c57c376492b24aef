"""`modelgates budget`: the printed line, and the exit status for cron and CI."""

import json
import sqlite3
import sys
from contextlib import closing
from functools import partial

import pytest

from modelgates_client import ConfigurationError, ModelGatesError
from modelgates_client.cli.commands.budget import BudgetOptions, budget as run_budget
from modelgates_client.cli.messages import Messages
from modelgates_client.cli.statuses import Status
from modelgates_client.ledger import GivenUp, Ledger

from ..reports.sample_ledgers import make_ledger, record


@pytest.fixture
def ledger(tmp_path):
    """Make a ledger."""
    return partial(make_ledger, tmp_path / "spend.db")


@pytest.fixture
def budget(capsys):
    """Run the command; return its exit status, stdout and stderr."""

    def run(*sources, quiet=False, **options):
        chosen = {"max_usd": "5", "basis": "charged", **options}
        status = run_budget(BudgetOptions(sources=sources, **chosen), Messages(quiet=quiet))
        printed, stderr = capsys.readouterr()
        return status, printed, stderr

    return run


def test_a_budget_that_is_met_has_status_0(budget, ledger):
    """The line has the sum, the limit and the period, and says that no record is left out."""
    status, printed, stderr = budget(
        ledger(record(1, total_cost=4.5), record(2, total_cost=0.5, created_at=None))
    )

    assert status == Status.OK == 0
    assert printed == "within budget: $5 charged of $5, all time, 2 records; nothing left out\n"
    assert stderr == ""


def test_a_budget_that_is_exceeded_has_status_10(budget, ledger):
    """Any excess counts, even if some amounts are unknown."""
    path = ledger(record(1, total_cost=5.000000000000001), pending=1)
    status, printed, stderr = budget(path)

    assert status == Status.OVER_BUDGET == 10
    assert printed == (
        "over budget: $5.000000000000001 charged of $5, all time, 1 record; "
        "left out or not settled: 1 id without a record, of the period or of no known time\n"
    )
    assert stderr == ""


def test_an_undecided_budget_has_status_11(budget, ledger):
    """Each doubt is named, and a warning says what can be done."""
    path = ledger(
        record(1, total_cost=1),
        record(2, total_cost=None),
        record(3, total_cost=0, finish_reason=None, created_at="2099-11-02T12:00:00Z"),
        record(4, total_cost=100, created_at=None),
        pending=1,
        failed=1,
    )
    options = {"since": "2026-11-02", "timezone": "Europe/Berlin"}
    status, printed, stderr = budget(path, **options)

    assert status == Status.UNDECIDED == 11
    assert printed == (
        "undecided: $1 charged of $5, since 2026-11-02 00:00 +01:00, 3 records; left out or not "
        "settled: 2 ids without a record, of the period or of no known time, 1 record of "
        "unknown cost, 1 record without a readable time, 1 record not final\n"
    )
    assert stderr.startswith("warning: ")
    assert (
        "the cost of 5 ids is unknown or not final: fetch them again, forget those that never get "
        "a record, or tolerate that many with --allow-doubtful"
    ) in stderr
    assert budget(path, quiet=True, **options)[2] == ""
    assert budget(path, **options, allow_doubtful=4)[0] == Status.UNDECIDED
    assert budget(path, **options, allow_doubtful=5)[0] == Status.OK


def test_amounts_have_thousands_separators(budget, ledger):
    """In the line and in the warning; the JSON has plain digits."""
    path = ledger(record(1, total_cost=1234.5), pending=1)
    _, printed, stderr = budget(path, max_usd="5000")

    assert printed.startswith("undecided: $1,234.5 charged of $5,000, all time")
    assert "the known cost of $1,234.5 is within the limit" in stderr
    result = json.loads(budget(path, max_usd="5000", shown_as="json")[1])
    assert (result["known_usd"], result["max_usd"]) == ("1234.5", "5000")


@pytest.mark.parametrize("sources", [1, 2])
def test_a_record_that_was_given_up_counts_as_stated(budget, ledger, sources):
    """It leaves no doubt, and the line names it."""
    path = ledger(record(1, total_cost=1), record(2, total_cost=2, finish_reason=None))
    with Ledger(path) as opened:
        assert opened.give_up(0) == GivenUp(0, 1)
    status, printed, stderr = budget(*[path] * sources)

    assert status == Status.OK
    assert printed == (
        "within budget: $3 charged of $5, all time, 2 records; left out or not settled: "
        "1 record never final (no longer requested, counted as stated)\n"
    )
    assert stderr == ""


def test_the_basis_all_in_includes_costs_of_own_keys(budget, ledger):
    """The other basis is the charge alone."""
    path = ledger(record(1, total_cost=1, is_byok=True, upstream_inference_cost=4.5))

    assert budget(path)[0] == Status.OK
    status, printed, _ = budget(path, basis="all-in")
    assert status == Status.OVER_BUDGET
    assert printed.startswith("over budget: $5.5 all in of $5")


def test_records_outside_the_period_do_not_count(budget, ledger):
    """The end of the period is exclusive."""
    path = ledger(
        record(1, total_cost=100, created_at="2026-11-02T11:59:59.999999Z"),
        record(2, total_cost=1, created_at="2026-11-02T12:00:00Z"),
        record(3, total_cost=100, created_at="2026-11-03T12:00:00Z"),
    )
    options = {"since": "2026-11-02T12:00", "until": "2026-11-03T12:00Z"}

    assert budget(path, **options)[1].startswith("within budget: $1 charged of $5, since ")


def test_json_has_one_object_per_line(budget, ledger):
    """Amounts are exact strings."""
    path = ledger(record(1, total_cost=1e-23), pending=1)
    status, printed, _ = budget(path, shown_as="json", since="2026-11-02", max_usd="1e1")

    assert status == Status.UNDECIDED
    assert printed.count("\n") == 1
    report = json.loads(printed)
    del report["client_version"]
    assert report == {
        "version": 1,
        "verdict": "undecided",
        "max_usd": "10",
        "basis": "charged",
        "allow_doubtful": 0,
        "since": "2026-11-02T00:00:00+00:00",
        "until": None,
        "timezone": "UTC",
        "known_usd": "0.00000000000000000000001",
        "records": 1,
        "provisional": 0,
        "unknown": 0,
        "undated": 0,
        "pending": 1,
        "failed": 0,
        "doubtful": 1,
        "forgotten": 0,
        "never_final": 0,
        "differences": [],
    }


@pytest.mark.parametrize(
    "amount", ["", "five", "NaN", "inf", "-1", "1e99", "$5", "5,00", "\x1b[2J", "sk-mg-CANARY"]
)
def test_a_limit_that_is_not_an_amount_is_refused(budget, ledger, amount):
    """The ledger is not read then."""
    with pytest.raises(ConfigurationError, match=r"--max-usd .* expected an amount in US dollars"):
        budget("there/is/none", max_usd=amount)


@pytest.mark.parametrize("sources", [(), ("there/is/none.db",)])
def test_a_missing_ledger_is_an_error(budget, sources):
    """A misspelt path must not look like a cost of zero."""
    with pytest.raises(ModelGatesError, match="ledger"):
        budget(*sources)


def test_a_ledger_needs_no_extra(budget, ledger, monkeypatch):
    """SQLite alone reads it."""
    for name in ("duckdb", "adbc_driver_sqlite", "plotly", "modelgates_client.exports.source"):
        monkeypatch.setitem(sys.modules, name, None)

    assert budget(ledger(record(1, total_cost=1)))[0] == Status.OK


def test_a_budget_without_records_is_undecided(budget, ledger):
    """Without records it is not known that nothing was spent, neither in total nor in a period."""
    status, printed, stderr = budget(ledger())
    assert status == Status.UNDECIDED
    assert printed.startswith("undecided: $0 charged of $5, all time, 0 records")
    assert "which does not mean that nothing was spent" in stderr

    path = ledger(record(1, total_cost=1))
    assert budget(path, since="2026-11-03", allow_doubtful=5)[0] == Status.UNDECIDED


@pytest.mark.parametrize("sources", [1, 2])
def test_changed_rows_leave_a_budget_undecided(budget, ledger, sources):
    """Whatever their sum is; the message names the day and the difference."""
    path = ledger(record(1, total_cost=9), record(2, total_cost=1, created_at=None))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE record_rows SET charged_usd = '1' WHERE \"the key\" = 1")

    status, printed, stderr = budget(*[path] * sources)

    assert status == Status.UNDECIDED
    assert printed.startswith("undecided: $2 charged of $5")
    assert "2026-11-02: charged_usd is 1, which differs from the control total by -8" in stderr
    assert "modelgates check" in stderr


def test_a_closed_stdout_is_an_error(budget, ledger, monkeypatch):
    """The verdict must not be lost."""
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(ConfigurationError, match="stdout is closed"):
        budget(ledger(record(1, total_cost=1)))
