"""The file of a ledger: created with mode 0600, and refused if it is something else."""

import os
import stat
from pathlib import Path
from typing import Final

from modelgates_client.ledger.errors import LedgerError, not_a_ledger_error

_SUFFIXES: Final = ("-wal", "-shm", "-journal")  # of the names of SQLite's own files
_OWNER_ONLY: Final = 0o600
_MOUNTS: Final = Path("/proc/self/mountinfo")


def resolve_path(path: str | os.PathLike[str], *, create: bool) -> Path:
    """Return the real path of the file; create it, empty and with mode 0600, if it does not exist.

    A link to a ledger is followed, so that SQLite's own files are next to the ledger. A dangling
    link is refused, and so is a link in place of one of SQLite's files.

    Raises:
        LedgerError: There is no such file, it is not a regular file, or it cannot be created.
    """
    name = os.fspath(path)
    try:
        real = Path(os.path.realpath(name))
        if Path(name).is_symlink() and not real.exists():
            raise not_a_ledger_error(name, f"it is a link to {str(real)!r}, which does not exist")
        is_new = create and _create(real)
        _check(name, real)
        if create and not is_new and is_empty(real):
            real.chmod(_OWNER_ONLY)  # somebody created it empty, for this
    except FileNotFoundError:
        problem = "its folder does not exist" if create else "there is no such file"
        remedy = "create the folder" if create else "open it for writing to create it"
        raise LedgerError(name, problem, f"check the path, or {remedy}") from None
    except ValueError as error:  # a null character, which no path has
        raise not_a_ledger_error(name, str(error)) from None
    except OSError as error:
        problem = error.strerror or type(error).__name__
        raise LedgerError(name, problem, "check the path and its permissions") from None
    return real


def is_mounted(path: Path, mounts: str) -> bool:
    """Whether a file is itself a mount point.

    Args:
        path: The file; its path contains no link.
        mounts: The content of `/proc/self/mountinfo` on Linux; empty elsewhere.

    Source: proc_pid_mountinfo(5): the fifth field, with white space and backslashes in octal.
    """
    escaped = "".join(f"\\{ord(char):03o}" if char in " \t\n\\" else char for char in str(path))
    return any(line.split(" ")[4:5] == [escaped] for line in mounts.splitlines())


def _mounts() -> str:
    try:
        return _MOUNTS.read_text(errors="surrogateescape")
    except OSError:
        return ""


def identity(path: Path) -> tuple[int, int] | None:
    """Return device and inode of the file that a path leads to; None if there is no file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def is_empty(path: Path) -> bool:
    """Whether a file has no content, as a ledger has that is just being created."""
    return path.stat().st_size == 0


def is_log_empty(path: Path) -> bool:
    """Whether all data is in the file itself, and none in the write-ahead log next to it."""
    log = path.with_name(f"{path.name}-wal")
    return not log.exists() or is_empty(log)


def _create(path: Path) -> bool:
    """Create a file; False if it exists. Its directory entry is on disk when this returns."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
    try:
        descriptor = os.open(path, flags, _OWNER_ONLY)
    except FileExistsError:
        return False
    try:
        if hasattr(os, "fchmod"):
            os.fchmod(descriptor, _OWNER_ONLY)  # the umask may have removed more
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if hasattr(os, "O_DIRECTORY"):  # elsewhere folders cannot be opened
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    return True


def _check(name: str, real: Path) -> None:
    status = real.stat()
    if stat.S_ISDIR(status.st_mode):
        raise not_a_ledger_error(name, "it is a folder")
    if not stat.S_ISREG(status.st_mode):
        raise not_a_ledger_error(name, "it is not a regular file")
    # SQLite names its log after the path: data in the log of one name is lost to the other names.
    # https://www.sqlite.org/howtocorrupt.html, section 2.5
    if status.st_nlink > 1:
        raise LedgerError(
            name,
            f"it has {status.st_nlink} names (hard links), and SQLite's log is named after one",
            "remove the other names, or make a copy for each",
        )
    if is_mounted(real, _mounts()):
        raise LedgerError(
            name,
            "the file is mounted without its folder, and SQLite keeps its log in the folder",
            "mount the folder that contains it",
        )
    for suffix in _SUFFIXES:
        sqlite_file = real.with_name(real.name + suffix)
        if sqlite_file.is_symlink():
            raise LedgerError(
                name,
                f"{str(sqlite_file)!r}, where SQLite keeps recent changes, is a link",
                "find out who created it, and remove it",
            )
