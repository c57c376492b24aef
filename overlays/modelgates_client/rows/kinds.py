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

#: The type of each kind in a STRICT table of SQLite: amounts are decimal strings, times are
#: microseconds since 1970-01-01 UTC, booleans 0 and 1, attempts, names and labels JSON.
SQLITE_TYPES: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        "text": "TEXT",
        "integer": "INTEGER",
        "number": "REAL",
        "boolean": "INTEGER",
        "usd": "TEXT",
        "time": "INTEGER",
        "attempts": "TEXT",
        "names": "TEXT",
        "labels": "TEXT",
        "json": "TEXT",
    }
)

#: The type of each kind in DuckDB, spelled as DuckDB spells it; Parquet has the same types.
DUCKDB_TYPES: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        "text": "VARCHAR",
        "integer": "BIGINT",
        "number": "DOUBLE",
        "boolean": "BOOLEAN",
        "usd": "DECIMAL(38,24)",
        "time": "TIMESTAMP WITH TIME ZONE",
        "attempts": "STRUCT(provider VARCHAR, status BIGINT, latency_ms DOUBLE)[]",
        "names": "VARCHAR[]",
        "labels": "MAP(VARCHAR, VARCHAR)",
        "json": "VARCHAR",
    }
)
