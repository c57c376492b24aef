"""A record as JSON, as a table in a notebook, and as a summary in a terminal."""

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
def test_a_record_as_json_is_what_was_sent(recorded, indent):
    """Unknown fields and unreadable ones come along, in ASCII."""
    sent = {**recorded["data"], "total_cost": "free", "new": ["é", None], "app_id": 2**70}
    text = Generation.from_dict(sent).to_json(indent=indent)
    assert json.loads(text) == sent
    assert text.isascii()
    assert ("\n" in text) is (indent is not None)


def test_a_number_beyond_doubles_is_json_on_the_way_back():
    """Python's own writer has `Infinity` for it, which no other parser takes."""
    text = Generation.from_dict(parse_json(b'{"total_cost":1e400,"usage":[-1e400]}')).to_json()
    assert text == '{"total_cost":1e999,"usage":[-1e999]}'


def test_what_is_no_number_has_no_json(record):
    """A record made by hand may hold NaN."""
    record.total_cost = float("nan")
    with pytest.raises(ValueError, match="JSON"):
        record.to_json()


def test_a_record_becomes_a_dict_of_its_json(record):
    """As pydantic's models do; `in` would look for an item, so it is none."""
    assert dict(record) == record.to_dict()
    with pytest.raises(TypeError):
        "id" in record  # noqa: B015 - it raises


def test_the_cost_is_shown_with_what_it_comes_to():
    """All that a program may read of it."""
    shown = repr(Cost(None, None, None))
    assert shown == "Cost(charged=None, upstream=None, cache_saving=None, all_in=None)"
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
    """What a terminal shows is in it, too."""
    shown = Elements(record._repr_html_())
    assert shown.names[:2] == ["table", "caption"]
    assert shown.names.count("tr") == len(("Cost", "Tokens", "Timing", "Served by", "Drift"))
    for line in summarize(record).splitlines():
        assert line[12:].strip() in shown.text


def test_what_a_server_says_is_no_html():
    """A model of any name is text, in every place."""
    texts = dict.fromkeys(
        ("id", "model", "created_at", "api_type", "finish_reason", "provider_name"), HOSTILE
    )
    answers = [{"provider_name": HOSTILE, "status": HOSTILE}]
    sent = {**texts, "total_cost": HOSTILE, "provider_responses": answers, HOSTILE: HOSTILE}
    page = Generation.from_dict(sent)._repr_html_()
    assert set(Elements(page).names) <= {"table", "caption", "strong", "br", "tr", "th", "td"}
    assert "\x1b" not in page
    assert HOSTILE.replace("\x1b", "\N{REPLACEMENT CHARACTER}") in Elements(page).text


def test_a_terminal_shows_a_summary(record):
    """IPython by `_repr_pretty_`, rich by `__rich__`: markup of a server's is text."""
    printer = Printer()
    record._repr_pretty_(printer, cycle=False)
    assert printer.shown == summarize(record)
    record.model = "[red]m[/red]"
    out = io.StringIO()
    Console(file=out, width=200).print(record)
    assert out.getvalue() == f"{summarize(record)}\n"
    assert "[red]m[/red]" in out.getvalue()


class Printer:
    """What IPython hands to `_repr_pretty_`."""

    def text(self, text):
        self.shown = text
