"""The sum that a budget is held against, and whether it can be said to be within.

A ledger is read by SQLite alone, so that the check needs no extra; the export of one by DuckDB.
Sums are exact.
"""

from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from decimal import Decimal
from math import inf
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from attrs import field, frozen

from modelgates_client.exports.sql import labelled, literal
from modelgates_client.ledger import schema
from modelgates_client.ledger.controls import (
    DAY,
    EXACT,
    ControlTotals,
    Day,
    Difference,
    Totals,
    day_of,
    differences,
    of_period,
    sum_of,
)
from modelgates_client.ledger.controls import (
    RECORDS as COUNT,
)
from modelgates_client.ledger.database import Database
from modelgates_client.ledger.derived import Derived
from modelgates_client.ledger.errors import DamagedError
from modelgates_client.ledger.ledger import bring_up_to_date
from modelgates_client.reports.periods import Period
from modelgates_client.reports.picking import RECORDS, between, microseconds, whole_days
from modelgates_client.rows.columns import CREATED, LABELS
from modelgates_client.rows.id_times import time_in

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Basis = Literal["charged", "all-in"]
#: The time of a record, as microseconds since 1970, an amount, and whether it counts.
Row = tuple[Any, Any, Any]
Verdict = Literal["within", "over", "undecided"]

AMOUNTS: Final[dict[Basis, str]] = {"charged": "total_cost_usd", "all-in": "all_in_usd"}

#: SQL for the time of a row, as microseconds since 1970: in a ledger, and in DuckDB's view of rows.
TIME_OF_LEDGER: Final = "created_at"
TIME_OF_ROWS: Final = "epoch_us(created_at)"

#: What is read of rows.
COLUMNS: Final = ("generation_id", "state", "created_at", *AMOUNTS.values(), LABELS.name)

_AT_ONCE: Final = 2000  # records that are added up together
_BUSY_S: Final = 30.0  # seconds that another process may keep the ledger locked


class Cursor(Protocol):
    """What a statement found, in SQLite's module and in DuckDB's."""

    def fetchone(self) -> Any:
        """Return the next row; None behind the last."""
        ...

    def fetchmany(self, size: int = ..., /) -> list[Any]:
        """Return so many of the rows that follow; none behind the last."""
        ...

    def fetchall(self) -> list[Any]:
        """Return all rows."""
        ...


class Connection(Protocol):
    """What both have in common."""

    def execute(self, statement: str, /) -> Cursor:
        """Execute a statement."""
        ...


@frozen
class Spending:
    """What records of a period cost, and what is not known of that.

    Attributes:
        known_usd: The sum over the records of the period that say it.
        records: How many records of the period there are.
        provisional: How many of them are not final: their cost may still change.
        unknown: How many of them do not say what they cost.
        undated: Records without a readable time, which may be of the period; 0 for all time.
        pending: Ids asked for without an answer yet, of the period or of no known time: the time
            of an id without a record is the one in it, `gen-<seconds>-…`.
        failed: Ids asked for in vain, likewise.
        doubtful: How many ids the sum may be wrong about: each of the above, counted once.
        forgotten: Ids that nobody asks for any more, likewise; they leave no doubt.
        differences: What the rows of the period's days differ by from the ledger's control totals:
            rows have changed since they were written, and no sum of them can be relied on.
    """

    known_usd: Decimal
    records: int
    provisional: int
    unknown: int
    undated: int
    pending: int
    failed: int
    doubtful: int
    forgotten: int = 0
    differences: tuple[Difference, ...] = field(default=(), kw_only=True)

    def verdict(self, max_usd: Decimal, allowed: int = 0) -> Verdict:
        """Return whether it is within a limit, as far as that can be said.

        What is known to be over stays over. What is within may not be, if there are more doubtful
        ids than `allowed`. Of no record at all nothing can be said, nor of rows that have changed.
        """
        if self.differences:
            return "undecided"
        if self.known_usd > max_usd:
            return "over"
        if not self.records:
            return "undecided"
        return "within" if self.doubtful <= allowed else "undecided"


def spending_of_ledger(
    path: str, period: Period, basis: Basis, where: Mapping[str, str] = MappingProxyType({})
) -> Spending:
    """Return what the records in a ledger cost; it is only read, also while others write.

    What was captured for it is taken in first. Only what is labelled as `where` counts.

    Raises:
        LedgerError: It is no ledger, or cannot be read, or its rows are not all there, or it is
            damaged.
    """
    with rows_of_ledger(path) as (connection, kept):
        return spending(connection, period, basis, TIME_OF_LEDGER, kept, wanted=_wanted(where))


@contextmanager
def rows_of_ledger(path: str) -> Generator[tuple[Connection, Totals | None]]:
    """Yield a connection to the rows of a ledger as they are at one moment, and their totals.

    Raises:
        LedgerError: It is no ledger, or cannot be read, or its rows are not all there, or it is
            damaged.
    """
    bring_up_to_date(path)
    database = Database(path, read_only=True, timeout_s=_BUSY_S)
    try:
        schema.check_version(database, schema.STEPS)
        with database.snapshot() as connection:  # what is counted is what is added up
            Derived().check(database, connection)
            yield connection, ControlTotals().read(connection)
    finally:
        database.close()


def spending_of_rows(
    connection: "DuckDBPyConnection",
    period: Period,
    basis: Basis,
    where: Mapping[str, str] = MappingProxyType({}),
) -> Spending:
    """Return what the records of a view `rows` cost, as `exports.source.open_rows` makes it."""
    wanted = labelled(LABELS.name, where)
    return spending(connection, period, basis, TIME_OF_ROWS, wanted=wanted)


def _wanted(where: Mapping[str, str]) -> str:
    """Return SQL of SQLite for whether a row has all these labels, whose names are words."""
    tests = [
        f"json_extract(labels, '$.\"{name}\"') = {literal(text)}" for name, text in where.items()
    ]
    return f"coalesce({' AND '.join(tests)}, FALSE)" if tests else "TRUE"


def spending(  # noqa: PLR0913 - what is added up, and how it is said in SQL
    connection: Connection,
    period: Period,
    basis: Basis,
    time: str,
    kept: Totals | None = None,
    *,
    wanted: str = "TRUE",
) -> Spending:
    """Return what the records of a table or view `rows` cost.

    Args:
        connection: Of SQLite or DuckDB.
        period: Of which records.
        basis: Which cost.
        time: SQL for the time of a row, as microseconds since 1970.
        kept: The control totals of the rows; None: there are none.
        wanted: SQL for whether a row counts.

    Raises:
        DamagedError: An amount is no number, or a time none.
    """
    (counts,) = connection.execute(_counting(period, basis, time, wanted)).fetchall()
    listed = connection.execute(_listing(period, basis, time, wanted))
    parts = iter(lambda: listed.fetchmany(_AT_ONCE), [])
    known, found = _add_up(parts, period, AMOUNTS[basis])
    changed: tuple[Difference, ...] = ()
    if kept is not None:
        of_days = of_period(kept, *whole_days(period.since, period.until))
        changed = differences(found, of_days, (CREATED, AMOUNTS[basis]))
    return Spending(known, *map(int, counts), differences=changed)


def _counting(period: Period, basis: Basis, time: str, wanted: str) -> str:
    """Return SQL for the counts of `Spending`, in its order."""
    chosen = f"{RECORDS} AND ({_bounds(period, time)})"
    undated = "FALSE" if period.is_all else f"{RECORDS} AND {time} IS NULL"
    made = time_in("generation_id")
    lacking = f"({made} IS NULL OR ({_bounds(period, made)}))"
    unknown = f"{chosen} AND {AMOUNTS[basis]} IS NULL"
    provisional = f"{chosen} AND state = 'provisional'"
    pending, failed, forgotten = (
        f"state = '{state}' AND {lacking}" for state in ("pending", "failed", "forgotten")
    )
    doubts = (pending, failed, provisional, unknown, undated)
    doubtful = " OR ".join(f"({each})" for each in doubts)
    what = (chosen, provisional, unknown, undated, pending, failed, doubtful, forgotten)
    sums = ", ".join(f"coalesce(sum(CASE WHEN {each} THEN 1 ELSE 0 END), 0)" for each in what)
    return f"SELECT {sums} FROM rows WHERE {wanted}"  # noqa: S608 - ours, labels quoted


def _listing(period: Period, basis: Basis, time: str, wanted: str) -> str:
    """Return SQL for times and amounts of all records of the UTC days that the period touches.

    Those without a time are among them, and those that do not count: the third value says so.
    """
    days = between(time, *whole_days(period.since, period.until))
    return (
        f"SELECT {time}, {AMOUNTS[basis]}, {wanted} FROM rows "  # noqa: S608 - ours, labels quoted
        f"WHERE {RECORDS} AND ({time} IS NULL OR ({days}))"
    )


def _bounds(period: Period, time: str) -> str:
    since, until = period.since, period.until
    start = None if since is None else microseconds(since)
    return between(time, start, None if until is None else microseconds(until))


def _add_up(
    parts: Iterable[list[Row]], period: Period, name: str
) -> tuple[Decimal, dict[Day, dict[str, Decimal]]]:
    """Return the sum of a period, and the sums of the days that it touches."""
    start = -inf if period.since is None else microseconds(period.since)
    end = inf if period.until is None else microseconds(period.until)
    known = Decimal(0)
    days: dict[Day, dict[str, Decimal]] = {}
    for part in parts:
        for day, rows in _by_day(part):
            amounts = sum_of([amount for _, amount, _ in rows if amount is not None])
            times = [created % DAY for created, _, _ in rows if created is not None]
            sums = days.setdefault(day, dict.fromkeys((COUNT, CREATED, name), Decimal(0)))
            sums[COUNT] += len(rows)
            sums[CREATED] += sum(times)
            sums[name] = EXACT.add(sums[name], amounts)
            is_within = day is not None and start <= day * DAY and (day + 1) * DAY <= end
            if not (period.is_all or is_within):
                within = [row for row in rows if row[0] is not None and start <= row[0] < end]
                amounts = sum_of([amount for _, amount, _ in within if amount is not None])
            else:
                within = rows
            if not all(is_wanted for _, _, is_wanted in within):
                wanted = (amount for _, amount, is_wanted in within if is_wanted)
                amounts = sum_of([amount for amount in wanted if amount is not None])
            known = EXACT.add(known, amounts)
    return known, days


def _by_day(rows: list[Row]) -> Iterable[tuple[Day, list[Row]]]:
    """Return rows by the UTC day of their time; mostly all have the same."""
    times = [created for created, _, _ in rows]
    if {*map(type, times)} == {int}:
        day = day_of(min(times))
        if day is not None and day == day_of(max(times)):
            return [(day, rows)]
    days: dict[Day, list[Row]] = {}
    for row in rows:
        if not isinstance(row[0], int | None):
            raise DamagedError("a time in it is none")
        days.setdefault(day_of(row[0]), []).append(row)
    return days.items()
