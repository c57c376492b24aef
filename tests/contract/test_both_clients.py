"""The clients that people import, blocking and not, against a server that follows the spec."""

import asyncio
import json

import pytest
from backtesting import bodies
from hypothesis import given, settings, strategies as st

from modelgates_client import (
    APIStatusError,
    AsyncModelGates,
    Generation,
    ModelGates,
    NotFoundError,
    RateLimitError,
    ResponseValidationError,
    ServerError,
)

from .strategies import OPERATION, SCHEMAS, SPEC, deviations, values

ERRORS = [status for status in SCHEMAS if status != 200]
CLASSES = {404: NotFoundError, 429: RateLimitError, 500: ServerError, 502: ServerError}
ID = "gen-1 &/?"

#: Every enum value, null, absence and bound that the spec has, status by status.
MADE = [body for body in bodies.generate(SPEC).bodies if body.operation == OPERATION["operationId"]]
BODIES = {status: [body.value for body in MADE if body.code == status] for status in SCHEMAS}


@pytest.fixture(params=["sync", "async"], scope="module")
def get(request, stub):
    """Fetch a record by either client, each time by a new one; no attempt is repeated."""
    options = {"base_url": stub.base_url, "api_key": "sk-mg-secret", "max_retries": 0}

    def blocking(**more):
        with ModelGates(**options, **more) as client:
            return client.generations.get(ID)

    async def awaited(**more):
        async with AsyncModelGates(**options, **more) as client:
            return await client.generations.get(ID)

    if request.param == "sync":
        return blocking
    return lambda **more: asyncio.run(awaited(**more))


def addressed(body):
    """Return a body with the requested id, if it is a record."""
    return {**body, "data": {**body["data"], "id": ID}}


def test_the_spec_documents_success_and_errors():
    """Otherwise the following tests would be empty."""
    assert 200 in SCHEMAS
    assert len(ERRORS) >= 6
    assert all(len(found) >= 5 for found in BODIES.values()), BODIES.keys()
    providers = SPEC["components"]["schemas"]["ProviderResponseProviderName"]["enum"]
    attempts = [a for body in BODIES[200] for a in body["data"]["provider_responses"] or ()]
    assert {attempt.get("provider_name") for attempt in attempts} - {None} == {*providers}


def test_the_request_conforms_to_the_spec(get, stub):
    """Method, path and parameters as documented; the key as a bearer token; no body."""
    stub.answers(addressed(BODIES[200][0]))
    get()
    request = stub.request
    (path,) = [path for path, item in SPEC["paths"].items() if OPERATION in item.values()]
    assert request.method == "GET"
    assert (
        request.path == f"/api/v1/{path.strip('/')}"
    )  # a doubled slash is the document's, not the service's
    assert request.args.to_dict(flat=False) == {"id": [ID]}
    assert request.headers["Authorization"] == "Bearer sk-mg-secret"
    assert request.data == b""
    required = {
        (parameter["in"], parameter["name"])
        for parameter in OPERATION["parameters"]
        if parameter.get("required")
    }
    assert required <= {("query", "id"), ("header", "Authorization")}


def test_conforming_records_are_decoded_completely(get, stub):
    """Each with one value at its limit: typed, without drift, and encoded to the original."""
    schema = SCHEMAS[200]
    for body in BODIES[200]:
        sent = addressed(body)
        stub.answers(sent)
        record = get()
        assert isinstance(record, Generation)
        assert record.drift == ()
        assert record.to_dict() == sent["data"]
        assert deviations(schema, sent) == {}


@given(data=st.data())
@settings(max_examples=25)
def test_random_conforming_records_are_decoded_completely(get, stub, data):
    """The same for any record that the spec allows."""
    sent = addressed(data.draw(values(SCHEMAS[200])))
    stub.answers(sent)
    record = get(validation="strict")
    assert json.loads(json.dumps(record.to_dict())) == sent["data"]


@pytest.mark.parametrize("status", ERRORS)
def test_each_documented_error_is_raised_with_its_fields(get, stub, status):
    """By its status, with code, message, metadata and user as sent."""
    for body in BODIES[status]:
        stub.answers(body, status)
        with pytest.raises(CLASSES.get(status, APIStatusError)) as caught:
            get()
        error = caught.value
        assert (error.status_code, error.code) == (status, body["error"]["code"])
        assert error.metadata == body["error"].get("metadata")
        assert error.user_id == body.get("user_id")
        assert error.message


@pytest.mark.parametrize("status", [400, 403, 408, 418, 503, 524, 529])
def test_an_undocumented_error_is_raised_by_its_status(get, stub, status):
    """Servers send statuses that the spec does not document."""
    stub.answers({"error": {"code": status, "message": "as it is"}}, status)
    with pytest.raises(APIStatusError) as caught:
        get()
    assert (caught.value.status_code, caught.value.message) == (status, "as it is")


def test_a_recorded_response_is_decoded(get, stub, recorded):
    """Its missing fields are drift, and an error with strict validation."""
    sent = addressed(recorded)
    stub.answers(sent)
    record = get()
    assert record.to_dict() == sent["data"]
    assert {entry.kind for entry in record.drift} == {"missing"}
    assert record.cost.charged is not None
    with pytest.raises(ResponseValidationError):
        get(validation="strict")
