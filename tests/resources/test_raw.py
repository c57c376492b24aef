"""The answer beside the record: `get_raw`, strict validation, and drift that is told of."""

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

from ..client.servers import Answer, record, refusal, says

LOGGER = "modelgates_client"


def drifting(**changes):
    """Return an answer with two kinds of drift beside all that is missing."""
    return record(total_cost="free", tier="gold", **changes)


def test_the_answer_is_there_beside_the_record(either, server, client, recorded):
    """Status, headers by name in lower case, the body as it came, attempts and time."""
    server.answers(says(recorded, X_Request_Id="req-1", X_Two="2"))
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


def test_the_attempts_and_the_time_are_those_of_the_call(either, server, client, no_backoff):
    """Retries included."""
    server.answers(refusal(503, retry_after_ms="60"), refusal(503), record())
    raw = either(client.generations.get_raw("gen-1"))
    assert raw.attempts == 3
    assert raw.elapsed_s >= 0.06


def test_the_body_is_decompressed(either, server, client):
    """It is what the server meant, and what it says is in the headers."""
    body = json.dumps({"data": {"id": "gen-1"}}).encode()
    server.answers(Answer(gzip.compress(body), 200, {"Content-Encoding": "gzip"}))
    raw = either(client.generations.get_raw("gen-1"))
    assert raw.body == body
    assert "gzip" in server.requests[0].headers["accept-encoding"]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [({}, None), ({"Cf_Ray": "ray"}, "ray"), ({"Request_Id": "r", "Cf_Ray": "ray"}, "r")],
)
def test_the_servers_name_of_the_request_is_found(either, server, client, headers, expected):
    """Under the usual names; on errors, too."""
    server.answers(says({"data": {"id": "gen-1"}}, **headers), refusal(404, **headers))
    assert either(client.generations.get_raw("gen-1")).request_id == expected
    with pytest.raises(NotFoundError) as caught:
        either(client.generations.get_raw("gen-1"))
    assert caught.value.request_id == expected


def test_the_text_of_an_answer_is_short(either, server, client):
    """A log of it shows no body and no headers."""
    server.answers(says({"data": {"id": "gen-1", "model": "x" * 9_000}}, Set_Cookie="hunter2"))
    text = repr(either(client.generations.get_raw("gen-1")))
    assert "hunter2" not in text
    assert text.startswith("Response(parsed=GenerationResponse(data=Generation(")
    assert len(text) < 12_000


def test_a_body_beyond_the_limit_is_refused(either, server):
    """By one attempt: it would be as large the next time."""
    client = either.make(server, max_response_bytes=1_000)
    server.answers(record(model="x" * 2_000))
    with pytest.raises(ResponseValidationError, match="larger than 1000 bytes") as caught:
        either(client.generations.get("gen-1"))
    assert (caught.value.attempts, len(server.requests)) == (1, 1)
    server.answers(record())
    assert either(client.generations.get("gen-1")).id == "gen-1"


def test_a_body_that_is_too_large_decompressed_is_refused(either, server):
    """A bomb is small on the wire; the client works on."""
    client = either.make(server, max_response_bytes=10_000)
    bomb = gzip.compress(b" " * 5_000_000)
    assert len(bomb) < 10_000
    server.answers(Answer(bomb, 200, {"Content-Encoding": "gzip"}))
    with pytest.raises(ResponseValidationError, match="larger than 10000 bytes"):
        either(client.generations.get("gen-1"))
    server.answers(record())
    assert either(client.generations.get("gen-1")).id == "gen-1"


# --- drift


def test_drift_is_on_the_record_and_no_error(either, server, client):
    """Honest by default."""
    server.answers(drifting())
    found = {(drift.pointer, drift.kind) for drift in either(client.generations.get("gen-1")).drift}
    assert {("/total_cost", "type"), ("/tier", "undeclared"), ("/model", "missing")} <= found


def test_strict_validation_raises_the_whole_list(either, server):
    """By pointers into the body; it is not tried again, and a record without drift passes."""
    server.answers(drifting())
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


def test_strict_validation_takes_what_is_as_the_spec_says(either, server, complete):
    """Every field that the spec requires, of the type it says."""
    server.answers(says({"data": complete}))
    client = either.make(server, validation="strict")
    assert either(client.generations.get(complete["id"])).drift == ()


def test_the_envelopes_drift_counts(either, server, complete):
    """What is around the record is in the spec, too."""
    server.answers(says({"data": complete, "more": 1}))
    seen = []
    client = either.make(server, on_drift=seen.append)
    record = either(client.generations.get(complete["id"]))
    assert record.drift == ()
    assert [(drift.pointer, drift.kind) for drift in seen] == [("/more", "undeclared")]
    with pytest.raises(ResponseValidationError):
        either(client.with_options(validation="strict").generations.get(record.id))


def test_a_callback_is_told_of_each_deviation_each_time(either, server):
    """It may count them."""
    server.answers(drifting())
    seen = []
    client = either.make(server, on_drift=seen.append)
    either(client.generations.get("gen-1"))
    once = len(seen)
    assert once > 30
    assert {type(drift) for drift in seen} == {Drift}
    assert "/data/total_cost" in {drift.pointer for drift in seen}
    either(client.generations.get("gen-1"))
    assert len(seen) == 2 * once


def test_what_a_callback_raises_ends_the_call(either, server):
    """It is the caller's own, and not hidden."""

    def refuse(drift):
        raise LookupError(drift.pointer)

    server.answers(drifting())
    client = either.make(server, on_drift=refuse)
    with pytest.raises(LookupError):
        either(client.generations.get("gen-1"))
    other = client.with_options(on_drift=None)
    assert either(other.generations.get("gen-1")).id == "gen-1"


def logged(caplog):
    """Return the texts that the package logged of drift."""
    return [
        entry.getMessage()
        for entry in caplog.records
        if entry.name == LOGGER and "deviates" in entry.getMessage()
    ]


def test_drift_is_logged_once_per_kind(either, server, client, caplog):
    """The same deviation of every record would fill the log, as would that of every attempt."""
    caplog.set_level(logging.DEBUG)
    attempts = [{"provider_name": "A", "status": "ok"}, {"provider_name": "B", "status": "ok"}]
    server.answers(drifting(provider_responses=attempts))
    either(client.generations.get("gen-1"))
    first = logged(caplog)
    assert len(first) == len(set(first))
    assert sum("/tier" in text for text in first) == 1
    assert sum("/status" in text for text in first) == 1
    either(client.generations.get("gen-1"))
    assert logged(caplog) == first
    server.answers(drifting(provider_responses=attempts, newer=1))
    either(client.generations.get("gen-1"))
    assert len(logged(caplog)) == len(first) + 1


def test_a_hostile_server_cannot_fill_the_log(either, server, client, caplog):
    """Kinds that differ each time are not logged for ever."""
    caplog.set_level(logging.DEBUG)
    for number in range(3):
        server.answers(record(**{f"x{number}-{index}": 1 for index in range(600)}))
        either(client.generations.get("gen-1"))
    assert 500 < len(logged(caplog)) <= 1_100


def test_the_log_shows_no_values(either, server, client, caplog):
    """Records hold what is private; and no text of the server's steers a terminal."""
    caplog.set_level(logging.DEBUG)
    server.answers(record(total_cost="hunter2", external_user=["hunter2"], **{"a\n\x1b[2J": 1}))
    either(client.generations.get("gen-1"))
    assert logged(caplog)
    assert "hunter2" not in caplog.text
    assert all(text.isprintable() for text in logged(caplog))
