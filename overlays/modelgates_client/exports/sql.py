"""SQL of DuckDB: names and texts that are safe in it, and values out of SQLite's storage."""

import json
from collections.abc import Mapping
from typing import Final

from modelgates_client.rows.columns import Column

_ATTEMPTS: Final = [{"provider": "VARCHAR", "status": "BIGINT", "latency_ms": "DOUBLE"}]
_NAMES: Final = ["VARCHAR"]
_LABELS: Final = "MAP(VARCHAR, VARCHAR)"


def quoted(name: str) -> str:
    """Return a name as an identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as a string, for statements that take no parameters."""
    return "'" + text.replace("'", "''") + "'"


def labelled(labels: str, where: Mapping[str, str]) -> str:
    """Return SQL for whether a row has all these labels.

    Args:
        labels: SQL for its labels: a map in DuckDB.
        where: The labels.
    """
    tests = [f"{labels}[{literal(name)}] = {literal(text)}" for name, text in where.items()]
    return f"coalesce({' AND '.join(tests)}, FALSE)" if tests else "TRUE"


def converted(column: Column) -> str:
    """Return the expression for a column's value where the name stands for what SQLite stores."""
    name = quoted(column.name)
    match column.kind:
        case "usd":
            return f"CAST({name} AS {column.type})"
        case "time":
            return f"make_timestamptz({name})"
        case "boolean":
            return f"CAST({name} AS {column.type})"
        case "attempts":
            return f"from_json({name}, {literal(json.dumps(_ATTEMPTS))})"
        case "names":
            return f"from_json({name}, {literal(json.dumps(_NAMES))})"
        case "labels":
            return f"from_json({name}, {literal(json.dumps(_LABELS))})"
        case _:
            return name
