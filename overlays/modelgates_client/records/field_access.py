"""Reading a field for computing with it: what cannot be read is not known, and is not guessed.

Fields are named by text, and come of the kind that the computation needs or not at all: a spec may
drop a field or give it another type, and what is computed of it is unknown then.
"""

from typing import Any, TypeVar

from modelgates_runtime.errors import FieldError
from modelgates_runtime.values import is_array

T = TypeVar("T")


def field_or_none(record: object, name: str, kind: type[T]) -> T | None:
    """Return what a field holds.

    Args:
        record: A model.
        name: The name of the attribute.
        kind: The class that the value has to be of; true and false are no numbers.

    Returns:
        The value; None if it is of another class, was not sent, is null or unreadable, or if the
        spec has no such field.
    """
    value = _held(record, name)
    fits = isinstance(value, kind) and (kind is bool or value.__class__ is not bool)
    return value if fits else None


def items_or_none(record: object, name: str) -> list[Any] | None:
    """Return the array that a field holds, as `field_or_none` does."""
    value = _held(record, name)
    return value if is_array(value) else None


def number_or_none(record: object, name: str) -> int | float | None:
    """Return the number that a field holds, as `field_or_none` does."""
    number = field_or_none(record, name, float)
    return field_or_none(record, name, int) if number is None else number


def _held(record: object, name: str) -> Any:
    try:
        return getattr(record, name)
    except (FieldError, AttributeError):  # the record's drift lists what is unreadable
        return None
