"""`modelgates check` of a ledger: what storage has changed is named, mended, or asked for again."""

import sqlite3
from contextlib import closing

import pytest

from modelgates_client.cli.check import CheckOptions, run_check
from modelgates_client.cli.export import ExportOptions, export
from modelgates_client.cli.messages import Messages
from modelgates_client.cli.statuses import Status
from modelgates_client.ledger import Ledger, derived
from modelgates_client.ledger.capture_file import CaptureFile
from modelgates_client.reports.periods import Period
from modelgates_client.reports.spending import spending_of_ledger

from ..reports.sample_ledgers import make_ledger, record

ALL = Period(None, None, "UTC")


@pytest.fixture
def check(capsys):
    """Run the command; return its status, what it printed and what it said."""

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
    """Change a ledger as storage might."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


def test_a_whole_ledger_is_whole(check, ledger):
    """Nothing is said of it, and nothing is changed."""
    status, _, said = check(ledger)
    assert (status, said) == (Status.OK, "")


def test_a_row_that_has_changed_is_named_and_made_anew(check, ledger):
    """From its body: nobody needs to be asked."""
    change(ledger, "UPDATE record_rows SET charged_usd = '9' WHERE \"the key\" = 2")
    assert spending_of_ledger(ledger, ALL, "charged").differences

    status, printed, said = check(ledger)

    assert status == Status.FAILED
    assert "gen-1: its row does not match its body" in said
    assert "2026-11-02: charged_usd is 11, which differs from the control total by 8" in said
    assert "gen-1: its row does not match" in printed
    assert spending_of_ledger(ledger, ALL, "charged").known_usd == 3
    assert check(ledger)[0] == Status.OK


def test_a_body_that_has_changed_is_asked_for_again(check, ledger):
    """Until it came, the record counts as one that may still change: a budget is undecided."""
    body = b'{"data": {"id": "gen-1", "finish_reason": "stop", "total_cost": 7}}'
    change(ledger, f"UPDATE records SET body = x'{body.hex()}' WHERE key = 2")

    status, _, said = check(ledger)

    assert status == Status.FAILED
    assert "gen-1: its body has changed" in said
    assert f"to request 1 ids again: modelgates fetch --ledger {ledger}" in said
    spent = spending_of_ledger(ledger, ALL, "charged")
    assert (spent.provisional, spent.pending, spent.differences) == (1, 0, ())
    with Ledger(ledger) as opened:
        assert opened.lease(10) == ["gen-1"]


def test_the_database_of_another_application_is_told_in_a_line(check, tmp_path):
    """It holds no responses, however many lines it may seem to have."""
    path = str(tmp_path / "cookies.db")
    change(path, "CREATE TABLE cookies (value)")
    status, _, said = check(path)
    assert status == Status.FAILED
    assert "it is the database of another application" in said
    assert said.count("\n") == 1


def test_an_old_ledger_is_brought_up_to_date_without_a_key(check, ledger, tmp_path, capsys):
    """By the command that `export` names when it cannot read it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(derived, "VERSION", 0)
        Ledger(ledger).close()
    options = ExportOptions(sources=(ledger,), to=str(tmp_path / "out.jsonl"))
    assert export(options, Messages()) == Status.FAILED
    assert f"`modelgates check {ledger}` does so, and needs no key" in capsys.readouterr().err
    assert check(ledger)[0] == Status.OK
    assert export(options, Messages()) == Status.OK


@pytest.mark.parametrize(
    ("statement", "said"),
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
def test_labels_that_have_changed_are_named(check, ledger, statement, said):
    """A tenant would pay for another's; nobody can mend that, and it is said each time."""
    CaptureFile(ledger).append("gen-7", {"tenant": "acme"})
    with Ledger(ledger):
        pass
    assert check(ledger)[0] is Status.OK
    change(ledger, statement)
    for _ in range(2):
        status, _, complaints = check(ledger)
        assert status is Status.FAILED
        assert said in complaints


def test_labels_of_a_ledger_without_their_checksums_are_taken_as_they_are(check, ledger):
    """An older version has kept none."""
    CaptureFile(ledger).append("gen-7", {"tenant": "acme"})
    with Ledger(ledger):
        pass
    change(ledger, "UPDATE labels SET checksum = NULL")
    assert check(ledger)[0] is Status.OK
