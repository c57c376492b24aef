"""A fetch that is killed again and again: stored data is kept, few requests are repeated."""

import json
import random
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from modelgates_client.ledger import Ledger, LedgerCounts

from ..fast_server import KEY, Answer, Gateway, error, record

IDS = [f"gen-{number}" for number in range(10_000)]
KILLS = 50
CONCURRENCY = 16
#: The number that the design allows: see `modelgates_client.ledger.fetching`.
MAX_REPEATED = KILLS * 4 * CONCURRENCY

#: Fetches ids, and after each commit prints the class and the id of each outcome in it.
#: These outcomes are part of that commit.
DRIVER = """
import asyncio, sys
from contextlib import aclosing
from modelgates_client import AsyncModelGates
from modelgates_client.ledger import Ledger
from modelgates_client.ledger.fetching import fetch

path, base_url, concurrency, ids = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]

class PrintingLedger(Ledger):
    def add(self, outcomes):
        super().add(outcomes)
        for outcome in outcomes:
            print(type(outcome).__name__, outcome.generation_id)
        sys.stdout.flush()

async def main():
    with PrintingLedger(path) as ledger, open(ids) as lines:
        async with AsyncModelGates(base_url=base_url) as client:
            names = (line.strip() for line in lines)
            stream = fetch(ledger, client, names, concurrency=concurrency, wait=10)
            async with aclosing(stream):
                async for progress in stream:
                    pass

asyncio.run(main())
"""


def kind_of(generation_id):
    """Return the kind of an id, by its number, so that it is the same in every run."""
    return {3: "late", 5: "refused", 7: "provisional", 9: "broken"}.get(int(generation_id[4:]) % 40)


def respond(generation_id, previous_requests):
    """Respond by the kind of an id; late, broken and some provisional ones recover."""
    id_kind = kind_of(generation_id)
    if id_kind == "refused":
        return error(403)
    if id_kind == "late" and previous_requests < 2:
        return error(404)
    if id_kind == "broken" and previous_requests < 1:
        return error(503)
    if id_kind == "provisional" and previous_requests < 2:
        data = {"id": generation_id, "finish_reason": None}
        return Answer(200, json.dumps({"data": data}).encode())
    return record(generation_id)


def start_fetch(path, gateway, ids):
    """Start a fetch that prints the ids it has stored."""
    arguments = [str(path), gateway.base_url, str(CONCURRENCY), str(ids)]
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"MODELGATES_API_KEY": KEY},
    )


def kill_later(running, lines, later_s):
    """Kill a fetch some time after it printed some ids; return all lines that it printed."""
    printed = []
    with running:  # closes its pipes
        for line in running.stdout:
            printed.append(line)
            if len(printed) == lines:
                time.sleep(later_s)  # so that kills happen at any point
                running.kill()
    # A partial line was not printed.
    return [line.split() for line in printed if line.endswith("\n")]


def test_a_killed_fetch_loses_no_stored_record(tmp_path):
    """SIGKILL at 50 random moments over 10,000 ids.

    Everything that was printed as stored is stored. Each id has the record of the server. A
    settled id is only requested again if it was in flight or not committed at a kill.
    """
    rng = random.Random(5)  # a fixed seed
    path, ids = tmp_path / "ledger.db", tmp_path / "ids.txt"
    ids.write_text("".join(f"{generation_id}\n" for generation_id in IDS))
    printed = []
    with Gateway(respond, delay_s=0.002) as gateway:
        for _ in range(KILLS):
            running = start_fetch(path, gateway, ids)
            printed += kill_later(running, rng.randrange(1, 200), rng.random() / 20)
            assert running.returncode == -9
        running = start_fetch(path, gateway, ids)
        last, errors = running.communicate(timeout=300)
        assert running.returncode == 0, errors
        printed += [line.split() for line in last.splitlines()]

    refused = [each for each in IDS if kind_of(each) == "refused"]
    with Ledger(path) as ledger:
        assert ledger.counts() == LedgerCounts(len(IDS) - len(refused), 0, 0, len(refused))
        records = Counter(generation_id for generation_id, _ in ledger.bodies())
        for generation_id, body in ledger.bodies():
            assert json.loads(body)["data"]["id"] == generation_id
            assert body == record(generation_id).body
        for outcome, generation_id in printed:
            assert outcome != "Resolved" or generation_id in records
    assert records == Counter(set(IDS) - set(refused))
    settled = {"Resolved", "Failed"}
    stored = Counter(generation_id for outcome, generation_id in printed if outcome in settled)
    assert stored.most_common(1)[0][1] == 1, "a stored id was requested again"

    needed = {"late": 3, "provisional": 3, "broken": 2}
    repeated = sum(
        number - needed.get(kind_of(each), 1) for each, number in gateway.requests.items()
    )
    assert set(gateway.requests) == set(IDS)
    assert 0 < repeated <= MAX_REPEATED
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    assert [file.name for file in Path(tmp_path).iterdir() if file.name.startswith("ledger")] == [
        "ledger.db"
    ]
