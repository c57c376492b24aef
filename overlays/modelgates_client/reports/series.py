"""The series of a report that charts show: cost over time, and a histogram of latencies."""

import datetime
import math
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from modelgates_client.ledger.control_totals import DAY
from modelgates_client.reports.days import HOUR, floor, in_zone, start_of_day
from modelgates_client.reports.figures import HistogramBin, TimeSlice
from modelgates_client.reports.grouping import Amounts
from modelgates_client.rows.values import moment_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_MAX_MODELS: Final = 50  # models with slices of their own
_MAX_DAYS: Final = 4000  # beyond, the dates cannot be right, and slices are years
_MAX_HOURLY: Final = datetime.timedelta(days=2)

#: Lower edges of the bins in a decade: round numbers, each about 1.26 times the previous one.
#: Source: ISO 3, series R"10.
_STEPS: Final = (10, 12, 15, 20, 25, 30, 40, 50, 60, 80)


def timeline(
    connection: "DuckDBPyConnection",
    amounts: Amounts,
    zone: datetime.tzinfo,
    since: datetime.datetime | None,
    until: datetime.datetime | None,
) -> tuple[str, tuple[TimeSlice, ...]]:
    """Return the length of a slice, and the slices that have records, sorted by time.

    Slices of the same time are sorted by the all-in cost of their model, highest first. The records
    are those of the view `report_dated`.
    """
    first, last = connection.execute(
        "SELECT min(created), max(created) FROM report_records"
    ).fetchall()[0]
    if first is None:
        return "day", ()
    if (until or moment_of(last)) - (since or moment_of(first)) <= _MAX_HOURLY:
        step, begins = "hour", f"created - (local - {floor('local', HOUR)})"  # may occur twice
    elif connection.execute("SELECT count(*) FROM report_days").fetchall()[0][0] <= _MAX_DAYS:
        step, begins = "day", floor("local", DAY)
    else:
        step, begins = "year", "epoch_us(date_trunc('year', make_timestamp(local)))"
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE report_models AS SELECT model AS name, "  # noqa: S608 - constants
        f"row_number() OVER (ORDER BY {amounts.order('all_in_usd')}, count(*) DESC, model) AS rank "
        f"FROM report_dated WHERE created IS NOT NULL GROUP BY model QUALIFY rank <= {_MAX_MODELS}"
    )
    rows = connection.execute(
        f"SELECT {begins} AS begins, rank IS NULL, any_value(name), count(*), "  # noqa: S608 - constants
        f"{', '.join(amounts.sums('all_in_usd'))} "
        "FROM report_dated LEFT JOIN report_models ON model IS NOT DISTINCT FROM name "
        "WHERE created IS NOT NULL GROUP BY begins, rank ORDER BY begins, rank NULLS LAST"
    ).fetchall()
    return step, tuple(
        TimeSlice(
            in_zone(begin, zone) if step == "hour" else start_of_day(begin, zone),
            model,
            records,
            Amounts.total(cells, records),
            others=others,
        )
        for begin, others, model, records, *cells in rows
    )


def histogram(connection: "DuckDBPyConnection") -> tuple[HistogramBin, ...]:
    """Return the bins from the lowest to the highest latency, including empty ones.

    Latencies below one millisecond share a bin, and negative ones, which are faulty, share another.
    """
    lowest, highest = connection.execute(
        "SELECT min(latency_ms), max(latency_ms) FROM report_records"
    ).fetchall()[0]
    if lowest is None:
        return ()
    edges = _edges(lowest, highest)
    # DuckDB's bins include their upper edge; negated, this is the lower one.
    ((counts,),) = connection.execute(
        "SELECT histogram(-latency_ms, ?::DOUBLE[]) FROM report_records",
        [[-edge for edge in reversed(edges)]],
    ).fetchall()
    return tuple(
        HistogramBin(lower, upper, counts.get(-lower, 0)) for lower, upper in pairwise(edges)
    )


def _edges(lowest: float, highest: float) -> list[float]:
    """Return the lower edge of each bin, followed by the upper edge of the last one."""
    edges = [0.0]
    exponent = -1
    while edges[-1] <= highest:
        exponent += 1
        edges += [float(step * 10**exponent) / 10 for step in _STEPS]
    while len(edges) > 2 and edges[-2] > highest:  # noqa: PLR2004 - a bin has two edges
        edges.pop()
    while len(edges) > 2 and edges[1] <= lowest:  # noqa: PLR2004 - a bin has two edges
        del edges[0]
    return [float(math.floor(lowest)), *edges] if lowest < 0 else edges
