"""`Model`, the base class of every generated model.

A decoded model stores each received value once:

- in its slots, the values of the declared type. The slot of any other value stays empty; reading it
  calls `__getattr__`, which raises `FieldError`;
- in its note, all other information on the body: keys that were not sent, values that are not of
  their field's type, and fields that the schema does not declare;
- there is no note if the body conforms to the spec exactly.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Self

from modelgates_runtime.containers import AdditionalProperties
from modelgates_runtime.decoded import Decoded, find_drift
from modelgates_runtime.drift import MISSING, Drift, join_pointer, json_type, mismatch, undeclared
from modelgates_runtime.encoding import encode, json_equal, json_text, writable
from modelgates_runtime.errors import FieldError
from modelgates_runtime.scalars import MISMATCH
from modelgates_runtime.schema import Field, Note, Schema

_SCALARS: Final = frozenset({str, int, float, bool, type(None)})  # these contain no drift


class Model(Decoded):
    """Base class of the generated models.

    Reading an attribute returns a value of its declared type, or raises `FieldError`. An optional
    or nullable field that was not sent is None.
    """

    __slots__ = ("_note",)

    _note: Note | None

    @classmethod
    def __fields__(cls) -> Schema:
        """Return the schema of this model."""
        raise NotImplementedError(cls.__name__)

    @classmethod
    @cache
    def __schema__(cls) -> Schema:
        """Return the schema of this model, which is built on first use and cached."""
        return cls.__fields__()

    @classmethod
    def __decode__(cls, source: dict[str, Any], pointer: str) -> Self:
        """Decode an object, whose position is `pointer`; see `from_dict`."""
        raise NotImplementedError(cls.__name__)

    @classmethod
    def from_dict(cls, source: Mapping[str, Any]) -> Self:
        """Decode a parsed JSON object.

        Deviations from the spec do not raise here: they are listed in `drift`, and reading one
        raises `FieldError`. The model may refer to parts of `source`, so do not change it
        afterwards. A number beyond the range of a double is infinite, as the parser returns it.

        Raises:
            ValueError: A value without a type in the spec is nested over 100 levels deep.
        """
        return cls.__decode__(source if isinstance(source, dict) else dict(source), "")

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; a decoded object is returned JSON-equal, deviations included.

        An optional field that is None is omitted, unless the server sent null for it, or the caller
        passed None for a nullable field.
        """
        return {key: encode(value) for key, value in self._items_to_send()}

    def to_json(self, *, indent: int | None = None) -> str:
        """Return the JSON object as text, in ASCII; a decoded object is returned JSON-equal.

        Args:
            indent: Spaces per level; None for a single line without spaces.

        Raises:
            ValueError: The model was created by the caller with NaN, which JSON does not support.
        """
        return json_text(self.to_dict(), indent=indent)

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        """Yield the items of the JSON object, so that `dict` and FastAPI accept a model.

        A number beyond the range of a double is None: FastAPI fails on numbers that JSON cannot
        represent.
        """
        return iter(writable(self.to_dict()).items())

    __contains__ = None  # `"id" in record` would compare items, and be False

    @property
    def drift(self) -> tuple[Drift, ...]:
        """All deviations from the spec in this object, at any depth."""
        return tuple(self.__drift__(""))

    @property
    def additional_properties(self) -> MutableMapping[str, Any]:
        """The fields that the schema does not declare, typed if it has a type for such fields."""
        note = self._note or Note()
        extras = note.extras
        if extras is None:
            extras = {}
            self._note = note._replace(extras=extras)
        return AdditionalProperties(extras, self.__schema__().fields)

    def __drift__(self, pointer: str) -> Iterator[Drift]:
        """Yield every deviation in this object, whose position is `pointer`."""
        schema, note = self.__schema__(), self._note or Note()
        mismatches = note.mismatches or {}
        for field in schema.fields.values():
            value = self._peek(field)
            position = pointer + field.segment
            if value is MISSING:
                yield mismatch(position, field.decoder.expected, mismatches.get(field.key, MISSING))
            elif value is None and field.required and field.key in note.absent:
                yield mismatch(position, field.decoder.expected, MISSING)
            elif type(value) not in _SCALARS:
                yield from find_drift(value, position)
        for key, value in (note.extras or {}).items():
            position = join_pointer(pointer, key)
            if schema.extra is None:
                yield undeclared(position, value)
            else:
                yield from find_drift(value, position)

    def __json__(self) -> Any:
        """Return the JSON object."""
        return self.to_dict()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Make pydantic and FastAPI accept a model or its JSON object, and return the object."""
        from pydantic_core import core_schema  # noqa: PLC0415 - only pydantic calls this

        objects = core_schema.dict_schema(core_schema.str_schema(), core_schema.any_schema())
        decoded = core_schema.no_info_after_validator_function(cls.from_dict, objects)
        return core_schema.json_or_python_schema(
            decoded,
            core_schema.union_schema([core_schema.is_instance_schema(cls), decoded]),
            serialization=core_schema.plain_serializer_function_ser_schema(
                cls.to_dict, return_schema=objects
            ),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, source: Any, handler: Any) -> dict[str, Any]:
        """Describe the fields in pydantic's schemas and FastAPI's documentation."""
        return cls.__json_schema__(frozenset())

    @classmethod
    def __json_schema__(cls, within: frozenset[type[Any]]) -> dict[str, Any]:
        """Return the JSON Schema: the fields of the spec, but without required ones.

        Objects that deviate from the spec are returned, too, hence no field is required. A model
        nested in itself is described as any object.
        """
        json_schema: dict[str, Any] = {"type": "object", "title": cls.__name__}
        if cls in within:
            return json_schema
        schema, within = cls.__schema__(), within | {cls}
        json_schema["properties"] = {
            key: field.decoder.json_schema(within) for key, field in schema.fields.items()
        }
        if schema.extra is not None:
            json_schema["additionalProperties"] = schema.extra.json_schema(within)
        return json_schema

    def _settle(self, source: dict[str, Any], rest: Iterable[str], pointer: str) -> None:
        """Decode the remaining fields one by one, and store the note."""
        schema = self.__schema__()
        mismatches: dict[str, Any] = {}
        for key in rest:
            field = schema.fields[key]
            if self._peek(field) is not MISSING:
                continue  # decoded already; nested objects must not be decoded again at each level
            if key in source:
                value = field.decoder(source[key], pointer + field.segment)
                if value is not MISMATCH:
                    setattr(self, field.name, value)
                else:
                    mismatches[key] = source[key]
            elif field.reads_none_when_absent:
                setattr(self, field.name, None)
        self._note = schema.note(source, pointer, mismatches)

    def _items_to_send(self) -> Iterator[tuple[str, Any]]:
        """Yield the fields to encode, by JSON name: typed values, and mismatches as received."""
        note = self._note or Note()
        mismatches = note.mismatches or {}
        for field in self.__schema__().fields.values():
            value = self._peek(field)
            if value is MISSING:
                if field.key in mismatches:
                    yield field.key, mismatches[field.key]
            elif value is not None or (
                field.key not in note.absent and (field.required or field.nullable)
            ):
                yield field.key, value
        yield from (note.extras or {}).items()

    def _parts(self) -> dict[str, Any]:
        """Return the fields before encoding, for multipart bodies."""
        return dict(self._items_to_send())

    def _peek(self, field: Field) -> Any:
        """Return the value of a field, or `MISSING` where reading it would raise."""
        try:
            return object.__getattribute__(self, field.name)
        except AttributeError:
            return MISSING

    def __attrs_post_init__(self) -> None:
        """Record which optional fields the caller omitted; an explicit None is sent as null.

        For a field that is not nullable, None means that it is not sent.
        """
        unset: list[str] = []
        for field in self.__schema__().fields.values():
            value = self._peek(field)
            if value is MISSING and not field.required:
                setattr(self, field.name, None)
                unset.append(field.key)
            elif value is None and not field.required and not field.nullable:
                unset.append(field.key)
        self._note = Note(absent=frozenset(unset))

    if not TYPE_CHECKING:  # a type checker would then accept any attribute name

        def __getattr__(self, name: str) -> Any:
            """Raise for a field without a readable value."""
            if name == "_note":
                return None  # decoding leaves the slot empty if there is no note
            field = self.__schema__().names.get(name)
            if field is None:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            note = self._note or Note()
            raise FieldError(
                f"{type(self).__name__}.{name}",
                note.pointer + field.segment,
                field.decoder.expected,
                json_type((note.mismatches or {}).get(field.key, MISSING)),
            )

    def __eq__(self, other: object) -> bool:
        """Whether both have the same class and are JSON-equal, unreadable values included."""
        if not isinstance(other, Model) or type(other) is not type(self):
            return NotImplemented
        return json_equal(self.to_dict(), other.to_dict())

    def __repr__(self) -> str:
        """Show the fields that are not None; unreadable ones as `<unreadable>`."""
        parts: list[str] = []
        for field in self.__schema__().fields.values():
            value = self._peek(field)
            if value is MISSING:
                parts.append(f"{field.name}=<unreadable>")
            elif value is not None:
                parts.append(f"{field.name}={value!r}")
        return f"{type(self).__name__}({', '.join(parts)})"

    def __reduce__(self) -> tuple[Callable[..., Self], tuple[dict[str, Any], str], Any]:
        """Pickle and copy as JSON, so that pickles remain loadable with a regenerated client.

        The `__dict__` of a caller's subclass is included.
        """
        pointer = self._note.pointer if self._note else ""
        return type(self).__decode__, (self.to_dict(), pointer), getattr(self, "__dict__", None)
