"""Recorded responses: lines of files and of stdin, as they come, none too long for memory.

A file whose name ends in `.json` holds one, laid out over lines as it may be. A ledger, whatever it
is called, holds one for each record.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from modelgates_client.cli.reading import STDIN, UnreadableError, read_text, split_lines
from modelgates_client.errors import ConfigurationError

#: Bytes of a line: as many as the client reads of a body unless told otherwise.
MAX: Final = 4 * 2**20

_SUFFIXES: Final = (".jsonl", ".ndjson", ".json", ".gz")
# The header of an SQLite file: https://sqlite.org/fileformat2.html, section 1.3.
_SQLITE: Final = b"SQLite format 3\0"

_SEPARATORS: Final = {"/", os.sep}


def is_recording(argument: str) -> bool:
    """Whether an argument names recorded responses, and is no id.

    It does if it is `-`, has a path separator, ends like a file of JSON Lines, or is the name of
    a file that is there.
    """
    if argument == STDIN or any(separator in argument for separator in _SEPARATORS):
        return True
    if argument.lower().endswith(_SUFFIXES):
        return True
    try:
        return bool(argument) and Path(argument).exists()
    except (OSError, ValueError):  # longer than a file's name can be, or with a null character
        return False


def is_ledger(name: str) -> bool:
    """Whether a file is one of SQLite, by its first bytes: what it is called says nothing."""
    try:
        path = Path(name)
        if name == STDIN or not path.is_file():
            return False  # a pipe cannot be looked into without taking from it
        with path.open("rb") as file:
            head = file.read(len(_SQLITE))
    except (OSError, ValueError):  # reading it will say so
        return False
    return head.startswith(_SQLITE)  # whose database it is, opening it will say


def read_bodies(name: str) -> Iterator[tuple[int, bytes]]:
    """Yield the bodies of a ledger's records, numbered from 1; they may go on being written.

    Raises:
        LedgerError: It cannot be read, or no further.
    """
    from modelgates_client.ledger import Ledger  # noqa: PLC0415 - SQLite costs

    with Ledger(name, read_only=True) as ledger:
        for number, (_, body) in enumerate(ledger.bodies(), 1):
            yield number, body


def read_lines(name: str, *, documents: bool = True) -> Iterator[tuple[int, bytes | None]]:
    """Yield the lines of a file, however it is packed and encoded, or of stdin (`-`), numbered.

    Blank lines are left out, but numbered. In place of a line that is longer than `MAX` comes
    None.

    Args:
        name: The file.
        documents: Whether a `.json` file is one line, however it is laid out.

    Raises:
        ConfigurationError: It cannot be read, or no further.
    """
    number = 0
    try:
        text = read_text(name)
        if documents and _is_document(name):
            document = _start(text, MAX + 1)
            yield 1, document if len(document) <= MAX else None
            return
        for number, line in enumerate(split_lines(text, MAX), 1):
            if line is None or not line.isspace():
                yield number, line
    except (EOFError, OSError, UnreadableError) as error:
        why = getattr(error, "strerror", None) or str(error)
        after = f" after line {number}" if number else ""
        raise ConfigurationError(f"the file {name!r}: {why}{after}") from None


def _start(chunks: Iterator[bytes], most: int) -> bytes:
    start = b""
    for chunk in chunks:
        start += chunk
        if len(start) >= most:
            break
    return start


def _is_document(name: str) -> bool:
    return name.lower().removesuffix(".gz").endswith(".json")
