"""What counts as a generation id: the one rule for all calls and commands. Pure.

- A program may request any text that a URL can carry: `is_askable`.
- A word entered by a user, as an argument or alone on a line, is an id if it begins with `gen-` or
  `gen_`, continues with ASCII letters, digits, `-` and `_`, and ends in a letter or digit: `is_id`.
- Within other text, only words that cannot be anything else are ids: see `records.id_search`.
"""

import re
from typing import Final, TypeGuard

_MAX: Final = 200  # characters; real ones have 35

# Compiled on first use, since a client does not need them. Names of Google Cloud projects, and
# names with "generative AI":
_OTHER: Final = r"(?i:gen-(?:lang-client|ai)(?![0-9A-Za-z]))"
_JOINED: Final = r"(?:gen-[0-9]{9,11}-|gen_[0-7][0-9A-HJKMNP-TV-Z]{25})"
_ALONE: Final = rf"(?!{_OTHER})(?!.+?{_JOINED})gen[-_][0-9A-Za-z](?:[0-9A-Za-z_-]*[0-9A-Za-z])?"


def is_askable(generation_id: object) -> TypeGuard[str]:
    """Whether a value can be requested: a non-empty text of printable characters."""
    return isinstance(generation_id, str) and generation_id != "" and generation_id.isprintable()


def is_id(word: str) -> bool:
    """Whether a single word is an id.

    >>> [is_id(word) for word in ("gen-1", "gen_01ARZ3NDEKTSV4RRFFQ69G5FAV", "gen-1771967973-")]
    [True, True, False]
    """
    return len(word) <= _MAX and re.fullmatch(_ALONE, word) is not None


def is_other_kind(word: str) -> bool:
    """Whether a word is known to be the id of something else."""
    return re.match(_OTHER, word) is not None


def refusal(value: object) -> str:
    """Return why a value is rejected as an id, with enough of it to recognise it."""
    shown = shortened(value) if isinstance(value, str) else value
    return f"invalid generation id {shown!r}; ids are like gen-…"


def shortened(word: str) -> str:
    """Return a word, truncated to 60 characters."""
    return word if len(word) <= 60 else f"{word[:60]}…"  # noqa: PLR2004 - fits in a line
