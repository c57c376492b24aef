"""The base class of models, enum values and unreadable items."""

from collections.abc import Iterator
from typing import Any

from modelgates_runtime.drift import Drift
from modelgates_runtime.values import is_array, stored


class Decoded:
    """Base class of decoded values that can list their drift and return their JSON value."""

    __slots__ = ()

    def __drift__(self, pointer: str) -> Iterator[Drift]:
        """Yield every deviation in this object, whose position is `pointer`."""
        raise NotImplementedError(type(self).__name__)

    def __json__(self) -> Any:
        """Return the JSON value that this was decoded from."""
        raise NotImplementedError(type(self).__name__)


def find_drift(value: object, pointer: str) -> Iterator[Drift]:
    """Yield every deviation in a decoded value, whose position is `pointer`."""
    if isinstance(value, Decoded):
        yield from value.__drift__(pointer)
    elif is_array(value):
        for index, item in enumerate(stored(value)):
            yield from find_drift(item, f"{pointer}/{index}")
