"""The tables, as numbered steps: what each version of the ledger added to the one before.

A step that was released is never changed; what is to be changed is a new step behind it.
"""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from modelgates_client.ledger.database import Database
from modelgates_client.ledger.errors import LedgerError, no_ledger, outdated

#: Says in the file's header that it is a ledger: `MGLD` in ASCII.
APPLICATION_ID: Final = 0x4D474C44

_PAGE_SIZE: Final = 8192  # bytes; bodies of 2 kB waste less than on SQLite's 4096

#: How a record came; the tables of records and of their history share it. The body is last, for
#: SQLite reads a row from its beginning.
_RECORD: Final = """
    final INTEGER NOT NULL CHECK (final IN (0, 1)),
    obtained_at INTEGER NOT NULL,  -- microseconds since 1970-01-01 UTC
    requests INTEGER NOT NULL,
    status INTEGER NOT NULL,
    request_id TEXT,
    elapsed_s REAL,
    client TEXT NOT NULL,
    body BLOB NOT NULL
"""

Step = Callable[[sqlite3.Connection], None]


def _first(connection: sqlite3.Connection) -> None:
    """Make the tables. An id has a key, which is all that the others repeat of it."""
    for statement in (
        f"PRAGMA application_id = {APPLICATION_ID}",
        "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID",
        "CREATE TABLE ids (key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE) STRICT",
        f"CREATE TABLE records (key INTEGER PRIMARY KEY, {_RECORD}) STRICT",
        "CREATE INDEX records_provisional ON records (key) WHERE NOT final",
        f"""CREATE TABLE history (
            number INTEGER PRIMARY KEY, key INTEGER NOT NULL, {_RECORD}) STRICT""",
        "CREATE INDEX history_key ON history (key)",
        """CREATE TABLE queue (
            key INTEGER PRIMARY KEY,
            state TEXT NOT NULL CHECK (state IN ('pending', 'failed')),
            added_at INTEGER NOT NULL,  -- microseconds since 1970-01-01 UTC
            tried_at INTEGER,
            tried_by INTEGER NOT NULL DEFAULT 0,  -- the newest holder when it was asked for
            requests INTEGER NOT NULL DEFAULT 0,
            status INTEGER,
            error TEXT,
            leased_by INTEGER) STRICT""",
        "CREATE INDEX queue_free ON queue (state, tried_by) WHERE leased_by IS NULL",
        "CREATE INDEX queue_leased ON queue (leased_by) WHERE leased_by IS NOT NULL",
        """CREATE TABLE holders (
            holder INTEGER PRIMARY KEY AUTOINCREMENT,
            until INTEGER NOT NULL) STRICT  -- microseconds since 1970-01-01 UTC""",
    ):
        connection.execute(statement)


def _second(connection: sqlite3.Connection) -> None:
    """Give every body a checksum; of bodies that are there already, none is known."""
    for table in ("records", "history"):
        connection.execute(f"ALTER TABLE {table} ADD COLUMN checksum INTEGER")  # CRC-32


def _third(connection: sqlite3.Connection) -> None:
    """Give ids labels: an object of JSON, whose values are texts."""
    connection.execute("CREATE TABLE labels (key INTEGER PRIMARY KEY, labels TEXT NOT NULL) STRICT")


def _fourth(connection: sqlite3.Connection) -> None:
    """Keep what was known of ids that ended without a record, apart from the queue."""
    connection.execute(
        """CREATE TABLE forgotten (
            key INTEGER PRIMARY KEY,
            state TEXT NOT NULL,  -- in the queue
            added_at INTEGER NOT NULL,  -- microseconds since 1970-01-01 UTC
            tried_at INTEGER,
            requests INTEGER NOT NULL,
            status INTEGER,
            error TEXT,
            forgotten_at INTEGER NOT NULL) STRICT"""
    )


def _fifth(connection: sqlite3.Connection) -> None:
    """Give labels a checksum; of those that are there already, none is known."""
    connection.execute("ALTER TABLE labels ADD COLUMN checksum INTEGER")  # CRC-32


#: Every step there is; the version of a ledger is how many of them were taken.
STEPS: Final[tuple[Step, ...]] = (_first, _second, _third, _fourth, _fifth)


class _Header(NamedTuple):
    """What a file says of itself, as of one moment."""

    application: int
    version: int
    tables: int

    @property
    def is_blank(self) -> bool:
        """Whether nothing was ever put into the file, not even a number that says whose it is."""
        return not any(self)


def upgrade(database: Database, steps: Sequence[Step]) -> None:
    """Take the steps that a file lacks, each in one transaction; a blank file lacks them all.

    Raises:
        LedgerError: The file is not a ledger, or one of a newer version of this package, or a step
            failed: then the file is as it was before that step.
    """
    while (header := _checked(database, steps)).version < len(steps):
        if header.is_blank:
            with database.reading() as connection:
                connection.execute(f"PRAGMA page_size = {_PAGE_SIZE}")
        with database.writing() as connection:
            if _read(connection) == header:  # otherwise another process was faster
                steps[header.version](connection)
                connection.execute(f"PRAGMA user_version = {header.version + 1}")


def check_version(database: Database, steps: Sequence[Step]) -> None:
    """Make sure that a file can be read as it is.

    Raises:
        LedgerError: It is not a ledger, or one of another version.
    """
    header = _checked(database, steps)
    if header.is_blank:
        raise no_ledger(database.path, "the file is empty")
    if header.version < len(steps):
        raise outdated(database.path, "it was made by an older version of modelgates-client")


def _checked(database: Database, steps: Sequence[Step]) -> _Header:
    with database.reading() as connection:
        header = _read(connection)
    if header.application != APPLICATION_ID and not header.is_blank:
        raise no_ledger(database.path, "it is a database of another application")
    if header.version > len(steps):
        raise LedgerError(
            database.path,
            f"it has version {header.version}; this modelgates-client knows {len(steps)}",
            "upgrade modelgates-client",
        )
    return header


def _read(connection: sqlite3.Connection) -> _Header:
    """Read the header in one statement: between two, another process may change it."""
    found = connection.execute(
        """SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema)
        FROM pragma_application_id, pragma_user_version"""
    )
    return _Header(*found.fetchone())
