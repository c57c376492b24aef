"""The document in a documentation page: scripts/vendoring/pages.py."""

import pytest
from common.tool_errors import ToolError
from hypothesis import example, given
from hypothesis import strategies as st
from vendoring import pages
from vendoring.pages import document_in
from vendoring.restoring import joined

from .test_restoring import PAGE, SHOWN, VERSIONS

#: A document with what a careless reader would normalise.
DOCUMENT = """\
# kept
openapi: 3.1.0
info: {title: "A", version: '1'}   # kept
paths:

  /a:
    get: {description: "```\\nopenapi: 3.1.0"}
"""

#: A page as Markdown around a document; the examples are shortened.
MARKDOWN = """\
# Get a thing

GET https://example.test/a

## OpenAPI Specification

```yaml
{}
```

## SDK Code Examples

```python
openapi: str = "3.1.0"
```
"""


def indented(text, by):
    """Indent the lines of a text that are not blank."""
    return "".join(by + line if line.strip() else line for line in text.splitlines(keepends=True))


def refused(content, words, vendored=SHOWN):
    """Hold that a page is refused by name, with these words (a regular expression)."""
    with pytest.raises(ToolError, match=rf"^page\.txt\b.*{words}"):
        document_in(content, "page.txt", vendored)


def test_the_page_as_received_equals_the_vendored_spec():
    """The page that lost its line breaks, its heading glued to the end of the YAML."""
    assert document_in(PAGE.read_text(), "page.txt", SHOWN) == SHOWN


def test_the_page_as_received_is_refused_where_another_version_is_vendored():
    """Nothing between the vendored document and a refusal."""
    refused(PAGE.read_text(), "does not show what is vendored", VERSIONS["2026-06-23"])
    refused(PAGE.read_text(), "what is nested in what cannot be told", None)


@pytest.mark.parametrize("text", VERSIONS.values(), ids=VERSIONS)
def test_a_markdown_page_gives_its_document_as_it_stands(text):
    """Every published version, byte for byte, whatever is vendored."""
    assert document_in(MARKDOWN.format(text[:-1]), "page.md") == text


@pytest.mark.parametrize(
    "page",
    [
        "```yaml\n{}```\n",
        "```\n{}```\n",
        "``` yml title=openapi.yml\n{}```\n",
        "~~~~~ YAML\n{}~~~~~~\n",
        "````yaml\n{}````\n",
        "a\n```yaml\n{}```",
        "\ufeff```yaml\n{}```",
        "\ufeff---\ntitle: a\n---\n\n<Note>\nb\n</Note>\n\n```yaml\n{}```\n",
        "```yaml\n{0}```\n\nagain:\n\n```yaml\n{0}```\n",
        '```yaml\na: openapi\n```\n```yaml\n{}```\n```json\n{{"a": "openapi"}}\n```\n',
        '```json\n{{"openapi": \n```python\n```\n```yaml\n{}```\n'.replace("json", "text"),
    ],
)
def test_a_code_block_is_found_however_it_is_fenced(page):
    """By CommonMark; blocks of other languages and of other documents are no matter."""
    assert document_in(page.format(DOCUMENT), "page.md") == DOCUMENT


@pytest.mark.parametrize(
    ("before", "indent"),
    [("1. a\n\n", "   "), ("- - a\n\n", "    "), ("> a\n>\n", "> "), ("", " ")],
)
def test_the_indentation_of_a_block_is_not_the_document_s(before, indent):
    """In lists and quotations, as CommonMark says."""
    block = indented("```yaml\n" + DOCUMENT.replace("\n\n", "\n#\n") + "```\n", indent)

    assert document_in(before + block, "page.md") == DOCUMENT.replace("\n\n", "\n#\n")


def test_the_line_breaks_of_a_document_are_kept():
    """A page of a Windows machine has those in its document, too."""
    page = MARKDOWN.format(SHOWN[:-1]).replace("\n", "\r\n")

    assert document_in(page, "page.md") == SHOWN.replace("\n", "\r\n")


def test_json_is_a_document_too():
    """With a byte that YAML would not have there, too: a tab."""
    text = '{\n\t"openapi": "3.1.0", "info": {}, "paths": {}\n}\n'

    assert document_in(f"```json\n{text}```\n", "page.md") == text


@pytest.mark.parametrize(
    "end", ["", "\n\nSDK Code Examples\npython\nopenapi\n", "\n## SDK Code Examples\n"]
)
def test_a_text_page_with_its_line_breaks_gives_its_document(end):
    """From `openapi:` on, to the heading of the examples or the end."""
    assert document_in(f"A page\nyaml\n{SHOWN}{end}", "page.txt") == SHOWN


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "SDK Code Examples\npython\nimport"),
        ("yaml\n", "SDK Code Examples\n\nc++\n"),
        ("a: b\n", ""),
        ("a\n", "\nSDK Code Examples\n"),
        ("a\n", "\n## SDK Code Examples\n"),
        ("a\n", "\npython\nimport"),
        ("```yaml\n", "\n```\n"),
    ],
)
def test_the_end_of_yaml_on_one_line_is_known(before, after):
    """Where the heading is glued to it, where it follows, and where nothing does."""
    assert document_in(before + joined(SHOWN) + after, "page.txt", SHOWN) == SHOWN


@pytest.mark.parametrize(
    "after",
    [
        "SDK Code Examples",  # a heading of nothing: it may be of the text
        "Examples\npython\n",
        " python\nimport",
        "x-a: b\npython\n",
        "\nsecurity: - apiKey: []",
        "\n  more: of it\n",
        "\nx-a:\n",
    ],
)
def test_yaml_on_one_line_that_may_go_on_is_refused(after):
    """Though what is before looks like the vendored document."""
    refused(joined(SHOWN) + after, "has lost the line breaks of its YAML")


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("", "has no OpenAPI document in it"),
        ("# A page\n\nAbout openapi: 3.1.0\n", "has no OpenAPI document in it"),
        ("    openapi: 3.1.0\n", "has no OpenAPI document in it"),
        ("```python\nopenapi: 3.1.0\n```\n", "has no OpenAPI document in it"),
        ("```yaml\ninfo: {}\n```\n", "has no OpenAPI document in it"),
        (
            "```yaml\nopenapi: 3.1.0\n```\n```yaml\nopenapi: 3.1.1\n```\n",
            "has 2 places that an OpenAPI document begins at",
        ),
        ("```yaml\nopenapi: 3.1.0\n```\nopenapi: 3.1.0\n", "has 2 places"),
        ("openapi: 3.1.0\ninfo: {}\nopenapi: 3.1.0\n", "has 2 places"),
        ("a\n```yaml\nopenapi: 3.1.0\ninfo: {}\n", "line 2 begins a code block that does not end"),
        ("```yaml\nopenapi: 3.1.0\ninfo: {}", "line 1 begins a code block that does not end"),
        ("- ```yaml\n  openapi: 3.1.0\nb\n", "line 1 begins a code block that does not end"),
        ("```yaml\nopenapi: 3.1.0\ninfo: [\n```\n", "code block on line 1, line 3 is not YAML"),
        ('```json\n{"openapi": "3\n```\n', "code block on line 1, line 2 is not YAML"),
        ("openapi: 3.1.0\ninfo: [\n", "the document on line 1, line 3 is not YAML"),
        ("openapi: 3.1.0\ninfo: {}\nAnd so on.\n", "line 3 is neither .* its end cannot be told"),
        ("openapi: 3.1.0\ninfo: {}\nNote: this.\n", "line 3 is neither .* its end cannot be told"),
        ("<!DOCTYPE html><pre>openapi: 3.1.0\n</pre>", "is HTML; give the page as Markdown"),
        ("\n <HTML>\n", "is HTML"),
        ("<!-- a -->\n<html>", "is HTML"),
        ("openapi: 3.1.0\0", "has a NUL character"),
        ("a" * (pages.MAX_PAGE + 1), "is a page of more than 500000 characters"),
    ],
)
def test_a_page_without_one_whole_document_is_refused(page, words):
    """In one line that says why, and where."""
    refused(page, words)


SCRAPS = st.sampled_from(
    [
        *("```", "```yaml", "~~~", "````", "- ", "> ", "   ", "<b>", "a", "\t"),
        *("openapi: 3.1.0", "openapi:", "info: {}", '{"openapi": "3.1.0"}', "{", "[", "x: &a [*a]"),
        *("SDK Code Examples", "python", joined(SHOWN), SHOWN),
    ]
)


@given(st.lists(st.tuples(SCRAPS, st.sampled_from(["\n", "", "\r\n", "\n\n"])), max_size=12))
@example([("```yaml", "\n"), (SHOWN, ""), ("```", "")])
@example([(joined(SHOWN), "")])
def test_whatever_a_page_holds_its_document_is_in_it_or_vendored(scraps):
    """Nothing is put together of it; all else is a refusal in words, and no other exception."""
    page = "".join(text + end for text, end in scraps)
    try:
        found = document_in(page, "page.txt", SHOWN)
    except ToolError as failure:
        assert str(failure).startswith("page.txt")  # noqa: PT017 - a refusal is one of two good ends
    else:
        flat = "".join(page.replace(">", "").split())
        assert "".join(found.replace(">", "").split()) in flat
        assert "openapi" in found
