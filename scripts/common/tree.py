"""Directories as trees of bytes: what differs between two, and putting one in another's place."""

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

_READY = ".ready"  # in a scratch directory: all that is to be renamed is there
_OLD = ".old"  # behind the name of what was there before


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


def install(scratch: Path, contents: Mapping[Path, Path | str]) -> None:
    """Put trees and texts in the place of others: all of them, or none.

    Everything is copied into `scratch` first, so that only renames separate old from new; if one
    fails, or an interrupt comes between, what was renamed is put back. A process that is killed
    there leaves `scratch`, from which `finish` goes on.

    Args:
        scratch: A directory beside the targets, which must be in one directory; it goes again.
        contents: By target: a directory, or the text of a file.
    """
    finish(scratch)
    scratch.mkdir()
    try:
        for target, source in contents.items():
            new = scratch / target.name
            if isinstance(source, Path):
                shutil.copytree(source, new)
            else:
                new.write_text(source, encoding="utf-8", newline="\n")
        (scratch / _READY).touch()
        _rename(scratch)
    finally:
        shutil.rmtree(scratch)


def finish(scratch: Path) -> None:
    """Go on from where an `install` was killed, or clear what it left before it began to rename."""
    if (scratch / _READY).exists():
        _rename(scratch)
    if scratch.exists():
        shutil.rmtree(scratch)


def _rename(scratch: Path) -> None:
    done: list[tuple[Path, Path, Path]] = []
    try:
        for new in sorted(scratch.iterdir()):
            if new.name == _READY or new.suffix == _OLD:
                continue
            target, old = scratch.parent / new.name, scratch / f"{new.name}{_OLD}"
            done.append((target, old, new))
            if target.exists() and not old.exists():
                target.rename(old)
            new.rename(target)
    except BaseException:  # an interrupt, too
        for target, old, new in reversed(done):
            if not new.exists():
                target.rename(new)
            if old.exists():
                old.rename(target)
        raise
