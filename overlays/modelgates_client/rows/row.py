"""Conversion of a record to a row: its values in the order of `COLUMNS`, as SQLite stores them.

A value that does not fit its column is not rounded, truncated or guessed: the column is NULL, and
`unreadable` names it. The one exception are amounts, which are rounded at the 24th decimal. A value
that was not sent, or sent as null, is NULL and not named.
"""

import json
from collections.abc import Callable
from operator import attrgetter
from typing import Any, Final, TypeVar

from modelgates_api.models import ProviderResponse
from modelgates_client.records.attempts import Attempt, Attempts
from modelgates_client.records.field_access import field_or_none, items_or_none
from modelgates_client.records.generation import Generation
from modelgates_client.records.money import Cost
from modelgates_client.rows import values
from modelgates_client.rows.columns import COLUMNS, CREATED, PROVIDER_RESPONSES
from modelgates_client.rows.values import Value
from modelgates_runtime.errors import FieldError
from modelgates_runtime.values import stored

#: Increase it when a value is derived from a record in another way than before: stored rows are
#: then derived again.
VERSION: Final = 3

T = TypeVar("T")

_json: Final = json.JSONEncoder(separators=(",", ":")).encode
_NOT_SENT: Final = ("nothing", "null")  # values of `FieldError.found`

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
    unreadable: list[str] = []
    created_at = _created_at(record, unreadable)
    cost = Cost.of(record)
    upstream = _converted("upstream_usd", values.amount, cost.upstream, unreadable)
    all_in = _converted("all_in_usd", values.amount, cost.all_in, unreadable)
    attempts = Attempts.of(record)
    fallbacks = attempts.fallbacks
    provider = None if fallbacks is None else attempts.all[fallbacks].provider
    try:
        fields: list[Value] = [
            None if value is None else convert(value)
            for value, convert in zip(_read_fields(record), _CONVERTERS, strict=True)
        ]
    except (FieldError, ValueError):  # at least one is unreadable, or does not fit
        fields = _read_each_field(record, unreadable)
    return (
        generation_id,
        "final" if record.is_final else "provisional",
        None,
        obtained_at,
        requests,
        created_at,
        upstream,
        all_in,
        _served_by(record, provider, unreadable),
        fallbacks,
        attempts.time_lost_ms,
        record.native_tokens_per_second,
        *fields,
        _attempts(record, attempts, unreadable),
        json.dumps(unreadable) if unreadable else "[]",
    )


def _converted(
    name: str, convert: Callable[[T], Value], value: T | None, unreadable: list[str]
) -> Value:
    """Return a value as it is stored; if it does not fit, None, and add `name` to `unreadable`."""
    try:
        return None if value is None else convert(value)
    except ValueError:
        unreadable.append(name)
        return None


def _read_each_field(record: Generation, unreadable: list[str]) -> list[Value]:
    fields: list[Value] = []
    for column, attribute, convert in zip(_FIELDS, _ATTRIBUTES, _CONVERTERS, strict=True):
        try:
            value = getattr(record, attribute)
        except FieldError as error:
            if error.found not in _NOT_SENT:
                unreadable.append(column.name)
            value = None
        fields.append(_converted(column.name, convert, value, unreadable))
    return fields


def _created_at(record: Generation, unreadable: list[str]) -> int | None:
    sent = field_or_none(record, CREATED, str)
    common = None if sent is None else values.parse_common_time(sent)
    if common is not None:
        return common
    moment = record.created
    if moment is None:
        if _was_sent(record, CREATED):
            unreadable.append(CREATED)
        return None
    return values.microseconds(moment)


def _served_by(record: Generation, provider: str | None, unreadable: list[str]) -> Value:
    if provider is None:  # an unreadable one is reported by its own column
        provider = field_or_none(record, "provider_name", str)
    return _converted("served_by", values.text, provider, unreadable)


def _attempts(record: Generation, attempts: Attempts, unreadable: list[str]) -> str | None:
    if not attempts.known:
        if _was_sent(record, PROVIDER_RESPONSES):
            unreadable.append("attempts")
        return None
    items: list[dict[str, Value]] = []
    is_complete = True
    responses = stored(items_or_none(record, PROVIDER_RESPONSES) or [])
    for attempt, response in zip(attempts.all, responses, strict=True):
        item, is_whole = _attempt_item(attempt, response)
        items.append(item)
        is_complete = is_complete and is_whole
    if not is_complete:
        unreadable.append("attempts")
    return _json(items)


def _attempt_item(attempt: Attempt, response: object) -> tuple[dict[str, Value], bool]:
    """Return an attempt as it is stored, and whether that is all that was sent of it."""
    unfit: list[str] = []
    provider = _converted("provider", values.text, attempt.provider, unfit)
    status = _converted("status", values.integer, attempt.status, unfit)
    item = {"provider": provider, "status": status, "latency_ms": attempt.latency_ms}
    if provider is not None and status is not None and attempt.latency_ms is not None:
        return item, True
    if not isinstance(response, ProviderResponse):
        return item, False
    parts = ((provider, "provider_name"), (status, "status"), (attempt.latency_ms, "latency"))
    return item, not any(part is None and _was_sent(response, name) for part, name in parts)


def _was_sent(source: Generation | ProviderResponse, attribute: str) -> bool:
    """Return whether a value was sent for a field that is stored as NULL."""
    try:
        return getattr(source, attribute, None) is not None
    except FieldError as error:
        return error.found not in _NOT_SENT
