# ruff: noqa: S608 - names of columns cannot be bound, they are quoted; values are bound
"""Control totals, as in bookkeeping: the number of records and their sums for each UTC day.

They are written in the transaction that writes the rows. Code that adds up rows compares its sums
with them: if storage has changed a row, the two differ, and the difference shows by how much and
on which day. Records without a readable time have a total of their own.
"""

import datetime
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Context, Decimal, Inexact, InvalidOperation, localcontext
from operator import itemgetter
from typing import Any, Final

from attrs import frozen

from modelgates_client.ledger.errors import DamagedError
from modelgates_client.rows.column import CREATED, Column
from modelgates_client.rows.columns import COLUMNS

DAY: Final = 86_400_000_000  # in microseconds

#: A day as the number of days since 1970-01-01; None if the time is not known.
Day = int | None
#: Sums by name: `RECORDS`, and names of columns.
Sums = Mapping[str, Decimal]
Totals = Mapping[Day, Sums]
#: The values of a row that are summed.
Values = Sequence[Any]

#: The name of the number of records, next to the sums of columns.
RECORDS: Final = "records"

_FIRST: Final = datetime.date.min.toordinal()
_LAST: Final = datetime.date.max.toordinal()
_EPOCH: Final = datetime.date(1970, 1, 1).toordinal()
_UNKNOWN: Final = "unknown"
_ZERO: Final = Decimal(0)
_BATCH: Final = 1000  # rows that are added up together

#: No sum is rounded: amounts have 38 digits, and there are fewer than 10^40 of them.
EXACT: Final = Context(prec=80, traps=[Inexact, InvalidOperation])


def is_summed(column: Column) -> bool:
    """Whether a column has a control total: amounts and numbers of tokens do.

    So does `created_at`, as the time of day, which detects a record that moves within a day.
    """
    counts_tokens = column.kind == "integer" and "tokens_" in column.name
    return column.kind == "usd" or counts_tokens or column.name == CREATED


@frozen
class TotalsDifference:
    """A difference between a sum of rows and its control total.

    Attributes:
        day: The UTC day; None: the records without a readable time.
        name: What was summed: `records`, or a column; `created_at` in microseconds of the day.
        found: The sum of the rows.
        control: The control total.
    """

    day: datetime.date | None
    name: str
    found: Decimal
    control: Decimal

    def __str__(self) -> str:
        day = "without a readable time" if self.day is None else self.day.isoformat()
        difference = _format_number(EXACT.subtract(self.found, self.control))
        found = _format_number(self.found)
        return (
            f"{day}: {self.name} is {found}, which differs from the control total by {difference}"
        )


def _format_number(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def day_of(created_at: int | None) -> Day:
    """Return the UTC day of a time in microseconds since 1970; None if no calendar has it."""
    if created_at is None:
        return None
    day = created_at // DAY
    return day if _FIRST <= day + _EPOCH <= _LAST else None


def differences(
    found: Totals, control: Totals, names: Iterable[str]
) -> tuple[TotalsDifference, ...]:
    """Return all differences, ordered by day; the sums of a missing day are 0."""
    summed = (RECORDS, *names)
    empty: Sums = {}
    return tuple(
        TotalsDifference(date_of(day), name, sums.get(name, _ZERO), totals.get(name, _ZERO))
        for day in sorted({*found, *control}, key=lambda day: (day is None, day or 0))
        for sums, totals in [(found.get(day, empty), control.get(day, empty))]
        for name in summed
        if sums.get(name, _ZERO) != totals.get(name, _ZERO)
    )


def of_period(totals: Totals, start: int | None, end: int | None) -> dict[Day, Sums]:
    """Return the totals from `start` (included) to `end` (excluded), and those of no known day."""
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
    """Return control totals from rows of their table: the day, the records, the sums.

    Raises:
        DamagedError: They are damaged.
    """
    totals: dict[Day, Sums] = {}
    for day, *sums in rows:
        totals[_parse_day(day)] = dict(zip((RECORDS, *names), map(number_of, sums), strict=True))
    return totals


def number_of(stored: Any) -> Decimal:
    """Return a number as SQLite stores it.

    Raises:
        DamagedError: It is not a number.
    """
    try:
        number = Decimal(stored)
    except (ArithmeticError, TypeError, ValueError):
        raise DamagedError("an amount is not a number") from None
    if not number.is_finite():
        raise DamagedError("an amount is not a number")
    return number


def _parse_day(stored: Any) -> Day:
    if stored == _UNKNOWN:
        return None
    try:
        return datetime.date.fromisoformat(stored).toordinal() - _EPOCH
    except (TypeError, ValueError):
        raise DamagedError("the day of a control total is not a day") from None


class ControlTotals:
    """The table of control totals, with the columns of this version of the package.

    Attributes:
        names: The columns of rows that have one, in their order.
        select: SQL for all rows of the table, in the order that `read_totals` takes.
    """

    def __init__(self) -> None:
        """Use the current columns."""
        indices = [index for index, column in enumerate(COLUMNS) if is_summed(column)]
        self.names: Final = tuple(COLUMNS[index].name for index in indices)
        self.values_of: Final[Callable[[Sequence[Any]], tuple[Any, ...]]] = itemgetter(*indices)
        listed = ", ".join(f'"{name}"' for name in self.names)
        placeholders = ", ".join("?" * (len(self.names) + 2))
        self.select: Final = f"SELECT day, records, {listed} FROM control_totals"
        self._select_day: Final = f"{self.select} WHERE day = ?"
        self._select_row: Final = f'SELECT {listed} FROM record_rows WHERE "the key" = ?'
        self._select_rows: Final = f"SELECT {listed} FROM record_rows"
        inserted = f"INTO control_totals (day, records, {listed}) VALUES ({placeholders})"
        self._put: Final = f"INSERT OR REPLACE {inserted}"

    def create_table(self, connection: sqlite3.Connection) -> None:
        """Create the table, empty, in place of an existing one."""
        sums = ", ".join(f'"{name}" TEXT NOT NULL' for name in self.names)
        connection.execute("DROP TABLE IF EXISTS control_totals")
        connection.execute(
            "CREATE TABLE control_totals "
            f"(day TEXT PRIMARY KEY, records INTEGER NOT NULL, {sums}) STRICT, WITHOUT ROWID"
        )

    def add_columns(self, connection: sqlite3.Connection, names: Iterable[str]) -> None:
        """Add those of some new columns that have totals; they are NULL in all rows."""
        for name in names:
            if name in self.names:
                connection.execute(
                    f"ALTER TABLE control_totals ADD COLUMN \"{name}\" TEXT NOT NULL DEFAULT '0'"
                )

    def read(self, connection: sqlite3.Connection) -> dict[Day, Sums]:
        """Return all control totals.

        Raises:
            DamagedError: They are damaged.
        """
        return read_totals(connection.execute(self.select), self.names)

    def add_up(self, connection: sqlite3.Connection) -> Totals:
        """Return the sums of the rows of records.

        Raises:
            DamagedError: A value is not a number.
        """
        sums_by_day: dict[Day, Sums] = {}
        rows = connection.execute(self._select_rows)
        while batch := rows.fetchmany(_BATCH):
            changes = Changes(self.names)
            for values in batch:
                changes.add(values)
            for day, sums in changes.sums():
                sums_by_day[day] = _add(sums_by_day.get(day, {}), sums)
        return sums_by_day

    def record_change(
        self,
        connection: sqlite3.Connection,
        key: int,
        row: Sequence[Any],
        changes: "Changes",
        *,
        is_first: bool,
    ) -> None:
        """Add the row of a record to `changes`, and remove the row that it replaces, if any.

        Raises:
            DamagedError: The row that it replaces is damaged.
        """
        replaced = None if is_first else connection.execute(self._select_row, (key,)).fetchone()
        if replaced is not None:
            changes.remove(replaced)
        changes.add(self.values_of(row))

    def write(self, connection: sqlite3.Connection, changes: "Changes") -> None:
        """Write the changes of a transaction, within it.

        Raises:
            DamagedError: The stored totals, or a row that was replaced, are damaged.
        """
        for day, changed in changes.sums():
            date = date_of(day)
            key = _UNKNOWN if date is None else date.isoformat()
            stored = read_totals(connection.execute(self._select_day, (key,)), self.names)
            records, *sums = _add(stored.get(day, {}), changed).values()
            values = (f"{total:f}" for total in sums)
            connection.execute(self._put, (key, int(records), *values))


class Changes:
    """Rows that a transaction adds and removes; they are summed column by column at its end."""

    def __init__(self, names: Sequence[str]) -> None:
        """Start empty; `names` are the columns that are summed."""
        self._names = names
        self._created = names.index(CREATED)
        self._added: dict[Day, list[Values]] = {}
        self._removed: dict[Day, list[Values]] = {}

    def add(self, values: Values) -> None:
        """Add a row.

        Raises:
            DamagedError: Its time is not an integer.
        """
        self._added.setdefault(self._day(values), []).append(values)

    def remove(self, values: Values) -> None:
        """Remove a row.

        Raises:
            DamagedError: Its time is not an integer.
        """
        self._removed.setdefault(self._day(values), []).append(values)

    def sums(self) -> Iterator[tuple[Day, Sums]]:
        """Yield the change of the sums of each day.

        Raises:
            DamagedError: A value is not a number.
        """
        for day in {**self._added, **self._removed}:
            added = self._sums(self._added.get(day, []))
            removed = self._sums(self._removed.get(day, []))
            yield day, {name: EXACT.subtract(added[name], removed[name]) for name in added}

    def _day(self, values: Values) -> Day:
        created = values[self._created]
        if not isinstance(created, int | None):
            raise DamagedError("a time is not an integer")
        return day_of(created)

    def _sums(self, rows: list[Values]) -> Sums:
        columns = zip(*rows, strict=True) if rows else ((),) * len(self._names)
        sums = {RECORDS: Decimal(len(rows))}
        with localcontext(EXACT):
            for name, column in zip(self._names, columns, strict=True):
                known = [value for value in column if value is not None]
                sums[name] = _sum([time % DAY for time in known] if name == CREATED else known)
        return sums


def _add(sums: Sums, changes: Sums) -> Sums:
    return {name: EXACT.add(sums.get(name, _ZERO), changes[name]) for name in changes}


def sum_of(stored: Sequence[Any]) -> Decimal:
    """Return the exact sum of numbers as SQLite stores them.

    Raises:
        DamagedError: One is not a number.
    """
    with localcontext(EXACT):
        return _sum(stored)


def _sum(stored: Sequence[Any]) -> Decimal:
    """Return the sum of numbers as SQLite stores them, in the current context.

    Raises:
        DamagedError: One is not a number.
    """
    if not stored:
        return _ZERO
    numbers = stored if isinstance(stored[0], int) else map(Decimal, stored)
    try:
        return number_of(sum(numbers))
    except (ArithmeticError, TypeError, ValueError):
        raise DamagedError("an amount is not a number") from None
