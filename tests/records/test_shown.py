"""A record as JSON, as an HTML table in a notebook, and as a summary in a terminal."""

import io
import json
from html.parser import HTMLParser

import pytest
from rich.console import Console

from modelgates_client import Cost, Generation
from modelgates_client.records.summary import summarize
from modelgates_runtime.parsing import parse_json

HOSTILE = '<script>alert("1")</script>[bold]&amp;\x1b[31m'


@pytest.fixture
def record(recorded):
    """The record of the recorded response."""
    return Generation.from_dict(recorded["data"])


@pytest.mark.parametrize("indent", [None, 2])
def test_to_json_returns_what_was_sent(recorded, indent):
    """With unknown and unreadable fields, in ASCII."""
    original = {**recorded["data"], "total_cost": "free", "new": ["é", None], "app_id": 2**70}
    text = Generation.from_dict(original).to_json(indent=indent)
    assert json.loads(text) == original
    assert text.isascii()
    assert ("\n" in text) is (indent is not None)


def test_a_number_beyond_doubles_is_valid_json():
    """Python's `json` writes `Infinity`, which no other parser accepts."""
    text = Generation.from_dict(parse_json(b'{"total_cost":1e400,"usage":[-1e400]}')).to_json()
    assert text == '{"total_cost":1e999,"usage":[-1e999]}'


def test_nan_has_no_json(record):
    """A constructed record may contain NaN."""
    record.total_cost = float("nan")
    with pytest.raises(ValueError, match="JSON"):
        record.to_json()


def test_dict_returns_the_json_object(record):
    """Pydantic's models can be converted so, too; `in` is not supported."""
    assert dict(record) == record.to_dict()
    with pytest.raises(TypeError):
        "id" in record  # noqa: B015 - it raises


def test_the_repr_of_a_cost_has_every_property():
    """Including the computed ones."""
    text = repr(Cost(None, None, None))
    assert text == "Cost(charged=None, upstream=None, cache_saving=None, all_in=None)"
    record = Generation.from_dict(
        {"total_cost": 0.1, "is_byok": True, "upstream_inference_cost": 0.2}
    )
    assert "cache_saving=None, all_in=Decimal('0.3'))" in repr(record.cost)


class Elements(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, page):
        super().__init__()
        self.names, self.text = [], ""
        self.feed(page)

    def handle_starttag(self, tag, _):
        self.names.append(tag)

    def handle_data(self, data):
        self.text += f"{data}\n"


def test_a_notebook_shows_a_table(record):
    """It has the text of the summary."""
    elements = Elements(record._repr_html_())
    assert elements.names[:2] == ["table", "caption"]
    assert elements.names.count("tr") == len(("Cost", "Tokens", "Timing", "Served by", "Drift"))
    for line in summarize(record).splitlines():
        assert line[12:].strip() in elements.text


def test_text_from_the_server_is_escaped_in_html():
    """Every field may contain markup."""
    texts = dict.fromkeys(
        ("id", "model", "created_at", "api_type", "finish_reason", "provider_name"), HOSTILE
    )
    responses = [{"provider_name": HOSTILE, "status": HOSTILE}]
    original = {**texts, "total_cost": HOSTILE, "provider_responses": responses, HOSTILE: HOSTILE}
    page = Generation.from_dict(original)._repr_html_()
    assert set(Elements(page).names) <= {"table", "caption", "strong", "br", "tr", "th", "td"}
    assert "\x1b" not in page
    assert HOSTILE.replace("\x1b", "\N{REPLACEMENT CHARACTER}") in Elements(page).text


def test_a_terminal_shows_a_summary(record):
    """In IPython by `_repr_pretty_`, in rich by `__rich__`, where the server's markup is text."""
    printer = Printer()
    record._repr_pretty_(printer, cycle=False)
    assert printer.shown == summarize(record)
    record.model = "[red]m[/red]"
    out = io.StringIO()
    Console(file=out, width=200).print(record)
    assert out.getvalue() == f"{summarize(record)}\n"
    assert "[red]m[/red]" in out.getvalue()


class Printer:
    """What IPython passes to `_repr_pretty_`."""

    def text(self, text):
        self.shown = text
