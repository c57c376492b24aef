"""Writing files atomically: a file appears complete under its name, or not at all.

A file is written in a hidden folder next to its place. The writer holds a lock in the folder, which
ends with the process. The next writer of a file with the same name removes folders without a lock.
Like ledgers, the files are readable by their owner only.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

try:
    import fcntl
except ImportError:  # Windows, where a file that is open cannot be removed
    fcntl = None  # type: ignore[assignment]

_OWNER_ONLY: Final = 0o600
_LOCK: Final = "lock"
_NEW_LOCK: Final = "locking"  # renamed when it is locked


@contextmanager
def temporary_beside(path: Path) -> Generator[Path]:
    """Yield a temporary folder next to a file, which is removed at the end.

    Raises:
        OSError: It cannot be created.
    """
    prefix = f".{path.name}.modelgates-"
    _remove_abandoned(path.parent, prefix)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=path.parent))
    try:
        with (folder / _NEW_LOCK).open("wb") as lock:
            if fcntl is not None:
                fcntl.flock(lock, fcntl.LOCK_EX)
                (folder / _NEW_LOCK).rename(folder / _LOCK)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # an error that led here says more


def replace_file(source: Path, path: Path) -> None:
    """Move a complete file to `path`, so that it survives a crash.

    It gets the permissions of the file that it replaces; a new file gets mode 0600.

    Raises:
        OSError: It cannot be moved.
    """
    try:
        mode = path.stat().st_mode & 0o777
    except FileNotFoundError:
        mode = _OWNER_ONLY
    with source.open("rb+") as file:
        source.chmod(mode)
        os.fsync(file.fileno())
    source.replace(path)


def _remove_abandoned(parent: Path, prefix: str) -> None:
    """Remove folders of killed processes, as far as that is possible now."""
    with contextlib.suppress(OSError):
        for folder in parent.iterdir():
            if folder.name.startswith(prefix) and not folder.is_symlink():
                _remove_unless_locked(folder)


def _remove_unless_locked(folder: Path) -> None:
    with contextlib.suppress(OSError):  # locked, owned by another user, or removed already
        if fcntl is None:
            (folder / _NEW_LOCK).unlink()
            shutil.rmtree(folder)
            return
        with (folder / _LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder)
