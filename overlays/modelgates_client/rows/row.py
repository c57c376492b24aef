"""A record as a row: its values in the order of `COLUMNS`, as SQLite stores them.

A value that does not fit its column is not rounded, cut or guessed: the column is NULL, and
`unreadable` names it. Of amounts alone, what is behind the 24th decimal is rounded. What was not
sent, or sent as null, is NULL and not named.
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
from modelgates_client.rows.columns import ATTEMPTED, COLUMNS, CREATED
from modelgates_client.rows.values import Value
from modelgates_runtime.errors import FieldError
from modelgates_runtime.values import stored

#: Goes up when a value is derived from a record in another way than before: rows that are kept are
#: made anew then.
VERSION: Final = 3

T = TypeVar("T")

_NOT_SENT: Final = ("nothing", "null")  # in the words of `FieldError.found`

_FIELDS: Final = tuple(column for column in COLUMNS if column.is_field)
_ATTRIBUTES: Final = tuple(
    Generation.__schema__().fields[str(column.key)].name for column in _FIELDS
)
_CONVERT: Final = tuple(values.CONVERTERS[column.kind] for column in _FIELDS)
_READ: Final[Callable[[Generation], tuple[Any, ...]]] = attrgetter(*_ATTRIBUTES)


def row_of(
    generation_id: str, record: Generation, obtained_at: int, requests: int
) -> tuple[Value, ...]:
    """Return the row of a record, whatever came in it.

    Args:
        generation_id: The id that was asked for, in characters that UTF-8 can write.
        record: The record, as it was decoded.
        obtained_at: When it was obtained, in microseconds since 1970-01-01 UTC.
        requests: How many requests were made for it.

    Returns:
        The values in the order of `COLUMNS`.
    """
    lost: list[str] = []
    created_at = _created(record, lost)
    cost = Cost.of(record)
    upstream = _fitting("upstream_usd", values.amount, cost.upstream, lost)
    all_in = _fitting("all_in_usd", values.amount, cost.all_in, lost)
    attempts = Attempts.of(record)
    fallbacks = attempts.fallbacks
    served = None if fallbacks is None else attempts.all[fallbacks].provider
    try:
        fields: list[Value] = [
            None if value is None else convert(value)
            for value, convert in zip(_READ(record), _CONVERT, strict=True)
        ]
    except (FieldError, ValueError):  # at least one is unreadable, or does not fit
        fields = _one_by_one(record, lost)
    return (
        generation_id,
        "final" if record.is_final else "provisional",
        None,
        obtained_at,
        requests,
        created_at,
        upstream,
        all_in,
        _served_by(record, served, lost),
        fallbacks,
        attempts.time_lost_ms,
        record.native_tokens_per_second,
        *fields,
        _attempts(record, attempts, lost),
        json.dumps(lost) if lost else "[]",
    )


def _fitting(name: str, convert: Callable[[T], Value], value: T | None, lost: list[str]) -> Value:
    """Return a value as it is stored; if it does not fit, None, and add the name to `lost`."""
    try:
        return None if value is None else convert(value)
    except ValueError:
        lost.append(name)
        return None


def _one_by_one(record: Generation, lost: list[str]) -> list[Value]:
    fields: list[Value] = []
    for column, attribute, convert in zip(_FIELDS, _ATTRIBUTES, _CONVERT, strict=True):
        try:
            value = getattr(record, attribute)
        except FieldError as error:
            if error.found not in _NOT_SENT:
                lost.append(column.name)
            value = None
        fields.append(_fitting(column.name, convert, value, lost))
    return fields


def _created(record: Generation, lost: list[str]) -> int | None:
    sent = field_or_none(record, CREATED, str)
    usual = None if sent is None else values.parse_common_time(sent)
    if usual is not None:
        return usual
    moment = record.created
    if moment is None:
        if _holds_more(record, CREATED):
            lost.append(CREATED)
        return None
    return values.microseconds(moment)


def _served_by(record: Generation, served: str | None, lost: list[str]) -> Value:
    if served is None:  # what is unreadable is named as lost by its own column
        served = field_or_none(record, "provider_name", str)
    return _fitting("served_by", values.text, served, lost)


def _attempts(record: Generation, attempts: Attempts, lost: list[str]) -> str | None:
    if not attempts.known:
        if _holds_more(record, ATTEMPTED):
            lost.append("attempts")
        return None
    items: list[dict[str, Value]] = []
    whole = True
    came_in = items_or_none(record, ATTEMPTED) or []
    for attempt, came in zip(attempts.all, stored(came_in), strict=True):
        item, fits = _item(attempt, came)
        items.append(item)
        whole = whole and fits
    if not whole:
        lost.append("attempts")
    return json.dumps(items, separators=(",", ":"))


def _item(attempt: Attempt, came: object) -> tuple[dict[str, Value], bool]:
    """Return an attempt as it is stored, and whether that is all that came."""
    unfit: list[str] = []
    provider = _fitting("provider", values.text, attempt.provider, unfit)
    status = _fitting("status", values.integer, attempt.status, unfit)
    item = {"provider": provider, "status": status, "latency_ms": attempt.latency_ms}
    if provider is not None and status is not None and attempt.latency_ms is not None:
        return item, True
    if not isinstance(came, ProviderResponse):
        return item, False
    parts = ((provider, "provider_name"), (status, "status"), (attempt.latency_ms, "latency"))
    return item, not any(part is None and _holds_more(came, name) for part, name in parts)


def _holds_more(came: Generation | ProviderResponse, attribute: str) -> bool:
    """Whether something came for a field that reads as nothing here."""
    try:
        return getattr(came, attribute, None) is not None
    except FieldError as error:
        return error.found not in _NOT_SENT
