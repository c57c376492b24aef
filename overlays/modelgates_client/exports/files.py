"""Finding the source files: ledgers and Parquet files."""

import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from modelgates_client.errors import ConfigurationError
from modelgates_client.exports.errors import SourceError
from modelgates_client.ledger.ledger import bring_up_to_date

_SQLITE_MAGIC: Final = b"SQLite format 3\x00"
_PARQUET_MAGIC: Final = b"PAR1"
_REMEDY: Final = "give a ledger, Parquet files made by `modelgates export`, or a folder of them"


class SourceFiles(NamedTuple):
    """The source files, each once, with absolute paths.

    Attributes:
        ledgers: SQLite files.
        exports: Parquet files.
    """

    ledgers: tuple[str, ...]
    exports: tuple[str, ...]


def find_sources(sources: Iterable[str]) -> SourceFiles:
    """Return the files that paths, folders and patterns stand for.

    A folder stands for the Parquet files in it, at any depth. A name of an existing file is not a
    pattern.

    Raises:
        ConfigurationError: There is no source.
        SourceError: There is no such file, or it is neither a ledger nor a Parquet file.
    """
    ledgers: dict[str, None] = {}
    exports: dict[str, None] = {}
    for source in sources:
        for path in _paths(source):
            start = _read_start(path)
            if start.startswith(_SQLITE_MAGIC):
                ledgers[os.path.realpath(path)] = None
            elif start.startswith(_PARQUET_MAGIC):
                exports[os.path.realpath(path)] = None
            else:
                problem = "it is neither a ledger nor a Parquet file" if start else "it is empty"
                raise SourceError(path, problem, _REMEDY)
    if not ledgers and not exports:
        raise ConfigurationError(f"nothing to read: {_REMEDY}")
    return SourceFiles((*ledgers,), (*exports,))


def _paths(source: str) -> Iterator[str]:
    path = Path(source)
    if not path.exists():
        bring_up_to_date(source)  # creates it if there are only captured ids
    if path.is_dir():
        paths = sorted(str(each) for each in path.rglob("*.parquet"))
        if not paths:
            raise SourceError(source, "there is no Parquet file in this folder", _REMEDY)
    elif path.exists():
        paths = [source]
    else:
        paths = sorted(glob.glob(source, recursive=True))  # noqa: PTH207 - absolute ones, too
        if not paths:
            raise SourceError(source, "there is no such file", _REMEDY)
    yield from paths


def _read_start(path: str) -> bytes:
    try:
        if not Path(path).is_file():  # reading a pipe would block
            raise SourceError(path, "it is not a regular file", _REMEDY)
        with Path(path).open("rb") as file:
            return file.read(len(_SQLITE_MAGIC))
    except OSError as error:
        raise SourceError(path, str(error.strerror), "check its permissions") from None
