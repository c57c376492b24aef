"""`modelgates stub` serves the same as the stub in tests."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from modelgates_client import Generation, ModelGates, ModelGatesError
from modelgates_client.testing import STUB_KEY, make_record

from ..cli.command_runs import Command

RECORD = Path(__file__).parent.parent / "records" / "2026-02-cancelled-stream.json"
ID = "gen-1771967973-0hZ8J5kY7qLMOKbPx0u3"
COMMAND = [sys.executable, "-m", "modelgates_client"]
SECRET = "sk-mg-CANARY-0123456789"


class StubProcess:
    """A running `modelgates stub`.

    Attributes:
        settings: The environment variables that it printed.
        stderr: Its log, after it has ended.
    """

    def __init__(self, process):
        self.process = process
        lines = [process.stdout.readline(), process.stdout.readline()]
        self.settings = dict(line.strip().split("=", 1) for line in lines)
        self.stderr = None

    def get(self, generation_id=ID, api_key=STUB_KEY, **options):
        """Fetch a record in one attempt; return it, or the error."""
        options = {"base_url": self.settings["MODELGATES_BASE_URL"], "max_retries": 0, **options}
        with ModelGates(api_key=api_key, **options) as client:
            try:
                return client.generations.get(generation_id)
            except ModelGatesError as error:
                return error


@pytest.fixture
def serve():
    """Run the command with arguments until the end of the block."""

    @contextmanager
    def serve(*arguments):
        process = subprocess.Popen(
            [*COMMAND, "stub", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONWARNINGS": "error"},
        )
        watchdog = threading.Timer(60, process.kill)
        watchdog.start()
        try:
            stub = StubProcess(process)
            yield stub
        finally:
            if process.poll() is None:
                process.terminate()
            rest, stderr = process.communicate()
            watchdog.cancel()
        assert rest == ""
        stub.stderr = stderr

    return serve


def test_settings_are_printed_and_requests_are_logged(serve):
    """Two lines on stdout for the environment, one on stderr for each request, and no key."""
    with serve(str(RECORD)) as stub:
        assert stub.get().to_dict() == json.loads(RECORD.read_bytes())["data"]
        assert stub.get("gen-2").status_code == 404
        assert stub.get(api_key=SECRET).status_code == 401
    assert stub.settings.keys() == {"MODELGATES_BASE_URL", "MODELGATES_API_KEY"}
    assert stub.settings["MODELGATES_API_KEY"] == STUB_KEY
    assert stub.stderr.splitlines() == [
        f"GET /api/v1/generation {ID} 200",
        "GET /api/v1/generation gen-2 404",
        f"GET /api/v1/generation {ID} 401: the bearer token is not the stub's key",
    ]


@pytest.mark.slow("three commands, each in a process")
def test_the_commands_of_the_demo_work(serve):
    """One serves records, the other fetches and prints one."""
    with serve(str(RECORD)) as stub:
        environment = {**os.environ, **stub.settings, "PYTHONIOENCODING": "utf-8"}
        get = [*COMMAND, "get", "--summary"]
        done = subprocess.run([*get, ID], env=environment, capture_output=True, encoding="utf-8")
        missing = subprocess.run([*get, "gen-0"], env=environment, capture_output=True, text=True)
    assert "$0.00003452 charged" in done.stdout
    assert (missing.returncode, missing.stdout) == (3, "")
    assert missing.stderr.strip() == "error: gen-0: HTTP 404: Generation not found"


def error_names(stub, number, **options):
    """Fetch a record some times; return the names of the errors."""
    return [type(stub.get("gen-1", **options)).__name__ for _ in range(number)]


def test_not_ready_comes_before_rate_limit(serve):
    """404 first, then 429 with Retry-After, then the record."""
    options = ("--not-ready", "2", "--rate-limit", "1", "--retry-after", "7")
    with serve("--record-id", "gen-1", "--record-id", "gen-2", *options) as stub:
        assert error_names(stub, 2) == ["NotFoundError", "NotFoundError"]
        assert stub.get("gen-1").retry_after == 7
        assert stub.get("gen-1").drift == ()
        assert type(stub.get("gen-2")).__name__ == "NotFoundError"


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (("--delay", "3600"), "APITimeoutError"),
        (("--status", "503"), "ServerError"),
        (("--status", "502", "--html"), "BadGatewayError"),
        (("--truncate",), "APIConnectionError"),
        (("--rate-limit", "9"), "RateLimitError"),
    ],
)
def test_failures_apply_to_each_request(serve, options, error):
    """The client raises the same error twice."""
    with serve("--record-id", "gen-1", *options) as stub:
        timeout_s = 0.3 if "--delay" in options else 30
        assert error_names(stub, 2, timeout=timeout_s) == [error] * 2


def test_drift_adds_a_field_and_unknown_enum_values(serve):
    """To records from files, too."""
    valid = Generation.from_dict(make_record("gen-1"))
    fields = Generation.__schema__().fields.values()
    enums = {field.segment for field in fields if hasattr(getattr(valid, field.name), "is_known")}
    with serve("--drift", str(RECORD), "--record-id", "gen-1") as stub:
        *unknown, new = stub.get("gen-1").drift
        assert {entry.pointer for entry in unknown} == enums >= {"/api_type"}
        assert {entry.kind for entry in unknown} == {"unknown_value"}
        assert new.kind == "undeclared"
        assert {entry.kind for entry in stub.get().drift} == {
            "unknown_value",
            "undeclared",
            "missing",
        }


@pytest.mark.skipif(os.name != "posix", reason="elsewhere Ctrl-C is not a signal")
def test_an_interrupt_ends_the_command(serve):
    """With its exit status, even while a response is delayed."""
    with serve("--record-id", "gen-1", "--delay", "3600") as stub:
        parts = urlsplit(stub.settings["MODELGATES_BASE_URL"])
        connection = http.client.HTTPConnection(parts.netloc, timeout=30)
        connection.request("GET", f"{parts.path}/generation")
        assert stub.process.stderr.readline().endswith("401: no Authorization header\n")
        stub.process.send_signal(signal.SIGINT)
        assert stub.process.wait(60) == 130
        connection.close()
    assert stub.stderr == "stopped\n"


def usage_error(*arguments):
    """Run the command with invalid arguments; return the line that it prints."""
    done = Command("http://127.0.0.1:9/api/v1")("stub", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    return line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "no record: give files"),
        (("--record-id", ""), "--record-id: invalid generation id "),
        (("--record-id", "gen-1", "--html"), "--html requires --status"),
        (("--record-id", "gen-1", "--retry-after", "1"), "--retry-after requires --rate-limit"),
        (("--status", "502", "--truncate"), "--status and --truncate are mutually exclusive"),
        (("--status", "200"), "--status"),
        (("--record-id", "gen-1", "--delay", "nan"), "cannot wait"),
        (("--record-id", "gen-1", "--port", "65536"), "--port"),
    ],
)
def test_invalid_arguments_are_one_line(arguments, message):
    """With the exit status for wrong usage."""
    line = usage_error(*arguments)
    assert line.startswith("error: ")
    assert message in line


@pytest.mark.parametrize(
    "content", [None, "{}", "[]", '{"data": []}', '{"data": {}}', "no JSON", "[" * 10**5]
)
def test_an_invalid_file_is_one_line(tmp_path, content):
    """A missing file, too."""
    path = tmp_path / "body.json"
    if content is not None:
        path.write_text(content)
    assert usage_error(str(path)).startswith(f"error: the file {str(path)!r}")


def test_an_address_that_cannot_be_used_is_one_line():
    """That of another machine, or a port in use."""
    options = ("--record-id", "gen-1")
    line = usage_error(*options, "--host", "192.0.2.1")
    assert line.startswith("error: 192.0.2.1, port 0: ")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        line = usage_error(*options, "--port", str(port))
    assert line.startswith(f"error: 127.0.0.1, port {port}: ")


@pytest.mark.parametrize("package", ["pytest_httpserver", "werkzeug"])
def test_without_the_extra_the_command_says_what_to_install(package):
    """In one line."""
    code = f"""if True:
        import sys
        sys.modules[{package!r}] = None
        from modelgates_client.cli import main
        sys.exit(main())
    """
    line = [sys.executable, "-c", code, "stub", str(RECORD)]
    done = subprocess.run(line, capture_output=True, text=True)
    message = "error: the stub needs an extra: pip install 'modelgates-client[testing]'\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", message)
