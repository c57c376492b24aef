"""Errors of ledgers. Each message is one line that states the problem and the remedy."""

import shlex
import sqlite3
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from modelgates_runtime.errors import ModelGatesError
from modelgates_runtime.values import printable


class LedgerError(ModelGatesError):
    """A ledger cannot be opened, read or written to. Data added before is not affected.

    Attributes:
        path: The path of the ledger.
        problem: What happened.
        remedy: What to do.
    """

    def __init__(self, path: str, problem: str, remedy: str) -> None:
        super().__init__(path, problem, remedy)
        self.path = path
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return printable(f"the ledger {self.path!r}: {self.problem}; {self.remedy}")


class DamagedError(ValueError):
    """Stored data is not what was written. Callers see it as a `LedgerError`."""


_RETRY: Final = "data added before is safe, the rest was not added"
_GIVE_A_LEDGER: Final = "give the path of a ledger, or one that does not exist yet"

#: SQLite's primary result codes as messages: the problem and the remedy.
_MESSAGES: Final[Mapping[int, tuple[str, str]]] = MappingProxyType(
    {
        sqlite3.SQLITE_BUSY: (
            "another process kept it locked for too long",
            "try again when that process has finished",
        ),
        sqlite3.SQLITE_FULL: ("the disk is full", f"free some space and try again: {_RETRY}"),
        sqlite3.SQLITE_IOERR: (
            "the disk is full, or failed",
            f"free some space or check the disk, and try again: {_RETRY}",
        ),
        sqlite3.SQLITE_READONLY: (
            "it is read-only",
            "make the file and its folder writable, or open it with read_only=True",
        ),
        sqlite3.SQLITE_CANTOPEN: (
            "it cannot be opened",
            "make the file readable, and its folder writable",
        ),
        sqlite3.SQLITE_PERM: ("access to it is not permitted", "change its permissions"),
        sqlite3.SQLITE_NOTADB: ("it is not an SQLite database", _GIVE_A_LEDGER),
        sqlite3.SQLITE_CORRUPT: (
            "it is damaged",
            "keep a copy of it, then restore a backup or run the command `sqlite3 FILE .recover`",
        ),
        sqlite3.SQLITE_TOOBIG: (
            "a text or body is longer than SQLite can store",
            f"leave it out: {_RETRY}",
        ),
    }
)


def translate_sqlite_error(path: str, error: sqlite3.Error) -> LedgerError:
    """Return the `LedgerError` for an error of SQLite."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None and isinstance(error, sqlite3.OperationalError):  # a text that is not UTF-8
        return damaged_error(path, "it contains a text that is not UTF-8")
    code = sqlite3.SQLITE_ERROR if code is None else code
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    message = _MESSAGES.get(code & 0xFF)  # the upper bits say where it happened
    if message is None:
        return LedgerError(
            path,
            f"SQLite says {str(error)!r} ({name})",
            "another program changed its tables, or this is a bug: please report it",
        )
    problem, remedy = message
    return LedgerError(path, f"{problem} ({name})", remedy)


def damaged_error(path: str, problem: str) -> LedgerError:
    """Return the error for a ledger that contains data that was never written."""
    remedy = f"run `{_check_command(path)}` to list the damage"
    return LedgerError(path, f"it is damaged: {problem}", remedy)


def outdated_error(path: str, problem: str) -> LedgerError:
    """Return the error for a ledger that has to be opened for writing once."""
    return LedgerError(
        path,
        problem,
        f"open it once for writing; `{_check_command(path)}` does so, and needs no key",
    )


def _check_command(path: str) -> str:
    return f"modelgates check {shlex.quote(path)}"


def not_a_ledger_error(path: str, problem: str) -> LedgerError:
    """Return the error for a path that leads to something other than a ledger."""
    return LedgerError(path, problem, _GIVE_A_LEDGER)
