"""Values of a record as SQLite stores them in a row, by the kind of the column.

Each function raises `ValueError` for a value that the column cannot hold as it is.
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
from modelgates_client.rows.kinds import Kind
from modelgates_runtime.encoding import encode

#: A value as SQLite stores it.
Value = str | int | float | None

_WHOLE: Final = 14  # digits before the point that DECIMAL(38,24) holds,
_BEHIND: Final = 24  # and behind it
_LAST: Final = Decimal(1).scaleb(-_BEHIND)
_ROUNDING: Final = Context(prec=400, rounding=ROUND_HALF_EVEN)  # a double has 309 digits at most
_INT64: Final = range(-(2**63), 2**63)
_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MICROSECOND: Final = datetime.timedelta(microseconds=1)

#: Times as servers write them, which Python reads at once; other ISO 8601 takes twenty times as
#: long. Hour 24 is not among them: not every Python knows it.
_USUAL: Final = re.compile(
    "[0-9]{4}-[0-9]{2}-[0-9]{2}T(?!24)[0-9]{2}:[0-9]{2}:[0-9]{2}([.]([0-9]{3}|[0-9]{6}))?"
    "(Z|[+]00:00)"
)


def text(value: Any) -> str:
    """Return a text, or the one that a date or UUID was sent as."""
    if value.__class__ is str and value.isascii():
        return value
    plain = str.__str__(value) if isinstance(value, str) else str(encode(value))
    if not plain.isascii():
        plain.encode()  # half characters, which JSON can name, are no text in UTF-8
    return plain


def integer(value: Any) -> int:
    """Return an integer of 64 bits."""
    number = int(value)  # of an enum, too
    if number not in _INT64:
        raise ValueError("beyond 64 bits")
    return number


def number(value: Any) -> float:
    """Return a number as the double that it is."""
    double = float(value)
    if not math.isfinite(double) or double != value:
        raise ValueError("not a number that a double holds")
    return double


def amount(value: Decimal) -> str:
    """Return an amount as a plain decimal.

    Its digits behind the 24th decimal, which only residues of doubles have, are rounded half-even.
    """
    plain = f"{value:f}"
    if len(plain) <= _WHOLE:  # it fits, wherever the point is
        return plain
    whole, _, behind = plain.lstrip("-").partition(".")
    if len(behind.rstrip("0")) > _BEHIND:
        plain = f"{_ROUNDING.quantize(value, _LAST):f}"
        whole = plain.lstrip("-").partition(".")[0]
    if len(whole) > _WHOLE:
        raise ValueError("beyond DECIMAL(38,24)")
    return plain


def microseconds(moment: datetime.datetime) -> int:
    """Return a moment as microseconds since 1970-01-01 UTC."""
    return (moment - _EPOCH) // _MICROSECOND


def parse_common_time(sent: str) -> int | None:
    """Return what a text says as microseconds, if it says it as servers usually do."""
    if _USUAL.fullmatch(sent) is None:
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


#: What makes the stored value of a value of the record's, which is not None.
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
