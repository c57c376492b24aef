"""What the stub can do but answer, seen by both clients; then all is normal again."""

import asyncio
import datetime
import json
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from modelgates_client import AsyncModelGates, ModelGates

METHODS = {
    "not_ready": ("NotFoundError", 404),
    "rate_limit": ("RateLimitError", 429),
    "fail": ("InternalServerError", 500),
    "edge_page": ("BadGatewayError", 502),
    "error_in_success": ("InternalServerError", 200),
    "truncate": ("APIConnectionError", 200),
    "disconnect": ("APIConnectionError", None),
    "not_json": ("ResponseValidationError", 200),
    "mix_up": ("ResponseValidationError", 200),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("generation_id", ["gen-1", None])
def test_each_lasts_for_its_requests_then_all_is_normal(stub, get, failing, method, generation_id):
    """For an id or for any: the error that a client makes of it, twice, then the record."""
    getattr(stub, method)(generation_id, times=2)
    name, status = METHODS[method]
    assert [type(failing()).__name__ for _ in range(2)] == [name, name]
    assert get().parsed.data.total_cost == 0.25
    assert [request.status for request in stub.requests] == [status, status, 200]
    assert stub.violations == []


def test_every_behaviour_is_tested_here():
    """One that is added to the stub needs a test."""
    from modelgates_client.testing._behaviours import Behaviours  # noqa: PLC0415

    public = {name for name in vars(Behaviours) if not name.startswith("_")}
    assert public == {*METHODS, "delay", "drift", "gzip", "recover"}


def test_a_record_that_is_not_ready_is_waited_for(stub):
    """404 twice, then 200: what `wait` is for."""
    stub.not_ready("gen-1", times=2)
    with ModelGates(api_key=stub.api_key, base_url=stub.base_url) as client:
        assert client.generations.wait("gen-1").is_final
    assert [request.status for request in stub.requests] == [404, 404, 200]


@pytest.mark.parametrize("value", [0, 7, None])
def test_a_rate_limit_asks_to_wait(stub, failing, value):
    """As many seconds as it is told, or it does not say."""
    stub.rate_limit("gen-1", retry_after=value)
    assert failing().retry_after == value


def test_a_rate_limit_may_ask_by_a_date(stub, ask):
    """In the form of RFC 9110, whatever the zone that it is given in."""
    zone = datetime.timezone(datetime.timedelta(hours=2))
    stub.rate_limit(retry_after=datetime.datetime(1994, 11, 6, 10, 49, 37, tzinfo=zone))
    assert ask().getheader("Retry-After") == "Sun, 06 Nov 1994 08:49:37 GMT"


def test_a_failure_can_be_any(stub, failing):
    """Any status of an error, with a message, metadata and a time to wait."""
    stub.fail("gen-1", status=529, message="busy", metadata={"a": 1}, retry_after=3)
    error = failing()
    assert (error.status_code, error.code, error.message) == (529, 529, "busy")
    assert (error.metadata, error.retry_after) == ({"a": 1}, 3)


@pytest.mark.parametrize("status", [502, 504, 520, 524])
def test_a_page_of_the_edge_is_html(stub, ask, status):
    """And says which status it is."""
    stub.edge_page(status=status)
    response = ask()
    assert (response.status, response.getheader("Content-Type")) == (
        status,
        "text/html; charset=utf-8",
    )
    assert f"Error code {status}" in response.content.decode()


def test_an_error_in_a_success_has_its_code(stub, failing):
    """The client goes by the code in the body."""
    stub.error_in_success("gen-1", code=402)
    assert type(failing()).__name__ == "InsufficientCreditsError"


def test_a_delay_is_longer_than_a_client_waits(stub, failing, get):
    """One request is slow, the next is not."""
    stub.delay("gen-1", seconds=3600)
    assert type(failing(timeout=0.2)).__name__ == "APITimeoutError"
    assert get().status_code == 200


def test_a_truncated_body_is_half_of_what_its_length_says(stub, ask):
    """The connection closes in the middle."""
    stub.truncate()
    with pytest.raises(Exception, match="IncompleteRead") as caught:
        ask()
    assert len(caught.value.partial) == pytest.approx(caught.value.expected, abs=1)


def test_a_body_can_be_compressed(stub, get):
    """The client reads it all the same."""
    stub.gzip("gen-1")
    raw = get()
    assert raw.headers["content-encoding"] == "gzip"
    assert raw.parsed.data.total_cost == 0.25
    assert "content-encoding" not in get().headers


@pytest.mark.parametrize(
    ("asked", "kind", "pointer"),
    [
        ({"missing": ["total_cost"]}, "missing", "/total_cost"),
        ({"null": ["total_cost"]}, "null", "/total_cost"),
        ({"extra": {"tier": "gold"}}, "undeclared", "/tier"),
        ({"values": {"total_cost": "free"}}, "type", "/total_cost"),
        ({"values": {"api_type": "telepathy"}}, "unknown_value", "/api_type"),
        ({"unknown": ["api_type"]}, "unknown_value", "/api_type"),
        (
            {"values": {"/provider_responses/0/status": "200"}},
            "type",
            "/provider_responses/0/status",
        ),
    ],
)
def test_a_record_can_drift(stub, get, asked, kind, pointer):
    """The client lists exactly what was asked for; the next record is as the spec says."""
    stub.drift("gen-1", **asked)
    (drift,) = get().parsed.data.drift
    assert (drift.kind, drift.pointer) == (kind, pointer)
    assert get().parsed.data.drift == ()


def test_drift_that_the_record_cannot_have_is_a_violation(stub, ask):
    """Asked for any id, it may meet a record that has no such place: that is said, not passed."""
    stub.add({"id": "gen-2", "total_cost": 1})
    stub.drift(missing=["model"])
    assert ask("/api/v1/generation?id=gen-2").status == 500
    assert "the stub cannot do what it was asked for: the record has no field" in stub.violations[0]


def test_an_error_does_not_drift(stub, failing):
    """There is no record in it."""
    stub.drift(missing=["total_cost"])
    stub.mix_up()
    assert [failing("gen-2").status_code, failing("gen-2").status_code] == [404, 404]


def test_what_is_for_an_id_comes_before_what_is_for_any(stub, ask):
    """And both in the order in which they were asked for."""
    stub.fail(status=500)
    stub.not_ready("gen-1")
    stub.rate_limit("gen-1")
    stub.fail(status=503)
    assert [ask().status for _ in range(5)] == [404, 429, 500, 503, 200]


def test_another_id_has_a_sequence_of_its_own(stub, ask):
    """Requests for others use nothing up."""
    stub.add("gen-2")
    stub.not_ready("gen-1")
    assert ask("/api/v1/generation?id=gen-2").status == 200
    assert ask().status == 404


def test_a_refused_request_uses_nothing_up(stub, ask):
    """A missing key is 401 whatever was asked for; the rate limit is still to come."""
    stub.rate_limit()
    assert ask(Authorization=None).status == 401
    assert ask().status == 429


def test_for_ever_ends_when_it_is_ended(stub, ask):
    """For one id, or for all."""
    stub.fail(times=None)
    stub.not_ready("gen-1", times=None)
    assert [ask().status for _ in range(3)] == [404, 404, 404]
    stub.recover("gen-1")
    assert ask().status == 500
    stub.recover()
    assert ask().status == 200


@pytest.mark.parametrize(
    ("method", "options", "why"),
    [
        ("not_ready", {"times": 0}, "times is 0"),
        ("rate_limit", {"retry_after": -1}, "retry_after is -1"),
        ("rate_limit", {"retry_after": datetime.datetime(2026, 1, 1)}, "offset"),  # noqa: DTZ001
        ("fail", {"status": 200}, "status is 200"),
        ("edge_page", {"status": 302}, "status is 302"),
        ("delay", {"seconds": -1}, "cannot be waited"),
        ("delay", {"seconds": float("nan")}, "cannot be waited"),
        ("delay", {"seconds": 1e12}, "cannot be waited"),
        ("not_ready", {"times": 1.5}, "times is 1.5"),
        ("not_ready", {"times": True}, "times is True"),
        ("drift", {}, "nothing is to drift"),
        ("drift", {"missing": ["totalcost"]}, "did you mean 'total_cost'"),
        ("drift", {"missing": ["request_id"]}, "no drift"),
        ("drift", {"null": ["latency"]}, "no drift"),
        ("drift", {"extra": {"latency": 1}}, "not extra"),
        ("drift", {"values": {"latency": 1}}, "no drift"),
        ("drift", {"values": {"/provider_responses/7/status": 1}}, "nothing at"),
    ],
)
def test_what_cannot_be_is_refused_at_once(stub, method, options, why):
    """In the test's own thread, saying why."""
    with pytest.raises(ValueError, match=why):
        getattr(stub, method)("gen-1", **options)


def test_what_would_never_come_is_refused(stub):
    """Nothing comes after for ever."""
    stub.fail("gen-1", times=None)
    with pytest.raises(ValueError, match="recover"):
        stub.not_ready("gen-1")


def test_a_number_is_no_id(stub):
    """It would be meant as `times`, and nothing would come of it."""
    with pytest.raises(TypeError, match="3 is no id; a number of requests is times=3"):
        stub.not_ready(3)


@pytest.mark.parametrize("value", ["1", 1.5])
def test_retry_after_is_seconds_or_a_date(stub, value):
    """Other types are a mistake, which is named."""
    with pytest.raises(TypeError, match="an integer of seconds, or a datetime"):
        stub.rate_limit(retry_after=value)


def test_one_name_is_no_list_of_names(stub):
    """Its letters would be taken for names."""
    with pytest.raises(TypeError, match="one name where a list"):
        stub.drift("gen-1", missing="total_cost")


@pytest.fixture
def switching():
    """Let threads take turns as often as they can, so that what is not locked shows."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def test_sequences_are_exact_under_concurrency(stub, ask, switching):
    """Of forty requests at once, exactly those that were asked for fail, whoever they are."""
    stub.rate_limit("gen-1", times=7)
    stub.fail("gen-1", times=5)
    with ThreadPoolExecutor(10) as threads:
        statuses = list(threads.map(lambda _: ask().status, range(40)))
    assert [statuses.count(status) for status in (429, 500, 200)] == [7, 5, 28]
    assert [request.status for request in stub.requests] == [429] * 7 + [500] * 5 + [200] * 28


def test_many_ids_at_once_each_keep_their_order(stub):
    """Thirty records, each 404 twice, then there."""
    ids = [f"gen-{number}" for number in range(30)]
    for generation_id in ids:
        stub.add(generation_id)
        stub.not_ready(generation_id, times=2)

    async def wait():
        async with AsyncModelGates(api_key=stub.api_key, base_url=stub.base_url) as client:
            return await asyncio.gather(*(client.generations.wait(name) for name in ids))

    assert [record.id for record in asyncio.run(wait())] == ids
    for generation_id in ids:
        statuses = [request.status for request in stub.requests if request.id == generation_id]
        assert statuses == [404, 404, 200]


def test_the_other_record_is_whole(stub, ask):
    """Only its id is another."""
    stub.mix_up()
    record = json.loads(ask().content)["data"]
    assert record == {**stub.add("gen-1", total_cost=0.25), "id": "gen-1-other"}
