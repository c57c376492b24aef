"""What the tests share: Hypothesis' profile, and a stub that answers as a test says."""

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
    suppress_health_check=[HealthCheck.too_slow],  # of a busy machine
)
settings.load_profile("project")

SLOW_S = 2.0
RECORD = Path(__file__).parent / "records" / "2026-02-cancelled-stream.json"


def pytest_configure():
    """Take Ctrl-C, though who started this in the background had it ignored: tests send it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Let no collection of garbage look through ten thousand tests: each takes a third of a second.

    Neither while tests are collected, which takes half the time so, nor while they run.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


def busy():
    """Return how many times longer all takes, as others want the processors, too."""
    if not hasattr(os, "getloadavg"):
        return 1.0
    return max(1.0, os.getloadavg()[1] / (os.cpu_count() or 1))


def pytest_terminal_summary(terminalreporter):
    """Name the tests of more than two seconds that do not say why; more, on a busy machine."""
    max_s = SLOW_S * busy()
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    slow = [each for each in reports if each.when == "call" and each.duration > max_s]
    unexplained = [each for each in slow if "slow" not in each.keywords]
    if unexplained:
        terminalreporter.section(f"more than {max_s:.1f} s, and not marked `slow` with a reason")
    for report in sorted(unexplained, key=lambda each: -each.duration):
        terminalreporter.line(f"{report.duration:.1f}s {report.nodeid}")


class Stub:
    """A server on loopback that gives every request the same answer.

    Attributes:
        base_url: What a client takes as its `base_url`.
        request: The last request that came.
    """

    def __init__(self, server):
        server.expect_request("/api/v1/generation").respond_with_handler(self._respond)
        self.base_url = server.url_for("/api/v1")
        self.request = None
        self.answers(b"")

    def answers(self, body, status=200, content_type="application/json", **headers):
        """Answer from now on with `body`: bytes as they are, anything else as JSON."""
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.status = status
        self.headers = {"Content-Type": content_type, **headers}

    def _respond(self, request):
        self.request = request
        return Response(self.body, self.status, self.headers)


@pytest.fixture(scope="session")
def stub():
    """A server that answers as a test says."""
    with HTTPServer(host="127.0.0.1") as server:
        yield Stub(server)


@pytest.fixture
def patient(monkeypatch):
    """Let `get_many` take no silence for a hang: a busy machine may stop a server for seconds."""
    for module in ("in_flight", "gate"):
        monkeypatch.setattr(f"modelgates_client.bulk.{module}.MIN_PATIENCE_S", 120.0)


@pytest.fixture
def recorded():
    """A real response of the server, parsed anew for each test."""
    return json.loads(RECORD.read_bytes())


@pytest.fixture
def complete(recorded):
    """The record of that response, with what the vendored spec has and it lacks made from the spec.

    It is exactly as the spec says, whichever version is vendored.
    """
    from modelgates_client.testing import make_record  # noqa: PLC0415 - tests of scripts run without

    return {**make_record("gen-1"), **recorded["data"]}
