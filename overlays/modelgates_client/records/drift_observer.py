"""Drift that is seen: told to a callback each time, logged once per kind."""

import logging
import re
import warnings
from collections.abc import Callable
from typing import Final

from modelgates_runtime.drift import Drift

LOGGER: Final = logging.getLogger("modelgates_client")
LOGGER.addHandler(logging.NullHandler())  # a library's are shown to those who ask for them
OUTAGES: Final = LOGGER.getChild("outages")  # of its own, so that the command shows them always
_LEVELS: Final = ("debug", "info", "warning", "error")
_MAX_KINDS: Final = 1_000  # a hostile server must not fill memory, or the log
_INDEX: Final = r"/\d+(?=/|$)"

DriftCallback = Callable[[Drift], object]


def enable_logging(level: str) -> None:
    """Show what is logged from a level on, on stderr, unless the program has set logging up.

    Args:
        level: As the variable `MODELGATES_LOG` names it: debug, info, warning or error.
    """
    if level.lower() not in _LEVELS:
        message = f"MODELGATES_LOG is {level!r}; expected one of {', '.join(_LEVELS)}, or nothing"
        warnings.warn(message, stacklevel=5)  # the caller that creates the client
    elif LOGGER.level == logging.NOTSET:
        logging.basicConfig(format="[%(asctime)s - %(name)s - %(levelname)s] %(message)s")
        LOGGER.setLevel(level.upper())


class DriftObserver:
    """What becomes of the drift in the responses of one client."""

    def __init__(
        self, callback: DriftCallback | None, parent: "DriftObserver | None" = None
    ) -> None:
        """Call `callback` with every deviation, besides logging what `parent` did not log."""
        self._callback = callback
        self._seen: set[tuple[str, str]] = set() if parent is None else parent._seen  # noqa: SLF001

    @property
    def is_listening(self) -> bool:
        """Whether anybody would be told."""
        return self._callback is not None or LOGGER.isEnabledFor(logging.INFO)

    def observe(self, drift: tuple[Drift, ...]) -> None:
        """Log what is new (at the level INFO), and tell the callback everything.

        What the callback raises ends the call.
        """
        for entry in drift:
            kind = (entry.kind, re.sub(_INDEX, "/*", entry.pointer))
            if kind not in self._seen and len(self._seen) < _MAX_KINDS:
                self._seen.add(kind)
                LOGGER.info("the server deviates from the spec: %s", str(entry))
            if self._callback is not None:
                self._callback(entry)
