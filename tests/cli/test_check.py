"""`modelgates check`: what is checked, the exit status, and where the result goes."""

import gzip
import json
import os
import re

import pytest

from modelgates_client.testing import make_record

from ..recorded_gaps import (
    MISSING_BREAKING,
    MISSING_FIELDS,
    MISSING_WARNING,
)
from .command_runs import KEY, RECORD, record

CONFORMING = {"error": {"code": 404, "message": "m"}}
WARNING = {"data": {**make_record("gen-1"), "api_type": "telepathy"}}
BREAKING = {"data": {**RECORD, "total_cost": "free"}}


def listed_findings(result):
    """Return level, status and pointer of each finding in the JSON output."""
    return [(f["level"], f["status"], f["pointer"]) for f in json.loads(result.stdout)["findings"]]


def test_a_file_is_checked_without_a_key(command, write):
    """No server is needed either: nothing is sent."""
    command.environment = {"MODELGATES_BASE_URL": "http://127.0.0.1:9/api/v1"}

    result = command("check", write({"data": RECORD}, CONFORMING, BREAKING))

    report = json.loads(result.stdout)
    assert (report["bodies"], report["deviating"]) == (3, 2)
    (free,) = [entry for entry in report["findings"] if entry["pointer"] == "/data/total_cost"]
    assert (free["level"], free["status"], free["first"]["line"]) == ("breaking", 200, 3)
    assert result.returncode == 9
    assert result.stderr == (
        "error: responses deviate from the spec: bodies checked: 3, deviating: 2; "
        f"findings: {MISSING_BREAKING + 1} breaking, {MISSING_WARNING} warning, 0 info\n"
    )


@pytest.mark.parametrize(
    ("line", "fail_on", "status"),
    [
        (BREAKING, None, 9),
        (BREAKING, "never", 0),
        (WARNING, None, 0),
        (WARNING, "warning", 9),
        (WARNING, "info", 9),
        ({**CONFORMING, "new": 1}, None, 0),
        ({**CONFORMING, "new": 1}, "warning", 0),
        ({**CONFORMING, "new": 1}, "info", 9),
        ({"status": 418, "body": "<html>"}, "breaking", 0),
        ({"status": 418, "body": "<html>"}, "warning", 9),
        (CONFORMING, "info", 0),
        ("nonsense", None, 9),
    ],
)
def test_fail_on_sets_the_level_that_fails(command, write, line, fail_on, status):
    """The default is `breaking`; the findings are printed in any case."""
    option = [] if fail_on is None else ["--fail-on", fail_on]

    result = command("check", write(line), *option)

    assert result.returncode == status
    assert json.loads(result.stdout)["failed"] is (status == 9)
    assert bool(result.stderr) is (status == 9)


def test_stdin_files_and_ids_are_one_report(command, write, tmp_path):
    """Several of each; with `-f`, an argument that looks like an id is a file."""
    packed = tmp_path / "packed.gz"
    packed.write_bytes(gzip.compress(json.dumps(BREAKING).encode()))
    odd_name = write({"data": RECORD}, name="gen-2")

    result = command(
        *("check", "gen-1", write(CONFORMING), "-", str(packed), "-f", odd_name),
        stdin=json.dumps(record("gen-3", new=1)),
    )

    report = json.loads(result.stdout)
    missing = next(f for f in report["findings"] if f["pointer"] == "/data/http_referer")
    assert report["bodies"] == 5
    assert missing["bodies"] == 4
    assert missing["first"] == {"source": "gen-1", "line": None}
    assert missing["last"] == {"source": odd_name, "line": 1}
    (new,) = [f for f in report["findings"] if f["pointer"] == "/data/new"]
    assert new["first"] == {"source": "-", "line": 1}


def test_the_output_of_get_can_be_checked(command):
    """Each line is a complete record."""
    printed = command("get", "gen-1", "gen-2").stdout

    report = json.loads(command("check", "-", stdin=printed).stdout)

    assert (report["bodies"], report["deviating"]) == (2, 2)
    assert [finding["bodies"] for finding in report["findings"]] == [2] * len(MISSING_FIELDS)


def test_error_responses_are_checked_too(scripted_command, scripted_server):
    """A missing record is also a failure, with the exit status that `get` has."""
    scripted_server.set_records(record("gen-1"))
    scripted_server.responses["gen-2"] = (404, CONFORMING)
    scripted_server.responses["gen-3"] = (418, b"<html>secret</html>")
    scripted_server.responses["gen-4"] = (200, b"<html>secret</html>")

    result = scripted_command("check", "gen-1", "gen-2", "gen-3", "gen-4", "--fail-on", "never")

    assert [entry for entry in listed_findings(result) if not entry[2].startswith("/data")] == [
        ("breaking", 200, ""),
        ("warning", 418, ""),
    ]
    assert json.loads(result.stdout)["bodies"] == 4
    assert [line.split(": ")[:2] for line in result.stderr.splitlines()] == [
        ["error", "gen-2"],
        ["error", "gen-3"],
        ["error", "gen-4"],
    ]
    assert result.returncode == 8


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, {"error": {"code": 404, "message": "alice@example.com"}}),
        (200, {"error": {"code": 402, "message": "alice@example.com"}}),
        (502, b"<html>alice@example.com</html>"),
        (200, b'{"alice@example.com'),
        (200, {"data": record("alice@example.com")}),
    ],
)
def test_no_text_from_the_server_is_printed(scripted_command, scripted_server, status, body):
    """Not on stderr either, because the output of a check may be published."""
    scripted_server.responses["gen-1"] = (status, body)

    result = scripted_command("check", "gen-1", "-v", "--timeout", "0.5")

    assert result.stderr.splitlines()[-2 if result.returncode == 9 else -1].startswith(
        "error: gen-1: "
    )
    assert "alice" not in result.stdout + result.stderr


@pytest.mark.slow("it is requested again until the deadline")
def test_a_record_of_another_id_is_a_failure(scripted_command, scripted_server):
    """Although it conforms: the spec does not define which id a record has."""
    scripted_server.responses["gen-1"] = (200, {"data": make_record("gen-of-another")})

    result = scripted_command("check", "gen-1", "--timeout", "3")

    assert listed_findings(result) == []
    assert result.returncode == 8


@pytest.mark.parametrize("status", [404, 418])
def test_a_truncated_body_is_not_checked(scripted_command, scripted_server, status):
    """The client keeps 64 KiB of an error's body; a valid body must not look damaged."""
    message = "x" * 70_000
    scripted_server.responses["gen-1"] = (status, {"error": {"code": status, "message": message}})

    result = scripted_command("check", "gen-1")

    assert [entry[0] for entry in listed_findings(result)] == {404: [], 418: ["warning"]}[status]
    assert len(json.loads(result.stdout)["unchecked"]) == (status == 404)
    assert ("warning: gen-1: the body is too long to be checked" in result.stderr) is (
        status == 404
    )


def test_a_failed_connection_does_not_stop_the_check_of_files(command, write):
    """The exit status is that of `get`."""
    command.environment["MODELGATES_BASE_URL"] = "http://127.0.0.1:9/api/v1"

    result = command("check", "gen-1", write(CONFORMING), "--timeout", "0.5")

    report = json.loads(result.stdout)
    assert report["bodies"] == 1
    assert [source["source"] for source in report["unchecked"]] == ["gen-1"]
    assert result.stderr.startswith("error: gen-1: ")
    assert result.returncode == 7


def test_the_highest_exit_status_counts(command, write):
    """Deviations come before other failures."""
    result = command("check", "gen-x", write(BREAKING))

    assert result.returncode == 9
    assert result.stderr.splitlines()[0] == "error: gen-x: an error instead of the record, HTTP 404"


def test_a_key_among_the_ids_is_neither_sent_nor_printed(command, api):
    """Nothing else is checked then."""
    result = command("check", "gen-1", KEY, "--format", "junit")

    assert result.stderr.startswith("error: an API key was given where an id is expected")
    assert api.requests == []
    assert result.stdout == ""
    assert result.returncode == 2


def test_ids_need_a_key(command):
    """Files do not; another test checks that."""
    del command.environment["MODELGATES_API_KEY"]

    result = command("check", "gen-1")

    assert result.stderr.startswith("error: no API key:")
    assert result.returncode == 2


def test_an_empty_recording_is_a_failure(command, write):
    """It must not look like a recording that conforms."""
    result = command("check", write())

    assert result.stderr == "error: nothing was checked: the input contains no response\n"
    assert result.returncode == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "nothing to check"),
        (("not-there.jsonl",), "the file 'not-there.jsonl': No such file"),
        (("./",), "the file './': Is a directory"),
        (("gen-1", "--key-stdin", "-"), "--key-stdin: stdin cannot also contain the responses"),
        (("gen-1", "--key-stdin", "--key-file", "k"), "mutually exclusive"),
        (("gen-1", "--timeout", "nan"), "--timeout"),
        (("gen-1", "-q", "-v"), "mutually exclusive"),
        (("-", "--format", "xml"), "--format"),
        (("-", "--fail-on", "error"), "--fail-on"),
        (("-", "--output", "not/there/report.json"), "its directory does not exist"),
        (("-", "--output", "."), "it is a directory"),
        (("",), "invalid generation id ''"),
    ],
)
def test_wrong_usage_has_status_2(command, arguments, message):
    """One line says what is wrong."""
    result = command("check", *arguments)

    assert result.returncode == 2
    assert re.fullmatch(r"error: .*\n", result.stderr)
    assert message in result.stderr


def test_a_damaged_file_does_not_stop_the_check_of_others(command, write, tmp_path):
    """The lines before the damage are checked."""
    damaged = tmp_path / "a.gz"
    damaged.write_bytes(gzip.compress(os.urandom(99).hex().encode() * 50 + b"\n")[:-20])

    result = command("check", str(damaged), write(CONFORMING))

    assert re.fullmatch(r"error: the file '.*a\.gz': it is damaged\n", result.stderr)
    report = json.loads(result.stdout)
    assert report["bodies"] == 1
    assert [source["source"] for source in report["unchecked"]] == [str(damaged)]
    assert result.returncode == 2


def test_the_help_explains_files_ids_and_line_formats(command):
    """It says how a file is distinguished from an id."""
    report = " ".join(command("check", "--help").stdout.split())

    assert (
        "An argument is a file if a file of that name exists, if it contains a path separator"
        in report
    )
    assert '{"status": 200, "body": {...}}' in report
    assert "9 responses deviate from the spec" in report
