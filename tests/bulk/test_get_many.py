"""`get_many`: of each id exactly one outcome, whatever happens to the others."""

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
from .simulator import LATENCY_S, simulate
from .simulator import error as refused
from .simulator import record as simulated

pytestmark = pytest.mark.usefixtures("patient")

GUARD_S = 30  # what has not happened by then does not happen, on the busiest machine


def ids(count):
    """Return some ids."""
    return [f"gen-{number}" for number in range(count)]


def by_id(outcomes):
    """Return outcomes by their ids, of which none may come twice."""
    found = {outcome.generation_id: outcome for outcome in outcomes}
    assert len(found) == len(outcomes)
    return found


def test_each_id_has_exactly_one_outcome(get_many):
    """Whatever the order, nothing is lost, and each record is that of its id."""
    with Gateway() as gateway:
        outcomes = get_many(gateway, iter(ids(300)), concurrency=20)
    assert sorted(by_id(outcomes)) == sorted(ids(300))
    for outcome in outcomes:
        assert isinstance(outcome, Resolved)
        assert outcome.record.id == outcome.generation_id
        assert outcome.result() is outcome.record
        assert outcome.response.status_code == 200


def test_no_ids_are_no_outcomes(get_many):
    """An empty file is no error."""
    with Gateway() as gateway:
        assert get_many(gateway, []) == []


def test_an_id_that_is_given_twice_is_answered_twice(get_many):
    """As many outcomes come as ids were given."""
    with Gateway() as gateway:
        outcomes = get_many(gateway, ["gen-1", "gen-1"])
    assert [outcome.generation_id for outcome in outcomes] == ["gen-1", "gen-1"]


def test_in_order_on_request(get_many):
    """The first id comes first, also when it takes longest."""

    def answer(generation_id, _):
        slow = int(generation_id.removeprefix("gen-")) % 7 == 0
        return record(generation_id)._replace(delay_s=0.1 if slow else 0)

    with Gateway(answer) as gateway:
        outcomes = get_many(gateway, ids(100), concurrency=10, ordered=True)
    assert [outcome.generation_id for outcome in outcomes] == ids(100)


def test_without_order_a_slow_id_holds_nobody_up(get_many):
    """What is known comes at once: here, the slow one is answered when all others are told of."""
    outcomes = []

    def answer(generation_id, _):
        found = record(generation_id)
        return found._replace(ready=others_told) if generation_id == "gen-0" else found

    def others_told():
        return len(outcomes) == 19

    with Gateway(answer) as gateway:
        get_many(gateway, ids(20), concurrency=2, outcomes=outcomes)
    assert outcomes[-1].generation_id == "gen-0"


BAD = {
    "gen-forbidden": (error(403), PermissionDeniedError),
    "gen-broken": (error(500), ServerError),
    "gen-mixed-up": (record("gen-of-another"), ResponseValidationError),
    "gen-no-json": (Answer(200, b"{"), ResponseValidationError),
}


def test_one_bad_id_stops_nothing(get_many):
    """Each fails with its own error; the others have their records."""
    mixed = [*BAD, "", "white\nspace", None, 7, *ids(20)]

    def answer(generation_id, _):
        return BAD[generation_id][0] if generation_id in BAD else record(generation_id)

    with Gateway(answer) as gateway:
        outcomes = by_id(get_many(gateway, mixed, wait=0, options={"max_retries": 0}))
    assert len(outcomes) == len(mixed)
    for generation_id, (_, kind) in BAD.items():
        assert isinstance(outcomes[generation_id], Failed)
        assert isinstance(outcomes[generation_id].error, kind)
    for generation_id in ("", "white\nspace", "None", "7"):
        assert isinstance(outcomes[generation_id].error, ConfigurationError)
        with pytest.raises(ConfigurationError):
            outcomes[generation_id].result()
    assert all(isinstance(outcomes[generation_id], Resolved) for generation_id in ids(20))


def test_late_records_are_waited_for(get_many):
    """A 404 is asked again until the record is there."""

    def answer(generation_id, before):
        return record(generation_id) if before >= 2 else error(404)

    with Gateway(answer) as gateway:
        outcomes = get_many(gateway, ids(10), concurrency=2)
        assert set(gateway.requests.values()) == {3}
    assert all(isinstance(outcome, Resolved) for outcome in outcomes)
    assert {outcome.response.attempts for outcome in outcomes} == {3}


def test_waiting_takes_no_place(get_many):
    """With one request at a time, ids that wait for their records let the others pass."""

    late = {"gen-0", "gen-1", "gen-2"}

    def answer(generation_id, _):
        there = generation_id not in late or len(gateway.requests) == 30
        return record(generation_id) if there else error(404)

    with Gateway(answer) as gateway:
        outcomes = get_many(gateway, ids(30), concurrency=1)
    assert {outcome.generation_id for outcome in outcomes[-3:]} == late


@pytest.mark.parametrize(("waits", "requests"), [((0,), 1), ((0.6, 6, 60), 2)])
def test_what_does_not_come_is_pending(get_many, waits, requests):
    """It is no failure, and no record."""
    for wait in waits:  # what is too short on a busy machine is tried with more
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
def test_a_record_that_is_not_final_is_pending_with_what_there_is(get_many, waits):
    """It can be kept, and is not taken for the final one."""
    for wait in waits:  # what is too short on a busy machine is tried with more
        with Gateway(lambda name, _: record(name, cancelled=None, finish_reason=None)) as gateway:
            (outcome,) = get_many(gateway, ["gen-1"], wait=wait, final=True)
        if outcome.error.record is not None:
            break
    assert isinstance(outcome, Pending)
    assert outcome.error.record.id == "gen-1"
    assert json.loads(outcome.error.response.body)["data"]["id"] == "gen-1"


@pytest.mark.slow("a server that lets so many through in a real second")
def test_a_rate_limit_loses_nothing(get_many):
    """All ids have their records; what that costs, `test_limits.py` holds."""
    with Gateway(per_second=200) as gateway:
        outcomes = get_many(gateway, ids(400), concurrency=32)
        assert gateway.statuses[200] == 400
        assert gateway.statuses[429] > 0
    assert all(isinstance(outcome, Resolved) for outcome in outcomes)


def test_being_held_up_by_the_rate_limit_is_not_taken_off_an_ids_time():
    """Each has its time for itself, however many are before it."""
    limiter = SlidingWindow(10)

    def server(now, name):
        _, wait = limiter.ask(now)
        return LATENCY_S, simulated(name) if wait is None else refused(429, rounded(wait))

    done = simulate(server, 30, concurrency=30, wait_s=0.5, timeout_s=0.5, max_retries=0)
    assert done.kinds == {"Resolved": 30}
    assert done.ended_at > 2


def test_a_pause_that_is_too_long_ends_in_failures(get_many):
    """Nobody sits for hours before a silent program: what is left fails, without being sent."""
    with Gateway(lambda *_: error(429, "Retry-After: 7200")) as gateway:
        outcomes = get_many(gateway, ids(500), concurrency=5)
        assert sum(gateway.statuses.values()) <= 5
    assert len(by_id(outcomes)) == 500
    assert {type(outcome.error) for outcome in outcomes} == {RateLimitError}
    assert {outcome.error.retry_after for outcome in outcomes} == {7200}


def test_a_server_that_lets_nothing_through_ends_in_failures(get_many, monkeypatch):
    """However small the pauses are that it asks for."""
    monkeypatch.setattr(bulk_run, "MAX_PAUSE_S", 0.5)
    with Gateway(lambda *_: error(429, "Retry-After: 0")) as gateway:
        outcomes = get_many(gateway, ids(20), concurrency=5)
    assert {type(outcome.error) for outcome in outcomes} == {RateLimitError}


@pytest.mark.slow("a second and a half that pass for real")
def test_max_rate_is_kept(get_many):
    """At 40 in a second, 60 requests take no less than 59/40 s."""
    with Gateway() as gateway:
        began = time.monotonic()
        assert len(get_many(gateway, ids(60), concurrency=20, max_rate=40)) == 60
        assert time.monotonic() - began > 1.47


def test_no_more_requests_at_one_time_than_allowed(get_many):
    """Nor more connections, and they are used again."""
    with Gateway(delay_s=0.005) as gateway:
        get_many(gateway, ids(200), concurrency=8)
        assert gateway.most_at_once <= 8
        assert gateway.most_open <= 8


def test_ids_are_taken_as_they_are_needed(get_many):
    """A million fit into memory; leaving early takes no more of them, and leaves nothing open."""
    taken = itertools.count()
    endless = (f"gen-{number}" for number in taken)
    with Gateway() as gateway:
        outcomes = get_many(gateway, endless, most=50, concurrency=10)
        assert len(outcomes) == 50
        assert next(taken) <= 50 + 5 * 10
        assert wait_until(lambda: gateway.open == 0)
    assert wait_until(lambda: not of_ours(threading.enumerate()))


def of_ours(threads):
    """Return those of some threads that the package started."""
    return [thread for thread in threads if "modelgates" in thread.name]


def wait_until(condition):
    """Wait for a condition, as long as it takes on a busy machine; return whether it held."""
    until = time.monotonic() + GUARD_S
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)
    return condition()


def test_those_that_wait_are_bounded_too(get_many, monkeypatch):
    """Where no record comes, no more ids are taken than fit."""
    monkeypatch.setattr(schedule, "MAX_OPEN", 30)
    taken = itertools.count()
    endless = (f"gen-{number}" for number in taken)
    with Gateway(lambda *_: error(404)) as gateway:
        get_many(gateway, endless, most=1, concurrency=10, wait=0.7)
    assert next(taken) <= 30 + 10


def test_what_the_iterator_raises_is_raised(get_many):
    """It is the caller's own, and nothing is left running."""

    def broken():
        yield "gen-1"
        raise LookupError("the file broke")

    with Gateway() as gateway, pytest.raises(LookupError, match="the file broke"):
        get_many(gateway, broken())
    assert wait_until(lambda: not of_ours(threading.enumerate()))


def test_drift_is_told_of(get_many):
    """Each record's, as by `get`; what the callback raises ends the fetch."""
    seen = []
    with Gateway() as gateway:
        get_many(gateway, ids(5), options={"on_drift": seen.append})
        assert len(seen) % 5 == 0
        assert seen

        def refuse(drift):
            raise LookupError(drift.pointer)

        with pytest.raises(LookupError):
            get_many(gateway, ids(5), options={"on_drift": refuse})


def test_a_key_that_cannot_be_had_fails_each_id(get_many):
    """The function's failure is told, and nothing is sent."""

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
def test_what_cannot_be_done_is_said_at_once(kind, arguments):
    """Before the first outcome is asked for."""
    client = kind(api_key=KEY)
    with pytest.raises(ConfigurationError, match=next(iter(arguments))):
        client.generations.get_many([], **arguments)


def test_a_closed_client_asks_nothing():
    """Neither from the beginning, nor when it is closed meanwhile."""
    with Gateway() as gateway:
        client = ModelGates(api_key=KEY, base_url=gateway.base_url)
        stream = client.generations.get_many(f"gen-{number}" for number in itertools.count())
        next(stream)
        client.close()
        with pytest.raises(ClientClosedError):
            list(stream)
        with pytest.raises(ClientClosedError):
            list(client.generations.get_many(["gen-1"]))


def test_ids_may_come_asynchronously_one_because_of_the_other():
    """An outcome is there before the next id is."""

    async def main(base_url):
        heard = asyncio.Queue()

        async def chain():
            yield "gen-0"
            for _ in range(3):
                yield f"{await heard.get()}-next"

        async with AsyncModelGates(api_key=KEY, base_url=base_url) as client:
            async for outcome in client.generations.get_many(chain()):
                assert isinstance(outcome, Resolved)
                heard.put_nowait(outcome.generation_id)
                last = outcome.generation_id
        return last

    with Gateway() as gateway:
        assert asyncio.run(main(gateway.base_url)) == "gen-0-next-next-next"


def test_what_an_asynchronous_iterator_raises_is_raised():
    """After what was ready before it."""

    async def main(base_url):
        async def broken():
            yield "gen-1"
            raise LookupError("the stream broke")

        async with AsyncModelGates(api_key=KEY, base_url=base_url) as client:
            return [outcome async for outcome in client.generations.get_many(broken())]

    with Gateway() as gateway, pytest.raises(LookupError, match="the stream broke"):
        asyncio.run(main(gateway.base_url))


def test_batches_hold_the_same():
    """`get_batches` yields what `get_many` does, as much at a time as there is."""
    with Gateway() as gateway, ModelGates(api_key=KEY, base_url=gateway.base_url) as client:
        batches = [*client.generations.get_batches(ids(100))]
    assert all(batches)
    assert sorted(by_id([*itertools.chain(*batches)])) == sorted(ids(100))
