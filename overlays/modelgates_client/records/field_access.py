"""Reading fields for computed values: what cannot be read is unknown, and is never guessed.

Fields are read by name, and are returned only as the type that the computation needs: a later spec
may drop a field or change its type, and the values computed from it are unknown then.
"""

from typing import Any, TypeVar

from modelgates_runtime.errors import FieldError
from modelgates_runtime.values import is_array

T = TypeVar("T")


def field_or_none(record: object, name: str, kind: type[T]) -> T | None:
    """Return the value of a field.

    Args:
        record: A model.
        name: The name of the attribute.
        kind: The class that the value must be an instance of; booleans do not count as numbers.

    Returns:
        The value; None if it is of another class, was not sent, is null or unreadable, or if the
        spec has no such field.
    """
    value = _read(record, name)
    matches = isinstance(value, kind) and (kind is bool or value.__class__ is not bool)
    return value if matches else None


def items_or_none(record: object, name: str) -> list[Any] | None:
    """Return the array in a field, or None, like `field_or_none`."""
    value = _read(record, name)
    return value if is_array(value) else None


def number_or_none(record: object, name: str) -> int | float | None:
    """Return the number in a field, or None, like `field_or_none`."""
    value = _read(record, name)
    is_number = isinstance(value, (int, float)) and value.__class__ is not bool
    return value if is_number else None


def _read(record: object, name: str) -> Any:
    try:
        return getattr(record, name)
    except (FieldError, AttributeError):  # the record's drift lists what is unreadable
        return None
