# ruff: noqa: S608 - names of columns are constants or quoted
"""Sums of rows in DuckDB, for comparison with the control totals of their ledgers."""

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from modelgates_client.exports.tables import RECORDS
from modelgates_client.ledger.control_totals import DAY, EXACT, RECORDS as COUNT, Day, day_of
from modelgates_client.rows.column import CREATED
from modelgates_client.rows.columns import COLUMNS

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_MAX_SMALL: Final = 1000  # US dollars; 10^11 times this fits in DECIMAL(38,24)
_AMOUNT_COLUMNS: Final = frozenset(column.name for column in COLUMNS if column.kind == "usd")


def add_up(
    connection: "DuckDBPyConnection", table: str, created: str, columns: Mapping[str, str]
) -> dict[Day, dict[str, Decimal]]:
    """Return the sums of the records of a table for each UTC day.

    Args:
        connection: The connection to the database.
        table: The table, which has a column `state`.
        created: SQL for the time of a record, in microseconds since 1970.
        columns: The columns to sum, with their names in the table.
    """
    time = f"(({created}) % {DAY} + {DAY}) % {DAY}"  # % has the sign of its left operand
    sums = ["count(*)", f"sum({time})"]
    for column, name in columns.items():
        sums += _exact_sum(name) if column in _AMOUNT_COLUMNS else (f"sum({name})", "0", "0")
    rows = connection.execute(
        f"SELECT ({created}) - {time} AS day, {', '.join(sums)} FROM {table} "
        f"WHERE {RECORDS} GROUP BY day"
    ).fetchall()
    totals: dict[Day, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for start, records, times, *cells in rows:
        sums_of_day = totals[day_of(start)]
        parts = iter([records, 0, 0, times, 0, 0, *cells])
        for column in (COUNT, CREATED, *columns):
            for part in (next(parts), next(parts), next(parts)):
                sums_of_day[column] = EXACT.add(sums_of_day[column], Decimal(part or 0))
    return totals


def _exact_sum(name: str) -> tuple[str, str, str]:
    """Return SQL for three partial sums of an amount, none of which overflows its type.

    The integer and fractional parts of large amounts are summed separately, which takes 60 times as
    long.
    """
    is_small = f"{name} BETWEEN -{_MAX_SMALL} AND {_MAX_SMALL}"
    return (
        f"sum(CASE WHEN {is_small} THEN {name} END)",
        f"sum(CASE WHEN NOT ({is_small}) THEN trunc({name}) END)",
        f"sum(CASE WHEN NOT ({is_small}) THEN {name} % 1 END)",
    )
