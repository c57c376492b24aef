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
#: What the design allows: see `modelgates_client.ledger.fetching`.
MAX_TWICE = KILLS * 4 * CONCURRENCY

#: Fetches, and tells on stdout after each commit how many ids are final or failed for good, and
#: which ids were in that commit.
DRIVER = """
import asyncio, sys
from contextlib import aclosing
from modelgates_client import AsyncModelGates
from modelgates_client.ledger import Ledger
from modelgates_client.ledger.fetching import fetch

path, base_url, concurrency, ids = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]

class Telling(Ledger):
    def add(self, outcomes):
        super().add(outcomes)
        for outcome in outcomes:
            print(type(outcome).__name__, outcome.generation_id)
        sys.stdout.flush()

async def main():
    with Telling(path) as ledger, open(ids) as lines:
        async with AsyncModelGates(base_url=base_url) as client:
            names = (line.strip() for line in lines)
            stream = fetch(ledger, client, names, concurrency=concurrency, wait=10)
            async with aclosing(stream):
                async for progress in stream:
                    pass

asyncio.run(main())
"""


def kind(generation_id):
    """Return the kind of an id, by its number, so that it is the same in every run."""
    return {3: "late", 5: "refused", 7: "provisional", 9: "broken"}.get(int(generation_id[4:]) % 40)


def respond(generation_id, before):
    """Respond by the kind of an id; late, broken and some provisional ones recover."""
    which = kind(generation_id)
    if which == "refused":
        return error(403)
    if which == "late" and before < 2:
        return error(404)
    if which == "broken" and before < 1:
        return error(503)
    if which == "provisional" and before < 2:
        data = {"id": generation_id, "finish_reason": None}
        return Answer(200, json.dumps({"data": data}).encode())
    return record(generation_id)


def start_fetch(path, gateway, ids):
    """Start a fetch, which prints what it has stored."""
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
    told = []
    with running:  # closes its pipes
        for line in running.stdout:
            told.append(line)
            if len(told) == lines:
                time.sleep(later_s)  # any moment will do: nothing is expected of it
                running.kill()
    # A line that was cut off was not told.
    return [line.split() for line in told if line.endswith("\n")]


def test_a_killed_fetch_loses_nothing(tmp_path):
    """SIGKILL at 50 random moments over 10,000 ids.

    What was told of as stored is there; each id has the record that the server has; no answer that
    settles an id is asked for twice but what was in flight or not committed at a kill.
    """
    chance = random.Random(5)  # the same each time
    path, ids = tmp_path / "ledger.db", tmp_path / "ids.txt"
    ids.write_text("".join(f"{generation_id}\n" for generation_id in IDS))
    told = []
    with Gateway(respond, delay_s=0.002) as gateway:
        for _ in range(KILLS):
            running = start_fetch(path, gateway, ids)
            told += kill_later(running, chance.randrange(1, 200), chance.random() / 20)
            assert running.returncode == -9
        running = start_fetch(path, gateway, ids)
        last, said = running.communicate(timeout=300)
        assert running.returncode == 0, said
        told += [line.split() for line in last.splitlines()]

    refused = [each for each in IDS if kind(each) == "refused"]
    with Ledger(path) as ledger:
        assert ledger.counts() == LedgerCounts(len(IDS) - len(refused), 0, 0, len(refused))
        records = Counter(generation_id for generation_id, _ in ledger.bodies())
        for generation_id, body in ledger.bodies():
            assert json.loads(body)["data"]["id"] == generation_id
            assert body == record(generation_id).body
        for stated, generation_id in told:
            assert stated != "Resolved" or generation_id in records
    assert records == Counter(set(IDS) - set(refused))
    settled = {"Resolved", "Failed"}
    stored = Counter(generation_id for stated, generation_id in told if stated in settled)
    assert stored.most_common(1)[0][1] == 1, "an id that was stored was asked for again"

    needed = {"late": 3, "provisional": 3, "broken": 2}
    twice = sum(number - needed.get(kind(each), 1) for each, number in gateway.requests.items())
    assert set(gateway.requests) == set(IDS)
    assert 0 < twice <= MAX_TWICE
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    assert [file.name for file in Path(tmp_path).iterdir() if file.name.startswith("ledger")] == [
        "ledger.db"
    ]
