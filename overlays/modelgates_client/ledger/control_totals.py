# ruff: noqa: S608 - names of columns cannot be bound, they are quoted; values are bound
"""Control totals, as bookkeepers keep them: the count of records and their sums for each UTC day.

They are written in the transaction that writes the rows. Whatever adds rows up holds its own sums
against them: where storage has changed a row since, the two differ, and it can be said by how much
and for which day. Records without a readable time have a total of their own.
"""

import datetime
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Context, Decimal, Inexact, InvalidOperation, localcontext
from operator import itemgetter
from typing import Any, Final

from attrs import frozen

from modelgates_client.ledger.errors import DamagedError
from modelgates_client.rows.columns import COLUMNS, CREATED, Column

DAY: Final = 86_400_000_000  # in microseconds

#: A day as the number of days since 1970-01-01; None: the time is not known.
Day = int | None
#: Sums by what is summed: `RECORDS`, and names of columns.
Sums = Mapping[str, Decimal]
Totals = Mapping[Day, Sums]
#: The values of a row that are summed.
Values = Sequence[Any]

#: What is counted of each day beside the sums of columns.
RECORDS: Final = "records"

_FIRST: Final = datetime.date.min.toordinal()
_LAST: Final = datetime.date.max.toordinal()
_EPOCH: Final = datetime.date(1970, 1, 1).toordinal()
_UNKNOWN: Final = "unknown"
_ZERO: Final = Decimal(0)
_AT_ONCE: Final = 1000  # rows that are added up by the column

#: No sum is rounded: amounts have 38 digits, and there are less than 10^40 of them.
EXACT: Final = Context(prec=80, traps=[Inexact, InvalidOperation])


def is_summed(column: Column) -> bool:
    """Whether there is a control total of a column: of amounts, and of what counts tokens.

    `created_at` is summed, too, as the time of day: a record that moves within a day is found.
    """
    counts_tokens = column.kind == "integer" and "tokens_" in column.name
    return column.kind == "usd" or counts_tokens or column.name == CREATED


@frozen
class TotalsDifference:
    """What a sum of rows differs by from its control total.

    Attributes:
        day: Which day of UTC; None: the records without a readable time.
        name: What was summed: `records`, or a column; `created_at` are microseconds of the day.
        found: The sum of the rows.
        kept: The control total.
    """

    day: datetime.date | None
    name: str
    found: Decimal
    kept: Decimal

    def __str__(self) -> str:
        when = "without a readable time" if self.day is None else self.day.isoformat()
        by = EXACT.subtract(self.found, self.kept)
        return f"{when}: {self.name} {_plain(self.found)}, by {_plain(by)} off the control total"


def _plain(number: Decimal) -> str:
    plain = f"{number:f}"
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def day_of(created_at: int | None) -> Day:
    """Return the UTC day of microseconds since 1970; None if it is beyond the calendar."""
    if created_at is None:
        return None
    day = created_at // DAY
    return day if _FIRST <= day + _EPOCH <= _LAST else None


def differences(found: Totals, kept: Totals, names: Iterable[str]) -> tuple[TotalsDifference, ...]:
    """Return what differs, ordered by day; a day that one of them lacks has nothing there."""
    chosen = (RECORDS, *names)
    nothing: Sums = {}
    return tuple(
        TotalsDifference(date_of(day), name, sums.get(name, _ZERO), control.get(name, _ZERO))
        for day in sorted({*found, *kept}, key=lambda day: (day is None, day or 0))
        for sums, control in [(found.get(day, nothing), kept.get(day, nothing))]
        for name in chosen
        if sums.get(name, _ZERO) != control.get(name, _ZERO)
    )


def of_period(totals: Totals, start: int | None, end: int | None) -> dict[Day, Sums]:
    """Return the totals of the days from one time on (included) to another, and of no known day."""
    return {
        day: sums
        for day, sums in totals.items()
        if day is None
        or ((start is None or day * DAY >= start) and (end is None or day * DAY < end))
    }


def date_of(day: Day) -> datetime.date | None:
    """Return the date of a day."""
    return None if day is None else datetime.date.fromordinal(day + _EPOCH)


def read_totals(rows: Iterable[Sequence[Any]], names: Sequence[str]) -> dict[Day, Sums]:
    """Return control totals of rows as the table has them: the day, the records, the sums.

    Raises:
        DamagedError: They are damaged.
    """
    totals: dict[Day, Sums] = {}
    for day, *sums in rows:
        totals[_day(day)] = dict(zip((RECORDS, *names), map(number_of, sums), strict=True))
    return totals


def number_of(stored: Any) -> Decimal:
    """Return a number as SQLite stores it.

    Raises:
        DamagedError: It is none.
    """
    try:
        number = Decimal(stored)
    except (ArithmeticError, TypeError, ValueError):
        raise DamagedError("an amount in it is no number") from None
    if not number.is_finite():
        raise DamagedError("an amount in it is no number")
    return number


def _day(stored: Any) -> Day:
    if stored == _UNKNOWN:
        return None
    try:
        return datetime.date.fromisoformat(stored).toordinal() - _EPOCH
    except (TypeError, ValueError):
        raise DamagedError("the day of a control total is none") from None


class ControlTotals:
    """The table of control totals, with the columns of this version of the package.

    Attributes:
        names: The columns of rows that have one, in their order.
        select: SQL for all of it, in the order that `read_totals` takes.
    """

    def __init__(self) -> None:
        """Take the columns as they are now."""
        places = [place for place, column in enumerate(COLUMNS) if is_summed(column)]
        self.names: Final = tuple(COLUMNS[place].name for place in places)
        self.values_of: Final[Callable[[Sequence[Any]], tuple[Any, ...]]] = itemgetter(*places)
        listed = ", ".join(f'"{name}"' for name in self.names)
        holes = ", ".join("?" * (len(self.names) + 2))
        self.select: Final = f"SELECT day, records, {listed} FROM control_totals"
        self._one: Final = f"{self.select} WHERE day = ?"
        self._values: Final = f'SELECT {listed} FROM record_rows WHERE "the key" = ?'
        self._all: Final = f"SELECT {listed} FROM record_rows"
        self._keep: Final = f"INSERT OR REPLACE INTO control_totals VALUES ({holes})"

    def make_table(self, connection: sqlite3.Connection) -> None:
        """Make the table anew, empty."""
        sums = ", ".join(f'"{name}" TEXT NOT NULL' for name in self.names)
        connection.execute("DROP TABLE IF EXISTS control_totals")
        connection.execute(
            "CREATE TABLE control_totals "
            f"(day TEXT PRIMARY KEY, records INTEGER NOT NULL, {sums}) STRICT, WITHOUT ROWID"
        )

    def read(self, connection: sqlite3.Connection) -> dict[Day, Sums]:
        """Return all of them.

        Raises:
            DamagedError: They are damaged.
        """
        return read_totals(connection.execute(self.select), self.names)

    def add_up(self, connection: sqlite3.Connection) -> Totals:
        """Return what the rows of records add up to.

        Raises:
            DamagedError: One of them has no numbers.
        """
        found: dict[Day, Sums] = {}
        rows = connection.execute(self._all)
        while some := rows.fetchmany(_AT_ONCE):
            changes = Changes(self.names)
            for values in some:
                changes.add(values)
            for day, sums in changes.sums():
                found[day] = _added(found.get(day, {}), sums)
        return found

    def note(
        self,
        connection: sqlite3.Connection,
        key: int,
        row: Sequence[Any],
        changes: "Changes",
        *,
        is_first: bool,
    ) -> None:
        """Take the row of a record in, and the one out that it replaces, unless it is the first.

        Raises:
            DamagedError: The one that is there is damaged.
        """
        before = None if is_first else connection.execute(self._values, (key,)).fetchone()
        if before is not None:
            changes.remove(before)
        changes.add(self.values_of(row))

    def write(self, connection: sqlite3.Connection, changes: "Changes") -> None:
        """Write what a transaction has changed, within it.

        Raises:
            DamagedError: The totals that are there are damaged, or a row that was replaced.
        """
        for day, changed in changes.sums():
            date = date_of(day)
            stored = _UNKNOWN if date is None else date.isoformat()
            kept = read_totals(connection.execute(self._one, (stored,)), self.names)
            records, *others = _added(kept.get(day, {}), changed).values()
            values = (f"{each:f}" for each in others)
            connection.execute(self._keep, (stored, int(records), *values))


class Changes:
    """Rows that came and went in a transaction; they are added up at its end, by the column."""

    def __init__(self, names: Sequence[str]) -> None:
        """Begin with none; `names` are the columns that are summed."""
        self._names = names
        self._created = names.index(CREATED)
        self._added: dict[Day, list[Values]] = {}
        self._removed: dict[Day, list[Values]] = {}

    def add(self, values: Values) -> None:
        """Take a row in.

        Raises:
            DamagedError: It has no time.
        """
        self._added.setdefault(self._day(values), []).append(values)

    def remove(self, values: Values) -> None:
        """Take a row out.

        Raises:
            DamagedError: It has no time.
        """
        self._removed.setdefault(self._day(values), []).append(values)

    def sums(self) -> Iterator[tuple[Day, Sums]]:
        """Yield what each day's sums change by.

        Raises:
            DamagedError: A row has no numbers.
        """
        for day in {**self._added, **self._removed}:
            come = self._sums(self._added.get(day, []))
            gone = self._sums(self._removed.get(day, []))
            yield day, {name: EXACT.subtract(come[name], gone[name]) for name in come}

    def _day(self, values: Values) -> Day:
        created = values[self._created]
        if not isinstance(created, int | None):
            raise DamagedError("a time in it is none")
        return day_of(created)

    def _sums(self, rows: list[Values]) -> Sums:
        columns = zip(*rows, strict=True) if rows else ((),) * len(self._names)
        sums = {RECORDS: Decimal(len(rows))}
        for name, column in zip(self._names, columns, strict=True):
            known = [value for value in column if value is not None]
            sums[name] = sum_of([moment % DAY for moment in known] if name == CREATED else known)
        return sums


def _added(sums: Sums, others: Sums) -> Sums:
    return {name: EXACT.add(sums.get(name, _ZERO), others[name]) for name in others}


def sum_of(stored: Sequence[Any]) -> Decimal:
    """Return the exact sum of numbers as SQLite stores them.

    Raises:
        DamagedError: One is none.
    """
    numbers = stored if stored and isinstance(stored[0], int) else map(Decimal, stored)
    with localcontext(EXACT):
        try:
            return number_of(sum(numbers))
        except (ArithmeticError, TypeError, ValueError):
            raise DamagedError("an amount in it is no number") from None
