"""Which tests run on which interpreters, the Hypothesis profile, and shared fixtures."""

import gc
import json
import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from pytest_httpserver import HTTPServer
from werkzeug import Response

settings.register_profile(
    "project",
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],  # on a busy machine
)
settings.load_profile("project")

SLOW_S = 2.0
TESTS = Path(__file__).parent
RECORD = TESTS / "records" / "2026-02-cancelled-stream.json"

#: Files and folders whose tests do not depend on the interpreter: tools, pictures, tables,
#: arguments, what packages of others make of ours, simulations, long searches through pure
#: functions, files shared by processes, and `fetch`, which joins `get_many` and the ledger. The
#: others, and new ones, run on every interpreter.
ON_ONE = {
    "attack",
    "bulk/test_limits.py",
    "bulk/test_mixtures.py",
    "bulk/test_outages.py",
    "bulk/test_pacer.py",
    "bulk/test_schedule.py",
    "calls/test_calls.py",
    "calls/test_crowds.py",
    "calls/test_responses.py",
    "calls/test_retry.py",
    "calls/test_retry_after.py",
    "calls/test_waiting.py",
    "capture/test_application.py",
    "capture/test_openai.py",
    "capture/test_scanning.py",
    "cli",
    "conformance",
    "contract",
    "doors",
    "examples",
    "exports",
    "faults/ledgers",
    "ledger/test_arrow.py",
    "ledger/test_capture_file.py",
    "ledger/test_fetching.py",
    "ledger/test_model.py",
    "ledger/test_processes.py",
    "mcp",
    "mocking",
    "reports",
    "rows",
    "telemetry",
    "test_architecture.py",
    "test_documents.py",
    "test_lists.py",
    "test_security.py",
    "testing/test_plugin.py",
    "testing/test_stub_command.py",
}
#: Files in these folders that run on every interpreter.
ON_EVERY = {"cli/test_signals.py", "mcp/test_starting.py"}
#: Folders with a nox session of their own.
SEPARATE = {"comparison", "heavy", "scripts"}


def pytest_addoption(parser):
    """Add the option by which the nox sessions select their tests."""
    parser.addoption(
        "--on",
        choices=["every", "one"],
        help="without paths: run only the tests for every interpreter, or only those for one",
    )


def pytest_ignore_collect(collection_path, config):
    """Ignore files that `--on` does not select."""
    selected = config.getoption("on")
    if not selected or collection_path.suffix != ".py":
        return None
    if config.args_source is config.ArgsSource.ARGS:  # paths on the command line
        return None
    path = collection_path.relative_to(TESTS)
    names = {parent.as_posix() for parent in (path, *path.parents)}
    if names & SEPARATE:
        return True
    runs_on = "one" if names & ON_ONE and not names & ON_EVERY else "every"
    return True if runs_on != selected else None


def pytest_configure():
    """Enable Ctrl-C, which is ignored if pytest was started in the background: tests send it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Disable garbage collection while tests are collected, and exclude them from it afterwards.

    Collecting ten thousand tests takes half the time so, and each garbage collection during the run
    is a third of a second faster.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


def load_factor():
    """Return the factor by which other processes slow the tests down."""
    if not hasattr(os, "getloadavg"):
        return 1.0
    return max(1.0, os.getloadavg()[1] / (os.cpu_count() or 1))


def pytest_terminal_summary(terminalreporter):
    """List tests slower than two seconds, adjusted for load, that do not state a reason."""
    max_s = SLOW_S * load_factor()
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    slow = [each for each in reports if each.when == "call" and each.duration > max_s]
    unexplained = [each for each in slow if "slow" not in each.keywords]
    if unexplained:
        terminalreporter.section(f"more than {max_s:.1f} s, and not marked `slow` with a reason")
    for report in sorted(unexplained, key=lambda each: -each.duration):
        terminalreporter.line(f"{report.duration:.1f}s {report.nodeid}")


class Stub:
    """A server on loopback that gives every request the same response.

    Attributes:
        base_url: The `base_url` of a client.
        request: The last request.
    """

    def __init__(self, server):
        server.expect_request("/api/v1/generation").respond_with_handler(self._respond)
        self.base_url = server.url_for("/api/v1")
        self.request = None
        self.answers(b"")

    def answers(self, body, status=200, content_type="application/json", **headers):
        """Respond from now on with `body`: bytes unchanged, anything else as JSON."""
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.status = status
        self.headers = {"Content-Type": content_type, **headers}

    def _respond(self, request):
        self.request = request
        return Response(self.body, self.status, self.headers)


@pytest.fixture(scope="session")
def stub():
    """A server whose response a test sets."""
    with HTTPServer(host="127.0.0.1") as server:
        yield Stub(server)


@pytest.fixture
def patient(monkeypatch):
    """Raise the patience of `get_many`: a busy machine may stop a server for seconds."""
    for module in ("in_flight", "gate"):
        monkeypatch.setattr(f"modelgates_client.bulk.{module}.MIN_PATIENCE_S", 120.0)


@pytest.fixture
def recorded():
    """A real response of the server, parsed anew for each test."""
    return json.loads(RECORD.read_bytes())


@pytest.fixture
def complete(recorded):
    """The record of that response, with fields that it lacks filled from the vendored spec.

    It conforms to the spec, whichever version is vendored.
    """
    from modelgates_client.testing import make_record  # noqa: PLC0415 - not installed for tests of scripts

    return {**make_record("gen-1"), **recorded["data"]}
