"""The command, interrupted: it ends at once, keeps received records, and prints one line."""

import json
import os
import signal
import subprocess
import threading
import time

import pytest

from modelgates_client.ledger import Ledger

from ..fast_server import Answer, Gateway, record
from .command_runs import Command

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")

IDS = [f"gen-{number}" for number in range(200)]


def lines(ids):
    """Return ids as lines."""
    return "".join(f"{each}\n" for each in ids)


def test_ctrl_c_has_status_130(command, api):
    """With a message and no traceback; records received before are written."""
    with command.started(
        "get",
        "gen-1",
        "gen-x",
        "--wait",
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as running:
        first = running.stdout.readline()
        while "gen-x" not in {request.id for request in api.requests}:
            time.sleep(0.01)
        running.send_signal(signal.SIGINT)
        _, stderr = running.communicate(timeout=50)

    assert b'"gen-1"' in first
    assert stderr.split() == [b"error:", b"interrupted"]
    assert running.returncode == 130


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("source", ["pipe", "file"])
def test_a_signal_ends_a_fetch_cleanly(tmp_path, number, source):
    """With status 130; records are stored, leases are released, and a line says how to go on."""
    ledger = str(tmp_path / "ledger.db")
    has_records = threading.Event()

    def respond(generation_id, _):
        if int(generation_id[4:]) == 7:
            return record(generation_id, finish_reason=None, cancelled=None)  # provisional
        if int(generation_id[4:]) >= 50:
            has_records.set()
            return Answer(*record(generation_id)[:3], 60)  # delayed beyond the test
        return record(generation_id)

    (tmp_path / "ids.txt").write_text(lines(IDS))
    with Gateway(respond) as gateway:
        command, pipe = Command(gateway.base_url), subprocess.PIPE
        name = "-" if source == "pipe" else str(tmp_path / "ids.txt")
        arguments = ("fetch", name, "--ledger", ledger, "--concurrency", "4")
        with command.started(*arguments, stdin=pipe, stdout=pipe, stderr=pipe) as running:
            if source == "pipe":
                running.stdin.write(lines(IDS).encode())
                running.stdin.flush()
            assert has_records.wait(50)
            running.send_signal(number)
            out, messages = running.stdout.read(), running.stderr.read().decode()
        assert running.returncode == 130

    first, *remaining_lines = messages.splitlines()
    reason, again = first.split("; continue with: modelgates fetch --ledger ")
    assert reason.startswith("error: interrupted")
    assert again.startswith(f"{ledger} --concurrency 4")
    assert len(remaining_lines) == 1
    assert "Traceback" not in messages
    assert 0 < json.loads(out)["final"] <= 50
    # Of ids without an outcome, too; a request may be cut off before the server has read it.
    assert 0 <= json.loads(out)["requests"] - gateway.requests.total() <= 4
    assert gateway.requests["gen-7"] > 0
    with Ledger(ledger) as reopened:
        known = reopened.counts()
        assert len(reopened.lease(1000)) == known.pending  # no lease is left
