"""`client.generations.wait`: until there is a record, or the final one; never a made-up one."""

import asyncio
import pickle
import threading
import time
from itertools import pairwise

import pytest

from modelgates_client import (
    APIConnectionError,
    APITimeoutError,
    AuthenticationError,
    ClientClosedError,
    ConfigurationError,
    GenerationNotReadyError,
    ModelGates,
    NotFoundError,
    RateLimitError,
    ResponseValidationError,
    ServerError,
)
from modelgates_client.calls.execution import poll_pause_s

from ..client.servers import (
    GUARD_S,
    KEY,
    TIMES_S,
    drip,
    good,
    hang_up,
    record,
    refusal,
    refusing_port,
    says,
    silence,
)

ABSENT = refusal(404, "Generation not found")
UNSETTLED = record(finish_reason=None, cancelled=False, total_cost=0.5)


@pytest.fixture(autouse=True)
def quick(monkeypatch, no_backoff):
    """Poll every few milliseconds."""
    monkeypatch.setattr("modelgates_client.calls.execution._MIN_POLL_PAUSE_S", 0.005)
    monkeypatch.setattr("modelgates_client.calls.execution._MAX_POLL_PAUSE_S", 0.01)


@pytest.fixture
def steady(monkeypatch):
    """Poll less often, so that the last request has time for an answer."""
    monkeypatch.setattr("modelgates_client.calls.execution._MIN_POLL_PAUSE_S", 0.2)
    monkeypatch.setattr("modelgates_client.calls.execution._MAX_POLL_PAUSE_S", 0.2)


def test_a_record_that_is_there_takes_one_request(either, server, client):
    """Waiting costs nothing then."""
    assert either(client.generations.wait("gen-1")).id == "gen-1"
    assert len(server.requests) == 1


def test_a_record_that_is_not_there_yet_is_waited_for(either, server, client):
    """404 first, then 200: what the service does after a completion."""
    server.answers(ABSENT, ABSENT, ABSENT, record(total_cost=0))
    got = either(client.generations.wait("gen-1"))
    assert (got.id, got.total_cost) == ("gen-1", 0)
    assert len(server.requests) == 4


def test_an_absence_may_be_in_a_success(either, server, client):
    """An error object says what a status would."""
    server.answers(says({"error": {"code": 404, "message": "no"}}), record())
    assert either(client.generations.wait("gen-1")).id == "gen-1"


@pytest.mark.parametrize("settled", [{"finish_reason": "stop"}, {"cancelled": True}])
def test_the_final_record_is_waited_for_if_asked(either, server, client, settled):
    """A record may come before it is settled; without being asked, it is taken."""
    changes = {"finish_reason": None, "cancelled": None, **settled}
    server.answers(ABSENT, UNSETTLED, UNSETTLED, record(**changes))
    got = either(client.generations.wait("gen-1", final=True))
    assert got.is_final
    assert len(server.requests) == 4
    server.answers(UNSETTLED)
    assert not either(client.generations.wait("gen-1")).is_final


@pytest.mark.usefixtures("steady")
def test_the_time_is_over_without_a_record(either, server, client):
    """The error says how long was waited, how often was asked, and what was said last."""
    server.answers(ABSENT)
    for timeout_s in TIMES_S:
        server.requests.clear()
        with pytest.raises(GenerationNotReadyError) as caught:
            either(client.generations.wait("gen-1", timeout=timeout_s))
        error = caught.value
        if error.attempts == len(server.requests) > 1:
            break
    assert error.generation_id == "gen-1"
    assert timeout_s / 2 < error.elapsed_s < timeout_s + GUARD_S
    assert error.attempts == len(server.requests) > 1
    assert error.record is None
    assert type(error.last_error) is NotFoundError
    assert "gen-1" in str(error)
    assert "Generation not found" in str(error)


@pytest.mark.usefixtures("steady")
def test_the_time_is_over_without_the_final_record(either, server, client):
    """The last record that came is on the error."""
    for timeout_s in TIMES_S:
        server.answers(ABSENT, UNSETTLED)
        with pytest.raises(GenerationNotReadyError) as caught:
            either(client.generations.wait("gen-1", timeout=timeout_s, final=True))
        if caught.value.record is not None:
            break
    assert "not the final one" in str(caught.value)
    assert caught.value.record.total_cost == 0.5
    assert caught.value.last_error is None


@pytest.mark.parametrize("last", [ABSENT, UNSETTLED])
def test_the_error_pickles(either, server, client, last):
    """With the record and the error in it."""
    server.answers(last)
    with pytest.raises(GenerationNotReadyError) as caught:
        either(client.generations.wait("gen-1", timeout=0.1, final=True))
    error = caught.value
    twin = pickle.loads(pickle.dumps(error))
    assert (type(twin), str(twin)) == (type(error), str(error))
    assert (twin.elapsed_s, twin.attempts) == (error.elapsed_s, error.attempts)
    assert repr(twin.last_error) == repr(error.last_error)
    assert repr(twin.record) == repr(error.record)
    if error.record is not None:
        assert type(twin.record) is type(error.record)
        assert twin.record.to_dict() == error.record.to_dict()


@pytest.mark.parametrize(
    ("reaction", "kind"),
    [
        (refusal(401), AuthenticationError),
        (says(b"{}"), ResponseValidationError),
    ],
)
def test_what_waiting_does_not_mend_is_raised_at_once(either, server, client, reaction, kind):
    """A wrong key stays wrong."""
    server.answers(ABSENT, reaction, record())
    with pytest.raises(kind) as caught:
        either(client.generations.wait("gen-1"))
    assert caught.value.attempts == len(server.requests) == 2


@pytest.mark.parametrize("max_retries", [0, 4])
@pytest.mark.parametrize("failed_attempt", [refusal(503), refusal(429), hang_up, record("gen-2")])
def test_setbacks_are_ridden_out(either, server, failed_attempt, max_retries):
    """More of them than `get` would bear: there is time."""
    server.answers(failed_attempt, failed_attempt, ABSENT, *[failed_attempt] * 5, record())
    client = either.make(server, max_retries=max_retries)
    assert either(client.generations.wait("gen-1", timeout=GUARD_S)).id == "gen-1"
    assert len(server.requests) == 9


def test_an_outage_is_not_multiplied(either, server, client):
    """Setbacks take tokens of the client's budget; when there are none, a wait waits for them."""
    client._budget._last_number += 1_000
    server.answers(refusal(503))
    for timeout_s in TIMES_S:
        server.requests.clear()
        with pytest.raises(GenerationNotReadyError) as caught:
            either(client.generations.wait("gen-1", timeout=timeout_s))
        if type(caught.value.last_error) is ServerError:
            break
    assert type(caught.value.last_error) is ServerError
    assert caught.value.attempts == len(server.requests) == 1
    server.answers(ABSENT, record())  # absence is no setback, and takes none
    assert either(client.generations.wait("gen-1")).id == "gen-1"


def test_the_server_says_how_long_to_wait(either, server, client):
    """An absence may say so, too."""
    slow = says({"error": {"code": 404, "message": "no"}}, 404, Retry_After_Ms="150")
    server.answers(slow, refusal(503, retry_after_ms="100"), record())
    either(client.generations.wait("gen-1"))
    first, second, third = [asked.at_s for asked in server.requests]
    assert 0.15 <= second - first < GUARD_S
    assert 0.1 <= third - second < GUARD_S


@pytest.mark.parametrize(
    ("status", "kind"),
    [(404, GenerationNotReadyError), (503, GenerationNotReadyError), (429, RateLimitError)],
)
def test_a_wait_beyond_the_time_is_not_begun(either, server, client, status, kind):
    """It could only end in vain: the error comes at once, and says how long to wait."""
    server.answers(refusal(status, Retry_After="100"))
    started = time.monotonic()
    with pytest.raises(kind) as caught:
        either(client.generations.wait("gen-1", timeout=30))
    assert time.monotonic() - started < GUARD_S
    said = caught.value if kind is RateLimitError else caught.value.last_error
    assert (said.status_code, said.retry_after) == (status, 100)


@pytest.mark.parametrize("reaction", [silence, drip])
def test_the_time_bounds_a_request_that_hangs(either, server, client, reaction):
    """Whatever the client's own time-out is."""
    server.answers(reaction)
    started = time.monotonic()
    with pytest.raises(GenerationNotReadyError) as caught:
        either(client.generations.wait("gen-1", timeout=0.3))
    assert time.monotonic() - started < GUARD_S
    assert type(caught.value.last_error) is APITimeoutError
    assert server.is_left()


def test_the_clients_timeout_bounds_each_request(either, server):
    """One that hangs does not use up the time of all."""
    for timeout_s in TIMES_S:
        server.requests.clear()
        server.answers(silence, silence, record())
        client = either.make(server, timeout=timeout_s / 3)
        assert either(client.generations.wait("gen-1", timeout=4 * GUARD_S)).id == "gen-1"
        if len(server.requests) == 3:
            break
    assert len(server.requests) == 3


def test_a_server_that_is_not_there_is_waited_for(either):
    """The last error says so."""
    client = either.make(base_url=f"http://127.0.0.1:{refusing_port()}/api/v1")
    for timeout_s in TIMES_S:
        with pytest.raises(GenerationNotReadyError) as caught:
            either(client.generations.wait("gen-1", timeout=timeout_s))
        if type(caught.value.last_error) is APIConnectionError:
            break
    assert type(caught.value.last_error) is APIConnectionError


def test_strict_validation_holds_here_too(either, server):
    """A record with drift is none, and waiting does not mend it."""
    server.answers(ABSENT, record())
    client = either.make(server, validation="strict")
    with pytest.raises(ResponseValidationError):
        either(client.generations.wait("gen-1"))


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), "1"])
def test_a_time_that_cannot_be_waited_is_refused(either, server, client, timeout):
    """Before anything is sent."""
    with pytest.raises(ConfigurationError, match="timeout must be"):
        either(client.generations.wait("gen-1", timeout=timeout))
    assert server.requests == []


def test_closing_the_client_ends_a_wait(either, server, client):
    """By the next poll; whoever closes it."""
    server.answers(ABSENT)

    async def close_meanwhile():
        waiting = asyncio.ensure_future(client.generations.wait("gen-1"))
        await asyncio.sleep(0.05)
        await client.close()
        await waiting

    def close(_, handler):
        client.close()
        handler.say(ABSENT)

    if not either.is_async:
        server.answers(ABSENT, close, ABSENT)
    with pytest.raises(ClientClosedError):
        either(close_meanwhile() if either.is_async else client.generations.wait("gen-1"))


def test_many_can_wait_at_a_time(server):
    """Each for its own."""
    got = []
    server.answers(*[ABSENT] * 8, good)
    with ModelGates(api_key=KEY, base_url=server.base_url) as client:

        def wait(name):
            got.append(client.generations.wait(name).id)

        names = [f"gen-{number}" for number in range(8)]
        threads = [threading.Thread(target=wait, args=(name,)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(GUARD_S)
    assert sorted(got) == names


def test_the_schedule_is_fit_for_the_service(monkeypatch):
    """Fast at first; some fifteen requests in a minute, and never long without one."""
    monkeypatch.undo()
    elapsed_s, polls = 0.0, []
    while elapsed_s < 60:
        polls.append(elapsed_s)
        elapsed_s += poll_pause_s(elapsed_s)
    assert polls[:3] == [0, 0.25, 0.5]
    assert 12 <= len(polls) <= 30
    assert max(after - before for before, after in pairwise(polls)) <= 5
