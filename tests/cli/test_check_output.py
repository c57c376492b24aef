"""Where the report of `modelgates check` goes: to a file, to a terminal."""

import json
import os
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from ..recorded_gaps import (
    LACKING_BREAKING,
    LACKING_WARNING,
)
from .commands import RECORD, Screen

CONFORMING = {"error": {"code": 404, "message": "m"}}
BREAKING = {"data": {**RECORD, "total_cost": "free"}}
COUNTS = re.compile(r"bodies checked: (\d+), deviating: (\d+); findings: (\d+) .*, (\d+) .*, (\d+)")


@pytest.mark.parametrize("name", ["table", "json", "markdown", "junit"])
def test_each_format_goes_to_a_file(command, write, tmp_path, name):
    """Whole, in place of what was there; nothing is printed."""
    output = tmp_path / "report"
    output.write_text("before")
    printed = command("check", write(BREAKING), "--format", name)

    done = command("check", write(BREAKING), "--format", name, "--output", str(output))

    assert done.stdout == ""
    assert output.read_text() == printed.stdout != ""
    assert (done.returncode, printed.returncode) == (9, 9)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["recorded.jsonl", "report"]
    if name == "junit":
        assert ET.fromstring(printed.stdout)[0].get("failures") == str(LACKING_BREAKING + 1)


@pytest.mark.skipif(os.name != "posix", reason="links and devices are otherwise there")
@pytest.mark.parametrize("named", ["recorded.jsonl", "./recorded.jsonl", "link", "-"])
def test_output_does_not_take_the_place_of_what_is_read(command, write, tmp_path, named):
    """A recording is not lost by a slip, by whatever name it is meant."""
    file = Path(write(BREAKING))
    before = file.read_bytes()
    (tmp_path / "link").symlink_to(file)
    output = file if named == "-" else tmp_path / named

    with file.open("rb") as stdin:
        sources = ["-"] if named == "-" else [str(file)]
        done = command("check", *sources, "--output", str(output), stdin_file=stdin)

    assert file.read_bytes() == before
    assert "it is an input, so it cannot be overwritten" in done.stderr
    assert done.returncode == 2


@pytest.mark.skipif(os.name != "posix", reason="links and devices are otherwise there")
def test_output_follows_links_and_writes_to_devices(command, write, tmp_path):
    """A link stays a link, and a device is not replaced."""
    (tmp_path / "link").symlink_to(tmp_path / "target")

    command("check", write(CONFORMING), "--output", str(tmp_path / "link"))
    through = command("check", write(CONFORMING), "--output", "/dev/stdout")

    assert (tmp_path / "link").is_symlink()
    assert json.loads((tmp_path / "target").read_text())["bodies"] == 1
    assert json.loads(through.stdout)["bodies"] == 1


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="a folder that takes no files")
def test_output_that_cannot_be_written_is_one(command, write):
    """It says which file."""
    done = command("check", write(CONFORMING), "--output", "/proc/none")

    assert re.fullmatch(r"error: the file '/proc/none': .*\n", done.stderr)
    assert done.returncode == 1


def test_on_a_terminal_it_is_a_table(command, write):
    """Folded to its width; progress is gone when it is done."""
    pytest.importorskip("pty", reason="terminals of this kind are POSIX's")
    screen = Screen(command, "check", write(BREAKING), piped="stderr", columns=60)

    assert COUNTS.search(" ".join(screen.text.split())).groups() == (
        *("1", "1", str(LACKING_BREAKING + 1), str(LACKING_WARNING), "0"),
    )
    assert "\x1b[31mbreaking" in screen.text
    assert screen.text.count("it reads as None") == LACKING_WARNING
    assert screen.status == 9


def test_progress_is_drawn_on_a_terminal(command, write):
    """On stderr, while the data go elsewhere."""
    pytest.importorskip("pty", reason="terminals of this kind are POSIX's")
    screen = Screen(command, "check", write(CONFORMING), piped="stdout")

    assert "recorded.jsonl" in screen.text
    assert json.loads(screen.piped)["bodies"] == 1
    assert screen.status == 0
