r"""Finding generation ids within text. Pure.

Only words that cannot be anything else are ids: `gen-<unix seconds>-<letters and digits>`,
`gen_<ULID>`, and words that follow `id=`, `"generation_id":` and the like. Escapes of JSON, URLs,
HTML, Python and JavaScript are undone, in any nesting, and terminal colours are removed.
"""

import re
from html import unescape
from typing import Final, NamedTuple

from modelgates_client.records.generation_ids import is_id, is_other_kind

# Long enough to be unambiguous, whatever precedes it.
_EXACT: Final = (
    r"(?:gen-(?:[a-z]{2,8}-)?[0-9]{10}-[0-9A-Za-z]{20}|gen_[0-7][0-9A-HJKMNP-TV-Z]{25})"
    r"(?=gen[-_]|(?![0-9A-Za-z]))"  # joined files may have no line break between two ids
)
_DASHES: Final = "\\-\N{HYPHEN}-\N{HORIZONTAL BAR}\N{MINUS SIGN}"  # as word processors insert them
_KEY: Final = (
    r"(?<![0-9A-Za-z_.-])(?i:(?:x[-_])?(?:gen_ai\.response\.|(?:generation|response|completion|gen)"
    r"[-_]?)?id)[\"']?\s{0,9}(?::|=>?)\s{0,9}[\"']?"
)
_WITHIN: Final = re.compile(
    rf"(?P<exact>{_EXACT})"
    rf"|{_KEY}(?P<given>{_EXACT}|gen[-_][0-9A-Za-z_-]+)"
    rf"|(?<![0-9A-Za-z_-])(?P<alike>(?i:gen)[{_DASHES}][0-9]{{9,11}}(?![0-9])[0-9A-Za-z_{_DASHES}]*"
    r"|gen_(?=[A-Za-z]*[0-9])[0-9A-Za-z]{16,}(?![0-9A-Za-z_-]))"
)
_REAL: Final = re.compile(_EXACT)
_SHAPE: Final = re.compile(r"gen-[0-9]{9,11}-[0-9A-Za-z]+|gen_[0-9A-Za-z]+")
# What follows a truncated word: an ellipsis, a line continuation, an invisible hyphen.
_CUT: Final = re.compile(
    r"\.\.\.|\N{HORIZONTAL ELLIPSIS}|[=\\]\r?$|[\u00ad\u200b-\u200d\u2060][0-9A-Za-z]", re.MULTILINE
)

_ESCAPE: Final = re.compile(
    r"\\u(?P<unicode>[0-9A-Fa-f]{4})|\\u\{(?P<point>[0-9A-Fa-f]{1,6})\}"
    r"|\\U(?P<wide>[0-9A-Fa-f]{8})|\\x(?P<byte>[0-9A-Fa-f]{2})|\\(?P<octal>[0-3]?[0-7]{2})"
    r"|\\(?P<letter>[^xu])|%(?P<percent>[0-9A-Fa-f]{2})|=(?P<quoted>3D)"
    r"|&(?P<entity>#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,8});",
    re.DOTALL,
)
#: What letters after a backslash stand for: white space, or at least not a letter. Other letters
#: are part of paths and commands, and begin a word.
_LETTERS: Final = {**dict.fromkeys("abfnrtv0", " "), "e": "\x1b"}
_COLOURS: Final = re.compile(
    r"(?:\x1b|\^\[|#033)\[[0-9;]*[A-Za-z]"
)  # also as `cat -v` and rsyslog write them
# The letters of "gen", their escapes, and the escapes of those.
_SIGNS: Final = (
    *("Gen", "GEN", "\\0", "\\1", "\\u00", "\\u{", "\\U0", "\\x"),
    *("%2", "%5", "%6", "&#", "&amp;"),
)
_LAYERS: Final = 6  # nested escapes: JSON within JSON within a log has two


class IdMatches(NamedTuple):
    """The result of a search.

    Attributes:
        ids: The ids, without duplicates.
        refused: Words that begin like an id but are not one, most of them truncated.
    """

    ids: list[str]
    refused: list[str]


def find_ids_in_text(text: str) -> IdMatches:
    r"""Return the ids within a text.

    >>> find_ids_in_text("GET /x?id%3Dgen-1771967973-0hZ8J5kY7qLMOKbPx0u3%22 by gen-ai-2025").ids
    ['gen-1771967973-0hZ8J5kY7qLMOKbPx0u3']
    """
    text = strip_ansi(unescaped(text))
    found: dict[str, None] = {}
    refused: dict[str, None] = {}
    for match in _WITHIN.finditer(text):
        exact, given, alike = match.group("exact", "given", "alike")
        word = exact or given or alike
        is_whole = _CUT.match(text, match.end()) is None
        is_one = is_id(given) if given else _SHAPE.fullmatch(word)
        if _REAL.fullmatch(word) or (is_whole and is_one):
            found[word] = None
        elif not is_other_kind(word):
            refused[word] = None
    return IdMatches(list(found), list(refused))


def may_have_ids(text: str) -> bool:
    """Whether a text may contain ids: a quick check before `find_ids_in_text`."""
    return "gen" in text or any(sign in text for sign in _SIGNS)


def strip_ansi(text: str) -> str:
    """Return a text without ANSI escape sequences."""
    return _COLOURS.sub(" ", text) if "[" in text else text


def unescaped(text: str) -> str:
    r"""Undo the escapes in a text, nested ones included.

    >>> unescaped(r"\\nid\\u003dgen%2D1&quot;")
    ' id=gen-1"'
    """
    for _ in range(_LAYERS):
        if not any(sign in text for sign in ("\\", "%", "&", "=3D")):
            break
        before, text = text, _ESCAPE.sub(_unescaped_match, text)
        if text == before:
            break
    return text


def _unescaped_match(match: re.Match[str]) -> str:
    kind = str(match.lastgroup)
    escape = match[kind]
    if kind == "letter":
        return _LETTERS.get(escape, f" {escape}" if escape.isalnum() else escape)
    if kind == "entity":
        return unescape(match[0])
    if kind == "quoted":
        return "="
    number = int(escape, 8 if kind == "octal" else 16)
    return chr(number) if number <= 0x10FFFF else "\N{REPLACEMENT CHARACTER}"  # noqa: PLR2004 - Unicode's end
