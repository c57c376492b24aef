"""`client.generations.get`: the record, and the right one."""

import pytest

from modelgates_client import ConfigurationError, FieldError, Generation, ResponseValidationError

from ..client.servers import good, record, says

# --- records


def test_get_returns_the_record_itself(either, server, client, recorded):
    """Not the envelope around it."""
    server.answers(says(recorded))
    record = either(client.generations.get(recorded["data"]["id"]))
    assert type(record) is Generation
    assert record.to_dict() == recorded["data"]
    assert server.requests[0].target == f"/api/v1/generation?id={record.id}"


def test_any_text_can_be_asked_for(either, server, client):
    """What has a meaning in a URL is encoded."""
    name = "gen-1 &/?#=%+é\N{GRINNING FACE}"
    assert either(client.generations.get(name)).id == name
    assert server.requests[0].id == name
    assert server.requests[0].target.isascii()


@pytest.mark.parametrize("name", ["", "\ud800", "gen-1\n", "\x00", None, 5, b"gen-1"])
def test_an_id_that_no_url_carries_is_refused(either, server, client, name):
    """Before anything is sent, by every call."""
    resource = client.generations
    for call in (resource.get, resource.get_raw, resource.wait):
        with pytest.raises(ConfigurationError, match="generation id"):
            either(call(name))
    assert server.requests == []


def test_a_record_with_drift_is_still_a_record(either, server, client):
    """What is wrong with it shows when it is read, by its path in the body."""
    server.answers(record(total_cost="free"))
    got = either(client.generations.get("gen-1"))
    with pytest.raises(FieldError, match="at /data/total_cost"):
        _ = got.total_cost
    assert "/total_cost" in {entry.pointer for entry in got.drift}
    assert got.cost.charged is None


def test_what_is_computed_is_on_the_record(either, server, client, recorded):
    """It is the record of this package."""
    server.answers(says(recorded))
    got = either(client.generations.get(recorded["data"]["id"]))
    assert str(got.cost.charged) == "0.00003452"
    assert got.is_final is True
    assert got.created.year == 2026


# --- the right record


def test_another_record_is_never_returned(failing, server):
    """An id is in the answer to be compared."""
    server.answers(record("gen-2"))
    error = failing()
    assert type(error) is ResponseValidationError
    assert "the requested id gen-1" in error.message


@pytest.mark.parametrize("data", [{}, {"id": None}, {"id": 1}, {"id": ["gen-1"]}, {"id": "GEN-1"}])
def test_a_record_without_the_id_is_never_returned(failing, server, data):
    """Whose it is cannot be known."""
    server.answers(says({"data": data}))
    assert type(failing()) is ResponseValidationError


def test_a_cached_responses_source_is_the_right_record(either, server, client):
    """Its own id is another one."""
    server.answers(record("gen-2", response_cache_source_id="gen-1"))
    got = either(client.generations.get("gen-1"))
    assert (got.id, got.response_cache_source_id) == ("gen-2", "gen-1")


def test_another_record_is_asked_for_again_by_another_connection(either, server, no_backoff):
    """The connections may have lost count of their answers: none of them is used again."""
    client = either.make(server)
    either(client.generations.get("gen-0"))
    server.answers(record("gen-2"), good)
    raw = either(client.generations.get_raw("gen-1"))
    assert (raw.parsed.data.id, raw.attempts, server.connections) == ("gen-1", 2, 2)


def test_every_call_of_many_gets_its_own_record(either, server, client):
    """Over connections that are used again."""
    for number in range(50):
        assert either(client.generations.get(f"gen-{number}")).id == f"gen-{number}"
    assert server.connections == 1
