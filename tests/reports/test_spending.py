"""Spending: exact sums, and ids that may make them wrong, each counted once."""

import datetime
import sqlite3
from contextlib import closing
from decimal import Decimal
from fractions import Fraction

import pytest
from attrs import evolve
from hypothesis import given, settings, strategies as st

from modelgates_client.exports.source import open_rows
from modelgates_client.exports.tables import RECORDS
from modelgates_client.ledger import Ledger, LedgerError
from modelgates_client.reports.periods import Period
from modelgates_client.reports.reading import OF_LEDGER, OF_ROWS, OpenRows
from modelgates_client.reports.spending import (
    Spending,
    spending,
)

from .sample_ledgers import make_ledger, record, spending_of_ledger
from .sample_rows import NOON, connect, microseconds, row

ALL = Period(None, None, "UTC")
DAY = Period(NOON - datetime.timedelta(days=1), NOON, "UTC")
COLUMNS = ("state", "created_at", "charged_usd", "all_in_usd")


def table(rows):
    """Return a connection of SQLite with rows as in a ledger."""
    connection = sqlite3.connect(":memory:")
    connection.execute(
        "CREATE TABLE stored (state TEXT, created_at INTEGER, charged_usd TEXT, all_in_usd TEXT)"
        " STRICT"
    )
    connection.executemany("INSERT INTO stored VALUES (?, ?, ?, ?)", map(_stored, rows))
    for statement in (
        "CREATE VIEW rows AS SELECT * FROM stored",
        "CREATE VIEW forgotten AS SELECT rowid AS key FROM stored WHERE state = 'never-final'",
        """CREATE VIEW record_rows AS SELECT rowid AS "the key", created_at, charged_usd,
            all_in_usd, replace(state, 'never-final', 'provisional') AS state FROM stored
            WHERE """
        + RECORDS,
    ):
        connection.execute(statement)
    return connection


def _stored(item):
    when = item["created_at"]
    texts = [None if item[name] is None else f"{item[name]:f}" for name in COLUMNS[2:]]
    return (item["state"], None if when is None else microseconds(when), *texts)


def is_within(when, period):
    """Return whether a time is within a period."""
    if period.is_all:
        return True
    return (
        when is not None
        and (period.since is None or when >= period.since)
        and (period.until is None or when < period.until)
    )


RECENT = (NOON - datetime.timedelta(hours=1), NOON - datetime.timedelta(days=1))
amounts = st.none() | st.decimals(-(10**14) + 1, 10**14 - 1, places=24)
records = st.builds(
    row,
    state=st.sampled_from(
        ["final", "provisional", "never-final", "pending", "failed", "forgotten"]
    ),
    created_at=st.sampled_from([None, NOON, *RECENT, NOON - datetime.timedelta(days=1, hours=2)]),
    charged_usd=amounts,
    all_in_usd=amounts,
)


@pytest.mark.slow("a hundred databases, each with budgets")
@settings(max_examples=60)
@given(
    rows=st.lists(records, max_size=20),
    period=st.sampled_from([ALL, DAY, Period(DAY.since, None, "UTC"), Period(None, NOON, "UTC")]),
    basis=st.sampled_from(["charged", "all-in"]),
)
def test_spending_equals_that_of_plain_python(rows, period, basis):
    """Exactly, by SQLite and by DuckDB alike."""
    column = {"charged": "charged_usd", "all-in": "all_in_usd"}[basis]
    records = [each for each in rows if each["state"] in {"final", "provisional", "never-final"}]
    inside = [each for each in records if is_within(each["created_at"], period)]
    unresolved = [
        each
        for each in rows
        if each not in records
        and (each["created_at"] is None or is_within(each["created_at"], period))
    ]
    undated = [each for each in records if each["created_at"] is None and not period.is_all]
    states = [each["state"] for each in inside]
    doubtful = [each for each in inside if each["state"] == "provisional" or each[column] is None]
    with closing(table(rows)) as connection:
        result = spending(OpenRows(connection, OF_LEDGER), period, basis)

    assert Fraction(result.known_usd) == sum(
        Fraction(each[column]) for each in inside if each[column] is not None
    )
    assert result.records == len(inside)
    assert result.provisional == states.count("provisional")
    assert result.never_final == states.count("never-final")
    assert result.unknown == sum(each[column] is None for each in inside)
    assert result.undated == len(undated)
    for state in ("pending", "failed", "forgotten"):
        assert getattr(result, state) == sum(each["state"] == state for each in unresolved)
    assert result.doubtful == (len(doubtful) + len(undated) + len(unresolved) - result.forgotten)
    assert spending(OpenRows(connect(rows), OF_ROWS), period, basis) == result


def test_no_digit_of_a_sum_is_lost():
    """Sums of the largest amounts keep their first and their last digit."""
    largest = Decimal("99999999999999.999999999999999999999999")
    rows = [row(charged_usd=largest) for _ in range(11)]

    with closing(table(rows)) as connection:
        result = spending(OpenRows(connection, OF_LEDGER), ALL, "charged")
    assert str(result.known_usd) == "1099999999999999.999999999999999999999989"


def spent(known="1", doubtful=0):
    """Return a spending with some doubtful ids."""
    return Spending(Decimal(known), 1, 0, 0, 0, doubtful, 0, doubtful)


@pytest.mark.parametrize(
    ("spending", "allow_doubtful", "expected"),
    [
        (spent("5"), 0, "within"),
        (spent("5.000000000000000000000001"), 0, "over"),
        (spent("-1"), 0, "within"),
        (spent("4", doubtful=1), 0, "undecided"),
        (spent("4", doubtful=2), 1, "undecided"),
        (spent("4", doubtful=2), 2, "within"),
        (spent("6", doubtful=2), 2, "over"),
        (spent("6", doubtful=2), 0, "over"),
    ],
)
def test_a_verdict_is_undecided_if_ids_are_doubtful(spending, allow_doubtful, expected):
    """A known sum over the limit is over in any case."""
    assert spending.verdict(Decimal(5), allow_doubtful) == expected


def test_the_records_of_a_ledger_are_summed(tmp_path):
    """Ids without a record are counted."""
    path = make_ledger(
        tmp_path / "l.db",
        record(1, total_cost=0.1),
        record(2, total_cost=0.2, is_byok=True, upstream_inference_cost=3),
        record(3, total_cost=0, finish_reason=None),
        record(4, created_at="yesterday", total_cost=100),
        record(5, created_at="2026-10-02T12:00:00Z", total_cost=100),
        pending=2,
        failed=1,
    )
    period = Period(DAY.since, None, "UTC")

    assert spending_of_ledger(path, period, "charged") == Spending(
        Decimal("0.3"),
        records=3,
        provisional=1,
        unknown=0,
        undated=1,
        pending=2,
        failed=1,
        doubtful=5,
    )
    assert spending_of_ledger(path, period, "all-in").known_usd == Decimal("3.3")
    assert spending_of_ledger(path, ALL, "charged").known_usd == Decimal("200.3")


def test_an_id_without_a_record_has_the_time_in_it(tmp_path):
    """An id without a time counts in every period."""
    day = int(DAY.since.timestamp())
    path = make_ledger(tmp_path / "l.db", record(1, total_cost=1))
    with Ledger(path) as ledger:
        ledger.enqueue([f"gen-{day - 1}-a", f"gen-{day}-b", f"gen-{day + 86_400}-c"])
        assert spending_of_ledger(path, DAY, "charged").pending == 1
        ledger.forget([f"gen-{day}-b", f"gen-{day - 1}-a"])
        ledger.enqueue(["gen-timeless"])
    result = spending_of_ledger(path, DAY, "charged")

    assert (result.pending, result.forgotten, result.doubtful) == (1, 1, 1)
    everything = spending_of_ledger(path, ALL, "charged")
    assert (everything.pending, everything.forgotten, everything.doubtful) == (2, 2, 2)
    with open_rows(path) as connection:
        assert spending(OpenRows(connection, OF_ROWS), DAY, "charged") == evolve(
            result, differences=()
        )


@pytest.mark.skipif(sqlite3.sqlite_version_info < (3, 39), reason="its planner reads whole rows")
def test_a_sum_is_read_from_an_index(tmp_path):
    """SQLite reads no whole rows, which are wide, and joins no labels."""
    path = make_ledger(tmp_path / "l.db", record(1, total_cost=1), pending=1)
    statement = "EXPLAIN QUERY PLAN SELECT created_at, state, all_in_usd FROM rows"
    with closing(sqlite3.connect(path)) as connection:
        plan = [step for *_, step in connection.execute(statement)]

    assert "SCAN record_rows USING COVERING INDEX record_rows_spent" in plan
    assert not [step for step in plan if "labels" in step]


def test_a_ledger_is_read_while_another_connection_writes(tmp_path):
    """Uncommitted changes do not count, and nothing blocks."""
    path = make_ledger(tmp_path / "l.db", record(1, total_cost=1))
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("UPDATE record_rows SET charged_usd = '2'")

    assert spending_of_ledger(path, ALL, "charged").known_usd == 1
    writer.execute("COMMIT")
    writer.close()
    assert spending_of_ledger(path, ALL, "charged").known_usd == 2


def test_reading_does_not_change_a_ledger(tmp_path):
    """Not even a byte."""
    path = make_ledger(tmp_path / "l.db", record(1, total_cost=1), pending=1)
    before = (tmp_path / "l.db").read_bytes()
    spending_of_ledger(path, DAY, "all-in")

    assert (tmp_path / "l.db").read_bytes() == before


@pytest.mark.parametrize("name", ["odd?mode=rwc#.db", "100%25.db", "a b\N{SNOWMAN}.db"])
def test_a_ledger_may_have_any_name(tmp_path, name):
    """Also with characters that are special in URIs."""
    path = make_ledger(tmp_path / name, record(1, total_cost=1))

    assert spending_of_ledger(path, ALL, "charged").records == 1


@pytest.mark.parametrize("content", [None, b"", b"gen-1\ngen-2\n", b"SQLite format 3\0" * 99])
def test_a_file_that_is_no_ledger_is_refused(tmp_path, content):
    """The error names it in one line; a missing file is not created."""
    path = tmp_path / "no.db"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(LedgerError, match=r"^the ledger '.*no\.db': "):
        spending_of_ledger(str(path), ALL, "charged")

    assert path.exists() == (content is not None)


def test_incomplete_rows_are_refused(tmp_path):
    """While rows are derived again, the sum would be too small."""
    path = make_ledger(tmp_path / "l.db", record(1, total_cost=1))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO meta VALUES ('rows_reached', '0')")

    with pytest.raises(LedgerError, match="a rebuild is unfinished"):
        spending_of_ledger(path, ALL, "charged")


@pytest.mark.parametrize("amount", ["free", "NaN", "Infinity"])
def test_an_invalid_amount_is_refused(tmp_path, amount):
    """It does not count as 0; a ledger may be edited by hand."""
    path = make_ledger(tmp_path / "l.db", record(1, total_cost=1))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE record_rows SET charged_usd = ?", [amount])

    with pytest.raises(LedgerError, match="an amount is not a number"):
        spending_of_ledger(path, ALL, "charged")
