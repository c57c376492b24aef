"""What is the id of a generation: the one rule for all calls and commands. Pure.

- A program may ask for any text that a URL can carry: `is_askable`.
- A word that a person gives, as an argument or alone on a line, is an id if it begins with `gen-`
  or `gen_`, goes on in ASCII letters, digits, `-` and `_`, and ends in a letter or digit: `is_id`.
- Among other words only what cannot be anything else is one: `records.ids_in_texts` finds them.
"""

import re
from typing import Final, TypeGuard

_MAX: Final = 200  # characters; real ones have 35

# Compiled when they are first needed: a client does without. Projects of Google Cloud, and what is
# named after generative AI:
_OTHER: Final = r"(?i:gen-(?:lang-client|ai)(?![0-9A-Za-z]))"
_JOINED: Final = r"(?:gen-[0-9]{9,11}-|gen_[0-7][0-9A-HJKMNP-TV-Z]{25})"
_ALONE: Final = rf"(?!{_OTHER})(?!.+?{_JOINED})gen[-_][0-9A-Za-z](?:[0-9A-Za-z_-]*[0-9A-Za-z])?"


def is_askable(generation_id: object) -> TypeGuard[str]:
    """Whether a value can be asked for: a text without line ends and the like."""
    return isinstance(generation_id, str) and generation_id != "" and generation_id.isprintable()


def is_id(word: str) -> bool:
    """Whether a word that stands alone is an id.

    >>> [is_id(word) for word in ("gen-1", "gen_01ARZ3NDEKTSV4RRFFQ69G5FAV", "gen-1771967973-")]
    [True, True, False]
    """
    return len(word) <= _MAX and re.fullmatch(_ALONE, word) is not None


def is_other_kind(word: str) -> bool:
    """Whether a word is known to be the id of something else."""
    return re.match(_OTHER, word) is not None


def refusal(word: str) -> str:
    """Return why a word is refused, with so much of it that it is recognised."""
    return f"the generation id is {shortened(word)!r}; expected one like gen-…"


def shortened(word: str) -> str:
    """Return the beginning of a word that may be anything."""
    return word if len(word) <= 60 else f"{word[:60]}…"  # noqa: PLR2004 - fits in a line
