"""Convert JSON scalars to Python values: each function returns the typed value or `MISMATCH`."""

import datetime
import io
import math
import re
from typing import Any, Final

from modelgates_runtime.types import File

#: The result for a value that does not have the type.
MISMATCH: Final[Any] = object()


def string(value: Any) -> Any:
    """Accept strings; instances of subclasses become plain strings."""
    return str.__str__(value) if isinstance(value, str) else MISMATCH


def boolean(value: Any) -> Any:
    """Accept booleans."""
    return value if isinstance(value, bool) else MISMATCH


def null(value: Any) -> Any:
    """Accept null."""
    return None if value is None else MISMATCH


def integer(value: Any) -> Any:
    """Accept integers and, as JSON Schema does, numbers without a fraction (1.0 is an integer)."""
    if isinstance(value, float):
        return int(value) if value.is_integer() else MISMATCH
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else MISMATCH


def number(value: Any) -> Any:
    """Accept numbers that a double represents exactly; others would be encoded differently."""
    if isinstance(value, float):
        return value if math.isfinite(value) else MISMATCH
    if not isinstance(value, int) or isinstance(value, bool):
        return MISMATCH
    try:
        number = float(value)
    except OverflowError:
        return MISMATCH
    return number if number == value else MISMATCH


class SentDatetime(datetime.datetime):
    """A datetime that keeps its original text, which `to_dict` returns."""

    sent: str = ""

    def __reduce_ex__(self, protocol: Any) -> Any:
        return (date_time, (self.sent,)) if self.sent else super().__reduce_ex__(protocol)


# Python parses more of ISO 8601 than RFC 3339 allows, such as week dates and times without a zone.
_RFC_3339: Final = (
    "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})"
)


def date_time(value: Any) -> Any:
    """Accept date-times of RFC 3339, section 5.6."""
    if not isinstance(value, str) or not re.fullmatch(_RFC_3339, value, re.IGNORECASE):
        return MISMATCH
    try:
        moment = SentDatetime.fromisoformat(value.upper())
    except ValueError:
        return MISMATCH
    moment.sent = value
    return moment


def date(value: Any) -> Any:
    """Accept full dates of RFC 3339, section 5.6."""
    if not isinstance(value, str):
        return MISMATCH
    try:
        day = datetime.date.fromisoformat(value)
    except ValueError:
        return MISMATCH
    return day if day.isoformat() == value else MISMATCH


def uuid_(value: Any) -> Any:
    """Accept UUIDs in the text form of RFC 4122, section 3."""
    if not isinstance(value, str):
        return MISMATCH
    from modelgates_runtime.uuids import sent_uuid  # noqa: PLC0415 - slow to import, rarely needed

    return sent_uuid(value) or MISMATCH


def file(value: Any) -> Any:
    """Accept the bytes of a binary body."""
    return File(io.BytesIO(value)) if isinstance(value, bytes) else MISMATCH
