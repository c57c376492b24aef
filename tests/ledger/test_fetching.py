"""`fetch`: each record that a ledger lacks is requested once and stored; no stop loses data."""

import asyncio
import threading
from collections import Counter
from contextlib import aclosing
from types import SimpleNamespace

import pytest

from modelgates_client import (
    APIConnectionError,
    APIStatusError,
    AsyncModelGates,
    AuthenticationError,
    ConfigurationError,
    InsufficientCreditsError,
    InternalServerError,
    OutageError,
    ResponseValidationError,
    ServerError,
)
from modelgates_client.ledger import GivenUp, Ledger, LedgerCounts, LedgerError
from modelgates_client.ledger.fetching import fetch, fetch_all
from modelgates_client.ledger.stop_conditions import MAX_FAILURES_IN_A_ROW

from ..client.servers import refusing_port
from ..fast_server import KEY, Answer, Gateway, error, record
from .sample_outcomes import body, failed, integrity_check

pytestmark = pytest.mark.usefixtures("patient")

IDS = [f"gen-{number}" for number in range(300)]


@pytest.fixture(autouse=True)
def key(monkeypatch):
    """The API key is in the environment, as for any worker process."""
    monkeypatch.setenv("MODELGATES_API_KEY", KEY)


def run(path, gateway, ids=(), *, limit=None, **options):
    """Fetch into a ledger; return the progress values, all or the first `limit`."""

    async def main(ledger):
        progresses = []
        async with AsyncModelGates(base_url=gateway.base_url, max_retries=0) as client:
            async with aclosing(fetch(ledger, client, ids, **options)) as stream:
                async for progress in stream:
                    progresses.append(progress)
                    if len(progresses) == limit:
                        break
            assert asyncio.all_tasks() == {asyncio.current_task()}
        return progresses

    with Ledger(path) as ledger:
        return asyncio.run(main(ledger))


def counts(path):
    """Open a ledger, and return its counts."""
    with Ledger(path) as ledger:
        return ledger.counts()


def respond_by_kind(generation_id, _):
    """Respond according to the kind that an id contains."""
    if "late" in generation_id:
        return error(404)
    if "refused" in generation_id:
        return error(403)
    if "broken" in generation_id:
        return error(500)
    if "provisional" in generation_id:
        return Answer(200, body(generation_id, final=False))
    return record(generation_id)


def test_every_id_is_requested_once_and_stored(path):
    """In batches; the last progress has nothing left."""
    with Gateway() as gateway:
        progresses = run(path, gateway, IDS, concurrency=8)

    assert gateway.requests == Counter(IDS)
    assert progresses[-1].counts == LedgerCounts(300, 0, 0, 0) == counts(path)
    assert (
        progresses[-1].total,
        progresses[-1].left,
        progresses[-1].done,
        progresses[-1].requests,
    ) == (300, 0, 300, 300)
    assert progresses[-1].errors == ()
    assert len(progresses) > 300 / 16


def test_ids_with_a_record_are_not_requested_again(path):
    """A second run has nothing to do; repeated ids count once."""
    with Gateway() as gateway:
        run(path, gateway, [*IDS, *IDS])
        (last,) = run(path, gateway, IDS)

    assert gateway.requests == Counter(IDS)
    assert (last.counts.final, last.requests) == (300, 0)


def test_ids_of_earlier_runs_are_fetched(path):
    """Without new ids, the queue is processed."""
    with Ledger(path) as ledger:
        ledger.enqueue(IDS)
    with Gateway() as gateway:
        run(path, gateway)

    assert counts(path).final == 300


@pytest.mark.parametrize("waits", [(0,), (0.2, 2, 20)])
def test_retryable_outcomes_stay_pending_and_others_fail(path, waits):
    """A 5xx is retryable."""
    kinds = ["gen-1", "gen-late", "gen-refused", "gen-broken", "gen-provisional"]
    for wait in waits:  # what is too short on a busy machine is tried with more
        with Gateway(respond_by_kind) as gateway:
            last = run(path, gateway, kinds, wait=wait)[-1]
        if last.counts.pending == 2:
            break

    assert last.counts == LedgerCounts(final=1, provisional=1, pending=2, failed=1)
    assert {type(error).__name__ for error in last.errors} >= {"PermissionDeniedError"}
    with Ledger(path) as ledger:
        assert not ledger.record("gen-provisional").is_final


def test_failed_ids_are_requested_again_only_with_retry_failed(path):
    """Other runs leave them alone."""
    with Ledger(path) as ledger:
        ledger.add([failed("gen-1")])
    with Gateway() as gateway:
        run(path, gateway)
        assert not gateway.requests
        run(path, gateway, retry_failed=True)

    assert counts(path) == LedgerCounts(1, 0, 0, 0)


def test_old_ids_without_a_final_record_are_given_up(path):
    """After one request; young ids stay pending, and None gives up no id."""
    old, young, open_ = "gen-1000000000-late", "gen-late", "gen-1000000000-provisional"
    with Gateway(respond_by_kind) as gateway:
        never = run(path, gateway, [old, young, open_], wait=0, give_up_after_s=None)[-1]
        last = run(path, gateway, wait=0)[-1]
        run(path, gateway, wait=0)

    assert (never.counts, never.given_up) == (LedgerCounts(0, 1, 2, 0), GivenUp())
    assert last.counts == LedgerCounts(0, 0, pending=1, failed=0, forgotten=1, never_final=1)
    assert last.given_up == GivenUp(forgotten=1, never_final=1)
    assert gateway.requests == {old: 2, young: 3, open_: 2}


def test_final_false_accepts_a_provisional_record(path):
    """It is stored at the first response, and not requested again in this run."""
    with Gateway(respond_by_kind) as gateway:
        last = run(path, gateway, ["gen-provisional"], final=False)[-1]

    assert gateway.requests == {"gen-provisional": 1}
    assert last.counts == LedgerCounts(0, 1, 0, 0)
    assert (last.left, last.errors) == (0, ())


@pytest.mark.parametrize(
    ("status", "kind"), [(401, AuthenticationError), (402, InsufficientCreditsError)]
)
def test_an_account_error_stops_the_fetch(path, status, kind):
    """No id fails, and few are requested."""
    with Gateway(lambda *_: error(status)) as gateway, pytest.raises(kind):
        run(path, gateway, IDS, concurrency=4)

    assert counts(path) == LedgerCounts(0, 0, 300, 0)
    assert gateway.requests.total() <= 16
    with Gateway() as gateway:
        run(path, gateway)
    assert counts(path) == LedgerCounts(300, 0, 0, 0)


PAGE = b"<!doctype html><title>Welcome</title>"


@pytest.mark.parametrize(
    "answer",
    [
        Answer(404, PAGE),
        Answer(405, b'{"detail": "Method Not Allowed"}'),
        Answer(302, b"", ("Location: https://login.example/",)),
    ],
)
def test_a_wrong_address_stops_the_fetch(path, answer):
    """No id fails, and the error suggests that `base_url` is wrong."""
    with (
        Gateway(lambda *_: answer) as gateway,
        pytest.raises(APIStatusError, match="is base_url right"),
    ):
        run(path, gateway, IDS, concurrency=4)

    assert counts(path) == LedgerCounts(0, 0, 300, 0)
    assert gateway.requests.total() <= 16


@pytest.mark.parametrize(
    ("answer", "fail"),
    [(Answer(200, PAGE), False), (Answer(200, b"[]"), False), (Answer(200, b'{"data": []}'), True)],
)
def test_a_hundred_successes_without_a_record_stop_the_fetch(path, answer, fail):
    """As from a captive portal or another API; ids with pages as responses stay pending."""
    with Gateway(lambda *_: answer) as gateway, pytest.raises(OutageError) as caught:
        run(path, gateway, IDS, concurrency=4)

    assert isinstance(caught.value.last_error, ResponseValidationError)
    assert ("is base_url right" in str(caught.value)) is (answer.body == PAGE)
    assert gateway.requests.total() < 2 * MAX_FAILURES_IN_A_ROW
    stored = counts(path)
    assert stored.pending + stored.failed == len(IDS)
    assert (stored.failed > 0) is fail


def test_an_invalid_id_fails_without_stopping_the_fetch(path):
    """The id is wrong, not the key."""
    with Gateway() as gateway:
        last = run(path, gateway, ["gen-1", "gen-\n", ""])[-1]

    assert last.counts == LedgerCounts(1, 0, 0, 2)
    assert isinstance(last.error, ConfigurationError)


def test_a_server_that_fails_for_every_id_stops_the_fetch(path):
    """After `MAX_FAILURES_IN_A_ROW` ids; all stay pending, and the next run continues."""
    with Gateway(lambda *_: error(500)) as gateway, pytest.raises(OutageError) as caught:
        run(path, gateway, IDS, concurrency=4, wait=0)

    assert isinstance(caught.value.last_error, InternalServerError)
    assert gateway.requests.total() < 2 * MAX_FAILURES_IN_A_ROW
    assert counts(path) == LedgerCounts(0, 0, 300, 0)


@pytest.mark.parametrize("ids", [IDS[:1], IDS])
def test_an_unreachable_server_stops_the_fetch(path, ids):
    """After `outage_timeout`, for few ids and many; the error contains the last failure."""
    unreachable = SimpleNamespace(base_url=f"http://127.0.0.1:{refusing_port()}/api/v1")
    with pytest.raises(OutageError, match="no response for") as caught:
        run(path, unreachable, ids, concurrency=4, outage_timeout=0.7)

    assert isinstance(caught.value.last_error, APIConnectionError)
    assert counts(path) == LedgerCounts(0, 0, len(ids), 0)


def test_progress_shows_an_outage_that_loses_nothing(path):
    """All ids are fetched afterwards, with few additional requests."""
    down = threading.Event()
    down.set()

    def answer(generation_id, _):
        return error(503) if down.is_set() else record(generation_id)

    async def main(ledger, gateway):
        progresses = []
        async with (
            AsyncModelGates(base_url=gateway.base_url) as client,
            aclosing(fetch(ledger, client, IDS, concurrency=8)) as stream,
        ):
            async for progress in stream:
                progresses.append(progress)
                if progress.outage is not None:
                    down.clear()
        return progresses

    with Gateway(answer) as gateway, Ledger(path) as ledger:
        progresses = asyncio.run(main(ledger, gateway))

    (outage,) = {type(each.outage.error) for each in progresses if each.outage is not None}
    assert issubclass(outage, ServerError)
    assert progresses[-1].outage is None
    assert counts(path) == LedgerCounts(300, 0, 0, 0)
    assert gateway.requests.total() <= 300 + 8 + 10


def test_failures_between_successes_are_not_an_outage(path):
    """However many there are in total."""
    ids = [f"gen-{number}-{kind}" for number in range(150) for kind in ("well", "broken")]
    with Gateway(respond_by_kind) as gateway:
        last = run(path, gateway, ids, concurrency=1, wait=0)[-1]

    assert last.counts == LedgerCounts(150, 0, 150, 0)


def test_ids_are_fetched_while_more_ids_arrive(path):
    """The iterator yields the second id only after the first one is stored."""
    stored = threading.Event()

    def ids():
        yield "gen-1"
        assert stored.wait(30)
        yield "gen-2"

    async def main(ledger, gateway):
        async with AsyncModelGates(base_url=gateway.base_url) as client:
            progresses = []
            async with aclosing(fetch(ledger, client, ids())) as stream:
                async for progress in stream:
                    progresses.append(progress)
                    stored.set()
            return progresses

    with Gateway() as gateway, Ledger(path) as ledger:
        first, *_, last = asyncio.run(main(ledger, gateway))

    assert (first.counts.final, first.total, first.left, first.eta_s) == (1, None, None, None)
    assert (last.counts.final, last.total, last.left) == (2, 2, 0)


def test_ids_may_come_from_an_asynchronous_iterator(path):
    """They are queued as they arrive."""

    async def ids():
        for generation_id in IDS:
            yield generation_id
            await asyncio.sleep(0)

    with Gateway() as gateway:
        run(path, gateway, ids())

    assert gateway.requests == Counter(IDS)


def test_an_exception_of_the_iterator_is_raised(path):
    """Ids before it are queued."""

    def ids():
        yield "gen-1"
        raise LookupError("no more")

    with Gateway() as gateway, pytest.raises(LookupError, match="no more"):
        run(path, gateway, ids())

    assert sum(counts(path)) == 1


def test_closing_early_stores_outcomes_and_releases_leases(path):
    """A second run repeats only the requests that were in flight."""
    with Gateway() as gateway:
        (first,) = run(path, gateway, IDS, limit=1, concurrency=4)
        with Ledger(path) as ledger:
            assert ledger.counts().final >= first.counts.final > 0
            waiting = len(ledger.lease(1000))
        assert waiting == counts(path).pending
        run(path, gateway)

    assert counts(path) == LedgerCounts(300, 0, 0, 0)
    assert gateway.requests.total() <= 300 + 16


def test_a_cancelled_fetch_stores_outcomes_and_releases_leases(path):
    """The ledger can be used at once."""

    async def main(path, gateway):
        begun = asyncio.Event()

        async def consume():
            async with AsyncModelGates(base_url=gateway.base_url) as client:
                with Ledger(path) as ledger:
                    async with aclosing(fetch(ledger, client, IDS, concurrency=4)) as stream:
                        async for _ in stream:
                            begun.set()

        task = asyncio.create_task(consume())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}

    with Gateway(delay_s=0.005) as gateway:
        asyncio.run(main(path, gateway))
        stored = counts(path).final
        assert 0 < stored < 300
        assert gateway.requests.total() - stored <= 16
    assert integrity_check(path) == "ok"


def test_two_runs_share_the_work(path):
    """Each id is requested once, by either of them."""

    async def main(first, second, gateway):
        async def fetch_all_into(ledger):
            async with AsyncModelGates(base_url=gateway.base_url) as client:
                return [one async for one in fetch(ledger, client, IDS, concurrency=4)][-1]

        return await asyncio.gather(fetch_all_into(first), fetch_all_into(second))

    with Gateway(delay_s=0.002) as gateway, Ledger(path) as first, Ledger(path) as second:
        progresses = asyncio.run(main(first, second, gateway))

    assert gateway.requests == Counter(IDS)
    assert sum(each.done for each in progresses) == 300
    assert all(each.counts.final == 300 for each in progresses)


def test_a_ledger_that_cannot_be_written_to_ends_the_fetch(path, monkeypatch):
    """The error is that of the ledger; other ids are not requested."""
    added = []

    def add(_self, outcomes):
        added.append(outcomes)
        raise LedgerError("ledger", "the disk is full", "free some space")

    monkeypatch.setattr(Ledger, "add", add)
    with Gateway() as gateway, pytest.raises(LedgerError, match="disk is full"):
        run(path, gateway, IDS, concurrency=4)

    assert len(added) == 1
    assert gateway.requests.total() <= 16


def test_invalid_arguments_are_refused(path):
    """Before any request."""
    with Gateway() as gateway, pytest.raises(ConfigurationError, match="concurrency"):
        run(path, gateway, IDS, concurrency=0)

    assert not gateway.requests


def test_fetch_all_is_a_synchronous_function(path):
    """It takes the key from the environment, and returns the final progress."""
    with Gateway() as gateway:
        last = fetch_all(path, IDS, concurrency=8, base_url=gateway.base_url)

    assert last.counts == LedgerCounts(300, 0, 0, 0) == counts(path)
    assert last.eta_s == 0
