"""The rows of a ledger as Arrow streams, read by ADBC without Python in between.

ADBC brings an SQLite of its own. Reading by Python's module instead takes 3 to 8 times the CPU time
(300,000 rows of 4 and 12 columns), so the two live side by side, and never open the same ledger.
"""

import os
from collections.abc import Generator, Iterable, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from modelgates_client.errors import ConfigurationError
from modelgates_client.exports.duckdb_session import EXTRA
from modelgates_client.ledger import Ledger, LedgerError
from modelgates_client.ledger.control_totals import RECORDS as COUNT, ControlTotals
from modelgates_client.ledger.files import identity, is_log_empty, resolve_path
from modelgates_client.ledger.ledger import bring_up_to_date
from modelgates_client.ledger.sql import quoted
from modelgates_client.rows.column import Column

if TYPE_CHECKING:
    from adbc_driver_manager import AdbcConnection

#: The `state` of the first row of a stream, which is not a row of the ledger.
NO_STATE: Final = ""

_BATCH_ROWS: Final = "8192"
_SETTINGS: Final = (
    "PRAGMA trusted_schema = OFF",  # a ledger may come from a stranger
    "PRAGMA cell_size_check = ON",
)

#: The values of the first row: ADBC derives the types of columns from their first values, and a
#: column may start with thousands of nulls.
_TYPE_SAMPLES: Final = {"TEXT": "''", "INTEGER": "0", "REAL": "0.0"}

_OPEN_FILES: Final = Path("/dev/fd")  # exists only where files have POSIX locks


class RowStream:
    """Rows of a ledger with the Arrow PyCapsule interface, which can be read repeatedly."""

    def __init__(self, connection: "AdbcConnection", query: str, stack: ExitStack) -> None:
        self._query = query
        self._connection = connection
        self._stack = stack

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Return a stream of all rows; all streams of a connection see the same snapshot."""
        from adbc_driver_manager import AdbcStatement  # noqa: PLC0415 - an extra

        statement = self._stack.enter_context(AdbcStatement(self._connection))
        statement.set_options(**{"adbc.sqlite.query.batch_rows": _BATCH_ROWS})
        statement.set_sql_query(self._query)
        handle, _ = statement.execute_query()
        return handle.__arrow_c_stream__()


class LedgerReader:
    """Creates streams of the rows of a ledger, which all see the same snapshot."""

    def __init__(self, connection: "AdbcConnection", stack: ExitStack) -> None:
        self._connection = connection
        self._stack = stack

    def stream(self, columns: Sequence[Column]) -> RowStream:
        """Return the rows with some columns; `state` is `NO_STATE` in the first row."""
        names = ", ".join(quoted(column.name) for column in columns)
        samples = ", ".join(
            f"{_TYPE_SAMPLES[each.storage]} AS {quoted(each.name)}" for each in columns
        )
        query = f"SELECT {samples} UNION ALL SELECT {names} FROM rows"  # noqa: S608 - quoted
        return RowStream(self._connection, query, self._stack)

    def control_totals(self) -> RowStream:
        """Return the control totals as text, after a row of empty strings."""
        names = [quoted(name) for name in ("day", COUNT, *ControlTotals().names)]
        samples = ", ".join(f"'' AS {name}" for name in names)
        texts = ", ".join(f"CAST({name} AS TEXT)" for name in names)
        query = f"SELECT {samples} UNION ALL SELECT {texts} FROM control_totals"  # noqa: S608 - quoted
        return RowStream(self._connection, query, self._stack)


@contextmanager
def reading(path: str) -> Generator[LedgerReader]:
    """Open a ledger for reading; other processes may go on writing to it.

    This process must not have it open in any other way until the end: Python and ADBC each bring an
    SQLite of their own, and when one of them closes a file, the system drops the locks of both
    (https://www.sqlite.org/howtocorrupt.html, section 2.2.1).

    Raises:
        ConfigurationError: ADBC is not installed.
        LedgerError: It is not a ledger, its rows are of another version, it cannot be read, or this
            process has it open.
    """
    try:
        import adbc_driver_sqlite  # noqa: F401, PLC0415  # pyright: ignore[reportUnusedImport] - an extra
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
            # If the folder is not writable, no process writes to the ledger either.
            if not is_log_empty(real) or os.access(real.parent, os.W_OK | os.X_OK):
                raise _read_error(path, error) from error
            try:
                connection = _connect(real, "ro&immutable=1", statements, stack)
            except Error as second_error:
                raise _read_error(path, second_error) from second_error
        yield LedgerReader(connection, stack.enter_context(ExitStack()))


def _connect(
    real: Path, mode: str, statements: Iterable[str], stack: ExitStack
) -> "AdbcConnection":
    """Open a file, which is closed by `stack`.

    Raises:
        adbc_driver_manager.Error: It cannot be read.
    """
    from adbc_driver_manager import AdbcConnection, AdbcStatement  # noqa: PLC0415 - an extra
    from adbc_driver_sqlite import connect  # noqa: PLC0415 - an extra

    with ExitStack() as opened:
        database = opened.enter_context(connect(f"{real.as_uri()}?mode={mode}"))
        connection: AdbcConnection = opened.enter_context(AdbcConnection(database))
        for statement in statements:
            with AdbcStatement(connection) as adbc_statement:
                adbc_statement.set_sql_query(statement)
                adbc_statement.execute_update()
        connection.set_autocommit(enabled=False)  # all streams see the same snapshot
        with AdbcStatement(connection) as adbc_statement:
            adbc_statement.set_sql_query("SELECT count(*) FROM sqlite_schema")
            adbc_statement.execute_query()[0].release()
        stack.enter_context(opened.pop_all())
        return connection


def _read_error(path: str, error: Exception) -> LedgerError:
    message = str(error).splitlines()[0]
    return LedgerError(path, f"SQLite says {message!r}", "check the file and its permissions")


def _refuse_open(path: str, real: Path) -> None:
    if not _OPEN_FILES.is_dir():
        return
    ledger_identity = identity(real)
    for descriptor in [*_OPEN_FILES.iterdir()]:
        try:
            status = os.fstat(int(descriptor.name))
        except OSError:  # it was only open for listing the folder
            continue
        if (status.st_dev, status.st_ino) == ledger_identity:
            raise LedgerError(
                path,
                "this process has it open already, and exports use another copy of SQLite",
                "close it first",
            )
