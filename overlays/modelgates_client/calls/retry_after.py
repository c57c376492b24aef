"""How long a server asks to wait, wherever it says so. Pure."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from math import isfinite
from typing import Any, Final, cast

#: Seconds of a wait that are believed where it holds up more than the call that was refused.
MAX_BELIEVED_S: Final = 300.0

_TOO_MANY: Final = 429

#: Keys of an error body for a wait, and how many make a second.
_BODY_KEYS: Final = (("retry_after_ms", 1000), ("retry_after", 1), ("retry_after_seconds", 1))

#: Names, without `reset` and `remaining`, of the headers that tell about a rate limit.
_LIMITS: Final = ("x-ratelimit-", "x-rate-limit-", "ratelimit-")

_EPOCH_S: Final = 1e9  # from 2001 on; as a duration it would be thirty years
_EPOCH_MS: Final = 1e11  # from 1973 on; as seconds it would be the year 5138
_MAX_EPOCH_MS: Final = 1e14
_MAX_DURATION_S: Final = 366 * 86_400.0


def retry_after_s(
    status: int,
    headers: Mapping[str, str],
    body: Mapping[str, Any] | None = None,
    wall_clock: Callable[[], float] = time.time,
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

    Source: RFC 9110, sections 10.2.3 and 6.6.1; draft-ietf-httpapi-ratelimit-headers.
    """
    error = _object(body, "error")
    metadata = _object(error, "metadata")
    relayed = {name.lower(): value for name, value in _object(metadata, "headers").items()}

    def now_s() -> float:
        date_s = _date_s(headers.get("date"))
        return wall_clock() if date_s is None else date_s

    def waits() -> Iterator[float | None]:
        for source in (headers, relayed):
            yield _number(source.get("retry-after-ms"), 1000)
            yield _wait_s(source.get("retry-after"), now_s)
        for place in (metadata, error, body or {}):
            for key, per_second in _BODY_KEYS:
                yield _number(place.get(key), per_second)
        if status == _TOO_MANY:
            for source in (headers, relayed):
                yield _reset_s(source, now_s)

    return _first(waits())


def _wait_s(value: object, now_s: Callable[[], float]) -> float | None:
    seconds = _number(value)
    return _until_s(value, now_s) if seconds is None else seconds


def _reset_s(headers: Mapping[str, Any], now_s: Callable[[], float]) -> float | None:
    """Return the seconds until a limit that is used up is reset."""
    remaining = _first(_number(headers.get(f"{limit}remaining")) for limit in _LIMITS)
    told = next((value for limit in _LIMITS if (value := headers.get(f"{limit}reset"))), None)
    if remaining or told is None:
        return None
    value = _number(told)
    if value is None:
        return _until_s(told, now_s, datetime.fromisoformat)
    if value <= _MAX_DURATION_S:
        return value
    if _EPOCH_S <= value < _MAX_EPOCH_MS:
        return max(0.0, (value if value < _EPOCH_MS else value / 1000) - now_s())
    return None


def _until_s(
    text: object, now_s: Callable[[], float], *also: Callable[[str], datetime]
) -> float | None:
    date_s = _date_s(text, *also)
    return None if date_s is None else max(0.0, date_s - now_s())


def _date_s(text: object, *also: Callable[[str], datetime]) -> float | None:
    """Return the seconds from 1970 to a date as HTTP writes it, or as one of `also` reads it."""
    if not isinstance(text, str):
        return None
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - costs, and is rarely needed

    for parse in (parsedate_to_datetime, *also):
        try:
            at = parse(text)
            # The obsolete form of asctime names no zone: it is UTC, wherever this machine is.
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            continue
    return None


def _number(value: object, per_second: int = 1) -> float | None:
    """Return a number of seconds, or its text, as one; None if it is none that can be waited."""
    if not isinstance(value, int | float | str) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number / per_second if isfinite(number) and number >= 0 else None


def _first(values: Iterable[float | None]) -> float | None:
    return next((value for value in values if value is not None), None)


def _object(source: Mapping[str, Any] | None, key: str) -> Mapping[str, Any]:
    value = None if source is None else source.get(key)
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
