"""`Model`, the base class of every generated model.

A decoded model holds three things, and nothing twice:

- in its slots, the values that are of their declared type. The slot of a value that is not stays
  empty; reading it ends in `__getattr__`, which raises `FieldError`;
- in its note, whatever else the body held or lacked: keys that were not sent, values that are not
  of their field's type, and fields that the schema does not name;
- no note at all, when the body was exactly as the spec says.
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

_SCALARS: Final = frozenset({str, int, float, bool, type(None)})  # no drift can be inside these


class Model(Decoded):
    """Base of the generated models.

    Reading an attribute yields a value of its declared type or raises `FieldError`, never anything
    else. An optional or nullable field that was not sent reads as None.
    """

    __slots__ = ("_note",)

    _note: Note | None

    @classmethod
    def __fields__(cls) -> Schema:
        """Return what the spec says of this model."""
        raise NotImplementedError(cls.__name__)

    @classmethod
    @cache
    def __schema__(cls) -> Schema:
        """Return what the spec says of this model; built once, when it is first needed."""
        return cls.__fields__()

    @classmethod
    def __decode__(cls, source: dict[str, Any], pointer: str) -> Self:
        """Decode an object that stands at `pointer`; see `from_dict`."""
        raise NotImplementedError(cls.__name__)

    @classmethod
    def from_dict(cls, source: Mapping[str, Any]) -> Self:
        """Decode a JSON object, as JSON parsing left it.

        What is not as the spec says does not make this raise: it is listed in `drift`, and
        reading it raises `FieldError`. The object takes over what it keeps as it came: do not
        change `source` afterwards. A number beyond a double is what parsing made of it, infinite.

        Raises:
            ValueError: Something that the spec gives no type is nested over 100 levels deep.
        """
        return cls.__decode__(source if isinstance(source, dict) else dict(source), "")

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object: what was decoded comes back JSON-equal, whatever was in it.

        An optional field that is None is left out, unless null was sent for it, or given for it
        where it may be null.
        """
        return {key: encode(value) for key, value in self._held()}

    def to_json(self, *, indent: int | None = None) -> str:
        """Return the JSON object as text, in ASCII; what was decoded comes back JSON-equal.

        Args:
            indent: Spaces for each level; None for one line without any.

        Raises:
            ValueError: It was made by hand, and holds NaN, which JSON has not.
        """
        return json_text(self.to_dict(), indent=indent)

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        """Yield the items of the JSON object, so that `dict` takes one, and FastAPI returns one.

        A number beyond a double, which JSON cannot write and FastAPI would fail at, is None.
        """
        return iter(writable(self.to_dict()).items())

    __contains__ = None  # `"id" in record` would look for an item, and say no

    @property
    def drift(self) -> tuple[Drift, ...]:
        """Everything in this object, at any depth, that is not as the spec says."""
        return tuple(self.__drift__(""))

    @property
    def additional_properties(self) -> MutableMapping[str, Any]:
        """The fields that the schema does not name, typed where it declares a type for them."""
        note = self._note or Note()
        extras = note.extras
        if extras is None:
            extras = {}
            self._note = note._replace(extras=extras)
        return AdditionalProperties(extras, self.__schema__().fields)

    def __drift__(self, pointer: str) -> Iterator[Drift]:
        """Yield every deviation in this object, which stands at `pointer`."""
        schema, note = self.__schema__(), self._note or Note()
        mismatches = note.mismatches or {}
        for field in schema.fields.values():
            value = self._peek(field)
            place = pointer + field.segment
            if value is MISSING:
                yield mismatch(place, field.decoder.expected, mismatches.get(field.key, MISSING))
            elif value is None and field.required and field.key in note.absent:
                yield mismatch(place, field.decoder.expected, MISSING)
            elif type(value) not in _SCALARS:
                yield from find_drift(value, place)
        for key, value in (note.extras or {}).items():
            place = join_pointer(pointer, key)
            if schema.extra is None:
                yield undeclared(place, value)
            else:
                yield from find_drift(value, place)

    def __json__(self) -> Any:
        """Return the JSON object."""
        return self.to_dict()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Let pydantic, and so FastAPI, take a model or its JSON object, and return the object."""
        from pydantic_core import core_schema  # noqa: PLC0415 - it is pydantic that calls

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
        """Let pydantic's schemas, and the documents of FastAPI, tell of the fields."""
        return cls.__json_schema__(frozenset())

    @classmethod
    def __json_schema__(cls, within: frozenset[type[Any]]) -> dict[str, Any]:
        """Return the JSON Schema: the fields as the spec has them, but none is required.

        For what deviates from the spec is returned, too. A model within itself is any object there.
        """
        told: dict[str, Any] = {"type": "object", "title": cls.__name__}
        if cls in within:
            return told
        schema, within = cls.__schema__(), within | {cls}
        told["properties"] = {
            key: field.decoder.json_schema(within) for key, field in schema.fields.items()
        }
        if schema.extra is not None:
            told["additionalProperties"] = schema.extra.json_schema(within)
        return told

    def _settle(self, source: dict[str, Any], rest: Iterable[str], pointer: str) -> None:
        """Decode the `rest` of the fields one by one, and note what is to note."""
        schema = self.__schema__()
        mismatches: dict[str, Any] = {}
        for key in rest:
            field = schema.fields[key]
            if self._peek(field) is not MISSING:
                continue  # read already; nested objects must not be decoded again at each level
            if key in source:
                value = field.decoder(source[key], pointer + field.segment)
                if value is not MISMATCH:
                    setattr(self, field.name, value)
                else:
                    mismatches[key] = source[key]
            elif field.reads_none_when_absent:
                setattr(self, field.name, None)
        self._note = schema.note(source, pointer, mismatches)

    def _held(self) -> Iterator[tuple[str, Any]]:
        """Yield what there is to send, by JSON name: typed values, and others as they came."""
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
        """Return what `to_dict` encodes before it is encoded, for multipart bodies."""
        return dict(self._held())

    def _peek(self, field: Field) -> Any:
        """Return the value of a field, or `MISSING` where reading it would raise."""
        try:
            return object.__getattribute__(self, field.name)
        except AttributeError:
            return MISSING

    def __attrs_post_init__(self) -> None:
        """Remember which optional fields a caller left out; a None that was given is sent as null.

        Where null may not be sent, None means "do not send".
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

    if not TYPE_CHECKING:  # a type checker would take it for leave to read any name

        def __getattr__(self, name: str) -> Any:
            """Raise for a field without a readable value."""
            if name == "_note":
                return None  # decoding leaves it empty when there is nothing to note
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
        """Whether both are of one class and JSON-equal, unreadable values included."""
        if not isinstance(other, Model) or type(other) is not type(self):
            return NotImplemented
        return json_equal(self.to_dict(), other.to_dict())

    def __repr__(self) -> str:
        """Show the fields that hold something; of unreadable ones, that they are."""
        parts: list[str] = []
        for field in self.__schema__().fields.values():
            value = self._peek(field)
            if value is MISSING:
                parts.append(f"{field.name}=<unreadable>")
            elif value is not None:
                parts.append(f"{field.name}={value!r}")
        return f"{type(self).__name__}({', '.join(parts)})"

    def __reduce__(self) -> tuple[Callable[..., Self], tuple[dict[str, Any], str], Any]:
        """Pickle and copy as JSON, so that a pickle outlives a regenerated client.

        What a caller's subclass keeps in its `__dict__` goes along.
        """
        pointer = self._note.pointer if self._note else ""
        return type(self).__decode__, (self.to_dict(), pointer), getattr(self, "__dict__", None)
