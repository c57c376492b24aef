"""Observed drift: passed to the callback each time, logged once per kind, and bounded."""

import logging
import subprocess
import sys

import pytest
from hypothesis import given, strategies as st

from modelgates_client.records.drift_observer import DriftObserver
from modelgates_client.records.log import logger
from modelgates_runtime.drift import Drift

KINDS = st.sampled_from(["missing", "null", "type", "undeclared", "unknown_value"])
POINTERS = st.lists(st.sampled_from(["a", "b1", "0", "17"]), max_size=4).map(
    lambda parts: "".join(f"/{part}" for part in parts)
)
DRIFT = st.builds(Drift, POINTERS, KINDS, st.just("string"), st.sampled_from(["null", "array"]))


class LogRecorder(logging.Handler):
    """A context that collects log records of drift."""

    def __init__(self):
        super().__init__(logging.INFO)
        self.records = []

    def emit(self, record):
        self.records.append(record)

    def __enter__(self):
        self.level_before = logger().level
        logger().setLevel(logging.INFO)
        logger().addHandler(self)
        return self

    def __exit__(self, *_):
        logger().removeHandler(self)
        logger().setLevel(self.level_before)


def kind_of(drift):
    """Return what identifies the kind of a deviation: its index in a list does not."""
    parts = drift.pointer.split("/")
    return drift.kind, tuple("*" if part.isdigit() else part for part in parts)


@given(st.lists(st.lists(DRIFT, max_size=6).map(tuple), max_size=6))
def test_the_callback_gets_each_deviation_and_the_log_each_kind(responses):
    """For any number of responses, and any index."""
    observed = []
    observer = DriftObserver(observed.append)
    with LogRecorder() as lines:
        for drift in responses:
            observer.observe(drift)
    entries = [entry for drift in responses for entry in drift]
    assert observed == entries
    first = {kind_of(entry): entry for entry in reversed(entries)}
    expected = {f"the server deviates from the spec: {entry}" for entry in first.values()}
    assert {record.getMessage() for record in lines.records} == expected
    assert len(lines.records) == len(first)
    assert all(record.levelno == logging.INFO for record in lines.records)


def test_each_client_logs_each_kind():
    """Each has its own memory, which is released with the client."""
    drift = (Drift("/a", "type", "string", "null"),)
    with LogRecorder() as lines:
        DriftObserver(None).observe(drift)
        DriftObserver(None).observe(drift)
    assert len(lines.records) == 2


def test_a_hostile_server_cannot_fill_memory_or_the_log():
    """A thousand kinds are remembered; the callback gets all deviations."""
    observed = []
    observer = DriftObserver(observed.append)
    with LogRecorder() as lines:
        for at in range(3000):
            observer.observe((Drift(f"/x{at}", "undeclared", "no such field", "null"),))
    assert len(lines.records) == len(observer._seen) == 1000
    assert len(observed) == 3000


def test_a_log_line_has_no_private_data():
    """It contains neither the value nor control characters."""
    drift = Drift("/\x1b[2J", "type", "string", "number", "private value")
    with LogRecorder() as lines:
        DriftObserver(None).observe((drift,))
    (record,) = lines.records
    assert record.getMessage().isprintable()
    assert "private value" not in f"{record.getMessage()} {record.args}"


def test_an_error_of_the_callback_is_raised_by_the_call():
    """It is the caller's own code and error."""

    def refuse(_):
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        DriftObserver(refuse).observe((Drift("/a", "type", "string", "null"),))


def test_drift_is_only_logged_if_logging_is_configured():
    """A program that configures no logging has no warning of the library on its stderr."""
    program = "from modelgates_client.records.log import logger; logger().warning('an outage')"
    result = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stderr == ""
