"""`client.generations.wait` returns a record, or the final one on request; never a made-up one."""

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
    hang_up,
    json_response,
    record,
    refusal,
    refusing_port,
    respond_with_record,
    silence,
)

ABSENT = refusal(404, "Generation not found")
UNSETTLED = record(finish_reason=None, cancelled=False, total_cost=0.5)


@pytest.fixture(autouse=True)
def short_polls(monkeypatch, no_backoff):
    """Poll every few milliseconds."""
    monkeypatch.setattr("modelgates_client.calls.execution._MIN_POLL_PAUSE_S", 0.005)
    monkeypatch.setattr("modelgates_client.calls.execution._MAX_POLL_PAUSE_S", 0.01)


@pytest.fixture
def slower_polls(monkeypatch):
    """Poll less often, so that the last request has time for a response."""
    monkeypatch.setattr("modelgates_client.calls.execution._MIN_POLL_PAUSE_S", 0.2)
    monkeypatch.setattr("modelgates_client.calls.execution._MAX_POLL_PAUSE_S", 0.2)


def test_an_existing_record_takes_one_request(either, server, client):
    """Waiting then has no cost."""
    assert either(client.generations.wait("gen-1")).id == "gen-1"
    assert len(server.requests) == 1


def test_a_missing_record_is_waited_for(either, server, client):
    """404 first, then 200, as from the service after a completion."""
    server.respond_with(ABSENT, ABSENT, ABSENT, record(total_cost=0))
    got = either(client.generations.wait("gen-1"))
    assert (got.id, got.total_cost) == ("gen-1", 0)
    assert len(server.requests) == 4


def test_a_404_in_a_success_is_waited_for(either, server, client):
    """An error object means the same as a status."""
    server.respond_with(json_response({"error": {"code": 404, "message": "no"}}), record())
    assert either(client.generations.wait("gen-1")).id == "gen-1"


@pytest.mark.parametrize("settled", [{"finish_reason": "stop"}, {"cancelled": True}])
def test_the_final_record_is_waited_for_on_request(either, server, client, settled):
    """By default, a provisional record is returned."""
    changes = {"finish_reason": None, "cancelled": None, **settled}
    server.respond_with(ABSENT, UNSETTLED, UNSETTLED, record(**changes))
    got = either(client.generations.wait("gen-1", final=True))
    assert got.is_final
    assert len(server.requests) == 4
    server.respond_with(UNSETTLED)
    assert not either(client.generations.wait("gen-1")).is_final


@pytest.mark.usefixtures("slower_polls")
def test_a_timeout_without_a_record_raises_not_ready(either, server, client):
    """The error has the waited time, the number of requests, and the last response."""
    server.respond_with(ABSENT)
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


@pytest.mark.usefixtures("slower_polls")
def test_a_timeout_without_the_final_record_raises_not_ready(either, server, client):
    """The error has the last record."""
    for timeout_s in TIMES_S:
        server.respond_with(ABSENT, UNSETTLED)
        with pytest.raises(GenerationNotReadyError) as caught:
            either(client.generations.wait("gen-1", timeout=timeout_s, final=True))
        if caught.value.record is not None:
            break
    assert "not the final one" in str(caught.value)
    assert caught.value.record.total_cost == 0.5
    assert caught.value.last_error is None


@pytest.mark.parametrize("last", [ABSENT, UNSETTLED])
def test_a_not_ready_error_pickles(either, server, client, last):
    """With its record and its last error."""
    server.respond_with(last)
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
        (json_response(b"{}"), ResponseValidationError),
    ],
)
def test_permanent_errors_are_raised_at_once(either, server, client, reaction, kind):
    """For example for a wrong key."""
    server.respond_with(ABSENT, reaction, record())
    with pytest.raises(kind) as caught:
        either(client.generations.wait("gen-1"))
    assert caught.value.attempts == len(server.requests) == 2


@pytest.mark.parametrize("max_retries", [0, 4])
@pytest.mark.parametrize("failed_attempt", [refusal(503), refusal(429), hang_up, record("gen-2")])
def test_wait_survives_more_errors_than_get(either, server, failed_attempt, max_retries):
    """As long as there is time."""
    server.respond_with(failed_attempt, failed_attempt, ABSENT, *[failed_attempt] * 5, record())
    client = either.make(server, max_retries=max_retries)
    assert either(client.generations.wait("gen-1", timeout=GUARD_S)).id == "gen-1"
    assert len(server.requests) == 9


def test_the_retry_budget_limits_polls_in_an_outage(either, server, client):
    """Retryable errors take tokens; without tokens, a wait pauses."""
    client._budget._last_number += 1_000
    server.respond_with(refusal(503))
    for timeout_s in TIMES_S:
        server.requests.clear()
        with pytest.raises(GenerationNotReadyError) as caught:
            either(client.generations.wait("gen-1", timeout=timeout_s))
        if type(caught.value.last_error) is ServerError:
            break
    assert type(caught.value.last_error) is ServerError
    assert caught.value.attempts == len(server.requests) == 1
    server.respond_with(ABSENT, record())  # absence is no failure, and takes no token
    assert either(client.generations.wait("gen-1")).id == "gen-1"


def test_a_retry_after_is_respected(either, server, client):
    """Also that of a 404."""
    slow = json_response({"error": {"code": 404, "message": "no"}}, 404, Retry_After_Ms="150")
    server.respond_with(slow, refusal(503, retry_after_ms="100"), record())
    either(client.generations.wait("gen-1"))
    first, second, third = [request.at_s for request in server.requests]
    assert 0.15 <= second - first < GUARD_S
    assert 0.1 <= third - second < GUARD_S


@pytest.mark.parametrize(
    ("status", "kind"),
    [(404, GenerationNotReadyError), (503, GenerationNotReadyError), (429, RateLimitError)],
)
def test_a_retry_after_beyond_the_timeout_raises_at_once(either, server, client, status, kind):
    """The error has the wait that the server asked for."""
    server.respond_with(refusal(status, Retry_After="100"))
    started = time.monotonic()
    with pytest.raises(kind) as caught:
        either(client.generations.wait("gen-1", timeout=30))
    assert time.monotonic() - started < GUARD_S
    server_error = caught.value if kind is RateLimitError else caught.value.last_error
    assert (server_error.status_code, server_error.retry_after) == (status, 100)


@pytest.mark.parametrize("reaction", [silence, drip])
def test_the_timeout_of_a_wait_bounds_a_hanging_request(either, server, client, reaction):
    """Whatever the timeout of the client is."""
    server.respond_with(reaction)
    started = time.monotonic()
    with pytest.raises(GenerationNotReadyError) as caught:
        either(client.generations.wait("gen-1", timeout=0.3))
    assert time.monotonic() - started < GUARD_S
    assert type(caught.value.last_error) is APITimeoutError
    assert server.all_connections_closed()


def test_the_clients_timeout_bounds_each_request(either, server):
    """A hanging request does not use up the whole wait."""
    for timeout_s in TIMES_S:
        server.requests.clear()
        server.respond_with(silence, silence, record())
        client = either.make(server, timeout=timeout_s / 3)
        assert either(client.generations.wait("gen-1", timeout=4 * GUARD_S)).id == "gen-1"
        if len(server.requests) == 3:
            break
    assert len(server.requests) == 3


def test_an_unreachable_server_is_waited_for(either):
    """The last error is a connection error."""
    client = either.make(base_url=f"http://127.0.0.1:{refusing_port()}/api/v1")
    for timeout_s in TIMES_S:
        with pytest.raises(GenerationNotReadyError) as caught:
            either(client.generations.wait("gen-1", timeout=timeout_s))
        if type(caught.value.last_error) is APIConnectionError:
            break
    assert type(caught.value.last_error) is APIConnectionError


def test_strict_validation_applies_to_wait(either, server):
    """A record with drift is an error, which waiting does not fix."""
    server.respond_with(ABSENT, record())
    client = either.make(server, validation="strict")
    with pytest.raises(ResponseValidationError):
        either(client.generations.wait("gen-1"))


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), "1"])
def test_an_invalid_timeout_is_rejected(either, server, client, timeout):
    """Before any request is sent."""
    with pytest.raises(ConfigurationError, match="timeout must be"):
        either(client.generations.wait("gen-1", timeout=timeout))
    assert server.requests == []


def test_closing_the_client_ends_a_wait(either, server, client):
    """At the next poll, from any thread."""
    server.respond_with(ABSENT)

    async def close_meanwhile():
        waiting = asyncio.ensure_future(client.generations.wait("gen-1"))
        await asyncio.sleep(0.05)
        await client.close()
        await waiting

    def close(_, handler):
        client.close()
        handler.send(ABSENT)

    if not either.is_async:
        server.respond_with(ABSENT, close, ABSENT)
    with pytest.raises(ClientClosedError):
        either(close_meanwhile() if either.is_async else client.generations.wait("gen-1"))


def test_concurrent_waits_get_their_own_records(server):
    """Each waits for its own record."""
    got = []
    server.respond_with(*[ABSENT] * 8, respond_with_record)
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


def test_the_schedule_suits_the_service(monkeypatch):
    """Fast at first; some fifteen requests in a minute, without long gaps."""
    monkeypatch.undo()
    elapsed_s, polls = 0.0, []
    while elapsed_s < 60:
        polls.append(elapsed_s)
        elapsed_s += poll_pause_s(elapsed_s)
    assert polls[:3] == [0, 0.25, 0.5]
    assert 12 <= len(polls) <= 30
    assert max(after - before for before, after in pairwise(polls)) <= 5
