"""Ids found in files and pipes: lists, JSON Lines, logs.

An id is a word that begins with `gen-` and has a digit, as `gen-1771967973-0hZ8J5kY7qLMOKbPx0u3`;
its characters are ASCII letters, digits, `_` and `-`. Every line may have any number of them,
within JSON, a URL or a sentence. A line that is one such word and nothing else needs no digit.
Lines that begin with `#` are comments; so is what follows ` #` where the rest is one word.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from modelgates_client.cli._ids import STDIN
from modelgates_client.cli._keys import holds_key
from modelgates_client.cli._recordings import LONGEST, is_ledger, read_lines
from modelgates_client.errors import ConfigurationError
from modelgates_client.transport.credentials import Secret

_ALONE: Final = re.compile(rb"\s*(gen-[0-9A-Za-z_-]+)\s*(?:\s#.*)?", re.DOTALL)
_WITHIN: Final = re.compile(rb"(?<![0-9A-Za-z_-])gen-(?=[A-Za-z_-]*[0-9])[0-9A-Za-z_-]+")
_COMMENT: Final = re.compile(rb"\s*#")
_COLOURS: Final = re.compile(rb"\x1b\[[0-9;]*[A-Za-z]")  # of logs made for terminals
_BOM: Final = b"\xef\xbb\xbf"

#: Told of what is refused: where, and why.
Refuse = Callable[[str, str], object]


def ids_in(line: bytes) -> list[str]:
    """Return the ids of a line, each once.

    >>> ids_in(b'POST /x 200 id=gen-1771967973-0hZ8 "gen-1771967973-0hZ8"')
    ['gen-1771967973-0hZ8']
    """
    line = _COLOURS.sub(b" ", line.removeprefix(_BOM))
    alone = _ALONE.fullmatch(line)
    if alone is not None:
        return [alone[1].decode("ascii")]
    if _COMMENT.match(line):
        return []
    return list(dict.fromkeys(found.decode("ascii") for found in _WITHIN.findall(line)))


def check_files(names: Sequence[str]) -> None:
    """Find out before the work whether files can be read.

    Raises:
        ConfigurationError: One cannot, or is a ledger.
    """
    for name in names:
        if name == STDIN:
            continue
        try:
            with Path(name).open("rb"):
                pass
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise ConfigurationError(f"the file {name!r}: {why}") from None
        if is_ledger(name):
            raise ConfigurationError(
                f"the file {name!r} is a ledger, which is no list of ids; to go on with it, give "
                "it as --ledger, alone"
            )


def find_ids(names: Sequence[str], secret: Secret, refuse: Refuse) -> Iterator[str]:
    """Yield the ids of files, gzip'd ones (`.gz`) and stdin (`-`), as their lines come.

    What holds a key is left out, and refused, as lines that are too long to be looked through.

    Raises:
        ConfigurationError: A file cannot be read, or no further.
    """
    for name in names:
        for number, line in read_lines(name, documents=False):
            if line is None:
                refuse(f"{name}:{number}", f"a line of more than {LONGEST} bytes was not read")
                continue
            for generation_id in ids_in(line):
                if holds_key(generation_id, secret):
                    refuse(f"{name}:{number}", "there is an API key in an id, which was not sent")
                else:
                    yield generation_id
