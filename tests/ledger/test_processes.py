"""Several processes at once, and processes that are killed."""

import random
import signal
import time

import pytest

from modelgates_client.ledger import Ledger, LedgerCounts

from .sample_outcomes import body, finish, integrity_check, output_words, rows, start_program

TAKES = """
from modelgates_client.ledger import Ledger
with Ledger(sys.argv[1]) as ledger:
    print("open", flush=True)
    sys.stdin.readline()
    ledger.enqueue(f"gen-{number:05}" for number in range(1500))
    for _ in range(1500):
        batch = ledger.lease(7)
        if not batch:
            break
        print(*batch)
        ledger.add(resolved(each, total_cost=int(sys.argv[2])) for each in batch)
"""


@pytest.mark.slow("three processes")
def test_processes_share_the_work(path):
    """No id is leased twice, and none is left; all may create and queue at the same time."""
    processes = [start_program(TAKES, path, number) for number in range(3)]
    for process in processes:
        assert process.stdout.readline() == "open\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    shares = [output_words(process) for process in processes]
    taken = [each for share in shares for each in share]
    assert len(taken) == len(set(taken)) == 1500
    assert integrity_check(path) == "ok"
    with Ledger(path) as ledger:
        assert ledger.counts() == LedgerCounts(final=1500, provisional=0, pending=0, failed=0)
        for number, share in enumerate(shares):
            for each in share:
                assert ledger.record(each).body == body(each, total_cost=number)


WRITES = """
import os
from modelgates_client.ledger import Ledger
with Ledger(sys.argv[1]) as ledger:
    for first in range(int(sys.argv[2]), 10**9, 20):
        ids = [f"gen-{number:09}" for number in range(first, first + 20)]
        ledger.enqueue(ids)
        ledger.lease(20, wait=False)  # what a dead one holds is not waited for
        ledger.add(resolved(each, title="x" * 2000) for each in ids)
        os.write(1, f"{first}\\n".encode())
"""


def run_and_kill(path, first, acknowledged, after_s):
    """Run a writer, kill it after it acknowledged some batches; return their number."""
    process = start_program(WRITES, path, first)
    lines = [process.stdout.readline() for _ in range(acknowledged)]
    time.sleep(after_s)  # any moment is one to be killed at
    process.send_signal(signal.SIGKILL)
    out, err = finish(process)
    assert process.returncode == -signal.SIGKILL, err
    return len(lines) + out.count("\n")


@pytest.mark.slow("writers are started and killed again and again")
@pytest.mark.parametrize("seed", range(4))
def test_a_killed_writer_loses_no_acknowledged_data(path, seed):
    """Killed at random moments, also while the ledger is created."""
    chance = random.Random(seed)
    batches = 0
    for number in range(6):
        # the first one while Python starts, or the ledger is created
        acknowledged = chance.randrange(0, 40) if number else 0
        after_s = chance.random() * (0.01 if number else 0.6)
        path.touch(0o600)
        written = run_and_kill(path, batches * 20, acknowledged, after_s)
        batches += written
        assert integrity_check(path) == "ok"
        with Ledger(path) as ledger:
            counts = ledger.counts()
            # a batch may be on disk that it had no time to acknowledge, or only queued
            more = counts.final - batches * 20
            assert more in {0, 20}
            assert counts.pending in {0, 20}
            batches += more // 20
            ids = [f"gen-{each:09}" for each in range(batches * 20)]
            assert [generation_id for generation_id, _ in ledger.bodies()] == ids
            final = [
                each for each, state in rows(ledger, "generation_id", "state") if state == "final"
            ]
            assert final == ids
    assert batches > 6
