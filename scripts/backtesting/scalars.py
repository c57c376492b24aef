"""The strings and numbers at the edges of what a schema allows."""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

#: Records for a place why the values do not cover all that the spec allows.
Note = Callable[[str, str], None]

_EXACT = 2**53 - 1  # beyond it JSON promises nothing (RFC 7493, section 2.2)
_LONG = 4096  # characters
_INTEGERS = (1, 0, -1, 64.0, 2**31, _EXACT, -_EXACT, -0.0)
_NUMBERS = (*_INTEGERS, 0.5, 1e-9, -1e-9, 5e-324, 1.7e308, 0.1 + 0.2)
_RANGES = {"int32": 2**31 - 1, "int64": _EXACT, "float": 3.4e38}
_TEXTS = (
    *("text", "", "null", "\N{LATIN SMALL LETTER U WITH DIAERESIS} \N{CJK UNIFIED IDEOGRAPH-6F22}"),
    *("\N{GRINNING FACE}", '"\\/\b\f\n\r\t\x00\x1f\x7f', "x" * _LONG, "\N{BYTE ORDER MARK} "),
)
_UUID = "12345678-9abc-4def-8123-456789abcdef"
_FORMATS = {
    "date-time": (
        *("2024-02-29T12:00:00Z", "1970-01-01T00:00:00.5+01:00", "2024-12-31t23:59:59.123456z"),
        *("0001-01-01T00:00:00-23:59", "9999-12-31T23:59:59Z"),
    ),
    "date": ("2024-02-29", "0001-01-01", "9999-12-31"),
    "time": ("12:00:00Z", "23:59:59.999+01:00"),
    "duration": ("P1DT2H", "PT0S"),
    "uuid": (_UUID, _UUID.upper(), "00000000-0000-0000-0000-000000000000"),
    "uri": ("https://example.com/a?b=c#d", "urn:isbn:0451450523"),
    "uri-reference": ("../a", ""),
    "email": ("a@example.com", '"a b"@example.com'),
    "hostname": ("example.com", "localhost"),
    "ipv4": ("127.0.0.1", "255.255.255.255"),
    "ipv6": ("::1", "2001:db8::8a2e:370:7334"),
    "byte": ("", "AA==", "+/+/"),
    "password": _TEXTS,
}
_ANY: tuple[Any, ...] = (
    *("text", None, True, False, 0, 1.5, [], {}),
    *([1, [None], "x"], {"a": {"b~/": [1, {}]}, "": None}),
)


def scalars(keywords: dict[str, Any], at: str, note: Note) -> list[Any]:
    """Return values of a schema whose type is no object and no array; the first is ordinary."""
    kind = keywords.get("type")
    if kind == "null":
        return [None]
    if kind == "boolean":
        return [True, False]
    if kind == "string":
        return _strings(keywords, at, note)
    if kind in {"integer", "number"}:
        return _numbers(kind, keywords, at, note)
    if kind is None:
        return list(_ANY)
    note(at, f"{kind!r} is no JSON type")
    return []


def _strings(keywords: dict[str, Any], at: str, note: Note) -> list[str]:
    form = str(keywords.get("format", ""))
    low, high = keywords.get("minLength", 0), keywords.get("maxLength", max(_LONG, 1))
    if form and form not in _FORMATS:
        note(at, f"the format {form!r} is not understood")
    texts = [text for text in _FORMATS.get(form, _TEXTS) if low <= len(text) <= high]
    if form not in _FORMATS and low <= high:
        texts += ["x" * length for length in {low, min(high, low + _LONG)} if length <= 10 * _LONG]
    if not texts:
        note(at, "no string of this length is at hand")
    return list(dict.fromkeys(texts))


def _numbers(kind: str, keywords: dict[str, Any], at: str, note: Note) -> list[Any]:
    numbers: list[Any] = list(_INTEGERS if kind == "integer" else _NUMBERS)
    limit = _RANGES.get(keywords.get("format", ""), math.inf)
    for key in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"):
        bound = keywords.get(key)
        if isinstance(bound, int | float) and not isinstance(bound, bool):
            numbers += [bound - 1, bound, bound + 1, -bound]
            if kind == "number":
                numbers += [math.nextafter(bound, -math.inf), math.nextafter(bound, math.inf)]
    step = keywords.get("multipleOf")
    allowed: list[Any] = []
    for value in numbers:
        if isinstance(value, int) and abs(value) > _EXACT:
            continue
        whole = kind == "number" or float(value).is_integer()
        fits = not step or Fraction(str(value)) % Fraction(str(step)) == 0
        if whole and fits and abs(value) <= limit and in_range(keywords, value):
            allowed.append(value)
    if not allowed:
        note(at, "no number within its bounds is at hand")
    return list({repr(value): value for value in allowed}.values())


def in_range(keywords: dict[str, Any], value: float) -> bool:
    """Whether the bounds of a schema allow a number."""
    low, high = keywords.get("minimum", -math.inf), keywords.get("maximum", math.inf)
    above, below = (
        keywords.get("exclusiveMinimum", -math.inf),
        keywords.get("exclusiveMaximum", math.inf),
    )
    return bool(low <= value <= high and above < value < below)
