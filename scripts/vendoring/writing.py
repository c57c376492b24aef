"""Writing several files as one: all of them or none."""

import contextlib
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path


def write(contents: Mapping[Path, bytes]) -> None:
    """Put contents in the place of files, whole or not at all; the first names the directory.

    Everything is written beside them first, the old files too, so that only renames separate old
    from new; if one fails, or an interrupt comes between, the old files are put back.
    """
    directory = next(iter(contents)).parent
    with tempfile.TemporaryDirectory(dir=directory, prefix=".vendor-") as name:
        beside = {t: Path(name) / str(number) for number, t in enumerate(contents)}
        for target, content in contents.items():
            beside[target].with_suffix(".new").write_bytes(content)
            with contextlib.suppress(FileNotFoundError):
                shutil.copy2(target, beside[target].with_suffix(".old"))
        try:
            for target in contents:
                beside[target].with_suffix(".new").replace(target)
        except BaseException:  # an interrupt, too
            for target in contents:
                _put_back(target, beside[target].with_suffix(".old"))
            raise


def _put_back(target: Path, old: Path) -> None:
    if old.exists():
        old.replace(target)
    else:
        target.unlink(missing_ok=True)
