"""A fetch that is interrupted while it still queues: what it advises goes on with all ids."""

import re
import shlex
import signal
import time
from subprocess import PIPE

import pytest

from modelgates_client.ledger import Ledger, LedgerCounts, LedgerError

from ..cli.commands import Command
from ..fast_server import Answer, Gateway, record

IDS = 300_000


def known(path):
    """Return how many ids a ledger knows that is being made."""
    try:
        with Ledger(path, read_only=True) as ledger:
            return sum(ledger.counts())
    except LedgerError:
        return 0


def interrupted(gateway, arguments, path, most):
    """Interrupt a fetch when its ledger knows so many ids; return what it advises."""
    with Command(gateway.base_url).started(*arguments, stdout=PIPE, stderr=PIPE) as running:
        while running.poll() is None and known(path) < most:
            time.sleep(0.02)
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=50)
    assert running.returncode == 130
    return shlex.split(re.search("continue with: modelgates (.*)", said.decode())[1])


@pytest.mark.slow("queues three hundred thousand ids")
def test_every_id_is_queued_in_the_end(tmp_path):
    """However often it is interrupted, if one goes on as it advises."""
    path, file = tmp_path / "a.db", tmp_path / "the ids.txt"
    file.write_text("".join(f"gen-{number}\n" for number in range(IDS)))
    advice = ["fetch", str(file), "--ledger", str(path), "--concurrency", "1"]
    with Gateway(lambda generation_id, _: Answer(*record(generation_id)[:3], 60)) as gateway:
        for part in (IDS // 3, IDS * 2 // 3):
            advice = interrupted(gateway, advice, path, part)
            assert part <= known(path) < IDS
        interrupted(gateway, advice, path, IDS)
    with Ledger(path) as ledger:
        assert ledger.counts() == LedgerCounts(0, 0, IDS, 0)
