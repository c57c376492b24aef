"""The sum that a budget is held against, and whether it can be said to be within.

A ledger is read by SQLite alone, so that the check needs no extra; the export of one by DuckDB.
Sums are exact.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from math import inf
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

from attrs import field, frozen

from modelgates_client.exports.sql import literal
from modelgates_client.ledger.control_totals import (
    DAY,
    EXACT,
    Day,
    Totals,
    TotalsDifference,
    sum_of,
)
from modelgates_client.reports.periods import Period
from modelgates_client.reports.reading import (
    OF_LEDGER,
    OF_ROWS,
    DatabaseConnection,
    DaySums,
    Dialect,
    Row,
    Whole,
    read,
    rows_of_ledger,
    split,
    whole_days_of,
    within,
)
from modelgates_client.reports.selection import RECORDS, between, microseconds, whole_days
from modelgates_client.rows.columns import LABELS

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Basis = Literal["charged", "all-in"]
Verdict = Literal["within", "over", "undecided"]

AMOUNTS: Final[dict[Basis, str]] = {"charged": "charged_usd", "all-in": "all_in_usd"}

#: What is read of rows.
COLUMNS: Final = ("state", "created_at", *AMOUNTS.values(), LABELS.name)


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
    differences: tuple[TotalsDifference, ...] = field(default=(), kw_only=True)

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
        return spending(connection, period, basis, OF_LEDGER, kept, where=where)


def spending_of_rows(
    connection: "DuckDBPyConnection",
    period: Period,
    basis: Basis,
    where: Mapping[str, str] = MappingProxyType({}),
) -> Spending:
    """Return what the records of a view `rows` cost, as `exports.source.open_rows` makes it."""
    return spending(connection, period, basis, OF_ROWS, where=where)


def spending(  # noqa: PLR0913 - what is added up, and how it is said in SQL
    connection: DatabaseConnection,
    period: Period,
    basis: Basis,
    dialect: Dialect,
    kept: Totals | None = None,
    *,
    where: Mapping[str, str] = MappingProxyType({}),
) -> Spending:
    """Return what the records of a table or view `rows` cost; it is read once.

    Args:
        connection: Of SQLite or DuckDB.
        period: Of which records.
        basis: Which cost.
        dialect: Of which of the two.
        kept: The control totals of the rows; None: there are none.
        where: The labels that a row has that counts.

    Raises:
        DamagedError: An amount is no number, or a time none.
    """
    tests = [f"{dialect.label(name)} = {literal(text)}" for name, text in where.items()]
    wanted = [f"coalesce({' AND '.join(tests)}, FALSE)"] if tests else []
    name = AMOUNTS[basis]
    days = whole_days(period.since, period.until)
    sums = DaySums((name,))
    tally = _Tally(period, is_picky=bool(wanted))
    tests = within(dialect, *days)
    if dialect is OF_LEDGER and not where:
        start, end = _inner_days(period)
        for whole in whole_days_of(connection, name, start, end):
            sums.add_whole(whole)
            tally.add_whole(whole)
        tests = _around(tests, start, end)
    for day, rows in read(connection, dialect, (name, *wanted), tests):
        records, lacking = split(rows)
        (known,) = sums.add(day, records)
        tally.add(day, records, known)
        tally.add_lacking(lacking)
    return tally.spending(sums.differences(kept, *days))


def _inner_days(period: Period) -> tuple[int | None, int | None]:
    """Return the beginning of the UTC days that are in a period as a whole, and their end."""
    since, until = (
        None if each is None else microseconds(each) for each in (period.since, period.until)
    )
    start = None if since is None else -(-since // DAY) * DAY
    end = None if until is None else until // DAY * DAY
    return start, end if start is None or end is None else max(start, end)


def _around(tests: list[str], start: int | None, end: int | None) -> list[str]:
    """Return SQL for rows that are not records of days that were counted as a whole."""
    time = OF_LEDGER.time
    inner = between(time, start, end)
    counted = f"({RECORDS} AND {time} IS NOT NULL AND {inner})"
    return [f"({test}) AND NOT {counted}" for test in tests]


class _Tally:
    """Counts what `Spending` says, by rows: a time, a state, an amount, and if it counts."""

    def __init__(self, period: Period, *, is_picky: bool) -> None:
        """Begin with none; `is_picky`: rows say whether they count, else all do."""
        self._is_picky = is_picky
        self._is_all = period.is_all
        self._start = -inf if period.since is None else microseconds(period.since)
        self._end = inf if period.until is None else microseconds(period.until)
        self._known = Decimal(0)
        self._records = self._provisional = self._unknown = self._undated = self._doubtful = 0
        self._lacking: Counter[str] = Counter()  # a record, by state

    def add(self, day: Day, records: list[Row], known: Decimal) -> None:
        """Count records of a UTC day that add up to what is known."""
        chosen = [row for row in records if row[3]] if self._is_picky else records
        if not self._has_all_of(day):
            if not self._is_all:
                self._undated += sum(row[0] is None for row in chosen)
            chosen = [row for row in chosen if self._has(row)]
        if chosen is not records:
            known = sum_of([row[2] for row in chosen if row[2] is not None])
        provisional = [row[1] for row in chosen].count("provisional")
        unknown = [row[2] for row in chosen].count(None)
        doubtful = unknown
        if provisional:
            doubtful = sum(row[1] == "provisional" or row[2] is None for row in chosen)
        self._known = EXACT.add(self._known, known)
        self._records += len(chosen)
        self._provisional += provisional
        self._unknown += unknown
        self._doubtful += doubtful

    def add_whole(self, whole: Whole) -> None:
        """Count a day that is of the period as a whole."""
        self._known = EXACT.add(self._known, whole.amount)
        self._records += whole.records
        self._provisional += whole.provisional
        self._unknown += whole.unknown
        self._doubtful += whole.doubtful

    def add_lacking(self, rows: Iterable[Row]) -> None:
        """Count ids without a record: those of the period, or of no known time."""
        self._lacking.update(
            row[1]
            for row in rows
            if (row[0] is None or self._has(row)) and not (self._is_picky and not row[3])
        )

    def _has_all_of(self, day: Day) -> bool:
        if day is None:
            return self._is_all
        return self._start <= day * DAY and (day + 1) * DAY <= self._end

    def _has(self, row: Row) -> bool:
        if row[0] is None:
            return self._is_all
        return bool(self._start <= row[0] < self._end)

    def spending(self, differences: tuple[TotalsDifference, ...]) -> Spending:
        """Return what was counted."""
        pending, failed = self._lacking["pending"], self._lacking["failed"]
        return Spending(
            known_usd=self._known,
            records=self._records,
            provisional=self._provisional,
            unknown=self._unknown,
            undated=self._undated,
            pending=pending,
            failed=failed,
            doubtful=self._doubtful + self._undated + pending + failed,
            forgotten=self._lacking["forgotten"],
            differences=differences,
        )
