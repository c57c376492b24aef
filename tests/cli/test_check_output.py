"""Where `modelgates check` writes its report: to a file or a terminal."""

import json
import os
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from ..recorded_gaps import (
    MISSING_BREAKING,
    MISSING_WARNING,
)
from .command_runs import RECORD, Screen

CONFORMING = {"error": {"code": 404, "message": "m"}}
BREAKING = {"data": {**RECORD, "total_cost": "free"}}
COUNTS = re.compile(r"bodies checked: (\d+), deviating: (\d+); findings: (\d+) .*, (\d+) .*, (\d+)")


@pytest.mark.parametrize("name", ["table", "json", "junit"])
def test_each_format_can_be_written_to_a_file(command, write, tmp_path, name):
    """An existing file is replaced, and nothing is printed."""
    output = tmp_path / "report"
    output.write_text("before")
    printed = command("check", write(BREAKING), "--format", name)

    result = command("check", write(BREAKING), "--format", name, "--output", str(output))

    assert result.stdout == ""
    assert output.read_text() == printed.stdout != ""
    assert (result.returncode, printed.returncode) == (9, 9)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["recorded.jsonl", "report"]
    if name == "junit":
        assert ET.fromstring(printed.stdout)[0].get("failures") == str(MISSING_BREAKING + 1)


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX links and devices")
@pytest.mark.parametrize("named", ["recorded.jsonl", "./recorded.jsonl", "link", "-"])
def test_output_cannot_replace_an_input(command, write, tmp_path, named):
    """However the recording is named, it is not overwritten by mistake."""
    file = Path(write(BREAKING))
    before = file.read_bytes()
    (tmp_path / "link").symlink_to(file)
    output = file if named == "-" else tmp_path / named

    with file.open("rb") as stdin:
        sources = ["-"] if named == "-" else [str(file)]
        result = command("check", *sources, "--output", str(output), stdin_file=stdin)

    assert file.read_bytes() == before
    assert "it is an input, so it cannot be overwritten" in result.stderr
    assert result.returncode == 2


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX links and devices")
def test_output_follows_links_and_writes_to_devices(command, write, tmp_path):
    """A link remains a link, and a device is not replaced."""
    (tmp_path / "link").symlink_to(tmp_path / "target")

    command("check", write(CONFORMING), "--output", str(tmp_path / "link"))
    through = command("check", write(CONFORMING), "--output", "/dev/stdout")

    assert (tmp_path / "link").is_symlink()
    assert json.loads((tmp_path / "target").read_text())["bodies"] == 1
    assert json.loads(through.stdout)["bodies"] == 1


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")
def test_an_output_file_that_cannot_be_written_has_status_1(command, write):
    """The message names the file."""
    result = command("check", write(CONFORMING), "--output", "/proc/none")

    assert re.fullmatch(r"error: the file '/proc/none': .*\n", result.stderr)
    assert result.returncode == 1


def test_a_terminal_gets_a_table(command, write):
    """It is wrapped to the terminal's width, and the progress line is removed at the end."""
    pytest.importorskip("pty", reason="needs POSIX terminals")
    screen = Screen(command, "check", write(BREAKING), piped="stderr", columns=60)

    assert COUNTS.search(" ".join(screen.text.split())).groups() == (
        *("1", "1", str(MISSING_BREAKING + 1), str(MISSING_WARNING), "0"),
    )
    assert "\x1b[31mbreaking" in screen.text
    assert screen.text.count("it reads as None") == MISSING_WARNING
    assert screen.status == 9


def test_progress_is_drawn_on_a_terminal(command, write):
    """On stderr, while the data go to a file or a pipe."""
    pytest.importorskip("pty", reason="needs POSIX terminals")
    screen = Screen(command, "check", write(CONFORMING), piped="stdout")

    assert "recorded.jsonl" in screen.text
    assert json.loads(screen.piped)["bodies"] == 1
    assert screen.status == 0
