"""SQL of DuckDB: string literals, tests for labels, and conversion of values from SQLite."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from modelgates_client.ledger.sql import quoted
from modelgates_client.rows.column import Column

#: The types of columns that SQLite stores as JSON, as `from_json` expects them.
_JSON_TYPES: Final[Mapping[str, object]] = MappingProxyType(
    {
        "attempts": [{"provider": "VARCHAR", "status": "BIGINT", "latency_ms": "DOUBLE"}],
        "names": ["VARCHAR"],
        "labels": "MAP(VARCHAR, VARCHAR)",
    }
)


def literal(text: str) -> str:
    """Return a string literal, for statements that take no parameters."""
    return "'" + text.replace("'", "''") + "'"


def labelled(labels: str, where: Mapping[str, str]) -> str:
    """Return SQL that tests whether a row has all of some labels.

    Args:
        labels: SQL for the labels of the row, a map in DuckDB.
        where: The labels that it must have.
    """
    tests = [f"{labels}[{literal(name)}] = {literal(text)}" for name, text in where.items()]
    return f"coalesce({' AND '.join(tests)}, FALSE)" if tests else "TRUE"


def from_sqlite(column: Column) -> str:
    """Return SQL that converts the value of a column as SQLite stores it."""
    name = quoted(column.name)
    match column.kind:
        case "usd" | "boolean":
            return f"CAST({name} AS {column.type})"
        case "time":
            return f"make_timestamptz({name})"
        case "attempts" | "names" | "labels":
            return f"from_json({name}, {literal(json.dumps(_JSON_TYPES[column.kind]))})"
        case _:
            return name
