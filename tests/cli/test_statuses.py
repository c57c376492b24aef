"""Exit statuses: one for each kind of failure, and documented in the help."""

import re

import pytest

from modelgates_client.cli.statuses import Status

from .command_runs import record


def error_response(status, code=None):
    """Return a response that is an error."""
    return status, {"error": {"code": code or status, "message": "No."}}


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (error_response(400), 1),
        (error_response(418), 1),
        (error_response(404), 3),
        (error_response(401), 4),
        (error_response(402), 4),
        (error_response(403), 4),
        (error_response(429), 5),
        (error_response(500), 6),
        (error_response(503), 6),
        (error_response(529), 6),
        ((524, b"<html>"), 6),
        (error_response(408), 7),
        (error_response(200, code=402), 4),
        ((200, b"<html>"), 8),
        pytest.param(
            *((200, {"data": record("gen-of-another")}), 8),
            marks=pytest.mark.slow("it is requested again until the deadline"),
        ),
    ],
)
def test_each_kind_of_failure_has_its_status(scripted_command, scripted_server, response, expected):
    """Whatever the body is; the error is one line that names the id."""
    scripted_server.responses["gen-1"] = response

    result = scripted_command("get", "gen-1", *(("--timeout", "3") if expected == 8 else ()))

    assert result.returncode == expected
    assert result.stdout == ""
    assert result.stderr.startswith("error: gen-1: HTTP ")
    assert result.stderr.count("\n") == 1


def test_the_highest_exit_status_counts(scripted_command, scripted_server):
    """The order of the ids does not matter."""
    scripted_server.responses.update(
        {"gen-1": error_response(500), "gen-2": error_response(404), "gen-3": error_response(401)}
    )
    scripted_server.set_records(record("gen-4"))

    assert scripted_command("get", "gen-1", "gen-2", "gen-3", "gen-4").returncode == 6
    assert scripted_command("get", "gen-2", "gen-3", "gen-4").returncode == 4


def test_a_failed_connection_has_status_7(command):
    """Nothing listens on the port."""
    command.environment["MODELGATES_BASE_URL"] = "http://127.0.0.1:9/api/v1"

    result = command("get", "gen-1", "--timeout", "0.5")

    assert result.returncode == 7
    assert result.stderr.startswith("error: gen-1: ")


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
def test_wrong_usage_has_status_2(command, arguments):
    """One line says what is wrong."""
    result = command(*arguments)

    assert result.returncode == 2
    assert result.stdout == ""
    assert re.fullmatch(r"error: .*\n", result.stderr)


def test_an_unexpected_error_has_status_1_and_the_other_ids_are_requested(command):
    """The error is named; --verbose prints the traceback."""
    command.program = """if True:
        import sys
        from modelgates_client import Generation
        from modelgates_client.cli import main
        exact = Generation.to_json
        def to_json(self):
            return {}["gone"] if self.id == "gen-1" else exact(self)
        Generation.to_json = to_json
        sys.exit(main())
    """
    result = command("get", "gen-1", "gen-2")
    loud = command("get", "gen-1", "gen-2", "-v")

    assert result.returncode == 1
    assert '"gen-2"' in result.stdout
    assert result.stderr == "error: gen-1: unexpected KeyError: 'gone'\n"
    assert "Traceback" in loud.stderr


def test_the_statuses_are_documented(command):
    """--help says what each means."""
    documented = dict(
        re.findall(r"^ +(\d+) {1,4}(\S.*)$", command("get", "--help").stdout, re.MULTILINE)
    )

    assert documented == {str(int(status)): status.meaning for status in Status}
