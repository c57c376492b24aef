"""Finds the OpenAPI document in a source by its content, whatever the source is named.

A source is the document itself (YAML or JSON), or a documentation page in Markdown with the
document in a fenced code block. A page copied as text may have lost the line breaks of its YAML.
These cannot be restored: without them, whether a `description` belongs to `items` or to the
property around it looks the same. Such a page is accepted only if it shows the vendored document.
"""

import re
from collections.abc import Iterator
from typing import Any

from common import documents
from common.tool_errors import ToolError
from markdown_it import MarkdownIt

#: Characters of a page. The page this was written for has 16,000; Markdown of the maximum size
#: takes a few seconds to parse.
MAX_PAGE = 500_000

#: The heading that follows the document in the provider's pages.
EXAMPLES = "SDK Code Examples"

_ADVICE = "give the document as YAML or JSON, or the page as Markdown with its code block"
_LANGUAGES = {"", "yaml", "yml", "json"}

# The beginning of a document, which must not be taken for a page because of an error further down.
# In a page without line breaks, the line does not end after the version.
_BEGINNING = re.compile(
    r"""\s*(?:(?:\#|%|---).*\n\s*)*                     # comments, directives, document start
        (?:\{ | (["']?)(?:openapi|swagger)\1[ \t]*:[ \t]*["']?\d[\d.]*["']?[ \t]*(?:\#.*)?\r?$)""",
    re.VERBOSE | re.MULTILINE,
)


def find(content: bytes, name: str, vendored: str) -> tuple[bytes, dict[str, Any]]:
    r"""Return the OpenAPI document in a source, as it is to be vendored, and parsed.

    A document in YAML or JSON is returned byte for byte, with its byte order mark, line ends and
    comments. A document in a code block has the line ends of Markdown, `\n`.

    Args:
        content: UTF-8 text.
        name: The name of the source in error messages.
        vendored: The text of the vendored document; empty if there is none.

    Raises:
        ToolError: The source has no document, more than one, or one that cannot be read.

    Source: CommonMark 0.31.2, section 4.5 (fenced code blocks).
    """
    text = documents.decode(content, name)
    try:
        document = documents.parse(content, name)
        problem = "it has no `openapi`"
    except ToolError as error:
        if _BEGINNING.match(text):
            raise
        document, problem = {}, str(error)
    if document.keys() & {"openapi", "swagger"}:
        return content, document
    try:
        content = _document_in_page(text, name, vendored).encode()
    except ToolError as error:
        raise ToolError(f"{error} (the source itself is not a document: {problem})") from None
    return content, documents.parse(content, f"the document in {name}")


def _document_in_page(page: str, name: str, vendored: str) -> str:
    if len(page) > MAX_PAGE:
        raise ToolError(f"{name} is a page of more than {MAX_PAGE} characters; {_ADVICE}")
    if page[:1000].lstrip().lower().startswith(("<!doctype", "<html", "<head", "<body")):
        raise ToolError(f"{name} is HTML (try its address with .md at the end); {_ADVICE}")
    candidates = set(_code_blocks(page, name, vendored))
    if not candidates and (start := re.search(r"^openapi:", page, re.MULTILINE)):
        quoted = page[start.start() :].partition(EXAMPLES)[0]
        return _shown_on_one_line(quoted.rstrip("# \r\n"), name, vendored)
    if len(candidates) != 1:
        count = len(candidates) or "no"
        raise ToolError(f"{name} has {count} OpenAPI documents in code blocks; {_ADVICE}")
    return candidates.pop()


def _code_blocks(page: str, name: str, vendored: str) -> Iterator[str]:
    """Yield the OpenAPI documents in the fenced code blocks of a page."""
    for token in MarkdownIt("commonmark").disable("inline").parse(page):
        language = (token.info.split() or [""])[0].lower()
        if token.type != "fence" or token.map is None or language not in _LANGUAGES:
            continue
        if "openapi" not in token.content:
            continue
        start, end = token.map
        # The block has one line for each fence; the last line of a cut-off page may lack its break.
        lines = token.content.count("\n") + 2
        if lines != end - start or not token.content.endswith("\n"):
            raise ToolError(f"{name}, line {start + 1}: the code block has no end; {_ADVICE}")
        text = token.content.strip()
        if text.startswith("openapi:") and "\n" not in text:
            yield _shown_on_one_line(text, name, vendored)
            continue
        block_name = f"{name}, the code block on line {start + 1}"
        if "openapi" in documents.parse(token.content.encode(), block_name):
            yield token.content


def _shown_on_one_line(text: str, name: str, vendored: str) -> str:
    """Return the vendored document if a page without line breaks shows it.

    Raises:
        ToolError: The page shows something else, or still has some of its line breaks.
    """
    if text != _without_line_breaks(vendored):
        raise ToolError(
            f"{name} has YAML without its line breaks or outside a code block, and it is not the "
            f"vendored document; {_ADVICE}"
        )
    return vendored


def _without_line_breaks(document: str) -> str:
    """Return the one line that a page without line breaks shows of a document.

    A line break is dropped and a run of spaces becomes one, as in HTML, so that the lines
    `version: 1.0.0`, `paths:`, `  /a:` read `version: 1.0.0paths: /a:`.
    """
    lines = re.split(r"\r\n?|\n", document.strip(" \t\r\n"))
    return re.sub(r"[ \t]+", " ", "".join(line or " " for line in lines))
