"""A report as JSON: exact, complete, and safe to print."""

import json
from decimal import Decimal

import attrs
import pytest

from modelgates_client.reports import figures
from modelgates_client.reports.to_json import as_json, to_plain

from .sample_reports import full, report


def test_amounts_are_exact_strings_and_times_have_offsets():
    """Unknown values are null; a group's key is an array."""
    document = json.loads(as_json(full()))

    assert document["version"] == 1
    assert document["total"]["all_in_usd"] == {
        "known": "1201.50000000000000000000003",
        "unknown": 3,
    }
    assert document["since"] == "2026-11-02T12:00:00+00:00"
    assert document["until"] is None
    assert [group["key"] for group in document["groups"]] == [["openai/gpt-5-mini"], [None], [""]]
    assert document["unresolved"]["errors"] == [["NotFoundErroropenai/gpt-5-mini", 3]]
    assert document["providers"][0]["statuses"][1] == [429, 7474]


def test_small_amounts_have_no_exponent():
    """As other programs expect it."""
    small = attrs.evolve(report().total, charged_usd=figures.Total(Decimal("1E-24"), 0))

    document = json.loads(as_json(report(total=small)))
    assert document["total"]["charged_usd"]["known"] == "0.000000000000000000000001"


def test_every_figure_is_included():
    """Under the name of its attribute."""
    document = json.loads(as_json(full()))

    names = {field.name for field in attrs.fields(figures.Report)}
    assert document.keys() == names | {"version", "client_version"}
    assert document["total"].keys() == {field.name for field in attrs.fields(figures.Group)}
    assert document["timeline"][0].keys() == {
        field.name for field in attrs.fields(figures.TimeSlice)
    }


def test_names_cannot_control_a_terminal():
    """They are escaped to ASCII."""
    text = as_json(full("\x1b[2J\u202e", "\x9b"))

    assert text.isascii()
    assert text.replace("\n", "").isprintable()
    assert json.loads(text)["groups"][0]["key"] == ["\x1b[2J\u202e"]


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("0E-24", "0"),
        ("-0.000", "0"),
        ("1.500000000000000000000000", "1.5"),
        ("1E+3", "1000"),
        ("-0.00000000000000000000001", "-0.00000000000000000000001"),
        ("100", "100"),
    ],
)
def test_amounts_are_short_decimals(amount, shown):
    """Without trailing zeros and exponent."""
    assert to_plain(Decimal(amount)) == shown
