"""A report as JSON. Pure: text is returned.

It is one object: `version`, of this form, is 1, and names may be added to a version, but none goes;
`client_version`; and the names of `figures.Report`, with those of the other classes in `figures`
beneath them. An amount is a string of decimal digits, exact; a time is ISO 8601 with its offset;
what is not known is null. A group's `key` is an array in the order of `by`.
"""

import datetime
import json
from decimal import Decimal
from typing import Any, Final, TypeGuard, cast

import attrs

from modelgates_client._version import __version__
from modelgates_client.reports.figures import Report

_VERSION: Final = 1


def as_json(report: Report) -> str:
    """Return one object of JSON, in ASCII: exact, and harmless to a terminal."""
    whole = {"version": _VERSION, "client_version": __version__, **to_plain(report)}
    return f"{json.dumps(whole, allow_nan=False, indent=2)}\n"


def to_plain(value: Any) -> Any:
    """Return figures as what JSON can say."""
    if isinstance(value, Decimal):
        digits = f"{value or 0:f}"  # there is no -0 of money
        return digits.rstrip("0").rstrip(".") if "." in digits else digits
    if isinstance(value, datetime.date):
        return value.isoformat()
    if _is_tuple(value):
        return [to_plain(item) for item in value]
    kind = cast("type[object]", type(value))
    if attrs.has(kind):
        names = [field.name for field in attrs.fields(kind)]
        return {name: to_plain(getattr(value, name)) for name in names}
    return value


def _is_tuple(value: object) -> TypeGuard[tuple[Any, ...]]:
    return isinstance(value, tuple)
