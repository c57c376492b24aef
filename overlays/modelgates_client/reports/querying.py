"""A report of rows: what is asked in which order."""

import datetime
import math
from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from modelgates_client.reports.days import DAY, HOUR, add_local_times, floor, in_zone, start_of_day
from modelgates_client.reports.figures import Bin, Report, Slice, Unresolved
from modelgates_client.reports.grouping import Amounts, group
from modelgates_client.reports.periods import UTC, zone_of
from modelgates_client.reports.picking import RECORDS, check_by, instant, pick
from modelgates_client.reports.providers import fallbacks, prepare, providers

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LIMIT: Final = 1000  # groups that are listed: a group is some kilobytes, and each row may be one

_ERRORS: Final = 20  # kinds that are listed
_MADE: Final = ("TABLE report_ranked", "TABLE report_models", "VIEW report_steps",
                "TABLE report_paths", "VIEW report_dated", "TABLE report_days",
                "VIEW report_chosen", "TABLE report_picked")  # fmt: skip

_MODELS: Final = 50  # that have slices of their own
_DAYS: Final = 4000  # that are drawn one by one: more come from a server that does not tell them
_SHORT: Final = datetime.timedelta(days=2)

#: Where bars begin in each decade: round numbers, each about 1.26 times the one before.
#: Source: ISO 3, series R"10.
_STEPS: Final = (10, 12, 15, 20, 25, 30, 40, 50, 60, 80)


def build_report(  # noqa: PLR0913 - what a report is of
    connection: "DuckDBPyConnection",
    *,
    source: str,
    by: Iterable[str] = ("model",),
    since: datetime.datetime | None = None,
    until: datetime.datetime | None = None,
    timezone: str = UTC,
    now: datetime.datetime,
    limit: int = LIMIT,
) -> Report:
    """Return the figures of the rows of a period.

    Cancelled and failed generations count as they are: they may have cost something, too.

    Args:
        connection: A connection with a view `rows`, as `rows.source.open_rows` makes it. It is
            read once; temporary tables are made beside it, and dropped again.
        source: The name of what is read, for people.
        by: What to group by, any of `picking.DIMENSIONS`; none: there are no groups.
        since: The beginning of the period (included), aware; None: from the first.
        until: Its end (excluded), aware; None: to the last.
        timezone: The IANA name of the zone whose days are meant.
        now: The present, aware.
        limit: How many groups are listed, those that cost most; the others are taken together.

    Raises:
        ConfigurationError: There is no such zone, or rows cannot be grouped by that.
    """
    by = check_by(by)
    zone = zone_of(timezone)
    try:
        pick(connection, by, since, until)
        add_local_times(connection, zone)
        amounts = Amounts(connection)
        total, groups, rest, groups_left_out = group(connection, amounts, by, limit)
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
        )
    finally:
        for thing in _MADE:
            kind, name = thing.split()
            connection.execute(f"DROP {kind} IF EXISTS {name}")


def _unresolved(connection: "DuckDBPyConnection") -> Unresolved:
    counts = dict(
        connection.execute(
            f"SELECT state, count(*) FROM report_picked WHERE NOT {RECORDS} GROUP BY state"  # noqa: S608 - ours
        ).fetchall()
    )
    # The class of the error alone: messages name ids and requests, and no two are the same.
    errors = connection.execute(
        f"SELECT split_part(error, ':', 1) AS kind, count(*) AS times FROM report_picked "  # noqa: S608 - ours
        f"WHERE NOT {RECORDS} AND error IS NOT NULL "
        "GROUP BY kind ORDER BY times DESC, kind LIMIT ?",
        [_ERRORS],
    ).fetchall()
    return Unresolved(counts.get("pending", 0), counts.get("failed", 0), tuple(errors))


def _undated(connection: "DuckDBPyConnection") -> int:
    (row,) = connection.execute(
        f"SELECT count(*) FROM report_picked WHERE {RECORDS} AND created IS NULL"  # noqa: S608 - ours
    ).fetchall()
    return int(row[0])


def slices(
    connection: "DuckDBPyConnection",
    amounts: Amounts,
    zone: datetime.tzinfo,
    since: datetime.datetime | None,
    until: datetime.datetime | None,
) -> tuple[str, tuple[Slice, ...]]:
    """Return what a slice is, and the slices that have records, ordered.

    Of one time, the models that cost most in all come first. The view `report_dated` has the
    records.
    """
    first, last = connection.execute(
        "SELECT min(created), max(created) FROM report_chosen"
    ).fetchall()[0]
    if first is None:
        return "day", ()
    if (until or instant(last)) - (since or instant(first)) <= _SHORT:
        step, begins = "hour", f"created - (local - {floor('local', HOUR)})"  # may come twice
    elif connection.execute("SELECT count(*) FROM report_days").fetchall()[0][0] <= _DAYS:
        step, begins = "day", floor("local", DAY)
    else:
        step, begins = "year", "epoch_us(date_trunc('year', make_timestamp(local)))"
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE report_models AS SELECT model AS name, "  # noqa: S608 - ours
        f"row_number() OVER (ORDER BY {amounts.order('all_in_usd')}, count(*) DESC, model) AS rank "
        f"FROM report_dated WHERE created IS NOT NULL GROUP BY model QUALIFY rank <= {_MODELS}"
    )
    rows = connection.execute(
        f"SELECT {begins} AS begins, rank IS NULL, any_value(name), count(*), "  # noqa: S608 - ours too
        f"{', '.join(amounts.sums('all_in_usd'))} "
        "FROM report_dated LEFT JOIN report_models ON model IS NOT DISTINCT FROM name "
        "WHERE created IS NOT NULL GROUP BY begins, rank ORDER BY begins, rank NULLS LAST"
    ).fetchall()
    return step, tuple(
        Slice(
            in_zone(begin, zone) if step == "hour" else start_of_day(begin, zone),
            model,
            records,
            Amounts.total(cells, records),
            others=others,
        )
        for begin, others, model, records, *cells in rows
    )


def histogram(connection: "DuckDBPyConnection") -> tuple[Bin, ...]:
    """Return bars from the least to the greatest latency, empty ones between them included.

    What is below a millisecond is one bar, and what is below 0, which no clock shows, another.
    """
    least, greatest = connection.execute(
        "SELECT min(latency_ms), max(latency_ms) FROM report_chosen"
    ).fetchall()[0]
    if least is None:
        return ()
    edges = _edges(least, greatest)
    counts = dict(
        connection.execute(
            "SELECT edge, count(*) FROM report_chosen ASOF JOIN "
            "(SELECT unnest(?::DOUBLE[]) AS edge) ON latency_ms >= edge GROUP BY edge",
            [edges],
        ).fetchall()
    )
    return tuple(Bin(lower, upper, counts.get(lower, 0)) for lower, upper in pairwise(edges))


def _edges(least: float, greatest: float) -> list[float]:
    """Return where bars begin, and behind them where the last one ends."""
    edges = [0.0]
    exponent = -1
    while edges[-1] <= greatest:
        exponent += 1
        edges += [float(step * 10**exponent) / 10 for step in _STEPS]
    while len(edges) > 2 and edges[-2] > greatest:  # noqa: PLR2004 - a bar has two edges
        edges.pop()
    while len(edges) > 2 and edges[1] <= least:  # noqa: PLR2004 - a bar has two edges
        del edges[0]
    return [float(math.floor(least)), *edges] if least < 0 else edges
