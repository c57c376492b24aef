"""Outages, restarts and failed name lookups, with `get`, `wait` and `get_many` of each client."""

import asyncio
import contextlib
import socket
import threading
import time

import pytest

from modelgates_client import (
    APIConnectionError,
    APITimeoutError,
    Failed,
    GenerationNotReadyError,
    ModelGates,
    ModelGatesError,
    OutageError,
    Resolved,
)

from .clients import ASYNC_FLAVOURS, async_client, sync_client
from .faults import CLOSE, RESET, STALL, connect, good, play
from .servers import FaultServer
from .wire import GOOD, ID, KEY, NEXT_ID, error_body, page, response

DOWN_S = 0.3
_DOWN = response(error_body("down", 503), "503 Service Unavailable")
_DATED = response(error_body("down", 503), "503 Service Unavailable", "Retry-After: 0.2")

#: What a server does during an outage, and whether it listens.
OUTAGES = {
    "503": (play(_DOWN), True),
    "503-named": (play(_DATED), True),
    "502-page": (play(page()), True),
    "408": (play(response(error_body("late", 408), "408 Request Timeout")), True),
    "529": (play(response(error_body("busy", 529), "529 Overloaded")), True),
    "cut-off": (play(GOOD[:-20], CLOSE), True),
    "refused": (connect(), False),
    "reset": (connect(RESET), True),
    "reset-after-request": (play(RESET), True),
    "closed": (play(CLOSE), True),
}
CALLS = ("get", "wait", "get_many")
MANY = {"wait": 0, "outage_timeout": 30}


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    """Shorten the waits between attempts as the outages are shortened."""
    monkeypatch.setattr("modelgates_client.calls.retry._FIRST_WAIT_S", 0.02)


@contextlib.contextmanager
def outage(script, *, listening=True, seconds=DOWN_S):
    """Serve an outage that ends by itself."""
    with FaultServer(script, healthy=play(good), listening=listening) as server:
        end = threading.Timer(seconds, server.heal)
        end.start()
        try:
            yield server
        finally:
            end.join()


def run_calls(flavour, call, base_url, ids=(ID, NEXT_ID), **options):
    """Return the result of a call for each id: the id of its record, or an error."""
    arguments = {"base_url": base_url, "trust_env": False, **options}
    if flavour in ASYNC_FLAVOURS:
        return asyncio.run(_run_async_calls(flavour, call, ids, arguments))
    with sync_client(flavour, **arguments) as client:
        if call == "get_many":
            return _by_id(_outcomes_until_outage(client.generations.get_many(ids, **MANY)), ids)
        return [_result(lambda name=name: getattr(client.generations, call)(name)) for name in ids]


def _outcomes_until_outage(outcomes):
    """Yield outcomes until the end, or until an outage lasts too long."""
    with contextlib.suppress(OutageError):
        yield from outcomes


def _result(fetch):
    try:
        return fetch().id
    except ModelGatesError as error:
        return error


async def _run_async_calls(flavour, call, ids, arguments):
    async with async_client(flavour, **arguments) as client:
        if call == "get_many":
            outcomes = []
            with contextlib.suppress(OutageError):  # the outcomes have the error, too
                async for outcome in client.generations.get_many(ids, **MANY):
                    outcomes.append(outcome)  # noqa: PERF401 - outcomes before the error are kept
            return _by_id(outcomes, ids)
        calls = [getattr(client.generations, call)(name) for name in ids]
        results = await asyncio.gather(*calls, return_exceptions=True)
        return [result if isinstance(result, Exception) else result.id for result in results]


def _by_id(outcomes, ids):
    by_id = {outcome.generation_id: outcome for outcome in outcomes}
    return [_result_of(by_id[name]) for name in ids]


def _result_of(outcome):
    if isinstance(outcome, Resolved):
        return outcome.record.id
    return outcome.error if isinstance(outcome, Failed) else outcome.error.last_error


def base_url_of(server, host="127.0.0.1"):
    """Return the base URL for a client."""
    return f"http://{host}:{server.port}/api/v1"


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("name", OUTAGES)
def test_calls_succeed_after_an_outage(flavour, name, call):
    """If the server recovers while there are retries and time left."""
    script, listening = OUTAGES[name]
    with outage(script, listening=listening) as server:
        assert run_calls(flavour, call, base_url_of(server)) == [ID, NEXT_ID]


@pytest.mark.parametrize("call", CALLS)
def test_a_half_open_connection_is_abandoned(flavour, call, monkeypatch):
    """After 40 % of the timeout (`get`, `wait`), or after the client's timeout (`get_many`)."""
    monkeypatch.setattr("modelgates_client.calls.execution._MIN_STALL_S", 0.0)
    for timeout_s in (0.6, 6.0, 30.0):  # a busy machine may need a longer timeout
        with outage(play(STALL), seconds=0.1) as server:
            outcomes = run_calls(flavour, call, base_url_of(server), timeout=timeout_s)
        if outcomes == [ID, NEXT_ID]:
            break
    assert outcomes == [ID, NEXT_ID]


def test_a_get_without_retries_waits_for_the_whole_timeout(flavour):
    """A half-open connection looks like a slow server."""
    with FaultServer(play(STALL)) as server:
        outcomes = run_calls(flavour, "get", base_url_of(server), (ID,), timeout=0.2, max_retries=0)
    assert [type(error) for error in outcomes] == [APITimeoutError]


class FailingResolver:
    """Replaces the system's lookup of `localhost`, and fails a configurable number of times."""

    def __init__(self, monkeypatch):
        self.code, self.times, self.delay_s, self.lookups = socket.EAI_NONAME, 0, 0.0, 0
        self._real = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self)

    def __call__(self, host, port, *args, **options):
        numeric = options.get("flags", 0) & socket.AI_NUMERICHOST
        if host not in {"localhost", b"localhost"} or numeric:
            return self._real(host, port, *args, **options)
        self.lookups += 1
        time.sleep(self.delay_s)
        if self.lookups <= self.times:
            raise socket.gaierror(self.code, "the name is not known")
        return self._real("127.0.0.1", port, *args, **options)


@pytest.fixture
def resolver(monkeypatch):
    """A resolver that a test may configure."""
    return FailingResolver(monkeypatch)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("code", [socket.EAI_NONAME, socket.EAI_AGAIN])
def test_a_failed_lookup_is_retried(flavour, call, code, resolver):
    """A resolver may be down temporarily."""
    resolver.code, resolver.times = code, 3
    with FaultServer(play(good)) as server:
        outcomes = run_calls(flavour, call, base_url_of(server, "localhost"))
    assert outcomes == [ID, NEXT_ID]
    assert resolver.lookups >= 4


@pytest.mark.parametrize("call", ["get", "get_many"])
def test_an_unknown_host_is_a_connection_error(flavour, call, resolver, monkeypatch):
    """After the retries, or the time for an outage, are used up."""
    monkeypatch.setitem(MANY, "outage_timeout", 0.5)
    resolver.times = 10**6
    where = "http://localhost:9/api/v1"
    (error,) = run_calls(flavour, call, where, (ID,), max_retries=2)
    assert type(error) is APIConnectionError
    assert call == "get_many" or error.attempts == 3


@pytest.mark.parametrize("call", ["get", "get_many"])
def test_a_slow_resolver_is_bounded_by_the_deadline(flavour, call, resolver, monkeypatch):
    """The call does not hang."""
    monkeypatch.setitem(MANY, "outage_timeout", 0.5)
    resolver.delay_s = 0.6
    with FaultServer(play(good)) as server:
        outcomes = run_calls(flavour, call, base_url_of(server, "localhost"), (ID,), timeout=0.2)
    assert [type(error) for error in outcomes] == [APITimeoutError]


def test_a_wait_without_a_server_reports_the_last_error(resolver):
    """Even if the host is not found."""
    resolver.times = 10**6
    url = "http://localhost:9/api/v1"
    with ModelGates(api_key=KEY, base_url=url, trust_env=False) as client:
        for timeout_s in (0.3, 3.0, 30.0):  # a busy machine may need a longer timeout
            with pytest.raises(GenerationNotReadyError) as caught:
                client.generations.wait(ID, timeout=timeout_s)
            if type(caught.value.last_error) is APIConnectionError:
                break
    assert type(caught.value.last_error) is APIConnectionError
