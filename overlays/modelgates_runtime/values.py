"""Handling parsed values: telling arrays from objects, reading them as stored, showing texts."""

from collections.abc import Iterator
from typing import Any, TypeGuard


def is_array(value: object) -> TypeGuard[list[Any]]:
    """Whether a parsed value is a JSON array."""
    return isinstance(value, list)


def is_object(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether a parsed value is a JSON object."""
    return isinstance(value, dict)


def printable(text: str) -> str:
    """Return a text that comes from the server as one line that cannot steer a terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def stored(items: list[Any]) -> Iterator[Any]:
    """Iterate over what a list holds, where a `CheckedList` would raise at unreadable items."""
    return list[Any].__iter__(items)
