"""Where ids go: into the file beside a ledger, or to a function; without ever raising."""

import inspect
import os
from collections.abc import Callable, Mapping
from typing import Final, TypeGuard

from modelgates_client.capture.label_context import current
from modelgates_client.errors import ConfigurationError
from modelgates_client.ledger import Ledger
from modelgates_client.ledger.capture_file import CaptureFile
from modelgates_client.ledger.labels import NONE, Labels, combined
from modelgates_client.records.drift_observer import LOGGER

#: A ledger, by its path or opened; or what takes an id.
Sink = str | os.PathLike[str] | Ledger | Callable[[str], object]


class IdRecorder:
    """Notes ids, each with the labels that are those of the moment in which its answer came.

    Attributes:
        goal: Where they go; two of the same goal need not be asked both.
    """

    def __init__(self, to: Sink, labels: Mapping[str, str] | None) -> None:
        """Open the file, if it is one.

        Raises:
            ConfigurationError: It is nothing that takes ids, or the labels are none.
            LedgerError: The file cannot be opened.
        """
        self._labels: Final = combined(NONE, labels or {})
        self._failures: Final = set[tuple[type[Exception], int | None]]()
        self._take: Callable[[str, Labels], object]
        self.goal: object
        if isinstance(to, Ledger):
            to = to.path
        if _is_path(to):
            file = CaptureFile(to)
            self.goal, self._take = file.path, file.append
        elif callable(to) and not inspect.iscoroutinefunction(to):
            take = to
            self.goal, self._take = to, lambda generation_id, _: take(generation_id)
        else:
            raise ConfigurationError(
                "to= is the path of a ledger, a Ledger, or a function (no coroutine) that takes an "
                f"id; this is {type(to).__name__}"
            )

    def recorder(self) -> Callable[[str], None]:
        """Return what notes the id of an answer that has just come."""
        now = current()
        labels = {**self._labels, **now} if now else self._labels

        def note(generation_id: str) -> None:
            try:
                self._take(generation_id, labels)
            except Exception as error:  # noqa: BLE001 - the application must not feel it
                self._failed(generation_id, error)

        return note

    def _failed(self, generation_id: str, error: Exception) -> None:
        """Log the first failure of a kind as a warning; others would fill the log."""
        kind = (type(error), getattr(error, "errno", None))
        tell = LOGGER.debug if kind in self._failures else LOGGER.warning
        self._failures.add(kind)
        tell("%s was not captured: %s: %s", generation_id, type(error).__name__, error)


def _is_path(value: object) -> TypeGuard[str | os.PathLike[str]]:
    return isinstance(value, str | os.PathLike)
