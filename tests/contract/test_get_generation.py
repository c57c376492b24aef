"""The generated operation, both ways, against a server on loopback."""

import pickle

import pytest
from hypothesis import given, settings, strategies as st

from modelgates_api.models import ErrorResponse, Generation, GenerationResponse
from modelgates_runtime.errors import FieldError, InvalidBodyError, UnexpectedStatusError

from .fidelity import check
from .strategies import SCHEMAS, deviations, values

UNDOCUMENTED = sorted({201, 204, 302, 400, 403, 408, 418, 503, 524, 529, 599, 999} - SCHEMAS.keys())
NOT_JSON = {
    "HTML": b"<html><h1>502 Bad Gateway</h1></html>",
    "an empty body": b"",
    "a cut-off body": b'{"data": {"id": "gen-1"',
    "NaN": b'{"data": {"total_cost": NaN}}',
    "an infinity": b'{"error": {"code": -Infinity}}',
    "bytes that are not UTF-8": b'{"data": "\xff\xfe"}',
    "encoded surrogates": b'{"data": "\xed\xa0\x80"}',
    "UTF-16": '{"data": {}}'.encode("utf-16"),
    "control characters": b'{"data": "\x01"}',
    "two documents": b"{}{}",
    "nesting without end": b"[" * 200_000,
    "nesting after an odd string": b'["\\ud800",' + b"[" * 200_000,
    "an integer of 5,000 digits": b'{"data": ' + b"9" * 5000 + b"}",
}
NO_OBJECT = [b"null", b"[]", b'"text"', b"1", b"1e999", b"true", b'[{"data": {}}]']


@pytest.mark.parametrize("status", SCHEMAS)
@given(data=st.data())
@settings(max_examples=3)
def test_every_documented_status_is_typed(call, stub, status, data):
    """Each status of the spec yields the model of its schema, not an exception."""
    body = data.draw(values(SCHEMAS[status]))
    stub.answers(body, status)
    parsed = call()
    assert type(parsed) is (GenerationResponse if status == 200 else ErrorResponse)
    check(SCHEMAS[status], body, parsed)


def test_the_recorded_response_is_decoded_completely(parser, call, stub, recorded):
    """Everything is kept; missing fields are drift, and None."""
    stub.answers(recorded)
    record = call()
    check(SCHEMAS[200], recorded, record)
    assert {entry.kind for entry in record.drift} == {"missing"}
    assert (record.data.total_cost, record.data.http_referer) == (0.00003452, None)
    assert record.data.provider_responses[0].provider_name.is_known


@pytest.mark.parametrize("content", [b'{"error": {"code": 1, "message": "no"}}', b"<html>"])
@pytest.mark.parametrize("status", UNDOCUMENTED)
def test_any_other_status_is_an_error_with_the_status_as_an_integer(call, stub, status, content):
    """Statuses that the spec and `http.HTTPStatus` do not know are handled like any other."""
    stub.answers(content, status)
    with pytest.raises(UnexpectedStatusError) as caught:
        call()
    assert type(caught.value.status_code) is int
    assert caught.value.status_code == status
    assert caught.value.body == ("" if status in {204, 304} else content.decode())
    twin = pickle.loads(pickle.dumps(caught.value))
    assert (str(twin), vars(twin)) == (str(caught.value), vars(caught.value))


@pytest.mark.parametrize("status", [200, 502])
@pytest.mark.parametrize("content", NOT_JSON.values(), ids=NOT_JSON)
def test_invalid_json_is_an_error_with_the_start_of_the_body(parser, call, stub, status, content):
    """And with the status."""
    stub.answers(content, status, "text/html")
    with pytest.raises(InvalidBodyError) as caught:
        call()
    assert caught.value.status_code == status
    assert caught.value.body == content[:2000].decode("utf-8", "replace")[:500]


@pytest.mark.parametrize("status", [200, 502])
@pytest.mark.parametrize("content", NO_OBJECT)
def test_json_that_is_not_an_object_is_an_error(parser, call, stub, status, content):
    """The error has the received type."""
    stub.answers(content, status)
    with pytest.raises(InvalidBodyError, match=r"expected object \(\w+\), found") as caught:
        call()
    assert caught.value.body == content.decode()


def test_a_byte_order_mark_is_ignored(parser, call, stub):
    """RFC 8259, section 8.1, lets parsers ignore it."""
    stub.answers(b'\xef\xbb\xbf{"data": {"id": "gen-1"}}')
    assert call().data.id == "gen-1"


def test_the_last_of_duplicate_keys_is_used(parser, call, stub):
    """By both parsers."""
    stub.answers(b'{"data": {"id": "gen-1", "id": 5, "id": "gen-2"}}')
    assert call().to_dict() == {"data": {"id": "gen-2"}}


def test_deep_nesting_in_a_value_without_a_type_is_an_error(parser, call, stub):
    """Copying or comparing it would overflow the stack."""
    deep = b"[" * 300 + b"]" * 300
    for content in (
        b'{"new": %s}' % deep,
        b'{"data": %s}' % deep,
        b'{"data": {"id": %s}}' % deep,
        b'{"data": {"provider_responses": [%s]}}' % deep,
    ):
        stub.answers(content)
        with pytest.raises(InvalidBodyError, match="nested deeper than 100 levels"):
            call()
    stub.answers(b'{"error": {"metadata": {"any": %s}}}' % deep, 404)
    with pytest.raises(InvalidBodyError, match="nested deeper than 100 levels"):
        call()


def test_an_error_object_with_status_200_is_not_readable_as_a_record(call, stub):
    """Reading the missing record names the field and its JSON path."""
    body = {"error": {"code": 502, "message": "Bad Gateway"}}
    stub.answers(body)
    answer = call()
    with pytest.raises(FieldError, match=r"GenerationResponse\.data .* /data .* sent nothing"):
        _ = answer.data
    assert {e.pointer: e.kind for e in answer.drift} == deviations(SCHEMAS[200], body)


def test_the_request_is_what_the_spec_says(call, stub, recorded):
    """Method, path, query and the bearer token arrive as the spec asks."""
    stub.answers(recorded)
    call(token="sk-mg-secret", headers={"X-ModelGates-Title": "tests"})
    assert stub.request.method == "GET"
    assert stub.request.path == "/api/v1/generation"
    assert stub.request.args.to_dict(flat=False) == {"id": ["gen-1 &/?"]}
    assert stub.request.headers["Authorization"] == "Bearer sk-mg-secret"
    assert stub.request.headers["X-ModelGates-Title"] == "tests"
    call()
    assert "Authorization" not in stub.request.headers


def test_a_record_is_a_generation(call, stub, recorded):
    """The object in `data` is the model that people import."""
    stub.answers(recorded)
    assert type(call().data) is Generation
