"""Encode typed values as JSON, and as the parts of a request.

Source: RFC 8259 (JSON), RFC 7578 (multipart/form-data), RFC 3986 (path segments), and the default
styles of OpenAPI 3.1.0, section 4.8.12 (parameters).
"""

import datetime
import json
import math
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

from modelgates_runtime.decoded import Decoded
from modelgates_runtime.types import File, FileTypes
from modelgates_runtime.values import is_array, is_object, stored

# Within these limits, every integer is exactly representable as a double.
LOWEST: Final = -(2**53)
HIGHEST: Final = 2**53

_HUGE: Final = "1e999"  # parses as infinity again, like the number that was received


def encode(value: Any) -> Any:
    """Return the JSON value of a typed value; containers are copied.

    A decoded value is encoded JSON-equal to the original. A number without a fraction is encoded as
    an integer, as JavaScript servers write it.
    """
    if isinstance(value, Decoded):
        return value.__json__()
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() and LOWEST <= value <= HIGHEST else value
    if is_array(value):
        return [encode(item) for item in stored(value)]
    if is_object(value):
        return {key: encode(item) for key, item in value.items()}
    if isinstance(value, datetime.date):  # includes datetimes
        return getattr(value, "sent", "") or value.isoformat()
    if isinstance(value, File):
        return value.to_tuple()
    import uuid  # noqa: PLC0415 - slow to import, rarely needed

    if isinstance(value, uuid.UUID):
        return getattr(value, "sent", "") or str(value)
    raise TypeError(f"{type(value).__name__} has no JSON representation")


def json_equal(left: Any, right: Any) -> bool:
    """Whether two JSON values are equal; unlike in Python, true is not equal to 1."""
    if is_object(left) and is_object(right):
        return left.keys() == right.keys() and all(json_equal(v, right[k]) for k, v in left.items())
    if is_array(left) and is_array(right):
        return len(left) == len(right) and all(map(json_equal, left, right))
    return isinstance(left, bool) is isinstance(right, bool) and left == right


def encode_multipart(fields: Mapping[str, Any]) -> list[tuple[str, FileTypes]]:
    """Return the parts of a multipart/form-data body: lists repeat their name, None is omitted."""
    parts: list[tuple[str, FileTypes]] = []
    for name, values in fields.items():
        for value in values if is_array(values) else [values]:
            if isinstance(value, File):
                parts.append((name, value.to_tuple()))
                continue
            encoded = encode(value)
            if is_array(encoded) or is_object(encoded):
                parts.append((name, (None, json.dumps(encoded).encode(), "application/json")))
            elif encoded is not None:
                parts.append((name, (None, text(encoded).encode(), "text/plain")))
    return parts


def form(body: Any) -> dict[str, str | list[str]]:
    """Return the fields of a form body: lists repeat their name, objects are JSON."""
    return {
        name: [text(item) for item in value if item is not None] if is_array(value) else text(value)
        for name, value in encode(body).items()
        if value is not None
    }


def json_bytes(body: Any) -> bytes:
    """Return a JSON body, in ASCII, as a lone surrogate cannot be encoded otherwise.

    Raises:
        ValueError: It contains NaN or an infinity, which JSON does not support.
    """
    return json.dumps(encode(body), allow_nan=False).encode()


def json_text(value: Any, *, indent: int | None = None) -> str:
    """Return a JSON value as text, in ASCII, without Python's `Infinity`, which is not valid JSON.

    Args:
        value: A JSON value.
        indent: Spaces per level; None for a single line without spaces.
    """
    separators = (",", ":") if indent is None else None
    try:
        return json.dumps(value, allow_nan=False, indent=indent, separators=separators)
    except ValueError:
        import uuid  # noqa: PLC0415 - slow to import, rarely needed

        mark = uuid.uuid4().hex  # occurs nowhere in the value
        marks = {math.inf: mark, -math.inf: f"-{mark}"}
        marked = _replace_non_finite(value, lambda number: marks.get(number, number))
        text = json.dumps(marked, allow_nan=False, indent=indent, separators=separators)
        return text.replace(f'"-{mark}"', f"-{_HUGE}").replace(f'"{mark}"', _HUGE)


def writable(value: Any) -> Any:
    """Return a JSON value with null for NaN and infinities, as pydantic writes them."""
    return _replace_non_finite(value, lambda _: None)


def _replace_non_finite(value: Any, change: Callable[[float], Any]) -> Any:
    """Return a JSON value with `change` applied to its infinities and NaN."""
    if is_object(value):
        return {key: _replace_non_finite(item, change) for key, item in value.items()}
    if is_array(value):
        return [_replace_non_finite(item, change) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return change(value)
    return value


def path_segment(name: str, value: Any) -> str:
    """Return a path parameter, percent-encoded; list items are separated by commas.

    Raises:
        ValueError: It is empty, `.` or `..`, which would address another path.
    """
    items = value if is_array(value) else [value]
    segment = ",".join(quote(text(item), safe="") for item in items)
    if segment in {"", ".", ".."}:
        raise ValueError(f"{name} is {segment!r}, which cannot be part of a path")
    return segment


def text(value: Any) -> str:
    """Return a value as text for a path, a query, a header or a form."""
    encoded = encode(value)
    return encoded if isinstance(encoded, str) else json.dumps(encoded)
