"""The computed columns, each with the function that returns its value.

A value that does not fit its column is not rounded, truncated or guessed: the column is NULL, and
`unreadable` names it. The one exception are amounts, which are rounded at the 24th decimal. A value
that was not sent, or sent as null, is NULL and not named.
"""

import json
from collections.abc import Callable
from typing import Final, TypeVar

from attrs import define

from modelgates_api.models import ProviderResponse
from modelgates_client.records.attempts import Attempt, Attempts
from modelgates_client.records.field_access import field_or_none, items_or_none
from modelgates_client.records.generation import Generation
from modelgates_client.records.money import Cost
from modelgates_client.rows import values
from modelgates_client.rows.column import CREATED, ID, PROVIDER_RESPONSES, Column, Kind
from modelgates_client.rows.values import Value
from modelgates_runtime.errors import FieldError
from modelgates_runtime.values import stored

T = TypeVar("T")

NOT_SENT: Final = ("nothing", "null")  # values of `FieldError.found`

_json: Final = json.JSONEncoder(separators=(",", ":")).encode


@define
class RowSource:
    """What the values of a row are computed from.

    Attributes:
        generation_id: The id that was requested, in characters that UTF-8 can encode.
        record: The decoded record.
        obtained_at: When it was obtained, in microseconds since 1970-01-01 UTC.
        requests: How many requests were made for it.
        cost: The cost of the record.
        attempts: The attempts of the record.
        unreadable: The names of columns whose values do not fit; converting adds to them.
    """

    generation_id: str
    record: Generation
    obtained_at: int
    requests: int
    cost: Cost
    attempts: Attempts
    unreadable: list[str]

    def converted(self, name: str, convert: Callable[[T], Value], value: T | None) -> Value:
        """Return a value of a column as it is stored; None, if it does not fit."""
        return converted(name, convert, value, self.unreadable)


def converted(
    name: str, convert: Callable[[T], Value], value: T | None, unreadable: list[str]
) -> Value:
    """Return a value as it is stored; if it does not fit, None, and add `name` to `unreadable`."""
    try:
        return None if value is None else convert(value)
    except ValueError:
        unreadable.append(name)
        return None


def _created_at(of: RowSource) -> Value:
    record = of.record
    sent = field_or_none(record, CREATED, str)
    common = None if sent is None else values.parse_common_time(sent)
    if common is not None:
        return common
    moment = record.created
    if moment is None:
        if _was_sent(record, CREATED):
            of.unreadable.append(CREATED)
        return None
    return values.microseconds(moment)


def _served_by(of: RowSource) -> Value:
    served = of.attempts.served
    provider = None if served is None else served.provider
    if provider is None:  # an unreadable one is reported by its own column
        provider = field_or_none(of.record, "provider_name", str)
    return of.converted("served_by", values.text, provider)


def _attempts(of: RowSource) -> Value:
    record, attempts = of.record, of.attempts
    if not attempts.known:
        if _was_sent(record, PROVIDER_RESPONSES):
            of.unreadable.append("attempts")
        return None
    items: list[dict[str, Value]] = []
    is_complete = True
    responses = stored(items_or_none(record, PROVIDER_RESPONSES) or [])
    for attempt, response in zip(attempts.all, responses, strict=True):
        item, is_whole = _attempt_item(attempt, response)
        items.append(item)
        is_complete = is_complete and is_whole
    if not is_complete:
        of.unreadable.append("attempts")
    return _json(items)


def _attempt_item(attempt: Attempt, response: object) -> tuple[dict[str, Value], bool]:
    """Return an attempt as it is stored, and whether that is all that was sent of it."""
    unfit: list[str] = []
    provider = converted("provider", values.text, attempt.provider, unfit)
    status = converted("status", values.integer, attempt.status, unfit)
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
        return error.found not in NOT_SENT


def _computed(  # noqa: PLR0913 - the attributes of a column, and its value
    name: str,
    kind: Kind,
    value: Callable[[RowSource], Value],
    doc: str,
    *,
    unit: str | None = None,
    key: str | None = None,
) -> tuple[Column, Callable[[RowSource], Value]]:
    """Return a column with the function of its value."""
    return Column(name, kind, unit, key, doc), value


#: The columns before those of the spec's fields, in their order, with their values.
FIRST: Final = (
    _computed(
        "generation_id",
        "text",
        lambda of: of.generation_id,
        "The id that was requested, which is that of the record",
        key=ID,
    ),
    _computed(
        "state",
        "text",
        lambda of: "final" if of.record.is_final else "provisional",
        "final: there is a record, and it is settled; provisional: there is one that may still "
        "change; never-final: there is one that did not become final, and it is no longer "
        "requested; pending: there is none yet; failed: there is none, and retrying is not "
        "expected to help; forgotten: there is none, and it is no longer requested",
    ),
    _computed(
        "error",
        "text",
        lambda _: None,
        "Class and message of the error that the last request ended with; null where there is "
        "a record",
    ),
    _computed(
        "obtained_at",
        "time",
        lambda of: of.obtained_at,
        "When the record was added to the ledger; without a record, when it was last requested",
    ),
    _computed(
        "requests",
        "integer",
        lambda of: of.requests,
        "How many requests were made for this id",
    ),
    _computed(
        CREATED,
        "time",
        _created_at,
        "When the generation was created, in UTC; digits beyond the microsecond are cut off. "
        "Without a record, the time in an id of the form gen-<seconds>-...; else null",
        key=CREATED,
    ),
    _computed(
        "upstream_usd",
        "usd",
        lambda of: of.converted("upstream_usd", values.amount, of.cost.upstream),
        "What the provider billed to your own key (BYOK), in addition to charged_usd; 0 "
        "without an own key",
        unit="US dollars",
    ),
    _computed(
        "all_in_usd",
        "usd",
        lambda of: of.converted("all_in_usd", values.amount, of.cost.all_in),
        "The all-in cost: charged_usd plus upstream_usd; null if either is not known",
        unit="US dollars",
    ),
    _computed(
        "served_by",
        "text",
        _served_by,
        "Provider of the last successful attempt; provider_name if the attempts do not say",
    ),
    _computed(
        "fallbacks",
        "integer",
        lambda of: of.attempts.fallbacks,
        "How many attempts came before the one that served; null if no attempt is known to "
        "have served",
        unit="attempts",
    ),
    _computed(
        "time_lost_ms",
        "number",
        lambda of: of.attempts.time_lost_ms,
        "Time spent on attempts that did not serve; null if any of it is not known",
        unit="milliseconds",
    ),
    _computed(
        "native_tokens_per_second",
        "number",
        lambda of: of.record.native_tokens_per_second,
        "native_tokens_completion per second of generation_time_ms",
        unit="native tokens per second",
    ),
)

#: The columns after them; `unreadable` is the last, because the others add to it.
LAST: Final = (
    _computed(
        "attempts",
        "attempts",
        _attempts,
        "All attempts in their order: provider, HTTP status, latency in milliseconds",
        key=PROVIDER_RESPONSES,
    ),
    _computed(
        "unreadable",
        "names",
        lambda of: json.dumps(of.unreadable) if of.unreadable else "[]",
        "Names of the columns that are null because the value that was sent does not fit them: "
        "one of another type, an integer beyond 64 bits, an amount of more than 14 digits "
        "before the point, an unpaired surrogate; null without a record",
    ),
)
