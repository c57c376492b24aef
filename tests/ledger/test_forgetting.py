"""Ids that end without a final record: forgotten, given up by age, counted apart, recalled."""

import pytest

from modelgates_client import (
    APIConnectionError,
    BadGatewayError,
    GenerationNotReadyError,
    NotFoundError,
    PermissionDeniedError,
)
from modelgates_client.bulk.outcomes import Pending
from modelgates_client.ledger import GivenUp, Ledger, LedgerCounts

from .sample_outcomes import failed, pending, resolved, response, rows

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
    assert ledger.give_up(7 * DAY_S) == GivenUp(1, 0)
    assert forgotten_ids(ledger) == {OLD}
    clock.now += 9 * DAY_S
    # it failed in this run: the key may be the wrong one
    assert ledger.give_up(7 * DAY_S) == GivenUp(0, 0)
    with Ledger(path, clock=clock) as later:
        assert later.give_up(7 * DAY_S) == GivenUp(1, 0)
    assert forgotten_ids(ledger) == {OLD, "gen-failed"}


def test_a_leased_id_is_not_given_up(ledger, path, clock):
    """Its holder may be about to store it."""
    ledger.add([pending(OLD)])
    with Ledger(path, clock=clock) as other:
        assert OLD in other.lease(9)
        assert ledger.give_up(7 * DAY_S) == GivenUp(0, 0)
        other.release()
        assert ledger.give_up(7 * DAY_S) == GivenUp(1, 0)


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


def provisional(generation_id, error=None):
    """Return the outcome of an id whose record is not final, or of a later request that failed."""
    if error is None:
        return pending(generation_id, response(generation_id, final=False))
    return Pending(generation_id, GenerationNotReadyError(generation_id, 1.0, 1, None, error))


def states(ledger):
    """Return the states of the rows by id."""
    return dict(rows(ledger, "generation_id", "state"))


def test_an_old_record_that_is_not_final_is_given_up(ledger, clock):
    """It is kept with its figures, not requested again, and counted apart from forgotten ids."""
    ledger.add([provisional(OLD), provisional(YOUNG)])

    assert ledger.give_up(7 * DAY_S) == GivenUp(0, 1)
    assert ledger.counts() == LedgerCounts(1, 2, pending=1, failed=1, never_final=1)
    assert states(ledger)[OLD] == "never-final"
    assert states(ledger)[YOUNG] == "provisional"
    assert not ledger.record(OLD).is_final
    assert OLD not in ledger.lease(9, failed=True)
    assert ledger.unresolved_id(OLD).state == "never-final"
    assert [each.state for each in ledger.unresolved("forgotten")] == ["never-final"]
    assert ledger.give_up(7 * DAY_S) == GivenUp(0, 0)
    assert not [*ledger.flaws()]


def test_without_a_time_in_its_id_a_record_is_as_old_as_its_place_in_the_queue(ledger, clock):
    """It has to be requested at that age: what was asked before does not count."""
    ledger.add([provisional("gen-new")])
    clock.now += 8 * DAY_S
    assert ledger.give_up(7 * DAY_S) == GivenUp(0, 0)
    ledger.add([provisional("gen-new")])
    assert ledger.give_up(7 * DAY_S) == GivenUp(0, 1)


@pytest.mark.parametrize(
    ("error", "is_given_up"),
    [
        (NotFoundError("no", 404), True),
        (PermissionDeniedError("no", 403), True),
        (BadGatewayError("no", 502), False),
        (APIConnectionError("no"), False),
    ],
)
def test_only_a_response_about_the_id_ends_it(ledger, error, is_given_up):
    """In an outage the record may be final already."""
    ledger.add([provisional(OLD)])
    ledger.add([provisional(OLD, error)])
    assert ledger.give_up(7 * DAY_S) == GivenUp(0, int(is_given_up))


@pytest.mark.parametrize("final", [True, False])
def test_a_record_after_giving_up_counts_like_any_other(ledger, final):
    """A final one is final; one that is not final may change again."""
    ledger.add([provisional(OLD)])
    ledger.give_up(7 * DAY_S)
    ledger.add([resolved(OLD) if final else provisional(OLD)])

    assert states(ledger)[OLD] == ("final" if final else "provisional")
    assert ledger.counts().never_final == 0
    assert (ledger.unresolved_id(OLD) is None) == final


def test_a_record_that_was_given_up_is_recalled(ledger):
    """By its id, or with all ids; a damaged one is, too, when its ledger is repaired."""
    for recall in (lambda: ledger.recall([OLD]), ledger.recall, lambda: repair(ledger)):
        ledger.add([provisional(OLD)])
        assert ledger.give_up(7 * DAY_S) == GivenUp(0, 1)
        recall()
        assert ledger.unresolved_id(OLD).state == "provisional"
        assert ledger.counts() == LedgerCounts(1, 2, pending=2, failed=1)


def repair(ledger):
    """Damage the bodies of a ledger, and repair it."""
    with ledger._database.writing() as connection:
        connection.execute("UPDATE records SET checksum = checksum + 1 WHERE NOT final")
    ledger.repair([*ledger.flaws()])
