"""A histogram of latencies: bars of about the same width on a logarithmic scale."""

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from modelgates_client.reports.figures import HistogramBin

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

#: Where bars begin in each decade: round numbers, each about 1.26 times the one before.
#: Source: ISO 3, series R"10.
_STEPS: Final = (10, 12, 15, 20, 25, 30, 40, 50, 60, 80)


def histogram(connection: "DuckDBPyConnection") -> tuple[HistogramBin, ...]:
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
    return tuple(
        HistogramBin(lower, upper, counts.get(lower, 0)) for lower, upper in pairwise(edges)
    )


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
