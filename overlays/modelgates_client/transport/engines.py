"""Which engine awaits: httptools' where it can do the job, else httpcore's."""

import select
from typing import Final

from modelgates_client.transport.options import NetworkOptions
from modelgates_client.transport.pooling import AsyncEngine

#: Of httptools: those before take a space before a header's colon for a part of its name, and
#: bytes behind a 304 for its body, by which one may slip another's answer in.
_FIRST_STRICT: Final = (0, 6, 4)


def awaiting_engine(options: NetworkOptions, connections: int | None = None) -> AsyncEngine:
    """Return the engine that suits best; both promise the same.

    That over httptools (extra `fast`) is several times as fast. It knows no proxies.

    Args:
        options: Where to connect to, and how.
        connections: The most connections at one time, see `AsyncEngine`.
    """
    if options.proxy is None and _has_httptools():
        from modelgates_client.transport.fast import FastEngine  # noqa: PLC0415 - an extra

        return FastEngine(options, connections)
    from modelgates_client.transport.awaiting import AwaitingEngine  # noqa: PLC0415 - it costs

    return AwaitingEngine(options, connections)


def _has_httptools() -> bool:
    """Whether there is a version that can be used, and `poll`, which it is used with."""
    if not hasattr(select, "poll"):  # Windows
        return False
    try:
        from httptools import __version__  # noqa: PLC0415 - an extra
    except ImportError:  # there is none, or one that was built for something else
        return False
    numbers = [int(part) for part in __version__.split(".")[:3] if part.isdecimal()]
    return tuple(numbers) >= _FIRST_STRICT
