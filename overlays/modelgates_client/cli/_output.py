"""Writing a file: all of it, or it stays as it was."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from modelgates_client.cli._reading import STDIN
from modelgates_client.cli._stdout import UnwritableError
from modelgates_client.errors import ConfigurationError
from modelgates_client.exports.placing import beside, put


def check_writable(name: str, inputs: Iterable[str] = ()) -> None:
    """Find out before the work whether there is a place for its result.

    Args:
        name: The file to be written.
        inputs: Files that are read, which must not be lost; `-` is stdin.

    Raises:
        ConfigurationError: It is a folder, or in none, or one of the inputs.
    """
    path = Path(name)
    if path.is_dir():
        raise ConfigurationError(f"the file {name!r}: it is a folder")
    if not path.absolute().parent.is_dir():
        raise ConfigurationError(f"the file {name!r}: there is no such folder")
    if path.is_file() and any(_is_same(path, source) for source in inputs):
        raise ConfigurationError(f"the file {name!r}: it is read, so it cannot be written to")


def _is_same(path: Path, source: str) -> bool:
    try:
        if source != STDIN:
            return path.samefile(source)
        return sys.stdin is not None and os.path.samestat(path.stat(), os.fstat(sys.stdin.fileno()))
    except (OSError, ValueError):  # it is not there, or has no file: reading it will say so
        return False


def write_file(name: str, text: str) -> None:
    """Write a file at once: readers find it as it was, or as it is now.

    What is no regular file, as `/dev/stderr` or a pipe, is written to.

    Raises:
        UnwritableError: It cannot be written.
    """
    content = text.encode("utf-8", "replace")
    try:
        if Path(name).exists() and not Path(name).is_file():
            Path(name).write_bytes(content)
            return
        path = Path(os.path.realpath(name))  # a link stays one
        with beside(path) as folder:
            made = folder / "made"
            made.write_bytes(content)
            put(made, path)
    except OSError as error:
        raise UnwritableError(f"the file {name!r}: {error.strerror}") from None
