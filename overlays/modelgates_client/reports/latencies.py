"""A histogram of latencies, with bins of about equal width on a logarithmic scale."""

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from modelgates_client.reports.figures import HistogramBin

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

#: Lower edges of the bins in a decade: round numbers, each about 1.26 times the previous one.
#: Source: ISO 3, series R"10.
_STEPS: Final = (10, 12, 15, 20, 25, 30, 40, 50, 60, 80)


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
    counts = dict(
        connection.execute(
            "SELECT edge, count(*) FROM report_records ASOF JOIN "
            "(SELECT unnest(?::DOUBLE[]) AS edge) ON latency_ms >= edge GROUP BY edge",
            [edges],
        ).fetchall()
    )
    return tuple(
        HistogramBin(lower, upper, counts.get(lower, 0)) for lower, upper in pairwise(edges)
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
