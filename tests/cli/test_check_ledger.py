"""`modelgates check` of a ledger: changed data is named, repaired or requested again."""

import sqlite3
from contextlib import closing

import pytest

from modelgates_client.cli.commands.check import CheckOptions, run_check
from modelgates_client.cli.messages import Messages
from modelgates_client.cli.statuses import Status
from modelgates_client.ledger import Ledger, derived
from modelgates_client.ledger.capture_file import CaptureFile
from modelgates_client.reports.periods import Period

from ..reports.sample_ledgers import make_ledger, record, spending_of_ledger
from .command_runs import invoke

ALL = Period(None, None, "UTC")


@pytest.fixture
def check(capsys):
    """Run the command; return its exit status, stdout and stderr."""

    def run(source):
        options = CheckOptions(sources=(source,), shown_as="json", fail_on="never")
        status = run_check(options, Messages())
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def ledger(tmp_path):
    """A ledger of three records."""
    return make_ledger(tmp_path / "l.db", *(record(number, total_cost=1) for number in range(3)))


def change(path, statement):
    """Change a ledger as a storage error might."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


def test_an_undamaged_ledger_passes_the_check(check, ledger):
    """Nothing is reported and nothing is changed."""
    status, _, stderr = check(ledger)
    assert (status, stderr) == (Status.OK, "")


def test_a_changed_row_is_named_and_rebuilt(check, ledger):
    """It is rebuilt from its body, without a request."""
    change(ledger, "UPDATE record_rows SET charged_usd = '9' WHERE \"the key\" = 2")
    assert spending_of_ledger(ledger, ALL, "charged").differences

    status, printed, stderr = check(ledger)

    assert status == Status.FAILED
    assert "gen-1: its row does not match its body" in stderr
    assert "2026-11-02: charged_usd is 11, which differs from the control total by 8" in stderr
    assert "gen-1: its row does not match" in printed
    assert spending_of_ledger(ledger, ALL, "charged").known_usd == 3
    assert check(ledger)[0] == Status.OK


def test_a_changed_body_is_requested_again(check, ledger):
    """Until the response arrives, the record counts as provisional, so a budget is undecided."""
    body = b'{"data": {"id": "gen-1", "finish_reason": "stop", "total_cost": 7}}'
    change(ledger, f"UPDATE records SET body = x'{body.hex()}' WHERE key = 2")

    status, _, stderr = check(ledger)

    assert status == Status.FAILED
    assert "gen-1: its body has changed" in stderr
    assert f"to request 1 id again: modelgates fetch --ledger {ledger}" in stderr
    spending = spending_of_ledger(ledger, ALL, "charged")
    assert (spending.provisional, spending.pending, spending.differences) == (1, 0, ())
    with Ledger(ledger) as opened:
        assert opened.lease(10) == ["gen-1"]


def test_the_database_of_another_application_is_refused_in_one_line(check, tmp_path):
    """Its lines are not checked as responses."""
    path = str(tmp_path / "cookies.db")
    change(path, "CREATE TABLE cookies (value)")
    status, _, stderr = check(path)
    assert status == Status.FAILED
    assert "it is the database of another application" in stderr
    assert stderr.count("\n") == 1


def test_an_old_ledger_is_updated_without_a_key(check, ledger, tmp_path):
    """`export` names the command when it cannot read the ledger."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(derived, "VERSION", 0)
        Ledger(ledger).close()
    arguments = ("export", ledger, "--to", tmp_path / "out.jsonl")
    status, _, stderr = invoke(*arguments)
    assert status == Status.FAILED
    assert f"`modelgates check {ledger}` does so, and needs no key" in stderr
    assert check(ledger)[0] == Status.OK
    assert invoke(*arguments)[0] == Status.OK


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        (
            "UPDATE labels SET labels = replace(labels, 'acme', 'bcme')",
            "gen-7: its labels have changed",
        ),
        (
            "UPDATE labels SET labels = CAST(x'ff7b7d' AS TEXT)",
            "gen-7: its labels have changed",
        ),
        ("UPDATE labels SET key = 1000", "there are labels without an id"),
    ],
)
def test_changed_labels_are_reported_each_time(check, ledger, statement, complaint):
    """They cannot be repaired, and costs would go to the wrong tenant."""
    CaptureFile(ledger).append("gen-7", {"tenant": "acme"})
    with Ledger(ledger):
        pass
    assert check(ledger)[0] is Status.OK
    change(ledger, statement)
    for _ in range(2):
        status, _, complaints = check(ledger)
        assert status is Status.FAILED
        assert complaint in complaints


def test_labels_without_checksums_are_accepted(check, ledger):
    """Older versions have stored no checksums."""
    CaptureFile(ledger).append("gen-7", {"tenant": "acme"})
    with Ledger(ledger):
        pass
    change(ledger, "UPDATE labels SET checksum = NULL")
    assert check(ledger)[0] is Status.OK
