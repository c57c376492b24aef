"""Writing a file: all of it, or it stays as it was."""

import os
import secrets
from pathlib import Path

from modelgates_client._errors import ConfigurationError
from modelgates_client.cli._stdout import UnwritableError


def check_writable(name: str) -> None:
    """Find out before the work whether there is a place for its result.

    Raises:
        ConfigurationError: It is a folder, or in none.
    """
    path = Path(name)
    if path.is_dir():
        raise ConfigurationError(f"the file {name!r}: it is a folder")
    if not path.absolute().parent.is_dir():
        raise ConfigurationError(f"the file {name!r}: there is no such folder")


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
        beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        try:
            beside.write_bytes(content)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise UnwritableError(f"the file {name!r}: {error.strerror}") from None
