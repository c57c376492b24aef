"""What a shell completes: names of dimensions, orders, zones and formats."""

import pytest
from click.shell_completion import BashComplete

from modelgates_client.cli.app import app
from modelgates_client.reports.selection import DIMENSIONS


def completed(words, incomplete):
    """Return how a word may go on behind others."""
    shell = BashComplete(app, {}, "modelgates", "_MODELGATES_COMPLETE")
    return [item.value for item in shell.get_completions(words.split(), incomplete)]


@pytest.mark.parametrize(
    ("incomplete", "expected"),
    [
        ("", [*DIMENSIONS, "label:"]),
        ("mo", ["model", "month"]),
        ("model,mo", ["model,month"]),
        ("day,model,use", ["day,model,user"]),
        ("label", ["label:"]),
        ("x", []),
    ],
)
def test_names_to_group_by_are_completed(incomplete, expected):
    """The last of a list, by none that it has already."""
    assert completed("report costs.db --by", incomplete) == expected


@pytest.mark.parametrize(
    ("words", "incomplete", "expected"),
    [
        ("report --sort", "la", ["latency"]),
        ("budget --tz", "Europe/Berl", ["Europe/Berlin"]),
        ("report --tz", "loc", ["local"]),
        ("export --format", "par", ["parquet"]),
        ("list --format", "js", ["jsonl"]),
    ],
)
def test_values_of_options_are_completed(words, incomplete, expected):
    """Of every command that has them."""
    assert completed(words, incomplete) == expected
