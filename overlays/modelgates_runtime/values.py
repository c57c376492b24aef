"""Helpers for parsed values: type checks, raw iteration, and printable text."""

from collections.abc import Iterator
from typing import Any, TypeGuard


def is_array(value: object) -> TypeGuard[list[Any]]:
    """Whether a parsed value is a JSON array."""
    return isinstance(value, list)


def is_object(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether a parsed value is a JSON object."""
    return isinstance(value, dict)


def printable(text: str) -> str:
    """Return a server's text as one line without control characters, safe for a terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def stored(items: list[Any]) -> Iterator[Any]:
    """Iterate over the raw items of a list, without a `CheckedList`'s errors."""
    return list[Any].__iter__(items)
