"""Text with lone surrogates, which UTF-8 and therefore SQLite cannot store.

Every id round-trips: an id with surrogates is stored as its escapes, behind a prefix. In other
text, which is for people to read, each surrogate becomes a question mark.
"""

import re
from typing import Final

from modelgates_client.ledger.errors import DamagedError

_PREFIX: Final = "escaped:"
_API_KEYS: Final = re.compile(r"sk-mg-[^\s'\"]*")
_MAX_ERROR: Final = 1000  # characters of an error that are stored


def encode_id(generation_id: str) -> str:
    r"""Return an id as the ledger stores it: unchanged, unless UTF-8 cannot encode it.

    >>> encode_id("gen-1"), encode_id("\ud800")
    ('gen-1', 'escaped:\\ud800')

    Raises:
        TypeError: It is not a string.
    """
    if not isinstance(generation_id, str):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
        raise TypeError(f"an id is a str, not {type(generation_id).__name__}")
    if not generation_id.startswith(_PREFIX) and is_encodable(generation_id):
        return generation_id
    return _PREFIX + generation_id.encode("unicode_escape").decode("ascii")


def decode_id(encoded_id: str) -> str:
    """Return the id that `encode_id` encoded.

    Raises:
        DamagedError: It is not an encoded id.
    """
    if not encoded_id.startswith(_PREFIX):
        return encoded_id
    try:
        return encoded_id.removeprefix(_PREFIX).encode("ascii").decode("unicode_escape")
    except UnicodeError:
        raise DamagedError(f"{encoded_id!r} is not an id") from None


def replace_surrogates(text: str | None) -> str | None:
    """Return text with a question mark for each lone surrogate."""
    return text if text is None or is_encodable(text) else text.encode("utf-8", "replace").decode()


def is_encodable(text: str) -> bool:
    """Whether UTF-8 can encode a text."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def error_text(error: Exception) -> str:
    """Return class and message of an error, at most 1,000 characters, without API keys."""
    text = _API_KEYS.sub("sk-mg-…", f"{type(error).__name__}: {error}"[: 2 * _MAX_ERROR])
    return str(
        replace_surrogates(text if len(text) <= _MAX_ERROR else f"{text[: _MAX_ERROR - 1]}…")
    )
