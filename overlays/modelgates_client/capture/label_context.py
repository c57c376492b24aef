"""Labels for the generations that are requested in a block of code."""

from collections.abc import Generator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Final

from modelgates_client.ledger.labels import NONE, Labels, combined

_CURRENT: Final[ContextVar[Labels]] = ContextVar("modelgates_labels", default=NONE)


@contextmanager
def labels(**named: str | None) -> Generator[None]:
    """Label the generations that are requested in a block of code.

    >>> with labels(feature="search"):  # doctest: +SKIP
    ...     client.chat.completions.create(...)

    Each thread and each task has its own labels; nested blocks add to those of the outer block. A
    thread that is started in the block has them if it runs in a copy of the context, as with
    `asyncio.to_thread`.

    Args:
        **named: Labels by name: at most 16, each truncated to 256 characters; None removes the
            label of an outer block.

    Raises:
        ConfigurationError: A name or a value is invalid, or there are too many labels.
    """
    token = _CURRENT.set(combined(_CURRENT.get(), named))
    try:
        yield
    finally:
        # A generator that is closed in another context than it started in has nothing to restore.
        with suppress(ValueError):
            _CURRENT.reset(token)


def current() -> Labels:
    """Return the current labels."""
    return _CURRENT.get()
