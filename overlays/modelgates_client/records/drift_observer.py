"""Reporting drift: each deviation to a callback, and each kind once to the log."""

import re
from collections.abc import Callable
from typing import Final

from modelgates_client.records.log import is_info_logged, logger
from modelgates_runtime.drift import Drift

_MAX_KINDS: Final = 1_000  # so that a hostile server cannot fill memory or the log
_INDEX: Final = r"/\d+(?=/|$)"

DriftCallback = Callable[[Drift], object]


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
        return self._callback is not None or is_info_logged()

    def observe(self, drift: tuple[Drift, ...]) -> None:
        """Log each new kind of deviation (level INFO), and pass every deviation to the callback.

        An exception from the callback ends the call.
        """
        for entry in drift:
            kind = (entry.kind, re.sub(_INDEX, "/*", entry.pointer))
            if kind not in self._seen and len(self._seen) < _MAX_KINDS:
                self._seen.add(kind)
                logger().info("the server deviates from the spec: %s", str(entry))
            if self._callback is not None:
                self._callback(entry)
