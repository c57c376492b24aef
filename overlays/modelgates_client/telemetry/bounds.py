"""How many values an attribute of metrics may have: each makes time series that are paid for."""

import math
import threading
from collections.abc import Mapping
from typing import Final

#: What takes the place of a value that is one too many.
OTHER: Final = "_OTHER"
_MAX: Final = 128  # characters of a value


class Bounds:
    """Keeps the first values of each attribute; may be shared between threads."""

    def __init__(self, most_values: int, most_names: float = math.inf) -> None:
        """Keep so many values of an attribute, and so many attributes."""
        self._most_values = most_values
        self._most_names = most_names
        self._seen: dict[str, set[str]] = {}
        self._lock = threading.Lock()

    def bounded(self, attributes: Mapping[str, str | None]) -> dict[str, str]:
        """Return the attributes that have a value, with `_OTHER` for each value too many."""
        with self._lock:
            return {
                name: self._value(name, value[:_MAX])
                for name, value in attributes.items()
                if value is not None and self._is_known(name)
            }

    def _is_known(self, name: str) -> bool:
        if name not in self._seen and len(self._seen) < self._most_names:
            self._seen[name] = set()
        return name in self._seen

    def _value(self, name: str, value: str) -> str:
        seen = self._seen[name]
        if value not in seen and len(seen) < self._most_values:
            seen.add(value)
        return value if value in seen else OTHER
