"""The columns of a row: computed ones, and one for each field of the spec.

A field that a new version of the spec adds becomes a column under its own name, without an edit.
Names carry the unit where the field's own name does not: `latency_ms`, `usage_usd`. Amounts that
`Cost` has have the names that they have there: `charged_usd`, `cache_saving_usd`.
"""

import inspect
import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from modelgates_client.records.generation import Generation
from modelgates_client.rows import computed
from modelgates_client.rows.column import CREATED, ID, PROVIDER_RESPONSES, Column, Kind
from modelgates_runtime import decoders
from modelgates_runtime.decoder import Decoder
from modelgates_runtime.model import Model


class Unit(NamedTuple):
    """The unit of a numeric field.

    Attributes:
        suffix: The suffix of the column's name.
        title: The unit in words.
        kind: The kind of the column.
    """

    suffix: str
    title: str
    kind: Kind


_USD: Final = Unit("_usd", "US dollars", "usd")
_MS: Final = Unit("_ms", "milliseconds", "number")

#: Units of the spec's fields, by JSON name. The spec states them in descriptions only, or not at
#: all.
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

#: What `Cost` calls the amounts that the spec calls otherwise, by JSON name.
AMOUNT_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {"cache_discount": "cache_saving", "total_cost": "charged"}
)

#: The labels, which no record contains: the application sets them.
LABELS: Final = Column(
    "labels",
    "labels",
    None,
    None,
    "Labels that the application gave the generation when it was captured; null without any",
)


def columns_of(model: type[Model]) -> tuple[Column, ...]:
    """Return the columns of a model of generations.

    Computed columns come first; then the spec's fields, sorted by name; then `attempts` and
    `unreadable`. A field with the name of a computed column is called `spec_…`.

    Args:
        model: `Generation`, or the class of another version of the spec.
    """
    docs = _field_docs(model)
    first, last = ([column for column, _ in each] for each in (computed.FIRST, computed.LAST))
    names = {column.name for column in (*first, *last, LABELS)}
    columns: list[Column] = []
    for each in sorted(model.__schema__().fields.values(), key=lambda each: each.name):
        kind = _kind(each.decoder)
        if each.key in {ID, CREATED, PROVIDER_RESPONSES}:
            continue
        unit = UNITS.get(each.key)
        name = each.name
        if unit is not None and kind in {"integer", "number"}:
            name, kind = AMOUNT_NAMES.get(each.key, name) + unit.suffix, unit.kind
        else:
            unit = None
        while name.lower() in names:  # SQL does not distinguish upper and lower case
            name = f"spec_{name}"
        names.add(name.lower())
        title = None if unit is None else unit.title
        columns.append(Column(name, kind, title, each.key, docs.get(each.name, "")))
    return (*first, *sorted(columns, key=lambda column: column.name), *last)


def _kind(decoder: Decoder) -> Kind:
    """Return the kind of the values that a decoder returns; `json` where they have no flat form."""
    match decoder:
        case decoders.Nullable(item=item):
            return _kind(item)
        case decoders.StrEnumeration():
            return "text"
        case decoders.IntEnumeration():
            return "integer"
        case decoders.Constant(value=value):
            return _kind_of_constant(value)
        case decoders.OneOf(choices=choices):
            return _common_kind(_kind(each) for each in choices if each is not decoders.NULL)
        case _:
            return _kind_of_scalar(decoder)


def _kind_of_scalar(decoder: Decoder) -> Kind:
    for each, kind in _SCALAR_KINDS:
        if each is decoder:
            return kind
    return "json"


def _kind_of_constant(value: Any) -> Kind:
    for each, kind in _CONSTANT_KINDS:
        if type(value) is each:
            return kind
    return "json"


_SCALAR_KINDS: Final[tuple[tuple[Decoder, Kind], ...]] = (
    (decoders.STRING, "text"),
    (decoders.DATE, "text"),
    (decoders.UUID, "text"),
    (decoders.BOOLEAN, "boolean"),
    (decoders.INTEGER, "integer"),
    (decoders.NUMBER, "number"),
    (decoders.DATETIME, "time"),
)

_CONSTANT_KINDS: Final[tuple[tuple[type, Kind], ...]] = (
    (str, "text"),
    (bool, "boolean"),
    (int, "integer"),
    (float, "number"),
)


def _common_kind(kinds: Iterable[Kind]) -> Kind:
    distinct = set(kinds)
    if distinct == {"integer", "number"}:
        return "number"
    return distinct.pop() if len(distinct) == 1 else "json"


def _field_docs(model: type[Model]) -> dict[str, str]:
    """Return the spec's descriptions of its fields, from the docstring of the generated class."""
    docs: dict[str, str] = {}
    name = None
    generated = next((each for each in model.__mro__ if "__fields__" in vars(each)), model)
    # Under `python -OO` there are no docstrings.
    _, _, attributes = inspect.cleandoc(generated.__doc__ or "").partition("Attributes:\n")
    for line in attributes.splitlines():
        first_line = re.fullmatch(r" {4}(\w+): (.*)", line)
        if first_line is not None:
            name = first_line[1]
            docs[name] = first_line[2]
        elif name is not None and line.startswith(" " * 8):
            docs[name] += f" {line.strip()}"
        else:
            name = None
    return docs


#: The columns that are derived from a record.
COLUMNS: Final = columns_of(Generation)

#: All columns of a row.
ALL_COLUMNS: Final = (*COLUMNS, LABELS)
