"""One deviation of a response from the spec, and where it stands (RFC 6901)."""

import math
from typing import Any, Final, Literal

from attrs import field, frozen

from modelgates_runtime.values import printable

DriftKind = Literal["missing", "null", "type", "undeclared", "unknown_value"]

#: Stands for "the key is not in the body"; no JSON value can be mistaken for it.
MISSING: Final[Any] = object()

_EXACT: Final = 2**53  # up to here, a double holds every integer
_TEXT_LIMIT: Final = 60  # characters of an unknown enum value that are worth showing


@frozen(order=True)
class Drift:
    """One thing in a response that is not as the spec says.

    Attributes:
        pointer: JSON pointer (RFC 6901), relative to the object whose `drift` lists it.
        kind: `missing` (required, not sent), `null` (sent where null may not be), `type` (another
            JSON type or an unreadable format), `undeclared` (a field that the spec does not know)
            or `unknown_value` (an enum value that the spec does not know).
        expected: What the spec asks for, in words.
        found: What came, in words: its JSON type; the value itself only for enum values, so that
            a log of drift shows nothing private.
        value: What came, as parsed from JSON; None when nothing came. Not part of the `repr`.
    """

    pointer: str
    kind: DriftKind
    expected: str
    found: str
    value: Any = field(default=None, repr=False, eq=False)

    def __str__(self) -> str:
        return printable(f"{self.pointer or '/'}: expected {self.expected}, found {self.found}")


def join_pointer(pointer: str, key: str | int) -> str:
    """Return the pointer of `key` inside what `pointer` points to (RFC 6901, section 3)."""
    if isinstance(key, int):
        return f"{pointer}/{key}"
    return f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"


def json_type(value: object) -> str:
    """Name the JSON type of a parsed value: `string`, `object`, …, or `nothing` when missing.

    As in JSON Schema, 64.0 is an integer. A number that a double may not hold says so: that is
    why it is unreadable as a `float`.
    """
    if value is MISSING:
        return "nothing"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    if isinstance(value, float) and not value.is_integer():
        return "number" if math.isfinite(value) else "number too large for a double"
    if isinstance(value, int | float):
        return "integer" if abs(value) <= _EXACT else "integer beyond 2**53"
    if isinstance(value, dict):
        return "object"
    if isinstance(value, list):
        return "array"
    return type(value).__name__


def mismatch(pointer: str, expected: str, value: object) -> Drift:
    """Describe a value that is missing, null or of another type than the spec asks for."""
    kind: DriftKind = "type"
    if value is MISSING:
        kind = "missing"
    elif value is None:
        kind = "null"
    return Drift(pointer, kind, expected, json_type(value), None if value is MISSING else value)


def unknown_value(pointer: str, expected: str, value: str | int) -> Drift:
    """Describe an enum value that the spec does not list."""
    text = repr(value)
    shown = text if len(text) <= _TEXT_LIMIT else f"{text[:_TEXT_LIMIT]}…"
    return Drift(pointer, "unknown_value", expected, shown, value)


def undeclared(pointer: str, value: object) -> Drift:
    """Describe a field that the spec does not declare."""
    return Drift(pointer, "undeclared", "no such field", json_type(value), value)
