"""`modelgates check`, as people run it: what is checked, how it ends, where the result goes."""

import gzip
import json
import os
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from .commands import KEY, RECORD, Screen, record

CONFORMING = {"error": {"code": 404, "message": "m"}}
BREAKING = {"data": {**RECORD, "total_cost": "free"}}
COUNTS = re.compile(r"bodies checked: (\d+), deviating: (\d+); findings: (\d+) .*, (\d+) .*, (\d+)")


@pytest.fixture
def write(tmp_path):
    """Write recorded lines to a file and return its name."""

    def write(*lines, name="recorded.jsonl"):
        file = tmp_path / name
        file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
        return str(file)

    return write


def found(done):
    """Return what the JSON lists: level, status and pointer of each finding."""
    return [(f["level"], f["status"], f["pointer"]) for f in json.loads(done.stdout)["findings"]]


def test_a_file_is_checked_without_a_key(command, write):
    """And without a server: nothing is sent."""
    command.environment = {"MODELGATES_BASE_URL": "http://127.0.0.1:9/api/v1"}

    done = command("check", write({"data": RECORD}, CONFORMING, BREAKING))

    said = json.loads(done.stdout)
    assert (said["bodies"], said["deviating"]) == (3, 2)
    assert found(done)[0] == ("breaking", 200, "/data/total_cost")
    assert said["findings"][0]["first"]["line"] == 3
    assert done.returncode == 9
    assert done.stderr == (
        "error: responses deviate from the spec: bodies checked: 3, deviating: 2; "
        "findings: 1 breaking, 5 warning, 0 info\n"
    )


@pytest.mark.parametrize(
    ("line", "fail_on", "status"),
    [
        (BREAKING, None, 9),
        (BREAKING, "never", 0),
        ({"data": RECORD}, None, 0),
        ({"data": RECORD}, "warning", 9),
        ({"data": RECORD}, "info", 9),
        ({**CONFORMING, "new": 1}, None, 0),
        ({**CONFORMING, "new": 1}, "warning", 0),
        ({**CONFORMING, "new": 1}, "info", 9),
        ({"status": 503, "body": "<html>"}, "breaking", 0),
        ({"status": 503, "body": "<html>"}, "warning", 9),
        (CONFORMING, "info", 0),
        ("nonsense", None, 9),
    ],
)
def test_it_fails_on_the_level_that_is_asked_for(command, write, line, fail_on, status):
    """On breaking, unless told otherwise; what is found is printed all the same."""
    option = [] if fail_on is None else ["--fail-on", fail_on]

    done = command("check", write(line), *option)

    assert done.returncode == status
    assert json.loads(done.stdout)["failed"] is (status == 9)
    assert bool(done.stderr) is (status == 9)


def test_stdin_files_and_ids_are_one_report(command, write, tmp_path):
    """Several of each; `-f` takes what would be an id for a file."""
    packed = tmp_path / "packed.gz"
    packed.write_bytes(gzip.compress(json.dumps(BREAKING).encode()))
    odd_name = write({"data": RECORD}, name="gen-2")

    done = command(
        *("check", "gen-1", write(CONFORMING), "-", str(packed), "-f", odd_name),
        stdin=json.dumps(record("gen-3", new=1)),
    )

    said = json.loads(done.stdout)
    missing = next(f for f in said["findings"] if f["pointer"] == "/data/http_referer")
    assert said["bodies"] == 5
    assert missing["bodies"] == 4
    assert missing["first"] == {"source": "gen-1", "line": None}
    assert missing["last"] == {"source": odd_name, "line": 1}
    (new,) = [f for f in said["findings"] if f["pointer"] == "/data/new"]
    assert new["first"] == {"source": "-", "line": 1}


def test_what_get_prints_can_be_checked(command):
    """As the record came, whole."""
    printed = command("get", "gen-1", "gen-2").stdout

    said = json.loads(command("check", "-", stdin=printed).stdout)

    assert (said["bodies"], said["deviating"]) == (2, 2)
    assert [finding["bodies"] for finding in said["findings"]] == [2] * 5


def test_live_responses_are_checked_whatever_they_are(asking, odd):
    """Where no record came, that is a failure besides, with the status that get has."""
    odd.knows(record("gen-1"))
    odd.answers["gen-2"] = (404, CONFORMING)
    odd.answers["gen-3"] = (503, b"<html>secret</html>")
    odd.answers["gen-4"] = (200, b"<html>secret</html>")

    done = asking("check", "gen-1", "gen-2", "gen-3", "gen-4", "--fail-on", "never")

    assert [entry for entry in found(done) if not entry[2].startswith("/data")] == [
        ("breaking", 200, ""),
        ("warning", 503, ""),
    ]
    assert json.loads(done.stdout)["bodies"] == 4
    assert [line.split(": ")[:2] for line in done.stderr.splitlines()] == [
        ["error", "gen-2"],
        ["error", "gen-3"],
        ["error", "gen-4"],
    ]
    assert done.returncode == 8


def test_a_record_of_another_is_a_failure_though_it_conforms(asking, odd):
    """The spec does not say whose record it is."""
    odd.answers["gen-1"] = (200, {"data": record("gen-of-another")})

    done = asking("check", "gen-1", "--timeout", "0.5")

    assert {level for level, _, _ in found(done)} == {"warning"}
    assert done.returncode == 8


@pytest.mark.parametrize("status", [404, 503])
def test_a_body_that_was_cut_is_not_judged(asking, odd, status):
    """Of an error the client keeps 64 KiB; what is whole must not look damaged."""
    message = "x" * 70_000
    odd.answers["gen-1"] = (status, {"error": {"code": status, "message": message}})

    done = asking("check", "gen-1")

    assert [entry[0] for entry in found(done)] == {404: [], 503: ["warning"]}[status]
    assert ("warning: gen-1: the body is too long to be checked" in done.stderr) is (status == 404)


def test_no_connection_is_a_failure_and_stops_no_other(command, write):
    """The files are checked; the status is that of get."""
    command.environment["MODELGATES_BASE_URL"] = "http://127.0.0.1:9/api/v1"

    done = command("check", "gen-1", write(CONFORMING), "--timeout", "0.5")

    assert json.loads(done.stdout)["bodies"] == 1
    assert done.stderr.startswith("error: gen-1: ")
    assert done.returncode == 7


def test_the_highest_status_counts(command, write):
    """Deviations come before what other failures end with."""
    done = command("check", "gen-x", write(BREAKING))

    assert done.returncode == 9
    assert done.stderr.splitlines()[0] == "error: gen-x: HTTP 404: Generation not found"


def test_a_key_among_the_ids_is_not_sent(command, api):
    """Nor shown."""
    done = command("check", KEY)

    assert "there is an API key in it, which was not sent" in done.stderr
    assert done.returncode == 2


def test_ids_need_a_key(command):
    """Files do not, which another test holds."""
    del command.environment["MODELGATES_API_KEY"]

    done = command("check", "gen-1")

    assert done.stderr.startswith("error: no API key:")
    assert done.returncode == 2


def test_nothing_checked_is_no_success(command, write):
    """A recording that is empty, by mistake, must not look like one that conforms."""
    done = command("check", write())

    assert done.stderr == "error: nothing was checked: there is no response in what was given\n"
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "nothing to check"),
        (("not-there.jsonl",), "the file 'not-there.jsonl': No such file"),
        (("./",), "the file './': Is a directory"),
        (("gen-1", "--key-stdin", "-"), "--key-stdin: stdin cannot hold the responses"),
        (("gen-1", "--key-stdin", "--key-file", "k"), "exclude each other"),
        (("gen-1", "--timeout", "nan"), "--timeout"),
        (("gen-1", "-q", "-v"), "exclude each other"),
        (("-", "--format", "xml"), "--format"),
        (("-", "--fail-on", "error"), "--fail-on"),
        (("-", "--output", "not/there/report.json"), "there is no such folder"),
        (("-", "--output", "."), "it is a folder"),
        (("",), "the generation id is ''"),
    ],
)
def test_wrong_usage_is_two(command, arguments, said):
    """One line says what is wrong."""
    done = command("check", *arguments)

    assert done.returncode == 2
    assert re.fullmatch(r"error: .*\n", done.stderr)
    assert said in done.stderr


def test_a_file_that_is_damaged_stops_no_other(command, write, tmp_path):
    """What could be read of it was checked."""
    damaged = tmp_path / "a.gz"
    damaged.write_bytes(gzip.compress(os.urandom(99).hex().encode() * 50 + b"\n")[:-20])

    done = command("check", str(damaged), write(CONFORMING))

    assert re.fullmatch(r"error: the file '.*a\.gz': it is damaged\n", done.stderr)
    assert json.loads(done.stdout)["bodies"] == 1
    assert done.returncode == 2


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
        assert ET.fromstring(printed.stdout)[0].get("failures") == "1"


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

    assert COUNTS.search(" ".join(screen.text.split())).groups() == ("1", "1", "1", "5", "0")
    assert "\x1b[31mbreaking" in screen.text
    assert screen.text.count("it reads as None") == 5
    assert screen.status == 9


def test_progress_is_drawn_on_a_terminal(command, write):
    """On stderr, while the data go elsewhere."""
    pytest.importorskip("pty", reason="terminals of this kind are POSIX's")
    screen = Screen(command, "check", write(CONFORMING), piped="stdout")

    assert "recorded.jsonl" in screen.text
    assert json.loads(screen.piped)["bodies"] == 1
    assert screen.status == 0


def test_2000_recorded_bodies_are_counted(command, tmp_path):
    """Each of the five fields that the real record lacks, in each of them."""
    file = tmp_path / "many.jsonl"
    with file.open("w") as lines:
        for number in range(2_000):
            lines.write(f"{json.dumps({'data': record(f'gen-{number}')})}\n")

    said = json.loads(command("check", str(file)).stdout)

    assert (said["bodies"], said["deviating"]) == (2_000, 2_000)
    assert [(f["bodies"], f["first"]["line"], f["last"]["line"]) for f in said["findings"]] == [
        (2_000, 1, 2_000)
    ] * 5


def test_the_help_tells_files_from_ids_and_names_the_forms(command):
    """What decides is documented where people look."""
    said = " ".join(command("check", "--help").stdout.split())

    assert "An argument is a file if one of that name is there, if it has a path separator" in said
    assert '{"status": 200, "body": {...}}' in said
    assert "9 responses deviate from the spec" in said
