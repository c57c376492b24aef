"""One decoder per kind of schema: is this JSON value of the declared type?

A decoder takes a parsed JSON value and returns the typed value, or `MISMATCH` if the value does not
have the type. Whatever the value, it raises only `ValueError`: for a value that must be stored as
received, but is nested too deeply. `expected` describes the accepted values.
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

    def __init__(self, description: str, convert: Callable[[Any], Any], **schema: str) -> None:
        """Create a decoder.

        Args:
            description: The accepted values, for `expected`.
            convert: Converts a value; returns `MISMATCH` for others.
            **schema: The JSON Schema of the values.
        """
        self.description = description
        self.convert = convert
        self.schema = schema

    @property
    def expected(self) -> str:
        """The JSON type and its format."""
        return self.description

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
    """Accepts a single value (JSON Schema `const`)."""

    def __init__(self, value: Any) -> None:
        """Create a decoder of a single value."""
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
    """Accepts any string, as a member of an open enum."""

    def __init__(self, enum: "type[OpenStrEnum]") -> None:
        """Create a decoder of an enum."""
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
        """Return the type, and the known values as examples."""
        return {"type": "string", "examples": [member.value for member in self.enum.known()]}


class IntEnumeration(Decoder):
    """Accepts any integer, as a member of an open enum."""

    def __init__(self, enum: "type[OpenIntEnum]") -> None:
        """Create a decoder of an enum."""
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
        """Return the type, and the known values as examples."""
        return {"type": "integer", "examples": [member.value for member in self.enum.known()]}


class Object(Decoder):
    """Accepts an object, as an instance of a generated model."""

    def __init__(self, model: "type[Model]") -> None:
        """Create a decoder of a model."""
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

    def count_deviations(self, value: Any) -> int:
        """Count missing required keys, undeclared keys, and values of another type."""
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
        """Return the model's schema."""
        return self.model.__json_schema__(within)


class Array(Decoder):
    """Accepts an array of items of one type."""

    def __init__(self, item: Decoder) -> None:
        """Create a decoder of arrays whose items `item` decodes."""
        self.item = item

    @property
    def expected(self) -> str:
        """The JSON type and the items' type."""
        return f"array of {self.item.expected}"

    def __call__(self, value: Any, pointer: str) -> Any:
        """Return a list; if an item is unreadable, a `CheckedList`."""
        if not is_array(value):
            return MISMATCH
        items = [self.item(item, f"{pointer}/{index}") for index, item in enumerate(value)]
        if all(item is not MISMATCH for item in items):
            return items
        return CheckedList(
            MismatchedValue(value[index], f"{pointer}/{index}", self.item.expected)
            if item is MISMATCH
            else item
            for index, item in enumerate(items)
        )

    def accepts(self, value: Any) -> bool:
        """Whether it is an array."""
        return is_array(value)

    def count_deviations(self, value: Any) -> int:
        """Count the faults of the items; an item of another type counts as one."""
        return sum(self.item.count_deviations(v) if self.item.accepts(v) else 1 for v in value)

    def json_schema(self, within: frozenset[type[Any]]) -> dict[str, Any]:
        """Return the type, and the items' schema."""
        return {"type": "array", "items": self.item.json_schema(within)}


class Nullable(Decoder):
    """Accepts null, and what another decoder accepts."""

    def __init__(self, item: Decoder) -> None:
        """Create a decoder of null and of what `item` accepts."""
        self.item = item

    @property
    def expected(self) -> str:
        """What the other decoder accepts, or null."""
        return f"{self.item.expected} or null"

    def __call__(self, value: Any, pointer: str) -> Any:
        """Return None for null, else the other decoder's result."""
        return None if value is None else self.item(value, pointer)

    def accepts(self, value: Any) -> bool:
        """Whether it is null, or the other decoder accepts it."""
        return value is None or self.item.accepts(value)

    def knows(self, value: Any) -> bool:
        """Whether it is null, or the other decoder knows it."""
        return value is None or self.item.knows(value)

    def count_deviations(self, value: Any) -> int:
        """Count the other decoder's faults."""
        return 0 if value is None else self.item.count_deviations(value)

    def json_schema(self, within: frozenset[type[Any]]) -> dict[str, Any]:
        """Return the other decoder's schema, or null."""
        return {"anyOf": [self.item.json_schema(within), {"type": "null"}]}


def objects(model: "type[ModelT]", values: list[Any], pointer: str) -> "list[ModelT]":
    """Decode an array like `Array(Object(model))`, but faster if all items are objects."""
    decode = model.__decode__
    if all([isinstance(value, dict) for value in values]):  # noqa: C419 - a generator is slower
        return [decode(value, f"{pointer}/{index}") for index, value in enumerate(values)]
    decoded: list[ModelT] = Array(Object(model))(values, pointer)
    return decoded


class OneOf(Decoder):
    """Accepts what any of several decoders accepts (`oneOf`, `anyOf`, a list of types)."""

    def __init__(self, choices: list[Decoder]) -> None:
        """Create a decoder of any of the choices."""
        self.choices = choices

    @property
    def expected(self) -> str:
        """The choices."""
        return " or ".join(choice.expected for choice in self.choices)

    def __call__(self, value: Any, pointer: str) -> Any:
        """Return the result of the first choice with the fewest faults, or `MISMATCH`."""
        accepting = [choice for choice in self.choices if choice.accepts(value)]
        if not accepting:
            return MISMATCH
        if len(accepting) > 1:
            accepting.sort(key=lambda choice: choice.count_deviations(value))
        return accepting[0](value, pointer)

    def accepts(self, value: Any) -> bool:
        """Whether any of the choices accepts it."""
        return any(choice.accepts(value) for choice in self.choices)

    def knows(self, value: Any) -> bool:
        """Whether any of the choices knows it."""
        return any(choice.knows(value) for choice in self.choices)

    def count_deviations(self, value: Any) -> int:
        """Count the faults for the choice with the fewest."""
        return min(
            choice.count_deviations(value) for choice in self.choices if choice.accepts(value)
        )

    def json_schema(self, within: frozenset[type[Any]]) -> dict[str, Any]:
        """Return the choices."""
        return {"anyOf": [choice.json_schema(within) for choice in self.choices]}


class Tagged(OneOf):
    """Accepts what any of several decoders accepts; one property selects the model of an object.

    An object whose property has an unknown value does not match any model that has a value: another
    choice decodes it, or it is a `MISMATCH` and kept as received.

    Source: OpenAPI 3.1.1, section Discriminator Object.
    """

    def __init__(self, choices: list[Decoder], key: str, models: dict[str, Object]) -> None:
        """Create a decoder that selects one of `models` by the value of the property `key`."""
        super().__init__(choices)
        self.key = key
        self.models = models

    @property
    def expected(self) -> str:
        """The choices, and the property that selects one."""
        return f"{super().expected}, selected by `{self.key}`"

    def __call__(self, value: Any, pointer: str) -> Any:
        """Return the selected decoder's result, or `MISMATCH`."""
        selected = self._select(value)
        return MISMATCH if selected is None else selected(value, pointer)

    def accepts(self, value: Any) -> bool:
        """Whether its property has a known value, or another choice accepts it."""
        return self._select(value) is not None

    def knows(self, value: Any) -> bool:
        """Whether the selected decoder knows it."""
        selected = self._select(value)
        return selected is not None and selected.knows(value)

    def count_deviations(self, value: Any) -> int:
        """Count the selected decoder's faults."""
        selected = self._select(value)
        return 1 if selected is None else selected.count_deviations(value)

    def _select(self, value: Any) -> Decoder | None:
        if is_object(value):
            tag = value.get(self.key)
            if isinstance(tag, str) and tag in self.models:
                return self.models[tag]
        tagged = {model.model for model in self.models.values()}
        accepting = [
            choice
            for choice in self.choices
            if not (isinstance(choice, Object) and choice.model in tagged) and choice.accepts(value)
        ]
        return min(accepting, key=lambda choice: choice.count_deviations(value), default=None)
