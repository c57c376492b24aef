"""The stub responds like the API, and accepts only what the API accepts."""

import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from modelgates_api.api.generations.get_generation import OPERATION as GET_GENERATION
from modelgates_client import ModelGates
from modelgates_client.testing import StubAPI, StubRequest, _server, make_record

RECORD = Path(__file__).parent.parent / "records" / "2026-02-cancelled-stream.json"
SECRET = "sk-mg-CANARY-0123456789"


def test_a_record_made_from_the_spec_is_served(get, stub):
    """As `add` returned it, without drift."""
    added = stub.add("gen-2", total_cost=0.5)
    record = get("gen-2").parsed.data
    assert (record.to_dict(), record.drift, record.total_cost) == (added, (), 0.5)


def test_a_given_record_is_served_unchanged(get):
    """Even if it does not match the spec."""
    with StubAPI([{"id": "gen-1", "total_cost": 1}]) as stub:
        raw = get("gen-1", base_url=stub.base_url)
    assert json.loads(raw.body) == {"data": {"id": "gen-1", "total_cost": 1}}


def test_a_given_response_body_is_served_unchanged(get, stub):
    """Including what it contains in addition to the record."""
    body = {**json.loads(RECORD.read_bytes()), "extra": 1}
    assert stub.add(body) == body["data"]
    assert json.loads(get(body["data"]["id"]).body) == body


@pytest.mark.parametrize(
    ("record", "error"),
    [
        ({"total_cost": 1}, ValueError),
        ({"id": ""}, ValueError),
        ({"id": 1}, ValueError),
        ({"id": "gen-1", "usage": float("nan")}, ValueError),
        ({"id": "gen-1", "usage": {1}}, TypeError),
        (None, TypeError),
        (["gen-1"], TypeError),
    ],
)
def test_an_invalid_record_is_refused_at_once(stub, record, error):
    """Not when it is requested, in another thread."""
    with pytest.raises(error):
        stub.add(record)


@pytest.mark.parametrize("records", ["gen-1", {"id": "gen-1"}])
def test_a_single_record_is_not_accepted_as_a_list(records):
    """Its characters or keys would be taken for ids."""
    with pytest.raises(TypeError, match="records must be a list of records"):
        StubAPI(records)


def test_fields_are_refused_with_a_given_record(stub):
    """They could not be checked against the spec."""
    with pytest.raises(TypeError, match="fields are only for a record that is made"):
        stub.add({"id": "gen-1"}, total_cost=1)


def test_an_unknown_id_is_not_a_violation(get_error, stub):
    """It is a 404."""
    error = get_error("gen-2")
    assert (error.status_code, error.message) == (404, "Generation not found")
    assert stub.violations == []


@pytest.mark.parametrize(
    ("query", "key", "expected"),
    [
        ("?id=gen-1", None, (401, "no Authorization header")),
        ("?id=gen-1", "sk-mg-stub", (401, "has no bearer token")),
        ("?id=gen-1", "Basic sk-mg-stub", (401, "has no bearer token")),
        ("?id=gen-1", f"Bearer {SECRET}", (401, "is not the stub's key")),
        ("?id=gen-1", "Bearer  sk-mg-stub", (401, "is not the stub's key")),
        ("", "Bearer sk-mg-stub", (400, "id is missing")),
        ("?ID=gen-1", "Bearer sk-mg-stub", (400, "id is missing")),
        ("?id=", "Bearer sk-mg-stub", (400, "id is empty")),
        ("?id=gen-1&id=gen-1", "Bearer sk-mg-stub", (400, "id is sent 2 times")),
    ],
)
def test_invalid_requests_are_refused_and_listed(send, stub, query, key, expected):
    """With the API's error body; the lists contain no key."""
    status, reason = expected
    response = send(f"/api/v1/generation{query}", Authorization=key)
    assert response.status == json.loads(response.content)["error"]["code"] == status
    (violation,) = stub.violations
    assert violation.startswith("GET /api/v1/generation ")
    assert reason in violation
    assert "CANARY" not in f"{stub.violations} {stub.requests} {stub!r}"


@pytest.mark.parametrize(
    ("target", "method", "status"),
    [
        ("/generation?id=gen-1", "GET", 404),
        ("/api/v1/generation/?id=gen-1", "GET", 404),
        ("/api/v1/generations?id=gen-1", "GET", 404),
        ("/api/v1/generation?id=gen-1", "POST", 405),
        ("/api/v1/generation?id=gen-1", "HEAD", 405),
        ("/api/v1/generation?id=gen-1", "BREW", 405),
    ],
)
def test_other_paths_and_methods_are_refused_and_listed(send, stub, target, method, status):
    """In plain text, without the API's error body."""
    response = send(target, method)
    assert (response.status, response.getheader("Content-Type")) == (status, "text/plain")
    assert response.getheader("Allow") == ("GET" if status == 405 else None)
    assert len(stub.violations) == 1


def test_a_request_that_is_not_http_is_listed(connected, stub):
    """Such as TLS to the stub's http:// URL."""
    connected.sendall(b"\x16\x03\x01\x02\x00\x01\n")
    assert connected.recv(4096)
    assert "not an HTTP/1.1 request" in stub.violations[0]


def test_the_scheme_is_case_insensitive(send, stub):
    """RFC 9110, section 11.1."""
    assert send(Authorization="bearer sk-mg-stub").status == 200
    assert stub.violations == []


def test_the_key_can_be_set_and_is_not_stored(get, stub):
    """Neither by the stub nor by pytest-httpserver."""
    stub.api_key = SECRET
    assert get(api_key=SECRET).status_code == 200
    assert len(stub.requests) == 1
    assert "CANARY" not in f"{stub.requests} {stub!r}"
    assert stub._server.log == []


def test_requests_are_listed_in_order(get, get_error, stub):
    """Each with the status of its response."""
    get()
    get_error("gen-2")
    method_and_path, operation = ("GET", "/api/v1/generation"), GET_GENERATION.id
    assert stub.requests == [
        StubRequest(*method_and_path, "gen-1", 200, operation=operation),
        StubRequest(*method_and_path, "gen-2", 404, operation=operation),
    ]


@pytest.mark.parametrize("key", [SECRET, "another-kind-of-key", "sk-mg-stub"])
def test_a_key_in_the_wrong_place_is_not_listed(send, stub, key):
    """In the id or in the path; including a key with another prefix."""
    send(f"/api/v1/{key}?id={key}", Authorization=f"Bearer {key}")
    send(f"/api/v1/generation?id={key}", Authorization=f"Bearer {key}")
    assert len(stub.requests) == 2
    assert key not in f"{stub.requests} {stub.violations}"


def test_check_fails_until_violations_are_cleared(send, stub):
    """The error lists them."""
    stub.check()
    send("/generation")
    with pytest.raises(AssertionError, match=r"GET /generation - 404: the path is not .*/api/v1/g"):
        stub.check()
    stub.violations.clear()
    stub.check()


def test_on_request_is_called_with_each_request():
    """Including refused ones."""
    requests = []
    with (
        StubAPI(on_request=requests.append) as stub,
        ModelGates(api_key=SECRET, base_url=stub.base_url) as client,
        pytest.raises(Exception, match="401"),
    ):
        client.generations.get("gen-1")
    assert [request.status for request in requests] == [401]


def test_nothing_is_printed(get, get_error, stub, capfd):
    """There is no access log."""
    get()
    stub.disconnect()
    get_error()
    assert capfd.readouterr() == ("", "")


def test_close_leaves_no_thread_behind(connected, stub, get):
    """Including that of an idle connection; a second call does nothing."""
    before = set(threading.enumerate())
    with StubAPI([make_record("gen-1")]) as other:
        get(base_url=other.base_url)
        connected.sendall(b"GET /api")
        stub.close()
        stub.close()
    assert set(threading.enumerate()) <= before
    assert connected.recv(1) == b""


def test_close_waits_for_threads_that_are_ending(get, stub, monkeypatch):
    """Here, they end slowly."""
    finish = _server._StubHandler.finish
    monkeypatch.setattr(
        _server._StubHandler, "finish", lambda self: (time.sleep(0.3), finish(self))
    )
    before = set(threading.enumerate())
    with StubAPI([make_record("gen-1")]) as other:
        get(base_url=other.base_url)
    assert set(threading.enumerate()) <= before


def test_close_does_not_wait_for_delayed_responses(stub, get_error):
    """The request ends without a response."""
    stub.delay("gen-1", seconds=3600)
    arrived = threading.Event()
    stub._on_request = lambda _: arrived.set()
    with ThreadPoolExecutor() as threads:
        request = threads.submit(get_error, timeout=60)
        assert arrived.wait(60)
        stub.close()
        assert type(request.result(60)).__name__ == "APIConnectionError"


def test_each_response_is_delayed_by_the_latency(get_error):
    """A client with a shorter timeout gets none."""
    with StubAPI([make_record("gen-1")], latency_s=3600) as stub:
        assert type(get_error(base_url=stub.base_url, timeout=0.2)).__name__ == "APITimeoutError"


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.2", "localhost"])
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere 127.0.0.2 is not configured")
def test_the_stub_listens_on_the_given_host(host):
    """If it listens on all addresses, `base_url` has the loopback address."""
    with (
        StubAPI([make_record("gen-1")], host=host) as stub,
        ModelGates(api_key=stub.api_key, base_url=stub.base_url) as client,
    ):
        assert stub._server.host == host
        assert client.generations.get("gen-1").id == "gen-1"


@pytest.mark.parametrize("port", [-1, 65_536])
def test_an_invalid_port_is_refused(port):
    """Before the server starts."""
    with pytest.raises(ValueError, match=f"port is {port}; it must be 0 to 65535"):
        StubAPI(port=port)


@pytest.mark.parametrize("latency_s", [-1, float("nan"), float("inf"), 1e12])
def test_an_invalid_latency_is_refused(latency_s):
    """Before the server starts."""
    with pytest.raises(ValueError, match="cannot wait"):
        StubAPI(latency_s=latency_s)


def test_a_port_in_use_raises_an_error(stub, capfd):
    """And nothing is printed."""
    with pytest.raises(OSError, match=r"in use|forbidden|permitted"):
        StubAPI(port=int(stub.base_url.split(":")[2].split("/")[0]))
    assert capfd.readouterr() == ("", "")


def test_a_port_can_be_reused_at_once():
    """A restarted stub has the same URL."""
    with StubAPI() as stub:
        port = int(stub.base_url.split(":")[2].split("/")[0])
    with StubAPI(port=port) as restarted:
        assert restarted.base_url == stub.base_url


@pytest.mark.parametrize("body", [b"raw", {"error": {"code": 503, "message": "maintenance"}}])
def test_respond_sets_the_response_to_an_operation(stub, send, body):
    """Bytes are sent unchanged, anything else as JSON."""
    stub.respond(GET_GENERATION.id, body, status=503)
    response = send()
    assert response.status == 503
    assert response.content == (body if isinstance(body, bytes) else json.dumps(body).encode())


def test_respond_refuses_an_unknown_operation(stub):
    """The message names it."""
    with pytest.raises(ValueError, match="the spec has no operation 'list-moons'"):
        stub.respond("list-moons", {})


def test_responses_are_decided_one_at_a_time(stub, send, monkeypatch):
    """So requests are listed in the order in which behaviours were used."""
    decide, inside, counts = stub._decide, [], []

    def decide_slowly(*arguments):
        inside.append(arguments)
        counts.append(len(inside))
        time.sleep(0.01)  # long enough for another thread to enter, without a lock
        inside.pop()
        return decide(*arguments)

    monkeypatch.setattr(stub, "_decide", decide_slowly)
    with ThreadPoolExecutor(10) as threads:
        list(threads.map(lambda _: send(), range(10)))
    assert counts == [1] * 10
