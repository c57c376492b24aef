"""Compares directories by their bytes, and replaces one by another."""

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

_READY = ".ready"  # in a scratch directory: it is complete, and renaming may begin
_OLD = ".old"  # suffix of the previous version of a target


def read(root: Path) -> dict[str, bytes]:
    """Return every file below `root`, by its path in POSIX form.

    The content of a symbolic link is its target; compiled bytecode is left out.
    """
    return {
        path.relative_to(root).as_posix(): (
            os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
        )
        for path in sorted(root.rglob("*"))
        if (path.is_symlink() or path.is_file()) and path.suffix != ".pyc"
    }


def differences(expected: Path, actual: Path) -> Iterator[str]:
    """Yield a line for each file that is not the same, byte for byte, in both directories."""
    expected_files, actual_files = read(expected), read(actual)
    for name in sorted(expected_files.keys() | actual_files.keys()):
        if name not in actual_files:
            yield f"{name}: missing"
        elif name not in expected_files:
            yield f"{name}: left over, nothing generates it"
        elif expected_files[name] != actual_files[name]:
            yield f"{name}: differs"


def install(scratch: Path, contents: Mapping[Path, Path | str]) -> None:
    """Replace directories and files: all of them, or none.

    Everything is first copied into `scratch`, so that only renames remain; if one fails or is
    interrupted, the renames are undone. A process that is killed between them leaves `scratch`,
    from which `finish` continues.

    Args:
        scratch: A temporary directory next to the targets, which must all be in one directory.
        contents: For each target, its new content: a directory, or the text of a file.
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
    """Complete an `install` that was killed, or remove its leftovers if it had not yet renamed."""
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
