"""Directories as trees of bytes: what differs between two, and putting one in another's place."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path


def read(root: Path) -> dict[str, bytes]:
    """Return every file below `root`, by its path in POSIX form.

    A symbolic link counts as a file that holds where it leads; compiled bytecode does not count.
    """
    return {
        path.relative_to(root).as_posix(): (
            os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
        )
        for path in sorted(root.rglob("*"))
        if (path.is_symlink() or path.is_file()) and path.suffix != ".pyc"
    }


def differences(expected: Path, actual: Path) -> Iterator[str]:
    """Yield a line for each file of `actual` that is not byte for byte that of `expected`."""
    want, have = read(expected), read(actual)
    for name in sorted(want.keys() | have.keys()):
        if name not in have:
            yield f"{name}: missing"
        elif name not in want:
            yield f"{name}: left over, nothing generates it"
        elif want[name] != have[name]:
            yield f"{name}: differs"


def replace(target: Path, source: Path) -> None:
    """Put `source` in the place of `target`, whole or not at all.

    `source` is copied beside `target` first, so that only two renames separate old from new; if
    the second fails, the first is undone.
    """
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as scratch:
        new, old = Path(scratch) / "new", Path(scratch) / "old"
        shutil.copytree(source, new)
        try:
            if target.exists():
                target.rename(old)
            new.rename(target)
        except BaseException:  # an interrupt, too
            if old.exists() and not target.exists():
                old.rename(target)
            raise


@contextlib.contextmanager
def written_beside(target: Path, text: str) -> Iterator[Path]:
    """Yield a file of that text beside `target`, for a rename; what is not renamed is removed."""
    new = target.with_name(f".{target.name}-new")
    try:
        new.write_text(text, encoding="utf-8", newline="\n")
        yield new
    finally:
        new.unlink(missing_ok=True)
