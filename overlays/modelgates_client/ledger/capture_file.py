r"""Ids that applications captured: lines in a file next to a ledger, which imports them.

Writing a line is one `write` to a file that is opened for appending, which takes a microsecond. A
process that is killed loses no line that it wrote, and lines of different processes do not mix.
Each line is a JSON object between two line ends, so that a partial line (the disk was full) damages
no other line.

The ledger imports the lines in its own transactions, and stores its position there. Importing a
line twice changes nothing. A writer holds a shared lock while it has the file open; an importer
that reached the end and gets an exclusive lock removes the file. A writer that opened the file in
the meantime notices, when it gets its lock, that the path no longer leads to its file, and opens it
again.

An importer renames a file that writers have open and that has grown (`…-captured-1`, and so on).
Writers check every second whether the path still leads to their file, and open the new one if not.
Renamed files are imported and removed like the first. So nothing is written to a file between its
last import and its removal, and the files of N writers do not grow beyond N MiB once imported.
Where files cannot be locked (Windows, some network file systems), the file stays, and grows.
"""

import hashlib
import json
import os
import sqlite3
import stat
import time
import weakref
from collections.abc import Callable, Generator, Iterable
from contextlib import ExitStack, contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from modelgates_client.ledger import files
from modelgates_client.ledger.database import Database
from modelgates_client.ledger.errors import LedgerError
from modelgates_client.ledger.labels import NONE, Labels, as_json, parse
from modelgates_client.ledger.sql import get_meta, set_meta
from modelgates_client.records.generation_ids import is_askable
from modelgates_client.records.log import logger
from modelgates_runtime.values import is_object

if TYPE_CHECKING:
    import fcntl
else:
    try:
        import fcntl
    except ModuleNotFoundError:  # on Windows
        fcntl = None

_SUFFIX: Final = "-captured"  # like those of SQLite's own files
_OWNER_ONLY: Final = 0o600
_SAFE_FLAGS: Final = (
    getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a pipe in its place must not block
    | getattr(os, "O_BINARY", 0)
)
_LOCK_TIMEOUT_S: Final = 5.0  # an importer holds the lock for microseconds
_LOCK_RETRY_S: Final = 0.001

_CHECK_NS: Final = 1_000_000_000  # between checks whether the file was removed or renamed
_MAX_BYTES: Final = 1 << 20  # of a file that writers have open, before it is renamed
_MAX_ID: Final = 200  # characters
_MAX_LINE: Final = 64 * 1024  # bytes; the longest possible line is a third of that
_CHUNK: Final = 1 << 20  # bytes that are imported in one transaction

_POSITIONS: Final = "captured"  # name in `meta` of the files and how much of each is imported


def capture_path(ledger: str | os.PathLike[str]) -> Path:
    """Return the path of the capture file of a ledger.

    Raises:
        LedgerError: The path of the ledger is not a path.
    """
    name: str = os.fspath(ledger)
    try:
        real = os.path.realpath(name)
    except ValueError as error:  # a null character
        raise LedgerError(name, str(error), "check the path") from None
    return Path(f"{real}{_SUFFIX}")


def has_capture_file(ledger: str | os.PathLike[str]) -> bool:
    """Whether a ledger has a capture file with content, imported or not."""
    path = capture_path(ledger)
    with suppress(OSError):
        if path.stat().st_size:
            return True
    return bool(_renamed(path))


class CaptureFile:
    """The capture file of a ledger, for appending. Threads and forked processes may share it.

    Attributes:
        path: Its path.
    """

    def __init__(self, ledger: str | os.PathLike[str]) -> None:
        """Open it; create it, with mode 0600, if it does not exist.

        Raises:
            LedgerError: It cannot be opened for writing.
        """
        if Path(ledger).is_dir():
            raise LedgerError(os.fspath(ledger), "it is a folder", "give the path of a ledger")
        self.path: Final = capture_path(ledger)
        self._ledger: Final = os.fspath(ledger)
        self._checked_ns = 0
        self._file = self._open()

    def append(self, generation_id: str, labels: Labels = NONE) -> None:
        """Append the line of an id.

        Raises:
            OSError: It cannot be written, for example because the disk is full.
            LedgerError: The file was removed, and cannot be created again.
        """
        now = time.time_ns()
        if not self._checked_ns <= now < self._checked_ns + _CHECK_NS:
            self._checked_ns = now
            if files.identity(self.path) != _identity(self._file.descriptor):
                self._file = self._open()
        line = format_line(generation_id, now // 1000, labels)
        file = self._file  # which another thread may replace
        written = os.write(file.descriptor, line)
        if written < len(line):
            raise OSError(
                None, f"only {written} of {len(line)} bytes were written: is the disk full?"
            )

    def _open(self) -> "_OpenFile":
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | _SAFE_FLAGS
        with _translate_errors(self._ledger, self.path):
            ends_s = time.monotonic() + _LOCK_TIMEOUT_S
            while True:
                descriptor = os.open(self.path, flags, _OWNER_ONLY)
                try:
                    _check(descriptor)
                    _lock_shared(descriptor, ends_s)
                    if files.identity(self.path) == _identity(descriptor):
                        break
                except BaseException:
                    os.close(descriptor)
                    raise
                os.close(descriptor)  # it was removed before this process had the lock
        return _OpenFile(descriptor)


class _OpenFile:
    """An open file, which is closed when no thread uses it any more."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor: Final = descriptor
        finalizer = weakref.finalize(self, os.close, descriptor)
        finalizer.atexit = False  # threads may write until the interpreter ends


class CapturedId(NamedTuple):
    """A captured id.

    Attributes:
        generation_id: The id.
        at: When it was captured, in microseconds since 1970-01-01 UTC.
        labels: Its labels.
    """

    generation_id: str
    at: int
    labels: Labels


def format_line(generation_id: str, at: int, labels: Labels) -> bytes:
    """Return the line of an id."""
    needs_no_escapes = generation_id.isascii() and generation_id.replace("-", "").isalnum()
    quoted = f'"{generation_id}"' if needs_no_escapes else json.dumps(generation_id)
    members = f'"id":{quoted},"at":{at}'
    if labels:
        members += f',"labels":{as_json(labels)}'
    return f"\n{{{members}}}\n".encode()


def parse_line(line: bytes) -> CapturedId | None:
    """Return the captured id in a line; None if the line, from any source, contains none."""
    if len(line) > _MAX_LINE:
        return None
    try:
        value: Any = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not is_object(value):
        return None
    generation_id, at = value.get("id"), value.get("at")
    if not is_askable(generation_id) or len(generation_id) > _MAX_ID:
        return None
    if type(at) is not int or not 0 <= at < 1 << 62:
        return None
    return CapturedId(generation_id, at, parse(value.get("labels")))


#: Imports ids, within the transaction of a connection.
Import = Callable[[sqlite3.Connection, list[CapturedId]], object]


def import_lines(database: Database, import_ids: Import) -> None:
    """Import all new lines, in transactions; remove files that no process writes to.

    Raises:
        LedgerError: A file or the ledger cannot be used; lines imported before stay imported.
    """
    path = capture_path(database.path)
    with _open_for_reading(database.path) as opened:
        for file_path, file in opened.items():
            while not _is_imported(database, file):
                with database.writing() as connection:
                    _import_chunk(connection, file, opened.values(), import_ids)
            is_locked = _lock_exclusive(file.fileno())
            if is_locked and _is_imported(database, file):
                # The rest, if any, is a partial line of a writer that is gone.
                with _translate_errors(database.path, file_path):
                    if files.identity(file_path) == _identity(file.fileno()):
                        file_path.unlink()
            elif is_locked is False and file_path == path:
                _rename_if_grown(database, path, file)


def is_fully_imported(database: Database) -> bool:
    """Whether a ledger has imported all lines of its capture files.

    Raises:
        LedgerError: A file or the ledger cannot be read.
    """
    with _open_for_reading(database.path) as opened:
        return all(_is_imported(database, file) for file in opened.values())


def _is_imported(database: Database, file: FileIO) -> bool:
    with database.reading() as connection:
        return not _read_chunk(file, _positions(connection).get(_digest(file), 0))


def _import_chunk(
    connection: sqlite3.Connection, file: FileIO, opened: Iterable[FileIO], import_ids: Import
) -> None:
    """Import the next lines, unless another process has, and store the position."""
    positions = _positions(connection)
    digest = _digest(file)
    offset = positions.get(digest, 0)
    data = _read_chunk(file, offset)
    if not data:
        return
    lines = [line for line in data.splitlines() if line]
    captured = [parsed for line in lines if (parsed := parse_line(line)) is not None]
    if len(captured) < len(lines):
        skipped = len(lines) - len(captured)
        logger().warning("skipped %d captured lines that contain no id", skipped)
    import_ids(connection, captured)
    positions = {each: positions.get(each, 0) for each in map(_digest, opened)}
    positions[digest] = offset + len(data)
    set_meta(connection, _POSITIONS, " ".join(f"{each} {at}" for each, at in positions.items()))


def _rename_if_grown(database: Database, path: Path, file: FileIO) -> None:
    """Rename a file that has grown, unless another process has: its writers open a new one."""
    if os.fstat(file.fileno()).st_size < _MAX_BYTES or not os.access(path.parent, os.R_OK):
        return
    with database.writing(), _translate_errors(database.path, path):  # one process at a time
        if files.identity(path) == _identity(file.fileno()):
            number = max(_renamed(path), default=0) + 1
            path.rename(f"{path}-{number}")


def _renamed(path: Path) -> dict[int, Path]:
    """Return the capture files that were renamed, by number, in the order of renaming."""
    prefix = f"{path.name}-"
    try:
        with os.scandir(path.parent) as entries:
            names = [each.name for each in entries if each.name.startswith(prefix)]
    except OSError:  # in a folder that cannot be listed none is renamed
        return {}
    suffixes = (name.removeprefix(prefix) for name in names)
    numbers = sorted(int(suffix) for suffix in suffixes if suffix.isascii() and suffix.isdecimal())
    return {number: Path(f"{path}-{number}") for number in numbers}


def _read_chunk(file: FileIO, offset: int) -> bytes:
    """Return complete lines from an offset on; empty if there are none."""
    file.seek(offset)
    data = file.read(_CHUNK) or b""
    end = data.rfind(b"\n") + 1
    return data if not end and len(data) == _CHUNK else data[:end]  # no valid line is that long


def _positions(connection: sqlite3.Connection) -> dict[str, int]:
    """Return how many bytes were imported of each file, by digest."""
    words = (get_meta(connection, _POSITIONS) or "").split()
    pairs = zip(words[::2], words[1::2], strict=False)
    return {digest: int(offset) for digest, offset in pairs if offset.isdecimal()}


def _digest(file: FileIO) -> str:
    """Return the digest of the first line, which identifies a file until it is removed."""
    file.seek(0)
    first_line = (file.read(_MAX_LINE) or b"").lstrip(b"\n").split(b"\n", 1)[0]
    return hashlib.sha256(first_line).hexdigest()


@contextmanager
def _open_for_reading(ledger: str) -> Generator[dict[Path, FileIO]]:
    """Open the capture files that exist, the oldest first."""
    path = capture_path(ledger)
    with ExitStack() as stack:
        # In this order: a file that is renamed meanwhile is opened twice, and not missed.
        newest = _open(ledger, path)
        opened = {each: _open(ledger, each) for each in _renamed(path).values()}
        opened[path] = newest
        yield {each: stack.enter_context(file) for each, file in opened.items() if file is not None}


def _open(ledger: str, path: Path) -> FileIO | None:
    """Open a file for reading; None if it does not exist."""
    with _translate_errors(ledger, path):
        try:
            file = FileIO(os.open(path, os.O_RDONLY | _SAFE_FLAGS))
        except FileNotFoundError:
            return None
        try:
            _check(file.fileno())
        except OSError:
            file.close()
            raise
        return file


def _identity(descriptor: int) -> tuple[int, int]:
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino


def _check(descriptor: int) -> None:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise OSError(None, "it is not a regular file")


def _lock_shared(descriptor: int, ends_s: float) -> None:
    """Lock a file together with other writers."""
    if fcntl is None:
        return
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= ends_s:
                raise
            time.sleep(_LOCK_RETRY_S)
        except OSError:  # a file system without locks, where no process can remove the file either
            return
        else:
            return


def _lock_exclusive(descriptor: int) -> bool | None:
    """Return whether a file could be locked: not if a process has it open for writing.

    Returns None where files cannot be locked.
    """
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


@contextmanager
def _translate_errors(ledger: str, path: Path) -> Generator[None]:
    """Raise errors of the capture file as `LedgerError`."""
    try:
        yield
    except OSError as error:
        problem = error.strerror or type(error).__name__
        raise LedgerError(
            ledger,
            f"its capture file {str(path)!r} cannot be used: {problem}",
            "check the file, the folder and their permissions",
        ) from None
