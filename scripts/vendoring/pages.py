"""The OpenAPI document in a documentation page.

A page as Markdown has it in a code block; it is taken from there as it stands. A page as text has
it between the other lines, from `openapi:` on to the heading of the examples or the end; or it has
it on one line, all breaks lost, which is what `restoring` is for. Several documents in one page,
and any that cannot be told from the text around it, are refused.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from common import documents
from common.tool_errors import ToolError
from markdown_it import MarkdownIt

from vendoring import restoring

#: Characters of a page; the one that this was written for has 16,000. The slowest Markdown of
#: this size is read in some seconds.
MAX_PAGE = 500_000

#: What follows the document in the provider's pages, above code in several languages.
EXAMPLES = "SDK Code Examples"

_LANGUAGES = {"", "yaml", "yml", "json"}
_HTML = ("<!doctype", "<html", "<head", "<body", "<?xml")
_KEY = re.compile(r"""^(?:openapi|"openapi"|'openapi')[ \t]*:""", re.MULTILINE)
_VERSION_ALONE = re.compile(r"""openapi:[ \t]+(['"]?)\d+\.\d+\.\d+\1[ \t]*(?:[ \t]#.*)?""")
_LABEL = re.compile(r"[A-Za-z][\w+#.-]*")  # what stands above an example: `python`, `c++`

# A line of a document in text: indented, blank, of a list, or one of OpenAPI 3.1's own keys.
_LINE = re.compile(
    r"""[ \t]|-[ \t]|(?:openapi|info|jsonSchemaDialect|servers|paths|webhooks|components|security"""
    r"""|tags|externalDocs|x-[^\s:]+):(?:\s|$)|\s*$"""
)


@dataclass(frozen=True)
class _Block:
    """A fenced code block: its lines in the page, what it says it is, its text, if it ended."""

    start: int
    end: int
    language: str
    text: str
    closed: bool

    def claims(self) -> bool:
        """Whether it looks like an OpenAPI document, so that it must be readable."""
        return self.language in _LANGUAGES and (
            bool(_KEY.search(self.text))
            or (self.text.lstrip().startswith("{") and '"openapi"' in self.text)
        )


def document_in(content: str, name: str, vendored: str | None = None) -> str:
    """Return the text of the one OpenAPI document that a documentation page has.

    It is read to know that it is one, but not judged, and returned as it stands in the page.

    Args:
        content: The page, as Markdown or as text.
        name: What failures call it.
        vendored: The text of the document that is vendored now; without it, a page that has lost
            its line breaks is refused.

    Raises:
        Failure: The page is HTML, has no such document or several, or has one that is broken,
            cut off, or without its line breaks and not the vendored one.

    Source: CommonMark 0.31.2, section 4.5 (fenced code blocks).
    """
    content = content.removeprefix("\ufeff")
    _check(content, name)
    lines = re.findall(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+$", content)  # as Markdown counts them
    blocks = list(_blocks(content, lines))
    inside = {number for block in blocks for number in range(block.start, block.end)}
    begins = [
        number
        for number, line in enumerate(lines)
        if line.startswith("openapi:") and number not in inside
    ]
    claiming = {block.text: block for block in blocks if block.claims()}
    found = [
        text for block in claiming.values() if (text := _fenced(block, name, vendored)) is not None
    ]
    if not found and not begins:
        raise ToolError(
            f"{name} has no OpenAPI document in it: no code block of YAML or JSON with the key "
            "openapi, and no line that begins with it; give the document itself"
        )
    if len(found) + len(begins) > 1:
        raise ToolError(
            f"{name} has {len(found) + len(begins)} places that an OpenAPI document begins at; "
            "give the document itself"
        )
    return found[0] if found else _unfenced(lines, begins[0], name, vendored)


def _check(content: str, name: str) -> None:
    """Refuse what is no page that is read here."""
    if len(content) > MAX_PAGE:
        raise ToolError(
            f"{name} is a page of more than {MAX_PAGE} characters; give the document itself"
        )
    if "\0" in content:
        raise ToolError(f"{name} is no text: it has a NUL character; give the document itself")
    start = content[:1000].lower()
    if start.lstrip().startswith(_HTML) or "<html" in start:
        raise ToolError(
            f"{name} is HTML; give the page as Markdown (often at its address with .md after it), "
            "or the document as YAML or JSON"
        )


def _blocks(content: str, lines: list[str]) -> Iterator[_Block]:
    """Yield the fenced code blocks of a page."""
    for token in MarkdownIt("commonmark").disable("inline").parse(content):
        if token.type != "fence" or token.map is None:
            continue
        start, end = token.map
        raw = "".join(lines[start + 1 : end - 1])  # with the line breaks that it has
        yield _Block(
            start=start,
            end=end,
            language=(token.info.split() or [""])[0].lower(),
            text=raw if re.sub(r"\r\n?", "\n", raw) == token.content else token.content,
            # A line each for the fences; one that the end of the page cuts may lack its break.
            closed=token.content.count("\n") == end - start - 2
            and token.content[-1:] in {"", "\n"},
        )


def _fenced(block: _Block, name: str, vendored: str | None) -> str | None:
    """Return a block's document, or None when it is another that only has the word in it."""
    if not block.closed:
        raise ToolError(
            f"{name}, line {block.start + 1} begins a code block that does not end; get the whole "
            "page"
        )
    alone = block.text.strip()
    if "\n" not in alone and alone.startswith("openapi:") and not _VERSION_ALONE.fullmatch(alone):
        return restoring.restore(alone, vendored, name=name)
    document = documents.parse(
        block.text.encode(), f"{name}, the code block on line {block.start + 1}"
    )
    return block.text if "openapi" in document else None


def _unfenced(lines: list[str], start: int, name: str, vendored: str | None) -> str:
    """Return the document that begins on a line of a page, outside of code blocks."""
    first = lines[start].strip()
    if not _VERSION_ALONE.fullmatch(first):
        rest = (line.strip() for line in lines[start + 1 :])
        alone = _without_heading(first, next(filter(None, rest), ""), name)
        return restoring.restore(alone, vendored, name=name)
    end = start
    while end < len(lines) and _LINE.match(lines[end]):
        end += 1
    if end < len(lines) and lines[end].strip(" \t\r\n#") != EXAMPLES:
        raise ToolError(
            f"{name}, line {end + 1} is neither of the document that begins on line {start + 1} "
            f'nor the heading "{EXAMPLES}", so that its end cannot be told; give the document '
            "itself"
        )
    while not lines[end - 1].strip():
        end -= 1
    text = "".join(lines[start:end])
    documents.parse(text.encode(), f"{name}, the document on line {start + 1}")
    return text


def _without_heading(line: str, following: str, name: str) -> str:
    """Take the heading of the examples, whose line break is lost too, from the end of the YAML.

    Args:
        line: The YAML on one line.
        following: The next line of the page that is not blank.
        name: What failures call the page.
    """
    if _LABEL.fullmatch(following):
        return line.removesuffix(EXAMPLES).rstrip()
    if following.strip(" \t#") in {"", EXAMPLES}:
        return line
    raise ToolError(
        f"{name} has lost the line breaks of its YAML, and where it ends cannot be told; "
        f"{restoring.MEND}"
    )
