"""The days and hours of a time zone in SQL, by the offsets of Python's time zone database.

DuckDB has a time zone database of its own; a report must agree with the period, which Python reads.
"""

import datetime
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from modelgates_client.ledger.control_totals import DAY
from modelgates_client.rows.values import moment_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

HOUR: Final = 3_600_000_000  # in microseconds

_SECOND: Final = 1_000_000
_EPOCH: Final = datetime.datetime(1970, 1, 1)  # noqa: DTZ001 - local time
_MICROSECOND: Final = datetime.timedelta(microseconds=1)


def floor(value: str, step: int) -> str:
    """Return SQL for the greatest multiple of `step` that is not greater than `value`."""
    return f"({value} - (({value}) % {step} + {step}) % {step})"  # % has the sign of its left side


def add_local_times(connection: "DuckDBPyConnection", zone: datetime.tzinfo) -> None:
    """Create the view `report_dated`: the selected records with their local time in `local`.

    `local` is the time in the zone, as microseconds since 1970-01-01 00:00 in the zone; NULL
    without a time.
    """
    rows = connection.execute(
        f"SELECT DISTINCT {floor('created', DAY)} FROM report_records WHERE created IS NOT NULL"  # noqa: S608 - a number
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
        "SELECT records.*, "
        "created + CASE WHEN created < change THEN before ELSE after END AS local "
        f"FROM report_records AS records LEFT JOIN report_days ON utc_day = {floor('created', DAY)}"
    )


def date_of(local: int) -> datetime.date:
    """Return the date of a local time."""
    return (_EPOCH + local * _MICROSECOND).date()


def start_of_day(local: int, zone: datetime.tzinfo) -> datetime.datetime:
    """Return the first instant of the day of a local time, in the zone."""
    start = datetime.datetime.combine(date_of(local), datetime.time(), zone)
    try:
        return start.astimezone(datetime.UTC).astimezone(zone)  # midnight may be skipped
    except OverflowError:  # the first or last day of the calendar
        return start.replace(tzinfo=datetime.UTC)


def in_zone(at: int, zone: datetime.tzinfo) -> datetime.datetime:
    """Return an instant in a zone."""
    try:
        return moment_of(at).astimezone(zone)
    except OverflowError:  # the first or last day of the calendar
        return moment_of(at)


def _offsets(start: int, zone: datetime.tzinfo) -> tuple[int, int, int, int]:
    """Return a UTC day, when the zone's offset changes in it, and the offset before and after.

    An offset changes at most once in a day.
    """

    def offset(at: int) -> int:
        utcoffset = in_zone(at, zone).utcoffset()
        return 0 if utcoffset is None else utcoffset // _MICROSECOND

    end = start + DAY - _SECOND
    before, after = offset(start), offset(end)
    if before == after:
        return start, start, before, after
    return start, _first_change(start, end, lambda at: offset(at) != before), before, after


def _first_change(start: int, end: int, has_changed: Callable[[int], bool]) -> int:
    """Return the first full second after `start` for which `has_changed`; it holds at `end`."""
    while end - start > _SECOND:
        middle = start + (end - start) // _SECOND // 2 * _SECOND
        if has_changed(middle):
            end = middle
        else:
            start = middle
    return end
