"""One decoder per kind of schema: is this JSON value of the declared type?

A decoder takes a value as JSON parsing left it and returns the typed value, or `MISMATCH` when it
has none. Whatever the value is, it raises only one thing: `ValueError` for what it must keep as it
came, and which is nested too deeply for that. `expected` says in words what it takes.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

from modelgates_runtime import scalars
from modelgates_runtime.containers import CheckedList, MismatchedValue
from modelgates_runtime.decoder import Decoder
from modelgates_runtime.parsing import check_depth
from modelgates_runtime.scalars import MISMATCH
from modelgates_runtime.values import is_array, is_object

if TYPE_CHECKING:
    from modelgates_runtime.enums import OpenIntEnum, OpenStrEnum
    from modelgates_runtime.model import Model

ModelT = TypeVar("ModelT", bound="Model")


class Scalar(Decoder):
    """A decoder of values without parts."""

    def __init__(self, words: str, convert: Callable[[Any], Any], **schema: str) -> None:
        """Take what `convert` does not return `MISMATCH` for, of a JSON Schema."""
        self.words = words
        self.convert = convert
        self.schema = schema

    @property
    def expected(self) -> str:
        """The JSON type, with its format."""
        return self.words

    def __call__(self, value: Any, pointer: str) -> Any:
        """Return the typed value or `MISMATCH`."""
        return self.convert(value)

    def json_schema(self, within: frozenset[type[Any]]) -> dict[str, Any]:
        """Return the type, and the format."""
        return dict(self.schema)


STRING: Final = Scalar("string", scalars.string, type="string")
BOOLEAN: Final = Scalar("boolean", scalars.boolean, type="boolean")
INTEGER: Final = Scalar("integer", scalars.integer, type="integer")
NUMBER: Final = Scalar("number", scalars.number, type="number")
NULL: Final = Scalar("null", scalars.null, type="null")
ANYTHING: Final = Scalar("any value", check_depth)
DATETIME: Final = Scalar(
    "date-time string (RFC 3339)", scalars.date_time, type="string", format="date-time"
)
DATE: Final = Scalar("date string (RFC 3339)", scalars.date, type="string", format="date")
UUID: Final = Scalar("uuid string (RFC 4122)", scalars.uuid_, type="string", format="uuid")
FILE: Final = Scalar("binary", scalars.file, type="string", format="binary")


class Constant(Decoder):
    """Takes one value only (JSON Schema `const`)."""

    def __init__(self, value: Any) -> None:
        """Take this value."""
        self.value = value

    @property
    def expected(self) -> str:
        """The value."""
        return repr(self.value)

    def __call__(self, value: Any, pointer: str) -> Any:
        """Return the constant or `MISMATCH`; true is not 1, as in JSON."""
        same_type = isinstance(value, bool) is isinstance(self.value, bool)
        return self.value if same_type and value == self.value else MISMATCH

    def json_schema(self, within: frozenset[type[Any]]) -> dict[str, Any]:
        """Return the value."""
        return {"const": self.value}


class StrEnumeration(Decoder):
    """Takes any string, as a member of an open enum."""

    def __init__(self, enum: "type[OpenStrEnum]") -> None:
        """Take the strings of an enum, and any other."""
        self.enum = enum

    @property
    def expected(self) -> str:
        """The JSON type."""
        return "string"

    def __call__(self, value: Any, pointer: str) -> Any:
        """Return the enum's member, known or not, or `MISMATCH`."""
        return self.enum(value) if isinstance(value, str) else MISMATCH

    def knows(self, value: Any) -> bool:
        """Whether the enum lists it."""
        return self.accepts(value) and self.enum(value).is_known

    def json_schema(self, within: frozenset[type[Any]]) -> dict[str, Any]:
        """Return the type, and the values that are known."""
        return {"type": "string", "examples": [one.value for one in self.enum.known()]}


class IntEnumeration(Decoder):
    """Takes any integer, as a member of an open enum."""

    def __init__(self, enum: "type[OpenIntEnum]") -> None:
        """Take the integers of an enum, and any other."""
        self.enum = enum

    @property
    def expected(self) -> str:
        """The JSON type."""
        return "integer"

    def __call__(self, value: Any, pointer: str) -> Any:
        """Return the enum's member, known or not, or `MISMATCH`."""
        number = scalars.integer(value)
        return MISMATCH if number is MISMATCH else self.enum(number)

    def knows(self, value: Any) -> bool:
        """Whether the enum lists it."""
        number = scalars.integer(value)  # 64.0 is an integer, too
        return number is not MISMATCH and self.enum(number).is_known

    def json_schema(self, within: frozenset[type[Any]]) -> dict[str, Any]:
        """Return the type, and the values that are known."""
        return {"type": "integer", "examples": [one.value for one in self.enum.known()]}


class Object(Decoder):
    """Takes an object, as an instance of a generated model."""

    def __init__(self, model: "type[Model]") -> None:
        """Take objects for a model."""
        self.model = model

    @property
    def expected(self) -> str:
        """The JSON type and the model."""
        return f"object ({self.model.__name__})"

    def __call__(self, value: Any, pointer: str) -> Any:
        """Return the model, which lists its own drift, or `MISMATCH`."""
        return self.model.__decode__(value, pointer) if is_object(value) else MISMATCH

    def accepts(self, value: Any) -> bool:
        """Whether it is an object."""
        return is_object(value)

    def faults(self, value: Any) -> int:
        """Count required keys that are missing, undeclared ones, and values of another type."""
        schema = self.model.__schema__()
        count = 0
        for field in schema.fields.values():
            if field.key in value:
                count += not field.decoder.knows(value[field.key])
            else:
                count += field.required
        for key in value.keys() - schema.fields.keys():
            count += schema.extra is None or not schema.extra.knows(value[key])
        return count

    def json_schema(self, within: frozenset[type[Any]]) -> dict[str, Any]:
        """Return that of the model."""
        return self.model.__json_schema__(within)


class Array(Decoder):
    """Takes an array of items of one type."""

    def __init__(self, item: Decoder) -> None:
        """Take arrays of what another decoder takes."""
        self.item = item

    @property
    def expected(self) -> str:
        """The JSON type and that of the items."""
        return f"array of {self.item.expected}"

    def __call__(self, value: Any, pointer: str) -> Any:
        """Return a list; one that holds an unreadable item is a `CheckedList`."""
        if not is_array(value):
            return MISMATCH
        items = [self.item(item, f"{pointer}/{index}") for index, item in enumerate(value)]
        if all(item is not MISMATCH for item in items):
            return items
        return CheckedList(
            MismatchedValue(raw, f"{pointer}/{index}", self.item.expected)
            if item is MISMATCH
            else item
            for index, (item, raw) in enumerate(zip(items, value, strict=True))
        )

    def accepts(self, value: Any) -> bool:
        """Whether it is an array."""
        return is_array(value)

    def faults(self, value: Any) -> int:
        """Count the faults of the items; one of another type is one fault."""
        return sum(self.item.faults(v) if self.item.accepts(v) else 1 for v in value)

    def json_schema(self, within: frozenset[type[Any]]) -> dict[str, Any]:
        """Return the type, and that of the items."""
        return {"type": "array", "items": self.item.json_schema(within)}


class Nullable(Decoder):
    """Takes null, and what another decoder takes."""

    def __init__(self, item: Decoder) -> None:
        """Take what another decoder takes, too."""
        self.item = item

    @property
    def expected(self) -> str:
        """What the other takes, or null."""
        return f"{self.item.expected} or null"

    def __call__(self, value: Any, pointer: str) -> Any:
        """Return None, or what the other decoder does."""
        return None if value is None else self.item(value, pointer)

    def accepts(self, value: Any) -> bool:
        """Whether it is null or the other accepts it."""
        return value is None or self.item.accepts(value)

    def knows(self, value: Any) -> bool:
        """Whether it is null or the other knows it."""
        return value is None or self.item.knows(value)

    def faults(self, value: Any) -> int:
        """Count what the other counts."""
        return 0 if value is None else self.item.faults(value)

    def json_schema(self, within: frozenset[type[Any]]) -> dict[str, Any]:
        """Return that of the other, or null."""
        return {"anyOf": [self.item.json_schema(within), {"type": "null"}]}


def objects(model: "type[ModelT]", values: list[Any], pointer: str) -> "list[ModelT]":
    """Do what `Array(Object(model))` does with an array, faster where all items are objects."""
    decode = model.__decode__
    items: list[Any] = []
    odd = False
    for index, value in enumerate(values):
        if is_object(value):
            items.append(decode(value, f"{pointer}/{index}"))
        else:
            items.append(MismatchedValue(value, f"{pointer}/{index}", Object(model).expected))
            odd = True
    return CheckedList(items) if odd else items


class OneOf(Decoder):
    """Takes what any of several decoders takes (`oneOf`, `anyOf`, a list of types)."""

    def __init__(self, choices: list[Decoder]) -> None:
        """Take what these decoders take."""
        self.choices = choices

    @property
    def expected(self) -> str:
        """The choices."""
        return " or ".join(choice.expected for choice in self.choices)

    def __call__(self, value: Any, pointer: str) -> Any:
        """Return the reading with the fewest faults, the first of equals, or `MISMATCH`."""
        taking = [choice for choice in self.choices if choice.accepts(value)]
        if not taking:
            return MISMATCH
        if len(taking) > 1:
            taking.sort(key=lambda choice: choice.faults(value))
        return taking[0](value, pointer)

    def accepts(self, value: Any) -> bool:
        """Whether any of the choices accepts it."""
        return any(choice.accepts(value) for choice in self.choices)

    def knows(self, value: Any) -> bool:
        """Whether any of the choices knows it."""
        return any(choice.knows(value) for choice in self.choices)

    def faults(self, value: Any) -> int:
        """Count those of the reading with the fewest."""
        return min(choice.faults(value) for choice in self.choices if choice.accepts(value))

    def json_schema(self, within: frozenset[type[Any]]) -> dict[str, Any]:
        """Return the choices."""
        return {"anyOf": [choice.json_schema(within) for choice in self.choices]}


class Tagged(OneOf):
    """Takes what any of several decoders takes; objects are told apart by one property.

    An object with a value that stands for none of them is none of them: it is what a choice makes
    of it that no value stands for, or else `MISMATCH`, and stays as it came.

    Source: OpenAPI 3.1.1, section Discriminator Object.
    """

    def __init__(self, choices: list[Decoder], key: str, models: dict[str, Object]) -> None:
        """Take what these decoders take; the property `key` has one of the values of `models`."""
        super().__init__(choices)
        self.key = key
        self.models = models

    @property
    def expected(self) -> str:
        """The choices, and what tells them apart."""
        return f"{super().expected}, as `{self.key}` says"

    def __call__(self, value: Any, pointer: str) -> Any:
        """Return what the decoder does that the value chooses, or `MISMATCH`."""
        chosen = self._chosen(value)
        return MISMATCH if chosen is None else chosen(value, pointer)

    def accepts(self, value: Any) -> bool:
        """Whether it is an object of a known value, or another choice accepts it."""
        return self._chosen(value) is not None

    def knows(self, value: Any) -> bool:
        """Whether what it would be read as knows it."""
        chosen = self._chosen(value)
        return chosen is not None and chosen.knows(value)

    def faults(self, value: Any) -> int:
        """Count those of what it would be read as."""
        chosen = self._chosen(value)
        return 1 if chosen is None else chosen.faults(value)

    def _chosen(self, value: Any) -> Decoder | None:
        if is_object(value):
            said = value.get(self.key)
            if isinstance(said, str) and said in self.models:
                return self.models[said]
        told = {model.model for model in self.models.values()}
        taking = [
            choice
            for choice in self.choices
            if not (isinstance(choice, Object) and choice.model in told) and choice.accepts(value)
        ]
        return min(taking, key=lambda choice: choice.faults(value), default=None)
