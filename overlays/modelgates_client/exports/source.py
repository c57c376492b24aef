# ruff: noqa: S608 - names of columns and files cannot be bound: they are quoted
"""Ledgers and Parquet files as DuckDB views, which reports and exports are made of.

Where an id is in several files, or several times in one, one row of it counts: a final record
before a provisional one before none, and of equals the one obtained last, or asked for last.
"""

import os
from collections.abc import Generator, Iterable, Sequence
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from modelgates_client.exports import files
from modelgates_client.exports.control_totals import add_up
from modelgates_client.exports.duckdb_session import confined, translate_errors
from modelgates_client.exports.errors import SourceError
from modelgates_client.exports.sql import converted, literal, quoted
from modelgates_client.exports.stream import NO_STATE, LedgerReader, reading
from modelgates_client.ledger.control_totals import (
    EXACT,
    ControlTotals,
    Day,
    Sums,
    Totals,
    TotalsDifference,
    differences,
    is_summed,
    read_totals,
)
from modelgates_client.ledger.errors import DamagedError
from modelgates_client.rows.columns import ALL_COLUMNS, COLUMNS, CREATED, Column

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Sources = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]

#: The columns that say which row of an id counts.
_DECIDING: Final = ("generation_id", "state", "obtained_at")

#: Where a row is: in which file, and there by its number or, in a ledger, by its id.
_PLACE: Final = "file_, number_, id_"

_INEXACT: Final = ("FLOAT", "DOUBLE")
_NOT_OURS: Final = "give Parquet files made by `modelgates export`, without --focus"


@contextmanager
def open_rows(
    sources: Sources, columns: Iterable[str] | None = None
) -> Generator["DuckDBPyConnection"]:
    """Yield a DuckDB connection with a view `rows` of ledgers and Parquet files.

    The view has the columns of `ALL_COLUMNS`, of the types that these name; one that a file lacks,
    because it was made by another version, is NULL. A ledger is seen as it is at one moment, while
    others may write to it, and read anew by each query. This process must not have it open
    otherwise at the same time.

    The connection reaches no network and no other files, its memory is bounded, and its settings
    are locked. What DuckDB says of files while it is used becomes a `SourceError`. Fetch times as
    `epoch_us(…)`: for aware ones DuckDB's Python package wants pytz, which is no extra of ours.

    Args:
        sources: The path of a ledger, of a Parquet file or a folder of such, or a pattern as
            `exports/*.parquet`; or several.
        columns: The names of the columns that are needed, the fewer the faster; None: all. Names
            that `ALL_COLUMNS` does not have are left out.

    Raises:
        ConfigurationError: An extra is missing, or there is no source.
        LedgerError: A ledger cannot be read.
        SourceError: A file is no ledger and no export, or cannot be read.
    """
    with open_source(sources) as source:
        source.define("rows", columns)
        yield source.connection


@contextmanager
def open_source(sources: Sources, folders: Iterable[str] = ()) -> Generator["RowSource"]:
    """Yield ledgers and Parquet files, for views of them; see `open_rows`.

    Args:
        sources: As there.
        folders: Folders that the connection may write to.

    Raises:
        ConfigurationError: As there.
        LedgerError: As there.
        SourceError: As there.
    """
    given = [sources] if isinstance(sources, str | os.PathLike) else [*sources]
    names = [os.fspath(source) for source in given]
    name = ", ".join(names)
    found = files.find(names)
    with ExitStack() as stack:
        ledgers = [stack.enter_context(reading(path)) for path in found.ledgers]
        connection = stack.enter_context(confined(name, found.exports, folders))
        yield RowSource(name, connection, ledgers, found.exports)


class RowSource:
    """Ledgers and Parquet files, as views of one moment.

    Attributes:
        connection: The connection to DuckDB that the views are in.
    """

    def __init__(
        self,
        name: str,
        connection: "DuckDBPyConnection",
        ledgers: Sequence[LedgerReader],
        exports: Sequence[str],
    ) -> None:
        self.connection: Final = connection
        self._name = name
        self._ledgers = ledgers
        self._streams = 0
        self._present: dict[str, str] = {}
        self._parquet = ""
        if exports:
            paths = ", ".join(map(literal, exports))
            self._parquet = (
                f"read_parquet([{paths}], union_by_name = true, hive_partitioning = false, "
                "filename = 'file_', file_row_number = true)"
            )
            self._look(paths)
        # In a ledger, ids are unique.
        is_one_ledger = len(ledgers) == 1 and not exports
        self._repeats = not is_one_ledger and self._find_superseded()

    def control_totals(self) -> Totals | None:
        """Return what the rows of all views add up to, by what was written of them.

        None: there are files that have no such totals, or an id is in several.

        Raises:
            SourceError: They are damaged.
        """
        if self._parquet or self._repeats:
            return None
        totals: dict[Day, dict[str, Decimal]] = {}
        for number in range(len(self._ledgers)):
            for day, sums in self._kept(number).items():
                whole = totals.setdefault(day, dict.fromkeys(sums, Decimal(0)))
                for name, value in sums.items():
                    whole[name] = EXACT.add(whole[name], value)
        return totals

    def differences(self) -> tuple[TotalsDifference, ...]:
        """Return what the rows of each ledger differ by from its control totals; reads them once.

        Raises:
            SourceError: They are damaged.
        """
        found: list[TotalsDifference] = []
        summed = [column for column in COLUMNS if is_summed(column)]
        names = {column.name: quoted(column.name) for column in summed if column.name != CREATED}
        deciding = [column for column in COLUMNS if column.name == "state"]
        for number in range(len(self._ledgers)):
            rows = self._of_ledger(number, [*deciding, *summed], placed=False)
            sums = add_up(self.connection, f"({rows})", f"epoch_us({CREATED})", names)
            found += differences(sums, self._kept(number), (CREATED, *names))
        return (*found,)

    def _kept(self, number: int) -> dict[Day, Sums]:
        """Return the control totals of a ledger."""
        self._streams += 1
        name = f"ledger_{self._streams}"
        self.connection.register(name, self._ledgers[number].control_totals())
        with translate_errors(self._name):
            rows = self.connection.execute(f"SELECT * FROM {name} WHERE day <> ''").fetchall()
        try:
            return read_totals(rows, ControlTotals().names)
        except DamagedError as error:
            raise SourceError(
                self._name, f"it is damaged: {error}", "run the command `modelgates check` on it"
            ) from None

    def define(self, view: str, columns: Iterable[str] | None = None) -> None:
        """Make a view of the rows, with some columns or all.

        Raises:
            SourceError: A column of a file has another type.
        """
        wanted = None if columns is None else {*columns}
        chosen = [column for column in ALL_COLUMNS if wanted is None or column.name in wanted]
        listed = ", ".join(quoted(column.name) for column in chosen)
        query = f"SELECT {listed} FROM ({self._select(chosen, placed=self._repeats)})"
        if self._repeats:
            query += f" WHERE ({_PLACE}) NOT IN (SELECT ({_PLACE}) FROM superseded)"
        with translate_errors(self._name, binding=True):
            self.connection.execute(f"CREATE TEMP VIEW {quoted(view)} AS {query}")

    def _select(self, columns: Sequence[Column], *, placed: bool) -> str:
        """Return a query for columns and, if wanted, for the places of the rows."""
        arms = [
            self._of_ledger(number, columns, placed=placed) for number in range(len(self._ledgers))
        ]
        if self._parquet:
            values = [self._of_export(column) for column in columns]
            if placed:
                values += ["file_", "file_row_number AS number_", "'' AS id_"]
            arms.append(f"SELECT {', '.join(values)} FROM {self._parquet}")
        return " UNION ALL ".join(arms)

    def _of_ledger(self, number: int, columns: Sequence[Column], *, placed: bool) -> str:
        needed = {"state", *(column.name for column in columns), *(["generation_id"] * placed)}
        self._streams += 1
        name = f"ledger_{self._streams}"
        stream = self._ledgers[number].stream(
            [column for column in ALL_COLUMNS if column.name in needed]
        )
        self.connection.register(name, stream)
        values = [f"{converted(column)} AS {quoted(column.name)}" for column in columns]
        if placed:
            values += [f"'{number}' AS file_", "0 AS number_", "generation_id AS id_"]
        return f"SELECT {', '.join(values)} FROM {name} WHERE state <> {literal(NO_STATE)}"

    def _of_export(self, column: Column) -> str:
        name = quoted(column.name)
        value = name if column.name in self._present else "NULL"
        return f"CAST({value} AS {column.type}) AS {name}"

    def _look(self, paths: str) -> None:
        """See what columns the Parquet files have.

        Raises:
            SourceError: One is no export, or has amounts that are not exact.
        """
        lacking = self.connection.execute(
            f"""SELECT file_name FROM parquet_schema([{paths}]) GROUP BY file_name
            HAVING count(*) FILTER (name IN ('generation_id', 'state')) <> 2
            ORDER BY file_name LIMIT 1"""
        ).fetchone()
        if lacking is not None:
            raise SourceError(lacking[0], "it has no rows of generations", _NOT_OURS)
        described = self.connection.execute(f"DESCRIBE FROM {self._parquet}").fetchall()
        self._present = {name: kind for name, kind, *_ in described}
        for column in COLUMNS:
            if column.kind == "usd" and self._present.get(column.name) in _INEXACT:
                raise SourceError(
                    self._name,
                    f"{column.name} is {self._present[column.name]}: its amounts are not exact",
                    f"write it as {column.type}",
                )

    def _find_superseded(self) -> bool:
        """Put the places of rows that do not count into `superseded`; whether there are any.

        Raises:
            SourceError: There is a row without an id, or in no state that there is.
        """
        deciding = [column for column in COLUMNS if column.name in _DECIDING]
        with translate_errors(self._name, binding=True):
            self.connection.execute(
                f"CREATE TEMP VIEW deciding AS {self._select(deciding, placed=True)}"
            )
        ids, rows, wrong = self.connection.execute(
            """SELECT count(DISTINCT generation_id), count(*), count(*) FILTER (
                generation_id IS NULL OR state IS NULL
                OR state NOT IN ('final', 'provisional', 'pending', 'failed', 'forgotten'))
            FROM deciding"""
        ).fetchall()[0]
        if wrong:
            raise SourceError(
                self._name, f"{wrong} rows have no id, or no state that there is", _NOT_OURS
            )
        if ids == rows:
            return False
        self.connection.execute(
            f"""CREATE TEMP TABLE superseded AS SELECT {_PLACE} FROM (
                SELECT {_PLACE}, row_number() OVER (
                    PARTITION BY generation_id
                    ORDER BY
                        CASE state WHEN 'final' THEN 0 WHEN 'provisional' THEN 1 ELSE 2 END,
                        obtained_at DESC NULLS LAST, {_PLACE}) AS place
                FROM deciding WHERE generation_id IN (
                    SELECT generation_id FROM deciding GROUP BY generation_id HAVING count(*) > 1))
            WHERE place > 1"""
        )
        return True
