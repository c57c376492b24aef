"""Ids without a record: forgotten on request, given up by age, counted separately, recalled."""

import pytest

from modelgates_client import BadGatewayError, GenerationNotReadyError
from modelgates_client.bulk.outcomes import Pending
from modelgates_client.ledger import Ledger, LedgerCounts

from .sample_outcomes import failed, pending, resolved, rows

DAY_S = 86_400
NOW_S = 1_800_000_000  # of the clock
OLD, YOUNG = f"gen-{NOW_S - 30 * DAY_S}-old", f"gen-{NOW_S - DAY_S}-young"


@pytest.fixture
def ledger(path, clock):
    """A ledger with an id of each kind."""
    with Ledger(path, clock=clock) as opened:
        opened.enqueue([OLD, YOUNG, "gen-new"])
        opened.add([resolved("gen-final"), resolved("gen-open", final=False), failed("gen-failed")])
        yield opened


def forgotten_ids(ledger):
    """Return the forgotten ids."""
    return {each.generation_id for each in ledger.unresolved("forgotten")}


def test_given_ids_without_a_record_are_forgotten(ledger):
    """They are not leased or queued any more."""
    assert ledger.forget([OLD, "gen-failed", "gen-final", "gen-open", "gen-unheard"]) == 2

    assert forgotten_ids(ledger) == {OLD, "gen-failed"}
    assert ledger.counts() == LedgerCounts(1, 1, pending=2, failed=0, forgotten=2)
    assert ledger.enqueue([OLD]) == 0
    assert set(ledger.lease(9, failed=True)) == {YOUNG, "gen-new"}
    assert ledger.forget([OLD]) == 0


def test_a_forgotten_id_keeps_its_state(ledger, clock):
    """When it was requested, with which result, and when it was forgotten."""
    ledger.add([pending(OLD, requests=3)])
    before = ledger.unresolved_id(OLD)
    clock.now += 60
    ledger.forget([OLD])
    after = ledger.unresolved_id(OLD)

    assert (after.state, after.requests, after.error) == ("forgotten", 3, before.error)
    assert (after.queued_at, after.tried_at) == (before.queued_at, before.tried_at)
    assert after.forgotten_at.timestamp() == NOW_S + 60
    assert [state for (state,) in rows(ledger, "state")].count("forgotten") == 1


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, {OLD, YOUNG, "gen-new", "gen-failed"}),
        ({"pending": False}, {"gen-failed"}),
        ({"failed": False}, {OLD, YOUNG, "gen-new"}),
        ({"older_than_s": 7 * DAY_S}, {OLD}),
        ({"older_than_s": DAY_S}, {OLD, YOUNG}),
        ({"older_than_s": DAY_S, "pending": False}, set()),
        ({"pending": False, "failed": False}, set()),
    ],
)
def test_all_ids_of_a_state_and_age_are_forgotten(ledger, chosen, expected):
    """The age counts from the time in the id, else from when it was queued."""
    assert ledger.forget_all(**chosen) == len(expected)
    assert forgotten_ids(ledger) == expected


def test_a_time_in_an_id_after_it_was_queued_is_ignored(ledger, clock):
    """The age counts from when it was queued."""
    ledger.enqueue(["gen-9999999999-x"])
    clock.now += 8 * DAY_S
    ledger.forget_all(older_than_s=7 * DAY_S)
    assert "gen-9999999999-x" in forgotten_ids(ledger)


def test_only_ids_that_the_server_does_not_have_are_given_up(ledger, path, clock):
    """Not ids without a response or a request, or leased ones."""
    silent = GenerationNotReadyError("gen-new", 1.0, 1, None, BadGatewayError("no", 502))
    ledger.add([pending(OLD), Pending("gen-new", silent)])
    assert ledger.give_up(7 * DAY_S) == 1
    assert forgotten_ids(ledger) == {OLD}
    clock.now += 9 * DAY_S
    assert ledger.give_up(7 * DAY_S) == 0  # it failed in this run: the key may be the wrong one
    with Ledger(path, clock=clock) as later:
        assert later.give_up(7 * DAY_S) == 1
    assert forgotten_ids(ledger) == {OLD, "gen-failed"}


def test_a_leased_id_is_not_given_up(ledger, path, clock):
    """Its holder may be about to store it."""
    ledger.add([pending(OLD)])
    with Ledger(path, clock=clock) as other:
        assert OLD in other.lease(9)
        assert ledger.give_up(7 * DAY_S) == 0
        other.release()
        assert ledger.give_up(7 * DAY_S) == 1


def test_a_record_of_a_forgotten_id_is_stored(ledger):
    """Final or not; an outcome without a record changes nothing."""
    ledger.forget([OLD, YOUNG, "gen-new"])
    ledger.add([pending(OLD), failed(YOUNG)])
    assert ledger.counts().forgotten == 3
    ledger.add([resolved(OLD), resolved(YOUNG, final=False)])

    assert forgotten_ids(ledger) == {"gen-new"}
    assert ledger.counts() == LedgerCounts(final=2, provisional=2, pending=0, failed=1, forgotten=1)


def test_a_recalled_id_is_queued_with_its_state(ledger):
    """It is no longer forgotten."""
    ledger.forget(["gen-failed"])
    assert ledger.recall(["gen-failed", OLD, "gen-unheard"]) == 1

    assert not forgotten_ids(ledger)
    assert ledger.unresolved_id("gen-failed").state == "pending"
    assert ledger.unresolved_id("gen-failed").requests == 1
    ledger.forget([OLD, YOUNG])
    assert ledger.recall() == 2
    assert not forgotten_ids(ledger)
