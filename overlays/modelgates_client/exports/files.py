"""Which files are meant, and what they are: ledgers or Parquet files."""

import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from modelgates_client.errors import ConfigurationError
from modelgates_client.exports.errors import SourceError
from modelgates_client.ledger.ledger import bring_up_to_date

_LEDGER: Final = b"SQLite format 3\x00"
_PARQUET: Final = b"PAR1"
_EXPECTED: Final = "give a ledger, Parquet files made by `modelgates export`, or a folder of them"


class SourceFiles(NamedTuple):
    """The files that are meant, each once, with absolute paths.

    Attributes:
        ledgers: SQLite files.
        exports: Parquet files.
    """

    ledgers: tuple[str, ...]
    exports: tuple[str, ...]


def find(sources: Iterable[str]) -> SourceFiles:
    """Return the files that are meant by paths, folders and patterns.

    A folder stands for the Parquet files in it, at any depth. What is there by its literal name is
    no pattern.

    Raises:
        ConfigurationError: There is no source.
        SourceError: There is no such file, or it is something else.
    """
    ledgers: dict[str, None] = {}
    exports: dict[str, None] = {}
    for source in sources:
        for path in _files(source):
            start = _start(path)
            if start.startswith(_LEDGER):
                ledgers[os.path.realpath(path)] = None
            elif start.startswith(_PARQUET):
                exports[os.path.realpath(path)] = None
            else:
                what = "it is neither a ledger nor a Parquet file" if start else "it is empty"
                raise SourceError(path, what, _EXPECTED)
    if not ledgers and not exports:
        raise ConfigurationError(f"nothing to read: {_EXPECTED}")
    return SourceFiles((*ledgers,), (*exports,))


def _files(source: str) -> Iterator[str]:
    path = Path(source)
    if not path.exists():
        bring_up_to_date(source)  # which makes it, if there are only ids that were captured for it
    if path.is_dir():
        paths = sorted(str(each) for each in path.rglob("*.parquet"))
        if not paths:
            raise SourceError(source, "there is no Parquet file in this folder", _EXPECTED)
    elif path.exists():
        paths = [source]
    else:
        paths = sorted(glob.glob(source, recursive=True))  # noqa: PTH207 - absolute ones, too
        if not paths:
            raise SourceError(source, "there is no such file", _EXPECTED)
    yield from paths


def _start(path: str) -> bytes:
    try:
        if not Path(path).is_file():  # a pipe would have to be waited for
            raise SourceError(path, "it is no regular file", _EXPECTED)
        with Path(path).open("rb") as file:
            return file.read(len(_LEDGER))
    except OSError as error:
        raise SourceError(path, str(error.strerror), "look at its permissions") from None
