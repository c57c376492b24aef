"""Parse rate limits and waits from headers and error bodies. Pure.

Source: RFC 9110, sections 10.2.3 and 6.6.1; draft-ietf-httpapi-ratelimit-headers, and its
older, common names with an X; the parts of RFC 9651 (structured fields) that its newest form needs.
"""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from math import inf, isfinite
from typing import Any, Final, NamedTuple, Self, cast

#: Prefixes of the rate limit headers, which end in `limit`, `remaining` and `reset`.
_PREFIXES: Final = ("x-ratelimit-", "x-rate-limit-", "ratelimit-")

#: The headers of newer drafts: one for the state of the limit, one for the policy.
_COMBINED: Final = "ratelimit"
_POLICY: Final = "ratelimit-policy"
_PART: Final = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^",;])+|[,;]')
_FIRST: Final = re.compile("[,;]")
_MAX_LENGTH: Final = 1_000  # characters of such a header

#: Keys of an error body for a wait, and their units per second.
_BODY_KEYS: Final = (("retry_after_ms", 1000), ("retry_after", 1), ("retry_after_seconds", 1))

_TOO_MANY: Final = 429

_EPOCH_S: Final = 1e9  # in 2001; as a duration it would be thirty years
_EPOCH_MS: Final = 1e11  # in 1973; as seconds it would be the year 5138
_MAX_EPOCH_MS: Final = 1e14
_MAX_DURATION_S: Final = 366 * 86_400.0

WallClock = Callable[[], float]


class RateLimit(NamedTuple):
    """A server's rate limit; a field is None if the server does not state it clearly.

    Attributes:
        limit: The number of requests allowed.
        remaining: The number of requests left.
        reset_s: Seconds from the response until the limit is reset.
    """

    limit: int | None
    remaining: int | None
    reset_s: float | None

    @classmethod
    def from_headers(
        cls, headers: Mapping[str, Any], wall_clock: WallClock = time.time
    ) -> Self | None:
        """Parse the rate limit from headers; return None if they have none.

        A date is compared to the server's clock, the header `Date`, if there is one.

        Args:
            headers: The headers by lower-case name.
            wall_clock: Returns the seconds since 1970.
        """
        separate = _split_combined(headers)
        rate_limit = cls(
            _count(separate, "limit"),
            _count(separate, "remaining"),
            _reset_s(separate, _server_clock(headers, wall_clock)),
        )
        return None if rate_limit == (None, None, None) else rate_limit


def retry_after_s(
    status: int,
    headers: Mapping[str, str],
    body: Mapping[str, Any] | None = None,
    wall_clock: WallClock = time.time,
) -> float | None:
    """Return the seconds that a server asked to wait; None if it did not, or not clearly.

    `Retry-After` and its finer form `retry-after-ms` take precedence over an error body, including
    its copy of another server's headers. For a 429 without any of them, the time until the rate
    limit is reset is returned, unless requests remain: then another limit caused the 429.

    A date is compared to the server's clock, the header `Date`, if there is one.

    Args:
        status: The HTTP status, or the code of an error object in a success.
        headers: The headers by lower-case name.
        body: The body, if it is an object.
        wall_clock: Returns the seconds since 1970.
    """
    error = _object(body, "error")
    metadata = _object(error, "metadata")
    relayed = relayed_headers(body)
    now_s = _server_clock(headers, wall_clock)

    def candidates() -> Iterator[float | None]:
        for source in (headers, relayed):
            yield _number(source.get("retry-after-ms"), 1000)
            yield _wait_s(source.get("retry-after"), now_s)
        for container in (metadata, error, body or {}):
            for key, per_second in _BODY_KEYS:
                yield _number(container.get(key), per_second)
        if status == _TOO_MANY:
            for source in (_split_combined(headers), _split_combined(relayed)):
                remaining = _first(
                    _number(source.get(f"{prefix}remaining")) for prefix in _PREFIXES
                )
                yield None if remaining else _reset_s(source, now_s)

    return _first(candidates())


def relayed_headers(body: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return another server's headers from an error body, by lower-case name."""
    metadata = _object(_object(body, "error"), "metadata")
    return {name.lower(): value for name, value in _object(metadata, "headers").items()}


def _split_combined(headers: Mapping[str, Any]) -> Mapping[str, Any]:
    """Add separate headers for the parts of a combined one, unless they are there already.

    The combined header is a dictionary, `limit=100, remaining=50, reset=30` (drafts 4 to 7), or a
    list of policies with their state, `"minute";r=50;t=30` (drafts 8 and later). Of several
    policies, the one with the fewest requests left counts, and then the longest until its reset.
    """
    combined, policies = _items(headers.get(_COMBINED)), _items(headers.get(_POLICY))
    parts: dict[str, Any] = {}
    for item, _ in combined:
        name, _, value = item.partition("=")
        parts[name] = value
    if not {"limit", "remaining", "reset"} & parts.keys():
        no_policy: tuple[str, dict[str, str]] = ("", {})
        name, state = min(combined, key=_scarcity, default=no_policy)
        quotas = {policy: parameters.get("q") for policy, parameters in policies}
        if not combined and len(quotas) == 1:
            (name,) = quotas
        parts = {"limit": quotas.get(name), "remaining": state.get("r"), "reset": state.get("t")}
    return {**{f"{_PREFIXES[-1]}{name}": value for name, value in parts.items()}, **headers}


def _scarcity(item: tuple[str, Mapping[str, str]]) -> tuple[float, float]:
    """Return a sort key for policies: fewest requests left first."""
    remaining, reset_s = _number(item[1].get("r")), _number(item[1].get("t"))
    return inf if remaining is None else remaining, -(reset_s or 0.0)


def _items(text: object) -> list[tuple[str, dict[str, str]]]:
    """Return the items of a list header, each with its parameters; [] if it is invalid."""
    if not isinstance(text, str) or len(text) > _MAX_LENGTH:
        return []
    parts = _PART.findall(text)
    if "".join(parts) != text:  # an unclosed quotation mark
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
    """Return a clock of the seconds since 1970: the header `Date`, or else this machine's."""

    def now_s() -> float:
        date_s = _date_s(headers.get("date"))
        return wall_clock() if date_s is None else date_s

    return now_s


def _wait_s(value: object, now_s: WallClock) -> float | None:
    seconds = _number(value)
    return _until_s(value, now_s) if seconds is None else seconds


def _reset_s(headers: Mapping[str, Any], now_s: WallClock) -> float | None:
    """Return the seconds until a limit is reset: from a duration, an epoch, or a date."""
    resets = (headers.get(f"{prefix}reset") for prefix in _PREFIXES)
    reset = next(filter(None, resets), None)
    value = _number(reset)
    if value is None:
        return _until_s(reset, now_s, datetime.fromisoformat)
    if value <= _MAX_DURATION_S:
        return value
    if _EPOCH_S <= value < _MAX_EPOCH_MS:
        return max(0.0, (value if value < _EPOCH_MS else value / 1000) - now_s())
    return None


def _until_s(text: object, now_s: WallClock, *parsers: Callable[[str], datetime]) -> float | None:
    date_s = _date_s(text, *parsers)
    return None if date_s is None else max(0.0, date_s - now_s())


def _date_s(text: object, *parsers: Callable[[str], datetime]) -> float | None:
    """Parse an HTTP date, or one that `parsers` accept; return the seconds since 1970."""
    if not isinstance(text, str):
        return None
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - loaded with the first client

    for parse in (parsedate_to_datetime, *parsers):
        try:
            at = parse(text)
            # The obsolete asctime format has no zone: it is UTC, regardless of this machine's zone.
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            continue
    return None


def _number(value: object, per_unit: int = 1) -> float | None:
    """Parse a finite, non-negative number; return None for anything else."""
    if not isinstance(value, int | float | str) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number / per_unit if isfinite(number) and number >= 0 else None


def _count(headers: Mapping[str, Any], suffix: str) -> int | None:
    """Return a number of requests; of a list, as in the first drafts, the first, current one."""
    values = (headers.get(f"{prefix}{suffix}") for prefix in _PREFIXES)
    firsts = (_FIRST.split(value)[0] if isinstance(value, str) else value for value in values)
    count = _first(map(_number, firsts))
    return int(count) if count is not None and count.is_integer() else None


def _first(values: Iterable[float | None]) -> float | None:
    return next((value for value in values if value is not None), None)


def _object(source: Mapping[str, Any] | None, key: str) -> Mapping[str, Any]:
    value = None if source is None else source.get(key)
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
