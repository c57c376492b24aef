"""The kinds of values, and their types in SQLite, DuckDB and Parquet."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

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
