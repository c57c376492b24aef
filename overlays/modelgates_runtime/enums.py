"""Open enums: the values that the spec lists, and any that it may list later.

Servers send new values before a client is regenerated. So an unknown value is not an error: it is
kept as a string (or an integer) of the enum's type, equal to the plain value and with `is_known`
false. For the same reason these are not `enum.Enum` classes: a type checker would assume that the
members are exhaustive.
"""

from collections.abc import Iterator
from typing import Any, ClassVar, Self, TypeVar

from modelgates_runtime.decoded import Decoded
from modelgates_runtime.drift import Drift, unknown_value

EnumT = TypeVar("EnumT")


class Member:
    """Declares a known value in the body of an open enum, which replaces it with the member."""

    def __init__(self, value: str | int) -> None:
        self.value = value

    def __get__(self, instance: object, owner: type[EnumT]) -> EnumT:
        """Declare for type checkers that a member is an instance of its enum."""
        raise TypeError(f"{owner.__name__} is not an open enum")


class _Members(dict[Any, Any]):
    """The members of an enum by value; for an unknown value, a new, unknown instance.

    Raises:
        TypeError: The value is not of the enum's type.
    """

    def __init__(self, enum: "type[_OpenEnum]", kind: type) -> None:
        super().__init__()
        self.enum = enum
        self.kind = kind

    def __missing__(self, value: Any) -> Any:
        if not isinstance(value, self.kind):
            raise TypeError(f"{value!r} is not of type {self.kind.__name__}")
        return self.enum.__unknown__(value)


class _OpenEnum(Decoded):
    """Base class of open enums of strings and of integers, with the table of known values."""

    __slots__ = ()
    __members__: ClassVar[dict[Any, Any]] = {}
    _names: ClassVar[dict[Any, str]] = {}

    def __init_subclass__(cls) -> None:
        items = list(vars(cls).items())
        declared = {name: item.value for name, item in items if isinstance(item, Member)}
        cls.__members__ = _Members(cls, str if issubclass(cls, str) else int)
        cls._names = {value: name for name, value in declared.items()}
        for name, value in declared.items():
            member = cls.__unknown__(value)
            cls.__members__[value] = member
            setattr(cls, name, member)

    @classmethod
    def __unknown__(cls, value: Any) -> Self:
        """Return an instance for a value that the spec does not list."""
        raise NotImplementedError(cls.__name__)

    @classmethod
    def known(cls) -> tuple[Self, ...]:
        """Return the members, which are the values in the spec, in its order."""
        return tuple(cls.__members__.values())

    @property
    def is_known(self) -> bool:
        """Whether the spec lists this value."""
        return self in self.__members__

    @property
    def value(self) -> Any:
        """The plain JSON value."""
        raise NotImplementedError(type(self).__name__)

    @property
    def name(self) -> str | None:
        """The member's name, or None for a value that the spec does not list."""
        return self._names.get(self)

    def __json__(self) -> Any:
        """Return the plain value."""
        return self.value

    def __repr__(self) -> str:
        name = type(self).__name__
        return f"{name}.{self.name}" if self.is_known else f"<{name} unknown: {self.value!r}>"

    def __drift__(self, pointer: str) -> Iterator[Drift]:
        """Yield a deviation if the value is unknown."""
        if not self.is_known:
            yield unknown_value(pointer, f"one of {len(self.__members__)} known values", self.value)


class OpenStrEnum(_OpenEnum, str):
    """Base class of the generated enums of strings."""

    __slots__ = ()

    def __new__(cls, value: str) -> Self:
        """Return the member with this value, or a new, unknown instance."""
        member: Self = cls.__members__[value]
        return member

    @classmethod
    def __unknown__(cls, value: Any) -> Self:
        """Return an instance for a value that the spec does not list."""
        return str.__new__(cls, value)

    @property
    def value(self) -> str:
        """The plain string."""
        return str.__str__(self)


class OpenIntEnum(_OpenEnum, int):
    """Base class of the generated enums of integers."""

    __slots__ = ()

    def __new__(cls, value: int) -> Self:
        """Return the member with this value, or a new, unknown instance."""
        member: Self = cls.__members__[value]
        return member

    @classmethod
    def __unknown__(cls, value: Any) -> Self:
        """Return an instance for a value that the spec does not list."""
        return int.__new__(cls, value)

    @property
    def value(self) -> int:
        """The plain integer."""
        return int(self)

    __str__ = int.__repr__
