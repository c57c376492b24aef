"""What an outcome means: a record that was asked for, or an error by the status alone."""

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelgates_client import (
    APIConnectionError,
    APITimeoutError,
    EndpointNotFoundError,
    Generation,
    NotFoundError,
    ResponseValidationError,
)
from modelgates_client.calls.responses import CallProblem
from modelgates_client.calls.responses import interpret as _interpret
from modelgates_client.resources.generations import call_for
from modelgates_client.transport.messages import Failure, HTTPResponse
from modelgates_runtime.types import Response

from ..contract.strategies import SCHEMAS, as_json, values
from .sample_responses import (
    ASKED,
    BODIES,
    DEFECTS,
    ERRORS,
    FIELD,
    HEADERS,
    STATUSES,
    answers,
    class_of,
    code_of,
    parsed,
)
from .server_turns import MENDABLE


def interpret(attempt_result, generation_id, attempts, validation):
    """Return what an ending means of the call for a record."""
    return _interpret(attempt_result, call_for(generation_id), attempts, validation)


def problem(body, status=500, *, validation="lenient", **headers):
    """Return what is wrong with a reply."""
    body = body if isinstance(body, bytes) else as_json(body)
    headers = {name.replace("_", "-"): text for name, text in headers.items()}
    result = interpret(HTTPResponse(status, headers, body), ASKED, 3, validation)
    assert isinstance(result, CallProblem)
    return result


@pytest.mark.slow("hundreds of bodies")
@settings(max_examples=400)
@given(STATUSES, HEADERS, BODIES, DEFECTS, st.sampled_from(["lenient", "strict"]))
def test_anything_is_the_record_asked_for_or_an_error_by_its_status(
    status, headers, body, defect, validation
):
    """Whatever the body is; nothing else is raised, and the record is never another's."""
    http_response = HTTPResponse(status, headers, body, *defect)
    result = interpret(http_response, ASKED, 3, validation)
    if isinstance(result, Response):
        assert (status, defect[0], result.status_code, result.body) == (200, None, 200, body)
        check_answer(result, parsed(body)["data"], validation)
        return
    error = result.error
    assert (error.status_code, error.attempts) == (status, 3)
    if not 200 <= status < 300:
        is_page = isinstance(error, EndpointNotFoundError)
        assert isinstance(error, class_of(status)) if is_page else type(error) is class_of(status)
        overruled = headers.get("x-should-retry", "").strip().lower()
        expected = {"true": True, "false": False}.get(overruled, status in MENDABLE)
        assert result.failed_attempt.retryable is expected
        assert result.is_absence is (status == 404 and not is_page)
    assert error.message
    assert str(error).isprintable()
    assert error.body == body.decode("utf-8", "replace")
    twin = pickle.loads(pickle.dumps(error))
    assert (type(twin), str(twin)) == (type(error), str(error))


def check_answer(answer, sent, validation):
    """Fail if the record is not the one asked for, or not what was sent."""
    assert type(answer.parsed.data) is Generation
    assert ASKED in {str(sent.get("id")), str(sent.get("response_cache_source_id"))}
    assert answer.parsed.data.to_dict() == sent
    pointers = {entry.pointer.removeprefix("/data") for entry in answer.parsed.data.drift}
    assert pointers <= {entry.pointer.removeprefix("/data") for entry in answer.parsed.drift}
    assert validation == "lenient" or not answer.parsed.drift


@given(answers())
def test_strict_refuses_exactly_what_deviates(body):
    """With every deviation, as the record would have had them."""
    lenient = interpret(HTTPResponse(200, {}, body), ASKED, 1, "lenient")
    strict = interpret(HTTPResponse(200, {}, body), ASKED, 1, "strict")
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


def test_a_valid_body_is_an_answer_under_strict(recorded):
    """Where everything is as the spec says."""
    valid = values(SCHEMAS[200]).map(lambda body: as_json({"data": {**body["data"], "id": ASKED}}))
    seen = []

    @settings(max_examples=50)
    @given(valid)
    def check(body):
        seen.append(interpret(HTTPResponse(200, {}, body), ASKED, 1, "strict"))
        assert isinstance(seen[-1], Response)

    check()
    assert len(seen) >= 50
    sent = as_json(recorded)
    assert isinstance(
        interpret(HTTPResponse(200, {}, sent), recorded["data"]["id"], 1, "lenient"), Response
    )


@given(ERRORS, FIELD, st.sampled_from([200, 299, 400, 404, 503, 600]))
def test_what_an_error_says_is_picked_with_the_right_types(said, user_id, status):
    """A value of another type is not guessed at: it is not known."""
    body = as_json({"error": said, "user_id": user_id})
    error, said = problem(body, status).error, parsed(body)["error"]
    assert error.code == code_of(said.get("code"))
    assert type(error.code) in {int, type(None)}
    metadata = said.get("metadata")
    assert error.metadata == (metadata if isinstance(metadata, dict) else None)
    assert error.user_id == (user_id if isinstance(user_id, str) else None)
    if said.get("message") and isinstance(said["message"], str):
        assert error.message == said["message"]


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
def test_a_code_is_a_whole_number(code, known, name):
    """A boolean is none; a text is one if it is a status, digit by digit."""
    error = problem({"error": {"code": code}}, 200).error
    assert (error.code, type(error).__name__) == (known, name)
    assert type(error.code) is type(known)


def test_a_code_as_text_is_retried_as_its_number_is():
    """It is the same refusal."""
    assert problem({"error": {"code": "429"}}, 200).failed_attempt.retryable
    assert not problem({"error": {"code": "402"}}, 200).failed_attempt.retryable


def test_only_a_success_can_say_404_in_its_body():
    """Any other answer is what its status says."""
    assert problem({"error": {"code": 404}}, 299).is_absence
    for status in (101, 301, 400, 503):
        assert not problem({"error": {"code": 404}}, status).is_absence


@given(ERRORS, st.sampled_from([200, 201, 299]))
def test_an_error_in_a_success_is_raised_by_its_code(said, status):
    """If that is one of an error; `status_code` stays what it was."""
    result = problem({"error": said, "data": {"id": ASKED}}, status)
    code = code_of(said.get("code"))
    effective = code if code in range(400, 600) else status
    assert type(result.error) is class_of(effective)
    assert result.error.status_code == status
    assert result.failed_attempt.retryable is (effective in MENDABLE)
    assert result.is_absence is (effective == 404)


@pytest.mark.parametrize("key", [b'"error"', b'"\\u0065rror"', b'"err\\u006Fr"'])
def test_an_error_in_a_success_is_found_however_its_name_is_encoded(key):
    """JSON may escape any character."""
    body = b'{"data": {"id": "gen-1"}, ' + key + b': {"code": 429}}'
    assert type(problem(body, 200).error) is class_of(429)


@pytest.mark.parametrize("error", [None, "no", [], 404, True])
def test_what_is_no_error_object_is_no_error(error):
    """A record beside it is one; alone, it is no record."""
    body = as_json({"data": {"id": ASKED}, "error": error})
    assert isinstance(interpret(HTTPResponse(200, {}, body), ASKED, 1, "lenient"), Response)
    assert type(problem({"error": error}, 200).error) is ResponseValidationError


@pytest.mark.parametrize("status", [201, 202, 204, 206, 299])
def test_a_success_that_the_spec_does_not_know_is_no_record(status):
    """What it would mean is not known."""
    result = problem({"data": {"id": ASKED}}, status)
    assert type(result.error) is ResponseValidationError
    assert not result.failed_attempt.retryable


@pytest.mark.parametrize("status", [200, 404, 502])
@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"\xff", b"<html>", b"{", b"[" * 99999, b'{"error":' * 5000, b"NaN", b"\0" * 9),
        *(b'{"data": NaN}', b'{"data": {"id": "gen-1", "id": "gen-2"}}', b'{"error": {}}' * 2),
    ],
)
def test_what_cannot_be_read_is_an_error_all_the_same(status, body):
    """By the status; a success that is none is no record."""
    error = problem(body, status).error
    classes = {200: ResponseValidationError, 404: EndpointNotFoundError}
    assert type(error) is classes.get(status, class_of(status))
    assert not problem(body, status).is_absence
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
def test_a_404_of_another_api_is_no_absence(body):
    """It is at once said to look at base_url: to wait does not mend it."""
    found = problem(body, 404)
    assert type(found.error) is EndpointNotFoundError
    assert "is base_url right?" in str(found.error)
    assert (found.is_absence, found.failed_attempt.retryable) == (False, False)


@pytest.mark.parametrize("code", [404, 404.0, 0, 10**20])
@pytest.mark.parametrize("more", [{}, {"type": "x"}, {"metadata": None}])
def test_a_404_of_the_api_is_an_absence(code, more):
    """Whatever it says besides its integer."""
    found = problem({"error": {"code": code, "message": "Generation not found", **more}}, 404)
    assert type(found.error) is NotFoundError
    assert found.is_absence


@pytest.mark.parametrize(
    ("data", "is_it"),
    [
        ({"id": ASKED}, True),
        ({"id": "gen-2", "response_cache_source_id": ASKED}, True),
        ({"id": ASKED, "response_cache_source_id": "gen-2"}, True),
        ({"id": 1, "response_cache_source_id": ASKED}, True),
        ({"id": "gen-2"}, False),
        ({"id": "GEN-1"}, False),
        ({"id": "gen-1 "}, False),
        ({"id": None}, False),
        ({"upstream_id": ASKED, "request_id": ASKED}, False),
        ({}, False),
    ],
)
def test_the_answer_is_of_the_id_asked_for(data, is_it):
    """Or of the response that a cache answered with; any other is astray, and asked for again."""
    result = interpret(HTTPResponse(200, {}, as_json({"data": data})), ASKED, 1, "lenient")
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
def test_a_failure_is_an_error_by_its_kind(kind, error, retryable):
    """A certificate that is not trusted is not trusted a second time."""
    result = interpret(Failure(kind, "it broke"), ASKED, 3, "lenient")
    assert type(result.error) is error
    assert (result.error.message, result.error.attempts) == ("it broke", 3)
    assert result.failed_attempt[:3] == (retryable, None, kind == "timeout")
    assert not result.is_misrouted
    assert not result.is_absence


@pytest.mark.parametrize("is_retriable", [True, False])
def test_a_record_that_is_not_whole_is_not_read(is_retriable):
    """Even if what there is of it can be; it is asked for again where that may help."""
    http_response = HTTPResponse(
        200, {}, as_json({"data": {"id": ASKED}}), "it is cut off", is_retriable
    )
    result = interpret(http_response, ASKED, 1, "lenient")
    assert type(result.error) is ResponseValidationError
    assert result.error.message == "it is cut off"
    assert result.failed_attempt[:3] == (is_retriable, None, False)


def test_an_error_that_is_not_whole_is_one_by_its_status():
    """What there is of its body is shown, and not read."""
    body = as_json({"error": {"code": 429, "message": "half the truth"}, "user_id": "me"})
    error = interpret(HTTPResponse(404, {}, body, "it is cut off"), ASKED, 1, "lenient").error
    assert type(error) is class_of(404)
    assert error.message.startswith("it is cut off")
    assert (error.code, error.user_id) == (None, None)
    assert error.body == body.decode()


def test_the_server_names_its_requests():
    """By the first of the usual headers that says something."""
    names = {"x_request_id": "a", "request_id": "b", "cf_ray": "c"}
    assert problem(b"", **names).error.request_id == "a"
    assert problem(b"", **{**names, "x_request_id": ""}).error.request_id == "b"
    assert problem(b"{}", 200, cf_ray="c").error.request_id == "c"
    assert problem(b"").error.request_id is None


def test_an_error_says_how_long_to_wait():
    """To the caller, and to the decision to retry."""
    result = problem(b"", 429, retry_after="7")
    assert result.error.retry_after == result.failed_attempt.retry_after == 7


def test_an_error_keeps_the_beginning_of_a_large_body():
    """64 KiB of it, and shows much less."""
    error = problem(b"<" * 10**6).error
    assert error.body == "<" * 65536
    assert len(str(error)) < 1000


def test_a_redirect_says_where_to():
    """So that the base URL can be corrected."""
    assert "https://elsewhere/" in problem(b"", 301, location="https://elsewhere/").error.message
