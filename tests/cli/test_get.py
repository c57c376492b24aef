"""`modelgates get` in a pipe: which ids are requested, and what is written."""

import json
import os
import shlex
import subprocess

import pytest

from modelgates_client import Generation
from modelgates_client.records.summary import summarize

from .command_runs import KEY, record


def ids(result):
    """Return the ids of the lines that were written."""
    return [json.loads(line)["id"] for line in result.stdout.splitlines()]


def test_records_are_written_as_json_lines_to_a_pipe(command):
    """One line for each record: exactly its `to_dict()`."""
    result = command("get", "gen-1", "gen-2")

    assert [json.loads(line) for line in result.stdout.splitlines()] == [
        Generation.from_dict(record("gen-1")).to_dict(),
        Generation.from_dict(record("gen-2", total_cost=0.5)).to_dict(),
    ]
    assert (result.stderr, result.returncode) == ("", 0)


def test_a_record_is_written_as_it_was_sent(scripted_command, scripted_server):
    """Including unknown fields, values of wrong types, huge numbers and unpaired surrogates."""
    original = record(
        "gen-1", tier="gold\x1b[2J\x7f\ud800é", total_cost="free", usage=0.1, app_id=2**70
    )
    scripted_server.set_records(original)
    scripted_server.responses["gen-2"] = (
        200,
        b'{"data": {"id": "gen-2", "latency": -1e999, "usage": [1e999]}}',
    )

    first, second = scripted_command("get", "gen-1", "gen-2").stdout.splitlines()

    assert json.loads(first) == original
    assert all(" " <= char <= "~" for char in first)
    assert "-1e999" in second
    assert json.loads(second, parse_constant=pytest.fail)["usage"] == [float("inf")]


def test_a_failure_is_a_line_on_stderr(command):
    """Failed ids do not appear on stdout; the others do, in order."""
    result = command("get", "gen-1", "gen-x", "gen-2")

    assert ids(result) == ["gen-1", "gen-2"]
    assert result.stderr == "error: gen-x: HTTP 404: Generation not found\n"
    assert result.returncode == 3


def test_ids_are_read_from_stdin(command):
    """`-` stands for its lines; blank lines and comments are skipped."""
    result = command("get", "gen-2", "-", stdin="\ufeff# mine\n\ngen-1  # the first\r\n  gen-2\n")

    assert ids(result) == ["gen-2", "gen-1", "gen-2"]


def test_ids_are_read_from_a_file(command, tmp_path):
    """They come after those of the arguments."""
    file = tmp_path / "ids.txt"
    file.write_text("# mine\n\ngen-1\n")

    assert ids(command("get", "gen-2", "--file", file)) == ["gen-2", "gen-1"]


def test_a_line_that_is_not_utf_8_fails_alone(command):
    """Such bytes are an invalid id; the other ids are requested."""
    result = command("get", "-", stdin=b"gen-\xff\ngen-1\n")

    assert ids(result) == ["gen-1"]
    assert len(result.stderr.splitlines()) == 1
    assert result.returncode == 2


def test_each_record_is_written_as_soon_as_it_is_received(command):
    """A reader gets the first record before the next id is written."""
    with command.started(
        "get",
        "-",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as running:
        running.stdin.write(b"gen-1\n")
        running.stdin.flush()
        first = json.loads(running.stdout.readline())
        remaining, _ = running.communicate(b"gen-2\n", timeout=50)

    assert first["id"] == "gen-1"
    assert json.loads(remaining)["id"] == "gen-2"


def test_a_closed_pipe_ends_the_command_silently(command):
    """With `head -1`, the exit status is the one that a shell gives for SIGPIPE."""
    with command.started(
        "get",
        "-",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as running:
        running.stdin.write(b"gen-1\n")
        running.stdin.flush()
        running.stdout.readline()
        running.stdout.close()
        running.stdin.write(b"gen-2\n" * 100)
        running.stdin.close()
        stderr = running.stderr.read()

    assert stderr == b""
    assert running.returncode == 141


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")  # noqa: PTH110
def test_a_full_disk_is_an_error(command):
    """Records that could not be written were not delivered."""
    with open("/dev/full", "w") as full:  # noqa: PTH123
        result = subprocess.run(
            command.command_line("get", "gen-1"),
            env=command.env,
            stdout=full,
            stderr=subprocess.PIPE,
        )

    assert result.stderr.splitlines() == [b"error: stdout: No space left on device"]
    assert result.returncode == 1


@pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")
@pytest.mark.parametrize(
    ("redirection", "status", "message"),
    [(">&-", 2, b"error: stdout is closed\n"), ("2>&-", 3, b""), ("- <&-", 2, b"error: stdin is")],
)
def test_closed_streams_do_not_crash_the_command(command, redirection, status, message):
    """Without stdout nothing is requested; without stderr no message is written."""
    line = f"{shlex.join(command.command_line('get', 'gen-1', 'gen-x'))} {redirection}"
    result = subprocess.run(line, shell=True, env=command.env, capture_output=True)

    assert result.returncode == status
    assert result.stderr.startswith(message)
    assert b"Traceback" not in result.stderr


def test_the_summary_has_the_long_form_of_each_record(command):
    """With a blank line between them."""
    result = command("get", "gen-1", "gen-2", "--summary")

    first = summarize(Generation.from_dict(record("gen-1")))
    second = summarize(Generation.from_dict(record("gen-2", total_cost=0.5)))
    assert result.stdout == f"{first}\n\n{second}\n"


def test_the_summary_replaces_characters_that_stdout_cannot_encode(
    scripted_command, scripted_server
):
    """Instead of failing."""
    scripted_server.set_records(record("gen-1", model="modèle"))
    scripted_server.responses["gen-ü"] = (
        404,
        {"error": {"code": 404, "message": "Generation not found"}},
    )
    scripted_command.environment["PYTHONIOENCODING"] = "ascii"

    result = scripted_command("get", "gen-1", "gen-ü", "--summary")

    assert "mod?le" in result.stdout
    assert "error: gen-?" in result.stderr


def test_wait_retries_until_there_is_a_record(scripted_command, scripted_server):
    """With --wait, 404 means that the record does not exist yet."""
    missing = (404, {"error": {"code": 404, "message": "Generation not found"}})
    scripted_server.responses["gen-1"] = [missing, (200, {"data": record("gen-1")})]

    result = scripted_command("get", "gen-1", "--wait")

    assert ids(result) == ["gen-1"]
    assert scripted_server.requested_ids == ["gen-1"] * 2
    assert (result.stderr, result.returncode) == ("", 0)


def test_final_waits_for_the_final_record(scripted_command, scripted_server):
    """With --final, which implies --wait, a record that may still change is not enough."""
    early = record("gen-1", finish_reason=None, cancelled=False)
    scripted_server.responses["gen-1"] = [(200, {"data": early}), (200, {"data": record("gen-1")})]

    result = scripted_command("get", "gen-1", "--final")

    assert json.loads(result.stdout)["cancelled"] is True
    assert scripted_server.requested_ids == ["gen-1"] * 2


def test_wait_has_a_timeout(command):
    """For each id; the error says how long it waited."""
    for timeout in ("0.5", "5", "30"):  # a longer one if a busy machine needs it
        result = command("get", "gen-x", "gen-1", "--wait", "--timeout", timeout)
        if ids(result):
            break

    assert ids(result) == ["gen-1"]
    assert result.stderr.startswith("error: gen-x: no record of gen-x after ")
    assert result.returncode == 3


def test_verbose_lists_drift(command):
    """Each deviation from the spec, once for each record, next to logs; stdout is the same."""
    result = command("get", "gen-1", "-v")

    assert ids(result) == ["gen-1"]
    about = [line for line in result.stderr.splitlines() if "expected" in line]
    assert about == [f"drift: gen-1: {entry}" for entry in Generation.from_dict(record()).drift]


def test_verbose_shows_the_log_of_the_client(command):
    """On stderr, one line each; without it, only warnings."""
    command.program = """if True:
        import logging, sys
        from modelgates_client.client import client
        from modelgates_client.cli import main
        logger = logging.getLogger("modelgates_client.any")
        logger.debug("before")
        make = client.ModelGates.__init__
        def init(self, **options):
            logger.debug("a\x1b[2Jb")
            logger.warning("mind")
            make(self, **options)
        client.ModelGates.__init__ = init
        sys.exit(main())
    """
    loud = command("get", "gen-1", "-v")
    default = command("get", "gen-1")

    assert loud.stderr.splitlines()[:2] == ["debug: a\ufffd[2Jb", "warning: mind"]
    assert default.stderr == "warning: mind\n"


def test_quiet_prints_only_errors(command, tmp_path):
    """Warnings are not printed."""
    file = tmp_path / "key"
    file.write_text(KEY)
    file.chmod(0o644)

    result = command("get", "gen-1", "gen-x", "--quiet", "--key-file", file)

    assert result.stderr == "error: gen-x: HTTP 404: Generation not found\n"


def test_warnings_of_the_client_are_single_lines(scripted_command, scripted_server):
    """For example of a key that is sent unencrypted to a proxy; not in Python's format."""
    scripted_server.set_records(record("gen-1"))

    result = scripted_command("get", "gen-1", "--proxy", "http://127.0.0.1:9", "--timeout", "0.3")

    assert result.stderr.splitlines()[0].startswith(
        "warning: the API key goes to the proxy in clear"
    )
    assert "UserWarning" not in result.stderr


def test_error_messages_cannot_control_the_terminal(scripted_command, scripted_server):
    """Control characters in the server's message are replaced."""
    scripted_server.responses["gen-1"] = (
        400,
        {"error": {"code": 400, "message": "\x1b]0;owned\x07\u202e\nx"}},
    )

    result = scripted_command("get", "gen-1")

    assert all(char.isprintable() for char in result.stderr.rstrip("\n"))
    assert "owned" in result.stderr


@pytest.mark.skipif(os.name != "posix", reason="0.0.0.0 cannot be connected to elsewhere")
def test_http_to_a_private_host_is_allowed_by_an_option(command, api):
    """With a warning on stderr; 0.0.0.0 is this machine, but is not a loopback address."""
    url = api.base_url.replace("127.0.0.1", "0.0.0.0")
    result = command("get", "gen-1", "--base-url", url, "--allow-http", "0.0.0.0")
    assert ids(result) == ["gen-1"]
    assert result.stderr.startswith("warning: the API key goes to 0.0.0.0 in clear, ")
    assert command("get", "gen-1", "--base-url", url).returncode == 2


def test_the_base_url_option_overrides_the_environment(command, api):
    """The option takes precedence."""
    command.environment["MODELGATES_BASE_URL"] = "https://example.invalid"

    assert ids(command("get", "gen-1", "--base-url", api.base_url)) == ["gen-1"]


def test_a_call_without_ids_is_an_error(command):
    """An empty list is not a success, and a missing argument is wrong usage."""
    result = command("get", "-", stdin="# none\n")
    assert result.stderr == "error: stdin: it contains no id\n"
    assert result.returncode == 12
    result = command("get")
    assert result.stderr.startswith("error: no id:")
    assert result.returncode == 2
