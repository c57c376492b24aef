"""`modelgates check`, as people run it: what is checked, how it ends, where the result goes."""

import gzip
import json
import os
import re

import pytest

from modelgates_client.testing import make_record

from ..recorded_gaps import (
    LACKING,
    LACKING_BREAKING,
    LACKING_WARNING,
)
from .commands import KEY, RECORD, record

CONFORMING = {"error": {"code": 404, "message": "m"}}
WARNING = {"data": {**make_record("gen-1"), "api_type": "telepathy"}}
BREAKING = {"data": {**RECORD, "total_cost": "free"}}


def found(done):
    """Return what the JSON lists: level, status and pointer of each finding."""
    return [(f["level"], f["status"], f["pointer"]) for f in json.loads(done.stdout)["findings"]]


def test_a_file_is_checked_without_a_key(command, write):
    """And without a server: nothing is sent."""
    command.environment = {"MODELGATES_BASE_URL": "http://127.0.0.1:9/api/v1"}

    done = command("check", write({"data": RECORD}, CONFORMING, BREAKING))

    said = json.loads(done.stdout)
    assert (said["bodies"], said["deviating"]) == (3, 2)
    (free,) = [entry for entry in said["findings"] if entry["pointer"] == "/data/total_cost"]
    assert (free["level"], free["status"], free["first"]["line"]) == ("breaking", 200, 3)
    assert done.returncode == 9
    assert done.stderr == (
        "error: responses deviate from the spec: bodies checked: 3, deviating: 2; "
        f"findings: {LACKING_BREAKING + 1} breaking, {LACKING_WARNING} warning, 0 info\n"
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
    assert [finding["bodies"] for finding in said["findings"]] == [2] * len(LACKING)


def test_live_responses_are_checked_whatever_they_are(asking, odd):
    """Where no record came, that is a failure besides, with the status that get has."""
    odd.knows(record("gen-1"))
    odd.answers["gen-2"] = (404, CONFORMING)
    odd.answers["gen-3"] = (418, b"<html>secret</html>")
    odd.answers["gen-4"] = (200, b"<html>secret</html>")

    done = asking("check", "gen-1", "gen-2", "gen-3", "gen-4", "--fail-on", "never")

    assert [entry for entry in found(done) if not entry[2].startswith("/data")] == [
        ("breaking", 200, ""),
        ("warning", 418, ""),
    ]
    assert json.loads(done.stdout)["bodies"] == 4
    assert [line.split(": ")[:2] for line in done.stderr.splitlines()] == [
        ["error", "gen-2"],
        ["error", "gen-3"],
        ["error", "gen-4"],
    ]
    assert done.returncode == 8


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
def test_nothing_that_the_server_says_is_shown(asking, odd, status, body):
    """Not on stderr either, where `get` says it: what a check prints may be published."""
    odd.answers["gen-1"] = (status, body)

    done = asking("check", "gen-1", "-v", "--timeout", "0.5")

    assert done.stderr.splitlines()[-2 if done.returncode == 9 else -1].startswith("error: gen-1: ")
    assert "alice" not in done.stdout + done.stderr


@pytest.mark.slow("it is asked for again until the time is over")
def test_a_record_of_another_is_a_failure_though_it_conforms(asking, odd):
    """The spec does not say whose record it is."""
    odd.answers["gen-1"] = (200, {"data": make_record("gen-of-another")})

    done = asking("check", "gen-1", "--timeout", "3")

    assert found(done) == []
    assert done.returncode == 8


@pytest.mark.parametrize("status", [404, 418])
def test_a_body_that_was_cut_is_not_judged(asking, odd, status):
    """Of an error the client keeps 64 KiB; what is whole must not look damaged."""
    message = "x" * 70_000
    odd.answers["gen-1"] = (status, {"error": {"code": status, "message": message}})

    done = asking("check", "gen-1")

    assert [entry[0] for entry in found(done)] == {404: [], 418: ["warning"]}[status]
    assert len(json.loads(done.stdout)["unchecked"]) == (status == 404)
    assert ("warning: gen-1: the body is too long to be checked" in done.stderr) is (status == 404)


def test_no_connection_is_a_failure_and_stops_no_other(command, write):
    """The files are checked; the status is that of get."""
    command.environment["MODELGATES_BASE_URL"] = "http://127.0.0.1:9/api/v1"

    done = command("check", "gen-1", write(CONFORMING), "--timeout", "0.5")

    said = json.loads(done.stdout)
    assert said["bodies"] == 1
    assert [source["source"] for source in said["unchecked"]] == ["gen-1"]
    assert done.stderr.startswith("error: gen-1: ")
    assert done.returncode == 7


def test_the_highest_status_counts(command, write):
    """Deviations come before what other failures end with."""
    done = command("check", "gen-x", write(BREAKING))

    assert done.returncode == 9
    assert done.stderr.splitlines()[0] == "error: gen-x: an error instead of the record, HTTP 404"


def test_a_key_among_the_ids_is_not_sent(command, api):
    """Nor shown; and nothing else is done, or reported."""
    done = command("check", "gen-1", KEY, "--format", "junit")

    assert done.stderr.startswith("error: an API key was given where an id is expected")
    assert api.requests == []
    assert done.stdout == ""
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

    assert done.stderr == "error: nothing was checked: the input contains no response\n"
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
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
    said = json.loads(done.stdout)
    assert said["bodies"] == 1
    assert [source["source"] for source in said["unchecked"]] == [str(damaged)]
    assert done.returncode == 2


def test_2000_recorded_bodies_are_counted(command, tmp_path):
    """Each of the fields that the real record lacks, in each of them."""
    file = tmp_path / "many.jsonl"
    with file.open("w") as lines:
        for number in range(2_000):
            lines.write(f"{json.dumps({'data': record(f'gen-{number}')})}\n")

    said = json.loads(command("check", str(file)).stdout)

    assert (said["bodies"], said["deviating"]) == (2_000, 2_000)
    assert [(f["bodies"], f["first"]["line"], f["last"]["line"]) for f in said["findings"]] == [
        (2_000, 1, 2_000)
    ] * len(LACKING)


def test_the_help_tells_files_from_ids_and_names_the_forms(command):
    """What decides is documented where people look."""
    said = " ".join(command("check", "--help").stdout.split())

    assert (
        "An argument is a file if a file of that name exists, if it contains a path separator"
        in said
    )
    assert '{"status": 200, "body": {...}}' in said
    assert "9 responses deviate from the spec" in said
