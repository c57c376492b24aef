"""What the package exports, how a client is made, its deadline and its retries."""

import inspect
import time
import types
from email.utils import formatdate
from functools import partial
from pathlib import Path

import pytest
from ruamel.yaml import YAML

import modelgates_client
from modelgates_client import (
    DEFAULT_BASE_URL,
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AsyncModelGates,
    BadRequestError,
    ConfigurationError,
    ModelGates,
    RateLimitError,
    ResponseValidationError,
    ServerError,
)
from modelgates_client.calls.retry import RetryBudget

from ..calls.server_turns import RETRYABLE_STATUSES
from .servers import (
    GUARD_S,
    TIMES_S,
    drip,
    hang_up,
    record,
    refusal,
    refusing_port,
    says,
    silence,
)


def took_s(either, call):
    """Return the error of a call, and the seconds that it took."""
    started = time.monotonic()
    with pytest.raises(modelgates_client.ModelGatesError) as caught:
        either(call())
    return caught.value, time.monotonic() - started


# --- what there is


def test_all_is_what_the_package_exports():
    """Every public name is promised, and every promise kept."""
    for name in modelgates_client.__all__:
        assert getattr(modelgates_client, name) is not None
    public = {
        name
        for name, value in vars(modelgates_client).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert public - {"TYPE_CHECKING"} == set(modelgates_client.__all__) - {"__version__"}
    assert dir(modelgates_client) == sorted(set(modelgates_client.__all__))


def test_a_name_that_is_none_is_an_attribute_error():
    """As in any module."""
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        _ = modelgates_client.Nonsense


def test_the_default_server_is_that_of_the_spec():
    """Path included."""
    spec = YAML(typ="safe").load(Path(__file__).parents[2] / "openapi.yaml")
    assert [server["url"] for server in spec["servers"]] == [DEFAULT_BASE_URL]


def test_configuration_is_by_keyword(either):
    """Positions promise nothing."""
    parameters = list(inspect.signature(either.kind).parameters.values())
    assert {parameter.kind for parameter in parameters} == {inspect.Parameter.KEYWORD_ONLY}


def test_both_clients_have_the_same_surface():
    """The same names, the same arguments and the same defaults, awaited or not."""

    def surface(cls):
        return {
            name: [
                (p.name, p.kind, p.default) for p in inspect.signature(member).parameters.values()
            ]
            for name, member in inspect.getmembers(cls, inspect.isfunction)
            if not name.startswith("_") or name == "__init__"
        }

    blocking, awaited = surface(ModelGates), surface(AsyncModelGates)
    assert blocking == awaited
    with ModelGates(api_key="sk-mg-1") as client:
        generations = AsyncModelGates(api_key="sk-mg-1").generations
        assert surface(type(client.generations)) == surface(type(generations))


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), 1e20, "1", None, True])
def test_a_timeout_is_positive(either, timeout):
    """Waiting for no time is a mistake, not a request; so is waiting for ever."""
    with pytest.raises(ConfigurationError, match="timeout must be"):
        either.make(timeout=timeout)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_retries", -1),
        ("max_retries", 1.5),
        ("max_retries", True),
        ("max_response_bytes", 0),
        ("max_response_bytes", "1"),
        ("validation", "harsh"),
        ("validation", None),
    ],
)
def test_other_options_are_checked(either, name, value):
    """The error names the option."""
    with pytest.raises(ConfigurationError, match=f"{name} must be"):
        either.make(**{name: value})


# --- one deadline


@pytest.mark.parametrize("reaction", [drip, silence])
def test_a_deadline_ends_whatever_the_server_does(either, server, reaction):
    """A body that drips for ever never lets a single read time out; the connection is closed."""
    server.answers(reaction)
    client = either.make(server, timeout=0.3)
    error, elapsed_s = took_s(either, lambda: client.generations.get("gen-1"))
    assert type(error) is APITimeoutError
    assert error.attempts == 1
    assert "0.3 s" in str(error)
    assert 0.25 < elapsed_s < GUARD_S
    assert server.is_left()
    server.answers(record())
    patient = client.with_options(timeout=GUARD_S)
    assert either(patient.generations.get("gen-1")).id == "gen-1"


def test_a_deadline_is_over_all_retries(either, server, no_backoff):
    """It is not a time for each of them."""
    server.answers(refusal(503, retry_after_ms="60"))
    client = either.make(server, timeout=0.4, max_retries=1_000)
    error, elapsed_s = took_s(either, lambda: client.generations.get("gen-1"))
    assert isinstance(error, (ServerError, APITimeoutError))
    assert error.attempts <= 8
    assert elapsed_s < GUARD_S


def test_a_timeout_does_not_hide_what_came_before_it(either, server, no_backoff):
    """The reason of the first attempt would be lost else."""
    for timeout_s in TIMES_S:
        server.answers(refusal(503, "out of order"), silence)
        client = either.make(server, timeout=timeout_s)
        error, _ = took_s(either, partial(client.generations.get, "gen-1"))
        if error.attempts == 2:
            break
    assert (type(error), error.attempts) == (ServerError, 2)
    assert "out of order" in str(error)


@pytest.mark.parametrize(
    "header",
    [
        {"Retry_After": "120"},
        {"Retry_After_Ms": "120000"},
        {"Retry_After": formatdate(time.time() + 120 + 3600, usegmt=True)},
    ],
)
def test_a_wait_beyond_the_deadline_is_not_begun(either, server, header):
    """The error comes at once, and says how long to wait."""
    server.answers(refusal(429, "slow down", **header))
    client = either.make(server, timeout=30)
    error, elapsed_s = took_s(either, lambda: client.generations.get("gen-1"))
    assert (type(error), error.attempts, len(server.requests)) == (RateLimitError, 1, 1)
    assert error.message == "slow down"
    assert 100 < error.retry_after < 4_000
    assert elapsed_s < GUARD_S


# --- retries


@pytest.mark.parametrize(
    ("header", "least_s"), [({"Retry_After_Ms": "150"}, 0.15), ({"Retry_After": "0.1"}, 0.1)]
)
@pytest.mark.usefixtures("no_backoff")
def test_the_server_says_how_long_to_wait(either, server, client, header, least_s):
    """And the client does."""
    server.answers(refusal(429, **header), record())
    either(client.generations.get("gen-1"))
    first, second = server.requests
    assert least_s <= second.at_s - first.at_s < GUARD_S


@pytest.mark.parametrize("status", sorted(RETRYABLE_STATUSES))
def test_what_another_attempt_may_mend_is_tried_again(either, server, client, no_backoff, status):
    """The attempts are on the result."""
    server.answers(refusal(status), refusal(status), record())
    assert either(client.generations.get_raw("gen-1")).attempts == 3
    assert len(server.requests) == 3


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 405, 410, 422, 501, 505, 528])
def test_what_no_attempt_mends_is_not_tried_again(either, server, client, status):
    """The server said no."""
    server.answers(refusal(status), record())
    with pytest.raises(APIStatusError) as caught:
        either(client.generations.get("gen-1"))
    assert (caught.value.attempts, len(server.requests)) == (1, 1)


@pytest.mark.parametrize("reaction", [hang_up, says(b"cut off", Content_Encoding="gzip")])
def test_a_broken_transfer_is_tried_again(either, server, client, no_backoff, reaction):
    """It says nothing of the answer."""
    server.answers(reaction, record())
    assert either(client.generations.get_raw("gen-1")).attempts == 2


def test_the_server_decides_whether_to_try_again(either, server, client, no_backoff):
    """`x-should-retry` comes before the status."""
    server.answers(refusal(503, X_Should_Retry="false"))
    with pytest.raises(ServerError) as caught:
        either(client.generations.get("gen-1"))
    assert (caught.value.attempts, len(server.requests)) == (1, 1)
    server.answers(refusal(400, X_Should_Retry="true"))
    with pytest.raises(BadRequestError) as caught:
        either(client.generations.get("gen-1"))
    assert (caught.value.attempts, len(server.requests)) == (11, 12)


@pytest.mark.usefixtures("no_backoff")
@pytest.mark.parametrize("max_retries", [0, 1, 3])
@pytest.mark.parametrize(
    ("reaction", "kind"),
    [
        (refusal(503), ServerError),
        (hang_up, APIConnectionError),
        (record("gen-2"), ResponseValidationError),
    ],
)
def test_every_error_says_how_many_attempts_there_were(either, server, max_retries, reaction, kind):
    """`max_retries` counts those after the first."""
    server.answers(reaction)
    client = either.make(server, max_retries=max_retries)
    with pytest.raises(kind) as caught:
        either(client.generations.get("gen-1"))
    assert caught.value.attempts == len(server.requests) == max_retries + 1
    assert ("attempts" in str(caught.value)) is (max_retries > 0)


@pytest.mark.parametrize("is_there", [True, False])
def test_an_outage_is_not_multiplied(either, server, no_backoff, is_there):
    """Retries take tokens, whatever the trouble; where there are none, a call waits for one."""
    server.answers(refusal(503))
    there = server.base_url if is_there else f"http://127.0.0.1:{refusing_port()}/api/v1"
    kind = ServerError if is_there else APIConnectionError
    client = either.make(base_url=there)
    client._budget._last_number += 1_000
    for timeout_s in TIMES_S:
        patient = client.with_options(timeout=timeout_s)
        error, _ = took_s(either, partial(patient.generations.get, "gen-1"))
        if type(error) is kind:
            break
    assert type(error) is kind
    assert error.attempts == 1


def test_success_fills_the_budget_again(either, server, no_backoff, monkeypatch):
    """After the outage, hiccups are mended as before."""
    monkeypatch.setattr(RetryBudget, "PER_SECOND", 1e-9)  # so that time does not
    client = either.make(server)
    server.answers(refusal(503))
    while client._budget.wait_s(client._budget._last_number + 1) == 0:
        with pytest.raises(ServerError):
            either(client.generations.get("gen-1"))
    server.answers(record())
    for _ in range(10):
        either(client.generations.get("gen-1"))
    server.answers(refusal(503), record())
    assert either(client.generations.get_raw("gen-1")).attempts == 2
