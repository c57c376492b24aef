# ruff: noqa: S608 - names of columns are ours, or quoted
"""Rows in DuckDB, held against the control totals of the ledgers that they are of."""

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from modelgates_client.exports.tables import RECORDS
from modelgates_client.ledger.control_totals import DAY, EXACT, Day, day_of
from modelgates_client.ledger.control_totals import RECORDS as COUNT
from modelgates_client.rows.columns import COLUMNS, CREATED

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SMALL: Final = 1000  # US dollars, of which a hundred thousand million fit in DECIMAL(38,24)
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
        sums += _exact(name) if column in _AMOUNTS else (f"sum({name})", "0", "0")
    rows = connection.execute(
        f"SELECT ({created}) - {time} AS day, {', '.join(sums)} FROM {table} "
        f"WHERE {RECORDS} GROUP BY day"
    ).fetchall()
    found: dict[Day, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for start, records, times, *cells in rows:
        day = found[day_of(start)]
        parts = iter([records, 0, 0, times, 0, 0, *cells])
        for column in (COUNT, CREATED, *columns):
            for part in (next(parts), next(parts), next(parts)):
                day[column] = EXACT.add(day[column], Decimal(part or 0))
    return found


def _exact(name: str) -> tuple[str, str, str]:
    """Return SQL for sums that make up that of an amount together, and stay within its type.

    Large amounts are added before and behind the point apart, which takes 60 times as long.
    """
    is_small = f"{name} BETWEEN -{_SMALL} AND {_SMALL}"
    return (
        f"sum(CASE WHEN {is_small} THEN {name} END)",
        f"sum(CASE WHEN NOT ({is_small}) THEN trunc({name}) END)",
        f"sum(CASE WHEN NOT ({is_small}) THEN {name} % 1 END)",
    )
