"""Rows read once, of a ledger by SQLite, of its export by DuckDB, and held against its totals."""

from bisect import bisect_left
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from operator import itemgetter
from types import NoneType
from typing import Any, Final, Protocol

from attrs import frozen

from modelgates_client.exports.sql import literal
from modelgates_client.ledger import schema
from modelgates_client.ledger.control_totals import (
    DAY,
    EXACT,
    ControlTotals,
    Day,
    Totals,
    TotalsDifference,
    day_of,
    differences,
    of_period,
    sum_of,
)
from modelgates_client.ledger.control_totals import (
    RECORDS as COUNT,
)
from modelgates_client.ledger.database import Database
from modelgates_client.ledger.derived import Derived
from modelgates_client.ledger.errors import DamagedError
from modelgates_client.ledger.ledger import bring_up_to_date
from modelgates_client.reports.selection import between
from modelgates_client.rows.columns import CREATED, LABELS

#: Time, state, and what else was asked for.
Row = tuple[Any, ...]

_AT_ONCE: Final = 4000  # rows that are added up together
_RECORDS: Final = frozenset(["final", "provisional"])  # states
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


class DatabaseConnection(Protocol):
    """What both have in common."""

    def execute(self, statement: str, /) -> Cursor:
        """Execute a statement."""
        ...


@frozen
class Dialect:
    """How one of them says what the other says otherwise.

    Attributes:
        time: SQL for the time of a row, as microseconds since 1970.
        label: Returns SQL for a row's label of some name, which is a word.
    """

    time: str
    label: Callable[[str], str]


#: Of the table `rows` of a ledger, in SQLite.
OF_LEDGER: Final = Dialect(CREATED, lambda name: f"json_extract({LABELS.name}, '$.\"{name}\"')")
#: Of the view `rows` that `exports.source` makes, in DuckDB.
OF_ROWS: Final = Dialect(f"epoch_us({CREATED})", lambda name: f"{LABELS.name}[{literal(name)}]")


@contextmanager
def rows_of_ledger(path: str) -> Generator[tuple[DatabaseConnection, Totals]]:
    """Yield a connection to the rows of a ledger as they are at one moment, and their totals.

    What was captured for it is taken in first.

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


def within(dialect: Dialect, start: int | None, end: int | None) -> list[str]:
    """Return SQL for which rows are of a period, in parts: those without a time are, always.

    Not by OR: SQLite would leave the index that has all it needs.

    Args:
        dialect: Of which kind the rows are.
        start: From when on, in microseconds since 1970; None: from the first.
        end: Until when; None: to the last.
    """
    if start is None and end is None:
        return ["TRUE"]
    return [f"{dialect.time} IS NULL", between(dialect.time, start, end)]


def read(
    connection: DatabaseConnection, dialect: Dialect, columns: Iterable[str], tests: Iterable[str]
) -> Iterator[tuple[Day, list[Row]]]:
    """Yield rows by their UTC day, some thousands at a time; a day may come several times.

    Args:
        connection: To a table or view `rows`.
        dialect: Of which kind it is.
        columns: SQL for what is needed besides time and state.
        tests: SQL for which rows are meant, in parts of which no two have a row in common.

    Raises:
        DamagedError: A time is none.
    """
    select = f"SELECT {', '.join((dialect.time, 'state', *columns))} FROM rows"  # noqa: S608 - ours
    found = connection.execute(" UNION ALL ".join(f"{select} WHERE {test}" for test in tests))
    while part := found.fetchmany(_AT_ONCE):
        yield from _by_day(part)


@frozen
class Whole:
    """The records of a UTC day of a ledger.

    Attributes:
        day: The day.
        records: How many there are.
        times: The sum of their times of day, in microseconds.
        provisional: How many are not final.
        unknown: How many do not say the amount.
        doubtful: How many are either.
        amount: What the others add up to.
    """

    day: int
    records: int
    times: int
    provisional: int
    unknown: int
    doubtful: int
    amount: Decimal


def whole_days_of(
    connection: DatabaseConnection, name: str, start: int | None, end: int | None
) -> Iterator[Whole]:
    """Yield the days of a ledger that have records, put together by SQLite, from an index.

    Args:
        connection: To a ledger.
        name: The column of the amount.
        start: The beginning of a day, in microseconds since 1970; None: from the first.
        end: Likewise the end of one.

    Raises:
        DamagedError: A time is none, or an amount is no number.
    """
    doubtful = f"state = 'provisional' OR {name} IS NULL"
    while True:
        ((created,),) = connection.execute(
            f"SELECT min({CREATED}) FROM record_rows WHERE {between(CREATED, start, end)}"  # noqa: S608 - ours
        ).fetchall()
        if created is None:
            return
        if type(created) is not int:
            raise DamagedError("a time in it is none")
        day = created // DAY
        start = (day + 1) * DAY
        ((records, times, provisional, unknown, doubts, known, texts),) = connection.execute(
            f"SELECT count(*), sum({CREATED} - {day * DAY}), sum(state = 'provisional'), "  # noqa: S608 - ours
            f"sum({name} IS NULL), sum({doubtful}), count({name}), group_concat({name}) "
            f"FROM record_rows WHERE {between(CREATED, day * DAY, start)}"
        ).fetchall()
        amount = added(texts, known)
        yield Whole(day, records, times, provisional, unknown, doubts, amount)


def added(texts: str | None, number: int) -> Decimal:
    """Return the sum of so many amounts that SQLite has put together, by `group_concat`.

    Raises:
        DamagedError: They are none.
    """
    parts = [] if texts is None else texts.split(",")
    if len(parts) != number:
        raise DamagedError("an amount in it is no number")
    return sum_of(parts)


def _by_day(part: list[Row]) -> Iterator[tuple[Day, list[Row]]]:
    times = [row[0] for row in part]
    kinds = {*map(type, times)}
    if not kinds <= {int, NoneType}:
        raise DamagedError("a time in it is none")
    if NoneType in kinds:
        yield None, [row for row in part if row[0] is None]
        part = [row for row in part if row[0] is not None]
        times = [row[0] for row in part]
    ordered = sorted(times)
    if ordered != times:  # as SQLite reads them from an index, they are
        part = sorted(part, key=itemgetter(0))
    begin = 0
    while begin < len(part):
        day = ordered[begin] // DAY
        end = bisect_left(ordered, (day + 1) * DAY, begin)
        yield day_of(ordered[begin]), part[begin:end]
        begin = end


def split(rows: list[Row]) -> tuple[list[Row], list[Row]]:
    """Return those of records, and those of ids without one."""
    states = [row[1] for row in rows]
    if states.count("final") == len(rows):  # as nearly always
        return rows, []
    records = [row for row in rows if row[1] in _RECORDS]
    return records, [row for row in rows if row[1] not in _RECORDS]


class DaySums:
    """What the amounts of rows add up to for each UTC day, to be held against control totals."""

    def __init__(self, names: Sequence[str]) -> None:
        """Begin with none; `names` are the columns, in the order that rows have them."""
        self._names = names
        self._days: dict[Day, dict[str, Decimal]] = {}

    def add(self, day: Day, records: Sequence[Row]) -> list[Decimal]:
        """Count records of a day, and return what each column adds up to.

        Raises:
            DamagedError: An amount is no number.
        """
        sums = self._of(day)
        sums[COUNT] += len(records)
        if day is not None:
            sums[CREATED] += sum([row[0] for row in records]) - len(records) * day * DAY
        else:  # unknown, or beyond the calendar
            sums[CREATED] += sum(row[0] % DAY for row in records if row[0] is not None)
        found: list[Decimal] = []
        for place, name in enumerate(self._names, 2):
            amount = sum_of([row[place] for row in records if row[place] is not None])
            sums[name] = EXACT.add(sums[name], amount)
            found.append(amount)
        return found

    def add_whole(self, whole: Whole) -> None:
        """Count a day; there is one column."""
        sums = self._of(day_of(whole.day * DAY))
        sums[COUNT] += whole.records
        sums[CREATED] += whole.times
        (name,) = self._names
        sums[name] = EXACT.add(sums[name], whole.amount)

    def _of(self, day: Day) -> dict[str, Decimal]:
        zeros = dict.fromkeys((COUNT, CREATED, *self._names), Decimal(0))
        return self._days.setdefault(day, zeros)

    def differences(
        self, kept: Totals | None, start: int | None, end: int | None
    ) -> tuple[TotalsDifference, ...]:
        """Return what they differ by from control totals, of whole days from start to end.

        None, if there are no control totals.
        """
        if kept is None:
            return ()
        return differences(self._days, of_period(kept, start, end), (CREATED, *self._names))
