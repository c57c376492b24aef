"""The file of a ledger: created for its owner alone, and refused if it is something else."""

import os
import stat
from pathlib import Path
from typing import Final

from modelgates_client.ledger.errors import LedgerError, no_ledger

_BESIDE: Final = ("-wal", "-shm", "-journal")  # what SQLite adds to the name for its own files
_OWNER_ALONE: Final = 0o600
_MOUNTS: Final = Path("/proc/self/mountinfo")


def find(path: str | os.PathLike[str], *, create: bool) -> Path:
    """Return where the file really is; create it, empty and with mode 0600, if it is not there.

    A link to a ledger is followed, so that SQLite's own files are beside the ledger; a link to
    nothing is not, and neither is one in place of one of those files.

    Raises:
        LedgerError: There is none, or something else, or it cannot be created.
    """
    name = os.fspath(path)
    try:
        real = Path(os.path.realpath(name))
        if Path(name).is_symlink() and not real.exists():
            raise no_ledger(name, f"it is a link to {str(real)!r}, which is not there")
        is_new = create and _create(real)
        _check(name, real)
        if create and not is_new and is_empty(real):
            real.chmod(_OWNER_ALONE)  # made empty by somebody, for this
    except FileNotFoundError:
        what = "it is in no folder" if create else "there is no such file"
        raise LedgerError(name, what, "look at the path" + _is_made(create=create)) from None
    except ValueError as error:  # a null character, which no path has
        raise no_ledger(name, str(error)) from None
    except OSError as error:
        problem = error.strerror or type(error).__name__
        raise LedgerError(name, problem, "look at the path and its permissions") from None
    return real


def is_mounted(path: Path, mounts: str) -> bool:
    """Whether a file is a mount by itself.

    Args:
        path: The file, with no link in its path.
        mounts: What Linux says in `/proc/self/mountinfo`; elsewhere, nothing.

    Source: proc_pid_mountinfo(5): the fifth field, with blanks and the like in octal.
    """
    escaped = "".join(f"\\{ord(char):03o}" if char in " \t\n\\" else char for char in str(path))
    return any(line.split(" ")[4:5] == [escaped] for line in mounts.splitlines())


def _mounts() -> str:
    try:
        return _MOUNTS.read_text(errors="surrogateescape")
    except OSError:
        return ""


def identity(path: Path) -> tuple[int, int] | None:
    """Return which file a path leads to; None if to none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def is_empty(path: Path) -> bool:
    """Whether a file has no content: a ledger that is just being created, or nobody's."""
    return path.stat().st_size == 0


def has_no_log(path: Path) -> bool:
    """Whether everything is in the file itself, nothing in the log beside it."""
    log = path.with_name(f"{path.name}-wal")
    return not log.exists() or is_empty(log)


def _create(path: Path) -> bool:
    """Create a file; False if it is there. Its name is on disk when this returns."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
    try:
        made = os.open(path, flags, _OWNER_ALONE)
    except FileExistsError:
        return False
    try:
        if hasattr(os, "fchmod"):
            os.fchmod(made, _OWNER_ALONE)  # the umask may have taken more
        os.fsync(made)
    finally:
        os.close(made)
    if hasattr(os, "O_DIRECTORY"):  # elsewhere folders cannot be opened
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    return True


def _check(name: str, real: Path) -> None:
    found = real.stat()
    if stat.S_ISDIR(found.st_mode):
        raise no_ledger(name, "it is a folder")
    if not stat.S_ISREG(found.st_mode):
        raise no_ledger(name, "it is no regular file")
    # Beside each name is another log: what is in one of them is not seen by the others, and lost.
    # https://www.sqlite.org/howtocorrupt.html, section 2.5
    if found.st_nlink > 1:
        raise LedgerError(
            name,
            f"it has {found.st_nlink} names (hard links), and SQLite's log goes by the name",
            "remove the other names, or make a copy for each",
        )
    if is_mounted(real, _mounts()):
        raise LedgerError(
            name,
            "the file alone is mounted there, without its folder, and SQLite's log is beside it",
            "mount the folder that it is in",
        )
    for ending in _BESIDE:
        beside = real.with_name(real.name + ending)
        if beside.is_symlink():
            raise LedgerError(
                name,
                f"{str(beside)!r} is a link, where SQLite keeps what is not in the ledger yet",
                "find out who made it, and remove it",
            )


def _is_made(*, create: bool) -> str:
    return ": the folder must be there" if create else ", or open it for writing to create it"
