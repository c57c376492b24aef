"""Exit statuses: one for each kind of failure, documented where people look."""

import re

import pytest

from modelgates_client.cli.statuses import Status

from .commands import record


def failing(status, code=None):
    """Return an answer that is an error."""
    return status, {"error": {"code": code or status, "message": "No."}}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (failing(400), 1),
        (failing(418), 1),
        (failing(404), 3),
        (failing(401), 4),
        (failing(402), 4),
        (failing(403), 4),
        (failing(429), 5),
        (failing(500), 6),
        (failing(503), 6),
        (failing(529), 6),
        ((524, b"<html>"), 6),
        (failing(408), 7),
        (failing(200, code=402), 4),
        ((200, b"<html>"), 8),
        pytest.param(
            *((200, {"data": record("gen-of-another")}), 8),
            marks=pytest.mark.slow("it is asked for again until the time is over"),
        ),
    ],
)
def test_each_kind_of_failure_has_its_status(asking, odd, answer, expected):
    """Whatever the body is; and the error is one line that names the id."""
    odd.answers["gen-1"] = answer

    done = asking("get", "gen-1", *(("--timeout", "3") if expected == 8 else ()))

    assert done.returncode == expected
    assert done.stdout == ""
    assert done.stderr.startswith("error: gen-1: HTTP ")
    assert done.stderr.count("\n") == 1


def test_the_highest_status_counts(asking, odd):
    """Whatever the order of the ids."""
    odd.answers.update({"gen-1": failing(500), "gen-2": failing(404), "gen-3": failing(401)})
    odd.knows(record("gen-4"))

    assert asking("get", "gen-1", "gen-2", "gen-3", "gen-4").returncode == 6
    assert asking("get", "gen-2", "gen-3", "gen-4").returncode == 4


def test_no_connection_is_seven(command):
    """Nobody listens on the port."""
    command.environment["MODELGATES_BASE_URL"] = "http://127.0.0.1:9/api/v1"

    done = command("get", "gen-1", "--timeout", "0.5")

    assert done.returncode == 7
    assert done.stderr.startswith("error: gen-1: ")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("fetch",),
        ("get", "--nonsense"),
        ("get", "gen-1", "--timeout", "soon"),
        ("get", "gen-1", "--timeout", "nan"),
        ("get", "gen-1", "--timeout", "-1", "--wait"),
        ("get", "gen-1", "--json", "--summary"),
        ("get", "gen-1", "-q", "-v"),
        ("get", "gen-1", "--file", "there/is/none"),
        ("get", "gen-1", "--base-url", "http://example.com"),
        ("get", "gen-1", "--ca-bundle", "there/is/none"),
        ("get", "gen-1", "--proxy", "socks5://127.0.0.1"),
        ("get", ""),
    ],
)
def test_wrong_usage_is_two(command, arguments):
    """One line says what is wrong."""
    done = command(*arguments)

    assert done.returncode == 2
    assert done.stdout == ""
    assert re.fullmatch(r"error: .*\n", done.stderr)


def test_a_bug_is_one_and_stops_no_other(command):
    """Something unforeseen is named; the traceback comes with --verbose."""
    command.program = """if True:
        import sys
        from modelgates_client.cli import get, main
        exact = get.JSONLines.record
        def record(self, record):
            return {}["gone"] if record.id == "gen-1" else exact(self, record)
        get.JSONLines.record = record
        sys.exit(main())
    """
    done = command("get", "gen-1", "gen-2")
    loud = command("get", "gen-1", "gen-2", "-v")

    assert done.returncode == 1
    assert '"gen-2"' in done.stdout
    assert done.stderr == "error: gen-1: unexpected KeyError: 'gone'\n"
    assert "Traceback" in loud.stderr


def test_the_statuses_are_documented(command):
    """--help says what each means."""
    shown = dict(
        re.findall(r"^ +(\d+) {1,4}(\S.*)$", command("get", "--help").stdout, re.MULTILINE)
    )

    assert shown == {str(int(status)): status.meaning for status in Status}
