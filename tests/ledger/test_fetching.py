"""`fetch`: what a ledger lacks is asked for once and stored, and what stops it loses nothing."""

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
from modelgates_client.ledger import Ledger, LedgerCounts, LedgerError
from modelgates_client.ledger.fetching import fetch, fetch_all
from modelgates_client.ledger.stop_conditions import MAX_FAILURES_IN_A_ROW

from ..client.servers import refusing_port
from ..fast_server import KEY, Answer, Gateway, error, record
from .sample_outcomes import body, failed, integrity

pytestmark = pytest.mark.usefixtures("patient")

IDS = [f"gen-{number}" for number in range(300)]


@pytest.fixture(autouse=True)
def key(monkeypatch):
    """The key is in the environment, as for any worker process."""
    monkeypatch.setenv("MODELGATES_API_KEY", KEY)


def run(path, gateway, ids=(), *, most=None, **options):
    """Fetch into a ledger; return what was told of it, all or the first."""

    async def main(ledger):
        told = []
        async with AsyncModelGates(base_url=gateway.base_url, max_retries=0) as client:
            async with aclosing(fetch(ledger, client, ids, **options)) as stream:
                async for progress in stream:
                    told.append(progress)
                    if len(told) == most:
                        break
            assert asyncio.all_tasks() == {asyncio.current_task()}
        return told

    with Ledger(path) as ledger:
        return asyncio.run(main(ledger))


def counts(path):
    """Return what a ledger says when it is opened anew."""
    with Ledger(path) as ledger:
        return ledger.counts()


def by_kind(generation_id, _):
    """Answer by what an id is called."""
    if "late" in generation_id:
        return error(404)
    if "refused" in generation_id:
        return error(403)
    if "broken" in generation_id:
        return error(500)
    if "provisional" in generation_id:
        return Answer(200, body(generation_id, final=False))
    return record(generation_id)


def test_every_id_is_asked_for_once_and_stored(path):
    """In batches; the last progress says that nothing is left."""
    with Gateway() as gateway:
        told = run(path, gateway, IDS, concurrency=8)

    assert gateway.requests == Counter(IDS)
    assert told[-1].counts == LedgerCounts(300, 0, 0, 0) == counts(path)
    assert (told[-1].total, told[-1].left, told[-1].done, told[-1].requests) == (300, 0, 300, 300)
    assert told[-1].errors == ()
    assert len(told) > 300 / 16


def test_ids_that_are_there_are_not_asked_for_again(path):
    """A second run has nothing to do; ids given twice are one."""
    with Gateway() as gateway:
        run(path, gateway, [*IDS, *IDS])
        (last,) = run(path, gateway, IDS)

    assert gateway.requests == Counter(IDS)
    assert (last.counts.final, last.requests) == (300, 0)


def test_what_earlier_runs_left_is_fetched(path):
    """Without ids the queue is worked off."""
    with Ledger(path) as ledger:
        ledger.enqueue(IDS)
    with Gateway() as gateway:
        run(path, gateway)

    assert counts(path).final == 300


@pytest.mark.parametrize("waits", [(0,), (0.2, 2, 20)])
def test_each_kind_of_outcome_has_its_place(path, waits):
    """What may be mended by asking again stays pending: also a 5xx; what may not is failed."""
    kinds = ["gen-1", "gen-late", "gen-refused", "gen-broken", "gen-provisional"]
    for wait in waits:  # what is too short on a busy machine is tried with more
        with Gateway(by_kind) as gateway:
            last = run(path, gateway, kinds, wait=wait)[-1]
        if last.counts.pending == 2:
            break

    assert last.counts == LedgerCounts(final=1, provisional=1, pending=2, failed=1)
    assert {type(error).__name__ for error in last.errors} >= {"PermissionDeniedError"}
    with Ledger(path) as ledger:
        assert not ledger.record("gen-provisional").is_final


def test_failed_ids_are_asked_for_again_only_on_request(path):
    """They rest until `retry_failed`."""
    with Ledger(path) as ledger:
        ledger.add([failed("gen-1")])
    with Gateway() as gateway:
        run(path, gateway)
        assert not gateway.requests
        run(path, gateway, retry_failed=True)

    assert counts(path) == LedgerCounts(1, 0, 0, 0)


def test_old_ids_that_the_server_has_not_are_given_up(path):
    """Once asked for in vain; young ones stay pending, and nothing is given up on request."""
    old, young = "gen-1000000000-late", "gen-late"
    with Gateway(by_kind) as gateway:
        kept = run(path, gateway, [old, young], wait=0, give_up_after_s=None)[-1]
        last = run(path, gateway, wait=0)[-1]
        run(path, gateway, wait=0)

    assert (kept.counts, kept.given_up) == (LedgerCounts(0, 0, pending=2, failed=0), 0)
    assert (last.counts, last.given_up) == (LedgerCounts(0, 0, pending=1, failed=0, forgotten=1), 1)
    assert gateway.requests == {old: 2, young: 3}


def test_a_provisional_record_will_do_where_no_final_one_is_waited_for(path):
    """It is stored at the first answer, and its id is not asked for again in this run."""
    with Gateway(by_kind) as gateway:
        last = run(path, gateway, ["gen-provisional"], final=False)[-1]

    assert gateway.requests == {"gen-provisional": 1}
    assert last.counts == LedgerCounts(0, 1, 0, 0)
    assert (last.left, last.errors) == (0, ())


@pytest.mark.parametrize(
    ("status", "kind"), [(401, AuthenticationError), (402, InsufficientCreditsError)]
)
def test_what_concerns_the_account_stops_it(path, status, kind):
    """No id is marked as failed, and few are asked for."""
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
def test_another_address_than_the_apis_stops_it(path, answer):
    """It says nothing about any id, and that `base_url` may be wrong."""
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
def test_a_hundred_successes_that_are_no_records_stop_it(path, answer, fail):
    """As of a captive portal, or another API; those that no API answers so stay pending."""
    with Gateway(lambda *_: answer) as gateway, pytest.raises(OutageError) as caught:
        run(path, gateway, IDS, concurrency=4)

    assert isinstance(caught.value.last_error, ResponseValidationError)
    assert ("is base_url right" in str(caught.value)) is (answer.body == PAGE)
    assert gateway.requests.total() < 2 * MAX_FAILURES_IN_A_ROW
    found = counts(path)
    assert found.pending + found.failed == len(IDS)
    assert (found.failed > 0) is fail


def test_an_id_that_can_be_none_fails_alone(path):
    """It is the id that is wrong, not the key."""
    with Gateway() as gateway:
        last = run(path, gateway, ["gen-1", "gen-\n", ""])[-1]

    assert last.counts == LedgerCounts(1, 0, 0, 2)
    assert isinstance(last.error, ConfigurationError)


def test_a_server_that_fails_for_every_id_stops_it(path):
    """After `MAX_FAILURES_IN_A_ROW` ids in a row; all stay pending, and the next run goes on."""
    with Gateway(lambda *_: error(500)) as gateway, pytest.raises(OutageError) as caught:
        run(path, gateway, IDS, concurrency=4, wait=0)

    assert isinstance(caught.value.last_error, InternalServerError)
    assert gateway.requests.total() < 2 * MAX_FAILURES_IN_A_ROW
    assert counts(path) == LedgerCounts(0, 0, 300, 0)


@pytest.mark.parametrize("ids", [IDS[:1], IDS])
def test_a_server_that_is_not_there_stops_it(path, ids):
    """After `outage_timeout`; few ids and many alike; the error says how the last try ended."""
    nobody = SimpleNamespace(base_url=f"http://127.0.0.1:{refusing_port()}/api/v1")
    with pytest.raises(OutageError, match="nothing was answered") as caught:
        run(path, nobody, ids, concurrency=4, outage_timeout=0.7)

    assert isinstance(caught.value.last_error, APIConnectionError)
    assert counts(path) == LedgerCounts(0, 0, len(ids), 0)


def test_an_outage_is_shown_and_loses_nothing(path):
    """While it lasts, progress says so; then all is fetched, by few requests more."""
    down = threading.Event()
    down.set()

    def answer(generation_id, _):
        return error(503) if down.is_set() else record(generation_id)

    async def main(ledger, gateway):
        told = []
        async with (
            AsyncModelGates(base_url=gateway.base_url) as client,
            aclosing(fetch(ledger, client, IDS, concurrency=8)) as stream,
        ):
            async for progress in stream:
                told.append(progress)
                if progress.outage is not None:
                    down.clear()
        return told

    with Gateway(answer) as gateway, Ledger(path) as ledger:
        told = asyncio.run(main(ledger, gateway))

    (outage,) = {type(one.outage.error) for one in told if one.outage is not None}
    assert issubclass(outage, ServerError)
    assert told[-1].outage is None
    assert counts(path) == LedgerCounts(300, 0, 0, 0)
    assert gateway.requests.total() <= 300 + 8 + 10


def test_failures_between_successes_are_no_outage(path):
    """However many there are in all."""
    ids = [f"gen-{number}-{kind}" for number in range(150) for kind in ("well", "broken")]
    with Gateway(by_kind) as gateway:
        last = run(path, gateway, ids, concurrency=1, wait=0)[-1]

    assert last.counts == LedgerCounts(150, 0, 150, 0)


def test_ids_are_fetched_while_others_are_still_to_come(path):
    """The iterator gives the second id only when the first one's record was told of as stored."""
    stored = threading.Event()

    def ids():
        yield "gen-1"
        assert stored.wait(30)
        yield "gen-2"

    async def main(ledger, gateway):
        async with AsyncModelGates(base_url=gateway.base_url) as client:
            told = []
            async with aclosing(fetch(ledger, client, ids())) as stream:
                async for progress in stream:
                    told.append(progress)
                    stored.set()
            return told

    with Gateway() as gateway, Ledger(path) as ledger:
        first, *_, last = asyncio.run(main(ledger, gateway))

    assert (first.counts.final, first.total, first.left, first.eta_s) == (1, None, None, None)
    assert (last.counts.final, last.total, last.left) == (2, 2, 0)


def test_ids_may_come_from_an_asynchronous_iterator(path):
    """They are queued as they come."""

    async def ids():
        for generation_id in IDS:
            yield generation_id
            await asyncio.sleep(0)

    with Gateway() as gateway:
        run(path, gateway, ids())

    assert gateway.requests == Counter(IDS)


def test_what_the_iterator_raises_is_raised(path):
    """What came before is queued."""

    def ids():
        yield "gen-1"
        raise LookupError("no more")

    with Gateway() as gateway, pytest.raises(LookupError, match="no more"):
        run(path, gateway, ids())

    assert sum(counts(path)) == 1


def test_closed_early_it_keeps_what_came_and_gives_the_rest_back(path):
    """Nobody waits for a lease; a second run asks for no more than what was in flight."""
    with Gateway() as gateway:
        (first,) = run(path, gateway, IDS, most=1, concurrency=4)
        with Ledger(path) as ledger:
            assert ledger.counts().final >= first.counts.final > 0
            waiting = len(ledger.lease(1000))
        assert waiting == counts(path).pending
        run(path, gateway)

    assert counts(path) == LedgerCounts(300, 0, 0, 0)
    assert gateway.requests.total() <= 300 + 16


def test_cancelled_it_keeps_what_came(path):
    """A task that is cancelled leaves a ledger in order."""

    async def main(path, gateway):
        begun = asyncio.Event()

        async def work():
            async with AsyncModelGates(base_url=gateway.base_url) as client:
                with Ledger(path) as ledger:
                    async with aclosing(fetch(ledger, client, IDS, concurrency=4)) as stream:
                        async for _ in stream:
                            begun.set()

        task = asyncio.create_task(work())
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
    assert integrity(path) == "ok"


def test_two_runs_share_the_work(path):
    """Each id is asked for once, by whichever of them."""

    async def main(first, second, gateway):
        async def work(ledger):
            async with AsyncModelGates(base_url=gateway.base_url) as client:
                return [one async for one in fetch(ledger, client, IDS, concurrency=4)][-1]

        return await asyncio.gather(work(first), work(second))

    with Gateway(delay_s=0.002) as gateway, Ledger(path) as first, Ledger(path) as second:
        told = asyncio.run(main(first, second, gateway))

    assert gateway.requests == Counter(IDS)
    assert sum(each.done for each in told) == 300
    assert all(each.counts.final == 300 for each in told)


def test_a_ledger_that_cannot_be_written_to_ends_it(path, monkeypatch):
    """The error is the ledger's; the rest is not asked for."""
    added = []

    def add(_self, outcomes):
        added.append(outcomes)
        raise LedgerError("ledger", "the disk is full", "free some space")

    monkeypatch.setattr(Ledger, "add", add)
    with Gateway() as gateway, pytest.raises(LedgerError, match="disk is full"):
        run(path, gateway, IDS, concurrency=4)

    assert len(added) == 1
    assert gateway.requests.total() <= 16


def test_arguments_that_cannot_be_used_are_refused(path):
    """Before anything is sent."""
    with Gateway() as gateway, pytest.raises(ConfigurationError, match="concurrency"):
        run(path, gateway, IDS, concurrency=0)

    assert not gateway.requests


def test_fetch_all_is_a_function_of_ids_and_options(path):
    """Blocking, the key from the environment; it returns how it ended."""
    with Gateway() as gateway:
        last = fetch_all(path, IDS, concurrency=8, base_url=gateway.base_url)

    assert last.counts == LedgerCounts(300, 0, 0, 0) == counts(path)
    assert last.eta_s == 0
