r"""Ids that applications captured: lines in a file beside a ledger, which takes them in.

Writing a line is one `write` to a file that is opened for appending, a microsecond; no process that
is killed loses what it has written, and no two mix their lines. Each line is an object of JSON
between two line ends, so that half a line (the disk was full) spoils no other.

The ledger takes the lines in within its own transactions, and keeps there how far it is. Taking a
line twice changes nothing. Who writes holds a shared lock on the file as long as it has it open;
who has taken all of it and can lock it for itself alone removes it. Who opened it meanwhile sees,
once it has its lock, that the path does not lead to its file any more, and opens it anew. Where
files cannot be locked like this (Windows, some network file systems), the file stays.
"""

import hashlib
import json
import os
import sqlite3
import stat
import time
import weakref
from collections.abc import Callable, Generator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from modelgates_client.ledger import files
from modelgates_client.ledger.database import Database
from modelgates_client.ledger.errors import LedgerError
from modelgates_client.ledger.labels import NONE, Labels, as_json, read
from modelgates_client.records.drift_observer import LOGGER
from modelgates_client.records.generation_ids import is_askable
from modelgates_runtime.values import is_object

if TYPE_CHECKING:
    import fcntl
else:
    try:
        import fcntl
    except ModuleNotFoundError:  # on Windows
        fcntl = None

_ENDING: Final = "-captured"  # as SQLite names its own files
_OWNER_ALONE: Final = 0o600
_SAFE: Final = (
    getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a pipe in its place must not hang
    | getattr(os, "O_BINARY", 0)
)
_LOCK_S: Final = (
    5.0  # seconds that a lock is waited for: who removes a file has it for microseconds
)
_PAUSE_S: Final = 0.001

_CHECK_NS: Final = 1_000_000_000  # between two looks whether the file was removed
_MAX_ID: Final = 200  # characters
_MAX_LINE: Final = 64 * 1024  # bytes; with the most and longest labels it is a third of that
_PIECE: Final = 1 << 20  # bytes that are taken in one transaction

_KEPT: Final = "captured"  # how far the file was taken in
_REACH: Final = "INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)"
_REACHED: Final = "SELECT value FROM meta WHERE name = ?"


def path_beside(ledger: str | os.PathLike[str]) -> Path:
    """Return where the ids that are captured for a ledger are.

    Raises:
        LedgerError: The path of the ledger is none.
    """
    name: str = os.fspath(ledger)
    try:
        real = os.path.realpath(name)
    except ValueError as error:  # a null character
        raise LedgerError(name, str(error), "look at the path") from None
    return Path(f"{real}{_ENDING}")


def is_waiting(ledger: str | os.PathLike[str]) -> bool:
    """Whether there is a file of captured ids beside a ledger, taken in already or not."""
    try:
        return path_beside(ledger).stat().st_size > 0
    except OSError:
        return False


class CaptureFile:
    """The file beside a ledger, for appending. Threads, and processes after a fork, may share it.

    Attributes:
        path: Where it is.
    """

    def __init__(self, ledger: str | os.PathLike[str]) -> None:
        """Open it; make it, for its owner alone, if it is not there.

        Raises:
            LedgerError: It cannot be written to.
        """
        if Path(ledger).is_dir():
            raise LedgerError(os.fspath(ledger), "it is a folder", "give the path of a ledger")
        self.path: Final = path_beside(ledger)
        self._ledger: Final = os.fspath(ledger)
        self._descriptor = -1
        self._checked = 0
        self._open()

    def append(self, generation_id: str, labels: Labels = NONE) -> None:
        """Write the line of an id.

        Raises:
            OSError: The disk is full, or the like.
            LedgerError: The file was removed, and cannot be made anew.
        """
        now = time.time_ns()
        if not self._checked <= now < self._checked + _CHECK_NS:  # it costs more than to write
            self._checked = now
            if not os.fstat(self._descriptor).st_nlink:
                self._open()  # it was removed by hand: nobody would find what is written
        line = line_of(generation_id, now // 1000, labels)
        written = os.write(self._descriptor, line)
        if written < len(line):
            raise OSError(None, f"{written} of {len(line)} bytes were written: is the disk full?")

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | _SAFE
        with _told(self._ledger, self.path):
            ends_s = time.monotonic() + _LOCK_S
            while True:
                descriptor = os.open(self.path, flags, _OWNER_ALONE)
                try:
                    _check(descriptor)
                    _share(descriptor, ends_s)
                    if files.identity(self.path) == _identity(descriptor):
                        break
                except BaseException:
                    os.close(descriptor)
                    raise
                os.close(descriptor)  # it was removed before the lock was there
        finalizer = weakref.finalize(self, os.close, descriptor)
        finalizer.atexit = False  # threads may write until the very end
        self._descriptor = descriptor


class CapturedId(NamedTuple):
    """An id that was captured.

    Attributes:
        generation_id: The id.
        at: When, in microseconds since 1970-01-01 UTC.
        labels: Its labels.
    """

    generation_id: str
    at: int
    labels: Labels


def line_of(generation_id: str, at: int, labels: Labels) -> bytes:
    """Return the line of an id."""
    is_plain = generation_id.isascii() and generation_id.replace("-", "").isalnum()
    quoted = f'"{generation_id}"' if is_plain else json.dumps(generation_id)
    said = f'"id":{quoted},"at":{at}'
    if labels:
        said += f',"labels":{as_json(labels)}'
    return f"\n{{{said}}}\n".encode()


def read_line(line: bytes) -> CapturedId | None:
    """Return what a line says; None if it is none of ours, whoever has written it."""
    if len(line) > _MAX_LINE:
        return None
    try:
        said: Any = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not is_object(said):
        return None
    generation_id, at = said.get("id"), said.get("at")
    if not is_askable(generation_id) or len(generation_id) > _MAX_ID:
        return None
    if type(at) is not int or not 0 <= at < 1 << 62:
        return None
    return CapturedId(generation_id, at, read(said.get("labels")))


#: Takes ids in, within the transaction of a connection.
Take = Callable[[sqlite3.Connection, list[CapturedId]], object]


def take_in(database: Database, take: Take) -> None:
    """Take in all lines that were not, in transactions; remove the file if nobody writes to it.

    Raises:
        LedgerError: The file or the ledger cannot be used; what was taken is taken.
    """
    path = path_beside(database.path)
    with _reading(database.path, path) as file:
        while file is not None:
            name = _name(file)
            while not _is_taken(database, file):
                with database.writing() as connection:
                    _take_piece(connection, file, name, take)
            if not _lock_alone(file.fileno()):
                return
            if _is_taken(database, file):
                # What is left, if anything, is half a line whose writer is gone.
                with _told(database.path, path):
                    if files.identity(path) == _identity(file.fileno()):
                        path.unlink()
                return


def is_all_taken(database: Database) -> bool:
    """Whether no line is left that a ledger has not taken in.

    Raises:
        LedgerError: The file or the ledger cannot be read.
    """
    with _reading(database.path, path_beside(database.path)) as file:
        return file is None or _is_taken(database, file)


def _is_taken(database: Database, file: FileIO) -> bool:
    with database.reading() as connection:
        return not _next_piece(file, _reached(connection, _name(file)))


def _take_piece(connection: sqlite3.Connection, file: FileIO, name: str, take: Take) -> None:
    """Take the next lines in, and keep how far it is; there are none if another was faster."""
    offset = _reached(connection, name)
    data = _next_piece(file, offset)
    if not data:
        return
    lines = [line for line in data.splitlines() if line]
    taken = [found for line in lines if (found := read_line(line)) is not None]
    if len(taken) < len(lines):
        left_out = len(lines) - len(taken)
        LOGGER.warning("%d captured lines name no id, and were left out", left_out)
    take(connection, taken)
    connection.execute(_REACH, (_KEPT, f"{name} {offset + len(data)}"))


def _next_piece(file: FileIO, offset: int) -> bytes:
    """Return whole lines from an offset on; none, if there are none."""
    file.seek(offset)
    data = file.read(_PIECE) or b""
    end = data.rfind(b"\n") + 1
    return data if not end and len(data) == _PIECE else data[:end]  # no line of ours is that long


def _reached(connection: sqlite3.Connection, name: str) -> int:
    """Return how many bytes of a file were taken in; of another file than the last one, none."""
    found = connection.execute(_REACHED, (_KEPT,)).fetchone()
    kept, _, offset = str(found[0]).partition(" ") if found is not None else ("", "", "")
    return int(offset) if kept == name and offset.isdecimal() else 0


def _name(file: FileIO) -> str:
    """Return what a file is known by, as long as it is not removed: its first line, as a digest."""
    file.seek(0)
    first = (file.read(_MAX_LINE) or b"").lstrip(b"\n").split(b"\n", 1)[0]
    return hashlib.sha256(first).hexdigest()


@contextmanager
def _reading(ledger: str, path: Path) -> Generator[FileIO | None]:
    """Open the file; None if there is none."""
    with _told(ledger, path):
        try:
            descriptor = os.open(path, os.O_RDONLY | _SAFE)
        except FileNotFoundError:
            descriptor = -1
    if descriptor < 0:
        yield None
        return
    with FileIO(descriptor) as file:
        with _told(ledger, path):
            _check(descriptor)
        yield file


def _identity(descriptor: int) -> tuple[int, int]:
    found = os.fstat(descriptor)
    return found.st_dev, found.st_ino


def _check(descriptor: int) -> None:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise OSError(None, "it is no regular file")


def _share(descriptor: int, ends_s: float) -> None:
    """Lock a file with others who write."""
    if fcntl is None:
        return
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= ends_s:
                raise
            time.sleep(_PAUSE_S)
        except OSError:  # a file system without locks: nobody can lock it alone there, either
            return
        else:
            return


def _lock_alone(descriptor: int) -> bool:
    """Lock a file alone, if nobody has it open for writing."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextmanager
def _told(ledger: str, path: Path) -> Generator[None]:
    """Say what is wrong with the file beside a ledger."""
    try:
        yield
    except OSError as error:
        problem = error.strerror or type(error).__name__
        raise LedgerError(
            ledger,
            f"{str(path)!r}, for ids that are captured for it, cannot be used: {problem}",
            "look at the folder, its permissions and what is there",
        ) from None
