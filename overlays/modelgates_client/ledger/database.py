"""The SQLite connection of a ledger: its settings, its lock and its transactions."""

import os
import sqlite3
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from modelgates_client.ledger import files
from modelgates_client.ledger.errors import (
    DamagedError,
    LedgerError,
    damaged_error,
    translate_sqlite_error,
)
from modelgates_client.transport.deadline import monotonic_s

_PAUSE_S: Final = 0.02  # between attempts to change the journal mode: SQLite does not wait

_SETTINGS: Final = (
    "PRAGMA synchronous = FULL",  # a commit is on disk when it returns
    "PRAGMA fullfsync = ON",  # on macOS, where fsync alone does not reach the disk
    "PRAGMA checkpoint_fullfsync = ON",
    "PRAGMA trusted_schema = OFF",  # a ledger may come from a stranger
    "PRAGMA cell_size_check = ON",
    "PRAGMA cache_size = -32768",  # KiB; the index of a million ids is 50 MiB
    "PRAGMA journal_size_limit = 67108864",
)


class Database:
    """A connection to the file of a ledger. Threads may share it; a lock serialises them.

    Attributes:
        path: The path, as the caller gave it.
    """

    def __init__(self, path: str | os.PathLike[str], *, read_only: bool, timeout_s: float) -> None:
        """Open a file; unless `read_only`, create it if it does not exist.

        Args:
            path: The path of the file.
            read_only: Whether to open it for reading only.
            timeout_s: Seconds to wait for another process that has locked it.

        Raises:
            LedgerError: It cannot be opened.
        """
        self.path: Final = os.fspath(path)
        self._real: Final = files.resolve_path(path, create=not read_only)
        self._file: Final = files.identity(self._real)
        self._read_only: Final = read_only
        self._timeout_s: Final = timeout_s
        self._process: Final = os.getpid()
        self._lock: Final = threading.RLock()
        self._writing = False
        self._open = False
        self._connection: Final = self._connect()
        self._open = True

    def close(self) -> None:
        """Close the connection. Calling it again has no effect."""
        with self._lock:
            if self._open and os.getpid() == self._process:
                self._connection.close()
            self._open = False

    @property
    def is_read_only(self) -> bool:
        """Whether it was opened for reading."""
        return self._read_only

    @contextmanager
    def reading(self) -> Generator[sqlite3.Connection]:
        """Yield the connection for a single reading statement.

        Raises:
            LedgerError: It failed.
        """
        with self._lock, self._translate_errors():
            yield self._checked_connection()

    @contextmanager
    def snapshot(self) -> Generator[sqlite3.Connection]:
        """Yield the connection for reading statements that all see the same snapshot.

        Raises:
            LedgerError: It failed.
        """
        with self.reading() as connection:
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    @contextmanager
    def writing(self) -> Generator[sqlite3.Connection]:
        """Yield the connection within a transaction, which is written whole or not at all.

        Raises:
            LedgerError: It failed; the connection can be used for a retry.
        """
        with self._lock, self._translate_errors():
            connection = self._checked_connection()
            if self._read_only:
                raise LedgerError(
                    self.path, "it was opened with read_only=True", "open it without that"
                )
            if files.identity(self._real) != self._file:
                raise LedgerError(
                    self.path,
                    "the file was moved, removed or replaced while it was open",
                    "put it back, then open it again",
                )
            if self._writing:
                raise RuntimeError(
                    "a ledger cannot be written to within a write, for example by a signal handler"
                )
            try:
                self._writing = True
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:  # some errors end the transaction
                    connection.execute("ROLLBACK")
                raise
            finally:
                self._writing = False

    def enable_wal(self) -> None:
        """Switch to a write-ahead log, with which readers and the writer do not block each other.

        Raises:
            LedgerError: The file system does not support it, or another process keeps it locked.
        """
        until = monotonic_s() + self._timeout_s
        with self._lock, self._translate_errors():
            while True:
                try:
                    (mode,) = self._connection.execute("PRAGMA journal_mode = WAL").fetchone()
                    break
                except sqlite3.OperationalError as error:
                    is_busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                    if not is_busy or monotonic_s() >= until:
                        raise
                    time.sleep(_PAUSE_S)
        if mode != "wal":
            raise LedgerError(
                self.path,
                "its file system cannot share memory between processes",
                "put it on a local disk",
            )

    def _checked_connection(self) -> sqlite3.Connection:
        if not self._open:
            raise LedgerError(self.path, "it was closed", "open it again")
        if os.getpid() != self._process:
            raise LedgerError(
                self.path, "it was opened in another process", "open it again after a fork"
            )
        return self._connection

    @contextmanager
    def _translate_errors(self) -> Generator[None]:
        """Raise errors of SQLite and damaged data as `LedgerError`; errors that bugs cause pass."""
        try:
            yield
        except (sqlite3.ProgrammingError, sqlite3.InterfaceError):
            raise
        except sqlite3.DatabaseError as error:
            raise translate_sqlite_error(self.path, error) from error
        except DamagedError as error:
            raise damaged_error(self.path, str(error)) from error
        except UnicodeDecodeError as error:  # its message quotes text of the file
            raise damaged_error(self.path, "it contains a text that is not UTF-8") from error

    def _connect(self) -> sqlite3.Connection:
        with self._translate_errors():
            connection = self._open_sqlite("ro" if self._read_only else "rw")
            try:
                self._configure(connection)
            except sqlite3.OperationalError as error:
                connection.close()
                if not (self._read_only and self._can_be_immutable(error)):
                    raise
                # Its folder is not writable, so no other process writes to it either.
                connection = self._open_sqlite("ro&immutable=1")
                self._configure(connection)
            except BaseException:
                connection.close()
                raise
            return connection

    def _open_sqlite(self, mode: str) -> sqlite3.Connection:
        return sqlite3.connect(
            f"{self._real.as_uri()}?mode={mode}",
            uri=True,
            timeout=self._timeout_s,
            isolation_level=None,  # transactions are started here, never by the module
            check_same_thread=False,  # the lock admits one thread at a time
        )

    def _configure(self, connection: sqlite3.Connection) -> None:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        for setting in _SETTINGS:
            connection.execute(setting)

    def _can_be_immutable(self, error: sqlite3.OperationalError) -> bool:
        code = error.sqlite_errorcode & 0xFF
        is_refused = code in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}
        return is_refused and files.is_log_empty(self._real) and not _is_writable(self._real.parent)


def _is_writable(folder: Path) -> bool:
    return os.access(folder, os.W_OK | os.X_OK)
