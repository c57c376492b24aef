"""The proof that nothing is lost: sample applications against a stub that charges."""

import os
import random
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

from modelgates_client import AsyncModelGates
from modelgates_client.capture import Resolver
from modelgates_client.ledger import Ledger, LedgerCounts
from modelgates_client.reports.periods import Period
from modelgates_client.reports.spending import spending_of_ledger
from modelgates_client.testing import StubAPI

APPLICATION = Path(__file__).with_name("application.py")
THREADS = 4  # of an application: as many of its calls are in flight when it is killed

#: Of twenty completions in a row: two are broken off, one fails, one has a late record.
KINDS = {3: "broken", 8: "error", 13: "late", 17: "broken"}
ALL = Period(None, None, "UTC")


def plan(stub, calls):
    """Have the stub do what there is to do."""
    for number in range(calls):
        match KINDS.get(number % 20):
            case "broken":
                stub.chat.break_off(after=number % 5)
            case "error":
                stub.chat.fail(status=502)
            case "late":
                stub.chat.late(1.5)
            case _:
                stub.chat.normal()


class Application:
    """One that runs.

    Attributes:
        asked: How many of its completions are over.
        records: The ids of the records that it was handed.
    """

    def __init__(self, path, stub, numbers):
        self.numbers = numbers
        self.asked = 0
        self.records = []
        self.enough = threading.Event()
        self._most = None
        environ = {
            **os.environ,
            "OPENAI_BASE_URL": stub.base_url,
            "OPENAI_API_KEY": stub.api_key,
            "MODELGATES_BASE_URL": stub.base_url,
            "MODELGATES_API_KEY": stub.api_key,
        }
        command = [sys.executable, "-W", "error", str(APPLICATION), str(path)]
        command += [str(numbers.start), str(numbers.stop)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ)
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def kill_after(self, asked):
        """Kill it when so many of its completions are over; return what is left."""
        self._most = asked
        self.enough.wait()
        self.process.kill()
        self.end()
        return range(self.numbers.start + self.asked, self.numbers.stop)

    def end(self):
        """Wait until it has ended; return its status."""
        self._listener.join()
        with self.process:
            return self.process.wait()

    def _listen(self):
        for line in self.process.stdout:
            word, _, generation_id = line.strip().partition(" ")
            if word == "record":
                self.records.append(generation_id)
            else:
                self.asked += 1
            if self._most is not None and self.asked >= self._most:
                self.enough.set()
        self.enough.set()


def prove(path, calls, processes, *, seed=None):
    """Run applications, one of them killed and started again; hold the ledger against the stub.

    Args:
        path: Where the ledger is to be.
        calls: How many completions are asked for, by all of them.
        processes: How many applications there are.
        seed: Of the moment in which the first one is killed; None: none is.
    """
    share = calls // processes
    with StubAPI() as stub:
        plan(stub, calls)
        running = [
            Application(path, stub, range(number * share, (number + 1) * share))
            for number in range(processes)
        ]
        killed = []
        if seed is not None:
            killed = [running.pop(0)]
            left = killed[0].kill_after(random.Random(seed).randrange(1, share))
            running.append(Application(path, stub, left))
        assert [application.end() for application in running] == [0] * processes
        with Resolver(path, client_of(stub)) as resolver:
            assert resolver.drain(120)
        costs = stub.chat.costs
        stub.check()

    with Ledger(path) as ledger:
        ids = [generation_id for generation_id, _ in ledger.bodies()]
        found = {generation_id: ledger.labels(generation_id) for generation_id in ids}
        assert ledger.counts() == LedgerCounts(len(ids), 0, 0, 0)
    # What was in flight to a process that is killed never reached it: nobody can know of it.
    lost = costs.keys() - set(ids)
    assert len(lost) <= THREADS * len(killed)
    assert Counter(ids) == Counter(costs.keys() - lost)
    spent = spending_of_ledger(str(path), ALL, "charged")
    assert spent.known_usd == sum(costs[generation_id] for generation_id in ids)
    assert (spent.doubtful, spent.differences) == (0, ())

    features = {"search": 0, "chat": 0}
    for generation_id, labels in found.items():
        assert labels["feature"] == ("search" if int(labels["number"]) % 2 else "chat")
        features[labels["feature"]] += costs[generation_id]
    for feature, charged in features.items():
        where = {"feature": feature}
        assert spending_of_ledger(str(path), ALL, "charged", where).known_usd == charged

    told = Counter(each for application in (*running, *killed) for each in application.records)
    assert told.most_common(1)[0][1] == 1, "a record was handed on twice"
    assert told.keys() <= set(ids)
    if not killed:
        assert told.keys() == set(ids)
    return len(ids), len(lost)


def client_of(stub):
    """Return a client for what a killed process may have left."""
    return AsyncModelGates(base_url=stub.base_url, api_key=stub.api_key)
