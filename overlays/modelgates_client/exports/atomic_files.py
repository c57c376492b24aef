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
def replacing(name: str) -> Generator[Path]:
    """Yield the path of a new file, which replaces the file `name` at the end, unless that fails.

    It is alone in its folder, which is removed at the end. A new file gets mode 0600; one that
    replaces another gets the permissions of that. A symbolic link is kept.

    Raises:
        OSError: The folder cannot be created, or the file cannot be replaced.
    """
    path = Path(os.path.realpath(name))
    prefix = f".{path.name}.modelgates-"
    _remove_abandoned(path.parent, prefix)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=path.parent))
    try:
        with (folder / _NEW_LOCK).open("wb") as lock:
            if fcntl is not None:
                fcntl.flock(lock, fcntl.LOCK_EX)
                (folder / _NEW_LOCK).rename(folder / _LOCK)
            yield folder / "new"
            _replace(folder / "new", path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # an error that led here says more


def _replace(new: Path, path: Path) -> None:
    """Move a complete file to `path`, so that it survives a crash."""
    try:
        mode = path.stat().st_mode & 0o777
    except FileNotFoundError:
        mode = _OWNER_ONLY
    with new.open("rb+") as file:
        new.chmod(mode)
        os.fsync(file.fileno())
    new.replace(path)


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
