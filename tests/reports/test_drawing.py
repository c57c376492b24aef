"""Bars, columns and charts in characters."""

import datetime
from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

from modelgates_client.reports.figures import HistogramBin, TimeSlice, Total
from modelgates_client.reports.terminal.charts import (
    DrawingCharacters,
    bar,
    columns,
    cost_over_time,
    latency_chart,
)

from .sample_reports import report
from .sample_rows import NOON

FINE = DrawingCharacters.for_encoding("utf-8")
COARSE = DrawingCharacters.for_encoding("ascii")
HOUR = datetime.timedelta(hours=1)


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0, ""), (-1, ""), (1, "████"), (0.5, "██"), (0.625, "██▌"), (1e-9, "▏"), (0.99, "████")],
)
def test_a_bar_is_as_long_as_its_share(share, expected):
    """To an eighth of a character; any share above 0 is visible."""
    assert bar(share, 4, FINE) == expected


def test_columns_are_as_high_as_their_values():
    """The highest fills all lines; a value of 0 or less has no column."""
    assert columns([8, 4, 0.001, 0, -5, 6], 2, FINE) == ["█    ▄", "██▁  █"]
    assert columns([2, 1], 2, COARSE) == ["# ", "##"]
    assert columns([0, -1], 2, FINE) == []
    assert columns([], 2, FINE) == []


@pytest.mark.parametrize("encoding", [None, "ascii", "latin-1", "no-such-encoding"])
def test_encodings_without_block_characters_use_ascii(encoding):
    """As in terminals of such an encoding."""
    assert DrawingCharacters.for_encoding(encoding) == COARSE
    assert DrawingCharacters.for_encoding("utf-8") != COARSE


def time_slice(when, cost, model="m"):
    """Return a slice of one record."""
    return TimeSlice(when, model, 1, Total(Decimal(cost), 0))


def test_days_without_records_are_empty_columns():
    """Amounts of all models are summed."""
    parts = (time_slice(NOON, "1"), time_slice(NOON, "1", "n"), time_slice(NOON + 72 * HOUR, "4"))

    assert cost_over_time(report(timeline=parts), 40, FINE) == [
        "            ███",
        "            ███",
        "███         ███",
        "███         ███",
        "2026-11-02 to 2026-11-05",
        "highest day: $4.00, 2026-11-05",
    ]


def test_hours_are_labelled_with_their_offset():
    """The hour of the highest column is in the caption."""
    parts = (time_slice(NOON, "1"), time_slice(NOON + HOUR, "2"))
    shown = cost_over_time(report(timeline=parts, step="hour"), 40, FINE)

    assert shown[-1] == "highest hour: $2.00, 2026-11-02 13:00 UTC"


def test_years_without_records_are_empty_columns():
    """Slices of years are labelled by the year."""
    parts = (time_slice(NOON, "1"), time_slice(NOON.replace(year=2028), "2"))
    shown = cost_over_time(report(timeline=parts, step="year"), 40, FINE)

    assert shown[-2:] == ["2026   2028", "highest year: $2.00, 2028"]


@given(days=st.lists(st.integers(0, 3_000_000), min_size=1, max_size=20), width=st.integers(30, 90))
def test_any_period_fits_any_width(days, width):
    """If there is no room for a column per day, a column covers several days."""
    start = datetime.datetime(1, 1, 1, tzinfo=datetime.UTC)
    parts = tuple(time_slice(start + datetime.timedelta(days=day), "1") for day in sorted(days))
    *chart, caption = cost_over_time(report(timeline=parts), width, FINE)

    assert all(len(line) <= width for line in chart)
    assert chart[3].strip()
    assert caption.startswith("highest ")


def test_without_cost_there_is_no_chart():
    """And none for a report without records."""
    assert cost_over_time(report(timeline=(time_slice(NOON, "0"),)), 40, FINE) == []
    assert cost_over_time(report(), 40, FINE) == []
    assert latency_chart(report(), 40, FINE) == []


def test_empty_bins_are_empty_columns():
    """The ends of the axis are labelled."""
    bins = (
        HistogramBin(800.0, 1000.0, 4),
        HistogramBin(1000.0, 1200.0, 0),
        HistogramBin(1200.0, 1500.0, 2),
    )

    assert latency_chart(report(latencies=bins), 12, FINE) == [
        "███        ",
        "███        ",
        "███     ███",
        "███     ███",
        "800 ms to",
        "1.5 s",
    ]
