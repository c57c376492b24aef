"""Reading a field for computing with it: what cannot be read is not known, and is not guessed."""

from collections.abc import Callable
from typing import TypeVar

from modelgates_runtime.errors import FieldError

T = TypeVar("T")


def known(read: Callable[[], T | None]) -> T | None:
    """Return what a field holds; None if it was not sent, is null or is unreadable."""
    try:
        return read()
    except FieldError:  # the record's drift lists it
        return None
