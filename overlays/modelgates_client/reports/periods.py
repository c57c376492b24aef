"""Periods: parsing of ISO 8601 times, durations before now, and named periods such as today.

The start of a period is inclusive, its end is exclusive. A date means the first instant of that day
in the time zone, so `--until 2026-11-02` excludes all of 2 November. A time without an offset is
local to the zone: the earlier one where clocks are set back and a time occurs twice; where clocks
are set forward and it does not occur, by the offset before the change. `36h`, `1d`, `2w` are exact
durations before now, of 24 hours a day whatever the clocks do; `--today`, `--month` and the like
follow the calendar of the zone.
"""

import datetime
import re
import zoneinfo
from collections.abc import Sequence
from typing import Final, Literal

from attrs import frozen

from modelgates_client.errors import ConfigurationError

UTC: Final = "UTC"
LOCAL: Final = "local"  # the time zone of the system

#: Periods that have a name, which is that of their option.
PeriodName = Literal["today", "yesterday", "week", "month", "last_month"]
NAMES: Final[tuple[PeriodName, ...]] = ("today", "yesterday", "week", "month", "last_month")

_DURATION: Final = re.compile(r"([0-9]{1,9})([hdw])", re.ASCII)
_HOURS: Final = {"h": 1, "d": 24, "w": 7 * 24}
_EXPECTED: Final = (
    "a date or time such as 2026-11-02 or 2026-11-02T09:30Z, or a duration before now such as 36h, "
    "1d, 2w"
)


@frozen
class Period:
    """A period of time.

    Attributes:
        since: The start (inclusive), timezone-aware, in the zone; None: unbounded.
        until: The end (exclusive), timezone-aware, in the zone; None: unbounded.
        timezone: The IANA name of the time zone.
    """

    since: datetime.datetime | None
    until: datetime.datetime | None
    timezone: str

    @property
    def is_all(self) -> bool:
        """Whether the period is all time."""
        return self.since is None and self.until is None

    def __str__(self) -> str:
        """Return the period in words."""
        if self.since is None:
            return "all time" if self.until is None else f"until {moment(self.until)}"
        since = f"since {moment(self.since)}"
        return since if self.until is None else f"{since} until {moment(self.until)}"


def read_period(
    now: datetime.datetime,
    *,
    since: str | None = None,
    until: str | None = None,
    named: Sequence[PeriodName] = (),
    timezone: str | None = None,
) -> Period:
    """Return the period that options select; all time, if none is given.

    Args:
        now: The current time, timezone-aware.
        since: The start, as of `--since`.
        until: The end, as of `--until`.
        named: The periods that are given by name; more than one is an error.
        timezone: The IANA name of the zone of days and times, or `local`; None: UTC.

    Raises:
        ConfigurationError: Options exclude each other or cannot be parsed, or the time zone does
            not exist.
    """
    starts = ["--since"] if since is not None else []
    starts += map(_option, named)
    name = zone_name(timezone)
    zone = zone_of(name)
    start = end = None
    if since is not None:
        start = _read("--since", since, zone, now)
    if named:
        start, end = _bounds(named[0], now.astimezone(zone).date(), zone)
    if until is not None and end is not None:
        starts.append("--until")
    if len(starts) > 1:
        raise ConfigurationError(f"{' and '.join(starts)} exclude each other")
    if until is not None:
        end = _read("--until", until, zone, now)
    if start is not None and end is not None and start >= end:
        raise ConfigurationError(
            f"the period ends before it starts: from {moment(start)} to {moment(end)}"
        )
    return Period(start, end, name)


def _option(named: PeriodName) -> str:
    return f"--{named.replace('_', '-')}"


def _bounds(
    named: PeriodName, today: datetime.date, zone: datetime.tzinfo
) -> tuple[datetime.datetime, datetime.datetime | None]:
    """Return the start of a named period, and its end if it is over."""
    day = datetime.timedelta(days=1)
    month = today.replace(day=1)
    match named:
        case "today":
            return start_of(today, zone), None
        case "yesterday":
            return start_of(today - day, zone), start_of(today, zone)
        case "week":
            return start_of(today - today.weekday() * day, zone), None
        case "month":
            return start_of(month, zone), None
        case "last_month":
            return start_of((month - day).replace(day=1), zone), start_of(month, zone)


def zone_name(option: str | None) -> str:
    """Return the IANA name of the time zone of `--tz`; of the system's time zone, if it is `local`.

    Raises:
        ConfigurationError: The time zone of the system has no name.
    """
    if option is None:
        return UTC
    if option != LOCAL:
        return option
    try:
        import tzlocal  # noqa: PLC0415 - loaded only if needed
    except ModuleNotFoundError:
        raise ConfigurationError(
            "--tz local needs an extra: pip install 'modelgates-client[cli]'"
        ) from None
    try:
        name = getattr(tzlocal.get_localzone(), "key", None)
    except (LookupError, ValueError, OSError):  # TZ is invalid, or the settings conflict
        name = None
    if name in {None, LOCAL}:  # the system has the rules, but no name
        raise ConfigurationError(
            "--tz local: the time zone of the system has no name; set an IANA name such as "
            "Europe/Berlin, with --tz or the environment variable TZ"
        )
    return str(name)


def zone_of(name: str) -> datetime.tzinfo:
    """Return a time zone by its IANA name; UTC needs no time zone database.

    Raises:
        ConfigurationError: There is no time zone of this name.
    """
    if name == UTC:
        return datetime.UTC
    try:
        return zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):  # "", "../x", "Europe" (a folder)
        raise ConfigurationError(
            f"--tz {name!r}: there is no such time zone; expected an IANA name such as "
            "Europe/Berlin, and the system's time zone data (or: pip install tzdata)"
        ) from None


def moment(when: datetime.datetime) -> str:
    """Format a time with its offset, or `UTC`: `2026-11-02 09:30 +01:00`."""
    # Not strftime: its %Y has no leading zeros on some systems.
    shown = when.replace(tzinfo=None).isoformat(" ").removesuffix(":00")
    offset = when.isoformat(timespec="seconds")[19:]
    return f"{shown} {'UTC' if not when.utcoffset() else offset}"


def read_age(option: str, text: str) -> datetime.timedelta:
    """Parse a duration such as `36h`, `7d` or `2w`.

    Raises:
        ConfigurationError: It is not a duration.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ConfigurationError(f"{option} {text!r}: expected a duration such as 36h, 7d, 2w")
    try:
        return datetime.timedelta(hours=int(match[1]) * _HOURS[match[2]])
    except OverflowError:
        raise ConfigurationError(
            f"{option} {text!r}: expected at most {datetime.timedelta.max.days}d"
        ) from None


def _read(
    option: str, text: str, zone: datetime.tzinfo, now: datetime.datetime
) -> datetime.datetime:
    try:
        ago = _DURATION.fullmatch(text)
        if ago is not None:
            hours = int(ago[1]) * _HOURS[ago[2]]
            return (now.astimezone(datetime.UTC) - datetime.timedelta(hours=hours)).astimezone(zone)
        when = datetime.datetime.fromisoformat(text)
        if when.tzinfo is None:
            when = when.replace(tzinfo=zone)
        return _in_calendar(when, zone)
    except (ValueError, OverflowError):
        raise ConfigurationError(f"{option} {text!r}: expected {_EXPECTED}") from None


def start_of(day: datetime.date, zone: datetime.tzinfo) -> datetime.datetime:
    """Return the first instant of a day in a zone."""
    return _in_calendar(datetime.datetime.combine(day, datetime.time(), zone), zone)


def _in_calendar(when: datetime.datetime, zone: datetime.tzinfo) -> datetime.datetime:
    """Return the same instant in the zone, where the local time as written may not exist.

    Raises:
        OverflowError: The instant is outside the calendar in UTC.
    """
    return when.astimezone(datetime.UTC).astimezone(zone)
