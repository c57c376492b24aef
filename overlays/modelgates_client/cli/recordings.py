"""Reading recorded responses: lines of files and stdin, with bounded memory.

A file whose name ends in `.json` contains one response, which may span several lines. A ledger, of
any name, contains one for each record.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from modelgates_client.cli.reading import STDIN, UnreadableError, read_text, split_lines
from modelgates_client.errors import ConfigurationError

#: Maximum length of a line, in bytes: the client's default limit for a body.
MAX: Final = 4 * 2**20

_SUFFIXES: Final = (".jsonl", ".ndjson", ".json", ".gz")
# The header of an SQLite file: https://sqlite.org/fileformat2.html, section 1.3.
_SQLITE: Final = b"SQLite format 3\0"

_SEPARATORS: Final = {"/", os.sep}


def is_recording(argument: str) -> bool:
    """Whether an argument names recorded responses, rather than an id.

    It does if it is `-`, contains a path separator, has the suffix of a JSON Lines file, or is the
    name of an existing file.
    """
    if argument == STDIN or any(separator in argument for separator in _SEPARATORS):
        return True
    if argument.lower().endswith(_SUFFIXES):
        return True
    try:
        return bool(argument) and Path(argument).exists()
    except (OSError, ValueError):  # too long for a file name, or with a null character
        return False


def is_ledger(name: str) -> bool:
    """Whether a file is an SQLite database, by its first bytes, whatever its name."""
    try:
        path = Path(name)
        if name == STDIN or not path.is_file():
            return False  # reading the start of a pipe would consume it
        with path.open("rb") as file:
            head = file.read(len(_SQLITE))
    except (OSError, ValueError):  # reading the file reports the error
        return False
    return head.startswith(_SQLITE)  # opening it reports a database that is not a ledger


def read_bodies(name: str) -> Iterator[tuple[int, bytes]]:
    """Yield the bodies of a ledger's records, numbered from 1; others may write to it meanwhile.

    Raises:
        LedgerError: The ledger cannot be read, or not completely.
    """
    from modelgates_client.ledger import Ledger  # noqa: PLC0415 - SQLite costs

    with Ledger(name, read_only=True) as ledger:
        for number, (_, body) in enumerate(ledger.bodies(), 1):
            yield number, body


def read_lines(name: str, *, documents: bool = True) -> Iterator[tuple[int, bytes | None]]:
    """Yield the numbered lines of a file or of stdin (`-`), decompressed and decoded.

    Blank lines are skipped, but counted. A line longer than `MAX` is yielded as None.

    Args:
        name: The file.
        documents: Whether a `.json` file is yielded as a single line, whatever its layout.

    Raises:
        ConfigurationError: The file cannot be read, or not completely.
    """
    number = 0
    try:
        text = read_text(name)
        if documents and _is_document(name):
            document = _read_up_to(text, MAX + 1)
            yield 1, document if len(document) <= MAX else None
            return
        for number, line in enumerate(split_lines(text, MAX), 1):
            if line is None or not line.isspace():
                yield number, line
    except (EOFError, OSError, UnreadableError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        after = f" after line {number}" if number else ""
        raise ConfigurationError(f"the file {name!r}: {reason}{after}") from None


def _read_up_to(chunks: Iterator[bytes], min_length: int) -> bytes:
    content = b""
    for chunk in chunks:
        content += chunk
        if len(content) >= min_length:
            break
    return content


def _is_document(name: str) -> bool:
    return name.lower().removesuffix(".gz").endswith(".json")
