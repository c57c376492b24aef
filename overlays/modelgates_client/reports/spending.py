"""The spending of a period, and the verdict on whether it is within a limit.

A ledger is read by SQLite, so that the check needs no extra; the export of a ledger by DuckDB. Sums
are exact.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from math import inf
from types import MappingProxyType
from typing import Final, Literal

from attrs import field, frozen

from modelgates_client.exports.sql import literal
from modelgates_client.exports.tables import RECORDS
from modelgates_client.ledger.control_totals import (
    DAY,
    EXACT,
    Day,
    TotalsDifference,
    sum_of,
)
from modelgates_client.reports.periods import Period
from modelgates_client.reports.reading import (
    OF_LEDGER,
    DaySums,
    DayTotals,
    OpenRows,
    Row,
    read,
    split,
    totals_by_day,
    within,
)
from modelgates_client.reports.selection import between, whole_days
from modelgates_client.rows.columns import LABELS
from modelgates_client.rows.values import microseconds

Basis = Literal["charged", "all-in"]
Verdict = Literal["within", "over", "undecided"]

AMOUNTS: Final[dict[Basis, str]] = {"charged": "charged_usd", "all-in": "all_in_usd"}

#: The columns of rows that are read.
COLUMNS: Final = ("state", "created_at", *AMOUNTS.values(), LABELS.name)


@frozen
class Spending:
    """The cost of the records of a period, and what is unknown of it.

    The time of an id without a record is the one in it, `gen-<seconds>-…`. Ids without a record
    count if their time is within the period or unknown.

    Attributes:
        known_usd: The sum over the records of the period with a known cost.
        records: How many records of the period there are.
        provisional: How many of them are not final: their cost may still change.
        unknown: How many of them have an unknown cost.
        undated: Records without a readable time, which may be of the period; 0 for all time.
        pending: Ids that have no record yet.
        failed: Ids whose record could not be fetched.
        doubtful: How many ids may make the sum wrong: those that are provisional, unknown, undated,
            pending or failed, each counted once.
        forgotten: Ids that are no longer requested; they do not count as doubtful.
        never_final: How many of the records did not become final and are no longer requested: they
            count with the cost that they state, neither as provisional nor as doubtful.
        differences: Where the rows of the period's days differ from the ledger's control totals:
            rows were changed after they were written, so no sum of them is reliable.
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
    never_final: int = 0
    differences: tuple[TotalsDifference, ...] = field(default=(), kw_only=True)

    def verdict(self, max_usd: Decimal, allow_doubtful: int = 0) -> Verdict:
        """Return whether the spending is within a limit.

        It is over if the known sum is. Otherwise it is undecided if there are more doubtful ids
        than `allow_doubtful`, or no records at all. It is always undecided if rows were changed.
        """
        if self.differences:
            return "undecided"
        if self.known_usd > max_usd:
            return "over"
        if not self.records:
            return "undecided"
        return "within" if self.doubtful <= allow_doubtful else "undecided"


def spending(
    rows: OpenRows,
    period: Period,
    basis: Basis,
    where: Mapping[str, str] = MappingProxyType({}),
) -> Spending:
    """Return the spending of the rows of a ledger or of exports, which are read once.

    Args:
        rows: The rows, as of `reading.rows_of_sources`, with the columns `COLUMNS`.
        period: The period.
        basis: Which cost to sum.
        where: Only rows with these labels count.

    Raises:
        DamagedError: An amount or a time is not a number.
    """
    dialect = rows.dialect
    labels = [f"{dialect.label(name)} = {literal(text)}" for name, text in where.items()]
    selection = [f"coalesce({' AND '.join(labels)}, FALSE)"] if labels else []
    name = AMOUNTS[basis]
    days = whole_days(period.since, period.until)
    sums = DaySums((name,))
    tally = PeriodTally(period, has_selection=bool(selection))
    conditions = within(dialect, *days)
    if dialect is OF_LEDGER and not where:
        start, end = _inner_days(period)
        for totals in totals_by_day(rows.connection, name, start, end):
            sums.add_day(totals)
            tally.add_day(totals)
        conditions = _except_days(conditions, start, end)
    for day, part in read(rows.connection, dialect, (name, *selection), conditions):
        records, unresolved = split(part)
        (known,) = sums.add(day, records)
        tally.add(day, records, known)
        tally.add_unresolved(unresolved)
    differences = sums.differences(rows.control_totals, *days)
    return tally.spending((*differences, *rows.source_differences()))


def _inner_days(period: Period) -> tuple[int | None, int | None]:
    """Return the start and end of the UTC days that are entirely within a period."""
    since, until = (
        None if each is None else microseconds(each) for each in (period.since, period.until)
    )
    start = None if since is None else -(-since // DAY) * DAY
    end = None if until is None else until // DAY * DAY
    return start, end if start is None or end is None else max(start, end)


def _except_days(conditions: list[str], start: int | None, end: int | None) -> list[str]:
    """Restrict conditions to rows that are not records of the days from start to end."""
    time = OF_LEDGER.time
    inner = between(time, start, end)
    counted = f"({RECORDS} AND {time} IS NOT NULL AND {inner})"
    return [f"({condition}) AND NOT {counted}" for condition in conditions]


class PeriodTally:
    """Sums rows of a time, a state, an amount and possibly a flag to a `Spending`.

    Attributes:
        unresolved: The number of ids without a record, by state.
    """

    def __init__(self, period: Period, *, has_selection: bool = False) -> None:
        """Start with no rows.

        Args:
            period: The period.
            has_selection: Whether rows have a fourth cell that says whether they count.
        """
        self._has_selection = has_selection
        self._is_all = period.is_all
        self._start = -inf if period.since is None else microseconds(period.since)
        self._end = inf if period.until is None else microseconds(period.until)
        self._known = Decimal(0)
        self._records = self._unknown = self._undated = self._doubtful = 0
        self._provisional = self._never_final = 0
        self.unresolved: Counter[str] = Counter()

    def add(self, day: Day, records: list[Row], known: Decimal) -> None:
        """Add records of a UTC day, whose known amounts have the sum `known`."""
        selected = [row for row in records if row[3]] if self._has_selection else records
        if not self._contains_day(day):
            if not self._is_all:
                self._undated += sum(row[0] is None for row in selected)
            selected = [row for row in selected if self._contains(row)]
        if selected is not records:
            known = sum_of([row[2] for row in selected if row[2] is not None])
        states = [row[1] for row in selected]
        provisional = states.count("provisional")
        unknown = doubtful = [row[2] for row in selected].count(None)
        if provisional:
            doubtful = sum(row[2] is None or row[1] == "provisional" for row in selected)
        self._known = EXACT.add(self._known, known)
        self._records += len(selected)
        self._provisional += provisional
        self._never_final += states.count("never-final")
        self._unknown += unknown
        self._doubtful += doubtful

    def add_day(self, totals: DayTotals) -> None:
        """Add a day that is entirely within the period."""
        self._known = EXACT.add(self._known, totals.amount)
        self._records += totals.records
        self._provisional += totals.provisional
        self._never_final += totals.never_final
        self._unknown += totals.unknown
        self._doubtful += totals.doubtful

    def add_unresolved(self, rows: Iterable[Row]) -> None:
        """Add ids without a record: those of the period, or of no known time."""
        self.unresolved.update(
            row[1]
            for row in rows
            if (row[0] is None or self._contains(row)) and not (self._has_selection and not row[3])
        )

    def _contains_day(self, day: Day) -> bool:
        if day is None:
            return self._is_all
        return self._start <= day * DAY and (day + 1) * DAY <= self._end

    def _contains(self, row: Row) -> bool:
        if row[0] is None:
            return self._is_all
        return bool(self._start <= row[0] < self._end)

    @property
    def has_any(self) -> bool:
        """Whether there is a row that is, or may be, within the period."""
        return bool(self._records or self._undated or self.unresolved)

    def spending(
        self,
        differences: tuple[TotalsDifference, ...] = (),
        also_unresolved: Mapping[str, int] = MappingProxyType({}),
    ) -> Spending:
        """Return the sums; `also_unresolved` are ids without a record, by state, to include."""
        unresolved = self.unresolved + Counter(also_unresolved)
        pending, failed = unresolved["pending"], unresolved["failed"]
        return Spending(
            known_usd=self._known,
            records=self._records,
            provisional=self._provisional,
            unknown=self._unknown,
            undated=self._undated,
            pending=pending,
            failed=failed,
            doubtful=self._doubtful + self._undated + pending + failed,
            forgotten=unresolved["forgotten"],
            never_final=self._never_final,
            differences=differences,
        )
