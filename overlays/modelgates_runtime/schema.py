"""The schema of a model, and the note on what a body has besides readable values."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from modelgates_runtime.containers import MismatchedValue
from modelgates_runtime.decoder import Decoder
from modelgates_runtime.drift import MISSING, join_pointer
from modelgates_runtime.parsing import check_depth
from modelgates_runtime.scalars import MISMATCH


class Field:
    """One property of a schema.

    Attributes:
        key: The JSON name.
        name: The Python name.
        decoder: The decoder of its value.
        required: Whether the spec requires it.
        segment: The field's part of a JSON pointer.
        nullable: Whether null is a valid value.
    """

    def __init__(self, key: str, name: str, decoder: Decoder, *, required: bool) -> None:
        """Create a field."""
        self.key = key
        self.name = name
        self.decoder = decoder
        self.required = required
        self.segment = join_pointer("", key)
        self.nullable = decoder.accepts(None)

    @property
    def reads_none_when_absent(self) -> bool:
        """Whether the attribute is None if the key is absent: it is optional or nullable."""
        return not self.required or self.nullable


class Note(NamedTuple):
    """What a body contained or lacked besides readable values.

    Attributes:
        pointer: The position of the object in the body, a JSON pointer.
        absent: The keys of the schema that were not sent.
        mismatches: Unreadable values by key, as received.
        extras: Fields that the schema does not declare; decoded if it has a type for such fields.
    """

    pointer: str = ""
    absent: frozenset[str] = frozenset()
    mismatches: dict[str, Any] | None = None
    extras: dict[str, Any] | None = None


@lru_cache(maxsize=256)
def _note_of_absence(pointer: str, absent: frozenset[str]) -> Note:
    """Return the note of a body that only lacks keys; cached, as many records share it."""
    return Note(pointer, absent)


class Schema:
    """The schema of a model.

    Attributes:
        fields: The fields by JSON name, in the order of the constructor.
        names: The fields by Python name.
        extra: The decoder of fields that the schema does not declare; None if it does not allow
            such fields, which are then kept as received and listed as drift.
        keys: The JSON names.
    """

    def __init__(self, *fields: Field, extra: Decoder | None = None) -> None:
        """Create a schema from its fields."""
        self.fields: Mapping[str, Field] = {field.key: field for field in fields}
        self.names: Mapping[str, Field] = {field.name: field for field in fields}
        self.extra = extra
        self.keys = frozenset(self.fields)

    def fill(self, source: dict[str, Any]) -> dict[str, Any]:
        """Return a copy of `source` with `MISSING` for every absent key."""
        return {**source, **dict.fromkeys(self.keys.difference(source), MISSING)}

    def note(self, source: dict[str, Any], pointer: str, mismatches: dict[str, Any]) -> Note | None:
        """Return the note of a body, or None if it conforms to the schema.

        Raises:
            ValueError: A value to be kept as received is nested too deeply.
        """
        absent = self.keys.difference(source)
        extras: dict[str, Any] = {}
        if len(source) > len(self.fields) - len(absent):
            for key, value in source.items():
                if key not in self.fields:
                    extras[key] = self._decode_extra(value, join_pointer(pointer, key))
        for value in mismatches.values():
            check_depth(value)
        if mismatches or extras:
            return Note(pointer, absent, mismatches or None, extras or None)
        return _note_of_absence(pointer, absent) if absent else None

    def _decode_extra(self, value: Any, pointer: str) -> Any:
        if self.extra is None:
            return check_depth(value)
        decoded = self.extra(value, pointer)
        return (
            MismatchedValue(value, pointer, self.extra.expected) if decoded is MISMATCH else decoded
        )


class _InternedTexts(dict[Any, Any]):
    """Interns strings by subscription: for equal short strings it returns the same object.

    Records repeat their models and providers, so this saves a third of their memory. It is bounded:
    at `MAX_COUNT` entries it is cleared; strings longer than `MAX_LENGTH` are not stored.

    Attributes:
        none: The values that decode to None: null, or `MISSING`.

    Raises:
        TypeError: The value is neither a string nor one of these.
    """

    MAX_COUNT: Final = 4096
    MAX_LENGTH: Final = 64

    def __init__(self, *none: Any) -> None:
        self.none = dict.fromkeys(none)
        super().__init__(self.none)

    def __missing__(self, text: Any) -> Any:
        if type(text) is not str:
            raise TypeError("not a string")
        if len(text) <= self.MAX_LENGTH:
            if len(self) >= self.MAX_COUNT:
                self.clear()
                self.update(self.none)
            self[text] = text
        return text


TEXTS: Final = _InternedTexts()
OPTIONAL_TEXTS: Final = _InternedTexts(MISSING)
