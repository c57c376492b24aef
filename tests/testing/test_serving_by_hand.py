"""`modelgates stub` serves by hand what the stub serves in tests."""

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

RECORD = Path(__file__).parent.parent / "records" / "2026-02-cancelled-stream.json"
ID = "gen-1771967973-0hZ8J5kY7qLMOKbPx0u3"
COMMAND = [sys.executable, "-m", "modelgates_client"]
SECRET = "sk-mg-CANARY-0123456789"


class Served:
    """A stub that is served by hand.

    Attributes:
        settings: What it printed, as an environment.
        stderr: All that it logged; there when it has ended.
    """

    def __init__(self, running):
        self.running = running
        lines = [running.stdout.readline(), running.stdout.readline()]
        self.settings = dict(line.strip().split("=", 1) for line in lines)
        self.stderr = None

    def get(self, generation_id=ID, api_key=STUB_KEY, **options):
        """Get a record, in one attempt; return it, or the error."""
        options = {"base_url": self.settings["MODELGATES_BASE_URL"], "max_retries": 0, **options}
        with ModelGates(api_key=api_key, **options) as client:
            try:
                return client.generations.get(generation_id)
            except ModelGatesError as error:
                return error


@pytest.fixture
def serving():
    """Start the command with arguments; it is ended when the block is."""

    @contextmanager
    def serving(*arguments):
        running = subprocess.Popen(
            [*COMMAND, "stub", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONWARNINGS": "error"},
        )
        watchdog = threading.Timer(60, running.kill)
        watchdog.start()
        try:
            served = Served(running)
            yield served
        finally:
            if running.poll() is None:
                running.terminate()
            rest, stderr = running.communicate()
            watchdog.cancel()
        assert rest == ""
        served.stderr = stderr

    return serving


def test_it_prints_the_settings_of_a_client_and_logs_requests(serving):
    """Two lines on stdout for the environment; on stderr a line for each request, and no key."""
    with serving(str(RECORD)) as served:
        assert isinstance(served.get(), Generation)
        assert served.get("gen-2").status_code == 404
        assert served.get(api_key=SECRET).status_code == 401
    assert served.settings.keys() == {"MODELGATES_BASE_URL", "MODELGATES_API_KEY"}
    assert served.settings["MODELGATES_API_KEY"] == STUB_KEY
    assert served.stderr.splitlines() == [
        f"GET /api/v1/generation {ID} 200",
        "GET /api/v1/generation gen-2 404",
        f"GET /api/v1/generation {ID} 401: another bearer token than the stub's key",
    ]


def test_the_two_commands_of_the_demo_work(serving):
    """One serves, the other fetches and prints."""
    with serving(str(RECORD)) as served:
        environment = {**os.environ, **served.settings, "PYTHONIOENCODING": "utf-8"}
        get = [*COMMAND, "get", "--summary"]
        done = subprocess.run([*get, ID], env=environment, capture_output=True, encoding="utf-8")
        missing = subprocess.run([*get, "gen-0"], env=environment, capture_output=True, text=True)
    assert "$0.00003452 charged" in done.stdout
    assert (missing.returncode, missing.stdout) == (3, "")
    assert missing.stderr.strip() == "error: gen-0: HTTP 404: Generation not found"


def kinds(served, number, **options):
    return [type(served.get("gen-1", **options)).__name__ for _ in range(number)]


def test_records_are_made_and_not_ready_and_limited(serving):
    """404 first, then 429 with Retry-After, then the record."""
    options = ("--not-ready", "2", "--rate-limit", "1", "--retry-after", "7")
    with serving("--record-id", "gen-1", "--record-id", "gen-2", *options) as served:
        assert kinds(served, 2) == ["NotFoundError", "NotFoundError"]
        assert served.get("gen-1").retry_after == 7
        assert served.get("gen-1").drift == ()
        assert type(served.get("gen-2")).__name__ == "NotFoundError"


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        (("--status", "503"), "ServerError"),
        (("--status", "502", "--html"), "BadGatewayError"),
        (("--truncate",), "APIConnectionError"),
        (("--rate-limit", "9"), "RateLimitError"),
    ],
)
def test_it_misbehaves_as_it_is_told(serving, options, kind):
    """At each request."""
    with serving("--record-id", "gen-1", *options) as served:
        assert kinds(served, 2) == [kind] * 2


def test_it_is_as_slow_as_it_is_told(serving):
    """Here, so that no client waits for it."""
    with serving("--record-id", "gen-1", "--delay", "3600") as served:
        assert kinds(served, 1, timeout=0.3) == ["APITimeoutError"]


def test_records_drift_as_they_are_told(serving):
    """Given ones too: a field too many, and values that the spec does not list for its enums."""
    good = Generation.from_dict(make_record("gen-1"))
    fields = Generation.__schema__().fields.values()
    enums = {field.segment for field in fields if hasattr(getattr(good, field.name), "is_known")}
    with serving("--drift", str(RECORD), "--record-id", "gen-1") as served:
        *unknown, new = served.get("gen-1").drift
        assert {entry.pointer for entry in unknown} == enums >= {"/api_type"}
        assert {entry.kind for entry in unknown} == {"unknown_value"}
        assert new.kind == "undeclared"
        assert {entry.kind for entry in served.get().drift} == {
            "unknown_value",
            "undeclared",
            "missing",
        }


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is a signal there")
def test_it_ends_when_it_is_interrupted(serving):
    """With the exit status of interrupted commands, whatever is still delayed."""
    with serving("--record-id", "gen-1", "--delay", "3600") as served:
        parts = urlsplit(served.settings["MODELGATES_BASE_URL"])
        connection = http.client.HTTPConnection(parts.netloc, timeout=30)
        connection.request("GET", f"{parts.path}/generation")
        assert served.running.stderr.readline().endswith("401: no Authorization header\n")
        served.running.send_signal(signal.SIGINT)
        assert served.running.wait(60) == 130
        connection.close()
    assert served.stderr == "stopped\n"


def usage_error(*arguments):
    """Run the command with arguments that it refuses; return the line that it says."""
    done = subprocess.run(
        [*COMMAND, "stub", *arguments], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    return line


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "no record: give files"),
        (("--record-id", ""), "--record-id: the generation id is "),
        (("--record-id", "gen-1", "--html"), "--html is for --status"),
        (("--record-id", "gen-1", "--retry-after", "1"), "--retry-after is for --rate-limit"),
        (("--status", "502", "--truncate"), "--status and --truncate exclude each other"),
        (("--status", "200"), "--status"),
        (("--record-id", "gen-1", "--delay", "nan"), "cannot be waited"),
        (("--record-id", "gen-1", "--port", "65536"), "--port"),
    ],
)
def test_what_cannot_be_is_one_line(arguments, why):
    """And the exit status of a wrong usage."""
    line = usage_error(*arguments)
    assert line.startswith("error: ")
    assert why in line


@pytest.mark.parametrize(
    "content", [None, "{}", "[]", '{"data": []}', '{"data": {}}', "no JSON", "[" * 10**5]
)
def test_a_file_that_is_no_response_is_one_line(tmp_path, content):
    """A missing one, too."""
    path = tmp_path / "body.json"
    if content is not None:
        path.write_text(content)
    assert usage_error(str(path)).startswith(f"error: the file {str(path)!r}")


def test_an_address_that_is_none_of_this_machine_is_one_line():
    """It says which."""
    said = usage_error("--record-id", "gen-1", "--host", "192.0.2.1")
    assert said.startswith("error: 192.0.2.1, port 0: ")


def test_a_port_in_use_is_one_line():
    """It says which."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert usage_error("--record-id", "gen-1", "--port", str(port)).startswith(
            f"error: 127.0.0.1, port {port}: "
        )


@pytest.mark.parametrize("package", ["pytest_httpserver", "werkzeug"])
def test_without_the_extra_it_says_what_to_install(package):
    """In one line; the other commands do not need it."""
    code = f"""if True:
        import sys
        sys.modules[{package!r}] = None
        from modelgates_client.cli import main
        sys.exit(main())
    """
    line = [sys.executable, "-c", code, "stub", str(RECORD)]
    done = subprocess.run(line, capture_output=True, text=True)
    said = "error: the stub needs an extra: pip install 'modelgates-client[testing]'\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", said)


def test_what_it_serves_is_what_the_file_holds(serving):
    """Byte for byte the same JSON."""
    with serving(str(RECORD)) as served:
        assert served.get().to_dict() == json.loads(RECORD.read_bytes())["data"]
