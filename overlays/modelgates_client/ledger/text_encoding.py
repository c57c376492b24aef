"""Texts that SQLite cannot hold as they are: half characters (surrogates), which UTF-8 has not.

Ids round-trip whatever they are: one with half characters is stored as its escapes, behind a mark.
Other texts are for people; there a question mark stands for each half.
"""

import re
from typing import Final

from modelgates_client.ledger.errors import DamagedError

_MARK: Final = "escaped:"
_KEYS: Final = re.compile(r"sk-mg-[^\s'\"]*")
_MAX: Final = 1000  # characters of an error that are kept; a server may send any number


def stored_id(generation_id: str) -> str:
    r"""Return an id as it is stored: itself, unless UTF-8 has no way to write it.

    >>> stored_id("gen-1"), stored_id("\ud800")
    ('gen-1', 'escaped:\\ud800')

    Raises:
        TypeError: It is no string.
    """
    if not isinstance(generation_id, str):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
        raise TypeError(f"an id is a str, not {type(generation_id).__name__}")
    if not generation_id.startswith(_MARK) and is_storable(generation_id):
        return generation_id
    return _MARK + generation_id.encode("unicode_escape").decode("ascii")


def given_id(stored: str) -> str:
    """Return an id as it was given; the inverse of `stored_id`.

    Raises:
        DamagedError: It is not the text of one.
    """
    if not stored.startswith(_MARK):
        return stored
    try:
        return stored.removeprefix(_MARK).encode("ascii").decode("unicode_escape")
    except UnicodeError:
        raise DamagedError(f"{stored!r} is no id") from None


def storable(text: str | None) -> str | None:
    """Return a text with question marks for half characters."""
    return text if text is None or is_storable(text) else text.encode("utf-8", "replace").decode()


def is_storable(text: str) -> bool:
    """Whether UTF-8 can write a text."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def error_text(error: Exception) -> str:
    """Return the class and the message of an error: no longer than needed, without a key."""
    said = _KEYS.sub("sk-mg-…", f"{type(error).__name__}: {error}"[: 2 * _MAX])
    return str(storable(said if len(said) <= _MAX else f"{said[: _MAX - 1]}…"))
