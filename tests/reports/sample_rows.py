"""Sample rows, in a DuckDB table with the types of `exports.source.open_rows`."""

import datetime
import json
from decimal import Decimal

import duckdb

TYPES = {
    "generation_id": "VARCHAR",
    "state": "VARCHAR",
    "error": "VARCHAR",
    "created_at": "TIMESTAMPTZ",
    "upstream_usd": "DECIMAL(38,24)",
    "all_in_usd": "DECIMAL(38,24)",
    "served_by": "VARCHAR",
    "native_tokens_per_second": "DOUBLE",
    "app_id": "BIGINT",
    "cache_saving_usd": "DECIMAL(38,24)",
    "external_user": "VARCHAR",
    "generation_time_ms": "DOUBLE",
    "is_byok": "BOOLEAN",
    "latency_ms": "DOUBLE",
    "model": "VARCHAR",
    "native_tokens_cached": "BIGINT",
    "native_tokens_completion": "BIGINT",
    "native_tokens_prompt": "BIGINT",
    "native_tokens_reasoning": "BIGINT",
    "service_tier": "VARCHAR",
    "session_id": "VARCHAR",
    "charged_usd": "DECIMAL(38,24)",
    "attempts": "STRUCT(provider VARCHAR, status BIGINT, latency_ms DOUBLE)[]",
}
NOON = datetime.datetime(2026, 11, 2, 12, tzinfo=datetime.UTC)


def row(**changes):
    """Return the row of a final record; columns that are not passed are unknown."""
    return {**dict.fromkeys(TYPES), "state": "final", "created_at": NOON, **changes}


def costing(amount, **changes):
    """Return the row of a record with a cost and no upstream cost."""
    cost = Decimal(amount)
    charge = {"charged_usd": cost, "all_in_usd": cost, "upstream_usd": Decimal(0)}
    return row(**charge, is_byok=False, **changes)


def unresolved(state="pending", error=None):
    """Return the row of an id without a record."""
    return row(state=state, error=error, created_at=None)


def microseconds(when):
    """Return a time as microseconds since 1970."""
    return (when - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)) // datetime.timedelta(
        microseconds=1
    )


def connect(rows, types=TYPES):
    """Return a connection with a view `rows`."""
    connection = duckdb.connect()
    connection.execute("CREATE TABLE typed (" + ", ".join(map(" ".join, types.items())) + ")")
    lines = [{name: _as_json(each[name]) for name in types} for each in rows]
    names = ", ".join(
        f"make_timestamptz(item.{name}::BIGINT)" if name == "created_at" else f"item.{name}::{kind}"
        for name, kind in types.items()
    )
    json_types = dict.fromkeys(types, "VARCHAR") | {"attempts": types.get("attempts", "VARCHAR")}
    connection.execute(
        f"INSERT INTO typed SELECT {names} FROM (SELECT unnest(from_json(?, ?)) AS item)",
        [json.dumps(lines), json.dumps([json_types])],
    )
    connection.execute("CREATE VIEW rows AS SELECT * FROM typed")
    return connection


def _as_json(value):
    if isinstance(value, datetime.datetime):
        return str(microseconds(value))
    if value is None or isinstance(value, list):
        return value
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
