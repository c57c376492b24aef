"""The columns of a row: those of ours, and one for each field of the spec.

A field that a new version of the spec adds becomes a column under its own name, without an edit.
Names carry the unit where the field's own name does not say it: `latency_ms`, `total_cost_usd`.
"""

import inspect
import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from attrs import field, frozen

from modelgates_client.records.generation import Generation
from modelgates_client.rows.kinds import STORAGE, TYPES, Kind
from modelgates_runtime import decoders
from modelgates_runtime.decoder import Decoder
from modelgates_runtime.model import Model


class Unit(NamedTuple):
    """What the numbers of a field count.

    Attributes:
        suffix: What says so in the column's name.
        words: What says so to people.
        kind: The kind of column that they make.
    """

    suffix: str
    words: str
    kind: Kind


_USD: Final = Unit("_usd", "US dollars", "usd")
_MS: Final = Unit("_ms", "milliseconds", "number")

#: Units of the spec's fields, by JSON name. The spec tells them in its descriptions, or not at all.
UNITS: Final[Mapping[str, Unit]] = MappingProxyType(
    {
        "cache_discount": _USD,
        "generation_time": _MS,
        "latency": _MS,
        "moderation_latency": _MS,
        "total_cost": _USD,
        "upstream_inference_cost": _USD,
        "usage": _USD,
    }
)

#: Fields that are a column of ours, under another name or in another form.
ID: Final = "id"
CREATED: Final = "created_at"
ATTEMPTED: Final = "provider_responses"


@frozen
class Column:
    """One column.

    Attributes:
        name: Its name, with the unit where that needs saying.
        kind: What its values are.
        unit: What its numbers count, in words; None: the name says it, or they are no numbers.
        key: The JSON name of the spec's field that it holds; None: it is of ours.
        doc: What it means. It is not part of the `repr`, so that this names the form of a row.
    """

    name: str
    kind: Kind
    unit: str | None
    key: str | None
    doc: str = field(repr=False)

    @property
    def is_field(self) -> bool:
        """Whether it holds a field of the spec as it is."""
        return self.key not in {None, ID, CREATED, ATTEMPTED}

    @property
    def storage(self) -> str:
        """Its type in SQLite."""
        return STORAGE[self.kind]

    @property
    def type(self) -> str:
        """Its type in DuckDB, as DuckDB spells it."""
        return TYPES[self.kind]


_FIRST: Final = (
    Column("generation_id", "text", None, ID, "The id that was asked for; a record is that of it"),
    Column(
        "state",
        "text",
        None,
        None,
        "final: there is a record, and it is settled; provisional: it may still change; "
        "pending: there is none yet; failed: there is none, and another try is not expected to "
        "help; forgotten: there is none, and nobody asks for one any more",
    ),
    Column(
        "error",
        "text",
        None,
        None,
        "Class and message of what the last request ended with; null where there is a record",
    ),
    Column(
        "obtained_at",
        "time",
        None,
        None,
        "When the record was added to the ledger; without one, when it was last asked for",
    ),
    Column("requests", "integer", None, None, "How many requests were made for this id"),
    Column(
        CREATED,
        "time",
        None,
        CREATED,
        "When the generation was created, in UTC; digits beyond the microsecond are cut off. "
        "Without a record, the time in an id of the form gen-<seconds>-...; else null",
    ),
    Column(
        "upstream_usd",
        "usd",
        "US dollars",
        None,
        "What the provider billed besides, to an own key (BYOK); 0 without one",
    ),
    Column(
        "all_in_usd",
        "usd",
        "US dollars",
        None,
        "What was paid in all: total_cost_usd and upstream_usd; null if either is not known",
    ),
    Column(
        "served_by",
        "text",
        None,
        None,
        "Provider of the last attempt with a success; provider_name if the attempts do not say",
    ),
    Column(
        "fallbacks",
        "integer",
        "attempts",
        None,
        "How many attempts came before the one that served; null if none is known to have",
    ),
    Column(
        "time_lost_ms",
        "number",
        "milliseconds",
        None,
        "Time spent on attempts that did not serve; null if any of it is not known",
    ),
    Column(
        "tokens_per_second",
        "number",
        "native tokens per second",
        None,
        "native_tokens_completion by generation_time_ms",
    ),
)

_LAST: Final = (
    Column(
        "attempts",
        "attempts",
        None,
        ATTEMPTED,
        "All attempts in their order: provider, HTTP status, latency in milliseconds",
    ),
    Column(
        "unreadable",
        "names",
        None,
        None,
        "Names of the columns that are null because the value that came does not fit them: one of "
        "another type, an integer beyond 64 bits, an amount of more than 14 digits before the "
        "point, half a character; null without a record",
    ),
)

#: What no record says, but the application that asked for it.
LABELS: Final = Column(
    "labels",
    "labels",
    None,
    None,
    "Labels that the application gave the generation when it was captured; null without any",
)


def columns_of(model: type[Model]) -> tuple[Column, ...]:
    """Return the columns of a model of generations.

    Ours come first; then the spec's fields, by their names; then `attempts` and `unreadable`. A
    field that is called as a column of ours is called `spec_…`.

    Args:
        model: `Generation`, or the class of another version of the spec.
    """
    docs = _documented(model)
    taken = {column.name for column in (*_FIRST, *_LAST, LABELS)}
    columns: list[Column] = []
    for each in sorted(model.__schema__().fields.values(), key=lambda each: each.name):
        kind = _kind(each.decoder)
        if each.key in {ID, CREATED, ATTEMPTED}:
            continue
        unit = UNITS.get(each.key)
        name = each.name
        if unit is not None and kind in {"integer", "number"}:
            name, kind = name + unit.suffix, unit.kind
        else:
            unit = None
        while name.lower() in taken:  # in SQL, upper and lower case are the same
            name = f"spec_{name}"
        taken.add(name.lower())
        words = None if unit is None else unit.words
        columns.append(Column(name, kind, words, each.key, docs.get(each.name, "")))
    return (*_FIRST, *columns, *_LAST)


def _kind(decoder: Decoder) -> Kind:
    """Return what the values are that a decoder makes; `json` where nothing flat holds them."""
    match decoder:
        case decoders.Nullable(item=item):
            return _kind(item)
        case decoders.StrEnumeration():
            return "text"
        case decoders.IntEnumeration():
            return "integer"
        case decoders.Constant(value=value):
            return _kind_of_value(value)
        case decoders.OneOf(choices=choices):
            return _common(_kind(each) for each in choices if each is not decoders.NULL)
        case _:
            return _kind_of_scalar(decoder)


def _kind_of_scalar(decoder: Decoder) -> Kind:
    for each, kind in _SCALARS:
        if each is decoder:
            return kind
    return "json"


def _kind_of_value(value: Any) -> Kind:
    for each, kind in _CLASSES:
        if type(value) is each:
            return kind
    return "json"


_SCALARS: Final[tuple[tuple[Decoder, Kind], ...]] = (
    (decoders.STRING, "text"),
    (decoders.DATE, "text"),
    (decoders.UUID, "text"),
    (decoders.BOOLEAN, "boolean"),
    (decoders.INTEGER, "integer"),
    (decoders.NUMBER, "number"),
    (decoders.DATETIME, "time"),
)

_CLASSES: Final[tuple[tuple[type, Kind], ...]] = (
    (str, "text"),
    (bool, "boolean"),
    (int, "integer"),
    (float, "number"),
)


def _common(kinds: Iterable[Kind]) -> Kind:
    found = set(kinds)
    if found == {"integer", "number"}:
        return "number"
    return found.pop() if len(found) == 1 else "json"


def _documented(model: type[Model]) -> dict[str, str]:
    """Return what the spec says of its fields: the docstring of the generated class has it."""
    docs: dict[str, str] = {}
    name = None
    generated = next((each for each in model.__mro__ if "__fields__" in vars(each)), model)
    # There are no docstrings where Python was told to do without them.
    _, _, attributes = inspect.cleandoc(generated.__doc__ or "").partition("Attributes:\n")
    for line in attributes.splitlines():
        begun = re.fullmatch(r" {4}(\w+): (.*)", line)
        if begun is not None:
            name = begun[1]
            docs[name] = begun[2]
        elif name is not None and line.startswith(" " * 8):
            docs[name] += f" {line.strip()}"
        else:
            name = None
    return docs


#: The columns that are derived from a record.
COLUMNS: Final = columns_of(Generation)

#: All columns of a row.
ALL_COLUMNS: Final = (*COLUMNS, LABELS)
