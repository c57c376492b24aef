r"""What is the id of a generation: the one rule for all calls and commands. Pure.

- A program may ask for any text that a URL can carry: `is_askable`.
- A word that a person gives, as an argument or alone on a line, is an id if it begins with `gen-`
  or `gen_`, goes on in ASCII letters, digits, `-` and `_`, and ends in a letter or digit: `is_id`.
- Among other words only what cannot be anything else is one: `gen-<unix seconds>-<letters and
  digits>`, `gen_<ULID>`, and what stands behind `id=`, `"generation_id":` and the like:
  `words_within`. Escapes of JSON, URLs, HTML, Python and JavaScript are undone there, whichever is
  within which.
"""

import re
from html import unescape as html_unescape
from typing import Final, NamedTuple, TypeGuard

_LONGEST: Final = 200  # characters; real ones have 35

_ALONE: Final = re.compile(r"gen[-_][0-9A-Za-z](?:[0-9A-Za-z_-]*[0-9A-Za-z])?")
# Projects of Google Cloud, and what is named after generative AI.
_OTHERS: Final = re.compile(r"gen-(?:lang-client|ai)(?![0-9A-Za-z]).*", re.IGNORECASE)

# So long that nothing else is meant, whatever stands before it.
_EXACT: Final = (
    r"(?:gen-(?:[a-z]{2,8}-)?[0-9]{10}-[0-9A-Za-z]{20}|gen_[0-7][0-9A-HJKMNP-TV-Z]{25})"
    r"(?![0-9A-Za-z])"
)
_KEY: Final = (
    r"(?<![0-9A-Za-z_.-])(?i:(?:x[-_])?(?:gen_ai\.response\.|(?:generation|response|completion|gen)"
    r"[-_]?)?id)[\"']?\s{0,9}(?::|=>?)\s{0,9}[\"']?"
)
_WITHIN: Final = re.compile(
    rf"(?P<exact>{_EXACT})"
    rf"|{_KEY}(?P<given>{_EXACT}|gen[-_][0-9A-Za-z_-]+)"
    r"|(?<![0-9A-Za-z_-])(?P<alike>gen-[0-9]{9,11}(?![0-9])[0-9A-Za-z_-]*"
    r"|gen_(?=[A-Za-z]*[0-9])[0-9A-Za-z]{16,}(?![0-9A-Za-z_-]))"
)
_SHAPE: Final = re.compile(r"gen-[0-9]{9,11}-[0-9A-Za-z]+|gen_[0-9A-Za-z]+")
_ELLIPSES: Final = ("...", "\N{HORIZONTAL ELLIPSIS}")

_ESCAPE: Final = re.compile(
    r"\\u(?P<unicode>[0-9A-Fa-f]{4})|\\u\{(?P<point>[0-9A-Fa-f]{1,6})\}"
    r"|\\x(?P<byte>[0-9A-Fa-f]{2})|\\(?P<octal>[0-7]{3})"
    r"|\\(?P<letter>[^xu])|%(?P<percent>[0-9A-Fa-f]{2})|=(?P<quoted>3D)"
    r"|&(?P<entity>#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,8});",
    re.DOTALL,
)
_BLANKS: Final = frozenset("abfnrtv0")  # escaped, each is white space, or at least no letter
_LAYERS: Final = 6  # of escapes: JSON in JSON in a log has two


class Words(NamedTuple):
    """What was found in a text.

    Attributes:
        ids: The ids, each once.
        refused: Words that begin as an id does, and are none: cut off, mostly.
    """

    ids: list[str]
    refused: list[str]


def is_askable(generation_id: object) -> TypeGuard[str]:
    """Whether a value can be asked for: a text without line ends and the like."""
    return isinstance(generation_id, str) and generation_id != "" and generation_id.isprintable()


def is_id(word: str) -> bool:
    """Whether a word that stands alone is an id.

    >>> [is_id(word) for word in ("gen-1", "gen_01ARZ3NDEKTSV4RRFFQ69G5FAV", "gen-1771967973-")]
    [True, True, False]
    """
    return len(word) <= _LONGEST and _ALONE.fullmatch(word) is not None and not is_another(word)


def is_another(word: str) -> bool:
    """Whether a word is known to be the id of something else."""
    return _OTHERS.fullmatch(word) is not None


def refusal(word: str) -> str:
    """Return why a word is refused, with so much of it that it is recognised."""
    return f"the generation id is {shortened(word)!r}; it is like gen-…"


def shortened(word: str) -> str:
    """Return the beginning of a word that may be anything."""
    return word if len(word) <= 60 else f"{word[:60]}…"  # noqa: PLR2004 - fits in a line


def words_within(text: str) -> Words:
    r"""Return the ids that stand in a text, among other words.

    >>> words_within("GET /x?id%3Dgen-1771967973-0hZ8J5kY7qLMOKbPx0u3%22 by gen-ai-2025").ids
    ['gen-1771967973-0hZ8J5kY7qLMOKbPx0u3']
    """
    text = unescaped(text)
    found: dict[str, None] = {}
    refused: dict[str, None] = {}
    for match in _WITHIN.finditer(text):
        exact, given, alike = match.group("exact", "given", "alike")
        word = exact or given or alike
        is_whole = not text.startswith(_ELLIPSES, match.end())
        if exact or (is_whole and (is_id(given) if given else _SHAPE.fullmatch(word))):
            found[word] = None
        elif not is_another(word):
            refused[word] = None
    return Words(list(found), list(refused))


def may_have_ids(text: str) -> bool:
    """Whether it is worth while to look for ids in a text."""
    return "gen" in text or any(sign in text for sign in ("\\u00", "\\x", "%6", "&#"))


def unescaped(text: str) -> str:
    r"""Undo the escapes of a text, and those within them.

    >>> unescaped(r"\\nid\\u003dgen%2D1&quot;")
    ' id=gen-1"'
    """
    for _ in range(_LAYERS):
        if not any(sign in text for sign in ("\\", "%", "&", "=3D")):
            break
        before, text = text, _ESCAPE.sub(_meaning, text)
        if text == before:
            break
    return text


def _meaning(match: re.Match[str]) -> str:
    kind = str(match.lastgroup)
    said = match[kind]
    if kind == "letter":
        return " " if said in _BLANKS else said
    if kind == "entity":
        return html_unescape(match[0])
    if kind == "quoted":
        return "="
    number = int(said, 8 if kind == "octal" else 16)
    return chr(number) if number <= 0x10FFFF else "\N{REPLACEMENT CHARACTER}"  # noqa: PLR2004 - Unicode's end
