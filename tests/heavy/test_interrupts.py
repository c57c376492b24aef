"""A fetch that is interrupted while it queues ids: the printed command continues with all ids."""

import re
import shlex
import signal
import time
from subprocess import PIPE

import pytest

from modelgates_client.ledger import Ledger, LedgerCounts, LedgerError

from ..cli.command_runs import Command
from ..fast_server import Answer, Gateway, record

IDS = 300_000


def count_ids(path):
    """Return the number of ids in a ledger that may still be being created."""
    try:
        with Ledger(path, read_only=True) as ledger:
            return sum(ledger.counts())
    except LedgerError:
        return 0


def interrupt_fetch(gateway, arguments, path, min_ids):
    """Interrupt a fetch when its ledger has a number of ids; return the printed command."""
    with Command(gateway.base_url).started(*arguments, stdout=PIPE, stderr=PIPE) as running:
        while running.poll() is None and count_ids(path) < min_ids:
            time.sleep(0.02)
        running.send_signal(signal.SIGINT)
        _, stderr = running.communicate(timeout=50)
    assert running.returncode == 130
    return shlex.split(re.search("continue with: modelgates (.*)", stderr.decode())[1])


@pytest.mark.slow("queues three hundred thousand ids")
def test_every_id_is_queued_in_the_end(tmp_path):
    """However often it is interrupted, if one continues with the printed command."""
    path, file = tmp_path / "a.db", tmp_path / "the ids.txt"
    file.write_text("".join(f"gen-{number}\n" for number in range(IDS)))
    advice = ["fetch", str(file), "--ledger", str(path), "--concurrency", "1"]
    with Gateway(lambda generation_id, _: Answer(*record(generation_id)[:3], 60)) as gateway:
        for part in (IDS // 3, IDS * 2 // 3):
            advice = interrupt_fetch(gateway, advice, path, part)
            assert part <= count_ids(path) < IDS
        interrupt_fetch(gateway, advice, path, IDS)
    with Ledger(path) as ledger:
        assert ledger.counts() == LedgerCounts(0, 0, IDS, 0)
