"""What a server says of its limits: what remains, and how long to wait, wherever it says so. Pure.

Source: RFC 9110, sections 10.2.3 and 6.6.1; draft-ietf-httpapi-ratelimit-headers, whose names with
an X are older, and common; RFC 9651 (structured fields), as far as its newest form needs it.
"""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import inf, isfinite
from typing import Any, Final, NamedTuple, Self, cast

#: Names, without `limit`, `remaining` and `reset`, of the headers that tell about a rate limit.
_LIMITS: Final = ("x-ratelimit-", "x-rate-limit-", "ratelimit-")

#: The headers that newer drafts have instead: all in one, and what is allowed.
_COMBINED: Final = "ratelimit"
_POLICY: Final = "ratelimit-policy"
_PART: Final = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^",;])+|[,;]')
_FIRST: Final = re.compile("[,;]")
_MAX: Final = 1_000  # characters of such a header

#: Keys of an error body for a wait, and how many make a second.
_BODY_KEYS: Final = (("retry_after_ms", 1000), ("retry_after", 1), ("retry_after_seconds", 1))

_TOO_MANY: Final = 429

_EPOCH_S: Final = 1e9  # from 2001 on; as a duration it would be thirty years
_EPOCH_MS: Final = 1e11  # from 1973 on; as seconds it would be the year 5138
_MAX_EPOCH_MS: Final = 1e14
_MAX_DURATION_S: Final = 366 * 86_400.0

WallClock = Callable[[], float]


class RateLimit(NamedTuple):
    """What a server says of its rate limit; None where it does not, or not clearly.

    Attributes:
        limit: How many requests it allows.
        remaining: How many of them are left.
        reset_s: Seconds from the answer until there are all of them again.
    """

    limit: int | None
    remaining: int | None
    reset_s: float | None

    @classmethod
    def of(cls, headers: Mapping[str, Any], wall_clock: WallClock = time.time) -> Self | None:
        """Return what headers say, by names in lower case; None if they say nothing of it.

        A date is judged by the server's own clock, the header `Date`, where it tells.

        Args:
            headers: The headers.
            wall_clock: Tells the seconds since 1970.
        """
        single = _spread(headers)
        said = cls(
            _count(single, "limit"),
            _count(single, "remaining"),
            _reset_s(single, _server_clock(headers, wall_clock)),
        )
        return None if said == (None, None, None) else said


def retry_after_s(
    status: int,
    headers: Mapping[str, str],
    body: Mapping[str, Any] | None = None,
    wall_clock: WallClock = time.time,
) -> float | None:
    """Return the seconds that a server asked to wait; None when it did not, or not clearly.

    `Retry-After` and its finer form `retry-after-ms` come first, then what an error body says, its
    copy of another server's headers included. Of a 429 without any of them, the time at which the
    rate limit is reset is the answer, unless requests remain: then another limit refused.

    A date is judged by the server's own clock, the header `Date`, where it tells.

    Args:
        status: The HTTP status, or the code of an error within a success.
        headers: By name in lower case.
        body: The body, if it is an object.
        wall_clock: Tells the seconds since 1970.
    """
    error = _object(body, "error")
    metadata = _object(error, "metadata")
    relayed = relayed_headers(body)
    now_s = _server_clock(headers, wall_clock)

    def waits() -> Iterator[float | None]:
        for source in (headers, relayed):
            yield _number(source.get("retry-after-ms"), 1000)
            yield _wait_s(source.get("retry-after"), now_s)
        for place in (metadata, error, body or {}):
            for key, per_second in _BODY_KEYS:
                yield _number(place.get(key), per_second)
        if status == _TOO_MANY:
            for source in (_spread(headers), _spread(relayed)):
                remaining = _first(_number(source.get(f"{limit}remaining")) for limit in _LIMITS)
                yield None if remaining else _reset_s(source, now_s)

    return _first(waits())


def relayed_headers(body: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the headers of another server that an error body repeats, by names in lower case."""
    metadata = _object(_object(body, "error"), "metadata")
    return {name.lower(): value for name, value in _object(metadata, "headers").items()}


def _spread(headers: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return headers, with those that a combined one stands for, where they are not there.

    A dictionary, `limit=100, remaining=50, reset=30` (drafts 4 to 7), or a list of policies with
    what is left of them, `"minute";r=50;t=30` (drafts 8 and later): of several, that which leaves
    least, and for longest.
    """
    combined, policies = _items(headers.get(_COMBINED)), _items(headers.get(_POLICY))
    told: dict[str, Any] = {}
    for item, _ in combined:
        name, _, value = item.partition("=")
        told[name] = value
    if not {"limit", "remaining", "reset"} & told.keys():
        nothing: tuple[str, dict[str, str]] = ("", {})
        name, left = min(combined, key=_scarcity, default=nothing)
        quotas = {policy: said.get("q") for policy, said in policies}
        if not combined and len(quotas) == 1:
            (name,) = quotas
        told = {"limit": quotas.get(name), "remaining": left.get("r"), "reset": left.get("t")}
    return {**{f"{_LIMITS[-1]}{name}": value for name, value in told.items()}, **headers}


def _scarcity(item: tuple[str, Mapping[str, str]]) -> tuple[float, float]:
    """Return what sorts policies, those first that leave least."""
    remaining, reset_s = _number(item[1].get("r")), _number(item[1].get("t"))
    return inf if remaining is None else remaining, -(reset_s or 0.0)


def _items(text: object) -> list[tuple[str, dict[str, str]]]:
    """Return the items of a list, each with its parameters; none of what is no list."""
    if not isinstance(text, str) or len(text) > _MAX:
        return []
    parts = _PART.findall(text)
    if "".join(parts) != text:  # a quotation mark is left open
        return []
    items: list[tuple[str, dict[str, str]]] = []
    separator = ","
    for part in parts:
        if part in {",", ";"}:
            separator = part
        elif separator == ",":
            items.append((part.strip(), {}))
            separator = ";"
        elif items:
            name, _, value = part.strip().partition("=")
            items[-1][1][name] = value
    return items


def _server_clock(headers: Mapping[str, Any], wall_clock: WallClock) -> WallClock:
    """Return what tells the seconds since 1970: the header `Date` if there is one, or else ours."""

    def now_s() -> float:
        told_s = _date_s(headers.get("date"))
        return wall_clock() if told_s is None else told_s

    return now_s


def _wait_s(value: object, now_s: WallClock) -> float | None:
    seconds = _number(value)
    return _until_s(value, now_s) if seconds is None else seconds


def _reset_s(headers: Mapping[str, Any], now_s: WallClock) -> float | None:
    """Return the seconds until a limit is reset: from a duration, an epoch, or a date."""
    told = next((value for limit in _LIMITS if (value := headers.get(f"{limit}reset"))), None)
    value = _number(told)
    if value is None:
        return _until_s(told, now_s, datetime.fromisoformat)
    if value <= _MAX_DURATION_S:
        return value
    if _EPOCH_S <= value < _MAX_EPOCH_MS:
        return max(0.0, (value if value < _EPOCH_MS else value / 1000) - now_s())
    return None


def _until_s(text: object, now_s: WallClock, *also: Callable[[str], datetime]) -> float | None:
    told_s = _date_s(text, *also)
    return None if told_s is None else max(0.0, told_s - now_s())


def _date_s(text: object, *also: Callable[[str], datetime]) -> float | None:
    """Return the seconds from 1970 to a date as HTTP writes it, or as one of `also` reads it."""
    if not isinstance(text, str):
        return None
    for parse in (parsedate_to_datetime, *also):
        try:
            at = parse(text)
            # The obsolete form of asctime names no zone: it is UTC, wherever this machine is.
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            continue
    return None


def _number(value: object, per_unit: int = 1) -> float | None:
    """Return a number, or its text, as one; None if it is none that can be counted or waited."""
    if not isinstance(value, int | float | str) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number / per_unit if isfinite(number) and number >= 0 else None


def _count(headers: Mapping[str, Any], what: str) -> int | None:
    """Return a number of requests; of a list, as the first drafts have it, what applies now."""
    told = (headers.get(f"{limit}{what}") for limit in _LIMITS)
    firsts = (_FIRST.split(one)[0] if isinstance(one, str) else one for one in told)
    count = _first(map(_number, firsts))
    return int(count) if count is not None and count.is_integer() else None


def _first(values: Iterable[float | None]) -> float | None:
    return next((value for value in values if value is not None), None)


def _object(source: Mapping[str, Any] | None, key: str) -> Mapping[str, Any]:
    value = None if source is None else source.get(key)
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
