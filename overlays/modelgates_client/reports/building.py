"""Builds a report from rows: runs the queries in order."""

import datetime
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from modelgates_client.exports.control_totals import add_up
from modelgates_client.exports.tables import RECORDS
from modelgates_client.ledger.control_totals import Totals, TotalsDifference, differences, of_period
from modelgates_client.reports.days import add_local_times
from modelgates_client.reports.figures import Report, Sort, UnresolvedCounts
from modelgates_client.reports.grouping import Amounts, Grouping, group
from modelgates_client.reports.periods import UTC, zone_of
from modelgates_client.reports.providers import fallbacks, prepare, providers
from modelgates_client.reports.selection import (
    AMOUNTS,
    TOKENS,
    check_by,
    check_sort,
    select_rows,
    whole_days,
)
from modelgates_client.reports.series import histogram, timeline
from modelgates_client.rows.column import CREATED

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LIMIT: Final = 1000  # groups that are listed: a group takes kilobytes, and each row may be one

_MAX_ERRORS: Final = 20  # classes of errors that are listed
_TEMPORARY: Final = ("TABLE report_ranked", "TABLE report_models", "VIEW report_steps",
                "TABLE report_paths", "VIEW report_dated", "TABLE report_days",
                "VIEW report_records", "TABLE report_rows")  # fmt: skip


def build_report(  # noqa: PLR0913 - the parameters of a report
    connection: "DuckDBPyConnection",
    *,
    source: str,
    by: Iterable[str] = ("model",),
    since: datetime.datetime | None = None,
    until: datetime.datetime | None = None,
    timezone: str = UTC,
    now: datetime.datetime,
    sort: Sort | None = None,
    limit: int = LIMIT,
    where: Mapping[str, str] = MappingProxyType({}),
    control_totals: Totals | None = None,
) -> Report:
    """Build the report of a period.

    Cancelled and failed generations are included: they may have cost something, too.

    Args:
        connection: A connection with a view `rows`, as `exports.source.open_rows` creates it. The
            view is read once; temporary tables are created in the connection and dropped again.
        source: The name of the ledger or export, to display.
        by: What to group by: any of `selection.DIMENSIONS`, or `label:NAME`; empty: no groups.
        since: The start of the period (inclusive), timezone-aware; None: unbounded.
        until: The end of the period (exclusive), timezone-aware; None: unbounded.
        timezone: The IANA name of the time zone of days.
        now: The current time, timezone-aware.
        sort: What to sort groups by; None: by time if `by` contains a time, else by cost.
        limit: How many groups to list: the first ones, or the latest if sorted by time; the others
            are combined.
        where: Only rows with these labels are included, also of ids without a record.
        control_totals: The control totals of the ledger; None: there are none to check against.

    Raises:
        ConfigurationError: The time zone does not exist, or rows cannot be grouped as requested.
    """
    by = check_by(by)
    sort = check_sort(sort, by)
    zone = zone_of(timezone)
    try:
        select_rows(connection, by, since, until, where)
        add_local_times(connection, zone)
        amounts = Amounts(connection)
        total, groups, rest, groups_left_out = group(
            connection, amounts, Grouping(by, zone, sort, limit)
        )
        step, slices = timeline(connection, amounts, zone, since, until)
        attempts_unknown = prepare(connection)
        listed_providers, providers_left_out = providers(connection)
        listed_fallbacks, fallbacks_left_out = fallbacks(connection)
        return Report(
            source=source,
            by=by,
            since=since,
            until=until,
            timezone=timezone,
            generated_at=now.astimezone(zone),
            total=total,
            groups=groups,
            unresolved=_unresolved(connection),
            undated=_undated(connection),
            timeline=slices,
            step=step,
            latencies=histogram(connection),
            providers=listed_providers,
            fallbacks=listed_fallbacks,
            attempts_unknown=attempts_unknown,
            rest=rest,
            groups_left_out=groups_left_out,
            providers_left_out=providers_left_out,
            fallbacks_left_out=fallbacks_left_out,
            differences=_differences(connection, control_totals, since, until),
            sort=sort,
        )
    finally:
        for thing in _TEMPORARY:
            kind, name = thing.split()
            connection.execute(f"DROP {kind} IF EXISTS {name}")


def _differences(
    connection: "DuckDBPyConnection",
    control_totals: Totals | None,
    since: datetime.datetime | None,
    until: datetime.datetime | None,
) -> tuple[TotalsDifference, ...]:
    if control_totals is None:
        return ()
    columns = {name: name for name in (*AMOUNTS, *TOKENS)}
    sums = add_up(connection, "report_rows", "created", columns)
    expected = of_period(control_totals, *whole_days(since, until))
    return differences(sums, expected, (CREATED, *columns))


def _unresolved(connection: "DuckDBPyConnection") -> UnresolvedCounts:
    counts = dict(
        connection.execute(
            "SELECT state, count(*) FROM report_rows "  # noqa: S608 - constants
            f"WHERE is_selected AND NOT {RECORDS} GROUP BY state"
        ).fetchall()
    )
    # Only the class of the error: messages contain ids and requests, so no two are equal.
    errors = connection.execute(
        "SELECT split_part(error, ':', 1) AS kind, count(*) AS times FROM report_rows "
        "WHERE is_selected AND state IN ('pending', 'failed') AND error IS NOT NULL "
        "GROUP BY kind ORDER BY times DESC, kind LIMIT ?",
        [_MAX_ERRORS],
    ).fetchall()
    pending, failed, forgotten = (
        counts.get(state, 0) for state in ("pending", "failed", "forgotten")
    )
    return UnresolvedCounts(pending, failed, tuple(errors), forgotten)


def _undated(connection: "DuckDBPyConnection") -> int:
    (row,) = connection.execute(
        f"SELECT count(*) FROM report_rows WHERE is_selected AND {RECORDS} AND created IS NULL"  # noqa: S608 - constants
    ).fetchall()
    return int(row[0])
