"""The stub answers as the API does, and takes only what the API takes."""

import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from modelgates_client import ModelGates
from modelgates_client.testing import StubAPI, StubRequest, _server, make_record

RECORD = Path(__file__).parent.parent / "records" / "2026-02-cancelled-stream.json"
SECRET = "sk-mg-CANARY-0123456789"


def test_it_serves_a_record_made_from_the_spec(get, stub):
    """A client gets what `add` returned, and nothing drifts."""
    made = stub.add("gen-2", total_cost=0.5)
    record = get("gen-2").parsed.data
    assert (record.to_dict(), record.drift, record.total_cost) == (made, (), 0.5)


def test_it_serves_a_record_that_it_is_given_as_it_is(get):
    """Also one that is not as the spec says."""
    with StubAPI([{"id": "gen-1", "total_cost": 1}]) as stub:
        raw = get("gen-1", base_url=stub.base_url)
    assert json.loads(raw.body) == {"data": {"id": "gen-1", "total_cost": 1}}


def test_it_serves_the_body_of_a_response_that_it_is_given(get, stub):
    """A recorded response needs no unpacking; what it has beside the record comes along."""
    body = {**json.loads(RECORD.read_bytes()), "beside": 1}
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
def test_what_is_no_record_is_refused_at_once(stub, record, error):
    """Not when it is asked for, in another thread."""
    with pytest.raises(error):
        stub.add(record)


@pytest.mark.parametrize("records", ["gen-1", {"id": "gen-1"}])
def test_a_single_record_is_no_list_of_records(records):
    """Its letters, or its names, would be taken for ids."""
    with pytest.raises(TypeError, match="records is a list of records"):
        StubAPI(records)


def test_fields_go_into_a_given_record_by_hand(stub):
    """They would not be checked against the spec, so they are not taken."""
    with pytest.raises(TypeError, match="fields are for a record that is made"):
        stub.add({"id": "gen-1"}, total_cost=1)


def test_an_unknown_id_is_not_found_and_no_violation(failing, stub):
    """The API takes the request, and says so."""
    error = failing("gen-2")
    assert (error.status_code, error.message) == (404, "Generation not found")
    assert stub.violations == []


@pytest.mark.parametrize(
    ("query", "key", "expected"),
    [
        ("?id=gen-1", None, (401, "no Authorization header")),
        ("?id=gen-1", "sk-mg-stub", (401, "holds no bearer token")),
        ("?id=gen-1", "Basic sk-mg-stub", (401, "holds no bearer token")),
        ("?id=gen-1", f"Bearer {SECRET}", (401, "another bearer token")),
        ("?id=gen-1", "Bearer  sk-mg-stub", (401, "another bearer token")),
        ("", "Bearer sk-mg-stub", (400, "id is missing")),
        ("?ID=gen-1", "Bearer sk-mg-stub", (400, "id is missing")),
        ("?id=", "Bearer sk-mg-stub", (400, "id is empty")),
        ("?id=gen-1&id=gen-1", "Bearer sk-mg-stub", (400, "id is there 2 times")),
    ],
)
def test_what_the_api_refuses_is_refused_and_noted(ask, stub, query, key, expected):
    """With the API's error body, whose code is the status; no key is in what is noted."""
    status, why = expected
    response = ask(f"/api/v1/generation{query}", Authorization=key)
    assert response.status == json.loads(response.content)["error"]["code"] == status
    (violation,) = stub.violations
    assert violation.startswith("GET /api/v1/generation ")
    assert why in violation
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
def test_other_paths_and_methods_are_refused_and_noted(ask, stub, target, method, status):
    """As a server does that knows no such thing: it is no error of the API's."""
    response = ask(target, method)
    assert (response.status, response.getheader("Content-Type")) == (status, "text/plain")
    assert response.getheader("Allow") == ("GET" if status == 405 else None)
    assert len(stub.violations) == 1


def test_what_is_no_http_is_noted(connected, stub):
    """Such as TLS, to the stub's http:// URL."""
    connected.sendall(b"\x16\x03\x01\x02\x00\x01\n")
    assert connected.recv(4096)
    assert "no HTTP/1.1 request" in stub.violations[0]


def test_the_scheme_is_taken_in_any_case(ask, stub):
    """RFC 9110, section 11.1."""
    assert ask(Authorization="bearer sk-mg-stub").status == 200
    assert stub.violations == []


def test_another_key_can_be_the_right_one(get, stub):
    """The key of the stub can be set; it is shown nowhere."""
    stub.api_key = SECRET
    assert get().status_code == 200
    assert "CANARY" not in f"{stub.requests} {stub!r}"


def test_requests_are_listed_in_order(get, failing, stub):
    """Each with what became of it."""
    get()
    failing("gen-2")
    asked, operation = ("GET", "/api/v1/generation"), "get-generation"
    assert stub.requests == [
        StubRequest(*asked, "gen-1", 200, operation=operation),
        StubRequest(*asked, "gen-2", 404, operation=operation),
    ]


@pytest.mark.parametrize("key", [SECRET, "another-kind-of-key", "sk-mg-stub"])
def test_a_key_in_the_wrong_place_is_not_listed(ask, stub, key):
    """Neither in the id nor in the path; nor is a key of another kind, that was sent as one."""
    ask(f"/api/v1/{key}?id={key}", Authorization=f"Bearer {key}")
    ask(f"/api/v1/generation?id={key}", Authorization=f"Bearer {key}")
    assert len(stub.requests) == 2
    assert key not in f"{stub.requests} {stub.violations}"


def test_violations_fail_a_check_until_they_are_cleared(ask, stub):
    """The error lists them."""
    stub.check()
    ask("/generation")
    with pytest.raises(AssertionError, match=r"GET /generation - 404: the path is not .*/api/v1/g"):
        stub.check()
    stub.violations.clear()
    stub.check()


def test_a_callback_gets_each_request():
    """Refused ones, too."""
    seen = []
    with (
        StubAPI(on_request=seen.append) as stub,
        ModelGates(api_key=SECRET, base_url=stub.base_url) as client,
        pytest.raises(Exception, match="401"),
    ):
        client.generations.get("gen-1")
    assert [request.status for request in seen] == [401]


def test_it_says_nothing(get, failing, stub, capfd):
    """No access log: a test's output is its own."""
    get()
    stub.disconnect()
    failing()
    assert capfd.readouterr() == ("", "")


def test_closing_leaves_no_thread_behind(connected, stub, get):
    """Not even that of a connection on which nothing was said; closing twice is closing once."""
    before = set(threading.enumerate())
    with StubAPI([make_record("gen-1")]) as other:
        get(base_url=other.base_url)
        connected.sendall(b"GET /api")
        stub.close()
        stub.close()
    assert set(threading.enumerate()) <= before
    assert connected.recv(1) == b""


def test_closing_waits_for_threads_that_are_about_to_end(get, stub, monkeypatch):
    """However long that takes them; here, they are slow in it."""
    finish = _server._StubHandler.finish
    monkeypatch.setattr(
        _server._StubHandler, "finish", lambda self: (time.sleep(0.3), finish(self))
    )
    before = set(threading.enumerate())
    with StubAPI([make_record("gen-1")]) as other:
        get(base_url=other.base_url)
    assert set(threading.enumerate()) <= before


def test_closing_does_not_wait_for_what_is_delayed(stub, failing):
    """The request ends without an answer."""
    stub.delay("gen-1", seconds=3600)
    arrived = threading.Event()
    stub._on_request = lambda _: arrived.set()
    with ThreadPoolExecutor() as threads:
        asking = threads.submit(failing, timeout=60)
        assert arrived.wait(60)
        stub.close()
        assert type(asking.result(60)).__name__ == "APIConnectionError"


def test_every_answer_takes_the_latency(failing):
    """A client that has less time than that gets none; no time is waited here."""
    with StubAPI([make_record("gen-1")], latency_s=3600) as stub:
        assert type(failing(base_url=stub.base_url, timeout=0.2)).__name__ == "APITimeoutError"


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.2", "localhost"])
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere 127.0.0.2 is no address at first")
def test_it_listens_where_it_is_told_to(host):
    """On all addresses it is asked by the one of this machine."""
    with (
        StubAPI([make_record("gen-1")], host=host) as stub,
        ModelGates(api_key=stub.api_key, base_url=stub.base_url) as client,
    ):
        assert stub._server.host == host
        assert client.generations.get("gen-1").id == "gen-1"


@pytest.mark.parametrize("port", [-1, 65_536])
def test_what_is_no_port_is_refused(port):
    """Before anything is started."""
    with pytest.raises(ValueError, match=f"port is {port}; it is 0 to 65535"):
        StubAPI(port=port)


@pytest.mark.parametrize("latency_s", [-1, float("nan"), float("inf"), 1e12])
def test_a_latency_that_cannot_be_waited_is_refused(latency_s):
    """Before anything is served."""
    with pytest.raises(ValueError, match="cannot be waited"):
        StubAPI(latency_s=latency_s)


def test_a_port_in_use_is_an_error(stub, capfd):
    """One that can be caught, and nothing is printed."""
    with pytest.raises(OSError, match=r"in use|forbidden|permitted"):
        StubAPI(port=int(stub.base_url.split(":")[2].split("/")[0]))
    assert capfd.readouterr() == ("", "")


def test_a_port_can_be_chosen_again_at_once():
    """A stub that is started again by hand is found where it was."""
    with StubAPI() as stub:
        port = int(stub.base_url.split(":")[2].split("/")[0])
    with StubAPI(port=port) as again:
        assert again.base_url == stub.base_url


def test_no_request_is_kept_with_its_key(get, stub):
    """Neither by the stub nor by what it stands on."""
    stub.api_key = SECRET
    get(api_key=SECRET)
    assert len(stub.requests) == 1
    assert stub._server.log == []


def test_requests_are_decided_one_at_a_time(stub, ask, monkeypatch):
    """So the list of requests is in the order in which sequences were used up."""
    decide, inside, seen = stub._decide, [], []

    def slowly(*asked):
        inside.append(asked)
        seen.append(len(inside))
        time.sleep(0.01)  # gives others the time to come in, if nothing keeps them out
        inside.pop()
        return decide(*asked)

    monkeypatch.setattr(stub, "_decide", slowly)
    with ThreadPoolExecutor(10) as threads:
        list(threads.map(lambda _: ask(), range(10)))
    assert seen == [1] * 10
