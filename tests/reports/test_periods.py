"""Parsing of periods: dates, durations, and days of a time zone."""

import datetime
import zoneinfo

import pytest
import tzlocal.unix
from hypothesis import given, strategies as st

from modelgates_client import ConfigurationError
from modelgates_client.reports.periods import NAMES, Period, moment, read_age, read_period, zone_of

NOW = datetime.datetime(2026, 11, 4, 9, 30, tzinfo=datetime.UTC)  # a Wednesday


def period(now=NOW, **options):
    """Return the period of some options, where a named one is `True`."""
    named = [name for name in NAMES if options.pop(name, False)]
    return read_period(now, named=named, **options)


def since(text, zone=None, now=NOW):
    """Return the start of a period in ISO 8601."""
    return period(now, since=text, timezone=zone).since.isoformat()


def test_without_options_the_period_is_all_time():
    """In UTC."""
    assert period() == Period(None, None, "UTC")
    assert period().is_all
    assert str(period()) == "all time"


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2026-11-02", None, "2026-11-02T00:00:00+00:00"),
        ("20261102", None, "2026-11-02T00:00:00+00:00"),
        ("2026-W45-1", None, "2026-11-02T00:00:00+00:00"),
        ("2026-11-02", "Europe/Berlin", "2026-11-02T00:00:00+01:00"),
        ("2026-11-02T08:15", "Europe/Berlin", "2026-11-02T08:15:00+01:00"),
        ("2026-11-02 08:15:30.5", "UTC", "2026-11-02T08:15:30.500000+00:00"),
        ("2026-11-02T08:15Z", "Europe/Berlin", "2026-11-02T09:15:00+01:00"),
        ("2026-11-02T08:15-05:00", "Europe/Berlin", "2026-11-02T14:15:00+01:00"),
        ("36h", None, "2026-11-02T21:30:00+00:00"),
        ("1d", None, "2026-11-03T09:30:00+00:00"),
        ("0h", None, "2026-11-04T09:30:00+00:00"),
        ("2w", "Europe/Berlin", "2026-10-21T11:30:00+02:00"),
    ],
)
def test_times_and_durations_are_parsed(text, zone, expected):
    """ISO 8601, local to the zone without an offset; or a duration before now."""
    assert since(text, zone) == expected


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2026-10-25T02:30", "Europe/Berlin", "2026-10-25T02:30:00+02:00"),  # the first of two
        ("2026-03-29T02:30", "Europe/Berlin", "2026-03-29T03:30:00+02:00"),  # does not exist
        ("2018-11-04", "America/Sao_Paulo", "2018-11-04T01:00:00-02:00"),  # starts at one
        ("2026-11-01", "America/Havana", "2026-11-01T00:00:00-04:00"),  # midnight occurs twice
    ],
)
def test_local_times_are_unambiguous_where_clocks_change(text, zone, expected):
    """The first of two equal local times; a skipped one by the offset before the change."""
    assert since(text, zone) == expected


def test_a_day_ago_is_24_hours_ago():
    """Whatever the clocks do: no hour counts twice or is left out."""
    now = datetime.datetime(2026, 10, 25, 12, tzinfo=datetime.UTC)

    assert since("1d", "Europe/Berlin", now) == "2026-10-24T14:00:00+02:00"


@pytest.mark.parametrize(
    ("option", "zone", "expected"),
    [
        ("today", "UTC", "2026-11-04T00:00:00+00:00"),
        ("today", "Pacific/Auckland", "2026-11-04T00:00:00+13:00"),
        ("today", "Pacific/Honolulu", "2026-11-03T00:00:00-10:00"),
        ("week", "UTC", "2026-11-02T00:00:00+00:00"),
        ("week", "America/New_York", "2026-11-02T00:00:00-05:00"),
    ],
)
def test_today_and_this_week_start_in_the_time_zone(option, zone, expected):
    """A week starts on Monday."""
    assert period(**{option: True}, timezone=zone).since.isoformat() == expected


@pytest.mark.parametrize(
    ("option", "now", "zone", "expected"),
    [
        ("yesterday", NOW, "UTC", ("2026-11-03T00:00:00+00:00", "2026-11-04T00:00:00+00:00")),
        ("month", NOW, "UTC", ("2026-11-01T00:00:00+00:00", None)),
        (
            "month",
            datetime.datetime(2026, 11, 30, 23, 30, tzinfo=datetime.UTC),
            "Europe/Berlin",
            ("2026-12-01T00:00:00+01:00", None),
        ),
        (
            "last_month",
            datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.UTC),
            "UTC",
            ("2025-12-01T00:00:00+00:00", "2026-01-01T00:00:00+00:00"),
        ),
        (
            "last_month",
            NOW,
            "Europe/Berlin",  # clocks are set back within it
            ("2026-10-01T00:00:00+02:00", "2026-11-01T00:00:00+01:00"),
        ),
    ],
)
def test_named_days_and_months(option, now, zone, expected):
    """They start and end at midnight in the zone; one that is not over has no end."""
    result = period(now, **{option: True}, timezone=zone)

    assert (result.since.isoformat(), result.until and result.until.isoformat()) == expected


@pytest.fixture
def system_zone(monkeypatch):
    """Return a function that sets the time zone of the system."""

    def set_zone(tz):
        monkeypatch.setenv("TZ", tz)
        monkeypatch.setattr(tzlocal.unix, "_cache_tz", None)

    return set_zone


@pytest.mark.parametrize("tz", ["Europe/Berlin", ":Asia/Kathmandu"])
def test_local_is_the_time_zone_of_the_system(system_zone, tz):
    """By its name, because its offset changes."""
    system_zone(tz)
    result = period(today=True, timezone="local")

    assert result.timezone == tz.lstrip(":")


def test_a_system_time_zone_without_a_name_is_refused(system_zone):
    """It is not replaced by UTC; the error states what to set."""
    system_zone("XST-3")
    with pytest.raises(ConfigurationError, match=r"^--tz local: .*Europe/Berlin"):
        period(timezone="local")


def test_a_week_may_start_before_clocks_change():
    """Its Monday has the offset of that time."""
    sunday = datetime.datetime(2026, 10, 25, 20, tzinfo=datetime.UTC)

    start = period(sunday, week=True, timezone="Europe/Berlin").since
    assert start.isoformat() == "2026-10-19T00:00:00+02:00"


@given(now=st.datetimes(timezones=st.just(datetime.UTC), min_value=datetime.datetime(1, 1, 9)))  # noqa: DTZ001 - UTC
def test_today_started_at_most_25_hours_ago(now):
    """In any year of the calendar."""
    ago = now - period(now, today=True).since

    assert datetime.timedelta(0) <= ago < datetime.timedelta(hours=25)


def test_an_end_is_parsed_like_a_start():
    """It may be in the future, and is in the time zone."""
    result = period(since="2026-11-01", until="2026-12-01", timezone="Europe/Berlin")

    assert result.until.isoformat() == "2026-12-01T00:00:00+01:00"
    assert str(result) == "since 2026-11-01 00:00 +01:00 until 2026-12-01 00:00 +01:00"
    assert not result.is_all
    assert str(period(until="1h")) == "until 2026-11-04 08:30 UTC"


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "1", "d", "1m", "-1d", "1.5d", "2026-13-01", "2026-02-30", "24:00",
     "\N{ARABIC-INDIC DIGIT ONE}d", "999999999w", "9" * 5000 + "d", "0001-01-01T00:00+14:00"],
)  # fmt: skip
@pytest.mark.parametrize("option", ["since", "until"])
def test_invalid_times_are_refused(option, text):
    """The error states the expected forms in one line."""
    with pytest.raises(ConfigurationError) as caught:
        period(**{option: text})

    assert str(caught.value).startswith(f"--{option} {text!r}: expected a date or time such as ")


@pytest.mark.parametrize(
    "options",
    [
        {"today": True, "week": True},
        {"today": True, "since": "1d"},
        {"week": True, "since": "1d"},
    ],
)
def test_a_period_has_only_one_start(options):
    """Options that set two are refused."""
    with pytest.raises(ConfigurationError, match="exclude each other"):
        period(**options)


@pytest.mark.parametrize("until", ["1d", "2d", "2026-11-02"])
def test_a_period_must_end_after_it_starts(until):
    """An empty one is a mistake that would look like no cost."""
    with pytest.raises(ConfigurationError, match="ends before it starts"):
        period(since="1d", until=until)


@pytest.mark.parametrize(
    "name",
    ["", "CET+1", "Europe", "../../etc/passwd", "/etc/passwd", "a\0b", "x" * 9999, "\x1b[1m"],
)
def test_invalid_time_zones_are_refused(name):
    """Whatever the database of the system does with the name; the error is one line."""
    with pytest.raises(ConfigurationError, match="there is no such time zone") as caught:
        period(timezone=name)

    assert str(caught.value).isprintable()


def test_utc_needs_no_time_zone_database(monkeypatch):
    """Other zones do, and the error says so."""
    monkeypatch.setattr(zoneinfo, "ZoneInfo", _no_database)

    assert zone_of("UTC") is datetime.UTC
    with pytest.raises(ConfigurationError, match="pip install tzdata"):
        zone_of("Europe/Berlin")


def _no_database(name):
    raise zoneinfo.ZoneInfoNotFoundError(name)


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        (datetime.datetime(926, 1, 2, 3, 4, tzinfo=datetime.UTC), "0926-01-02 03:04 UTC"),
        (datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC), "2026-01-02 03:04:05 UTC"),
        (datetime.datetime(1800, 1, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")),
         "1800-01-01 00:00 +00:53:28"),
    ],
)  # fmt: skip
def test_a_time_is_formatted_with_its_offset(when, expected):
    """Seconds only if there are any."""
    assert moment(when) == expected


@pytest.mark.parametrize(
    ("text", "message"), [("1y", "such as 36h, 7d, 2w"), ("999999999w", "at most 999999999d")]
)
def test_an_age_is_a_duration_that_is_not_too_long(text, message):
    """The error says which of the two it is not."""
    assert read_age("--older-than", "2w") == datetime.timedelta(days=14)
    with pytest.raises(ConfigurationError, match=f"--older-than '{text}': expected .*{message}"):
        read_age("--older-than", text)
