"""Finding the document in a source: scripts/vendoring/finding.py."""

import pytest
from common.tool_errors import ToolError
from vendoring import finding

from .conftest import FROZEN, PINNED, ROOT

PAGE = (ROOT / "tests" / "pages" / "get-generation.txt").read_text()
VERSIONS = {name: version.content.decode() for name, version in FROZEN.items()}
SHOWN = VERSIONS[PINNED]  # the version that the page shows
ONE_LINE = next(line for line in PAGE.splitlines() if line.startswith("openapi:"))
ONE_LINE = ONE_LINE.removesuffix(finding.EXAMPLES)

#: A document with details that a careless reader would normalise.
DOCUMENT = """\
# kept
openapi: 3.1.0
info: {title: "A", version: '1'}   # kept
paths:

  /a:
    get: {description: "```\\nopenapi: 3.1.0"}
"""


def find(page, vendored=SHOWN):
    return finding.find(page.encode(), "page", vendored)[0].decode()


@pytest.mark.parametrize("text", VERSIONS.values(), ids=VERSIONS)
def test_a_markdown_page_gives_its_document_unchanged(text):
    """The text of every published version, whichever is vendored."""
    assert find(f"# Get a thing\n\n```yaml\n{text}```\n\n## SDK Code Examples\n") == text


@pytest.mark.parametrize(
    "page",
    [
        "a\n```\n{}```\n",
        "a\n``` yml title=openapi.yml\n{}```",
        "a\n~~~~~ YAML\n{}~~~~~~\n",
        "\ufeffa\n```yaml\n{}```\n",
        "a\n```yaml\n{0}```\n\nagain:\n\n```yaml\n{0}```\n",
        'a\n```yaml\na: openapi\n```\n```yaml\n{}```\n```json\n{{"a": "openapi"}}\n```\n',
        "a\n```python\nopenapi: [\n```\n```yaml\n{}```\n",
    ],
)
def test_the_document_is_found_in_any_kind_of_code_block(page):
    """Blocks in other languages and of other documents do not matter."""
    assert find(page.format(DOCUMENT)) == DOCUMENT


def test_a_json_document_in_a_code_block_may_have_tabs():
    """YAML does not allow a tab there."""
    text = '{\n\t"openapi": "3.1.0", "info": {}, "paths": {}\n}\n'
    assert find(f"a\n```json\n{text}```\n") == text


@pytest.mark.parametrize("page", [PAGE, f"a\n{ONE_LINE}\n", f"a\n```yaml\n{ONE_LINE}\n```\n"])
def test_a_page_without_line_breaks_is_accepted_if_it_shows_the_vendored_document(page):
    """The first page is a real one, with the next heading glued to the end of the YAML."""
    assert find(page) == SHOWN


@pytest.mark.parametrize(
    ("page", "vendored"),
    [
        *((PAGE, text) for name, text in VERSIONS.items() if name != PINNED),
        (PAGE, ""),
        *((PAGE.replace("- Ubicloud", new), SHOWN) for new in ("- UbiCloud", "-Ubicloud", "")),
        *((f"a\n{ONE_LINE}{more}", SHOWN) for more in (" x", "\n  more: of it\n", "\nx-a:\n")),
        (f"A page\nyaml\n{SHOWN}", SHOWN),  # its indentation may have been changed
    ],
)
def test_any_other_page_without_a_code_block_is_refused(page, vendored):
    """Nothing is guessed: many documents look the same without their line breaks."""
    with pytest.raises(ToolError, match=r"^page .* not the vendored document; give the document"):
        find(page, vendored)


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("# A page\n\nAbout openapi: 3.1.0\n", "has no OpenAPI documents in code blocks"),
        ("a\n```yaml\nopenapi: 3.1.0\ninfo: 1\n```\n```\nopenapi: 3.1.0\npaths: 1\n```\n", "has 2"),
        ("a\n```yaml\nopenapi: 3.1.0\ninfo: {}\n", "line 2: the code block has no end"),
        ("a\n```yaml\nopenapi: 3.1.0\ninfo: {}", "line 2: the code block has no end"),
        ("- ```yaml\n  openapi: 3.1.0\nb\n", "line 1: the code block has no end"),
        ("a\n```yaml\nopenapi: 3.1.0\ninfo: [\n```\n", "code block on line 2, line 3 is not YAML"),
        ("<!DOCTYPE html><pre>openapi: 3.1.0\n</pre>", "is HTML"),
        ("a" * (finding.MAX_PAGE + 1), "is a page of more than 500000 characters"),
    ],
)
def test_a_page_without_exactly_one_complete_document_is_refused(page, message):
    """The error gives the reason and the place."""
    with pytest.raises(ToolError, match=f"^page.*{message}"):
        find(page)
