"""Containers in which an unreadable item does not affect the others.

Reading the unreadable item raises; all others are read as usual. Operations that would pass that
item on without reading it (a copy, a concatenation) raise, too.
"""

from collections.abc import Container, Iterator, MutableMapping
from typing import Any, SupportsIndex, TypeVar

from modelgates_runtime.decoded import Decoded
from modelgates_runtime.drift import Drift, json_type, mismatch
from modelgates_runtime.encoding import encode
from modelgates_runtime.errors import FieldError
from modelgates_runtime.parsing import check_depth
from modelgates_runtime.values import stored

T = TypeVar("T")


class MismatchedValue(Decoded):
    """A value that is not of the declared type, as received, with its position.

    Raises:
        ValueError: The value is nested too deeply to be stored.
    """

    def __init__(self, value: Any, pointer: str, expected: str) -> None:
        """Store a value."""
        self.value = check_depth(value)
        self.pointer = pointer
        self.expected = expected

    def __repr__(self) -> str:
        return f"MismatchedValue({self.value!r}, {self.pointer!r}, {self.expected!r})"

    def error(self) -> FieldError:
        """Return the error that reading this value raises."""
        return FieldError("An item", self.pointer, self.expected, json_type(self.value))

    def __drift__(self, pointer: str) -> Iterator[Drift]:
        """Yield this value as a deviation."""
        yield mismatch(pointer, self.expected, self.value)

    def __json__(self) -> Any:
        """Return a deep copy of the value as received."""
        return encode(self.value)


def _checked(item: T) -> T:
    if isinstance(item, MismatchedValue):
        raise item.error()
    return item


class CheckedList(list[T]):
    """Replaces a plain list when at least one item is not a `T`.

    Iterating raises `FieldError` at that item; indexing returns the others, and `readable()` omits
    it.
    """

    __slots__ = ()

    def readable(self) -> list[T]:
        """Return the items of the declared type; the others are omitted."""
        return [item for item in stored(self) if not isinstance(item, MismatchedValue)]

    def __getitem__(self, index: "SupportsIndex | slice[Any, Any, Any]") -> Any:
        """Return an item or a slice; raise if it is, or contains, an unreadable item."""
        if isinstance(index, slice):
            return [_checked(item) for item in super().__getitem__(index)]
        return _checked(super().__getitem__(index))

    def __iter__(self) -> Iterator[T]:
        """Iterate; raise at an unreadable item."""
        return map(_checked, super().__iter__())

    def __reversed__(self) -> Iterator[T]:
        """Iterate backwards; raise at an unreadable item."""
        return map(_checked, super().__reversed__())

    def pop(self, index: SupportsIndex = -1) -> T:
        """Remove and return an item; raise, and remove nothing, if it is unreadable."""
        _checked(super().__getitem__(index))
        return super().pop(index)

    def sort(self, *, key: Any = None, reverse: bool = False) -> None:
        """Sort in place; raise, and change nothing, if an item is unreadable."""
        self[:] = sorted(self, key=key, reverse=reverse)

    def copy(self) -> list[T]:
        """Raise, because a copy would contain the unreadable item."""
        return list(self)

    def __add__(self, other: Any) -> Any:
        return list(self) + other

    def __radd__(self, other: Any) -> Any:
        return other + list(self)

    def __mul__(self, count: SupportsIndex) -> list[T]:
        return list(self) * count

    __rmul__ = __mul__

    def __repr__(self) -> str:
        return repr([*stored(self)])

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (), None, stored(self)


class AdditionalProperties(MutableMapping[str, T]):
    """The fields of an object that its schema does not declare, as a mapping.

    Reading one that is not of the declared type raises `FieldError`.
    """

    __slots__ = ("named", "raw")

    def __init__(self, raw: dict[str, Any], named: Container[str]) -> None:
        """Wrap a dictionary; reads and writes go through to it.

        Args:
            raw: The decoded values; a `MismatchedValue` for each unreadable one.
            named: The fields that the schema declares; they have attributes.
        """
        self.raw = raw
        self.named = named

    def __getitem__(self, key: str) -> T:
        value: T = _checked(self.raw[key])
        return value

    def __setitem__(self, key: str, value: T) -> None:
        if key in self.named:
            raise ValueError(f"{key!r} is a field of the schema: set its attribute")
        self.raw[key] = value

    def __delitem__(self, key: str) -> None:
        del self.raw[key]

    def __contains__(self, key: object) -> bool:
        return key in self.raw  # the inherited method would read the value, which may be unreadable

    def __iter__(self) -> Iterator[str]:
        return iter(self.raw)

    def __len__(self) -> int:
        return len(self.raw)

    def clear(self) -> None:
        """Remove all values, including unreadable ones."""
        self.raw.clear()

    def __repr__(self) -> str:
        return repr(self.raw)
