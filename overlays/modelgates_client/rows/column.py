"""A column, and the kinds of values with their types in SQLite, DuckDB and Parquet."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

from attrs import field, frozen

#: The kind of a column's values. `usd` are exact amounts, `time` instants, `names` a list of
#: strings, `attempts` a list of structures, `labels` a map of strings; `json` is what has no flat
#: form.
Kind = Literal[
    "text", "integer", "number", "boolean", "usd", "time", "attempts", "names", "labels", "json"
]

#: The type of each kind in a STRICT table of SQLite, and in DuckDB as DuckDB spells it; Parquet has
#: the same types as DuckDB. In SQLite, amounts are decimal strings, times are microseconds since
#: 1970-01-01 UTC, booleans 0 and 1, attempts, names and labels JSON.
TYPES: Final[Mapping[Kind, tuple[str, str]]] = MappingProxyType(
    {
        "text": ("TEXT", "VARCHAR"),
        "integer": ("INTEGER", "BIGINT"),
        "number": ("REAL", "DOUBLE"),
        "boolean": ("INTEGER", "BOOLEAN"),
        "usd": ("TEXT", "DECIMAL(38,24)"),
        "time": ("INTEGER", "TIMESTAMP WITH TIME ZONE"),
        "attempts": ("TEXT", "STRUCT(provider VARCHAR, status BIGINT, latency_ms DOUBLE)[]"),
        "names": ("TEXT", "VARCHAR[]"),
        "labels": ("TEXT", "MAP(VARCHAR, VARCHAR)"),
        "json": ("TEXT", "VARCHAR"),
    }
)

#: Fields that are a computed column, under another name or in another form.
ID: Final = "id"
CREATED: Final = "created_at"
PROVIDER_RESPONSES: Final = "provider_responses"


@frozen
class Column:
    """One column.

    Attributes:
        name: Its name, with the unit where the field's own name does not state it.
        kind: The kind of its values.
        unit: The unit of its numbers, in words; None: the name states it, or they are no numbers.
        key: The JSON name of the spec's field that it holds; None: it is computed.
        doc: What it means. It is left out of the `repr`, which identifies the form of a row.
    """

    name: str
    kind: Kind
    unit: str | None
    key: str | None
    doc: str = field(repr=False)

    @property
    def is_field(self) -> bool:
        """Whether it holds a field of the spec unchanged."""
        return self.key not in {None, ID, CREATED, PROVIDER_RESPONSES}

    @property
    def storage(self) -> str:
        """Its type in SQLite."""
        return TYPES[self.kind][0]

    @property
    def type(self) -> str:
        """Its type in DuckDB, spelled as DuckDB spells it."""
        return TYPES[self.kind][1]
