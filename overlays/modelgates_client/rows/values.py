"""Conversion of a record's values to what SQLite stores in a row, by the kind of the column.

Each function raises `ValueError` for a value that the column cannot hold unchanged.
"""

import datetime
import json
import math
import re
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_EVEN, Context, Decimal
from types import MappingProxyType
from typing import Any, Final

from modelgates_client.records.money import exact
from modelgates_client.rows.column import Kind
from modelgates_runtime.encoding import encode

#: A value as SQLite stores it.
Value = str | int | float | None

_MAX_WHOLE_DIGITS: Final = 14  # before the point, in DECIMAL(38,24)
_MAX_DECIMALS: Final = 24  # after the point
_LAST_DECIMAL: Final = Decimal(1).scaleb(-_MAX_DECIMALS)
_ROUNDING: Final = Context(prec=400, rounding=ROUND_HALF_EVEN)  # a double has 309 digits at most
_INT64: Final = range(-(2**63), 2**63)
_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MICROSECOND: Final = datetime.timedelta(microseconds=1)

#: The form of time that servers commonly send, which Python parses directly; other ISO 8601 takes
#: twenty times as long. Hour 24 is excluded, because not every Python version accepts it.
_COMMON_TIME: Final = re.compile(
    "[0-9]{4}-[0-9]{2}-[0-9]{2}T(?!24)[0-9]{2}:[0-9]{2}:[0-9]{2}([.]([0-9]{3}|[0-9]{6}))?"
    "(Z|[+]00:00)"
)


def text(value: Any) -> str:
    """Return a string; of a date or UUID, the string that was sent."""
    if value.__class__ is str and value.isascii():
        return value
    string = str.__str__(value) if isinstance(value, str) else str(encode(value))
    if not string.isascii():
        string.encode()  # raises for an unpaired surrogate, which JSON can express and UTF-8 cannot
    return string


def integer(value: Any) -> int:
    """Return an integer of 64 bits."""
    number = int(value)  # an enum member becomes a plain integer
    if number not in _INT64:
        raise ValueError("beyond 64 bits")
    return number


def number(value: Any) -> float:
    """Return a number as a double of the same value."""
    double = float(value)
    if not math.isfinite(double) or double != value:
        raise ValueError("not a number that a double can hold")
    return double


def amount(value: Decimal) -> str:
    """Return an amount as a decimal string without an exponent.

    It is rounded half-even at the 24th decimal; only residues of doubles have digits beyond it.
    """
    digits = f"{value:f}"
    if len(digits) <= _MAX_WHOLE_DIGITS:  # it fits, wherever the point is
        return digits
    whole, _, decimals = digits.lstrip("-").partition(".")
    if len(decimals.rstrip("0")) > _MAX_DECIMALS:
        digits = f"{_ROUNDING.quantize(value, _LAST_DECIMAL):f}"
        whole = digits.lstrip("-").partition(".")[0]
    if len(whole) > _MAX_WHOLE_DIGITS:
        raise ValueError("beyond DECIMAL(38,24)")
    return digits


def microseconds(moment: datetime.datetime) -> int:
    """Return a moment as microseconds since 1970-01-01 UTC."""
    return (moment - _EPOCH) // _MICROSECOND


def moment_of(number: int) -> datetime.datetime:
    """Return the moment of microseconds since 1970-01-01 UTC, in UTC."""
    return _EPOCH + number * _MICROSECOND


def parse_common_time(sent: str) -> int | None:
    """Return a time as microseconds since 1970-01-01 UTC; None if it is not in the common form."""
    if _COMMON_TIME.fullmatch(sent) is None:
        return None
    try:
        return microseconds(datetime.datetime.fromisoformat(sent))
    except ValueError:  # a thirteenth month
        return None


def _usd(value: Any) -> str:
    dollars = exact(value)
    if dollars is None:
        raise ValueError("not finite")
    return amount(dollars)


def _json(value: Any) -> str:
    return json.dumps(encode(value), allow_nan=False, separators=(",", ":"))


#: The function that converts a value of the record, which is not None, by the kind of its column.
CONVERTERS: Final[Mapping[Kind, Callable[[Any], Value]]] = MappingProxyType(
    {
        "text": text,
        "integer": integer,
        "number": number,
        "boolean": int,
        "usd": _usd,
        "time": microseconds,
        "json": _json,
    }
)
