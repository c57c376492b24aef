"""What can be written: tables with their columns, each made of the view `rows`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from attrs import frozen

from modelgates_client.exports.sql import quoted
from modelgates_client.rows.columns import ALL_COLUMNS, COLUMNS, Column

#: Rows of records; the others are ids without one.
RECORDS: Final = "state IN ('final', 'provisional')"


@frozen
class ExportTable:
    """A table.

    Attributes:
        name: What it is called in a database.
        columns: Its columns, in their order.
        needs: The columns of `rows` that it is made of.
        values: What makes the values of those columns that are not of `rows`, as SQL over `source`.
        source: What the values are taken from: `rows`, or a query of it.
    """

    name: str
    columns: tuple[Column, ...]
    needs: frozenset[str]
    values: Mapping[str, str] = MappingProxyType({})
    source: str = "rows"

    def value(self, column: Column) -> str:
        """Return the SQL that makes the value of a column."""
        return self.values.get(column.name, quoted(column.name))


ROWS: Final = ExportTable("rows", ALL_COLUMNS, frozenset(column.name for column in ALL_COLUMNS))

ATTEMPTS: Final = ExportTable(
    "attempts",
    (
        COLUMNS[0],
        Column("attempt", "integer", None, None, "Its number in the generation, from 1"),
        Column("provider", "text", None, None, "Who was asked"),
        Column("status", "integer", None, None, "The HTTP status that it answered"),
        Column("latency_ms", "number", "milliseconds", None, "How long it took"),
    ),
    frozenset({"generation_id", "attempts"}),
    MappingProxyType(
        {
            "provider": "item.provider",
            "status": "item.status",
            "latency_ms": "item.latency_ms",
        }
    ),
    "(SELECT generation_id, unnest(attempts) AS item, generate_subscripts(attempts, 1) AS attempt "
    "FROM rows)",
)
