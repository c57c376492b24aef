"""The rows of a ledger as Arrow streams: from SQLite through ADBC, without Python in between."""

import os
from collections.abc import Generator, Iterable, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from modelgates_client.errors import ConfigurationError
from modelgates_client.exports.duckdb_session import EXTRA
from modelgates_client.exports.sql import quoted
from modelgates_client.ledger import Ledger, LedgerError
from modelgates_client.ledger.control_totals import RECORDS as COUNT
from modelgates_client.ledger.control_totals import ControlTotals
from modelgates_client.ledger.files import identity, is_log_empty, resolve_path
from modelgates_client.ledger.ledger import bring_up_to_date
from modelgates_client.rows.columns import Column

if TYPE_CHECKING:
    from adbc_driver_manager import AdbcConnection

#: The `state` of the first row of a stream, which is none of the ledger's.
NO_STATE: Final = ""

_BATCH: Final = "8192"  # rows
_SETTINGS: Final = (
    "PRAGMA trusted_schema = OFF",  # a ledger may come from a stranger
    "PRAGMA cell_size_check = ON",
)

#: What the first row holds: ADBC takes the types of columns from their first values, and a column
#: may begin with thousands of nulls.
_TYPED: Final = {"TEXT": "''", "INTEGER": "0", "REAL": "0.0"}

_OPEN_FILES: Final = Path("/dev/fd")  # there is none where files have no POSIX locks


class RowStream:
    """Rows of a ledger, for what reads the Arrow PyCapsule interface, any number of times."""

    def __init__(self, connection: "AdbcConnection", query: str, stack: ExitStack) -> None:
        self._query = query
        self._connection = connection
        self._stack = stack

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Return a stream of all rows; all streams of a connection are as of one moment."""
        from adbc_driver_manager import AdbcStatement  # noqa: PLC0415 - an extra

        statement = self._stack.enter_context(AdbcStatement(self._connection))
        statement.set_options(**{"adbc.sqlite.query.batch_rows": _BATCH})
        statement.set_sql_query(self._query)
        handle, _ = statement.execute_query()
        return handle.__arrow_c_stream__()


class LedgerReader:
    """Makes streams of the rows of a ledger, all as of one moment."""

    def __init__(self, connection: "AdbcConnection", stack: ExitStack) -> None:
        self._connection = connection
        self._stack = stack

    def stream(self, columns: Sequence[Column]) -> RowStream:
        """Return the rows with some columns, `state` too, which is `NO_STATE` in the first."""
        names = ", ".join(quoted(column.name) for column in columns)
        typed = ", ".join(f"{_TYPED[each.storage]} AS {quoted(each.name)}" for each in columns)
        query = f"SELECT {typed} UNION ALL SELECT {names} FROM rows"  # noqa: S608 - quoted
        return RowStream(self._connection, query, self._stack)

    def control_totals(self) -> RowStream:
        """Return the control totals, as texts; behind a row of empty ones."""
        names = [quoted(name) for name in ("day", COUNT, *ControlTotals().names)]
        typed = ", ".join(f"'' AS {name}" for name in names)
        texts = ", ".join(f"CAST({name} AS TEXT)" for name in names)
        query = f"SELECT {typed} UNION ALL SELECT {texts} FROM control_totals"  # noqa: S608 - quoted
        return RowStream(self._connection, query, self._stack)


@contextmanager
def reading(path: str) -> Generator[LedgerReader]:
    """Open a ledger for reading; others may go on writing to it.

    This process must not have it open otherwise until this ends: Python and ADBC each bring an
    SQLite of their own, and where one of them closes a file, the system drops the locks of both
    (https://www.sqlite.org/howtocorrupt.html, section 2.2.1).

    Raises:
        ConfigurationError: ADBC is not installed.
        LedgerError: It is no ledger, or its rows are of another version, or it cannot be read, or
            this process has it open.
    """
    try:
        from adbc_driver_manager import Error  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        raise ConfigurationError(EXTRA) from None
    real = resolve_path(path, create=False)
    _refuse_open(path, real)
    bring_up_to_date(path)
    with Ledger(path, read_only=True) as ledger:
        statements = (*_SETTINGS, *ledger.check_rows())
    with ExitStack() as stack:
        try:
            connection = _connect(real, "ro", statements, stack)
        except Error as error:
            # In a folder that nobody can write to, nobody writes to the ledger either.
            if not is_log_empty(real) or os.access(real.parent, os.W_OK | os.X_OK):
                raise _unreadable(path, error) from error
            try:
                connection = _connect(real, "ro&immutable=1", statements, stack)
            except Error as again:
                raise _unreadable(path, again) from again
        yield LedgerReader(connection, stack.enter_context(ExitStack()))


def _connect(
    real: Path, mode: str, statements: Iterable[str], stack: ExitStack
) -> "AdbcConnection":
    """Open a file, which `stack` closes.

    Raises:
        adbc_driver_manager.Error: It cannot be read.
    """
    from adbc_driver_manager import AdbcConnection, AdbcStatement  # noqa: PLC0415 - an extra
    from adbc_driver_sqlite import connect  # noqa: PLC0415 - an extra

    with ExitStack() as opened:
        database = opened.enter_context(connect(f"{real.as_uri()}?mode={mode}"))
        connection: AdbcConnection = opened.enter_context(AdbcConnection(database))
        for statement in statements:
            with AdbcStatement(connection) as executed:
                executed.set_sql_query(statement)
                executed.execute_update()
        connection.set_autocommit(enabled=False)  # all streams are as of one moment
        with AdbcStatement(connection) as executed:
            executed.set_sql_query("SELECT count(*) FROM sqlite_schema")
            executed.execute_query()[0].release()
        stack.enter_context(opened.pop_all())
        return connection


def _unreadable(path: str, error: Exception) -> LedgerError:
    said = str(error).splitlines()[0]
    return LedgerError(path, f"SQLite says {said!r}", "look at the file and its permissions")


def _refuse_open(path: str, real: Path) -> None:
    if not _OPEN_FILES.is_dir():
        return
    wanted = identity(real)
    for descriptor in [*_OPEN_FILES.iterdir()]:
        try:
            found = os.fstat(int(descriptor.name))
        except OSError:  # it was open only to list the others
            continue
        if (found.st_dev, found.st_ino) == wanted:
            raise LedgerError(
                path,
                "this process has it open already, and DuckDB reads it by another SQLite",
                "close it first",
            )
