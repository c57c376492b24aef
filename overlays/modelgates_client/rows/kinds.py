"""Kinds of values, and what SQLite, DuckDB and Parquet hold them in."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

#: What the values of a column are. `usd` are exact amounts, `time` instants, `names` a list of
#: texts, `attempts` a list of structures, `labels` texts by name; `json` is what has no flat form.
Kind = Literal[
    "text", "integer", "number", "boolean", "usd", "time", "attempts", "names", "labels", "json"
]

#: How SQLite holds each: amounts as plain decimals, times as microseconds since 1970-01-01 UTC,
#: truth as 0 and 1, attempts, names and labels as JSON. The types are those of STRICT tables.
STORAGE: Final[Mapping[Kind, str]] = MappingProxyType(
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

#: The DuckDB type of each, as DuckDB itself spells it; Parquet has the same ones.
TYPES: Final[Mapping[Kind, str]] = MappingProxyType(
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
