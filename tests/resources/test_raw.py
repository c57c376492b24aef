"""`get_raw`, strict validation, and the reporting of drift."""

import gzip
import json
import logging

import pytest

from modelgates_client import (
    Drift,
    Generation,
    NotFoundError,
    Response,
    ResponseValidationError,
)

from ..client.servers import ServerResponse, json_response, record, refusal

LOGGER = "modelgates_client"


def response_with_drift(**changes):
    """Return a response with two kinds of drift in addition to its missing fields."""
    return record(total_cost="free", tier="gold", **changes)


def test_get_raw_returns_the_response_and_the_record(either, server, client, recorded):
    """Status, headers with lower-case names, original body, attempts and time."""
    server.respond_with(json_response(recorded, X_Request_Id="req-1", X_Two="2"))
    raw = either(client.generations.get_raw(recorded["data"]["id"]))
    assert type(raw) is Response
    assert type(raw.parsed.data) is Generation
    assert raw.parsed.data.to_dict() == recorded["data"]
    assert raw.status_code == 200
    assert raw.headers["x-two"] == "2"
    assert raw.headers["content-type"] == "application/json"
    assert raw.body == json.dumps(recorded).encode()
    assert raw.attempts == 1
    assert raw.elapsed_s >= 0
    assert raw.request_id == "req-1"


def test_attempts_and_elapsed_time_include_retries(either, server, client, no_backoff):
    """They are those of the call."""
    server.respond_with(refusal(503, retry_after_ms="60"), refusal(503), record())
    raw = either(client.generations.get_raw("gen-1"))
    assert raw.attempts == 3
    assert raw.elapsed_s >= 0.06


def test_the_body_is_decompressed(either, server, client):
    """The headers still show the encoding."""
    body = json.dumps({"data": {"id": "gen-1"}}).encode()
    server.respond_with(ServerResponse(gzip.compress(body), 200, {"Content-Encoding": "gzip"}))
    raw = either(client.generations.get_raw("gen-1"))
    assert raw.body == body
    assert "gzip" in server.requests[0].headers["accept-encoding"]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [({}, None), ({"Cf_Ray": "ray"}, "ray"), ({"Request_Id": "r", "Cf_Ray": "ray"}, "r")],
)
def test_the_request_id_of_the_server_is_available(either, server, client, headers, expected):
    """From the usual headers; on errors, too."""
    server.respond_with(
        json_response({"data": {"id": "gen-1"}}, **headers), refusal(404, **headers)
    )
    assert either(client.generations.get_raw("gen-1")).request_id == expected
    with pytest.raises(NotFoundError) as caught:
        either(client.generations.get_raw("gen-1"))
    assert caught.value.request_id == expected


def test_the_repr_of_a_response_is_short(either, server, client):
    """It has neither body nor headers."""
    server.respond_with(
        json_response({"data": {"id": "gen-1", "model": "x" * 9_000}}, Set_Cookie="hunter2")
    )
    text = repr(either(client.generations.get_raw("gen-1")))
    assert "hunter2" not in text
    assert text.startswith("Response(parsed=GenerationResponse(data=Generation(")
    assert len(text) < 12_000


def test_a_body_above_the_limit_is_rejected(either, server):
    """After one attempt: a retry would get the same."""
    client = either.make(server, max_response_bytes=1_000)
    server.respond_with(record(model="x" * 2_000))
    with pytest.raises(ResponseValidationError, match="larger than 1000 bytes") as caught:
        either(client.generations.get("gen-1"))
    assert (caught.value.attempts, len(server.requests)) == (1, 1)
    server.respond_with(record())
    assert either(client.generations.get("gen-1")).id == "gen-1"


def test_a_body_that_is_too_large_decompressed_is_refused(either, server):
    """A compression bomb is small on the wire; the client stays usable."""
    client = either.make(server, max_response_bytes=10_000)
    bomb = gzip.compress(b" " * 5_000_000)
    assert len(bomb) < 10_000
    server.respond_with(ServerResponse(bomb, 200, {"Content-Encoding": "gzip"}))
    with pytest.raises(ResponseValidationError, match="larger than 10000 bytes"):
        either(client.generations.get("gen-1"))
    server.respond_with(record())
    assert either(client.generations.get("gen-1")).id == "gen-1"


# --- drift


def test_drift_is_not_an_error_by_default(either, server, client):
    """It is listed on the record."""
    server.respond_with(response_with_drift())
    drift_found = {
        (drift.pointer, drift.kind) for drift in either(client.generations.get("gen-1")).drift
    }
    assert {("/total_cost", "type"), ("/tier", "undeclared"), ("/model", "missing")} <= drift_found


def test_strict_validation_raises_all_drift(either, server):
    """With pointers into the body; it is not retried, and a record without drift is returned."""
    server.respond_with(response_with_drift())
    client = either.make(server, validation="strict")
    with pytest.raises(ResponseValidationError, match="deviation") as caught:
        either(client.generations.get("gen-1"))
    error = caught.value
    pointers = [drift.pointer for drift in error.drift]
    assert {"/data/total_cost", "/data/tier", "/data/model"} <= set(pointers)
    assert len(pointers) == len(set(pointers)) > 30
    assert "and" in str(error)
    assert (error.status_code, error.attempts, len(server.requests)) == (200, 1, 1)
    assert json.loads(error.body)["data"]["tier"] == "gold"


def test_strict_validation_accepts_a_conforming_record(either, server, complete):
    """With every required field, each of its type."""
    server.respond_with(json_response({"data": complete}))
    client = either.make(server, validation="strict")
    assert either(client.generations.get(complete["id"])).drift == ()


def test_drift_of_the_envelope_counts(either, server, complete):
    """The spec also describes what is around the record."""
    server.respond_with(json_response({"data": complete, "more": 1}))
    seen = []
    client = either.make(server, on_drift=seen.append)
    record = either(client.generations.get(complete["id"]))
    assert record.drift == ()
    assert [(drift.pointer, drift.kind) for drift in seen] == [("/more", "undeclared")]
    with pytest.raises(ResponseValidationError):
        either(client.with_options(validation="strict").generations.get(record.id))


def test_on_drift_is_called_for_each_deviation_of_each_record(either, server):
    """A callback may count them."""
    server.respond_with(response_with_drift())
    seen = []
    client = either.make(server, on_drift=seen.append)
    either(client.generations.get("gen-1"))
    once = len(seen)
    assert once > 30
    assert {type(drift) for drift in seen} == {Drift}
    assert "/data/total_cost" in {drift.pointer for drift in seen}
    either(client.generations.get("gen-1"))
    assert len(seen) == 2 * once


def test_an_exception_of_on_drift_ends_the_call(either, server):
    """It is raised unchanged."""

    def refuse(drift):
        raise LookupError(drift.pointer)

    server.respond_with(response_with_drift())
    client = either.make(server, on_drift=refuse)
    with pytest.raises(LookupError):
        either(client.generations.get("gen-1"))
    other = client.with_options(on_drift=None)
    assert either(other.generations.get("gen-1")).id == "gen-1"


def drift_lines(caplog):
    """Return the messages that the package logged about drift."""
    return [
        entry.getMessage()
        for entry in caplog.records
        if entry.name == LOGGER and "deviates" in entry.getMessage()
    ]


def test_drift_is_logged_once_per_kind(either, server, client, caplog):
    """Repeated deviations, in other records or attempts, would fill the log."""
    caplog.set_level(logging.DEBUG)
    attempts = [{"provider_name": "A", "status": "ok"}, {"provider_name": "B", "status": "ok"}]
    server.respond_with(response_with_drift(provider_responses=attempts))
    either(client.generations.get("gen-1"))
    first = drift_lines(caplog)
    assert len(first) == len(set(first))
    assert sum("/tier" in text for text in first) == 1
    assert sum("/status" in text for text in first) == 1
    either(client.generations.get("gen-1"))
    assert drift_lines(caplog) == first
    server.respond_with(response_with_drift(provider_responses=attempts, newer=1))
    either(client.generations.get("gen-1"))
    assert len(drift_lines(caplog)) == len(first) + 1


def test_a_hostile_server_cannot_fill_the_log(either, server, client, caplog):
    """The number of kinds that are logged is limited."""
    caplog.set_level(logging.DEBUG)
    for number in range(3):
        server.respond_with(record(**{f"x{number}-{index}": 1 for index in range(600)}))
        either(client.generations.get("gen-1"))
    assert 500 < len(drift_lines(caplog)) <= 1_100


def test_the_log_shows_no_values(either, server, client, caplog):
    """Records contain private data; text from the server must not control a terminal."""
    caplog.set_level(logging.DEBUG)
    server.respond_with(
        record(total_cost="hunter2", external_user=["hunter2"], **{"a\n\x1b[2J": 1})
    )
    either(client.generations.get("gen-1"))
    assert drift_lines(caplog)
    assert "hunter2" not in caplog.text
    assert all(text.isprintable() for text in drift_lines(caplog))
