"""Where a file is made, beside its place, so that it is there whole or not at all.

Each is made in a hidden folder. Whoever makes one holds a lock in it, which ends with the process,
however that ends; the next that makes a file of the same name removes folders that nobody holds.
Files are for their owner alone, as ledgers are: they hold the same.
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

_OWNER_ALONE: Final = 0o600
_LOCK: Final = "lock"


@contextmanager
def temporary_beside(path: Path) -> Generator[Path]:
    """Yield a folder beside a file, for the new one; nothing of it is left in the end.

    Raises:
        OSError: It cannot be made.
    """
    prefix = f".{path.name}.modelgates-"
    _sweep(path.parent, prefix)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=path.parent))
    try:
        with (folder / "locking").open("wb") as lock:
            if fcntl is not None:
                fcntl.flock(lock, fcntl.LOCK_EX)
                (folder / "locking").rename(folder / _LOCK)  # not there before it is held
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # the error that led here says more


def replace_file(made: Path, path: Path) -> None:
    """Put a whole file in place of another, so that it is there after a crash, too.

    It has the permissions of the one that it replaces; a new one is for its owner alone.

    Raises:
        OSError: It cannot be put there.
    """
    try:
        mode = path.stat().st_mode & 0o777
    except FileNotFoundError:
        mode = _OWNER_ALONE
    with made.open("rb+") as file:
        made.chmod(mode)
        os.fsync(file.fileno())
    made.replace(path)


def _sweep(parent: Path, prefix: str) -> None:
    """Remove what killed processes have left; what cannot be removed is left to the next."""
    with contextlib.suppress(OSError):
        for folder in parent.iterdir():
            if folder.name.startswith(prefix) and not folder.is_symlink():
                _remove_unless_held(folder)


def _remove_unless_held(folder: Path) -> None:
    with contextlib.suppress(OSError):  # it is held, or not ours, or gone already
        if fcntl is None:
            (folder / "locking").unlink()
            shutil.rmtree(folder)
            return
        with (folder / _LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder)
