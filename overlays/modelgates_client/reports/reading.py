"""Reads the rows of a ledger by SQLite or of its export by DuckDB, and checks their totals."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from operator import itemgetter
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from attrs import frozen

from modelgates_client.exports.sql import literal
from modelgates_client.ledger import schema
from modelgates_client.ledger.control_totals import (
    DAY,
    EXACT,
    RECORDS as COUNT,
    ControlTotals,
    Day,
    Totals,
    TotalsDifference,
    day_of,
    differences,
    of_period,
    sum_of,
)
from modelgates_client.ledger.database import Database
from modelgates_client.ledger.derived import NEVER_FINAL, Derived
from modelgates_client.ledger.errors import DamagedError
from modelgates_client.ledger.ledger import bring_up_to_date
from modelgates_client.reports.selection import between
from modelgates_client.rows.column import CREATED
from modelgates_client.rows.columns import LABELS

if TYPE_CHECKING:
    import sqlite3

    from duckdb import DuckDBPyConnection

#: The time, the state, and the requested columns.
Row = tuple[Any, ...]

_BATCH_SIZE: Final = 4000  # rows that are summed together
RECORD_STATES: Final = frozenset(["final", "provisional", "never-final"])
_BUSY_TIMEOUT_S: Final = 30.0  # seconds to wait for a lock of another process


#: A connection that rows are read by, and the result of its statements.
DatabaseConnection: TypeAlias = "sqlite3.Connection | DuckDBPyConnection"
Cursor: TypeAlias = "sqlite3.Cursor | DuckDBPyConnection"


@frozen
class Dialect:
    """The SQL that differs between SQLite and DuckDB.

    Attributes:
        time: SQL for the time of a row, as microseconds since 1970 UTC.
        label: Returns SQL for the label of a row by the name of the label, which is a word.
    """

    time: str
    label: Callable[[str], str]


#: The dialect of the table `rows` of a ledger, in SQLite.
OF_LEDGER: Final = Dialect(CREATED, lambda name: f"json_extract({LABELS.name}, '$.\"{name}\"')")
#: The dialect of the view `rows` that `exports.source` creates, in DuckDB.
OF_ROWS: Final = Dialect(f"epoch_us({CREATED})", lambda name: f"{LABELS.name}[{literal(name)}]")


@frozen
class OpenRows:
    """The rows of a ledger or of exports.

    Attributes:
        connection: A connection with a table or view `rows`.
        dialect: The SQL dialect of the connection.
        control_totals: The control totals of the rows; None: there are none.
        source_differences: Returns how the rows of ledgers differ from theirs, if there are
            several ledgers.
    """

    connection: DatabaseConnection
    dialect: Dialect
    control_totals: Totals | None = None
    source_differences: Callable[[], tuple[TotalsDifference, ...]] = tuple


@contextmanager
def rows_of_ledger(path: str) -> Generator[OpenRows]:
    """Open a ledger by SQLite, and yield a snapshot of its rows.

    Captured ids are added to the ledger first.

    Raises:
        LedgerError: The file is not a ledger, cannot be read, is damaged, or its rows are
            incomplete.
    """
    bring_up_to_date(path)
    database = Database(path, read_only=True, timeout_s=_BUSY_TIMEOUT_S)
    try:
        schema.check_version(database, schema.STEPS)
        with database.snapshot() as connection:  # rows and totals of the same moment
            Derived().check(database, connection)
            yield OpenRows(connection, OF_LEDGER, ControlTotals().read(connection))
    finally:
        database.close()


@contextmanager
def rows_of_sources(sources: Sequence[str], columns: Iterable[str]) -> Generator[OpenRows]:
    """Open a ledger by SQLite, or several sources, or exports, by DuckDB.

    Args:
        sources: The paths.
        columns: The columns of `rows` that are needed.

    Raises:
        ConfigurationError: An extra is missing.
        LedgerError: A ledger cannot be read.
        SourceError: An export cannot be read.
    """
    if len(sources) == 1 and not _is_export(sources[0]):
        with rows_of_ledger(sources[0]) as rows:
            yield rows
        return
    from modelgates_client.exports.source import open_source  # noqa: PLC0415 - slow to load, and ledgers do not need it

    with open_source(sources) as source:
        source.define("rows", columns)
        yield OpenRows(source.connection, OF_ROWS, None, source.differences)


def _is_export(source: str) -> bool:
    """Whether a source is a Parquet file, a folder or a pattern."""
    return (
        source.endswith(".parquet")
        or any(char in source for char in "*?[")
        or Path(source).is_dir()
    )


def within(dialect: Dialect, start: int | None, end: int | None) -> list[str]:
    """Return SQL conditions for the rows of a period; rows without a time are always included.

    They are separate conditions, because with OR SQLite would not use the covering index.

    Args:
        dialect: The SQL dialect of the rows.
        start: The start (inclusive), in microseconds since 1970 UTC; None: unbounded.
        end: The end (exclusive), in microseconds since 1970 UTC; None: unbounded.
    """
    if start is None and end is None:
        return ["TRUE"]
    return [f"{dialect.time} IS NULL", between(dialect.time, start, end)]


def read(
    connection: DatabaseConnection,
    dialect: Dialect,
    columns: Iterable[str],
    conditions: Iterable[str],
) -> Iterator[tuple[Day, list[Row]]]:
    """Yield rows by their UTC day, some thousands at a time; a day may occur several times.

    Args:
        connection: A connection with a table or view `rows`.
        dialect: The SQL dialect of the connection.
        columns: SQL for the columns to read after time and state.
        conditions: SQL conditions for the rows to read; no row meets two of them.

    Raises:
        DamagedError: A time is not a number.
    """
    select = f"SELECT {', '.join((dialect.time, 'state', *columns))} FROM rows"  # noqa: S608 - constants
    cursor = connection.execute(" UNION ALL ".join(f"{select} WHERE {each}" for each in conditions))
    while part := cursor.fetchmany(_BATCH_SIZE):
        yield from _by_day(part)


@frozen
class DayTotals:
    """The totals of the records of a UTC day of a ledger.

    Attributes:
        day: The day, in days since 1970-01-01.
        records: How many records there are.
        times: The sum of their times of day, in microseconds.
        provisional: How many are not final.
        never_final: How many did not become final, and are no longer requested.
        unknown: How many have an unknown amount.
        doubtful: How many are provisional or have an unknown amount.
        amount: The sum of the known amounts.
    """

    day: int
    records: int
    times: int
    provisional: int
    never_final: int
    unknown: int
    doubtful: int
    amount: Decimal


def totals_by_day(
    connection: DatabaseConnection,
    name: str,
    start: int | None,
    end: int | None,
) -> Iterator[DayTotals]:
    """Yield the totals of each UTC day that has records, aggregated by SQLite from an index.

    Args:
        connection: A connection to a ledger.
        name: The column of the amount.
        start: The start of a day, in microseconds since 1970 UTC; None: unbounded.
        end: The end of a day, in microseconds since 1970 UTC; None: unbounded.

    Raises:
        DamagedError: A time or an amount is not a number.
    """
    never_final: Counter[int] = Counter()
    never_final_known: Counter[int] = Counter()  # those with a known amount, which are not doubtful
    for created, is_known in connection.execute(
        f"SELECT {CREATED}, {name} IS NOT NULL FROM record_rows "  # noqa: S608 - constants
        f"WHERE {NEVER_FINAL} AND {CREATED} IS NOT NULL"
    ).fetchall():
        never_final[_day(created)] += 1
        never_final_known[_day(created)] += is_known
    while True:
        ((created,),) = connection.execute(
            f"SELECT min({CREATED}) FROM record_rows WHERE {between(CREATED, start, end)}"  # noqa: S608 - constants
        ).fetchall()
        if created is None:
            return
        day = _day(created)
        start = (day + 1) * DAY
        ((records, times, not_final, unknown, doubts, known, texts),) = connection.execute(
            f"SELECT count(*), sum({CREATED} - {day * DAY}), sum(state = 'provisional'), "  # noqa: S608 - constants
            f"sum({name} IS NULL), sum(state = 'provisional' OR {name} IS NULL), "
            f"count({name}), group_concat({name}) "
            f"FROM record_rows WHERE {between(CREATED, day * DAY, start)}"
        ).fetchall()
        yield DayTotals(
            day,
            records,
            times,
            provisional=not_final - never_final[day],
            never_final=never_final[day],
            unknown=unknown,
            doubtful=doubts - never_final_known[day],
            amount=sum_of_concatenated(texts, known),
        )


def _day(created: Any) -> int:
    """Return the day of a time, in days since 1970-01-01."""
    if not isinstance(created, int):
        raise DamagedError("a time in it is not a number")
    return created // DAY


def sum_of_concatenated(texts: str | None, number: int) -> Decimal:
    """Return the sum of amounts that SQLite concatenated with `group_concat`.

    Args:
        texts: The concatenated amounts; None if there are none.
        number: How many amounts there are.

    Raises:
        DamagedError: An amount is not a number.
    """
    parts = [] if texts is None else texts.split(",")
    if len(parts) != number:
        raise DamagedError("an amount in it is not a number")
    return sum_of(parts)


def _by_day(part: list[Row]) -> Iterator[tuple[Day, list[Row]]]:
    times = [row[0] for row in part]
    kinds = {*map(type, times)}
    if not kinds <= {int, NoneType}:
        raise DamagedError("a time in it is not a number")
    if NoneType in kinds:
        yield None, [row for row in part if row[0] is None]
        part = [row for row in part if row[0] is not None]
        times = [row[0] for row in part]
    ordered = sorted(times)
    if ordered != times:  # SQLite returns them in the order of the index
        part = sorted(part, key=itemgetter(0))
    begin = 0
    while begin < len(part):
        day = ordered[begin] // DAY
        end = bisect_left(ordered, (day + 1) * DAY, begin)
        yield day_of(ordered[begin]), part[begin:end]
        begin = end


def split(rows: list[Row]) -> tuple[list[Row], list[Row]]:
    """Split rows into those with a record and those without."""
    states = [row[1] for row in rows]
    if states.count("final") == len(rows):  # the common case
        return rows, []
    records = [row for row in rows if row[1] in RECORD_STATES]
    return records, [row for row in rows if row[1] not in RECORD_STATES]


class DaySums:
    """Sums of the amounts of rows by UTC day, to compare with control totals."""

    def __init__(self, names: Sequence[str]) -> None:
        """Start with no sums; `names` are the columns, in the order in which rows have them."""
        self._names = names
        self._days: dict[Day, dict[str, Decimal]] = {}

    def add(self, day: Day, records: Sequence[Row]) -> list[Decimal]:
        """Add records of a day, and return the sum of each column.

        Raises:
            DamagedError: An amount is not a number.
        """
        sums = self._of(day)
        sums[COUNT] += len(records)
        if day is not None:
            sums[CREATED] += sum([row[0] for row in records]) - len(records) * day * DAY
        else:  # unknown, or outside the calendar
            sums[CREATED] += sum(row[0] % DAY for row in records if row[0] is not None)
        amounts: list[Decimal] = []
        for place, name in enumerate(self._names, 2):
            amount = sum_of([row[place] for row in records if row[place] is not None])
            sums[name] = EXACT.add(sums[name], amount)
            amounts.append(amount)
        return amounts

    def add_day(self, totals: DayTotals) -> None:
        """Add the totals of a day; there must be exactly one column."""
        sums = self._of(day_of(totals.day * DAY))
        sums[COUNT] += totals.records
        sums[CREATED] += totals.times
        (name,) = self._names
        sums[name] = EXACT.add(sums[name], totals.amount)

    def _of(self, day: Day) -> dict[str, Decimal]:
        zeros = dict.fromkeys((COUNT, CREATED, *self._names), Decimal(0))
        return self._days.setdefault(day, zeros)

    def differences(
        self, control_totals: Totals | None, start: int | None, end: int | None
    ) -> tuple[TotalsDifference, ...]:
        """Return the differences from control totals, for whole UTC days from start to end.

        Without control totals there are no differences.
        """
        if control_totals is None:
            return ()
        return differences(
            self._days, of_period(control_totals, start, end), (CREATED, *self._names)
        )
