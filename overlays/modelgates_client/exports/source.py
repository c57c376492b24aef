# ruff: noqa: S608 - names of columns and files cannot be bound: they are quoted
"""Ledgers and Parquet files as DuckDB views, from which reports and exports are derived.

If an id has several rows, in one file or several, one of them is used: a final record before a
one that is not final before none, and among equals the one that was obtained or requested last.
"""

import os
from collections.abc import Generator, Iterable, Sequence
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from modelgates_client.exports import files
from modelgates_client.exports.control_totals import add_up
from modelgates_client.exports.duckdb_session import open_confined, translate_errors
from modelgates_client.exports.errors import SourceError
from modelgates_client.exports.sql import from_sqlite, literal
from modelgates_client.exports.stream import NO_STATE, LedgerReader, reading
from modelgates_client.exports.tables import RECORDS
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
from modelgates_client.ledger.sql import quoted
from modelgates_client.rows.column import CREATED, Column
from modelgates_client.rows.columns import ALL_COLUMNS, COLUMNS

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Sources = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]

#: The columns that decide which row of an id is used.
_PRECEDENCE: Final = ("generation_id", "state", "obtained_at")

#: The location of a row: the file, and its number there or, in a ledger, its id.
_LOCATION: Final = "file_, number_, id_"

_INEXACT: Final = ("FLOAT", "DOUBLE")
_REMEDY: Final = "give Parquet files made by `modelgates export`, without --focus"


@contextmanager
def open_rows(
    sources: Sources, columns: Iterable[str] | None = None
) -> Generator["DuckDBPyConnection"]:
    """Yield a DuckDB connection with a view `rows` of ledgers and Parquet files.

    The view has the columns and types of `ALL_COLUMNS`; a column that a file lacks, because another
    version wrote it, is NULL. Each query reads a ledger again, as of the moment at which it was
    opened; other processes may write to it. This process must not have it open in any other way at
    the same time.

    The connection has no access to the network and to other files, its memory is bounded, and its
    settings are locked. DuckDB's errors about files become a `SourceError`. Fetch times as
    `epoch_us(…)`: for aware times DuckDB's Python package needs pytz, which no extra installs.

    Args:
        sources: One or several paths of ledgers, Parquet files or folders of Parquet files, or
            patterns such as `exports/*.parquet`.
        columns: The names of the columns that are needed; fewer are faster. None: all. Names that
            `ALL_COLUMNS` does not have are ignored.

    Raises:
        ConfigurationError: An extra is missing, or there is no source.
        LedgerError: A ledger cannot be read.
        SourceError: A file is neither a ledger nor an export, or cannot be read.
    """
    with open_source(sources) as source:
        source.define("rows", columns)
        yield source.connection


@contextmanager
def open_source(sources: Sources, folders: Iterable[str] = ()) -> Generator["RowSource"]:
    """Yield ledgers and Parquet files as a `RowSource`; see `open_rows`.

    Args:
        sources: As for `open_rows`.
        folders: Folders that the connection may write to.

    Raises:
        ConfigurationError: As for `open_rows`.
        LedgerError: As for `open_rows`.
        SourceError: As for `open_rows`.
    """
    paths = [sources] if isinstance(sources, str | os.PathLike) else [*sources]
    names = [os.fspath(path) for path in paths]
    name = ", ".join(names)
    found = files.find_sources(names)
    with ExitStack() as stack:
        ledgers = [stack.enter_context(reading(path)) for path in found.ledgers]
        connection = stack.enter_context(open_confined(name, found.exports, folders))
        yield RowSource(name, connection, ledgers, found.exports)


class RowSource:
    """Ledgers and Parquet files, as DuckDB views that see one snapshot.

    Attributes:
        connection: The DuckDB connection that contains the views.
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
        self._export_types: dict[str, str] = {}
        self._parquet = ""
        if exports:
            paths = ", ".join(map(literal, exports))
            self._parquet = (
                f"read_parquet([{paths}], union_by_name = true, hive_partitioning = false, "
                "filename = 'file_', file_row_number = true)"
            )
            self._inspect_exports(paths)
        # In a ledger, ids are unique.
        is_one_ledger = len(ledgers) == 1 and not exports
        self._has_duplicates = not is_one_ledger and self._create_superseded()

    def control_totals(self) -> Totals | None:
        """Return the control totals of all ledgers together.

        None if there are Parquet files, which have no totals, or an id is in several ledgers.

        Raises:
            SourceError: The totals are damaged.
        """
        if self._parquet or self._has_duplicates:
            return None
        totals: dict[Day, dict[str, Decimal]] = {}
        for number in range(len(self._ledgers)):
            for day, sums in self._stored_totals(number).items():
                total = totals.setdefault(day, dict.fromkeys(sums, Decimal(0)))
                for name, value in sums.items():
                    total[name] = EXACT.add(total[name], value)
        return totals

    def differences(self) -> tuple[TotalsDifference, ...]:
        """Return the differences between the rows of each ledger and its control totals.

        Raises:
            SourceError: The rows or totals are damaged.
        """
        found: list[TotalsDifference] = []
        summed = [column for column in COLUMNS if is_summed(column)]
        names = {column.name: quoted(column.name) for column in summed if column.name != CREATED}
        state = [column for column in COLUMNS if column.name == "state"]
        for number in range(len(self._ledgers)):
            rows = self._select_ledger(number, [*state, *summed], located=False)
            sums = add_up(self.connection, f"({rows})", f"epoch_us({CREATED})", names)
            found += differences(sums, self._stored_totals(number), (CREATED, *names))
        return (*found,)

    def _stored_totals(self, number: int) -> dict[Day, Sums]:
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
                self._name, f"it is damaged: {error}", "run `modelgates check` on it"
            ) from None

    def define(self, view: str, columns: Iterable[str] | None = None) -> None:
        """Create a view of the rows, with some columns or all.

        Raises:
            SourceError: A column of a file has the wrong type.
        """
        names = None if columns is None else {*columns}
        selected = [column for column in ALL_COLUMNS if names is None or column.name in names]
        listed = ", ".join(quoted(column.name) for column in selected)
        query = f"SELECT {listed} FROM ({self._select(selected, located=self._has_duplicates)})"
        if self._has_duplicates:
            query += f" WHERE ({_LOCATION}) NOT IN (SELECT ({_LOCATION}) FROM superseded)"
        with translate_errors(self._name, binding=True):
            self.connection.execute(f"CREATE TEMP VIEW {quoted(view)} AS {query}")

    def _select(self, columns: Sequence[Column], *, located: bool) -> str:
        """Return a query for columns and, if `located`, for the locations of the rows."""
        selects = [
            self._select_ledger(number, columns, located=located)
            for number in range(len(self._ledgers))
        ]
        if self._parquet:
            values = [self._export_value(column) for column in columns]
            if located:
                values += ["file_", "file_row_number AS number_", "'' AS id_"]
            selects.append(f"SELECT {', '.join(values)} FROM {self._parquet}")
        return " UNION ALL ".join(selects)

    def _select_ledger(self, number: int, columns: Sequence[Column], *, located: bool) -> str:
        needed = {"state", *(column.name for column in columns), *(["generation_id"] * located)}
        self._streams += 1
        name = f"ledger_{self._streams}"
        stream = self._ledgers[number].stream(
            [column for column in ALL_COLUMNS if column.name in needed]
        )
        self.connection.register(name, stream)
        values = [f"{from_sqlite(column)} AS {quoted(column.name)}" for column in columns]
        if located:
            values += [f"'{number}' AS file_", "0 AS number_", "generation_id AS id_"]
        return f"SELECT {', '.join(values)} FROM {name} WHERE state <> {literal(NO_STATE)}"

    def _export_value(self, column: Column) -> str:
        name = quoted(column.name)
        value = name if column.name in self._export_types else "NULL"
        return f"CAST({value} AS {column.type}) AS {name}"

    def _inspect_exports(self, paths: str) -> None:
        """Read the columns of the Parquet files.

        Raises:
            SourceError: A file is not an export, or has amounts that are not exact.
        """
        foreign = self.connection.execute(
            f"""SELECT file_name FROM parquet_schema([{paths}]) GROUP BY file_name
            HAVING count(*) FILTER (name IN ('generation_id', 'state')) <> 2
            ORDER BY file_name LIMIT 1"""
        ).fetchone()
        if foreign is not None:
            raise SourceError(foreign[0], "it has no rows of generations", _REMEDY)
        described = self.connection.execute(f"DESCRIBE FROM {self._parquet}").fetchall()
        self._export_types = {name: kind for name, kind, *_ in described}
        for column in COLUMNS:
            if column.kind == "usd" and self._export_types.get(column.name) in _INEXACT:
                found = self._export_types[column.name]
                raise SourceError(
                    self._name,
                    f"{column.name} is {found}: its amounts are not exact",
                    f"write it as {column.type}",
                )

    def _create_superseded(self) -> bool:
        """Put the locations of superseded rows into `superseded`; return whether there are any.

        Raises:
            SourceError: A row has no id, or an invalid state.
        """
        columns = [column for column in COLUMNS if column.name in _PRECEDENCE]
        with translate_errors(self._name, binding=True):
            self.connection.execute(
                f"CREATE TEMP VIEW candidates AS {self._select(columns, located=True)}"
            )
        # Hashes need less memory than ids; if no two of them are the same, no two ids are.
        hashes, rows, invalid = self.connection.execute(
            f"""SELECT count(DISTINCT hash(generation_id)), count(*), count(*) FILTER (
                generation_id IS NULL OR state IS NULL
                OR NOT {RECORDS} AND state NOT IN ('pending', 'failed', 'forgotten'))
            FROM candidates"""
        ).fetchall()[0]
        if invalid:
            raise SourceError(
                self._name, f"rows without an id, or with an invalid state: {invalid}", _REMEDY
            )
        if hashes == rows:
            return False
        self.connection.execute(
            f"""CREATE TEMP TABLE superseded AS SELECT {_LOCATION} FROM (
                SELECT {_LOCATION}, row_number() OVER (
                    PARTITION BY generation_id
                    ORDER BY
                        CASE WHEN state = 'final' THEN 0 WHEN {RECORDS} THEN 1 ELSE 2 END,
                        obtained_at DESC NULLS LAST, {_LOCATION}) AS rank
                FROM candidates WHERE generation_id IN (
                    SELECT generation_id FROM candidates
                    GROUP BY generation_id HAVING count(*) > 1))
            WHERE rank > 1"""
        )
        return True
