"""The exports of the package, the creation of a client, its deadline and its retries."""

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
    json_response,
    record,
    refusal,
    refusing_port,
    silence,
)


def error_and_duration(either, call):
    """Return the error of a call, and its duration in seconds."""
    started = time.monotonic()
    with pytest.raises(modelgates_client.ModelGatesError) as caught:
        either(call())
    return caught.value, time.monotonic() - started


# --- the API of the package


def test_all_lists_the_exports_of_the_package():
    """Every public name is in `__all__`, and every name in `__all__` exists."""
    for name in modelgates_client.__all__:
        assert getattr(modelgates_client, name) is not None
    public = {
        name
        for name, value in vars(modelgates_client).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert public - {"TYPE_CHECKING"} == set(modelgates_client.__all__) - {"__version__"}
    assert dir(modelgates_client) == sorted(set(modelgates_client.__all__))


def test_an_unknown_name_is_an_attribute_error():
    """As in any module."""
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        _ = modelgates_client.Nonsense


def test_the_default_server_is_that_of_the_spec():
    """Including the path; a slash at its end has no meaning."""
    spec = YAML(typ="safe").load(Path(__file__).parents[2] / "openapi.yaml")
    assert [server["url"].rstrip("/") for server in spec["servers"]] == [DEFAULT_BASE_URL]


def test_options_are_keyword_only(either):
    """Their order is not part of the API."""
    parameters = list(inspect.signature(either.kind).parameters.values())
    assert {parameter.kind for parameter in parameters} == {inspect.Parameter.KEYWORD_ONLY}


def test_both_clients_have_the_same_api():
    """The same names, arguments and defaults."""

    def surface(cls):
        return {
            name: [
                (p.name, p.kind, p.default) for p in inspect.signature(member).parameters.values()
            ]
            for name, member in inspect.getmembers(cls, inspect.isfunction)
            if not name.startswith("_") or name == "__init__"
        }

    sync_api, async_api = surface(ModelGates), surface(AsyncModelGates)
    assert sync_api == async_api
    with ModelGates(api_key="sk-mg-1") as client:
        generations = AsyncModelGates(api_key="sk-mg-1").generations
        assert surface(type(client.generations)) == surface(type(generations))


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), 1e20, "1", None, True])
def test_a_timeout_is_positive(either, timeout):
    """0 and infinity are configuration errors."""
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


# --- deadline


@pytest.mark.parametrize("reaction", [drip, silence])
def test_a_deadline_ends_an_endless_response(either, server, reaction):
    """A slow endless body never lets a single read time out; the connection is closed."""
    server.respond_with(reaction)
    client = either.make(server, timeout=0.3)
    error, elapsed_s = error_and_duration(either, lambda: client.generations.get("gen-1"))
    assert type(error) is APITimeoutError
    assert error.attempts == 1
    assert "0.3 s" in str(error)
    assert 0.25 < elapsed_s < GUARD_S
    assert server.all_connections_closed()
    server.respond_with(record())
    patient = client.with_options(timeout=GUARD_S)
    assert either(patient.generations.get("gen-1")).id == "gen-1"


def test_all_retries_share_the_deadline(either, server, no_backoff):
    """It is not a timeout for each attempt."""
    server.respond_with(refusal(503, retry_after_ms="60"))
    client = either.make(server, timeout=0.4, max_retries=1_000)
    error, elapsed_s = error_and_duration(either, lambda: client.generations.get("gen-1"))
    assert isinstance(error, (ServerError, APITimeoutError))
    assert error.attempts <= 8
    assert elapsed_s < GUARD_S


def test_a_timeout_does_not_hide_an_earlier_error(either, server, no_backoff):
    """Otherwise the reason of the first attempt would be lost."""
    for timeout_s in TIMES_S:
        server.respond_with(refusal(503, "out of order"), silence)
        client = either.make(server, timeout=timeout_s)
        error, _ = error_and_duration(either, partial(client.generations.get, "gen-1"))
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
def test_a_wait_beyond_the_deadline_is_not_started(either, server, header):
    """The error is raised at once, and has the wait."""
    server.respond_with(refusal(429, "slow down", **header))
    client = either.make(server, timeout=30)
    error, elapsed_s = error_and_duration(either, lambda: client.generations.get("gen-1"))
    assert (type(error), error.attempts, len(server.requests)) == (RateLimitError, 1, 1)
    assert error.message == "slow down"
    assert 100 < error.retry_after < 4_000
    assert elapsed_s < GUARD_S


# --- retries


@pytest.mark.parametrize(
    ("header", "least_s"), [({"Retry_After_Ms": "150"}, 0.15), ({"Retry_After": "0.1"}, 0.1)]
)
@pytest.mark.usefixtures("no_backoff")
def test_the_client_waits_as_long_as_the_server_asks(either, server, client, header, least_s):
    """According to its Retry-After."""
    server.respond_with(refusal(429, **header), record())
    either(client.generations.get("gen-1"))
    first, second = server.requests
    assert least_s <= second.at_s - first.at_s < GUARD_S


@pytest.mark.parametrize("status", sorted(RETRYABLE_STATUSES))
def test_retryable_errors_are_retried(either, server, client, no_backoff, status):
    """The response has the number of attempts."""
    server.respond_with(refusal(status), refusal(status), record())
    assert either(client.generations.get_raw("gen-1")).attempts == 3
    assert len(server.requests) == 3


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 405, 410, 422, 501, 505, 530])
def test_permanent_errors_are_not_retried(either, server, client, status):
    """They are raised after one attempt."""
    server.respond_with(refusal(status), record())
    with pytest.raises(APIStatusError) as caught:
        either(client.generations.get("gen-1"))
    assert (caught.value.attempts, len(server.requests)) == (1, 1)


@pytest.mark.parametrize("reaction", [hang_up, json_response(b"cut off", Content_Encoding="gzip")])
def test_a_truncated_response_is_retried(either, server, client, no_backoff, reaction):
    """It does not show the outcome."""
    server.respond_with(reaction, record())
    assert either(client.generations.get_raw("gen-1")).attempts == 2


def test_x_should_retry_overrides_the_status(either, server, client, no_backoff):
    """In both directions."""
    server.respond_with(refusal(503, X_Should_Retry="false"))
    with pytest.raises(ServerError) as caught:
        either(client.generations.get("gen-1"))
    assert (caught.value.attempts, len(server.requests)) == (1, 1)
    server.respond_with(refusal(400, X_Should_Retry="true"))
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
def test_every_error_has_the_number_of_attempts(either, server, max_retries, reaction, kind):
    """`max_retries` counts those after the first."""
    server.respond_with(reaction)
    client = either.make(server, max_retries=max_retries)
    with pytest.raises(kind) as caught:
        either(client.generations.get("gen-1"))
    assert caught.value.attempts == len(server.requests) == max_retries + 1
    assert ("attempts" in str(caught.value)) is (max_retries > 0)


@pytest.mark.parametrize("is_there", [True, False])
def test_the_retry_budget_limits_retries_in_an_outage(either, server, no_backoff, is_there):
    """Retries take tokens; without tokens, a call waits for one."""
    server.respond_with(refusal(503))
    base_url = server.base_url if is_there else f"http://127.0.0.1:{refusing_port()}/api/v1"
    kind = ServerError if is_there else APIConnectionError
    client = either.make(base_url=base_url)
    client._budget._last_number += 1_000
    for timeout_s in TIMES_S:
        patient = client.with_options(timeout=timeout_s)
        error, _ = error_and_duration(either, partial(patient.generations.get, "gen-1"))
        if type(error) is kind:
            break
    assert type(error) is kind
    assert error.attempts == 1


def test_success_fills_the_budget_again(either, server, no_backoff, monkeypatch):
    """After an outage, single errors are retried as before."""
    monkeypatch.setattr(RetryBudget, "PER_SECOND", 1e-9)  # so that time does not
    client = either.make(server)
    server.respond_with(refusal(503))
    while client._budget.wait_s(client._budget._last_number + 1) == 0:
        with pytest.raises(ServerError):
            either(client.generations.get("gen-1"))
    server.respond_with(record())
    for _ in range(10):
        either(client.generations.get("gen-1"))
    server.respond_with(refusal(503), record())
    assert either(client.generations.get_raw("gen-1")).attempts == 2
