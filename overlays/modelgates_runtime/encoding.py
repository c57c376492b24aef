"""The way back: typed values to JSON, and to the parts of a request.

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

# Between these, doubles without a fraction and integers are the same values.
LOWEST: Final = -(2**53)
HIGHEST: Final = 2**53

_HUGE: Final = "1e999"  # reads as infinite again, as what was sent did


def encode(value: Any) -> Any:
    """Return the JSON value of a typed one, sharing no container with it.

    What was decoded comes back JSON-equal. A number without a fraction comes back as an integer,
    as JavaScript servers write it.
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
    if isinstance(value, datetime.date):  # a datetime is one too
        return getattr(value, "sent", "") or value.isoformat()
    if isinstance(value, File):
        return value.to_tuple()
    import uuid  # noqa: PLC0415 - it costs, and is rarely needed

    if isinstance(value, uuid.UUID):
        return getattr(value, "sent", "") or str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def json_equal(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal, where Python also takes true for 1."""
    if is_object(one) and is_object(other):
        return one.keys() == other.keys() and all(json_equal(v, other[k]) for k, v in one.items())
    if is_array(one) and is_array(other):
        return len(one) == len(other) and all(map(json_equal, one, other))
    return isinstance(one, bool) is isinstance(other, bool) and one == other


def encode_multipart(fields: Mapping[str, Any]) -> list[tuple[str, FileTypes]]:
    """Return the parts of a multipart/form-data body: lists repeat their name, None is left out."""
    parts: list[tuple[str, FileTypes]] = []
    for name, values in fields.items():
        for value in values if is_array(values) else [values]:
            if isinstance(value, File):
                parts.append((name, value.to_tuple()))
                continue
            plain = encode(value)
            if is_array(plain) or is_object(plain):
                parts.append((name, (None, json.dumps(plain).encode(), "application/json")))
            elif plain is not None:
                parts.append((name, (None, text(plain).encode(), "text/plain")))
    return parts


def form(body: Any) -> dict[str, str | list[str]]:
    """Return the fields of a form body: lists repeat their name, objects are JSON."""
    return {
        name: [text(item) for item in value if item is not None] if is_array(value) else text(value)
        for name, value in encode(body).items()
        if value is not None
    }


def json_bytes(body: Any) -> bytes:
    """Return a JSON body, in ASCII: half a surrogate pair has no other form.

    Raises:
        ValueError: It holds NaN or an infinity, which JSON has not.
    """
    return json.dumps(encode(body), allow_nan=False).encode()


def json_text(value: Any, *, indent: int | None = None) -> str:
    """Return a JSON value as text, in ASCII; Python's own writes `Infinity`, which is no JSON.

    Args:
        value: A JSON value.
        indent: Spaces for each level; None for one line without any.
    """
    separators = (",", ":") if indent is None else None
    try:
        return json.dumps(value, allow_nan=False, indent=indent, separators=separators)
    except ValueError:
        import uuid  # noqa: PLC0415 - likewise

        mark = uuid.uuid4().hex  # nothing in the value can be it
        marks = {math.inf: mark, -math.inf: f"-{mark}"}
        marked = _without_odd(value, lambda number: marks.get(number, number))
        text = json.dumps(marked, allow_nan=False, indent=indent, separators=separators)
        return text.replace(f'"-{mark}"', f"-{_HUGE}").replace(f'"{mark}"', _HUGE)


def writable(value: Any) -> Any:
    """Return a JSON value with null for each number that JSON has not, as pydantic writes it."""
    return _without_odd(value, lambda _: None)


def _without_odd(value: Any, change: Callable[[float], Any]) -> Any:
    """Return a JSON value with its infinities and NaN changed."""
    if is_object(value):
        return {key: _without_odd(item, change) for key, item in value.items()}
    if is_array(value):
        return [_without_odd(item, change) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return change(value)
    return value


def path_segment(name: str, value: Any) -> str:
    """Return a path parameter, quoted; the items of a list by commas.

    Raises:
        ValueError: It is empty, `.` or `..`: the path would be another operation's.
    """
    items = value if is_array(value) else [value]
    segment = ",".join(quote(text(item), safe="") for item in items)
    if segment in {"", ".", ".."}:
        raise ValueError(f"{name} is {segment!r}, which cannot be part of a path")
    return segment


def text(value: Any) -> str:
    """Return a value as the text that it is in a path, a query, a header or a form."""
    plain = encode(value)
    return plain if isinstance(plain, str) else json.dumps(plain)
