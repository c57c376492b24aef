"""Compares directories by their bytes, and replaces one by another."""

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

_READY = "ready"  # the targets, in a scratch directory that is complete: renaming may begin
_LIST = "targets"  # its name before


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


def install(scratch: Path, contents: Mapping[Path, Path | bytes]) -> None:
    """Replace directories and files: all of them, or none.

    Everything is first copied into `scratch`, so that only renames remain; if one fails or is
    interrupted, the renames are undone. A process that is killed between them leaves `scratch`,
    from which `finish` continues.

    Args:
        scratch: A temporary directory, in the one that all targets are in, however deep.
        contents: For each target, its new content: a directory, or the content of a file.
    """
    finish(scratch)
    scratch.mkdir()
    try:
        for number, source in enumerate(contents.values()):
            if isinstance(source, Path):
                shutil.copytree(source, scratch / str(number))
            else:
                (scratch / str(number)).write_bytes(source)
        names = [target.relative_to(scratch.parent).as_posix() for target in contents]
        (scratch / _LIST).write_text("\n".join(names), encoding="utf-8")
        (scratch / _LIST).replace(scratch / _READY)
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
        for number, name in enumerate((scratch / _READY).read_text(encoding="utf-8").split("\n")):
            target = scratch.parent / name
            new, old = scratch / str(number), scratch / f"{number}.old"
            if not new.exists():
                continue  # it was renamed before the process was killed
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
