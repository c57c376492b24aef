"""What can be wrong with a ledger, said in one line with what mends it."""

import shlex
import sqlite3
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from modelgates_runtime.errors import ModelGatesError
from modelgates_runtime.values import printable


class LedgerError(ModelGatesError):
    """A ledger cannot be opened, read or written to. What was added before is not touched.

    Attributes:
        path: Which ledger.
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
    """Something that is stored is none of what was written; a `LedgerError` says so to callers."""


_AGAIN: Final = "what was added before is safe, the rest was not added"
_NO_LEDGER: Final = "give the path of a ledger, or one that does not exist yet"

#: What SQLite's primary result codes mean here: the problem, and the remedy.
_MEANINGS: Final[Mapping[int, tuple[str, str]]] = MappingProxyType(
    {
        sqlite3.SQLITE_BUSY: (
            "another process has kept it locked for too long",
            "try again when that one has finished",
        ),
        sqlite3.SQLITE_FULL: ("the disk is full", f"free some space and try again: {_AGAIN}"),
        sqlite3.SQLITE_IOERR: (
            "the disk is full, or failed",
            f"free some space, or look after the disk, and try again: {_AGAIN}",
        ),
        sqlite3.SQLITE_READONLY: (
            "it is read-only",
            "make the file and its folder writable, or open it with read_only=True",
        ),
        sqlite3.SQLITE_CANTOPEN: (
            "it cannot be opened",
            "make the file readable, and its folder writable",
        ),
        sqlite3.SQLITE_PERM: ("it may not be accessed", "change its permissions"),
        sqlite3.SQLITE_NOTADB: ("it is no SQLite database", _NO_LEDGER),
        sqlite3.SQLITE_CORRUPT: (
            "it is damaged",
            "keep a copy of it, then restore a backup or run the command `sqlite3 FILE .recover`",
        ),
        sqlite3.SQLITE_TOOBIG: (
            "a text or body is longer than SQLite can hold",
            f"leave that one out: {_AGAIN}",
        ),
    }
)


def meaning(path: str, error: sqlite3.Error) -> LedgerError:
    """Return what an error of SQLite means for the caller."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None and isinstance(error, sqlite3.OperationalError):  # a text that is no UTF-8
        return damaged(path, "a text in it is none")
    code = sqlite3.SQLITE_ERROR if code is None else code
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    known = _MEANINGS.get(code & 0xFF)  # the rest of a code says where it happened
    if known is None:
        return LedgerError(
            path,
            f"SQLite says {str(error)!r} ({name})",
            "another program has changed its tables, or this is a bug: please report it",
        )
    problem, remedy = known
    return LedgerError(path, f"{problem} ({name})", remedy)


def damaged(path: str, problem: str) -> LedgerError:
    """Return the error of a ledger that holds what was never written."""
    remedy = f"run the command `{_check(path)}`, which says what is damaged"
    return LedgerError(path, f"it is damaged: {problem}", remedy)


def outdated(path: str, problem: str) -> LedgerError:
    """Return the error of a ledger that an opening for writing would bring up to date."""
    return LedgerError(
        path, problem, f"open it once for writing, as `{_check(path)}` does without a key"
    )


def _check(path: str) -> str:
    return f"modelgates check {shlex.quote(path)}"


def no_ledger(path: str, problem: str) -> LedgerError:
    """Return the error of a path that is that of something else."""
    return LedgerError(path, problem, _NO_LEDGER)
