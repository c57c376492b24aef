"""A report as JSON.

It is one object with `version`, the version of this form, which is 1: a version may gain names, but
never loses one; `client_version`; and the attributes of `figures.Report`, including those of the
other classes in `figures`. An amount is a string of decimal digits, exact; a time is ISO 8601 with
its offset; an unknown value is null. A group's `key` is an array in the order of `by`.
"""

import datetime
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, TypeGuard, cast

import attrs

from modelgates_client._version import __version__
from modelgates_client.reports.figures import Report

_VERSION: Final = 1


def as_json(report: Report) -> str:
    """Return a report as one JSON object, in ASCII, so that no name can control a terminal."""
    return versioned(to_plain(report), indent=2)


def versioned(fields: Mapping[str, Any], indent: int | None = None) -> str:
    """Return one JSON object with `version` and `client_version`, in ASCII."""
    whole = {"version": _VERSION, "client_version": __version__, **fields}
    return f"{json.dumps(whole, allow_nan=False, indent=indent)}\n"


def to_plain(value: Any) -> Any:
    """Convert figures, or other values of attrs classes, to values that `json` can write."""
    if isinstance(value, Decimal):
        digits = f"{value or 0:f}"  # an amount of -0 is 0
        return digits.rstrip("0").rstrip(".") if "." in digits else digits
    if isinstance(value, datetime.date):
        return value.isoformat()
    if _is_tuple(value):
        return [to_plain(item) for item in value]
    if _is_mapping(value):
        return {key: to_plain(item) for key, item in value.items()}
    kind = cast("type[object]", type(value))
    if attrs.has(kind):
        names = [field.name for field in attrs.fields(kind)]
        return {name: to_plain(getattr(value, name)) for name in names if name[0] != "_"}
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _is_tuple(value: object) -> TypeGuard[tuple[Any, ...]]:
    return isinstance(value, tuple)


def _is_mapping(value: object) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping)
