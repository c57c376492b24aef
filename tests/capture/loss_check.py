"""Check that no id is lost: sample applications against a stub that charges for completions."""

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
from modelgates_client.testing import StubAPI

from ..reports.sample_ledgers import spending_of_ledger

APPLICATION = Path(__file__).with_name("application.py")
THREADS = 4  # per application: the number of calls in flight when it is killed

#: Of each twenty completions, two break off, one fails, and one has a late record.
KINDS = {3: "broken", 8: "error", 13: "late", 17: "broken"}
ALL = Period(None, None, "UTC")


def script_stub(stub, calls):
    """Script the stub's response to each completion."""
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
    """A running sample application.

    Attributes:
        finished: The number of finished completions.
        records: The ids of the records that its callback received.
    """

    def __init__(self, path, stub, numbers):
        self.numbers = numbers
        self.finished = 0
        self.records = []
        self.enough = threading.Event()
        self._kill_at = None
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

    def kill_after(self, finished):
        """Kill it when it has finished a number of completions; return the remaining numbers."""
        self._kill_at = finished
        self.enough.wait()
        self.process.kill()
        self.wait()
        return range(self.numbers.start + self.finished, self.numbers.stop)

    def wait(self):
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
                self.finished += 1
            if self._kill_at is not None and self.finished >= self._kill_at:
                self.enough.set()
        self.enough.set()


def check_no_loss(path, calls, processes, *, seed=None):
    """Run applications, one of them killed and restarted; compare the ledger with the stub.

    Args:
        path: The path of the ledger.
        calls: The number of completions of all applications.
        processes: The number of applications.
        seed: The seed of the time at which the first one is killed; None: none is killed.
    """
    share = calls // processes
    with StubAPI() as stub:
        script_stub(stub, calls)
        running = [
            Application(path, stub, range(number * share, (number + 1) * share))
            for number in range(processes)
        ]
        killed = []
        if seed is not None:
            killed = [running.pop(0)]
            remaining = killed[0].kill_after(random.Random(seed).randrange(1, share))
            running.append(Application(path, stub, remaining))
        assert [application.wait() for application in running] == [0] * processes
        with Resolver(path, client_of(stub)) as resolver:
            assert resolver.drain(120)
        costs = stub.chat.costs
        stub.check()

    with Ledger(path) as ledger:
        ids = [generation_id for generation_id, _ in ledger.bodies()]
        labels_by_id = {generation_id: ledger.labels(generation_id) for generation_id in ids}
        assert ledger.counts() == LedgerCounts(len(ids), 0, 0, 0)
    # A response in flight to a process that was killed never reached it, so its id is lost.
    lost = costs.keys() - set(ids)
    assert len(lost) <= THREADS * len(killed)
    assert Counter(ids) == Counter(costs.keys() - lost)
    total = spending_of_ledger(str(path), ALL, "charged")
    assert total.known_usd == sum(costs[generation_id] for generation_id in ids)
    assert (total.doubtful, total.differences) == (0, ())

    features = {"search": 0, "chat": 0}
    for generation_id, labels in labels_by_id.items():
        assert labels["feature"] == ("search" if int(labels["number"]) % 2 else "chat")
        features[labels["feature"]] += costs[generation_id]
    for feature, charged in features.items():
        where = {"feature": feature}
        assert spending_of_ledger(str(path), ALL, "charged", where).known_usd == charged

    handled = Counter(each for application in (*running, *killed) for each in application.records)
    assert handled.most_common(1)[0][1] == 1, "a record was handed on twice"
    assert handled.keys() <= set(ids)
    if not killed:
        assert handled.keys() == set(ids)
    return len(ids), len(lost)


def client_of(stub):
    """Return a client for the ids that a killed process may have left."""
    return AsyncModelGates(base_url=stub.base_url, api_key=stub.api_key)
