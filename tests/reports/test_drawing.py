"""Bars and columns of characters, and the charts that are made of them."""

import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelgates_client.reports.figures import HistogramBin, TimeSlice, Total
from modelgates_client.reports.terminal.charts import cost_over_time, latency_chart
from modelgates_client.reports.terminal.drawing import DrawingCharacters, bar, columns

from .sample_reports import report
from .sample_rows import NOON

FINE = DrawingCharacters.of("utf-8")
COARSE = DrawingCharacters.of("ascii")
HOUR = datetime.timedelta(hours=1)


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0, ""), (-1, ""), (1, "████"), (0.5, "██"), (0.625, "██▌"), (1e-9, "▏"), (0.99, "████")],
)
def test_a_bar_is_as_long_as_its_share(share, expected):
    """To an eighth of a character; what is above 0 shows."""
    assert bar(share, 4, FINE) == expected


def test_columns_are_as_high_as_their_values():
    """The highest fills all lines; what is below 0 has no column."""
    assert columns([8, 4, 0.001, 0, -5, 6], 2, FINE) == ["█    ▄", "██▁  █"]
    assert columns([2, 1], 2, COARSE) == ["# ", "##"]
    assert columns([0, -1], 2, FINE) == []
    assert columns([], 2, FINE) == []


@pytest.mark.parametrize("encoding", [None, "ascii", "latin-1", "no-such-encoding"])
def test_without_block_characters_others_are_used(encoding):
    """As a terminal of that encoding can show."""
    assert DrawingCharacters.of(encoding) == COARSE
    assert DrawingCharacters.of("utf-8") != COARSE


def at(when, cost, model="m"):
    """Return a slice."""
    return TimeSlice(when, model, 1, Total(Decimal(cost), 0))


def test_time_without_records_is_empty():
    """A day has its place whether or not there is a record of it; models are added up."""
    parts = (at(NOON, "1"), at(NOON, "1", "n"), at(NOON + 72 * HOUR, "4"))

    assert cost_over_time(report(timeline=parts), 40, FINE) == [
        "            ███",
        "            ███",
        "███         ███",
        "███         ███",
        "2026-11-02 to 2026-11-05",
        "highest day: $4.00, 2026-11-05",
    ]


def test_hours_are_hours_of_the_clock():
    """Each with its offset."""
    parts = (at(NOON, "1"), at(NOON + HOUR, "2"))
    shown = cost_over_time(report(timeline=parts, step="hour"), 40, FINE)

    assert shown[-1] == "highest hour: $2.00, 2026-11-02 13:00 UTC"


def test_years_are_years_of_the_calendar():
    """Those without records have their place, too."""
    parts = (at(NOON, "1"), at(NOON.replace(year=2028), "2"))
    shown = cost_over_time(report(timeline=parts, step="year"), 40, FINE)

    assert shown[-2:] == ["2026   2028", "highest year: $2.00, 2028"]


@given(days=st.lists(st.integers(0, 3_000_000), min_size=1, max_size=20), width=st.integers(30, 90))
def test_any_period_fits_any_width(days, width):
    """Where there is no room for a column a day, it is of several."""
    start = datetime.datetime(1, 1, 1, tzinfo=datetime.UTC)
    parts = tuple(at(start + datetime.timedelta(days=day), "1") for day in sorted(days))
    *chart, about = cost_over_time(report(timeline=parts), width, FINE)

    assert all(len(line) <= width for line in chart)
    assert chart[3].strip()
    assert about.startswith("highest ")


def test_what_cost_nothing_has_no_chart():
    """Nor has a report without records."""
    assert cost_over_time(report(timeline=(at(NOON, "0"),)), 40, FINE) == []
    assert cost_over_time(report(), 40, FINE) == []
    assert latency_chart(report(), 40, FINE) == []


def test_latencies_are_columns_between_their_ends():
    """Empty bars have their place."""
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
