"""The rows of a ledger as an Arrow table with exact amounts and aware times (extra `arrow`)."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal, InvalidOperation
from importlib import import_module
from typing import Any, Final

from modelgates_client.errors import ConfigurationError
from modelgates_client.ledger.errors import DamagedError
from modelgates_client.rows.column import Column, Kind
from modelgates_client.rows.columns import ALL_COLUMNS

_BATCH: Final = 8192  # rows


def select_columns(names: Iterable[str] | None) -> tuple[Column, ...]:
    """Return columns by name, in the order of the names; None: all.

    Raises:
        ConfigurationError: There is no such column.
    """
    if names is None:
        return ALL_COLUMNS
    known = {column.name: column for column in ALL_COLUMNS}
    chosen = list(names)
    for name in chosen:
        if name not in known:
            raise ConfigurationError(
                f"rows have no column {name!r}; expected one of {', '.join(known)}"
            )
    return tuple(known[name] for name in chosen)


def read_table(connection: sqlite3.Connection, columns: Sequence[Column]) -> Any:
    """Return the rows of a ledger, as a `pyarrow.Table`.

    Raises:
        ConfigurationError: pyarrow is not installed.
        DamagedError: A value does not have the type of its column.
    """
    try:
        pa: Any = import_module("pyarrow")  # from an extra, and untyped
    except ModuleNotFoundError as error:
        if error.name != "pyarrow":
            raise
        raise ConfigurationError(
            "rows as Arrow tables need an extra: pip install 'modelgates-client[arrow]'"
        ) from None
    types = _types(pa)
    schema = pa.schema([pa.field(column.name, types[column.kind]) for column in columns])
    names = ", ".join(f'"{column.name}"' for column in columns)
    cursor = connection.execute(f"SELECT {names} FROM rows")  # noqa: S608 - names of ours
    batches: list[Any] = []
    while rows := cursor.fetchmany(_BATCH):
        arrays = [
            _array(pa, column, values, types[column.kind])
            for column, values in zip(columns, zip(*rows, strict=True), strict=True)
        ]
        batches.append(pa.record_batch(arrays, schema=schema))
    return pa.Table.from_batches(batches, schema)


def _array(pa: Any, column: Column, values: Sequence[Any], arrow_type: Any) -> Any:
    convert = _CONVERTERS.get(column.kind)
    try:
        if column.kind == "time":
            return pa.array(values, pa.int64()).cast(arrow_type)
        if convert is not None:
            values = [None if value is None else convert(value) for value in values]
        return pa.array(values, arrow_type)
    except (pa.ArrowException, InvalidOperation, TypeError, ValueError) as error:
        raise DamagedError(
            f"a value in the column {column.name} is not of kind {column.kind}"
        ) from error


def _types(pa: Any) -> dict[Kind, Any]:
    attempt = {"provider": pa.string(), "status": pa.int64(), "latency_ms": pa.float64()}
    return {
        "text": pa.string(),
        "integer": pa.int64(),
        "number": pa.float64(),
        "boolean": pa.bool_(),
        "usd": pa.decimal128(38, 24),
        "time": pa.timestamp("us", "UTC"),
        "attempts": pa.list_(pa.struct(list(attempt.items()))),
        "names": pa.list_(pa.string()),
        "labels": pa.map_(pa.string(), pa.string()),
        "json": pa.string(),
    }


#: Convert stored values, for the kinds that SQLite does not have.
_CONVERTERS: Final[dict[Kind, Callable[[Any], Any]]] = {
    "boolean": bool,
    "usd": Decimal,
    "attempts": json.loads,
    "names": json.loads,
    "labels": lambda text: list(json.loads(text).items()),
}
