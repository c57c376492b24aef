"""Which records are asked for: ids from arguments, files and stdin."""

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from modelgates_client.errors import ConfigurationError

STDIN: Final = "-"

_COMMENT: Final = re.compile(r"(?:^|\s)#.*", re.DOTALL)


def read_ids(arguments: Sequence[str], files: Sequence[str]) -> Iterator[str]:
    """Return the ids of the arguments, then those of the files.

    Files are read at once, stdin (`-`, as either) as its lines come: the ids may be written by
    what is still running.

    Raises:
        ConfigurationError: A file cannot be read.
    """
    sources = [_lines_of_stdin() if name == STDIN else iter([name]) for name in arguments]
    sources += [_lines_of_stdin() if name == STDIN else ids_in(_lines(name)) for name in files]
    return (generation_id for source in sources for generation_id in source)


def ids_in(lines: Iterable[bytes]) -> Iterator[str]:
    """Return the ids of lines, one in each; blank lines and `#` comments are none.

    What is not UTF-8 stays recognisable as such: it is an id that no record has.
    """
    for line in lines:
        text = line.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
        generation_id = _COMMENT.sub("", text).strip()
        if generation_id:
            yield generation_id


def _lines(name: str) -> list[bytes]:
    try:
        return Path(name).read_bytes().splitlines()
    except OSError as error:
        raise ConfigurationError(f"the file {name!r}: {error.strerror}") from None


def _lines_of_stdin() -> Iterator[str]:
    if sys.stdin is None:  # where it is closed
        raise ConfigurationError("stdin is closed")
    return ids_in(sys.stdin.buffer)
