# ruff: noqa: S608 - names of columns are ours, or quoted
"""Rows in DuckDB, held against the control totals of the ledgers that they are of."""

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from modelgates_client.exports.tables import RECORDS
from modelgates_client.ledger.controls import DAY, EXACT, Day, day_of
from modelgates_client.ledger.controls import RECORDS as COUNT
from modelgates_client.rows.columns import COLUMNS, CREATED

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_AMOUNTS: Final = frozenset(column.name for column in COLUMNS if column.kind == "usd")


def add_up(
    connection: "DuckDBPyConnection", table: str, created: str, columns: Mapping[str, str]
) -> dict[Day, dict[str, Decimal]]:
    """Return what the records of a table add up to, for each UTC day.

    Args:
        connection: The database.
        table: The table, with a column `state`.
        created: SQL for the time of a record, as microseconds since 1970.
        columns: What is summed, and its name in the table.
    """
    time = f"(({created}) % {DAY} + {DAY}) % {DAY}"  # % has the sign of its left side
    sums = ["count(*)", f"sum({time})"]
    for column, name in columns.items():
        # digits before and behind the point apart: the sum may have more than the type holds
        exact = (f"sum(trunc({name}))", f"sum({name} % 1)")
        sums += exact if column in _AMOUNTS else (f"sum({name})", "0")
    rows = connection.execute(
        f"SELECT ({created}) - {time} AS day, {', '.join(sums)} FROM {table} "
        f"WHERE {RECORDS} GROUP BY day"
    ).fetchall()
    found: dict[Day, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for start, records, times, *cells in rows:
        day = found[day_of(start)]
        parts = iter([records, 0, times, 0, *cells])
        for column in (COUNT, CREATED, *columns):
            for part in (next(parts), next(parts)):
                day[column] = EXACT.add(day[column], Decimal(part or 0))
    return found
