# ruff: noqa: S608 - names of columns cannot be bound, they are quoted; values are bound
"""The table `rows`: one row an id, derived from the bodies and the queue.

It is a view: rows of records are kept in `record_rows`, with the columns of the day, ids without a
record are read from the queue, labels from their table. When the columns change, the next that
opens the ledger for writing makes the rows anew, in transactions of some hundreds; broken off, the
next one goes on.
"""

import hashlib
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Final, Protocol

from modelgates_client.ledger.control_totals import Changes, ControlTotals
from modelgates_client.ledger.database import Database
from modelgates_client.ledger.errors import DamagedError, LedgerError, outdated
from modelgates_client.ledger.id_queue import ask_again
from modelgates_client.ledger.id_times import TIME_IN_ID
from modelgates_client.ledger.reading import Kept, kept
from modelgates_client.ledger.text_encoding import error_text, given_id
from modelgates_client.ledger.values import decode
from modelgates_client.records.generation import Generation
from modelgates_client.rows.columns import COLUMNS, CREATED
from modelgates_client.rows.row import VERSION, row_of
from modelgates_runtime.errors import ModelGatesError

#: A value as SQLite stores it.
Value = str | int | float | None
Row = Sequence[Value]


class Put(Protocol):
    """Keeps the row of a record."""

    def __call__(self, key: int, row: Row, requests: int, *, is_first: bool) -> None:
        """Keep it, with the number of requests; `is_first`: there is none of that key yet."""
        ...


_BATCH: Final = 500  # records made anew in one transaction: others wait for less than a second

_STATE: Final = "columns"  # whose rows are kept
_REACHED: Final = "rows_reached"  # up to which key they are made; there only while they are not all
_MARK: Final = "INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)"
_MARKED: Final = "SELECT value FROM meta WHERE name = ?"
_UNMARK: Final = "DELETE FROM meta WHERE name = ?"

#: Where the values of an id without a record come from, by column; the others are not known.
_UNRESOLVED: Final = {
    "generation_id": "ids.id",
    "state": "queue.state",
    "error": "queue.error",
    "obtained_at": "queue.tried_at",
    "requests": "queue.requests",
    CREATED: TIME_IN_ID,
}


#: What a sum of a period needs, in an index: the rows themselves are wide.
_SPENT: Final = (CREATED, "state", "charged_usd", "all_in_usd")


class Derived:
    """The rows with the columns of this version of the package, and their control totals."""

    def __init__(self) -> None:
        """Take the columns as they are now."""
        self._names = [column.name for column in COLUMNS]
        self._requests = self._names.index("requests")
        self._columns = [(column.name, column.storage) for column in COLUMNS]
        self._totals = ControlTotals()
        form = (VERSION, COLUMNS, self._totals.names, _SPENT)
        self._fingerprint = hashlib.sha256(repr(form).encode()).hexdigest()
        holes = ", ".join("?" * (len(COLUMNS) + 1))
        self._put = f"INSERT OR REPLACE INTO record_rows VALUES ({holes})"

    def row(self, stored: str, record: Generation, now: int, requests: int) -> Row:
        """Return the row of a record that came."""
        return row_of(stored, record, now, requests)

    @contextmanager
    def putting(self, connection: sqlite3.Connection) -> Generator[Put]:
        """Yield what keeps the row of a record, with the number of requests that the ledger knows.

        The control totals are changed at the end.

        Raises:
            DamagedError: What is there already is no row, or no total.
        """
        changes = Changes(self._totals.names)

        def put(key: int, row: Row, requests: int, *, is_first: bool) -> None:
            values = list(row)
            values[self._requests] = requests
            self._totals.note(connection, key, values, changes, is_first=is_first)
            connection.execute(self._put, (key, *values))

        yield put
        self._totals.write(connection, changes)

    def check(self, database: Database, connection: sqlite3.Connection) -> None:
        """Make sure that the rows have these columns, and that none is lacking.

        Raises:
            LedgerError: They have others, or a change of them was broken off.
        """
        if self._lacking(connection):
            raise outdated(
                database.path,
                "its rows were made by another version of modelgates-client, or not all are made",
            )

    def check_columns(self, database: Database, connection: sqlite3.Connection) -> None:
        """Make sure that rows can be added.

        Raises:
            LedgerError: The table has other columns.
        """
        if _marked(connection, _STATE) != self._fingerprint:
            raise LedgerError(
                database.path,
                "another version of modelgates-client has changed its columns meanwhile",
                "use one version, and open it anew",
            )

    def rebuild(self, database: Database) -> None:
        """Make the rows that are lacking, if any; all of them, if the columns have changed.

        Raises:
            LedgerError: It failed; the next time it goes on where it stopped.
        """
        with database.reading() as connection:
            if not self._lacking(connection):
                return
        with database.writing() as connection:
            if _marked(connection, _STATE) != self._fingerprint:
                self._make_table(connection)
        while True:
            with database.writing() as connection:
                self.check_columns(database, connection)
                if not self._go_on(connection):
                    return

    def discard(self, connection: sqlite3.Connection) -> None:
        """Have all rows and control totals made anew, by the next that opens it for writing."""
        connection.execute(_UNMARK, (_STATE,))

    def _lacking(self, connection: sqlite3.Connection) -> bool:
        found = dict(connection.execute("SELECT name, value FROM meta").fetchall())
        return found.get(_STATE) != self._fingerprint or _REACHED in found

    def _make_table(self, connection: sqlite3.Connection) -> None:
        defined = ", ".join(f"{_quoted(name)} {kind}" for name, kind in self._columns)
        kept = ", ".join(map(_quoted, self._names))
        # Of the same types as the rows of records, or SQLite would make all of each row, and join
        # its labels, for what takes two columns of it.
        read = ", ".join(
            f"CAST({_UNRESOLVED.get(name, 'NULL')} AS {kind})" for name, kind in self._columns
        )
        forgotten = read.replace("queue.state", "'forgotten'").replace("queue.", "forgotten.")
        spent = [name for name in _SPENT if name in self._names]
        for statement in (
            "DROP VIEW IF EXISTS rows",
            "DROP TABLE IF EXISTS record_rows",
            # no field's name has a space, so no column is called like the key
            f'CREATE TABLE record_rows ("the key" INTEGER PRIMARY KEY, {defined}) STRICT',
            f"CREATE INDEX record_rows_spent ON record_rows ({', '.join(map(_quoted, spent))})",
            f"""CREATE VIEW rows AS SELECT {kept}, labels FROM record_rows
                LEFT JOIN labels ON labels.key = record_rows."the key" UNION ALL
                SELECT {read}, labels FROM queue CROSS JOIN ids ON ids.key = queue.key
                LEFT JOIN labels ON labels.key = queue.key
                WHERE queue.key NOT IN (SELECT key FROM records WHERE NOT final) UNION ALL
                SELECT {forgotten}, labels FROM forgotten CROSS JOIN ids ON ids.key = forgotten.key
                LEFT JOIN labels ON labels.key = forgotten.key""",
        ):
            connection.execute(statement)
        self._totals.make_table(connection)
        connection.execute(_MARK, (_STATE, self._fingerprint))
        connection.execute(_MARK, (_REACHED, "0"))

    def derive(self, kept: Kept) -> Row:
        """Return the row of what is kept, whatever this version of the package reads out of it.

        Raises:
            DamagedError: It is the record of no id.
        """
        try:
            record = decode(kept.body, kept.status, given_id(kept.stored))
            row = self.row(kept.stored, record, kept.obtained_at, kept.requests)
        except ModelGatesError as error:
            row = self._unread(kept, error)
        if kept.final:
            return row
        state = self._names.index("state")
        return [*row[:state], "provisional", *row[state + 1 :]]

    def _go_on(self, connection: sqlite3.Connection) -> bool:
        """Make some rows; whether there may be more to make."""
        reached = _marked(connection, _REACHED)
        if reached is None:  # another process has made the last ones
            return False
        if not reached.isdecimal():
            raise DamagedError("how many of its rows are made is no number")
        found = kept(connection, int(reached), _BATCH)
        if not found:
            connection.execute(_UNMARK, (_REACHED,))
            return False
        with self.putting(connection) as put:
            for each in found:
                kept_as = each
                if not each.is_whole:
                    ask_again(connection, each.key, each.obtained_at)
                    kept_as = each._replace(final=0)
                # others may have added it meanwhile
                put(each.key, self.derive(kept_as), each.requests, is_first=False)
        connection.execute(_MARK, (_REACHED, str(found[-1].key)))
        return True

    def _unread(self, kept: Kept, error: ModelGatesError) -> Row:
        """Return the row of a body that this version of the package cannot read any more."""
        said: dict[str, Value] = {
            "generation_id": kept.stored,
            "state": "final",
            "error": error_text(error),
            "obtained_at": kept.obtained_at,
            "requests": kept.requests,
        }
        return [said.get(name) for name in self._names]


def _marked(connection: sqlite3.Connection, name: str) -> str | None:
    found = connection.execute(_MARKED, (name,)).fetchone()
    return None if found is None else str(found[0])


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
