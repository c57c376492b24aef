"""Limits on the values of metric attributes, since each value adds time series, which cost."""

import math
import threading
from collections.abc import Mapping
from typing import Final

#: Replaces values beyond the limit.
OTHER: Final = "_OTHER"
_MAX: Final = 128  # characters of a value


class Bounds:
    """Keeps the first values of each attribute. Safe to share between threads."""

    def __init__(self, max_values: int, max_names: float = math.inf) -> None:
        """Keep at most `max_values` values of each attribute, and `max_names` attributes."""
        self._max_values = max_values
        self._max_names = max_names
        self._seen: dict[str, set[str]] = {}
        self._lock = threading.Lock()

    def bounded(self, attributes: Mapping[str, str | None]) -> dict[str, str]:
        """Return the attributes that have a value, with `_OTHER` for values beyond the limit."""
        with self._lock:
            return {
                name: self._value(name, value[:_MAX])
                for name, value in attributes.items()
                if value is not None and self._is_known(name)
            }

    def _is_known(self, name: str) -> bool:
        if name not in self._seen and len(self._seen) < self._max_names:
            self._seen[name] = set()
        return name in self._seen

    def _value(self, name: str, value: str) -> str:
        seen = self._seen[name]
        if value not in seen and len(seen) < self._max_values:
            seen.add(value)
        return value if value in seen else OTHER
