"""Which period is meant: ISO 8601 times, times ago, today, this week. Pure: now is an argument.

A period begins with its first instant and ends before its last. A date means the first instant of
that day in the zone, so `--until 2026-11-02` leaves all of 2 November out. A time without an offset
is one of the zone: where clocks are put back and a time comes twice, the earlier one; where they
are put forward and it does not come at all, as if they had not been. `36h`, `1d`, `2w` are exact
durations before now, of 24 hours a day whatever the clocks do; `--today`, `--month` and the like
follow them.
"""

import datetime
import re
import zoneinfo
from typing import Final, Literal, TypedDict

from attrs import frozen

from modelgates_client.errors import ConfigurationError

UTC: Final = "UTC"
LOCAL: Final = "local"  # the zone that the system is set to

#: Periods that have a name, by the options that mean them.
Named = Literal["today", "yesterday", "week", "month", "last_month"]
_NAMED: Final[tuple[Named, ...]] = ("today", "yesterday", "week", "month", "last_month")

_AGO: Final = re.compile(r"([0-9]{1,9})([hdw])", re.ASCII)
_HOURS: Final = {"h": 1, "d": 24, "w": 7 * 24}
_EXPECTED: Final = "a date or time as 2026-11-02 or 2026-11-02T09:30Z, or a time ago as 36h, 1d, 2w"


@frozen
class Period:
    """From when to when.

    Attributes:
        since: The beginning (included), aware, in the zone; None: from the first.
        until: The end (excluded), aware, in the zone; None: to the last.
        timezone: The IANA name of the zone.
    """

    since: datetime.datetime | None
    until: datetime.datetime | None
    timezone: str

    @property
    def is_all(self) -> bool:
        """Whether nothing is left out."""
        return self.since is None and self.until is None

    def __str__(self) -> str:
        """Return it in words."""
        if self.since is None:
            return "all time" if self.until is None else f"until {moment(self.until)}"
        since = f"since {moment(self.since)}"
        return since if self.until is None else f"{since} until {moment(self.until)}"


class PeriodOptions(TypedDict):
    """The options that say which records are meant, as click names them.

    Attributes:
        since: Its beginning; None: from the first.
        until: Its end; None: to the last.
        today: Whether it begins with today.
        yesterday: Whether it is yesterday.
        week: Whether it begins with Monday of this week.
        month: Whether it begins with the first of this month.
        last_month: Whether it is the month before.
        timezone: The IANA name of the zone that days and times are of, or `local`; None: UTC.
        where: Labels that they have, as `label:NAME=TEXT`.
    """

    since: str | None
    until: str | None
    today: bool
    yesterday: bool
    week: bool
    month: bool
    last_month: bool
    timezone: str | None
    where: tuple[str, ...]


#: The options of no period: all time, in UTC.
NO_PERIOD: Final[PeriodOptions] = {
    "since": None,
    "until": None,
    "today": False,
    "yesterday": False,
    "week": False,
    "month": False,
    "last_month": False,
    "timezone": None,
    "where": (),
}


def read_period(options: PeriodOptions, now: datetime.datetime) -> Period:
    """Return the period that options mean.

    Args:
        options: What was asked for.
        now: The present, aware.

    Raises:
        ConfigurationError: They exclude each other, or mean no time, or there is no such zone.
    """
    since, until = options["since"], options["until"]
    named: list[Named] = [each for each in _NAMED if options[each]]
    given = ["--since"] if since is not None else []
    given += map(_option, named)
    name = zone_name(options["timezone"])
    zone = zone_of(name)
    start = end = None
    if since is not None:
        start = _read("--since", since, zone, now)
    if named:
        start, end = _bounds(named[0], now.astimezone(zone).date(), zone)
    if until is not None and end is not None:
        given.append("--until")
    if len(given) > 1:
        raise ConfigurationError(f"{' and '.join(given)} exclude each other")
    if until is not None:
        end = _read("--until", until, zone, now)
    if start is not None and end is not None and start >= end:
        raise ConfigurationError(
            f"the period ends before it begins: from {moment(start)} to {moment(end)}"
        )
    return Period(start, end, name)


def _option(named: Named) -> str:
    return f"--{named.replace('_', '-')}"


def _bounds(
    named: Named, today: datetime.date, zone: datetime.tzinfo
) -> tuple[datetime.datetime, datetime.datetime | None]:
    """Return when a period of that name begins, and when it ends if it is over."""
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


def zone_name(asked: str | None) -> str:
    """Return the IANA name of the zone that is asked for; of the system's, if it is `local`.

    Raises:
        ConfigurationError: The system does not say which zone it is in.
    """
    if asked is None:
        return UTC
    if asked != LOCAL:
        return asked
    try:
        import tzlocal  # noqa: PLC0415 - only what is needed
    except ModuleNotFoundError:
        raise ConfigurationError(
            "--tz local needs an extra: pip install 'modelgates-client[cli]'"
        ) from None
    try:
        name = getattr(tzlocal.get_localzone(), "key", None)
    except (LookupError, ValueError, OSError):  # TZ is no name, or what is set contradicts itself
        name = None
    if name in {None, LOCAL}:  # a file of the system's alone
        raise ConfigurationError(
            "--tz local: the system does not say which zone it is in; expected an IANA name as "
            "Europe/Berlin, here or in the environment variable TZ"
        )
    return str(name)


def zone_of(name: str) -> datetime.tzinfo:
    """Return a zone by its IANA name; UTC needs no database of zones.

    Raises:
        ConfigurationError: The system knows no zone of this name.
    """
    if name == UTC:
        return datetime.UTC
    try:
        return zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):  # "", "../x", "Europe", a folder
        raise ConfigurationError(
            f"--tz {name!r}: the system knows no such zone; expected an IANA name as "
            "Europe/Berlin, and the system's time zone data (or: pip install tzdata)"
        ) from None


def moment(when: datetime.datetime) -> str:
    """Return a time as people read it, with its offset: `2026-11-02 09:30 +01:00`, or `UTC`."""
    # Not by strftime: its %Y has no leading zeros on some systems.
    shown = when.replace(tzinfo=None).isoformat(" ").removesuffix(":00")
    offset = when.isoformat(timespec="seconds")[19:]
    return f"{shown} {'UTC' if not when.utcoffset() else offset}"


def read_age(option: str, text: str) -> datetime.timedelta:
    """Return a time as `36h`, `7d` or `2w`.

    Raises:
        ConfigurationError: It is none.
    """
    found = _AGO.fullmatch(text)
    try:
        if found is not None:
            return datetime.timedelta(hours=int(found[1]) * _HOURS[found[2]])
    except OverflowError:
        pass
    raise ConfigurationError(f"{option} {text!r}: expected a time as 36h, 7d, 2w")


def _read(
    option: str, text: str, zone: datetime.tzinfo, now: datetime.datetime
) -> datetime.datetime:
    try:
        ago = _AGO.fullmatch(text)
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
    """Return the same instant by the zone's clocks, which may have skipped the time that was said.

    Raises:
        OverflowError: It is beyond the calendar in UTC.
    """
    return when.astimezone(datetime.UTC).astimezone(zone)
