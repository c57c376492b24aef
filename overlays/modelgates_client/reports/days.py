"""The days and hours of a zone, for SQL: offsets come from Python's zones, not from DuckDB's.

Both have a database of their own; a report must not disagree with the period that it is of.
"""

import datetime
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from modelgates_client.ledger.control_totals import DAY
from modelgates_client.reports.selection import instant

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

HOUR: Final = 3_600_000_000  # in microseconds

_SECOND: Final = 1_000_000
_EPOCH: Final = datetime.datetime(1970, 1, 1)  # noqa: DTZ001 - by a zone's clocks
_MICROSECOND: Final = datetime.timedelta(microseconds=1)


def floor(value: str, step: int) -> str:
    """Return SQL for the last multiple of `step` that is not above `value`."""
    return f"({value} - (({value}) % {step} + {step}) % {step})"  # % has the sign of its left side


def add_local_times(connection: "DuckDBPyConnection", zone: datetime.tzinfo) -> None:
    """Make the view `report_dated`: the chosen records, and `local`.

    `local` is what the zone's clocks showed then, as microseconds since they showed the year 1970;
    NULL without a time.
    """
    rows = connection.execute(
        f"SELECT DISTINCT {floor('created', DAY)} FROM report_chosen WHERE created IS NOT NULL"  # noqa: S608 - a number
    ).fetchall()
    days = [_offsets(start, zone) for (start,) in rows]
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE report_days AS SELECT "
        "unnest(?::BIGINT[]) AS utc_day, unnest(?::BIGINT[]) AS change, "
        "unnest(?::BIGINT[]) AS before, unnest(?::BIGINT[]) AS after",
        [[day[index] for day in days] for index in range(4)],
    )
    connection.execute(
        "CREATE OR REPLACE TEMP VIEW report_dated AS "  # noqa: S608 - a number
        "SELECT chosen.*, created + CASE WHEN created < change THEN before ELSE after END AS local "
        f"FROM report_chosen AS chosen LEFT JOIN report_days ON utc_day = {floor('created', DAY)}"
    )


def date_of(local: int) -> datetime.date:
    """Return the date that clocks show."""
    return (_EPOCH + local * _MICROSECOND).date()


def start_of_day(local: int, zone: datetime.tzinfo) -> datetime.datetime:
    """Return the first instant of the day that clocks show, in the zone."""
    start = datetime.datetime.combine(date_of(local), datetime.time(), zone)
    try:
        return start.astimezone(datetime.UTC).astimezone(zone)  # where clocks skip midnight
    except OverflowError:  # the calendar's first day, or its last
        return start.replace(tzinfo=datetime.UTC)


def in_zone(at: int, zone: datetime.tzinfo) -> datetime.datetime:
    """Return an instant in a zone."""
    try:
        return instant(at).astimezone(zone)
    except OverflowError:  # the calendar's first day, or its last
        return instant(at)


def _offsets(start: int, zone: datetime.tzinfo) -> tuple[int, int, int, int]:
    """Return a day of UTC, when the zone's offset changes within it, and it before and after.

    Clocks are changed once in a day at most.
    """

    def offset(at: int) -> int:
        moved = in_zone(at, zone).utcoffset()
        return 0 if moved is None else moved // _MICROSECOND

    end = start + DAY - _SECOND
    before, after = offset(start), offset(end)
    if before == after:
        return start, start, before, after
    return start, _first_change(start, end, lambda at: offset(at) != before), before, after


def _first_change(start: int, end: int, changed: Callable[[int], bool]) -> int:
    """Return the first full second after `start` at which it has changed; at `end` it has."""
    while end - start > _SECOND:
        middle = start + (end - start) // _SECOND // 2 * _SECOND
        if changed(middle):
            end = middle
        else:
            start = middle
    return end
