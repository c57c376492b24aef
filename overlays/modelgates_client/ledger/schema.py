"""The tables, as numbered upgrade steps from each version of a ledger to the next.

A released step is never changed; a change of the tables is a new step.
"""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from modelgates_client.ledger.database import Database
from modelgates_client.ledger.errors import LedgerError, not_a_ledger_error, outdated_error

#: Marks the file as a ledger in its header: `MGLD` in ASCII.
APPLICATION_ID: Final = 0x4D474C44

_PAGE_SIZE: Final = 8192  # bytes; bodies of 2 kB waste less than on SQLite's 4096

#: Columns that the tables of records and of their history share. The body is last, because SQLite
#: reads a row from its beginning.
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


def _create_tables(connection: sqlite3.Connection) -> None:
    """Create the tables. They refer to an id by its key."""
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
            tried_by INTEGER NOT NULL DEFAULT 0,  -- the newest holder when it was requested
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


def _add_checksums(connection: sqlite3.Connection) -> None:
    """Add checksums of bodies; those of existing bodies stay NULL."""
    for table in ("records", "history"):
        connection.execute(f"ALTER TABLE {table} ADD COLUMN checksum INTEGER")  # CRC-32


def _add_labels(connection: sqlite3.Connection) -> None:
    """Add labels: a JSON object whose values are strings."""
    connection.execute("CREATE TABLE labels (key INTEGER PRIMARY KEY, labels TEXT NOT NULL) STRICT")


def _add_forgotten(connection: sqlite3.Connection) -> None:
    """Move ids that are given up without a record out of the queue."""
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


def _add_label_checksums(connection: sqlite3.Connection) -> None:
    """Add checksums of labels; those of existing labels stay NULL."""
    connection.execute("ALTER TABLE labels ADD COLUMN checksum INTEGER")  # CRC-32


#: All steps; the version of a ledger is the number of steps that were applied.
STEPS: Final[tuple[Step, ...]] = (
    _create_tables,
    _add_checksums,
    _add_labels,
    _add_forgotten,
    _add_label_checksums,
)


class _Header(NamedTuple):
    """The header of a file, as of one moment."""

    application: int
    version: int
    tables: int

    @property
    def is_blank(self) -> bool:
        """Whether nothing was ever written to the file, not even an application id."""
        return not any(self)


def upgrade(database: Database, steps: Sequence[Step]) -> None:
    """Apply the missing steps in one transaction; a blank file lacks all of them.

    Raises:
        LedgerError: The file is not a ledger, or was written by a newer version of this package,
            or a step failed; then the file is as it was.
    """
    while (header := _checked_header(database, steps)).version < len(steps):
        if header.is_blank:
            with database.reading() as connection:
                connection.execute(f"PRAGMA page_size = {_PAGE_SIZE}")
        with database.writing() as connection:
            if _read_header(connection) == header:  # otherwise another process upgraded it
                for step in steps[header.version :]:
                    step(connection)
                connection.execute(f"PRAGMA user_version = {len(steps)}")


def check_version(database: Database, steps: Sequence[Step]) -> None:
    """Check that a file can be read without an upgrade.

    Raises:
        LedgerError: It is not a ledger, or its version is another one.
    """
    header = _checked_header(database, steps)
    if header.is_blank:
        raise not_a_ledger_error(database.path, "the file is empty")
    if header.version < len(steps):
        raise outdated_error(database.path, "an older version of modelgates-client created it")


def _checked_header(database: Database, steps: Sequence[Step]) -> _Header:
    with database.reading() as connection:
        header = _read_header(connection)
    if header.application != APPLICATION_ID and not header.is_blank:
        raise not_a_ledger_error(database.path, "it is the database of another application")
    if header.version > len(steps):
        raise LedgerError(
            database.path,
            f"it has version {header.version}; this modelgates-client supports up to {len(steps)}",
            "upgrade modelgates-client",
        )
    return header


def _read_header(connection: sqlite3.Connection) -> _Header:
    """Read the header in one statement: between two, another process could change it."""
    cursor = connection.execute(
        """SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema)
        FROM pragma_application_id, pragma_user_version"""
    )
    return _Header(*cursor.fetchone())
