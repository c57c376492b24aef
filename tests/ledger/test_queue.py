"""The queue: `enqueue`, `lease`, `renew`, `release`."""

import json

import pytest

from modelgates_client.ledger import Ledger, LedgerCounts

from .sample_outcomes import failed, pending, resolved, rows


@pytest.fixture
def other(path, ledger, clock):
    """A second object on the same file."""
    with Ledger(path, clock=clock) as other:
        yield other


def test_ids_are_queued_once(ledger):
    """Ids in the queue, with a record and failed ones are not new."""
    ledger.add([resolved("gen-1"), failed("gen-2")])
    assert ledger.enqueue(["gen-1", "gen-2", "gen-3", "gen-4", "gen-3"]) == 2
    assert ledger.enqueue(["gen-4"]) == 0
    assert ledger.counts() == LedgerCounts(final=1, provisional=0, pending=2, failed=1)


def test_many_ids_are_queued_in_several_transactions(ledger):
    """All new ids are counted; ids before an error are queued."""

    def source():
        yield from (f"gen-{number}" for number in range(25_000))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ledger.enqueue(source())
    assert ledger.counts().pending == 20_000
    assert ledger.enqueue(f"gen-{number}" for number in range(30_000)) == 10_000


def test_ids_are_leased_in_order_to_one_holder(ledger, other):
    """Other holders do not get leased ids."""
    ledger.enqueue(f"gen-{number}" for number in range(5))
    assert ledger.lease(2, wait=False) == ["gen-0", "gen-1"]
    assert other.lease(2, wait=False) == ["gen-2", "gen-3"]
    assert ledger.lease(9, wait=False) == ["gen-4"]
    assert (ledger.lease(9, wait=False), other.lease(9, wait=False)) == ([], [])


def test_a_loop_that_leases_until_no_ids_are_left_ends(ledger, other, path, clock):
    """A requested id is leased again only to holders that are opened later."""
    ledger.enqueue(["gen-1", "gen-2", "gen-3"])
    assert ledger.lease(9, wait=False) == ["gen-1", "gen-2", "gen-3"]
    ledger.add([pending("gen-1"), resolved("gen-2", final=False), failed("gen-3")])
    assert (ledger.lease(9, failed=True, wait=False), other.lease(9, failed=True, wait=False)) == (
        [],
        [],
    )
    with Ledger(path, clock=clock) as late:
        assert late.lease(9, wait=False) == ["gen-1", "gen-2"]


def test_ids_that_were_never_requested_are_leased_first(ledger, path, clock):
    """Then those whose last request is the oldest."""
    ledger.add([pending("gen-1")])
    with Ledger(path, clock=clock) as second:
        second.add([pending("gen-0")])
        second.enqueue(["gen-9"])
    with Ledger(path, clock=clock) as third:
        assert third.lease(9, wait=False) == ["gen-9", "gen-1", "gen-0"]


def test_failed_ids_are_leased_last_and_only_on_request(ledger, path, clock):
    """They are not expected to succeed."""
    ledger.add([failed("gen-1"), pending("gen-2")])
    with Ledger(path, clock=clock) as late:
        assert late.lease(9, wait=False) == ["gen-2"]
        assert late.lease(9, failed=True, wait=False) == ["gen-1"]
    with Ledger(path, clock=clock) as later:
        assert later.lease(1, failed=True, wait=False) == ["gen-2"]
        assert later.lease(1, failed=True, wait=False) == ["gen-1"]


def test_released_ids_can_be_leased_at_once(ledger, other):
    """By any holder."""
    ledger.enqueue(["gen-1"])
    assert ledger.lease(1, wait=False) == ["gen-1"]
    ledger.release()
    assert other.lease(1, wait=False) == ["gen-1"]
    other.close()
    assert ledger.lease(1, wait=False) == ["gen-1"]


def test_a_lease_expires_after_30_seconds(ledger, other, clock):
    """Not before."""
    ledger.enqueue(["gen-1"])
    assert ledger.lease(1, wait=False) == ["gen-1"]
    clock.now += 29.9
    assert other.lease(1, wait=False) == []
    clock.now += 0.2
    assert other.lease(1, wait=False) == ["gen-1"]
    assert ledger.lease(1, wait=False) == []


@pytest.mark.parametrize("renewing", ["renew", "add", "lease"])
def test_renew_add_and_lease_renew_all_leases_of_a_holder(ledger, other, clock, renewing):
    """Each for 30 seconds."""
    ledger.enqueue(["gen-1", "gen-2"])
    assert ledger.lease(1, wait=False) == ["gen-1"]
    for step in range(5):
        clock.now += 20
        if renewing == "renew":
            ledger.renew()
        elif renewing == "add":
            ledger.add([resolved(f"gen-0{step}")])
        else:
            ledger.lease(0)
        assert other.lease(1, wait=False) == (["gen-2"] if step == 0 else [])
        other.renew()


def test_a_killed_process_delays_only_its_leased_ids(ledger, path, clock):
    """Other ids can be leased at once."""
    ledger.enqueue(["gen-1", "gen-2"])
    dead = Ledger(path, clock=clock)
    assert dead.lease(1, wait=False) == ["gen-1"]
    dead._database.close()  # without giving back
    assert ledger.lease(9, wait=False) == ["gen-2"]
    clock.now += 31
    assert ledger.lease(9, wait=False) == ["gen-1"]


def test_an_outcome_after_the_lease_expired_is_stored(ledger, other, clock):
    """The lease of the new holder stays."""
    ledger.enqueue(["gen-1", "gen-2"])
    assert ledger.lease(2, wait=False) == ["gen-1", "gen-2"]
    clock.now += 31
    assert other.lease(1, wait=False) == ["gen-1"]
    ledger.add([pending("gen-1"), pending("gen-2")])
    with other._database.reading() as connection:
        leases = connection.execute("SELECT leased_by FROM queue ORDER BY key").fetchall()
    assert leases == [(other._holder,), (None,)]
    other.add([resolved("gen-1")])
    assert ledger.counts() == LedgerCounts(final=1, provisional=0, pending=1, failed=0)


def test_leases_expire_after_a_clock_is_set_back(ledger, other, clock):
    """A lease that ends later than any lease can has expired."""
    ledger.enqueue(["gen-1"])
    assert ledger.lease(1, wait=False) == ["gen-1"]
    clock.now -= 3600
    assert other.lease(1, wait=False) == ["gen-1"]


def test_a_negative_limit_is_refused(ledger):
    """SQLite would take it for no limit."""
    ledger.enqueue(["gen-1"])
    with pytest.raises(ValueError, match="not -1"):
        ledger.lease(-1)
    assert ledger.lease(0) == []


def test_closed_holders_leave_no_rows(ledger, other, clock):
    """A ledger that was opened a million times is not larger for it."""
    ledger.enqueue(["gen-1"])
    with ledger._database.reading() as connection:
        assert connection.execute("SELECT holder FROM holders").fetchall() == []
    ledger.lease(1, wait=False)
    clock.now += 31
    other.lease(1, wait=False)
    with ledger._database.reading() as connection:
        assert connection.execute("SELECT holder FROM holders").fetchall() == [(other._holder,)]


HOSTILE = [
    "",
    " ",
    "gen-1\n",
    "gen\0one",
    "gen\0two",
    "'; DROP TABLE ids; --",
    "=1+1",
    "\u202egnp",
    "\ud800",
    "gen-\udfff-\udc80x",
    "escaped:",
    "escaped:\\ud800",
    "\ud83d\ude00",
    "😀",
    "é",
    "e\u0301",
    "GEN-1",
    "gen-1",
    "x" * 10_000,
    "\ud800" * 10_000,
]


def test_any_string_is_an_id(ledger):
    """It round-trips through the queue, and has its own record, history and row."""
    assert ledger.enqueue(HOSTILE) == len(HOSTILE)
    assert ledger.lease(99, wait=False) == HOSTILE
    ledger.add(failed(each, each) for each in HOSTILE)
    assert ledger.counts().failed == len(HOSTILE)
    named = [each for each in HOSTILE if json.loads(json.dumps(each)) == each]
    assert len(named) == len(HOSTILE) - 1  # JSON reads two halves as one character
    ledger.add(resolved(each) for each in named)
    ledger.add(resolved(each, total_cost=1) for each in named)
    assert [generation_id for generation_id, _ in ledger.bodies()] == named
    for each in named:
        assert ledger.record(each).generation().id == each
        assert len(ledger.history(each)) == 1
    assert len(set(rows(ledger, "generation_id"))) == len(HOSTILE)


@pytest.mark.parametrize("wrong", [None, 7, b"gen-1"])
def test_an_id_that_is_not_a_string_is_refused(ledger, wrong):
    """Before anything of its batch is written."""
    with pytest.raises(TypeError, match=f"an id is a str, not {type(wrong).__name__}"):
        ledger.enqueue(["gen-1", wrong])
    assert ledger.counts().pending == 0


def test_lease_waits_for_the_leases_of_a_killed_process(ledger, path, clock, monkeypatch):
    """Until they expire."""
    ledger.enqueue(["gen-1", "gen-2"])
    dead = Ledger(path, clock=clock)
    assert dead.lease(9) == ["gen-1", "gen-2"]
    dead._database.close()  # without giving back

    def sleep(seconds):
        clock.now += seconds

    monkeypatch.setattr("modelgates_client.ledger.ledger.time.sleep", sleep)
    assert ledger.lease(9) == ["gen-1", "gen-2"]


def test_lease_does_not_wait_for_holders_that_renew(ledger, other, clock, monkeypatch):
    """They are alive."""
    ledger.enqueue(["gen-1"])
    assert ledger.lease(9) == ["gen-1"]

    def sleep(seconds):
        clock.now += seconds
        ledger.renew()

    monkeypatch.setattr("modelgates_client.ledger.ledger.time.sleep", sleep)
    assert other.lease(9) == []
