"""The tables that can be exported, with their columns, each derived from the view `rows`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from attrs import frozen

from modelgates_client.ledger.sql import quoted
from modelgates_client.rows.column import Column
from modelgates_client.rows.columns import ALL_COLUMNS, COLUMNS

#: Selects rows of records; the others are ids without a record.
RECORDS: Final = "state IN ('final', 'provisional', 'never-final')"


@frozen
class ExportTable:
    """A table that can be exported.

    Attributes:
        name: Its name in a database.
        columns: Its columns, in order.
        needs: The columns of `rows` that it is derived from.
        values: SQL over `source` for the values of columns that are not columns of `rows`.
        source: `rows`, or a query of it.
    """

    name: str
    columns: tuple[Column, ...]
    needs: frozenset[str]
    values: Mapping[str, str] = MappingProxyType({})
    source: str = "rows"

    def value(self, column: Column) -> str:
        """Return the SQL for the value of a column."""
        return self.values.get(column.name, quoted(column.name))


ROWS: Final = ExportTable("rows", ALL_COLUMNS, frozenset(column.name for column in ALL_COLUMNS))

ATTEMPTS: Final = ExportTable(
    "attempts",
    (
        COLUMNS[0],
        Column(
            "attempt", "integer", None, None, "The number of the attempt in the generation, from 1"
        ),
        Column("provider", "text", None, None, "The provider that the request was sent to"),
        Column("status", "integer", None, None, "The HTTP status of its response"),
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
