"""Small pieces of SQL that several modules share: the table `meta`, quoted names."""

import sqlite3


def get_meta(connection: sqlite3.Connection, name: str) -> str | None:
    """Return a value of the table `meta`; None if it has none of that name."""
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return None if row is None else str(row[0])


def set_meta(connection: sqlite3.Connection, name: str, value: str) -> None:
    """Set a value of the table `meta`, within a transaction."""
    connection.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (name, value))


def delete_meta(connection: sqlite3.Connection, name: str) -> None:
    """Delete a value of the table `meta`, within a transaction."""
    connection.execute("DELETE FROM meta WHERE name = ?", (name,))


def quoted(name: str) -> str:
    """Return a name as an identifier."""
    return '"' + name.replace('"', '""') + '"'
