"""The command on a terminal: a table, a summary, a progress line, and colours."""

import json
import re

import pytest

from modelgates_client import Generation
from modelgates_client.records.summary import summarize

from .command_runs import Screen, record

pytest.importorskip("pty", reason="needs POSIX terminals")

SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
SPINNER = "\N{BRAILLE PATTERN DOTS-124}"  # its first frame


def rows(screen):
    """Return the cells of the table's lines below its header."""
    lines = SEQUENCE.sub("", screen.text).splitlines()
    header = next(number for number, line in enumerate(lines) if line.startswith("id "))
    return [re.split(r" {2,}", line.strip()) for line in lines[header + 1 :]]


def test_several_records_are_a_table(command):
    """A row for each id in order, including failed ones; errors are also on stderr."""
    screen = Screen(command, "get", "gen-1", "gen-x", "gen-2", piped="stderr")

    model = "meta-llama/llama-4-scout-17b-16e-instruct"
    numbers = ["64", "98", "1016 ms"]
    assert rows(screen) == [
        ["gen-1", model, "DeepInfra", "$0.00003452", *numbers, "final"],
        ["gen-x", *"------", "error"],
        ["gen-2", model, "DeepInfra", "$0.5", *numbers, "final"],
    ]
    assert screen.piped == "error: gen-x: HTTP 404: Generation not found\n"
    assert screen.status == 3


def test_unknown_amounts_are_not_displayed_as_zero(scripted_command, scripted_server):
    """Null and unreadable fields are marked, 0 is 0, and provisional records are marked."""
    scripted_server.set_records(
        record("gen-1", total_cost=None, native_tokens_prompt=None, latency="fast"),
        record("gen-2", total_cost=0, native_tokens_completion=0, provider_name=None),
        record("gen-3", finish_reason=None, cancelled=False),
    )

    first, second, third = rows(
        Screen(scripted_command, "get", "gen-1", "gen-2", "gen-3", piped="stderr")
    )

    assert first[3:] == ["unknown", "unknown", "98", "unreadable", "final"]
    assert second[2:] == ["unknown", "$0", "64", "0", "1016 ms", "final"]
    assert third[-1] == "not final"


def test_with_an_own_key_the_table_has_the_total_cost(scripted_command, scripted_server):
    """The charge alone would look like the total; unknown amounts are not added up."""
    scripted_server.set_records(
        record("gen-1", is_byok=True, total_cost=0.1, upstream_inference_cost=0.2),
        record("gen-2", is_byok=True, total_cost=0.1, upstream_inference_cost=None),
        record("gen-3", is_byok=False, total_cost=0.1, upstream_inference_cost=0.1),
    )

    cell_rows = rows(Screen(scripted_command, "get", "gen-1", "gen-2", "gen-3", piped="stderr"))

    assert [row[3] for row in cell_rows if len(row) > 1] == ["$0.1"] * 3
    assert [row for row in cell_rows if len(row) == 1] == [["$0.3 all in"], ["unknown all in"]]


@pytest.mark.parametrize("columns", [20, 80])
def test_digits_are_never_cut_off(command, columns):
    """However narrow the terminal is: ids and models are wrapped, numbers are not."""
    screen = Screen(command, "get", "gen-1", "gen-2", piped="stderr", columns=columns)

    for number in ("$0.00003452", "64", "98", "1016 ms"):
        assert number in screen.text


def test_a_single_record_is_a_summary(command):
    """The id may come from an argument or from stdin."""
    expected = summarize(Generation.from_dict(record("gen-1"))) + "\n"

    assert Screen(command, "get", "gen-1", piped="stderr").text == expected
    assert Screen(command, "get", "-", piped="stderr", stdin=b"gen-1\n").text == expected


def test_summary_and_json_lines_can_be_chosen_for_several_records(command):
    """The table is only the terminal's default."""
    summary = Screen(command, "get", "gen-1", "gen-2", "--summary", piped="stderr")
    lines = Screen(command, "get", "gen-1", "gen-2", "--json", piped="stderr")

    assert summary.text.count("Served by  DeepInfra") == 2
    assert [json.loads(line)["id"] for line in lines.text.splitlines()] == ["gen-1", "gen-2"]


@pytest.mark.parametrize("option", [(), ("--summary",), ("--json",)])
def test_the_server_cannot_steer_the_terminal(scripted_command, scripted_server, option):
    """Escapes are replaced in every format, and rich's markup is text."""
    model = "\x1b]0;owned\x07[red]red[/red] :smile:\u202e"
    scripted_server.set_records(
        record("gen-1", model=model), record("gen-2", provider_name="\x1b[2J")
    )

    screen = Screen(scripted_command, "get", "gen-1", "gen-2", *option, piped="stderr")

    text = SEQUENCE.sub("", screen.text.replace("\x1b[2J", "!"))
    assert "!" not in text
    assert all(char.isprintable() for char in text.replace("\n", ""))
    assert "[red]red[/red] :smile:" in text


@pytest.mark.slow("four terminals, each with a process")
def test_colours_can_be_turned_off(command):
    """NO_COLOR, if it is not empty, removes colours and nothing else."""
    arguments = ("get", "gen-1", "gen-x")
    assert SEQUENCE.search(Screen(command, *arguments, piped="stderr").text)

    command.environment["NO_COLOR"] = ""
    assert SEQUENCE.search(Screen(command, *arguments, piped="stderr").text)

    command.environment["NO_COLOR"] = "1"
    assert not SEQUENCE.search(Screen(command, *arguments, piped="stderr").text)
    progress = Screen(command, *arguments, piped="stdout")
    assert SPINNER in progress.text
    assert not re.search(r"\x1b\[[0-9;]*m", progress.text)


def test_progress_is_drawn_on_a_terminal(command):
    """It has the id that is requested; it is removed at the end, and the error stays."""
    screen = Screen(command, "get", "gen-1", "gen-x", piped="stdout")

    assert SPINNER in screen.text
    assert "2/2 gen-x" in screen.text
    assert "error: gen-x: HTTP 404: Generation not found\n" in screen.text
    assert screen.text.endswith("\x1b[2K")
    assert screen.text.count("\x1b[?25l") == screen.text.count("\x1b[?25h")
    assert json.loads(screen.piped)["id"] == "gen-1"


@pytest.mark.parametrize(("option", "term"), [("--quiet", "xterm"), ("--json", "dumb")])
def test_progress_is_not_drawn_with_quiet_or_on_a_dumb_terminal(command, option, term):
    """A dumb terminal cannot draw it."""
    command.environment["TERM"] = term

    screen = Screen(command, "get", "gen-1", option, piped="stdout")

    assert screen.text == ""
    assert json.loads(screen.piped)["id"] == "gen-1"


def test_data_and_progress_do_not_mix(command):
    """On one terminal, the progress line is removed while a record is written."""
    screen = Screen(command, "get", "gen-1", "gen-2", "--json")

    lines = [line.rpartition("\x1b[2K")[2] for line in screen.text.splitlines()]
    assert [json.loads(line)["id"] for line in lines if line.startswith("{")] == ["gen-1", "gen-2"]


def test_an_interrupt_shows_the_received_records(command):
    """The table so far, the cursor restored, and one word on stderr."""
    screen = Screen(
        command, "get", "gen-1", "gen-x", "--wait", "--timeout", "30", on=(b"2/2 gen-x", b"\x03")
    )

    assert "$0.00003452" in screen.text
    assert screen.text.endswith("error: interrupted\n")
    assert screen.text.count("\x1b[?25l") == screen.text.count("\x1b[?25h")
    assert "Traceback" not in screen.text
    assert screen.status == 130


def test_a_typed_key_is_not_echoed(command):
    """With --key-stdin on a terminal."""
    command.environment["MODELGATES_API_KEY"] = None
    key = command.key.encode() + b"\n"

    screen = Screen(command, "get", "gen-1", "--key-stdin", stdin=None, on=(b"API key: ", key))

    assert screen.status == 0
    assert screen.text.startswith("API key: \n")
