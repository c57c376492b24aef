"""Records that are not as the spec says, on purpose. Pure."""

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from modelgates_client.records.generation import Generation
from modelgates_client.testing._records import as_sent, make_record, no_such_field
from modelgates_runtime.decoder import Decoder
from modelgates_runtime.decoders import Nullable, StrEnumeration
from modelgates_runtime.drift import join_pointer
from modelgates_runtime.values import is_array, is_object

#: An enum value that no spec lists.
NEW_VALUE: Final = "value-of-a-later-version"


class DriftChange(NamedTuple):
    """One thing to change.

    Attributes:
        place: A field's name, or a JSON pointer into the record (RFC 6901).
        action: `drop` the field, `set` it, or `add` one that is not there.
        value: What it is to hold.
    """

    place: str
    action: str
    value: Any = None

    @property
    def pointer(self) -> str:
        """Where it is in the record."""
        return self.place if self.place.startswith("/") else join_pointer("", self.place)

    def do(self, record: dict[str, Any]) -> None:
        """Change the record.

        Raises:
            ValueError: It does not have the place; or has it, if it is to be added.
        """
        *path, key = [
            part.replace("~1", "/").replace("~0", "~") for part in self.pointer[1:].split("/")
        ]
        holder: Any = record
        for part in path:
            try:
                holder = holder[int(part) if is_array(holder) else part]
            except (KeyError, IndexError, TypeError, ValueError):
                raise ValueError(f"the record has nothing at {self.pointer}") from None
        fields: dict[str, Any] = holder if is_object(holder) else {}
        if self.action == "add" and key in fields:
            raise ValueError(f"the record has {self.pointer} already, so it is not extra")
        if self.action != "add" and key not in fields:
            known = Generation.__schema__().fields
            if holder is record and key not in known:
                raise ValueError(no_such_field(key, known))
            raise ValueError(f"the record has no field {self.pointer}")
        if self.action == "drop":
            del fields[key]
        else:
            fields[key] = self.value


def changes(
    *,
    missing: Iterable[str] = (),
    null: Iterable[str] = (),
    extra: Mapping[str, Any] | None = None,
    values: Mapping[str, Any] | None = None,
    unknown: Iterable[str] = (),
) -> tuple[DriftChange, ...]:
    """Return what `drifted` is asked for, one by one.

    Raises:
        ValueError: Nothing is asked for.
        TypeError: A list of names is a string.
    """
    for names in (missing, null, unknown):
        if isinstance(names, str):
            raise TypeError(f"{names!r} is one name where a list of names is expected")
    asked = (
        *(DriftChange(place, "drop") for place in missing),
        *(DriftChange(place, "set", None) for place in null),
        *(DriftChange(place, "add", as_sent(value)) for place, value in (extra or {}).items()),
        *(DriftChange(place, "set", as_sent(value)) for place, value in (values or {}).items()),
        *(DriftChange(place, "set", NEW_VALUE) for place in unknown),
    )
    if not asked:
        raise ValueError("nothing is to drift: say what is missing, null, extra, values or unknown")
    return asked


def changed(record: Mapping[str, Any], asked: Iterable[DriftChange]) -> dict[str, Any]:
    """Return the record as the changes make it, each of which must make it drift.

    Raises:
        ValueError: One does not: the spec allows it, or the record does not have the place.
    """
    result: dict[str, Any] = copy.deepcopy(dict(record))
    asked = tuple(asked)
    for change in asked:
        change.do(result)
    found = {entry.pointer for entry in Generation.from_dict(copy.deepcopy(result)).drift}
    for change in asked:
        if change.pointer not in found:
            raise ValueError(f"the spec allows this of {change.pointer}, so it is no drift")
    return result


def drifted(  # noqa: PLR0913 - each says another kind of drift
    record: Mapping[str, Any] | str,
    /,
    *,
    missing: Iterable[str] = (),
    null: Iterable[str] = (),
    extra: Mapping[str, Any] | None = None,
    values: Mapping[str, Any] | None = None,
    unknown: Iterable[str] = (),
) -> dict[str, Any]:
    """Return a record that is not as the spec says, as one of another version of the API.

    Fields are meant by their names, or by JSON pointers into the record, such as
    `/provider_responses/0/status`.

    Args:
        record: The record to start from, or the id of one made from the spec.
        missing: Fields that are required, and not to be there.
        null: Fields that are to be null, and may not be.
        extra: Fields that the spec does not have.
        values: Values that are not of their field's type, or that its enum does not list.
        unknown: Enum fields that are to hold a value that the spec does not list.

    Raises:
        ValueError: Nothing is to change, the record has no such field, or the spec allows what
            it would be: then the test that asks for it would show nothing.
    """
    asked = changes(missing=missing, null=null, extra=extra, values=values, unknown=unknown)
    return changed(make_record(record) if isinstance(record, str) else record, asked)


def enum_fields() -> Iterator[str]:
    """Yield the record's fields whose values the spec lists."""
    for field in Generation.__schema__().fields.values():
        decoder: Decoder = field.decoder
        if isinstance(decoder.item if isinstance(decoder, Nullable) else decoder, StrEnumeration):
            yield field.key
