"""Labels of the generations that are asked for in a block of code."""

from collections.abc import Generator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Final

from modelgates_client.ledger.labels import NONE, Labels, combined

_CURRENT: Final[ContextVar[Labels]] = ContextVar("modelgates_labels", default=NONE)


@contextmanager
def labels(**named: str | None) -> Generator[None]:
    """Label the generations that are asked for in a block of code.

    >>> with labels(feature="search"):  # doctest: +SKIP
    ...     client.chat.completions.create(...)

    In threads and tasks alike, each for itself; blocks within others add to their labels. A thread
    that is started in the block has them if it is given the context, as `asyncio.to_thread` does.

    Args:
        **named: Names and their texts: at most 16, of which 256 characters are kept; None takes
            the label of an outer block away.

    Raises:
        ConfigurationError: A name or a value is none, or there are too many.
    """
    token = _CURRENT.set(combined(_CURRENT.get(), named))
    try:
        yield
    finally:
        # A generator that is closed elsewhere than it was begun has nothing to restore there.
        with suppress(ValueError):
            _CURRENT.reset(token)


def current() -> Labels:
    """Return the labels of this moment."""
    return _CURRENT.get()
