"""The stub's behaviours, as both clients see them; then its responses are normal again."""

import asyncio
import datetime
import json
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from modelgates_api.api.generations.get_generation import OPERATION as GET_GENERATION
from modelgates_client import AsyncModelGates

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
def test_a_behaviour_applies_to_the_given_number_of_requests(
    stub, get, get_error, method, generation_id
):
    """For one id and for all: the client raises the error twice, then returns the record."""
    getattr(stub, method)(generation_id, times=2)
    name, status = METHODS[method]
    assert [type(get_error()).__name__ for _ in range(2)] == [name, name]
    assert get().parsed.data.total_cost == 0.25
    assert [request.status for request in stub.requests] == [status, status, 200]
    assert stub.violations == []


def test_each_behaviour_has_a_test_here():
    """A new method of the stub needs one."""
    from modelgates_client.testing._behaviours import Behaviours  # noqa: PLC0415

    public = {name for name in vars(Behaviours) if not name.startswith("_")}
    assert public == {*METHODS, "delay", "drift", "gzip", "recover"}


@pytest.mark.parametrize("value", [0, 7, None])
def test_a_rate_limit_has_retry_after_in_seconds(stub, get_error, value):
    """Or no such header."""
    stub.rate_limit("gen-1", retry_after=value)
    assert get_error().retry_after == value


def test_a_rate_limit_can_have_retry_after_as_a_date(stub, send):
    """In the format of RFC 9110, converted to UTC."""
    zone = datetime.timezone(datetime.timedelta(hours=2))
    stub.rate_limit(retry_after=datetime.datetime(1994, 11, 6, 10, 49, 37, tzinfo=zone))
    assert send().getheader("Retry-After") == "Sun, 06 Nov 1994 08:49:37 GMT"


def test_fail_sets_each_part_of_an_error(stub, get_error):
    """Status, message, metadata and Retry-After."""
    stub.fail("gen-1", status=529, message="busy", metadata={"a": 1}, retry_after=3)
    error = get_error()
    assert (error.status_code, error.code, error.message) == (529, 529, "busy")
    assert (error.metadata, error.retry_after) == ({"a": 1}, 3)


@pytest.mark.parametrize("status", [502, 504, 520, 524])
def test_an_edge_page_is_html(stub, send, status):
    """It contains the status."""
    stub.edge_page(status=status)
    response = send()
    assert (response.status, response.getheader("Content-Type")) == (
        status,
        "text/html; charset=utf-8",
    )
    assert f"Error code {status}" in response.content.decode()


def test_an_error_in_a_success_has_the_given_code(stub, get_error):
    """The client chooses the error class by the code in the body."""
    stub.error_in_success("gen-1", code=402)
    assert type(get_error()).__name__ == "InsufficientCreditsError"


def test_a_delay_exceeds_the_timeout_of_a_client(stub, get_error, get):
    """Only for one request."""
    stub.delay("gen-1", seconds=3600)
    assert type(get_error(timeout=0.2)).__name__ == "APITimeoutError"
    assert get().status_code == 200


def test_a_truncated_body_has_half_of_its_content_length(stub, send):
    """The connection closes in the middle of the body."""
    stub.truncate()
    with pytest.raises(Exception, match="IncompleteRead") as caught:
        send()
    assert len(caught.value.partial) == pytest.approx(caught.value.expected, abs=1)


def test_a_body_can_be_compressed(stub, get):
    """The client decompresses it."""
    stub.gzip("gen-1")
    raw = get()
    assert raw.headers["content-encoding"] == "gzip"
    assert raw.parsed.data.total_cost == 0.25
    assert "content-encoding" not in get().headers


@pytest.mark.parametrize(
    ("options", "kind", "pointer"),
    [
        ({"missing": ["total_cost"]}, "missing", "/total_cost"),
        ({"values": {"total_cost": None}}, "null", "/total_cost"),
        ({"extra": {"tier": "gold"}}, "undeclared", "/tier"),
        ({"values": {"total_cost": "free"}}, "type", "/total_cost"),
        ({"values": {"api_type": "telepathy"}}, "unknown_value", "/api_type"),
        (
            {"values": {"/provider_responses/0/status": "200"}},
            "type",
            "/provider_responses/0/status",
        ),
    ],
)
def test_a_record_can_drift(stub, get, options, kind, pointer):
    """The client lists exactly this drift; the next record has none."""
    stub.drift("gen-1", **options)
    (drift,) = get().parsed.data.drift
    assert (drift.kind, drift.pointer) == (kind, pointer)
    assert get().parsed.data.drift == ()


def test_drift_that_a_record_cannot_have_is_a_violation(stub, send):
    """Drift for all ids may meet a record without that field."""
    stub.add({"id": "gen-2", "total_cost": 1})
    stub.drift(missing=["model"])
    assert send("/api/v1/generation?id=gen-2").status == 500
    assert (
        "the stub cannot apply the behaviour to this response: the record has no field"
        in stub.violations[0]
    )


def test_errors_do_not_drift(stub, get_error):
    """They contain no record."""
    stub.drift(missing=["total_cost"])
    stub.mix_up()
    assert [get_error("gen-2").status_code, get_error("gen-2").status_code] == [404, 404]


@pytest.mark.parametrize("body", [{"models": []}, {"data": []}, [1]])
def test_a_response_without_a_record_is_not_mixed_up(stub, send, body):
    """Such as one that a test sets, or one of another operation."""
    stub.respond(GET_GENERATION.id, body)
    stub.mix_up()
    response = send()
    assert (response.status, json.loads(response.content)) == (200, body)


def test_behaviours_for_an_id_come_before_those_for_all_ids(stub, send):
    """Both in the order of their calls."""
    stub.fail(status=500)
    stub.not_ready("gen-1")
    stub.rate_limit("gen-1")
    stub.fail(status=503)
    assert [send().status for _ in range(5)] == [404, 429, 500, 503, 200]


def test_each_id_has_its_own_queue(stub, send):
    """A request for another id does not use up a behaviour."""
    stub.add("gen-2")
    stub.not_ready("gen-1")
    assert send("/api/v1/generation?id=gen-2").status == 200
    assert send().status == 404


def test_a_refused_request_does_not_use_up_a_behaviour(stub, send):
    """A missing key is a 401; the rate limit applies to the next request."""
    stub.rate_limit()
    assert send(Authorization=None).status == 401
    assert send().status == 429


def test_recover_ends_behaviours_without_a_limit(stub, send):
    """For one id, and for all."""
    stub.fail(times=None)
    stub.not_ready("gen-1", times=None)
    assert [send().status for _ in range(3)] == [404, 404, 404]
    stub.recover("gen-1")
    assert send().status == 500
    stub.recover()
    assert send().status == 200


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("not_ready", {"times": 0}, "times is 0"),
        ("rate_limit", {"retry_after": -1}, "retry_after is -1"),
        ("rate_limit", {"retry_after": datetime.datetime(2026, 1, 1)}, "offset"),  # noqa: DTZ001
        ("fail", {"status": 200}, "status is 200"),
        ("edge_page", {"status": 302}, "status is 302"),
        ("delay", {"seconds": -1}, "cannot wait"),
        ("delay", {"seconds": float("nan")}, "cannot wait"),
        ("delay", {"seconds": 1e12}, "cannot wait"),
        ("not_ready", {"times": 1.5}, "times is 1.5"),
        ("not_ready", {"times": True}, "times is True"),
        ("drift", {}, "no drift is given"),
        ("drift", {"missing": ["totalcost"]}, "did you mean 'total_cost'"),
        ("drift", {"missing": ["request_id"]}, "no drift"),
        ("drift", {"values": {"latency": None}}, "no drift"),
        ("drift", {"extra": {"latency": 1}}, "not extra"),
        ("drift", {"values": {"latency": 1}}, "no drift"),
        ("drift", {"values": {"/provider_responses/7/status": 1}}, "nothing at"),
    ],
)
def test_invalid_arguments_are_refused_at_once(stub, method, options, message):
    """In the thread of the test, with the reason."""
    with pytest.raises(ValueError, match=message):
        getattr(stub, method)("gen-1", **options)


def test_a_behaviour_after_one_without_a_limit_is_refused(stub):
    """It would never apply."""
    stub.fail("gen-1", times=None)
    with pytest.raises(ValueError, match="recover"):
        stub.not_ready("gen-1")


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("not_ready", {"generation_id": 3}, "3 is not an id; .* use times=3"),
        ("rate_limit", {"retry_after": "1"}, "an integer of seconds or a datetime"),
        ("rate_limit", {"retry_after": 1.5}, "an integer of seconds or a datetime"),
        ("drift", {"missing": "total_cost"}, "one name where a list"),
    ],
)
def test_arguments_of_another_type_are_refused(stub, method, options, message):
    """A number of requests is no id, and a name is no list of its characters."""
    with pytest.raises(TypeError, match=message):
        getattr(stub, method)(**options)


@pytest.fixture
def frequent_thread_switches():
    """Switch threads as often as possible, to reveal missing locks."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("frequent_thread_switches")
def test_counts_are_exact_under_concurrency(stub, send):
    """Of forty concurrent requests, exactly the given numbers fail."""
    stub.rate_limit("gen-1", times=7)
    stub.fail("gen-1", times=5)
    with ThreadPoolExecutor(10) as threads:
        statuses = list(threads.map(lambda _: send().status, range(40)))
    assert [statuses.count(status) for status in (429, 500, 200)] == [7, 5, 28]
    assert [request.status for request in stub.requests] == [429] * 7 + [500] * 5 + [200] * 28


def test_concurrent_ids_each_keep_their_order(stub):
    """Thirty records, each with 404 twice, then 200."""
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


def test_mix_up_only_changes_the_id(stub, send):
    """The rest of the record is the same."""
    stub.mix_up()
    record = json.loads(send().content)["data"]
    assert record == {**stub.add("gen-1", total_cost=0.25), "id": "gen-1-other"}
