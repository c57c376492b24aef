"""Writes several files as one: all of them or none."""

import contextlib
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path


def write(contents: Mapping[Path, bytes]) -> None:
    """Replace the contents of files: all of them or none.

    New contents and copies of the old files are first written to a temporary directory next to the
    first file, so that only renames remain; if one fails or is interrupted, the old files are
    restored.
    """
    directory = next(iter(contents)).parent
    with tempfile.TemporaryDirectory(dir=directory, prefix=".vendor-") as name:
        staged = {t: Path(name) / str(number) for number, t in enumerate(contents)}
        for target, content in contents.items():
            staged[target].with_suffix(".new").write_bytes(content)
            with contextlib.suppress(FileNotFoundError):
                shutil.copy2(target, staged[target].with_suffix(".old"))
        try:
            for target in contents:
                staged[target].with_suffix(".new").replace(target)
        except BaseException:  # an interrupt, too
            for target in contents:
                _restore(target, staged[target].with_suffix(".old"))
            raise


def _restore(target: Path, old: Path) -> None:
    if old.exists():
        old.replace(target)
    else:
        target.unlink(missing_ok=True)
