"""`get_many` yields exactly one outcome per id, whatever happens to the other ids."""

import asyncio
import itertools
import json
import threading
import time

import pytest

from modelgates_client import (
    AsyncModelGates,
    ClientClosedError,
    ConfigurationError,
    Failed,
    GenerationNotReadyError,
    ModelGates,
    NotFoundError,
    Pending,
    PermissionDeniedError,
    RateLimitError,
    Resolved,
    ResponseValidationError,
    ServerError,
)
from modelgates_client.bulk import bulk_run, schedule

from ..fast_server import KEY, Answer, Gateway, error, record
from .limiters import SlidingWindow, rounded
from .simulator import LATENCY_S, error as simulated_error, record as simulated_record, simulate

pytestmark = pytest.mark.usefixtures("patient")

GUARD_S = 30  # far more than any wait takes, even on a busy machine


def ids(count):
    """Return some ids."""
    return [f"gen-{number}" for number in range(count)]


def by_id(outcomes):
    """Return outcomes by id, and check that no id occurs twice."""
    outcomes_by_id = {outcome.generation_id: outcome for outcome in outcomes}
    assert len(outcomes_by_id) == len(outcomes)
    return outcomes_by_id


def test_each_id_has_exactly_one_outcome(get_many):
    """In any order; no id is lost, and each record has the requested id."""
    with Gateway() as gateway:
        outcomes = get_many(gateway, iter(ids(300)), concurrency=20)
    assert sorted(by_id(outcomes)) == sorted(ids(300))
    for outcome in outcomes:
        assert isinstance(outcome, Resolved)
        assert outcome.record.id == outcome.generation_id
        assert outcome.result() is outcome.record
        assert outcome.response.status_code == 200


def test_no_ids_give_no_outcomes(get_many):
    """An empty file is not an error."""
    with Gateway() as gateway:
        assert get_many(gateway, []) == []


def test_a_repeated_id_has_an_outcome_for_each_occurrence(get_many):
    """There are as many outcomes as ids."""
    with Gateway() as gateway:
        outcomes = get_many(gateway, ["gen-1", "gen-1"])
    assert [outcome.generation_id for outcome in outcomes] == ["gen-1", "gen-1"]


def test_ordered_outcomes_follow_the_order_of_the_ids(get_many):
    """Also if the first id takes longest."""

    def respond(generation_id, _):
        slow = int(generation_id.removeprefix("gen-")) % 7 == 0
        return record(generation_id)._replace(delay_s=0.1 if slow else 0)

    with Gateway(respond) as gateway:
        outcomes = get_many(gateway, ids(100), concurrency=10, ordered=True)
    assert [outcome.generation_id for outcome in outcomes] == ids(100)


def test_without_order_a_slow_id_delays_no_other(get_many):
    """The slow id gets its response only after all other outcomes were yielded."""
    outcomes = []

    def respond(generation_id, _):
        response = record(generation_id)
        return response._replace(ready=others_are_yielded) if generation_id == "gen-0" else response

    def others_are_yielded():
        return len(outcomes) == 19

    with Gateway(respond) as gateway:
        get_many(gateway, ids(20), concurrency=2, outcomes=outcomes)
    assert outcomes[-1].generation_id == "gen-0"


BAD = {
    "gen-forbidden": (error(403), PermissionDeniedError),
    "gen-broken": (error(500), ServerError),
    "gen-mixed-up": (record("gen-of-another"), ResponseValidationError),
    "gen-no-json": (Answer(200, b"{"), ResponseValidationError),
}


def test_bad_ids_fail_alone(get_many):
    """Each fails with its own error; the other ids have their records."""
    good_and_bad_ids = [*BAD, "", "white\nspace", None, 7, *ids(20)]

    def respond(generation_id, _):
        return BAD[generation_id][0] if generation_id in BAD else record(generation_id)

    with Gateway(respond) as gateway:
        outcomes = by_id(get_many(gateway, good_and_bad_ids, wait=0, options={"max_retries": 0}))
    assert len(outcomes) == len(good_and_bad_ids)
    for generation_id, (_, kind) in BAD.items():
        assert isinstance(outcomes[generation_id], Failed)
        assert isinstance(outcomes[generation_id].error, kind)
    for generation_id in ("", "white\nspace", "None", "7"):
        assert isinstance(outcomes[generation_id].error, ConfigurationError)
        with pytest.raises(ConfigurationError):
            outcomes[generation_id].result()
    assert all(isinstance(outcomes[generation_id], Resolved) for generation_id in ids(20))


def test_bad_ids_at_the_beginning_do_not_hide_the_good_ones(get_many):
    """Although more of them fail at once than are requested at a time."""
    bad = {f"gen-{number}" for number in range(6)}
    with Gateway(lambda name, _: error(502) if name in bad else record(name)) as gateway:
        ids = [f"gen-{number}" for number in range(40)]
        outcomes = get_many(gateway, ids, concurrency=3, wait=0, options={"max_retries": 0})
    failed = {outcome.generation_id for outcome in outcomes if isinstance(outcome, Failed)}
    assert (failed, len(outcomes)) == (bad, 40)


def test_late_records_are_waited_for(get_many):
    """A 404 is retried until the record exists."""

    def respond(generation_id, before):
        return record(generation_id) if before >= 2 else error(404)

    with Gateway(respond) as gateway:
        outcomes = get_many(gateway, ids(10), concurrency=2)
        assert set(gateway.requests.values()) == {3}
    assert all(isinstance(outcome, Resolved) for outcome in outcomes)
    assert {outcome.response.attempts for outcome in outcomes} == {3}


def test_a_waiting_id_does_not_use_a_concurrency_slot(get_many):
    """With a concurrency of 1, other ids overtake those that wait for their records."""

    late_ids = {"gen-0", "gen-1", "gen-2"}

    def respond(generation_id, _):
        is_ready = generation_id not in late_ids or len(gateway.requests) == 30
        return record(generation_id) if is_ready else error(404)

    with Gateway(respond) as gateway:
        outcomes = get_many(gateway, ids(30), concurrency=1)
    assert {outcome.generation_id for outcome in outcomes[-3:]} == late_ids


@pytest.mark.parametrize(("waits", "requests"), [((0,), 1), ((0.6, 6, 60), 2)])
def test_a_record_that_never_exists_is_pending(get_many, waits, requests):
    """The outcome is neither a failure nor a record."""
    for wait in waits:  # a busy machine may need a longer wait
        with Gateway(lambda *_: error(404)) as gateway:
            (outcome,) = get_many(gateway, ["gen-1"], wait=wait)
        if gateway.requests["gen-1"] >= requests:
            break
    assert gateway.requests["gen-1"] >= requests
    assert isinstance(outcome, Pending)
    assert isinstance(outcome.error.last_error, NotFoundError)
    assert outcome.error.response is None
    with pytest.raises(GenerationNotReadyError):
        outcome.result()


@pytest.mark.parametrize("waits", [(0,), (0.3, 3, 30)])
def test_a_provisional_record_is_pending_and_kept(get_many, waits):
    """The outcome has the provisional record, and `result` does not return it as the final one."""
    for wait in waits:  # a busy machine may need a longer wait
        with Gateway(lambda name, _: record(name, cancelled=None, finish_reason=None)) as gateway:
            (outcome,) = get_many(gateway, ["gen-1"], wait=wait, final=True)
        if outcome.error.record is not None:
            break
    assert isinstance(outcome, Pending)
    assert outcome.error.record.id == "gen-1"
    assert json.loads(outcome.error.response.body)["data"]["id"] == "gen-1"


@pytest.mark.slow("the server's rate limit uses real time")
def test_a_rate_limit_loses_no_id(get_many):
    """Every id gets its record; the cost in time and requests is checked in `test_limits.py`."""
    with Gateway(per_second=10) as gateway:  # so low that the slowest machine exceeds it
        outcomes = get_many(gateway, ids(40), concurrency=32)
        assert gateway.statuses[200] == 40
        assert gateway.statuses[429] > 0
    assert all(isinstance(outcome, Resolved) for outcome in outcomes)


def test_waiting_for_the_rate_limit_does_not_use_up_the_timeout_of_an_id():
    """Each id has its whole timeout, however many requests are before it."""
    limiter = SlidingWindow(10)

    def server(now, name):
        _, wait = limiter.request(now)
        return LATENCY_S, simulated_record(name) if wait is None else simulated_error(
            429, rounded(wait)
        )

    result = simulate(server, 30, concurrency=30, wait_s=0.5, timeout_s=0.5, max_retries=0)
    assert result.kinds == {"Resolved": 30}
    assert result.ended_at > 2


def test_too_long_a_retry_after_fails_the_remaining_ids(get_many):
    """They fail without being sent: a program should not pause silently for hours."""
    with Gateway(lambda *_: error(429, "Retry-After: 7200")) as gateway:
        outcomes = get_many(gateway, ids(500), concurrency=5)
        assert sum(gateway.statuses.values()) <= 5
    assert len(by_id(outcomes)) == 500
    assert {type(outcome.error) for outcome in outcomes} == {RateLimitError}
    assert {outcome.error.retry_after for outcome in outcomes} == {7200}


def test_a_server_that_refuses_every_request_ends_in_failures(get_many, monkeypatch):
    """However short the pauses are that it asks for."""
    monkeypatch.setattr(bulk_run, "MAX_PAUSE_S", 0.5)
    with Gateway(lambda *_: error(429, "Retry-After: 0")) as gateway:
        outcomes = get_many(gateway, ids(20), concurrency=5)
    assert {type(outcome.error) for outcome in outcomes} == {RateLimitError}


@pytest.mark.slow("the rate is measured over 1.5 s of real time")
def test_max_rate_is_kept(get_many):
    """At 40 requests per second, 60 requests take at least 59/40 s."""
    with Gateway() as gateway:
        began = time.monotonic()
        assert len(get_many(gateway, ids(60), concurrency=20, max_rate=40)) == 60
        assert time.monotonic() - began > 1.47


def test_concurrency_bounds_requests_and_connections(get_many):
    """Connections are also reused."""
    with Gateway(delay_s=0.005) as gateway:
        get_many(gateway, ids(200), concurrency=8)
        assert gateway.max_in_progress <= 8
        assert gateway.max_open <= 8


def test_ids_are_taken_only_as_needed(get_many):
    """An endless iterator works; leaving early takes few more ids and leaves nothing open."""
    taken = itertools.count()
    endless = (f"gen-{number}" for number in taken)
    with Gateway() as gateway:
        outcomes = get_many(gateway, endless, max_outcomes=50, concurrency=10)
        assert len(outcomes) == 50
        assert next(taken) <= 50 + 5 * 10
        assert wait_until(lambda: gateway.open == 0)
    assert wait_until(lambda: not package_threads(threading.enumerate()))


def package_threads(threads):
    """Return the threads that the package started."""
    return [thread for thread in threads if "modelgates" in thread.name]


def wait_until(condition):
    """Wait until a condition holds, at most `GUARD_S`; return whether it holds."""
    until = time.monotonic() + GUARD_S
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)
    return condition()


def test_the_number_of_waiting_ids_is_bounded(get_many, monkeypatch):
    """While no record exists, no more ids are taken than fit."""
    monkeypatch.setattr(schedule, "MAX_OPEN", 30)
    taken = itertools.count()
    endless = (f"gen-{number}" for number in taken)
    with Gateway(lambda *_: error(404)) as gateway:
        get_many(gateway, endless, max_outcomes=1, concurrency=10, wait=0.7)
    assert next(taken) <= 30 + 10


def test_an_exception_of_the_iterator_is_raised(get_many):
    """It is passed on unchanged, and no thread is left."""

    def broken():
        yield "gen-1"
        raise LookupError("the file broke")

    with Gateway() as gateway, pytest.raises(LookupError, match="the file broke"):
        get_many(gateway, broken())
    assert wait_until(lambda: not package_threads(threading.enumerate()))


def test_on_drift_is_called_for_each_record(get_many):
    """As by `get`; an exception of the callback ends the run."""
    seen = []
    with Gateway() as gateway:
        get_many(gateway, ids(5), options={"on_drift": seen.append})
        assert len(seen) % 5 == 0
        assert seen

        def refuse(drift):
            raise LookupError(drift.pointer)

        with pytest.raises(LookupError):
            get_many(gateway, ids(5), options={"on_drift": refuse})


def test_a_failing_key_function_fails_each_id(get_many):
    """No request is sent, and the error does not show the key."""

    def no_key():
        raise LookupError("sk-mg-secret")

    with Gateway() as gateway:
        outcomes = get_many(gateway, ids(3), options={"api_key": no_key})
        assert not gateway.requests
    assert {type(outcome.error) for outcome in outcomes} == {ConfigurationError}
    assert "sk-mg" not in repr(outcomes)


ARGUMENTS = [
    {"concurrency": 0},
    {"concurrency": 1001},
    {"concurrency": True},
    {"concurrency": 1.5},
    {"wait": -1},
    {"wait": float("nan")},
    {"wait": "1"},
    {"max_rate": 0},
    {"max_rate": float("inf")},
    {"max_rate": float("nan")},
    {"max_rate": True},
]


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=repr)
@pytest.mark.parametrize("kind", [ModelGates, AsyncModelGates])
def test_invalid_options_are_rejected_before_iteration(kind, arguments):
    """The error names the option."""
    client = kind(api_key=KEY)
    with pytest.raises(ConfigurationError, match=next(iter(arguments))):
        client.generations.get_many([], **arguments)


def test_a_closed_client_raises():
    """Both when it was closed before the run and during it."""
    with Gateway() as gateway:
        client = ModelGates(api_key=KEY, base_url=gateway.base_url)
        stream = client.generations.get_many(f"gen-{number}" for number in itertools.count())
        next(stream)
        client.close()
        with pytest.raises(ClientClosedError):
            list(stream)
        with pytest.raises(ClientClosedError):
            list(client.generations.get_many(["gen-1"]))


def test_an_async_iterator_may_depend_on_earlier_outcomes():
    """An outcome is yielded before the next id is available."""

    async def main(base_url):
        finished_ids = asyncio.Queue()

        async def chain():
            yield "gen-0"
            for _ in range(3):
                yield f"{await finished_ids.get()}-next"

        async with AsyncModelGates(api_key=KEY, base_url=base_url) as client:
            async for outcome in client.generations.get_many(chain()):
                assert isinstance(outcome, Resolved)
                finished_ids.put_nowait(outcome.generation_id)
                last = outcome.generation_id
        return last

    with Gateway() as gateway:
        assert asyncio.run(main(gateway.base_url)) == "gen-0-next-next-next"


def test_an_exception_of_an_async_iterator_is_raised():
    """After the outcomes that were ready before it."""

    async def main(base_url):
        async def broken():
            yield "gen-1"
            raise LookupError("the stream broke")

        async with AsyncModelGates(api_key=KEY, base_url=base_url) as client:
            return [outcome async for outcome in client.generations.get_many(broken())]

    with Gateway() as gateway, pytest.raises(LookupError, match="the stream broke"):
        asyncio.run(main(gateway.base_url))


@pytest.mark.parametrize("is_async", [False, True])
def test_the_end_of_a_program_in_an_iterator_ends_the_run(is_async):
    """An exception that is no `Exception` is not kept in the task that reads the ids."""

    def ended():
        yield "gen-1"
        raise GeneratorExit("the program ends")

    async def ended_async():
        for generation_id in ended():
            yield generation_id

    async def main(base_url):
        source = ended_async() if is_async else ended()
        async with AsyncModelGates(api_key=KEY, base_url=base_url) as client:
            return [outcome async for outcome in client.generations.get_many(source)]

    with Gateway() as gateway, pytest.raises(GeneratorExit):
        asyncio.run(asyncio.wait_for(main(gateway.base_url), 50))


def test_get_batches_yields_the_outcomes_of_get_many():
    """Each batch has the outcomes that are ready at that time."""
    with Gateway() as gateway, ModelGates(api_key=KEY, base_url=gateway.base_url) as client:
        batches = [*client.generations.get_batches(ids(100))]
    assert all(batches)
    assert sorted(by_id([*itertools.chain(*batches)])) == sorted(ids(100))
