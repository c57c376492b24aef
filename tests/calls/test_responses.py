"""The result of an attempt: the requested record, or an error by the status."""

import pickle

import pytest
from hypothesis import given, settings, strategies as st

from modelgates_api.models import ErrorResponse
from modelgates_client import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    EndpointNotFoundError,
    Generation,
    NotFoundError,
    ResponseValidationError,
)
from modelgates_client.calls.responses import (
    CallProblem,
    as_reported,
    interpret as _interpret,
    problem_of,
)
from modelgates_client.resources.generations import call_for
from modelgates_client.transport.messages import Failure, HTTPResponse
from modelgates_runtime.decoders import STRING, Array, Object
from modelgates_runtime.operation import Content, Operation
from modelgates_runtime.types import Response

from ..contract.fidelity import READER
from ..contract.strategies import SCHEMAS, as_json, values
from .sample_responses import (
    ERRORS,
    FIELD,
    REQUESTED_ID,
    RESPONSES,
    code_of,
    error_class_of,
    parse_json,
    record_bodies,
)
from .server_turns import RETRYABLE_STATUSES


def interpret(attempt_result, generation_id, attempts, validation):
    """Return the outcome of a call for a record after an attempt."""
    return _interpret(attempt_result, call_for(generation_id), attempts, validation)


def problem_with(body, status=500, *, validation="lenient", **headers):
    """Return the problem with a response."""
    body = body if isinstance(body, bytes) else as_json(body)
    headers = {name.replace("_", "-"): text for name, text in headers.items()}
    result = interpret(HTTPResponse(status, headers, body), REQUESTED_ID, 3, validation)
    assert isinstance(result, CallProblem)
    return result


@pytest.mark.slow("hundreds of bodies")
@settings(max_examples=400)
@given(RESPONSES, st.sampled_from(["lenient", "strict"]))
def test_anything_is_the_record_asked_for_or_an_error_by_its_status(http_response, validation):
    """For any body; nothing else is raised, and no other record is returned."""
    status, headers, body, defect, _ = http_response
    result = interpret(http_response, REQUESTED_ID, 3, validation)
    if isinstance(result, Response):
        assert (status, defect, result.status_code, result.body) == (200, None, 200, body)
        check_record(result, parse_json(body), validation)
        return
    error = result.error
    assert (error.status_code, error.attempts) == (status, 3)
    if not 200 <= status < 300:
        is_page = isinstance(error, EndpointNotFoundError)
        assert (
            isinstance(error, error_class_of(status))
            if is_page
            else type(error) is error_class_of(status)
        )
        overruled = headers.get("x-should-retry", "").strip().lower()
        expected = {"true": True, "false": False}.get(overruled, status in RETRYABLE_STATUSES)
        assert result.failed_attempt.retryable is expected
        assert result.is_absence is (status == 404 and not is_page)
    assert error.message
    assert str(error).isprintable()
    assert error.body == body.decode("utf-8", "replace")
    twin = pickle.loads(pickle.dumps(error))
    assert (type(twin), str(twin)) == (type(error), str(error))


def check_record(response, sent, validation):
    """Check that the record is the requested one, with the values that were sent, each typed."""
    data = sent["data"]
    assert type(response.parsed.data) is Generation
    assert REQUESTED_ID in {str(data.get("id")), str(data.get("response_cache_source_id"))}
    assert response.parsed.data.to_dict() == data
    assert READER.read(response.parsed, type(response.parsed), sent).wrong_values == []
    pointers = {f"/data{entry.pointer}" for entry in response.parsed.data.drift}
    assert pointers <= {entry.pointer for entry in response.parsed.drift}
    assert validation == "lenient" or not response.parsed.drift


@given(record_bodies())
def test_strict_validation_rejects_exactly_the_bodies_with_drift(body):
    """The error has the same drift as the record."""
    lenient = interpret(HTTPResponse(200, {}, body), REQUESTED_ID, 1, "lenient")
    strict = interpret(HTTPResponse(200, {}, body), REQUESTED_ID, 1, "strict")
    if isinstance(lenient, Response) and lenient.parsed.drift:
        assert type(strict.error) is ResponseValidationError
        assert strict.error.drift == lenient.parsed.drift
        assert not strict.failed_attempt.retryable
    elif isinstance(lenient, Response):
        assert strict.parsed == lenient.parsed
    else:
        assert (strict.error.args, strict.failed_attempt) == (
            lenient.error.args,
            lenient.failed_attempt,
        )


def test_strict_validation_accepts_a_valid_body(recorded):
    """If it conforms to the spec."""
    valid = values(SCHEMAS[200]).map(
        lambda body: as_json({"data": {**body["data"], "id": REQUESTED_ID}})
    )
    seen = []

    @settings(max_examples=50)
    @given(valid)
    def check(body):
        seen.append(interpret(HTTPResponse(200, {}, body), REQUESTED_ID, 1, "strict"))
        assert isinstance(seen[-1], Response)

    check()
    assert len(seen) >= 50
    sent = as_json(recorded)
    assert isinstance(
        interpret(HTTPResponse(200, {}, sent), recorded["data"]["id"], 1, "lenient"), Response
    )


@given(ERRORS, FIELD, st.sampled_from([200, 299, 400, 404, 503, 600]))
def test_error_attributes_have_the_right_types(error_object, user_id, status):
    """A value of another type is unknown, and not converted."""
    body = as_json({"error": error_object, "user_id": user_id})
    error, error_object = problem_with(body, status).error, parse_json(body)["error"]
    assert error.code == code_of(error_object.get("code"))
    assert type(error.code) in {int, type(None)}
    metadata = error_object.get("metadata")
    assert error.metadata == (metadata if isinstance(metadata, dict) else None)
    assert error.user_id == (user_id if isinstance(user_id, str) else None)
    if error_object.get("message") and isinstance(error_object["message"], str):
        assert error.message == error_object["message"]


@pytest.mark.parametrize(
    ("code", "known", "name"),
    [
        (400, 400, "BadRequestError"),
        (429, 429, "RateLimitError"),
        (429.0, 429, "RateLimitError"),
        (599, 599, "ServerError"),
        (399, 399, "APIStatusError"),
        (600, 600, "APIStatusError"),
        (10**30, 10**30, "APIStatusError"),
        (True, None, "APIStatusError"),
        (404.5, None, "APIStatusError"),
        ("404", 404, "NotFoundError"),
        ("429", 429, "RateLimitError"),
        ("4290", None, "APIStatusError"),
        (" 429", None, "APIStatusError"),
        ("٤٢٩", None, "APIStatusError"),
        ("rate_limited", None, "APIStatusError"),
        ([404], None, "APIStatusError"),
        (None, None, "APIStatusError"),
    ],
)
def test_an_error_code_is_an_integer(code, known, name):
    """A boolean is not; a text is if it is a three-digit status."""
    error = problem_with({"error": {"code": code}}, 200).error
    assert (error.code, type(error).__name__) == (known, name)
    assert type(error.code) is type(known)


def test_a_code_as_text_is_retried_like_its_number():
    """It is the same error."""
    assert problem_with({"error": {"code": "429"}}, 200).failed_attempt.retryable
    assert not problem_with({"error": {"code": "402"}}, 200).failed_attempt.retryable


def test_an_error_code_counts_only_in_a_success():
    """Other responses are interpreted by their status."""
    assert problem_with({"error": {"code": 404}}, 299).is_absence
    for status in (101, 301, 400, 503):
        assert not problem_with({"error": {"code": 404}}, status).is_absence


@given(ERRORS, st.sampled_from([200, 201, 299]))
def test_an_error_in_a_success_has_the_class_of_its_code(error_object, status):
    """If the code is an error status; `status_code` is that of the response."""
    result = problem_with({"error": error_object, "data": {"id": REQUESTED_ID}}, status)
    code = code_of(error_object.get("code"))
    effective = code if code in range(400, 600) else status
    assert type(result.error) is error_class_of(effective)
    assert result.error.status_code == status
    assert result.failed_attempt.retryable is (effective in RETRYABLE_STATUSES)
    assert result.is_absence is (effective == 404)


@pytest.mark.parametrize("key", [b'"error"', b'"\\u0065rror"', b'"err\\u006Fr"'])
def test_an_error_in_a_success_is_found_with_an_escaped_name(key):
    """JSON may escape any character."""
    body = b'{"data": {"id": "gen-1"}, ' + key + b': {"code": 429}}'
    assert type(problem_with(body, 200).error) is error_class_of(429)


@pytest.mark.parametrize(
    ("decoder", "is_declared"),
    [(Object(ErrorResponse), True), (Array(Object(ErrorResponse)), False), (STRING, False)],
)
def test_an_error_that_the_spec_declares_is_no_failure(decoder, is_declared):
    """The success of this operation has a field of that name; other schemas have none."""
    call = Operation("read-error", "GET", "/error", {"200": Content(decoder)}).call({})
    body = as_json({"error": {"code": 404, "message": "an earlier one"}})
    result = _interpret(HTTPResponse(200, {}, body), call, 1, "lenient")
    if is_declared:
        assert result.parsed.error.code == 404
    else:
        assert type(result.error) is NotFoundError


@pytest.mark.parametrize("error", [None, "no", [], 404, True])
def test_an_error_field_without_an_object_is_not_an_error(error):
    """The record next to it is used; without a record the body is invalid."""
    body = as_json({"data": {"id": REQUESTED_ID}, "error": error})
    assert isinstance(interpret(HTTPResponse(200, {}, body), REQUESTED_ID, 1, "lenient"), Response)
    assert type(problem_with({"error": error}, 200).error) is ResponseValidationError


@pytest.mark.parametrize("status", [201, 202, 204, 206, 299])
def test_an_undocumented_success_status_is_not_a_record(status):
    """Its meaning is unknown."""
    result = problem_with({"data": {"id": REQUESTED_ID}}, status)
    assert type(result.error) is ResponseValidationError
    assert not result.failed_attempt.retryable


@pytest.mark.parametrize("status", [200, 404, 502])
@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"\xff", b"<html>", b"{", b"[" * 99999, b'{"error":' * 5000, b"NaN", b"\0" * 9),
        b'{"error": {"code": 429, "metadata": {"deep": %s}}}' % (b"[" * 200 + b"]" * 200),
        *(b'{"data": NaN}', b'{"data": {"id": "gen-1", "id": "gen-2"}}', b'{"error": {}}' * 2),
    ],
)
def test_an_unreadable_body_is_an_error(status, body):
    """By its status; for a success, a validation error."""
    error = problem_with(body, status).error
    classes = {200: ResponseValidationError, 404: EndpointNotFoundError}
    assert type(error) is classes.get(status, error_class_of(status))
    assert not problem_with(body, status).is_absence
    assert "<html" not in str(error)


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "Unknown URL", "type": "invalid_request_error", "code": None}},
        {"error": {"message": "Unknown URL", "code": "unknown_url"}},
        {"error": {"message": "The page could not be found", "code": "404"}},
        {"error": {"message": "Not found", "code": True}},
        {"error": {"message": "Not found", "status": 404}},
        {"error": {}},
        {"error": "Not Found", "status": 404, "path": "/generation"},
        {"detail": "Not Found"},
        {"message": "no Route matched with those values"},
        {"code": 404, "message": "Not found"},
        {"errors": [{"code": 404}]},
        [{"error": {"code": 404, "message": "Not found"}}],
        "Not Found",
        None,
        404,
    ],
)
def test_a_404_of_another_api_does_not_mean_that_the_record_is_missing(body):
    """The error says at once to check `base_url`: waiting would not help."""
    result = problem_with(body, 404)
    assert type(result.error) is EndpointNotFoundError
    assert "is base_url right?" in str(result.error)
    assert (result.is_absence, result.failed_attempt.retryable) == (False, False)


@pytest.mark.parametrize("code", [404, 404.0, 0, 10**20])
@pytest.mark.parametrize("more", [{}, {"type": "x"}, {"metadata": None}])
def test_a_404_of_the_api_means_that_the_record_is_missing(code, more):
    """With any other fields."""
    result = problem_with({"error": {"code": code, "message": "Generation not found", **more}}, 404)
    assert type(result.error) is NotFoundError
    assert result.is_absence


@pytest.mark.parametrize(
    ("data", "is_it"),
    [
        ({"id": REQUESTED_ID}, True),
        ({"id": "gen-2", "response_cache_source_id": REQUESTED_ID}, True),
        ({"id": REQUESTED_ID, "response_cache_source_id": "gen-2"}, True),
        ({"id": 1, "response_cache_source_id": REQUESTED_ID}, True),
        ({"id": "gen-2"}, False),
        ({"id": "GEN-1"}, False),
        ({"id": "gen-1 "}, False),
        ({"id": None}, False),
        ({"upstream_id": REQUESTED_ID, "request_id": REQUESTED_ID}, False),
        ({}, False),
    ],
)
def test_the_answer_is_of_the_id_asked_for(data, is_it):
    """Or of the response that a cache used; any other response is misrouted, and retried."""
    result = interpret(HTTPResponse(200, {}, as_json({"data": data})), REQUESTED_ID, 1, "lenient")
    assert isinstance(result, Response if is_it else CallProblem)
    if not is_it:
        assert result.is_misrouted
        assert result.failed_attempt.retryable
        assert type(result.error) is ResponseValidationError


@pytest.mark.parametrize(
    ("kind", "error", "retryable"),
    [
        ("connection", APIConnectionError, True),
        ("timeout", APITimeoutError, True),
        ("untrusted", APIConnectionError, False),
        ("refused", APIConnectionError, False),
    ],
)
def test_a_failure_has_the_error_class_of_its_kind(kind, error, retryable):
    """An untrusted certificate is not retried."""
    result = interpret(Failure(kind, "it broke"), REQUESTED_ID, 3, "lenient")
    assert type(result.error) is error
    assert (result.error.message, result.error.attempts) == ("it broke", 3)
    assert result.failed_attempt[:3] == (retryable, None, kind == "timeout")
    assert not result.is_misrouted
    assert not result.is_absence


@pytest.mark.parametrize("is_retriable", [True, False])
def test_an_incomplete_record_is_not_used(is_retriable):
    """Even if it could be decoded; it is retried if that is allowed."""
    http_response = HTTPResponse(
        200, {}, as_json({"data": {"id": REQUESTED_ID}}), "it is cut off", is_retriable
    )
    result = interpret(http_response, REQUESTED_ID, 1, "lenient")
    assert type(result.error) is ResponseValidationError
    assert result.error.message == "it is cut off"
    assert result.failed_attempt[:3] == (is_retriable, None, False)


def test_an_incomplete_error_has_the_class_of_its_status():
    """The received part of its body is shown, but not interpreted."""
    body = as_json({"error": {"code": 429, "message": "half the truth"}, "user_id": "me"})
    error = interpret(
        HTTPResponse(404, {}, body, "it is cut off"), REQUESTED_ID, 1, "lenient"
    ).error
    assert type(error) is error_class_of(404)
    assert error.message.startswith("it is cut off")
    assert (error.code, error.user_id) == (None, None)
    assert error.body == body.decode()


def test_the_request_id_is_read_from_the_usual_headers():
    """The first header with a value is used."""
    names = {"x_request_id": "a", "request_id": "b", "cf_ray": "c"}
    assert problem_with(b"", **names).error.request_id == "a"
    assert problem_with(b"", **{**names, "x_request_id": ""}).error.request_id == "b"
    assert problem_with(b"{}", 200, cf_ray="c").error.request_id == "c"
    assert problem_with(b"").error.request_id is None


def test_an_error_has_the_retry_after():
    """For the caller, and for the decision to retry."""
    result = problem_with(b"", 429, retry_after="7")
    assert result.error.retry_after == result.failed_attempt.retry_after == 7


def test_an_error_keeps_the_beginning_of_a_large_body():
    """It keeps 64 KiB, and shows much less."""
    error = problem_with(b"<" * 10**6).error
    assert error.body == "<" * 65536
    assert len(str(error)) < 1000


def test_the_error_of_a_redirect_has_its_target():
    """The caller can then correct the base URL."""
    assert (
        "https://elsewhere/" in problem_with(b"", 301, location="https://elsewhere/").error.message
    )


REPEATABLE = [
    (429, {}, True, True),
    (429, {"retry_after": "1"}, True, True),
    (503, {"retry_after": "1"}, True, True),
    (503, {}, False, False),
    (502, {"retry_after": "1"}, False, True),
    (504, {"retry_after": "1"}, False, True),
    (408, {}, False, False),
    (500, {"x_should_retry": "true"}, True, False),
    (500, {"x_should_retry": "false"}, True, False),
    (500, {}, False, False),
]


@pytest.mark.parametrize(("status", "headers", "is_safe_to_repeat", "is_limit"), REPEATABLE)
def test_what_was_not_processed_is_safe_to_repeat(status, headers, is_safe_to_repeat, is_limit):
    """The server says so: too many requests, come back later, or by a header of its own."""
    attempt = problem_with({}, status, **headers).failed_attempt
    assert attempt.is_safe_to_repeat is is_safe_to_repeat
    assert attempt.is_limit is is_limit


AS_REPORTED = [
    (HTTPResponse(200, {}, as_json({"error": {"code": 429}})), 429),
    (HTTPResponse(200, {}, as_json({"error": {"code": 200}})), 200),
    (HTTPResponse(200, {}, as_json({"error": {"code": 599}})), 599),
    (HTTPResponse(200, {}, as_json({"error": {"code": 600}})), 200),
    (HTTPResponse(418, {}, as_json({"error": {"code": 429}})), 418),
    (HTTPResponse(299, {}, as_json({"error": {}})), 299),
    (HTTPResponse(200, {}, as_json({"data": {"error": {"code": 429}}})), 200),
    (HTTPResponse(404, {}, as_json({"error": {"code": 429}})), 404),
    (HTTPResponse(300, {}, as_json({"error": {"code": 429}})), 300),
]


@pytest.mark.parametrize(("attempt_result", "status"), AS_REPORTED)
def test_the_status_of_a_success_is_the_one_in_its_error(attempt_result, status):
    """An outage may be reported in a success; another status is what it is."""
    reported = as_reported(attempt_result, call_for(REQUESTED_ID))
    assert reported == attempt_result._replace(status=status)


@pytest.mark.parametrize("status", [199, 300])
def test_only_statuses_from_200_to_299_are_successes(status):
    """Another one is an error by itself, whatever the body says."""
    error = problem_with({"data": {"id": REQUESTED_ID}}, status).error
    assert type(error) is APIStatusError


@pytest.mark.parametrize("is_sent", [True, False])
def test_what_was_not_sent_is_safe_to_repeat(is_sent):
    """The server cannot have acted on it; a single attempt was made unless more are known."""
    problem = problem_of(Failure("connection", "it broke", is_sent=is_sent))
    assert problem.failed_attempt.is_safe_to_repeat is not is_sent
    assert problem.error.attempts == 1


def test_an_error_has_its_documented_body_and_its_rate_limit():
    """And a page of markup is named by its title."""
    error = problem_with({"error": {"code": 404, "message": "no"}}, 404).error
    assert error.parsed.error.message == "no"
    assert problem_with({}, 429, x_ratelimit_limit="7").error.rate_limit.limit == 7
    page = problem_with(b"<html><title>Bad gateway</title>", 502).error
    assert "a page of markup, 'Bad gateway'" in str(page)


@pytest.mark.parametrize(("body", "reason"), [(b"<html>", "a page of markup"), (b"{", "JSON")])
def test_a_success_that_cannot_be_read_says_why(body, reason):
    """Most often something else than the API responded."""
    assert reason in problem_with(body, 200).error.message


def test_a_failure_without_a_response_has_no_status_to_report():
    """It is returned as it is."""
    failure = Failure("timeout", "no response")
    assert as_reported(failure, call_for(REQUESTED_ID)) is failure


def test_the_first_200_characters_of_a_body_are_quoted():
    """A body that is no error object."""
    assert str(problem_with(b"x" * 1000).error).count("x") == 200


@pytest.mark.parametrize(
    ("status", "is_told"), [(300, True), (399, True), (299, False), (400, False)]
)
def test_a_redirect_is_not_followed_and_named(status, is_told):
    """Every status of redirection that has a location."""
    message = str(problem_with(b"moved", status, location="https://example.com/").error)
    assert ("redirects are not followed" in message) is is_told


def test_a_hint_at_the_address_is_given_where_it_helps():
    """The server has the path, but not for this method."""
    assert "base_url" in str(problem_with(b"no", 405).error)
    for status in (403, 500):
        assert "base_url" not in str(problem_with(b"no", status).error)


@pytest.mark.parametrize("status", [200, 201, 299])
def test_an_error_in_a_success_is_not_read_as_the_success(status):
    """The spec says of this status what a record is; the error's own code says nothing else."""
    body = {"error": {"code": 7, "message": "later"}, "data": {}}
    assert problem_with(body, status).error.parsed is None
