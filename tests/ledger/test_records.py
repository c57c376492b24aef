"""Which record an id has: `add`, `record`, `history`, `bodies`."""

import datetime
import threading

import pytest

from modelgates_client import ConfigurationError, Generation, ModelGatesError, Response, __version__
from modelgates_client.bulk.outcomes import Failed, Resolved
from modelgates_client.ledger import Ledger, LedgerCounts, LedgerError, writing

from .sample_outcomes import body, failed, pending, resolved, response, rows


def test_a_record_is_stored_with_when_and_how_it_was_received(ledger, clock):
    """Body, time, requests, request id, status, duration and version."""
    content = b'{"data" :\n {"id":"gen-1", "finish_reason":"stop","new":[1.0,1e400]} }\n'
    ledger.add([resolved("gen-1", content, requests=3, request_id="req-7")])

    stored = ledger.record("gen-1")
    assert stored.body == content
    assert stored.obtained_at == datetime.datetime.fromtimestamp(clock.now, datetime.UTC)
    assert (stored.requests, stored.request_id, stored.status) == (3, "req-7", 200)
    assert (stored.elapsed_s, stored.client, stored.is_final) == (0.25, __version__, True)
    assert stored.generation().id == "gen-1"
    assert "finish_reason" not in repr(stored)


def test_added_records_are_visible_to_other_objects(path, ledger):
    """While the first object is open, and after it is closed."""
    ledger.add([resolved("gen-1"), pending("gen-2"), failed("gen-3")])
    with Ledger(path, read_only=True) as other:
        assert other.counts() == LedgerCounts(final=1, provisional=0, pending=1, failed=1)
    ledger.close()
    with Ledger(path) as other:
        assert other.record("gen-1").body == body("gen-1")


def test_adding_the_same_body_again_changes_nothing(ledger, clock):
    """Neither the record and its time, nor the history."""
    ledger.add([resolved("gen-1")])
    before = ledger.record("gen-1"), rows(ledger, "obtained_at", "requests")
    clock.now += 60
    ledger.add([resolved("gen-1", request_id="req-2", requests=5), resolved("gen-1")])
    assert (ledger.record("gen-1"), rows(ledger, "obtained_at", "requests")) == before
    assert ledger.history("gen-1") == []


def test_a_corrected_record_moves_the_old_one_to_the_history(ledger, clock):
    """In order, each with its own time."""
    for cost in (1, 2, 3):
        ledger.add([resolved("gen-1", total_cost=cost)])
        clock.now += 1
    assert ledger.record("gen-1").generation().total_cost == 3
    assert [old.generation().total_cost for old in ledger.history("gen-1")] == [1, 2]
    seconds = [old.obtained_at.timestamp() - clock.now for old in ledger.history("gen-1")]
    assert seconds == [-3, -2]


def test_an_id_with_a_provisional_record_stays_queued(ledger):
    """It is counted separately, and requested again."""
    ledger.add([resolved("gen-1", final=False)])
    assert ledger.counts() == LedgerCounts(final=0, provisional=1, pending=0, failed=0)
    assert rows(ledger, "generation_id", "state", "error") == [("gen-1", "provisional", None)]
    assert ledger.record("gen-1").is_final is False


def test_a_final_record_replaces_a_provisional_one(ledger):
    """The id leaves the queue; the provisional record moves to the history."""
    ledger.add([resolved("gen-1", final=False), resolved("gen-1", requests=2)])
    assert ledger.counts() == LedgerCounts(final=1, provisional=0, pending=0, failed=0)
    assert [old.is_final for old in ledger.history("gen-1")] == [False]
    assert ledger.record("gen-1").requests == 3
    assert rows(ledger, "generation_id", "state", "requests") == [("gen-1", "final", 3)]


def test_a_provisional_record_never_replaces_a_final_one(ledger):
    """A stale response is added to the history once."""
    ledger.add([resolved("gen-1")])
    ledger.add([resolved("gen-1", final=False), resolved("gen-1", final=False)])
    assert ledger.record("gen-1").is_final
    assert [old.is_final for old in ledger.history("gen-1")] == [False]
    assert ledger.counts() == LedgerCounts(final=1, provisional=0, pending=0, failed=0)


def test_a_version_that_reads_a_body_as_final_makes_it_final(ledger, monkeypatch):
    """One that does not changes nothing afterwards."""
    for is_final, counts in ((False, (0, 1)), (True, (1, 0)), (False, (1, 0))):
        monkeypatch.setattr(Generation, "is_final", is_final)
        ledger.add([resolved("gen-1")])
        final, provisional = counts
        assert ledger.counts() == LedgerCounts(final, provisional, pending=0, failed=0)
    assert ledger.history("gen-1") == []


def test_the_provisional_record_of_a_pending_outcome_is_stored(ledger):
    """`Pending` contains the last response, and its status if no later one failed."""
    ledger.add([pending("gen-1", response("gen-1", final=False), requests=4)])
    assert ledger.record("gen-1").requests == 4
    with ledger._database.reading() as connection:
        assert connection.execute("SELECT status FROM queue").fetchall() == [(200,)]
    assert ledger.counts() == LedgerCounts(final=0, provisional=1, pending=0, failed=0)


@pytest.mark.parametrize("final", [True, False])
@pytest.mark.parametrize("later", [pending, failed])
def test_an_outcome_without_a_record_never_changes_a_record(ledger, final, later):
    """Final or provisional."""
    ledger.add([resolved("gen-1", final=final)])
    before = ledger.record("gen-1"), ledger.counts()
    ledger.add([later("gen-1")])
    assert (ledger.record("gen-1"), ledger.counts()) == before


def test_a_record_resolves_a_failed_id(ledger):
    """Its row has no error any more, and counts all requests."""
    ledger.add([failed("gen-1", requests=2)])
    assert rows(ledger, "state", "requests") == [("failed", 2)]
    ledger.add([resolved("gen-1")])
    assert rows(ledger, "state", "error", "requests") == [("final", None, 3)]
    assert ledger.counts() == LedgerCounts(final=1, provisional=0, pending=0, failed=0)


def test_the_row_of_an_id_without_a_record_has_its_error(ledger, clock):
    """Queued, requested or refused; unknown values are null."""
    ledger.enqueue(["gen-1"])
    ledger.add([pending("gen-2", requests=7), failed("gen-3")])
    first, second, third = rows(ledger, "state", "error", "requests", "obtained_at", "created_at")
    now = int(clock.now * 1e6)
    assert first == ("pending", None, 0, None, None)
    assert second[0] == "pending"
    assert second[1].startswith("GenerationNotReadyError: no record of gen-2 after 1.0 s")
    assert second[2:] == (7, now, None)
    assert third == (
        "failed",
        "PermissionDeniedError: HTTP 403: not under this key",
        1,
        now,
        None,
    )


def test_a_failure_before_any_request_is_stored(ledger):
    """Its number of requests is 0."""
    ledger.add([Failed("gen-1", ConfigurationError("this is no id"))])
    expected = [("failed", "ConfigurationError: this is no id", 0)]
    assert rows(ledger, "state", "error", "requests") == expected


def test_a_batch_is_added_whole_or_not_at_all(ledger):
    """An invalid item or an iterator that raises leaves nothing behind."""

    def breaking():
        yield resolved("gen-1")
        raise KeyboardInterrupt

    with pytest.raises(TypeError, match="an outcome is Resolved, Pending or Failed, not str"):
        ledger.add([resolved("gen-1"), "gen-2"])
    with pytest.raises(KeyboardInterrupt):
        ledger.add(breaking())
    assert ledger.counts() == LedgerCounts(0, 0, 0, 0)


def test_an_interrupted_write_leaves_nothing(ledger, monkeypatch):
    """The next one succeeds."""
    written = []

    def breaking(*_):
        written.append(1)
        if len(written) == 3:
            raise KeyboardInterrupt
        return keep(*_)

    keep = writing._write_record
    monkeypatch.setattr(writing, "_write_record", breaking)
    batch = [resolved(f"gen-{number}") for number in range(5)]
    with pytest.raises(KeyboardInterrupt):
        ledger.add(batch)
    assert ledger.counts() == LedgerCounts(0, 0, 0, 0)
    ledger.add(batch)
    assert ledger.counts().final == 5


@pytest.mark.parametrize("state", ["1, 0, NULL, 0, 'two'", "1, 'final', NULL, 0, 2"])
def test_a_damaged_state_of_an_id_is_an_error(ledger, monkeypatch, state):
    """Its requests and whether it is final are computed with, so they must be numbers."""
    monkeypatch.setattr(writing, "_SELECT_STATE", f"SELECT {state} WHERE ? = 'gen-1'")
    with pytest.raises(LedgerError, match="values of a wrong type"):
        ledger.add([resolved("gen-1")])


def test_an_unknown_id_has_no_record(ledger):
    """And no history."""
    assert ledger.record("gen-1") is None
    assert ledger.history("gen-1") == []
    assert list(ledger.bodies()) == []
    ledger.add([])
    assert ledger.counts() == LedgerCounts(0, 0, 0, 0)


def test_bodies_are_streamed_while_another_object_writes(ledger):
    """Each once, in the order in which ids were added."""
    ids = [f"gen-{number:03}" for number in range(100)]
    ledger.add(resolved(each) for each in ids)
    read_ids = []
    for generation_id, content in ledger.bodies():
        read_ids.append(generation_id)
        assert content == body(generation_id)
        ledger.add([resolved(generation_id)])
    assert read_ids == ids


def test_a_body_may_be_any_bytes(ledger):
    """Not text, empty or large."""
    base = response("gen-1")
    for number, content in enumerate((b"", b"\0\xff\xfe", b"x" * 5_000_000)):
        ledger.add([Resolved(f"gen-{number}", base._replace(body=content))])
        stored = ledger.record(f"gen-{number}")
        assert stored.body == content
        with pytest.raises(ModelGatesError):
            stored.generation()


def test_threads_may_share_a_ledger(ledger):
    """Nothing is lost, and no id is leased twice."""
    ledger.enqueue(f"gen-{number}" for number in range(400))
    taken, errors = [], []

    def lease_and_add():
        try:
            for _ in range(400):
                batch = ledger.lease(7)
                taken.extend(batch)
                ledger.add(resolved(each) for each in batch)
                ledger.counts()
        except BaseException as error:  # noqa: BLE001 - raised in the test's own thread
            errors.append(error)

    threads = [threading.Thread(target=lease_and_add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(taken) == len(set(taken)) == 400
    assert ledger.counts() == LedgerCounts(final=400, provisional=0, pending=0, failed=0)


def test_the_sample_response_equals_that_of_get_raw():
    """It has the same attributes."""
    assert isinstance(response("gen-1"), Response)
