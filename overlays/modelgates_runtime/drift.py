"""One deviation of a response from the spec, and its position (RFC 6901)."""

import math
from typing import Any, Final, Literal

from attrs import field, frozen

from modelgates_runtime.values import printable

DriftKind = Literal["missing", "null", "type", "undeclared", "unknown_value"]

#: Marks a key that is not in the body; it is not equal to any JSON value.
MISSING: Final[Any] = object()

_EXACT: Final = 2**53  # up to this, a double represents every integer exactly
_TEXT_LIMIT: Final = 60  # maximum characters of an unknown enum value that are shown


@frozen(order=True)
class Drift:
    """One deviation of a response from the spec.

    Attributes:
        pointer: JSON pointer (RFC 6901), relative to the object whose `drift` lists it.
        kind: `missing` (required, not sent), `null` (null where it is not allowed), `type` (another
            JSON type, or an invalid format), `undeclared` (a field that is not in the spec) or
            `unknown_value` (an enum value that is not in the spec).
        expected: A description of what the spec requires.
        found: What was received: its JSON type, or the value itself for enums only, so that drift
            logs contain no private data.
        value: The received value, parsed from JSON; None if nothing was received. Not part of the
            `repr`.
    """

    pointer: str
    kind: DriftKind
    expected: str
    found: str
    value: Any = field(default=None, repr=False, eq=False)

    def __str__(self) -> str:
        return printable(f"{self.pointer or '/'}: expected {self.expected}, found {self.found}")


def join_pointer(pointer: str, key: str | int) -> str:
    """Return the pointer to `key` within the object or array at `pointer` (RFC 6901, section 3)."""
    if isinstance(key, int):
        return f"{pointer}/{key}"
    return f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"


def json_type(value: object) -> str:
    """Name the JSON type of a parsed value: `string`, `object`, …, or `nothing` when missing.

    As in JSON Schema, 64.0 is an integer. Numbers that a double cannot represent are named as such,
    which explains why they cannot be read as a `float`.
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
    """Describe a value that is missing, null or of another type than the spec requires."""
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
