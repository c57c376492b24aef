# ruff: noqa: S608 - names of columns cannot be bound, they are quoted; values are bound
"""The view `rows`: one row for each id, derived from the bodies and the queue.

The rows of records are stored in `record_rows`; those of ids without a record are read from the
queue, labels from their table. Where the spec has new fields, the next `Ledger` that is opened for
writing adds their columns in place. After any other change of the columns it rebuilds all rows, in
transactions of some hundreds; if it is interrupted, the next one continues.
"""

import json
import sqlite3
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, Protocol

from attrs import evolve

from modelgates_client.ledger.control_totals import Changes, ControlTotals
from modelgates_client.ledger.database import Database
from modelgates_client.ledger.errors import DamagedError, LedgerError, outdated_error
from modelgates_client.ledger.id_queue import TIME_IN_ID, requeue
from modelgates_client.ledger.reading import StoredBody, stored_bodies
from modelgates_client.ledger.row_format import META_NAME, RowFormat
from modelgates_client.ledger.sql import delete_meta, get_meta, quoted, set_meta
from modelgates_client.ledger.text_encoding import decode_id, error_text
from modelgates_client.ledger.values import decode
from modelgates_client.records.generation import Generation
from modelgates_client.rows.column import CREATED, Column
from modelgates_client.rows.columns import COLUMNS
from modelgates_client.rows.row import VERSION, row_of
from modelgates_runtime.errors import ModelGatesError

#: A value as SQLite stores it.
Value = str | int | float | None
Row = Sequence[Value]


class PutRow(Protocol):
    """Stores the row of a record."""

    def __call__(self, key: int, row: Row, requests: int, *, is_first: bool) -> None:
        """Store it with the number of requests; `is_first`: the key has no row yet."""
        ...


_BATCH: Final = 500  # rows derived in one transaction, which blocks others for less than a second

#: Names in `meta` of the last key whose row is derived, while a rebuild or filling is unfinished.
_REBUILT_TO: Final = "rows_reached"
_FILLED_TO: Final = "rows_filled"

#: Where the values of an id without a record come from, by column; the others are NULL.
_UNRESOLVED: Final = {
    "generation_id": "ids.id",
    "state": "queue.state",
    "error": "queue.error",
    "obtained_at": "queue.tried_at",
    "requests": "queue.requests",
    CREATED: TIME_IN_ID,
}

#: SQL over `record_rows`: whether a record is no longer requested although it is not final.
NEVER_FINAL: Final = """state = 'provisional' AND "the key" IN (SELECT key FROM forgotten)"""

#: The columns that sums over a period need, in an index: the rows themselves are wide.
_INDEX: Final = (CREATED, "state", "charged_usd", "all_in_usd")

_UNREADABLE: Final = "unreadable"


class Derived:
    """The rows with the columns of this version of the package, and their control totals."""

    def __init__(self) -> None:
        """Use the current columns."""
        self._columns = COLUMNS
        self._names = [column.name for column in COLUMNS]
        self._totals = ControlTotals()
        self._format = RowFormat(
            VERSION,
            {column.name: repr(column) for column in COLUMNS},
            self._totals.names,
            _INDEX,
        )
        self._shadowed: tuple[str, ...] = ()
        placeholders = ", ".join("?" * (len(COLUMNS) + 1))
        listed = ", ".join(map(quoted, self._names))
        self._put = (
            f'INSERT OR REPLACE INTO record_rows ("the key", {listed}) VALUES ({placeholders})'
        )

    def row(self, encoded_id: str, record: Generation, now: int, requests: int) -> Row:
        """Return the row of a record."""
        return row_of(encoded_id, record, now, requests)

    @contextmanager
    def putting(self, connection: sqlite3.Connection) -> Generator[PutRow]:
        """Yield a function that stores rows; the control totals are updated at the end.

        Raises:
            DamagedError: The stored row or a control total is damaged.
        """
        changes = Changes(self._totals.names)
        requests_index = self._names.index("requests")

        def put(key: int, row: Row, requests: int, *, is_first: bool) -> None:
            values = list(row)
            values[requests_index] = requests
            self._totals.record_change(connection, key, values, changes, is_first=is_first)
            connection.execute(self._put, (key, *values))

        yield put
        self._totals.write(connection, changes)

    def check(self, database: Database, connection: sqlite3.Connection) -> list[str]:
        """Check that the rows are complete, and let `connection` read columns that they lack.

        Returns:
            The statements of `add_missing`.

        Raises:
            LedgerError: The rows were derived differently, or a rebuild of them is unfinished.
        """
        stored = RowFormat.load(connection)
        if stored is None or not self._extends(stored) or get_meta(connection, _REBUILT_TO):
            raise outdated_error(
                database.path,
                "another version of modelgates-client wrote its rows, or a rebuild is unfinished",
            )
        return self.add_missing(connection)

    def add_missing(self, connection: sqlite3.Connection) -> list[str]:
        """Let `connection` read the columns of this version that the file lacks, as NULL.

        Returns:
            The SQL statements that do this, for another connection.
        """
        stored = RowFormat.load(connection)
        missing = [] if stored is None else stored.missing(self._columns)
        statements = self._views_with_missing(missing) if missing else []
        names = tuple(column.name for column in missing)
        if names != self._shadowed:
            for view in ("rows", "record_rows", "control_totals"):
                connection.execute(f"DROP VIEW IF EXISTS temp.{view}")
            for statement in statements:
                connection.execute(statement)
            self._shadowed = names
        return statements

    def check_columns(self, database: Database, connection: sqlite3.Connection) -> None:
        """Check that rows can be added.

        Raises:
            LedgerError: The table has other columns.
        """
        if not self._is_current(RowFormat.load(connection)):
            raise LedgerError(
                database.path,
                "another version of modelgates-client has changed its columns",
                "use a single version, and open it again",
            )

    def update(self, database: Database) -> None:
        """Add columns that are missing, or rebuild the rows if that is not enough.

        Raises:
            LedgerError: It failed; the next call continues where this one stopped.
        """
        with database.reading() as connection:
            if self._is_current(RowFormat.load(connection)) and not get_meta(
                connection, _REBUILT_TO
            ):
                return
        with database.writing() as connection:
            stored = RowFormat.load(connection)
            if stored is None or not self._extends(stored) or stored.columns.keys() - self._names:
                self._create_tables(connection)
            elif not self._is_current(stored):
                self._add_columns(connection, stored)
        while True:
            with database.writing() as connection:
                self.check_columns(database, connection)
                if not self._derive_batch(connection, _REBUILT_TO):
                    return

    def fill(self, database: Database) -> int:
        """Derive all rows again if columns were added to them; return the number of rows.

        Raises:
            LedgerError: It failed; the next call continues where this one stopped.
        """
        count = 0
        while True:
            with database.writing() as connection:
                self.check_columns(database, connection)
                if not self.unfilled(connection):
                    return count
                if get_meta(connection, _FILLED_TO) is None:
                    set_meta(connection, _FILLED_TO, "0")
                derived = self._derive_batch(connection, _FILLED_TO)
                count += derived
                if not derived:
                    self._format.save(connection)

    def discard(self, connection: sqlite3.Connection) -> None:
        """Have rows and control totals rebuilt, by the next `update`."""
        delete_meta(connection, META_NAME)

    def unfilled(self, connection: sqlite3.Connection) -> frozenset[str]:
        """Return the columns that may be NULL because they were added after a row was stored."""
        stored = RowFormat.load(connection)
        if stored is None:
            return frozenset()
        return frozenset(
            (*stored.unfilled, *(column.name for column in stored.missing(self._columns)))
        )

    def is_row_of(
        self, row: Mapping[str, Value], body: StoredBody, unfilled: frozenset[str]
    ) -> bool:
        """Whether a stored row is the one that is derived from a body.

        Args:
            row: The stored row, by column.
            body: The body.
            unfilled: The columns that may all be NULL instead.
        """
        expected = dict(zip(self._names, self.derive(body), strict=True))
        if unfilled and all(row.get(name) is None for name in unfilled):
            expected.update(dict.fromkeys(unfilled))
            lost = expected.get(_UNREADABLE)
            if isinstance(lost, str):
                names = [name for name in json.loads(lost) if name not in unfilled]
                expected[_UNREADABLE] = json.dumps(names)
        return all(row.get(name) == value for name, value in expected.items())

    def derive(self, body: StoredBody) -> Row:
        """Return the row of a stored body, as this version of the package reads it.

        Raises:
            DamagedError: Its id is damaged.
        """
        try:
            record = decode(body.body, body.status, decode_id(body.encoded_id))
            row = self.row(body.encoded_id, record, body.obtained_at, body.requests)
        except ModelGatesError as error:
            row = self._row_of_unreadable(body, error)
        if body.final:
            return row
        state = self._names.index("state")
        return [*row[:state], "provisional", *row[state + 1 :]]

    def _is_current(self, stored: RowFormat | None) -> bool:
        return stored is not None and evolve(stored, unfilled=()) == self._format

    def _extends(self, stored: RowFormat) -> bool:
        """Whether this version only adds columns for fields of the spec to the stored ones."""
        return self._format.is_derived_like(stored) and all(
            column.is_field for column in stored.missing(self._columns)
        )

    def _create_tables(self, connection: sqlite3.Connection) -> None:
        defined = ", ".join(f"{quoted(column.name)} {column.storage}" for column in self._columns)
        indexed = ", ".join(quoted(name) for name in _INDEX if name in self._names)
        for statement in (
            "DROP VIEW IF EXISTS rows",
            "DROP TABLE IF EXISTS record_rows",
            # no field's name contains a space, so no column is called like the key
            f'CREATE TABLE record_rows ("the key" INTEGER PRIMARY KEY, {defined}) STRICT',
            f"CREATE INDEX record_rows_spent ON record_rows ({indexed})",
            self._create_view(),
        ):
            connection.execute(statement)
        self._totals.create_table(connection)
        self._format.save(connection)
        set_meta(connection, _REBUILT_TO, "0")
        delete_meta(connection, _FILLED_TO)

    def _add_columns(self, connection: sqlite3.Connection, stored: RowFormat) -> None:
        missing = stored.missing(self._columns)
        connection.execute("DROP VIEW IF EXISTS rows")
        for column in missing:
            added = f"{quoted(column.name)} {column.storage}"
            connection.execute(f"ALTER TABLE record_rows ADD COLUMN {added}")
        connection.execute(self._create_view())
        names = [column.name for column in missing]
        self._totals.add_columns(connection, names)
        evolve(self._format, unfilled=(*stored.unfilled, *names)).save(connection)
        delete_meta(connection, _FILLED_TO)

    def _create_view(self) -> str:
        stored = ", ".join(
            f"CAST(iif({NEVER_FINAL}, 'never-final', state) AS TEXT) AS state"
            if name == "state"
            else quoted(name)
            for name in self._names
        )
        # Of the same types as the stored rows: otherwise SQLite would build each row as a whole,
        # and join its labels, for a query of two columns.
        queued = ", ".join(
            f"CAST({_UNRESOLVED.get(column.name, 'NULL')} AS {column.storage})"
            for column in self._columns
        )
        forgotten = queued.replace("queue.state", "'forgotten'").replace("queue.", "forgotten.")
        return f"""CREATE VIEW rows AS SELECT {stored}, labels FROM record_rows
            LEFT JOIN labels ON labels.key = record_rows."the key" UNION ALL
            SELECT {queued}, labels FROM queue CROSS JOIN ids ON ids.key = queue.key
            LEFT JOIN labels ON labels.key = queue.key
            WHERE queue.key NOT IN (SELECT key FROM records WHERE NOT final) UNION ALL
            SELECT {forgotten}, labels FROM forgotten CROSS JOIN ids ON ids.key = forgotten.key
            LEFT JOIN labels ON labels.key = forgotten.key
            WHERE forgotten.key NOT IN (SELECT key FROM records WHERE NOT final)"""

    def _views_with_missing(self, missing: Sequence[Column]) -> list[str]:
        """Return statements that create temporary views with the missing columns as well."""
        absent = {column.name for column in missing}
        added = ", ".join(f"NULL AS {quoted(column.name)}" for column in missing)
        rows = ", ".join(
            f"CAST(NULL AS {column.storage}) AS {quoted(column.name)}"
            if column.name in absent
            else quoted(column.name)
            for column in self._columns
        )
        totals = ", ".join(
            f"'0' AS {quoted(name)}" if name in absent else quoted(name)
            for name in self._totals.names
        )
        return [
            f"CREATE TEMP VIEW rows AS SELECT {rows}, labels FROM main.rows",
            f"CREATE TEMP VIEW record_rows AS SELECT *, {added} FROM main.record_rows",
            f"""CREATE TEMP VIEW control_totals AS
                SELECT day, records, {totals} FROM main.control_totals""",
        ]

    def _derive_batch(self, connection: sqlite3.Connection, progress: str) -> int:
        """Derive and store some rows, and return their number; 0 when all are done.

        Args:
            connection: Within a transaction.
            progress: The name in `meta` of the last key whose row is derived.
        """
        last_key = get_meta(connection, progress)
        if last_key is None:  # another process has derived the last ones
            return 0
        if not last_key.isdecimal():
            raise DamagedError("the number of its rows that are derived is damaged")
        bodies = stored_bodies(connection, int(last_key), _BATCH)
        if not bodies:
            delete_meta(connection, progress)
            return 0
        with self.putting(connection) as put:
            for body in bodies:
                derived_from = body
                if not body.is_intact:
                    requeue(connection, body.key, body.obtained_at)
                    derived_from = body._replace(final=0)
                # another process may have added the row
                put(body.key, self.derive(derived_from), body.requests, is_first=False)
        set_meta(connection, progress, str(bodies[-1].key))
        return len(bodies)

    def _row_of_unreadable(self, body: StoredBody, error: ModelGatesError) -> Row:
        """Return the row of a body that this version of the package cannot read."""
        values: dict[str, Value] = {
            "generation_id": body.encoded_id,
            "state": "final",
            "error": error_text(error),
            "obtained_at": body.obtained_at,
            "requests": body.requests,
        }
        return [values.get(name) for name in self._names]
