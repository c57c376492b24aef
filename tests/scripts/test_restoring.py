"""Pages that lost their line breaks: scripts/vendoring/restoring.py."""

import string

import pytest
from common import documents
from common.tool_errors import ToolError
from hypothesis import assume, example, given
from hypothesis import strategies as st
from vendoring.restoring import joined, restore

from .conftest import FROZEN, PINNED, ROOT

PAGE = ROOT / "tests" / "pages" / "get-generation.txt"
VERSIONS = {name: version.content.decode() for name, version in FROZEN.items()}
#: The version that the page shows.
SHOWN = VERSIONS[PINNED]

#: A field's description, inside `items` as in the version that the page shows, and beside it as
#: in later ones.
INSIDE = """\
          items:
            $ref: '#/components/schemas/ProviderResponse'
            description: >-
              List of provider responses for this generation, including
              fallback attempts
"""
BESIDE = """\
          items:
            $ref: '#/components/schemas/ProviderResponse'
          description: >-
            List of provider responses for this generation, including fallback
            attempts
"""


def yaml_of_page():
    """Return the page's YAML, without the heading that is glued to it."""
    line = next(line for line in PAGE.read_text().splitlines() if line.startswith("openapi:"))
    return line.removesuffix("SDK Code Examples")


def described(text):
    """Return the schema of the field whose description moved between two versions."""
    schemas = documents.parse(text.encode(), "version")["components"]["schemas"]
    return schemas["GenerationResponseData"]["properties"]["provider_responses"]


def test_the_page_as_received_shows_the_spec_of_its_day():
    """What `joined` says of how line breaks are lost is what happened to a real page."""
    assert joined(SHOWN) == yaml_of_page()


@pytest.mark.parametrize(
    ("document", "shown"),
    [
        ("a: 1\nb: 2\n", "a: 1b: 2"),
        ("a:\n    b:  1\n", "a: b: 1"),
        ("import requests\n\nurl = 1\n", "import requests url = 1"),  # as the page's examples do
        ("a: >-\n  b\n\n  c\r\nd: e\n\n", "a: >- b cd: e"),
    ],
)
def test_a_line_break_is_a_space_or_nothing(document, shown):
    """A space before what is indented and for a blank line."""
    assert joined(document) == shown


def test_a_page_that_shows_what_is_vendored_gives_what_is_vendored():
    """Byte for byte: the folds, the quotes and the end of the file."""
    assert restore(yaml_of_page(), SHOWN) == SHOWN


def test_two_documents_look_the_same_on_the_page():
    """Why nothing is guessed: where a description belongs is not to be seen there."""
    other = SHOWN.replace(INSIDE, BESIDE)

    assert "description" in described(SHOWN)["items"]
    assert "description" not in described(VERSIONS["2026-05-24"])["items"]
    assert described(other) == described(VERSIONS["2026-05-24"])
    assert joined(other) == joined(SHOWN)
    assert restore(yaml_of_page(), other) == other


@pytest.mark.parametrize("shown", VERSIONS)
def test_a_page_that_shows_another_version_is_refused(shown):
    """Each of the published versions, whichever of the others is vendored."""
    text = joined(VERSIONS[shown])

    assert restore(text, VERSIONS[shown]) == VERSIONS[shown]
    for vendored in VERSIONS.values():
        if vendored != VERSIONS[shown]:  # an old version may have been vendored again
            with pytest.raises(ToolError, match=r"^the page has lost the line breaks of its YAML"):
                restore(text, vendored)


def test_a_refusal_says_where_the_page_differs_and_what_to_do():
    """From the beginning of the word on, so that a changed name is read whole."""
    text = joined(SHOWN.replace("- Ubicloud\n", "- UbiCloud\n"))

    with pytest.raises(ToolError) as caught:
        restore(text, SHOWN, name="page.txt")

    assert str(caught.value) == (
        "page.txt has lost the line breaks of its YAML, and it does not show what is vendored: "
        "after `2 - SF Compute - Targon - Together 2 -` it says "
        "`UbiCloud - 01.AI - AkashML - AI21 - Aion`, not "
        "`Ubicloud - 01.AI - AkashML - AI21 - Aion`; "
        "what is nested in what cannot be told; give the document as YAML or JSON, or the page as "
        "Markdown with its code block"
    )


def test_what_is_missing_at_an_end_is_said_too():
    """A page that goes on, or that is cut off, is not the vendored document."""
    with pytest.raises(ToolError, match=r"it says `b\.`, not `b`;"):
        restore("a: b.", "a: b\n")
    with pytest.raises(ToolError, match=r"it says nothing more, not `c: d`;"):
        restore("a: b ", "a: b\n c: d\n")
    with pytest.raises(ToolError, match=r"at its beginning it says `a:`, not `b:`;"):
        restore("a:", "b:\n")


def test_without_a_vendored_document_there_is_no_telling():
    """The first spec of a project has to come from another source."""
    with pytest.raises(
        ToolError, match=r"what is nested in what cannot be told.*give the document"
    ):
        restore("openapi: 3.1.0info: title: A")


def test_a_refusal_shows_no_control_characters_and_stays_short():
    """The page comes from others, and the terminal is the maintainer's."""
    with pytest.raises(ToolError) as caught:
        restore("a: \x1b[2J\u202e" + "x" * 10_000, SHOWN)

    assert str(caught.value).isprintable()
    assert r"\x1b[2J\u202e" in str(caught.value)
    assert len(str(caught.value)) < 500


LINES = st.builds(
    lambda indent, words: " " * indent + " ".join(words),
    st.integers(0, 4),
    st.lists(st.text(string.ascii_letters + string.punctuation + "é\u2028\xa0", min_size=1)),
)
DOCUMENTS = st.lists(LINES, min_size=1).map(lambda lines: "\n".join(lines).strip(" \n") + "\n")


@given(DOCUMENTS, DOCUMENTS)
@example("a:\n  b\n", "a: b\n")
@example("a\nb\n", "ab\n")
@example("a: b\n", "a:b\n")
def test_the_result_is_the_vendored_document_or_a_refusal(shown, vendored):
    """Never a third one; what is not refused looks the same, to the letter and the space."""
    try:
        result = restore(joined(shown), vendored)
    except ToolError:
        assert joined(shown) != joined(vendored)
    else:
        assert result == vendored
        assert joined(shown) == joined(vendored)


@given(DOCUMENTS)
def test_every_document_is_known_by_what_a_page_shows_of_it(document):
    """With Unix or other line breaks, which the result keeps."""
    for text in (document, document.replace("\n", "\r\n")):
        assert restore(joined(document), text) == text


@given(st.data())
def test_a_page_that_differs_in_any_character_is_refused(data):
    """One is changed, taken out or put in, a space among them."""
    text = joined(SHOWN)
    at = data.draw(st.integers(0, len(text) - 1))
    length = data.draw(st.integers(0, 1))
    new = data.draw(st.sampled_from(["", " ", "-", ":", "x", "'", "0"]))
    changed = text[:at] + new + text[at + length :]
    assume(changed != text)

    with pytest.raises(ToolError, match="does not show what is vendored"):
        restore(changed, SHOWN)
