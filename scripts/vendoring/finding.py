"""Finding the document in what a source holds, by what is in it and never by what it is called."""

import re
from typing import Any

from common import documents
from common.tool_errors import ToolError

from vendoring import pages

# A document's own beginning: what is wrong behind it is not to be mended by taking it for a page.
# A page that lost its line breaks has more on the line.
_BEGINNING = re.compile(
    r"""\s*(?:(?:\#|%|---).*\n\s*)*                     # comments, directives, the start
        (?:\{ | (["']?)(?:openapi|swagger)\1[ \t]*:[ \t]*["']?\d[\d.]*["']?[ \t]*(?:\#.*)?\r?$)""",
    re.VERBOSE | re.MULTILINE,
)


def find(content: bytes, name: str, vendored: str) -> tuple[bytes, dict[str, Any]]:
    """Return the OpenAPI document that a source holds, as it is to be vendored, and parsed.

    A document in YAML or JSON is returned byte for byte: a byte order mark, line ends and comments
    stay. Of a documentation page, the document in it is returned.

    Args:
        content: UTF-8 text.
        name: What failures call it.
        vendored: The text of the document that is vendored now, for `pages`.

    Raises:
        Failure: It holds none, or one that cannot be read.
    """
    text = documents.decode(content, name)
    try:
        document = documents.parse(content, name)
        problem = "it has no `openapi`"
    except ToolError as failure:
        if _BEGINNING.match(text):
            raise
        document, problem = {}, str(failure)
    if document.keys() & {"openapi", "swagger"}:
        return content, document
    try:
        content = pages.document_in(text, name, vendored).encode()
    except ToolError as failure:
        raise ToolError(f"{failure} (it is no document itself: {problem})") from None
    return content, documents.parse(content, f"the document in {name}")
