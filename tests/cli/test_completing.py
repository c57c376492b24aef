"""Shell completion: names of dimensions, orders, zones and formats."""

import pytest
from click.shell_completion import BashComplete

from modelgates_client.cli.app import app
from modelgates_client.reports.selection import DIMENSIONS


def complete_word(preceding_words, incomplete):
    """Return the completions of a word after others."""
    shell = BashComplete(app, {}, "modelgates", "_MODELGATES_COMPLETE")
    return [item.value for item in shell.get_completions(preceding_words.split(), incomplete)]


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
    """The last name of a list is completed, without names that the list already has."""
    assert complete_word("report costs.db --by", incomplete) == expected


@pytest.mark.parametrize(
    ("preceding_words", "incomplete", "expected"),
    [
        ("report --sort", "la", ["latency"]),
        ("budget --tz", "Europe/Berl", ["Europe/Berlin"]),
        ("report --tz", "loc", ["local"]),
        ("export --format", "par", ["parquet"]),
        ("list --format", "js", ["jsonl"]),
    ],
)
def test_values_of_options_are_completed(preceding_words, incomplete, expected):
    """For each command that has these options."""
    assert complete_word(preceding_words, incomplete) == expected
