"""Recording ids: in the file next to a ledger, or by a function; without ever raising."""

import inspect
import os
from collections.abc import Callable, Mapping
from typing import Final, TypeGuard

from modelgates_client.capture.label_context import current
from modelgates_client.errors import ConfigurationError
from modelgates_client.ledger import Ledger
from modelgates_client.ledger.capture_file import CaptureFile
from modelgates_client.ledger.labels import NONE, Labels, combined
from modelgates_client.records.log import logger

#: A ledger, given by its path or as an object; or a function that takes an id.
Sink = str | os.PathLike[str] | Ledger | Callable[[str], object]


class IdRecorder:
    """Records ids, each with the labels that were current when its response arrived.

    Attributes:
        target: Where ids are recorded; a second recorder with the same target is redundant.
    """

    def __init__(self, to: Sink, labels: Mapping[str, str] | None) -> None:
        """Open the file, if ids go to a ledger.

        Raises:
            ConfigurationError: `to` or the labels cannot be used.
            LedgerError: The file cannot be opened.
        """
        self._labels: Final = combined(NONE, labels or {})
        self._failures: Final = set[tuple[type[Exception], int | None]]()
        self._write: Callable[[str, Labels], object]
        self.target: object
        if isinstance(to, Ledger):
            to = to.path
        if _is_path(to):
            file = CaptureFile(to)
            self.target, self._write = file.path, file.append
        elif callable(to) and not inspect.iscoroutinefunction(to):
            function = to
            self.target, self._write = to, lambda generation_id, _: function(generation_id)
        else:
            raise ConfigurationError(
                "to: expected the path of a ledger, a Ledger, or a function (not a coroutine "
                f"function) that takes an id, not {type(to).__name__}"
            )

    def current_labels(self) -> Labels:
        """Return the labels of a response that has just arrived."""
        now = current()
        return {**self._labels, **now} if now else self._labels

    def record(self, generation_id: str, labels: Labels) -> None:
        """Record an id; never raises."""
        try:
            self._write(generation_id, labels)
        except Exception as error:  # noqa: BLE001 - the application must not be affected
            self._log(generation_id, error)

    def _log(self, generation_id: str, error: Exception) -> None:
        """Log the first failure of a kind as a warning, and the rest at debug level."""
        kind = (type(error), getattr(error, "errno", None))
        log = logger().debug if kind in self._failures else logger().warning
        self._failures.add(kind)
        log("%s was not captured: %s: %s", generation_id, type(error).__name__, error)


def _is_path(value: object) -> TypeGuard[str | os.PathLike[str]]:
    return isinstance(value, str | os.PathLike)
