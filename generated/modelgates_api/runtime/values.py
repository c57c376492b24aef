# Generated from openapi.yaml by `nox -s regenerate`; do not edit.
"""Telling JSON arrays and objects apart, and reading arrays as they are stored."""

from collections.abc import Iterator
from typing import Any, TypeGuard


def is_array(value: object) -> TypeGuard[list[Any]]:
    """Whether a parsed value is a JSON array."""
    return isinstance(value, list)


def is_object(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether a parsed value is a JSON object."""
    return isinstance(value, dict)


def stored(items: list[Any]) -> Iterator[Any]:
    """Iterate over what a list holds, where a `CheckedList` would raise at unreadable items."""
    return list[Any].__iter__(items)
