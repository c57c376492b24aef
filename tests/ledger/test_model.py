"""The ledger agrees with a plain dictionary, whatever is done in whatever order."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from modelgates_client.ledger import Ledger, LedgerCounts

from .conftest import Clock
from .sample_outcomes import body, failed, integrity_check, pending, resolved, response, rows

IDS = ["gen-1", "gen-2", "gen-3", "gen-\0\ud800", ""]
ids = st.sampled_from(IDS)
objects = st.integers(0, 1)


class Known:
    """What should be known of an id.

    Attributes:
        record: The body that stands, and whether it is final; None without one.
        history: The bodies that were put aside.
        failed: Whether the last request failed.
        requests: How many requests were made, until the record was received or so far.
        kept_requests: Those of the record.
        holder: Which of the two has leased it, and when that was.
        tried: The step at which it was requested.
    """

    def __init__(self):
        self.record = None
        self.history = []
        self.failed = False
        self.requests = 0
        self.kept_requests = 0
        self.holder = None
        self.tried = 0

    @property
    def state(self):
        if self.record is not None:
            return "final" if self.record[1] else "provisional"
        return "failed" if self.failed else "pending"

    @property
    def is_queued(self):
        return self.state != "final"

    def came(self, content, *, final):
        if self.record is None:
            self.record = content, final
            self.kept_requests = self.requests
        elif content == self.record[0]:
            return
        elif self.record[1] and not final:
            if content not in self.history:
                self.history.append(content)
        else:
            self.history.append(self.record[0])
            self.record = content, final
            self.kept_requests = self.requests


class Ledgers(RuleBasedStateMachine):
    """Two objects on one file, which are closed, opened and killed; a clock that jumps."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "ledger.db"
        self.clock = Clock()
        self.known = {}
        self.step = 0
        self.ledgers = [None, None]
        self.opened = [0, 0]
        self.until = [0, 0]

    @initialize()
    def begin(self):
        self.open(0)
        self.open(1)

    def open(self, number):
        self.ledgers[number] = Ledger(self.path, clock=self.clock)
        self.opened[number] = self.step
        self.until[number] = 0

    def free(self, number):
        for known in self.known.values():
            if known.holder == number:
                known.holder = None

    def renewed(self, number):
        """Expired leases are only released by the next call of `lease`."""
        if self.until[number]:
            self.until[number] = self.clock.now + 30

    @rule(new_ids=st.lists(ids, max_size=4), number=objects)
    def enqueue(self, new_ids, number):
        new = [each for each in dict.fromkeys(new_ids) if each not in self.known]
        assert self.ledgers[number].enqueue(new_ids) == len(new)
        self.known.update((each, Known()) for each in new)

    @rule(limit=st.integers(0, 4), wants_failed=st.booleans(), number=objects)
    def lease(self, limit, wants_failed, number):
        self.until[number] = self.clock.now + 30
        for other in (0, 1):
            if self.until[other] <= self.clock.now:
                self.free(other)
                self.until[other] = 0
        leasable = [
            (known.failed and known.record is None, known.tried, place, each)
            for place, (each, known) in enumerate(self.known.items())
            if known.is_queued
            and known.holder is None
            and (not known.tried or known.tried <= self.opened[number])
            and (wants_failed or known.state != "failed")
        ]
        expected = sorted(leasable)[:limit]
        leased = self.ledgers[number].lease(limit, failed=wants_failed, wait=False)
        assert len(leased) == len(expected)
        assert set(leased) <= {each for *_, each in leasable}
        never = [each for _, tried, _, each in expected if not tried]
        assert [each for each in leased if not self.known[each].tried] == never
        for each in leased:
            self.known[each].holder = number

    @rule(number=objects)
    def release(self, number):
        self.ledgers[number].release()
        self.free(number)
        self.until[number] = 0

    @rule(number=objects)
    def renew(self, number):
        self.ledgers[number].renew()
        self.renewed(number)

    @rule(seconds=st.sampled_from([1.0, 20.0, 31.0]))
    def wait(self, seconds):
        self.clock.now += seconds

    @rule(
        number=objects,
        batch=st.lists(
            st.tuples(
                ids,
                st.sampled_from(["final", "provisional", "waited", "pending", "failed"]),
                st.integers(0, 1),
                st.integers(0, 2),
            ),
            max_size=4,
        ),
    )
    def add(self, number, batch):
        self.step += 1
        self.ledgers[number].add([self.outcome(*each) for each in batch])
        for each in batch:
            self.came(number, *each)
        if batch:
            self.renewed(number)

    def outcome(self, generation_id, kind, cost, requests):
        if kind == "waited":
            came = response(generation_id, final=False, total_cost=cost)
            return pending(generation_id, came, requests)
        if kind in {"final", "provisional"}:
            final = kind == "final"
            return resolved(generation_id, final=final, total_cost=cost, requests=requests)
        return {"pending": pending, "failed": failed}[kind](generation_id, requests=requests)

    def came(self, number, generation_id, kind, cost, requests):
        known = self.known.setdefault(generation_id, Known())
        known.requests = (known.requests if known.is_queued else known.kept_requests) + requests
        if kind in {"final", "provisional", "waited"}:
            final = kind == "final"
            known.came(body(generation_id, final=final, total_cost=cost), final=final)
        if known.is_queued:
            known.failed = kind == "failed" and known.record is None
            known.tried = self.step
        if known.holder == number or not known.is_queued:
            known.holder = None

    @precondition(lambda self: self.ledgers[0] is not None)
    @rule(number=objects, dies=st.booleans())
    def reopen(self, number, dies):
        self.step += 1
        if dies:  # its leases last until they expire; the new object is another holder
            self.ledgers[number]._database.close()
            self.ghost(number)
        else:
            self.ledgers[number].close()
            self.free(number)
        self.open(number)

    def ghost(self, number):
        """Nobody renews these leases any more; let them end, so that the model stays simple."""
        self.clock.now += 31
        self.free(number)
        with Ledger(self.path, clock=self.clock) as sweeper:
            self.until = [0 if until <= self.clock.now else until for until in self.until]
            sweeper.lease(0)
        for other in (0, 1):
            if not self.until[other]:
                self.free(other)

    @invariant()
    def agree(self):
        if self.ledgers[0] is None:
            return
        states = [known.state for known in self.known.values()]
        expected = LedgerCounts(*map(states.count, ("final", "provisional", "pending", "failed")))
        first, second = self.ledgers
        assert first.counts() == second.counts() == expected
        stands = {}
        for each in IDS:
            known = self.known.get(each, Known())
            stored = second.record(each)
            assert [old.body for old in first.history(each)] == known.history
            if known.record is None:
                assert stored is None
            else:
                assert (stored.body, stored.is_final) == known.record
                assert stored.requests == known.kept_requests
                stands[each] = stored.body
        assert dict(second.bodies()) == stands
        stored_states = sorted(state for (state,) in rows(first, "state"))
        assert stored_states == sorted(states)

    def teardown(self):
        for ledger in self.ledgers:
            if ledger is not None:
                ledger.close()
        if self.path.exists():
            assert integrity_check(self.path) == "ok"
        self.folder.cleanup()


TestLedgers = Ledgers.TestCase
TestLedgers.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestLedgers.pytestmark = [pytest.mark.slow("forty histories of thirty steps")]
