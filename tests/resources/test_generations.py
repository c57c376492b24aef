"""`client.generations.get` returns the requested record, and no other."""

import pytest

from modelgates_client import ConfigurationError, FieldError, Generation, ResponseValidationError

from ..client.servers import json_response, record, respond_with_record

# --- records


def test_get_returns_the_record_itself(either, server, client, recorded):
    """Without its envelope."""
    server.respond_with(json_response(recorded))
    record = either(client.generations.get(recorded["data"]["id"]))
    assert type(record) is Generation
    assert record.to_dict() == recorded["data"]
    assert server.requests[0].target == f"/api/v1/generation?id={record.id}"


def test_any_text_can_be_requested(either, server, client):
    """Characters with a meaning in URLs are encoded."""
    name = "gen-1 &/?#=%+é\N{GRINNING FACE}"
    assert either(client.generations.get(name)).id == name
    assert server.requests[0].id == name
    assert server.requests[0].target.isascii()


@pytest.mark.parametrize("name", ["", "\ud800", "gen-1\n", "\x00", None, 5, b"gen-1"])
def test_an_invalid_id_is_rejected(either, server, client, name):
    """By every method, before any request is sent."""
    resource = client.generations
    for call in (resource.get, resource.get_raw, resource.wait):
        with pytest.raises(ConfigurationError, match="generation id"):
            either(call(name))
    assert server.requests == []


def test_a_record_with_drift_is_returned(either, server, client):
    """Reading an unreadable field raises, with its path in the body."""
    server.respond_with(record(total_cost="free"))
    got = either(client.generations.get("gen-1"))
    with pytest.raises(FieldError, match="at /data/total_cost"):
        _ = got.total_cost
    assert "/total_cost" in {entry.pointer for entry in got.drift}
    assert got.cost.charged is None


def test_the_record_has_computed_attributes(either, server, client, recorded):
    """It is the record class of this package."""
    server.respond_with(json_response(recorded))
    got = either(client.generations.get(recorded["data"]["id"]))
    assert str(got.cost.charged) == "0.00003452"
    assert got.is_final is True
    assert got.created.year == 2026


# --- the right record


def test_another_record_is_never_returned(error_of_get, server):
    """The id in the response is compared."""
    server.respond_with(record("gen-2"))
    error = error_of_get()
    assert type(error) is ResponseValidationError
    assert "the requested id gen-1" in error.message


@pytest.mark.parametrize("data", [{}, {"id": None}, {"id": 1}, {"id": ["gen-1"]}, {"id": "GEN-1"}])
def test_a_record_without_the_id_is_never_returned(error_of_get, server, data):
    """It could belong to another request."""
    server.respond_with(json_response({"data": data}))
    assert type(error_of_get()) is ResponseValidationError


def test_a_record_from_the_response_cache_is_returned(either, server, client):
    """Its own id differs, its source id is the requested one."""
    server.respond_with(record("gen-2", response_cache_source_id="gen-1"))
    got = either(client.generations.get("gen-1"))
    assert (got.id, got.response_cache_source_id) == ("gen-2", "gen-1")


def test_a_misrouted_record_is_requested_again_on_a_new_connection(either, server, no_backoff):
    """Open connections may mix up responses: none of them is reused."""
    client = either.make(server)
    either(client.generations.get("gen-0"))
    server.respond_with(record("gen-2"), respond_with_record)
    raw = either(client.generations.get_raw("gen-1"))
    assert (raw.parsed.data.id, raw.attempts, server.connections) == ("gen-1", 2, 2)


def test_concurrent_calls_get_their_own_records(either, server, client):
    """On reused connections."""
    for number in range(50):
        assert either(client.generations.get(f"gen-{number}")).id == f"gen-{number}"
    assert server.connections == 1
