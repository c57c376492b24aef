"""A report of rows: what is asked in which order."""

import datetime
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from modelgates_client.exports.control_totals import add_up
from modelgates_client.ledger.control_totals import Totals, TotalsDifference, differences, of_period
from modelgates_client.reports.days import add_local_times
from modelgates_client.reports.figures import Report, Sort, UnresolvedCounts
from modelgates_client.reports.grouping import Amounts, Grouping, group
from modelgates_client.reports.latencies import histogram
from modelgates_client.reports.periods import UTC, zone_of
from modelgates_client.reports.providers import fallbacks, prepare, providers
from modelgates_client.reports.selection import (
    AMOUNTS,
    RECORDS,
    TOKENS,
    check_by,
    check_sort,
    pick,
    whole_days,
)
from modelgates_client.reports.timeline import slices
from modelgates_client.rows.columns import CREATED

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LIMIT: Final = 1000  # groups that are listed: a group is some kilobytes, and each row may be one

_ERRORS: Final = 20  # kinds that are listed
_MADE: Final = ("TABLE report_ranked", "TABLE report_models", "VIEW report_steps",
                "TABLE report_paths", "VIEW report_dated", "TABLE report_days",
                "VIEW report_chosen", "TABLE report_picked")  # fmt: skip


def build_report(  # noqa: PLR0913 - what a report is of
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
    """Return the figures of the rows of a period.

    Cancelled and failed generations count as they are: they may have cost something, too.

    Args:
        connection: A connection with a view `rows`, as `rows.source.open_rows` makes it. It is
            read once; temporary tables are made beside it, and dropped again.
        source: The name of what is read, for people.
        by: What to group by, any of `picking.DIMENSIONS`, `label:NAME`; none: no groups.
        since: The beginning of the period (included), aware; None: from the first.
        until: Its end (excluded), aware; None: to the last.
        timezone: The IANA name of the zone whose days are meant.
        now: The present, aware.
        sort: What groups are ordered by; None: by time where `by` has one, else by cost.
        limit: How many groups are listed, the first by that order, of times the latest; the others
            are taken together.
        where: Labels that all that counts has, ids without a record too.
        control_totals: What the rows add up to, by what was written of them; None: it is not known.

    Raises:
        ConfigurationError: There is no such zone, or rows cannot be grouped by that.
    """
    by = check_by(by)
    sort = check_sort(sort, by)
    zone = zone_of(timezone)
    try:
        pick(connection, by, since, until, where)
        add_local_times(connection, zone)
        amounts = Amounts(connection)
        total, groups, rest, groups_left_out = group(
            connection, amounts, Grouping(by, zone, sort, limit)
        )
        step, timeline = slices(connection, amounts, zone, since, until)
        attempts_unknown = prepare(connection)
        listed_providers, providers_left_out = providers(connection)
        listed_fallbacks, fallbacks_left_out = fallbacks(connection)
        return Report(
            source=source,
            by=by,
            since=since,
            until=until,
            timezone=timezone,
            made_at=now.astimezone(zone),
            total=total,
            groups=groups,
            unresolved=_unresolved(connection),
            undated=_undated(connection),
            timeline=timeline,
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
        for thing in _MADE:
            kind, name = thing.split()
            connection.execute(f"DROP {kind} IF EXISTS {name}")


def _differences(
    connection: "DuckDBPyConnection",
    kept: Totals | None,
    since: datetime.datetime | None,
    until: datetime.datetime | None,
) -> tuple[TotalsDifference, ...]:
    if kept is None:
        return ()
    columns = {name: name for name in AMOUNTS}
    columns |= {column: name for name, column in TOKENS.items()}
    found = add_up(connection, "report_picked", "created", columns)
    days = of_period(kept, *whole_days(since, until))
    return differences(found, days, (CREATED, *columns))


def _unresolved(connection: "DuckDBPyConnection") -> UnresolvedCounts:
    counts = dict(
        connection.execute(
            "SELECT state, count(*) FROM report_picked "  # noqa: S608 - ours
            f"WHERE wanted AND NOT {RECORDS} GROUP BY state"
        ).fetchall()
    )
    # The class of the error alone: messages name ids and requests, and no two are the same.
    errors = connection.execute(
        "SELECT split_part(error, ':', 1) AS kind, count(*) AS times FROM report_picked "
        "WHERE wanted AND state IN ('pending', 'failed') AND error IS NOT NULL "
        "GROUP BY kind ORDER BY times DESC, kind LIMIT ?",
        [_ERRORS],
    ).fetchall()
    pending, failed, forgotten = (
        counts.get(state, 0) for state in ("pending", "failed", "forgotten")
    )
    return UnresolvedCounts(pending, failed, tuple(errors), forgotten)


def _undated(connection: "DuckDBPyConnection") -> int:
    (row,) = connection.execute(
        f"SELECT count(*) FROM report_picked WHERE wanted AND {RECORDS} AND created IS NULL"  # noqa: S608 - ours
    ).fetchall()
    return int(row[0])
