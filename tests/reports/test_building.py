"""The figures of a report equal those that plain Python computes from the same records."""

import collections
import datetime
import zoneinfo
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import duckdb
import pytest
from hypothesis import given, settings, strategies as st

from modelgates_client import ConfigurationError
from modelgates_client.exports.source import open_rows
from modelgates_client.reports.building import build_report
from modelgates_client.reports.selection import AMOUNTS, DIMENSIONS, MEASURES, TOKENS
from modelgates_client.rows.columns import COLUMNS

from . import oracle
from .sample_rows import NOON, TYPES, connect, costing, row, unresolved

HOSTILE = [
    "\x1b[31mred",
    "'; DROP TABLE rows; --",
    '"',
    "",
    "unknown",
    "a\nb",
    "\u202eevil",
    "Z.AI",
]
names = st.none() | st.sampled_from(HOSTILE)
amounts = st.none() | st.decimals(Decimal(-9999999), Decimal(9999999), places=24, allow_nan=False)
tokens = st.none() | st.integers(-(2**63), 2**63 - 1) | st.integers(0, 10_000)
measures = st.none() | st.floats(0, 1e6) | st.sampled_from([0.0, -1.0, 1.0, 12.0, 1016.0, 1e15])
times = st.none() | st.timedeltas(datetime.timedelta(days=6), datetime.timedelta(days=9)).map(
    lambda ago: NOON - ago
)  # clocks change in Berlin
attempts = st.none() | st.lists(
    st.fixed_dictionaries(
        {
            "provider": names,
            "status": st.sampled_from([None, 200, 201, 429, 503]),
            "latency_ms": st.none() | st.floats(0, 1e6),
        }
    ),
    max_size=4,
)
records = st.fixed_dictionaries(
    {
        **dict.fromkeys(TYPES, st.none()),
        "state": st.sampled_from(
            ["final", "final", "provisional", "never-final", "pending", "failed"]
        ),
        "created_at": times,
        **dict.fromkeys(AMOUNTS, amounts),
        **dict.fromkeys(TOKENS, tokens),
        **dict.fromkeys(MEASURES, measures),
        **dict.fromkeys(("model", "served_by", "external_user", "session_id"), names),
        "app_id": st.none() | st.integers(1, 3),
        "service_tier": names,
        "is_byok": st.none() | st.booleans(),
        "attempts": attempts,
    }
).map(lambda each: each if each["state"] in oracle.RECORDS else unresolved(each["state"], "E: x"))


def as_oracle(group):
    """Return a group in the form of the oracle."""
    figures = {
        "records": group.records,
        "provisional": group.provisional,
        "never_final": group.never_final,
    }
    for name in oracle.FIGURES:
        total = getattr(group, name)
        assert isinstance(total.known, Decimal if name.endswith("_usd") else int)
        figures[name] = (Fraction(total.known), total.unknown)
    for name in oracle.SPREADS:
        spread = getattr(group, name)
        figures[name] = (spread.count, spread.p50, spread.p95, spread.p99)
    return figures


def approximately(expected):
    """Return expected figures, with a tolerance for the rounding of doubles in spreads."""
    return {
        name: pytest.approx(value, rel=1e-9, abs=1e-9, nan_ok=False)
        if name in oracle.SPREADS and value[0]
        else value
        for name, value in expected.items()
    }


@pytest.mark.slow("a hundred databases, each with a report")
@settings(max_examples=80)
@given(
    rows=st.lists(records, max_size=25),
    by=st.lists(st.sampled_from(sorted(DIMENSIONS)), unique=True, max_size=3),
    since=times,
    until=times,
    zone=st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)
def test_all_figures_equal_those_of_plain_python(rows, by, since, until, zone):
    """Sums are exact and unknown values are counted, for any grouping and period."""
    report = build_report(
        connect(rows),
        source="s",
        by=by,
        since=since,
        until=until,
        timezone=zone,
        now=NOON,
        sort="cost",
    )

    clock = zoneinfo.ZoneInfo(zone)
    counted = oracle.in_period(rows, since, until)
    assert as_oracle(report.total) == approximately(oracle.group(counted))
    expected = oracle.groups(counted, by, clock) if by else {}
    assert {group.key for group in report.groups} == expected.keys()
    assert len(report.groups) == len(expected)
    for group in report.groups:
        assert as_oracle(group) == approximately(expected[group.key])
    costs = [group.all_in_usd.known for group in report.groups]
    known_costs = [
        cost
        for cost, group in zip(costs, report.groups, strict=True)
        if group.all_in_usd.unknown < group.records
    ]
    assert known_costs == sorted(known_costs, reverse=True)
    assert report.rest is None
    states = collections.Counter(each["state"] for each in rows)
    assert (report.unresolved.pending, report.unresolved.failed) == (
        states["pending"],
        states["failed"],
    )
    assert report.undated == sum(
        each["state"] in oracle.RECORDS and each["created_at"] is None for each in rows
    )
    slices = {
        (part.start.astimezone(datetime.UTC), part.model): (
            Fraction(part.all_in_usd.known),
            part.all_in_usd.unknown,
            part.records,
        )
        for part in report.timeline
    }
    assert slices == oracle.cost_over_time(counted, clock, report.step)
    assert len(slices) == len(report.timeline)
    assert [part.start for part in report.timeline] == sorted(
        part.start for part in report.timeline
    )
    attempts_by_provider, fallbacks = oracle.providers(counted)
    assert {
        each.name: [each.attempts, each.failures, each.served, dict(each.statuses)]
        for each in report.providers
    } == attempts_by_provider
    assert {(each.failed, each.then): each.count for each in report.fallbacks} == fallbacks
    assert report.attempts_unknown == sum(each["attempts"] is None for each in counted)
    latencies = [each["latency_ms"] for each in counted if each["latency_ms"] is not None]
    for each in report.latencies:
        assert each.count == sum(each.lower <= latency < each.upper for latency in latencies)
    assert sum(each.count for each in report.latencies) == len(latencies)
    for left, right in pairwise(report.latencies):
        assert left.upper == right.lower


def test_a_period_includes_its_start_and_excludes_its_end():
    """To the microsecond."""
    day, moment = datetime.timedelta(days=1), datetime.timedelta(microseconds=1)
    times = {"1": NOON - moment, "10": NOON, "100": NOON + day - moment, "1000": NOON + day}
    rows = [costing(cost, created_at=when) for cost, when in times.items()]
    report = build_report(connect(rows), source="s", since=NOON, until=NOON + day, now=NOON)

    assert report.total.charged_usd.known == 110


def test_sums_beyond_the_range_of_the_type_are_exact():
    """Sums of the largest amounts that a row can have lose no digit."""
    largest = Decimal("99999999999999.999999999999999999999999")
    report = build_report(connect([costing(largest) for _ in range(7)]), source="s", now=NOON)

    assert Fraction(report.total.charged_usd.known) == 7 * Fraction(largest)
    assert report.groups[0].all_in_usd == report.total.charged_usd


def test_groups_are_sorted_by_cost_beyond_the_range_of_the_type():
    """Where the digits before and after the point are summed separately."""
    rows = [
        costing("99999999999999", model="highest"),
        costing("99999999999998.6", model="middle"),
        costing("0.6", model="middle"),
        costing("0.9", model="lowest"),
        row(model="unknown"),
    ]
    report = build_report(connect(rows), source="s", now=NOON)

    assert [group.key for group in report.groups] == [
        ("middle",),
        ("highest",),
        ("lowest",),
        ("unknown",),
    ]


def test_amounts_have_no_exponent_and_no_trailing_zeros():
    """Zero is neither 0E-24 nor 0.000, and 100 keeps its zeros."""
    report = build_report(connect([costing("0"), costing("1E+2")]), source="s", now=NOON)

    assert str(report.total.charged_usd.known) == "100"
    assert str(report.total.upstream_usd.known) == "0"


def test_groups_beyond_the_limit_are_combined():
    """The most expensive groups are listed; the rest has the figures of all others."""
    rows = [costing(str(n), external_user=f"u{n}") for n in range(1, 8)]
    rows += [row(external_user="u1", state="provisional")]
    report = build_report(connect(rows), source="s", by=["user"], now=NOON, limit=2)

    assert [group.key for group in report.groups] == [("u7",), ("u6",)]
    assert as_oracle(report.rest) == approximately(
        oracle.group([each for each in rows if each["external_user"] not in {"u7", "u6"}])
    )
    assert report.groups_left_out == 5


def test_the_unknown_group_may_be_beyond_the_limit():
    """It is sorted like any other group."""
    report = build_report(connect([costing("2", model="m"), row()]), source="s", now=NOON, limit=1)

    assert [group.key for group in report.groups] == [("m",)]
    assert report.rest.records == report.groups_left_out == 1


def test_ids_without_a_record_are_in_no_figure():
    """They are counted by the class of their last error: messages differ from id to id."""
    rows = [unresolved("pending"), unresolved("failed", "ServerError: HTTP 500 (request r-1)")]
    rows += [unresolved("failed", "ServerError: HTTP 500 (request r-2)"), unresolved("failed", "X")]
    report = build_report(connect(rows), source="s", by=["model"], now=NOON)

    assert report.total.records == 0
    assert report.groups == ()
    assert report.unresolved.pending == 1
    assert report.unresolved.failed == 3
    assert report.unresolved.errors == (("ServerError", 2), ("X", 1))


def test_a_column_that_the_rows_lack_is_unknown():
    """The spec that they were written by may not have the field; its figures are not 0."""
    types = {
        name: kind
        for name, kind in TYPES.items()
        if name
        not in {
            "service_tier",
            "attempts",
            "native_tokens_cached",
            "cache_saving_usd",
            "latency_ms",
        }
    }
    report = build_report(connect([costing("1")], types), source="s", by=["tier"], now=NOON)

    assert report.groups[0].key == (None,)
    assert report.total.native_tokens_cached.unknown == 1
    assert report.total.cache_saving_usd.unknown == 1
    assert report.total.latency_ms.p50 is None
    assert report.latencies == ()
    assert report.attempts_unknown == 1


def test_every_column_that_is_read_exists():
    """A misspelt column would silently be unknown."""
    known = {column.name for column in COLUMNS}

    assert TYPES.keys() <= known
    assert {*AMOUNTS, *TOKENS, *MEASURES, *DIMENSIONS.values()} <= TYPES.keys()


def test_an_unknown_dimension_is_refused():
    """The error lists the dimensions."""
    with pytest.raises(ConfigurationError, match="--by 'colour': expected any of model, provider"):
        build_report(connect([]), source="s", by=["colour"], now=NOON)


@pytest.mark.parametrize(
    ("hours", "since", "step"),
    [(47, None, "hour"), (49, None, "day"), (1, 47, "hour"), (1, 49, "day")],
)
def test_short_periods_have_slices_of_hours(hours, since, step):
    """Up to two days of the requested period, or else of the records."""
    begin = None if since is None else NOON - datetime.timedelta(hours=since)
    rows = [costing("1"), costing("1", created_at=NOON - datetime.timedelta(hours=hours))]
    report = build_report(connect(rows), source="s", since=begin, now=NOON)

    assert report.step == step


def test_many_days_have_slices_of_years():
    """A server may send any date: a chart must not be as long as the ledger."""
    first = datetime.datetime(1990, 1, 1, tzinfo=datetime.UTC)
    rows = [costing("1", created_at=first + datetime.timedelta(days=n)) for n in range(4001)]
    options = {"source": "s", "timezone": "Asia/Tokyo", "now": NOON}
    report = build_report(connect(rows), **options)

    assert report.step == "year"
    assert [(part.start.isoformat(), part.records) for part in report.timeline][:2] == [
        ("1990-01-01T00:00:00+09:00", 365),
        ("1991-01-01T00:00:00+09:00", 365),
    ]
    assert build_report(connect(rows[1:]), **options).step == "day"


def test_an_hour_that_occurs_twice_has_two_slices():
    """Its day is one group, of 25 hours."""
    zone = zoneinfo.ZoneInfo("Europe/Berlin")
    first = datetime.datetime(2026, 10, 25, 0, 30, tzinfo=datetime.UTC)
    rows = [
        costing("1", created_at=first + datetime.timedelta(hours=n)) for n in (-2.4, 0, 1, 22.4)
    ]
    report = build_report(connect(rows), source="s", by=["day"], timezone="Europe/Berlin", now=NOON)

    assert [part.start.isoformat() for part in report.timeline][1:3] == [
        "2026-10-25T02:00:00+02:00",
        "2026-10-25T02:00:00+01:00",
    ]
    assert [(group.key, group.records) for group in report.groups] == [(("2026-10-25",), 4)]
    assert report.timeline[0].start.tzinfo == zone


@pytest.mark.parametrize(
    ("when", "hour", "day"),
    [
        ("2026-10-25T00:59:59.999999Z", "2026-10-25T02:00:00+02:00", "2026-10-25"),
        ("2026-10-25T01:00:00Z", "2026-10-25T02:00:00+01:00", "2026-10-25"),
        ("1969-12-30T22:59:59.999999Z", "1969-12-30T23:00:00+01:00", "1969-12-30"),
        ("1969-12-30T23:30:00Z", "1969-12-31T00:00:00+01:00", "1969-12-31"),
    ],
)
def test_an_instant_belongs_to_its_local_hour(when, hour, day):
    """Also where clocks change, and before 1970."""
    rows = [costing("1", created_at=datetime.datetime.fromisoformat(when))]
    report = build_report(connect(rows), source="s", by=["day"], timezone="Europe/Berlin", now=NOON)

    assert [part.start.isoformat() for part in report.timeline] == [hour]
    assert report.groups[0].key == (day,)


@pytest.mark.parametrize(
    ("latency", "lower", "upper"),
    [(0, 0, 1), (0.5, 0, 1), (1, 1, 1.2), (8, 8, 10), (80, 80, 100), (9.999, 8, 10), (-2.5, -3, 0)],
)
def test_a_bin_includes_its_lower_edge(latency, lower, upper):
    """And excludes its upper edge, which may be in the next decade."""
    report = build_report(connect([row(latency_ms=latency)]), source="s", now=NOON)

    assert [(each.lower, each.upper, each.count) for each in report.latencies] == [
        (lower, upper, 1)
    ]


def test_a_day_starts_after_a_skipped_midnight():
    """Its first instant is one o'clock."""
    when = datetime.datetime(2018, 11, 4, 12, tzinfo=datetime.UTC)
    rows = [costing("1", created_at=when), costing("1", created_at=when.replace(year=2019))]
    report = build_report(connect(rows), source="s", timezone="America/Sao_Paulo", now=NOON)

    assert report.timeline[0].start.isoformat() == "2018-11-04T01:00:00-02:00"


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York", "Europe/Amsterdam"])
def test_the_ends_of_the_calendar_are_valid_times(zone):
    """A zone may put them outside the calendar; no server can break a report by that."""
    edges = [datetime.datetime.min, datetime.datetime.max, datetime.datetime(1900, 1, 1)]  # noqa: DTZ901, DTZ001
    rows = [costing("1", created_at=edge.replace(tzinfo=datetime.UTC)) for edge in edges]
    report = build_report(connect(rows), source="s", by=["day"], timezone=zone, now=NOON)

    assert report.total.records == 3
    assert len(report.groups) == len(report.timeline) == 3
    assert report.undated == 0


@pytest.mark.parametrize("sign", ["", "-"])
def test_times_outside_the_calendar_are_unknown(sign):
    """The export of another program may contain them."""
    connection = connect([costing("1")])
    connection.execute(
        "CREATE OR REPLACE VIEW rows AS SELECT * REPLACE "
        f"('{sign}infinity'::TIMESTAMPTZ AS created_at) FROM typed"
    )
    report = build_report(connection, source="s", by=["day"], now=NOON)

    assert report.undated == 1
    assert report.groups[0].key == (None,)
    assert report.timeline == ()


@pytest.mark.parametrize("value", ["inf", "-inf", "nan", "1e300"])
def test_an_invalid_measurement_is_unknown(value):
    """It does not affect the spread of the others."""
    rows = [row(latency_ms=value), row(latency_ms="5")]
    report = build_report(connect(rows), source="s", now=NOON)

    assert report.total.latency_ms.count == 1
    assert report.total.latency_ms.p99 == 5
    assert [(each.lower, each.upper) for each in report.latencies] == [(5.0, 6.0)]


def test_only_fifty_models_have_slices_of_their_own():
    """The others are combined: names come from the server."""
    rows = [costing(str(n + 1), model=f"m{n}") for n in range(60)] + [costing("1000")]
    report = build_report(connect(rows), source="s", now=NOON)

    *listed, others = report.timeline
    assert len(listed) == 50
    assert listed[0].model is None
    assert not listed[0].others
    assert others.others
    assert others.records == 11
    assert others.all_in_usd.known == sum(range(1, 12))


def test_building_leaves_the_connection_unchanged():
    """Also if it fails; another report can be built from it."""
    connection = connect([costing("1")])
    tables = "SELECT table_name FROM information_schema.tables ORDER BY 1"
    before = connection.execute(tables).fetchall()
    first = build_report(connection, source="s", now=NOON)
    with pytest.raises(duckdb.Error):
        build_report(connection, source="s", now=NOON, limit="no number")

    assert build_report(connection, source="s", now=NOON) == first
    assert connection.execute(tables).fetchall() == before


def test_groups_of_times_are_sorted_by_time():
    """Without a time last; of many, the latest are listed."""
    days = [(1, "9"), (3, "1"), (2, "5"), (2, "1")]
    rows = [costing(usd, created_at=NOON.replace(day=day)) for day, usd in days]
    rows.append(costing("7", created_at=None))

    def keys(**options):
        report = build_report(connect(rows), source="s", now=NOON, **options)
        return [group.key[0] for group in report.groups]

    month = NOON.strftime("%Y-%m")
    assert keys(by=["day"]) == [f"{month}-01", f"{month}-02", f"{month}-03", None]
    assert keys(by=["day"], limit=3) == [f"{month}-01", f"{month}-02", f"{month}-03"]
    assert keys(by=["day"], limit=2) == [f"{month}-02", f"{month}-03"]
    assert keys(by=["day"], sort="cost") == [f"{month}-01", None, f"{month}-02", f"{month}-03"]
    assert keys(by=["month"], sort="time") == [month, None]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("cost", ["b", "a", "c", None]),
        ("charged", ["a", "b", "c", None]),
        ("records", ["c", "b", "a", None]),
        ("tokens", ["a", "b", "c", None]),
        ("latency", ["c", "b", "a", None]),
        ("name", ["a", "b", "c", None]),
    ],
)
def test_groups_are_sorted_as_requested(sort, expected):
    """Descending, but names ascending; unknown values are last."""
    rows = [
        row(model="a", charged_usd="3", all_in_usd="3", native_tokens_prompt=5, latency_ms=1.0),
        row(model="b", charged_usd="2", all_in_usd="9", native_tokens_completion=4,
            latency_ms=2.0),
        *[row(model="c", charged_usd="0.1", all_in_usd="0.1", latency_ms=3.0)] * 3,
        row(model=None, charged_usd=None, all_in_usd=None, latency_ms=None),
    ]  # fmt: skip
    report = build_report(connect(rows), source="s", now=NOON, by=["model"], sort=sort)

    assert report.sort == sort
    assert [group.key[0] for group in report.groups] == expected


def test_sorting_by_time_requires_grouping_by_time():
    """The error states what to group by."""
    with pytest.raises(
        ConfigurationError, match="--sort time: requires --by with any of day, hour"
    ):
        build_report(connect([row()]), source="s", now=NOON, by=["model"], sort="time")


@pytest.mark.slow("half a million rows, more than fit into the memory")
def test_a_report_needs_less_memory_than_its_rows(tmp_path, monkeypatch):
    """Of exported rows, with spreads of all measurements."""
    monkeypatch.setattr("modelgates_client.exports.duckdb_session._MEMORY", "40MiB")
    monkeypatch.setattr("modelgates_client.exports.duckdb_session._THREADS", 1)
    path = str(tmp_path / "rows.parquet")
    duckdb.execute(
        f"""COPY (
            SELECT 'gen-' || number AS generation_id, 'final' AS state, 'm' || number % 7 AS model,
                make_timestamptz(1780000000000000 + number * 1000000) AS created_at,
                CAST(0.001 AS DECIMAL(38,24)) AS all_in_usd, random() * 9000 AS latency_ms,
                random() * 9000 AS generation_time_ms, random() * 90 AS native_tokens_per_second
            FROM range(500000) AS numbers(number)
        ) TO '{path}' (FORMAT parquet)"""
    )
    with open_rows(path) as connection:
        report = build_report(connection, source="s", now=NOON)

    assert report.total.all_in_usd.known == 500
    assert report.total.latency_ms.count == 500_000
    assert sum(group.records for group in report.groups) == 500_000
