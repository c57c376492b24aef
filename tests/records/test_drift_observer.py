"""Drift that is observed: told each time, logged once per kind, and no more than fits."""

import logging
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelgates_client.records.drift_observer import LOGGER, DriftObserver
from modelgates_runtime.drift import Drift

KINDS = st.sampled_from(["missing", "null", "type", "undeclared", "unknown_value"])
POINTERS = st.lists(st.sampled_from(["a", "b1", "0", "17"]), max_size=4).map(
    lambda parts: "".join(f"/{part}" for part in parts)
)
DRIFT = st.builds(Drift, POINTERS, KINDS, st.just("string"), st.sampled_from(["null", "array"]))


class Lines(logging.Handler):
    """What is logged."""

    def __init__(self):
        super().__init__(logging.INFO)
        self.records = []

    def emit(self, record):
        self.records.append(record)

    def __enter__(self):
        self.level_before = LOGGER.level
        LOGGER.setLevel(logging.INFO)
        LOGGER.addHandler(self)
        return self

    def __exit__(self, *_):
        LOGGER.removeHandler(self)
        LOGGER.setLevel(self.level_before)


def kind_of(drift):
    """Return what makes two deviations the same kind: which item of a list it is does not."""
    parts = drift.pointer.split("/")
    return drift.kind, tuple("*" if part.isdigit() else part for part in parts)


@given(st.lists(st.lists(DRIFT, max_size=6).map(tuple), max_size=6))
def test_each_is_told_and_each_kind_logged_once(responses):
    """However many responses have it, and at whichever index."""
    told = []
    observer = DriftObserver(told.append)
    with Lines() as lines:
        for drift in responses:
            observer.observe(drift)
    entries = [entry for drift in responses for entry in drift]
    assert told == entries
    first = {kind_of(entry): entry for entry in reversed(entries)}
    expected = {f"the server deviates from the spec: {entry}" for entry in first.values()}
    assert {record.getMessage() for record in lines.records} == expected
    assert len(lines.records) == len(first)
    assert all(record.levelno == logging.INFO for record in lines.records)


def test_clients_do_not_share_what_they_have_seen():
    """Each has its own log to fill, and nothing is kept when it is gone."""
    drift = (Drift("/a", "type", "string", "null"),)
    with Lines() as lines:
        DriftObserver(None).observe(drift)
        DriftObserver(None).observe(drift)
    assert len(lines.records) == 2


def test_a_hostile_server_fills_neither_memory_nor_the_log():
    """A thousand kinds are remembered; the callback is told of all."""
    told = []
    observer = DriftObserver(told.append)
    with Lines() as lines:
        for at in range(3000):
            observer.observe((Drift(f"/x{at}", "undeclared", "no such field", "null"),))
    assert len(lines.records) == len(observer._seen) == 1000
    assert len(told) == 3000


def test_a_log_line_shows_nothing_private():
    """Nor the value, nor anything that could steer a terminal."""
    drift = Drift("/\x1b[2J", "type", "string", "number", "what nobody should see")
    with Lines() as lines:
        DriftObserver(None).observe((drift,))
    (record,) = lines.records
    assert record.getMessage().isprintable()
    assert "nobody" not in f"{record.getMessage()} {record.args}"


def test_what_the_callback_raises_ends_the_call():
    """It is the caller's own code, and the caller's own error."""

    def refuse(_):
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        DriftObserver(refuse).observe((Drift("/a", "type", "string", "null"),))


def test_what_is_logged_is_shown_to_those_who_ask_for_it():
    """A program that configures no logging sees no warning of the library on its stderr."""
    program = "import logging; logging.getLogger('modelgates_client').warning('an outage')"
    done = subprocess.run(
        [sys.executable, "-c", f"import modelgates_client.records.drift_observer; {program}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
