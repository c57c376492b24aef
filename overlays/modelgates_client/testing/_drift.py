"""Records that deviate from the spec on purpose. Pure."""

import copy
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Literal, NamedTuple

from modelgates_client.records.generation import Generation
from modelgates_client.testing._records import json_copy, make_record, no_such_field
from modelgates_runtime.decoder import Decoder
from modelgates_runtime.decoders import Nullable, StrEnumeration
from modelgates_runtime.drift import join_pointer
from modelgates_runtime.values import is_array, is_object


class Change(NamedTuple):
    """A change to one field of a record.

    Attributes:
        pointer: The field, as a JSON pointer into the record (RFC 6901).
        action: Whether to drop the field, set it, or add one that the record does not have.
        value: The new value.
    """

    pointer: str
    action: Literal["drop", "set", "add"]
    value: Any = None

    def apply(self, record: dict[str, Any]) -> None:
        """Change the record in place.

        Raises:
            ValueError: The record does not have the field; or has it already, if it is to be added.
        """
        *path, key = [
            part.replace("~1", "/").replace("~0", "~") for part in self.pointer[1:].split("/")
        ]
        parent: Any = record
        for part in path:
            try:
                parent = parent[int(part) if is_array(parent) else part]
            except (KeyError, IndexError, TypeError, ValueError):
                raise ValueError(f"the record has nothing at {self.pointer}") from None
        fields: dict[str, Any] = parent if is_object(parent) else {}
        if self.action == "add" and key in fields:
            raise ValueError(f"the record has {self.pointer} already, so it is not extra")
        if self.action != "add" and key not in fields:
            known = Generation.__schema__().fields
            if parent is record and key not in known:
                raise ValueError(no_such_field(key, known))
            raise ValueError(f"the record has no field {self.pointer}")
        if self.action == "drop":
            del fields[key]
        else:
            fields[key] = self.value


def drifted(
    record: Mapping[str, Any] | str,
    /,
    *,
    missing: Collection[str] = (),
    extra: Mapping[str, Any] | None = None,
    values: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a record that deviates from the spec, like one of another version of the API.

    Name fields by their names, or by JSON pointers into the record, such as
    `/provider_responses/0/status`.

    Args:
        record: The record to start from, or the id of a record to make from the spec.
        missing: Required fields to leave out.
        extra: Fields to add that the spec does not have.
        values: Values of another type than the field's, null included, or that its enum does not
            list.

    Raises:
        ValueError: There is nothing to change, the record has no such field, or the spec allows
            the result, so that a test with it would prove nothing.
        TypeError: `missing` is a string, or a value cannot be represented in JSON.
    """
    if isinstance(missing, str):
        raise TypeError(f"{missing!r} is one name where a list of names is expected")
    changes = (
        *(Change(_pointer(name), "drop") for name in missing),
        *(Change(_pointer(name), "add", json_copy(v)) for name, v in (extra or {}).items()),
        *(Change(_pointer(name), "set", json_copy(v)) for name, v in (values or {}).items()),
    )
    if not changes:
        raise ValueError("no drift is given; use missing, extra or values")
    result = make_record(record) if isinstance(record, str) else copy.deepcopy(dict(record))
    for change in changes:
        change.apply(result)
    pointers = {entry.pointer for entry in Generation.from_dict(copy.deepcopy(result)).drift}
    for change in changes:
        if change.pointer not in pointers:
            raise ValueError(f"the spec allows this value of {change.pointer}, so it is no drift")
    return result


def enum_fields() -> Iterator[str]:
    """Yield the names of the record's fields whose values the spec lists."""
    for field in Generation.__schema__().fields.values():
        decoder: Decoder = field.decoder
        if isinstance(decoder.item if isinstance(decoder, Nullable) else decoder, StrEnumeration):
            yield field.key


def _pointer(name: str) -> str:
    return name if name.startswith("/") else join_pointer("", name)
