"""Reporting drift: each deviation to a callback, and each kind once to the log."""

import logging
import re
import warnings
from collections.abc import Callable
from typing import Final

from modelgates_runtime.drift import Drift

LOGGER: Final = logging.getLogger("modelgates_client")
LOGGER.addHandler(logging.NullHandler())  # a library's log is shown only if configured
OUTAGES: Final = LOGGER.getChild("outages")  # separate, so that the command always shows it
_LEVELS: Final = ("debug", "info", "warning", "error")
_MAX_KINDS: Final = 1_000  # so that a hostile server cannot fill memory or the log
_INDEX: Final = r"/\d+(?=/|$)"

DriftCallback = Callable[[Drift], object]


def enable_logging(level: str) -> None:
    """Log to stderr from a level upward, unless the program has configured logging.

    Args:
        level: The value of the variable `MODELGATES_LOG`: debug, info, warning or error.
    """
    if level.lower() not in _LEVELS:
        message = f"MODELGATES_LOG is {level!r}; expected one of {', '.join(_LEVELS)}, or nothing"
        warnings.warn(message, stacklevel=5)  # the caller that creates the client
    elif LOGGER.level == logging.NOTSET:
        logging.basicConfig(format="[%(asctime)s - %(name)s - %(levelname)s] %(message)s")
        LOGGER.setLevel(level.upper())


class DriftObserver:
    """Reports the drift in the responses of one client."""

    def __init__(
        self, callback: DriftCallback | None, parent: "DriftObserver | None" = None
    ) -> None:
        """Call `callback` with every deviation, and log each kind that `parent` has not logged."""
        self._callback = callback
        self._seen: set[tuple[str, str]] = set() if parent is None else parent._seen  # noqa: SLF001

    @property
    def is_listening(self) -> bool:
        """Whether drift would be reported anywhere."""
        return self._callback is not None or LOGGER.isEnabledFor(logging.INFO)

    def observe(self, drift: tuple[Drift, ...]) -> None:
        """Log each new kind of deviation (level INFO), and pass every deviation to the callback.

        An exception from the callback ends the call.
        """
        for entry in drift:
            kind = (entry.kind, re.sub(_INDEX, "/*", entry.pointer))
            if kind not in self._seen and len(self._seen) < _MAX_KINDS:
                self._seen.add(kind)
                LOGGER.info("the server deviates from the spec: %s", str(entry))
            if self._callback is not None:
                self._callback(entry)
