"""`modelgates get`, piped: which ids are asked for, and what is written."""

import json
import os
import shlex
import subprocess

import pytest

from modelgates_client import Generation
from modelgates_client.records.summary import summarize

from .commands import KEY, record


def ids(done):
    """Return the ids of the lines that were written."""
    return [json.loads(line)["id"] for line in done.stdout.splitlines()]


def test_piped_it_writes_the_records_as_json_lines(command):
    """One line for each record, and each is exactly its `to_dict()`."""
    done = command("get", "gen-1", "gen-2")

    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        Generation.from_dict(record("gen-1")).to_dict(),
        Generation.from_dict(record("gen-2", total_cost=0.5)).to_dict(),
    ]
    assert (done.stderr, done.returncode) == ("", 0)


def test_a_record_comes_back_as_it_was_sent(asking, odd):
    """Unknown fields, values of a wrong type, huge numbers and half characters are all there."""
    sent = record(
        "gen-1", tier="gold\x1b[2J\x7f\ud800é", total_cost="free", usage=0.1, app_id=2**70
    )
    odd.knows(sent)
    odd.answers["gen-2"] = (200, b'{"data": {"id": "gen-2", "latency": -1e999, "usage": [1e999]}}')

    first, second = asking("get", "gen-1", "gen-2").stdout.splitlines()

    assert json.loads(first) == sent
    assert all(" " <= char <= "~" for char in first)
    assert "-1e999" in second
    assert json.loads(second, parse_constant=pytest.fail)["usage"] == [float("inf")]


def test_a_failure_is_a_line_on_stderr_and_stops_no_other(command):
    """Failed ids do not appear on stdout; the others do, in order."""
    done = command("get", "gen-1", "gen-x", "gen-2")

    assert ids(done) == ["gen-1", "gen-2"]
    assert done.stderr == "error: gen-x: HTTP 404: Generation not found\n"
    assert done.returncode == 3


def test_ids_are_read_from_stdin(command):
    """`-` stands for its lines; blank ones and comments are none."""
    done = command("get", "gen-2", "-", stdin="\ufeff# mine\n\ngen-1  # the first\r\n  gen-2\n")

    assert ids(done) == ["gen-2", "gen-1", "gen-2"]


def test_ids_are_read_from_a_file(command, tmp_path):
    """As from stdin; after those of the arguments."""
    file = tmp_path / "ids.txt"
    file.write_text("# mine\n\ngen-1\n")

    assert ids(command("get", "gen-2", "--file", file)) == ["gen-2", "gen-1"]


def test_a_line_that_is_no_text_stops_no_other(command):
    """Bytes that are not UTF-8 are an id that cannot be."""
    done = command("get", "-", stdin=b"gen-\xff\ngen-1\n")

    assert ids(done) == ["gen-1"]
    assert len(done.stderr.splitlines()) == 1
    assert done.returncode == 2


def test_each_record_is_written_as_soon_as_it_is_there(command):
    """Who reads gets the first record while the next id is not even known."""
    with command.started(
        "get",
        "-",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as running:
        running.stdin.write(b"gen-1\n")
        running.stdin.flush()
        first = json.loads(running.stdout.readline())
        rest, _ = running.communicate(b"gen-2\n", timeout=50)

    assert first["id"] == "gen-1"
    assert json.loads(rest)["id"] == "gen-2"


def test_a_reader_that_goes_away_ends_it_quietly(command):
    """As with `head -1`: no complaint, and the exit status that a shell gives for SIGPIPE."""
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
        said = running.stderr.read()

    assert said == b""
    assert running.returncode == 141


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")  # noqa: PTH110
def test_a_full_disk_is_an_error(command):
    """Records that could not be written were not delivered."""
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(
            command.line("get", "gen-1"), env=command.env, stdout=full, stderr=subprocess.PIPE
        )

    assert done.stderr.splitlines() == [b"error: stdout: No space left on device"]
    assert done.returncode == 1


@pytest.mark.skipif(os.name != "posix", reason="closed by a shell")
@pytest.mark.parametrize(
    ("redirection", "status", "said"),
    [(">&-", 2, b"error: stdout is closed\n"), ("2>&-", 3, b""), ("- <&-", 2, b"error: stdin is")],
)
def test_closed_streams_are_no_crash(command, redirection, status, said):
    """Without stdout there is nothing to do; without stderr nothing is said."""
    line = f"{shlex.join(command.line('get', 'gen-1', 'gen-x'))} {redirection}"
    done = subprocess.run(line, shell=True, env=command.env, capture_output=True)

    assert done.returncode == status
    assert done.stderr.startswith(said)
    assert b"Traceback" not in done.stderr


def test_the_summary_is_for_people(command):
    """The long form of each record, a blank line between them."""
    done = command("get", "gen-1", "gen-2", "--summary")

    first = summarize(Generation.from_dict(record("gen-1")))
    second = summarize(Generation.from_dict(record("gen-2", total_cost=0.5)))
    assert done.stdout == f"{first}\n\n{second}\n"


def test_the_summary_survives_a_poor_encoding(asking, odd):
    """What stdout cannot show is replaced."""
    odd.knows(record("gen-1", model="modèle"))
    odd.answers["gen-ü"] = (404, {"error": {"code": 404, "message": "Generation not found"}})
    asking.environment["PYTHONIOENCODING"] = "ascii"

    done = asking("get", "gen-1", "gen-ü", "--summary")

    assert "mod?le" in done.stdout
    assert "error: gen-?" in done.stderr


def test_it_waits_for_a_record(asking, odd):
    """With --wait, 404 means that it is not there yet."""
    missing = (404, {"error": {"code": 404, "message": "Generation not found"}})
    odd.answers["gen-1"] = [missing, (200, {"data": record("gen-1")})]

    done = asking("get", "gen-1", "--wait")

    assert ids(done) == ["gen-1"]
    assert odd.asked == ["gen-1"] * 2
    assert (done.stderr, done.returncode) == ("", 0)


def test_it_waits_for_the_final_record(asking, odd):
    """With --final, which needs no --wait beside it, a record that may still change is not it."""
    early = record("gen-1", finish_reason=None, cancelled=False)
    odd.answers["gen-1"] = [(200, {"data": early}), (200, {"data": record("gen-1")})]

    done = asking("get", "gen-1", "--final")

    assert json.loads(done.stdout)["cancelled"] is True
    assert odd.asked == ["gen-1"] * 2


def test_it_does_not_wait_for_ever(command):
    """The time-out is for each id; the error says how long it waited."""
    for timeout in ("0.5", "5", "30"):  # what is too short on a busy machine is tried with more
        done = command("get", "gen-x", "gen-1", "--wait", "--timeout", timeout)
        if ids(done):
            break

    assert ids(done) == ["gen-1"]
    assert done.stderr.startswith("error: gen-x: no record of gen-x after ")
    assert done.returncode == 3


def test_verbose_lists_drift(command):
    """Each deviation from the spec, once for each record, beside logs; the data are the same."""
    done = command("get", "gen-1", "-v")

    assert ids(done) == ["gen-1"]
    about = [line for line in done.stderr.splitlines() if "expected" in line]
    assert about == [f"drift: gen-1: {entry}" for entry in Generation.from_dict(record()).drift]


def test_verbose_shows_what_the_client_logs(command):
    """On stderr, a line each; without it, only warnings."""
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
    plain = command("get", "gen-1")

    assert loud.stderr.splitlines()[:2] == ["debug: a\ufffd[2Jb", "warning: mind"]
    assert plain.stderr == "warning: mind\n"


def test_quiet_says_nothing_but_errors(command, tmp_path):
    """Warnings are not said, failures are."""
    file = tmp_path / "key"
    file.write_text(KEY)
    file.chmod(0o644)

    done = command("get", "gen-1", "gen-x", "--quiet", "--key-file", file)

    assert done.stderr == "error: gen-x: HTTP 404: Generation not found\n"


def test_warnings_of_the_client_are_lines(asking, odd):
    """As of a key that goes to a proxy in clear; not as Python shows them."""
    odd.knows(record("gen-1"))

    done = asking("get", "gen-1", "--proxy", "http://127.0.0.1:9", "--timeout", "0.3")

    assert done.stderr.splitlines()[0].startswith("warning: the API key goes to the proxy in clear")
    assert "UserWarning" not in done.stderr


def test_the_server_cannot_steer_the_terminal(asking, odd):
    """What it says in an error is made harmless."""
    odd.answers["gen-1"] = (400, {"error": {"code": 400, "message": "\x1b]0;owned\x07\u202e\nx"}})

    done = asking("get", "gen-1")

    assert all(char.isprintable() for char in done.stderr.rstrip("\n"))
    assert "owned" in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="elsewhere 0.0.0.0 is no address to ask")
def test_a_host_of_a_private_network_is_asked_without_tls_if_it_is_named(command, api):
    """With a warning on stderr; 0.0.0.0 is this machine, but not by what is known of it."""
    url = api.base_url.replace("127.0.0.1", "0.0.0.0")
    done = command("get", "gen-1", "--base-url", url, "--allow-http", "0.0.0.0")
    assert ids(done) == ["gen-1"]
    assert done.stderr.startswith("warning: the API key goes to 0.0.0.0 in clear, ")
    assert command("get", "gen-1", "--base-url", url).returncode == 2


def test_the_base_url_is_an_option_too(command, api):
    """It comes before the environment."""
    command.environment["MODELGATES_BASE_URL"] = "https://example.invalid"

    assert ids(command("get", "gen-1", "--base-url", api.base_url)) == ["gen-1"]


def test_no_ids_are_no_work(command):
    """Neither a list without any, nor none at all, is well done."""
    done = command("get", "-", stdin="# none\n")
    assert done.stderr == "error: stdin: it contains no id\n"
    assert done.returncode == 12
    done = command("get")
    assert done.stderr.startswith("error: no id:")
    assert done.returncode == 2
