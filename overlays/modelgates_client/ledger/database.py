"""The connection: its settings, its lock, and transactions that end whole or not at all."""

import os
import sqlite3
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from modelgates_client.ledger import files
from modelgates_client.ledger.errors import DamagedError, LedgerError, damaged, meaning
from modelgates_client.transport.deadline import monotonic_s

_PAUSE_S: Final = 0.02  # between two tries to change the journal's mode, where SQLite does not wait

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
    """A connection to the file of a ledger. Threads may share it; they take turns.

    Attributes:
        path: The file, as the caller named it.
    """

    def __init__(self, path: str | os.PathLike[str], *, read_only: bool, timeout_s: float) -> None:
        """Open a file; for writing, create it.

        Args:
            path: The file.
            read_only: Whether it is only read.
            timeout_s: Seconds to wait for another process that has locked it.

        Raises:
            LedgerError: It cannot be opened.
        """
        self.path: Final = os.fspath(path)
        self._real: Final = files.find(path, create=not read_only)
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
        """Close the connection; again is once."""
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
        """Yield the connection, for one statement that reads.

        Raises:
            LedgerError: It failed.
        """
        with self._lock, self._translated():
            yield self._usable()

    @contextmanager
    def snapshot(self) -> Generator[sqlite3.Connection]:
        """Yield the connection, for statements that read, all as of one moment.

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
        """Yield the connection within a transaction: all of it is on disk, or nothing of it is.

        Raises:
            LedgerError: It failed; the connection can be used for another try.
        """
        with self._lock, self._translated():
            connection = self._usable()
            if self._read_only:
                raise LedgerError(self.path, "it was opened with read_only=True", "open it without")
            if files.identity(self._real) != self._file:
                raise LedgerError(
                    self.path,
                    "the file was moved, removed or replaced while it was open",
                    "put it back, then open it anew",
                )
            if self._writing:
                raise RuntimeError("a ledger is written to within a write: by a signal handler?")
            try:
                self._writing = True
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:  # some errors have ended it already
                    connection.execute("ROLLBACK")
                raise
            finally:
                self._writing = False

    def keep_log(self) -> None:
        """Write ahead to a log, so that readers and the writer do not wait for each other.

        Raises:
            LedgerError: The file system has no shared memory for it, or others kept it locked.
        """
        until = monotonic_s() + self._timeout_s
        with self._lock, self._translated():
            while True:
                try:
                    (mode,) = self._connection.execute("PRAGMA journal_mode = WAL").fetchone()
                    break
                except sqlite3.OperationalError as error:
                    busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                    if not busy or monotonic_s() >= until:
                        raise
                    time.sleep(_PAUSE_S)
        if mode != "wal":
            raise LedgerError(
                self.path,
                "its file system cannot share it between processes",
                "put it on a local disk",
            )

    def _usable(self) -> sqlite3.Connection:
        if not self._open:
            raise LedgerError(self.path, "it was closed", "open it anew")
        if os.getpid() != self._process:
            raise LedgerError(
                self.path, "it was opened in another process", "open it anew after a fork"
            )
        return self._connection

    @contextmanager
    def _translated(self) -> Generator[None]:
        """Say what errors of SQLite mean, and of what is stored; those of bugs stay as they are."""
        try:
            yield
        except (sqlite3.ProgrammingError, sqlite3.InterfaceError):
            raise
        except sqlite3.DatabaseError as error:
            raise meaning(self.path, error) from error
        except DamagedError as error:
            raise damaged(self.path, str(error)) from error
        except UnicodeDecodeError as error:  # SQLite's message has a text of the file in it
            raise damaged(self.path, "a text in it is none") from error

    def _connect(self) -> sqlite3.Connection:
        with self._translated():
            connection = self._opened("ro" if self._read_only else "rw")
            try:
                self._look(connection)
            except sqlite3.OperationalError as error:
                connection.close()
                if not (self._read_only and self._is_settled(error)):
                    raise
                # It is in a folder that cannot be written to, so nobody else writes to it either.
                connection = self._opened("ro&immutable=1")
                self._look(connection)
            except BaseException:
                connection.close()
                raise
            return connection

    def _opened(self, mode: str) -> sqlite3.Connection:
        return sqlite3.connect(
            f"{self._real.as_uri()}?mode={mode}",
            uri=True,
            timeout=self._timeout_s,
            isolation_level=None,  # transactions are begun here, never by the module
            check_same_thread=False,  # the lock lets one thread in at a time
        )

    def _look(self, connection: sqlite3.Connection) -> None:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        for setting in _SETTINGS:
            connection.execute(setting)

    def _is_settled(self, error: sqlite3.OperationalError) -> bool:
        code = error.sqlite_errorcode & 0xFF
        refused = code in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}
        return refused and files.has_no_log(self._real) and not _is_writable(self._real.parent)


def _is_writable(folder: Path) -> bool:
    return os.access(folder, os.W_OK | os.X_OK)
