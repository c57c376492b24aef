"""Conversion of a record to a row: its values in the order of `COLUMNS`, as SQLite stores them.

A value that does not fit its column is NULL, and `unreadable` names it.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Any, Final

from modelgates_client.records.attempts import Attempts
from modelgates_client.records.generation import Generation
from modelgates_client.records.money import Cost
from modelgates_client.rows import values
from modelgates_client.rows.columns import COLUMNS
from modelgates_client.rows.computed import FIRST, LAST, NOT_SENT, RowSource, converted
from modelgates_client.rows.values import Value
from modelgates_runtime.errors import FieldError

#: Increase it when a value is derived from a record in another way than before: stored rows are
#: then derived again.
VERSION: Final = 5

_FIRST: Final = tuple(value for _, value in FIRST)
_LAST: Final = tuple(value for _, value in LAST)
_FIELDS: Final = tuple(column for column in COLUMNS if column.is_field)
_ATTRIBUTES: Final = tuple(
    Generation.__schema__().fields[str(column.key)].name for column in _FIELDS
)
_CONVERTERS: Final = tuple(values.CONVERTERS[column.kind] for column in _FIELDS)
_read_fields: Final[Callable[[Generation], tuple[Any, ...]]] = attrgetter(*_ATTRIBUTES)


def row_of(
    generation_id: str, record: Generation, obtained_at: int, requests: int
) -> tuple[Value, ...]:
    """Return the row of a record, whatever the server sent in it.

    Args:
        generation_id: The id that was requested, in characters that UTF-8 can encode.
        record: The decoded record.
        obtained_at: When it was obtained, in microseconds since 1970-01-01 UTC.
        requests: How many requests were made for it.

    Returns:
        The values in the order of `COLUMNS`.
    """
    of = RowSource(
        generation_id,
        record,
        obtained_at,
        requests,
        Cost.of(record),
        Attempts.of(record),
        unreadable=[],
    )
    first = [value(of) for value in _FIRST]
    try:
        fields: list[Value] = [
            None if value is None else convert(value)
            for value, convert in zip(_read_fields(record), _CONVERTERS, strict=True)
        ]
    except (FieldError, ValueError):  # at least one is unreadable, or does not fit
        fields = _read_each_field(record, of.unreadable)
    return (*first, *fields, *[value(of) for value in _LAST])


def _read_each_field(record: Generation, unreadable: list[str]) -> list[Value]:
    fields: list[Value] = []
    for column, attribute, convert in zip(_FIELDS, _ATTRIBUTES, _CONVERTERS, strict=True):
        try:
            value = getattr(record, attribute)
        except FieldError as error:
            if error.found not in NOT_SENT:
                unreadable.append(column.name)
            value = None
        fields.append(converted(column.name, convert, value, unreadable))
    return fields
