"""The YAML of a documentation page that has lost its line breaks, as far as it can be given back.

What such a page shows of a document is `joined`: a line break and the indentation after it are one
space, or nothing where the next line is not indented. That does not say what is nested in what,
where a text breaks its lines or has two spaces, or whether ` - ` is in a name or begins the next,
so that many documents look the same there. Two that do: the spec of 2026-05-13, which has the
description of `provider_responses` inside `items`, and the same with it beside `items`, as in the
later versions. No grammar of OpenAPI tells them apart. Nor does the layout that a dumper would
have given them: js-yaml, which the page's YAML looks like, folds two texts of that spec elsewhere.

So nothing is guessed here. A page that shows what is vendored gives what is vendored, byte for
byte; any other is refused, with the place where it begins to differ.
"""

import re

from common.tool_errors import ToolError

_SHOWN = 40  # characters of the page that a refusal quotes on either side

#: What to do about a page whose line breaks are lost.
MEND = "give the document as YAML or JSON, or the page as Markdown with its code block"


def restore(text: str, vendored: str | None = None, *, name: str = "the page") -> str:
    """Return the document that a YAML text without line breaks stands for.

    Args:
        text: The YAML as the page shows it, on one line.
        vendored: The text of the document that is vendored now; None where there is none.
        name: What failures call the page.

    Returns:
        `vendored`, unchanged, when the page shows that.

    Raises:
        Failure: It shows something else, so that its line breaks cannot be known.
    """
    if vendored is None:
        raise ToolError(
            f"{name} has lost the line breaks of its YAML, and what is nested in what cannot be "
            f"told without them; {MEND}"
        )
    known = joined(vendored)
    if text == known:
        return vendored
    raise ToolError(
        f"{name} has lost the line breaks of its YAML, and it does not show what is vendored: "
        f"{_difference(text, known)}; what is nested in what cannot be told; {MEND}"
    )


def joined(document: str) -> str:
    """Return what a page that loses line breaks shows of a document, on one line.

    Runs of white space are one space to it, as they are to HTML. A line break is nothing, so that
    an indented line follows with a space, a blank line is a space, and any other follows at once:
    `version: 1.0.0paths: /generation: get:`.
    """
    lines = re.split(r"\r\n?|\n", document.strip(" \t\r\n"))
    return re.sub(r"[ \t]+", " ", "".join(line or " " for line in lines))


def _difference(text: str, known: str) -> str:
    """Say where a page begins to differ from what is known, from the beginning of that word on."""
    same = 0
    for ours, theirs in zip(text, known, strict=False):
        if ours != theirs:
            break
        same += 1
    start = known.rfind(" ", 0, same) + 1
    before = text[max(0, start - _SHOWN) : start].strip()
    page, spec = (_quoted(part[start : start + _SHOWN]) for part in (text, known))
    where = f"after {_quoted(before)}" if before else "at its beginning"
    return f"{where} it says {page}, not {spec}"


def _quoted(words: str) -> str:
    if not words:
        return "nothing more"
    return f"`{''.join(c if c.isprintable() else ascii(c)[1:-1] for c in words)}`"
