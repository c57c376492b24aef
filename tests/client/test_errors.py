"""The classes and attributes of errors."""

import pytest

import modelgates_client
from modelgates_client import (
    APIConnectionError,
    APIStatusError,
    AuthenticationError,
    BadGatewayError,
    BadRequestError,
    EdgeTimeoutError,
    EndpointNotFoundError,
    FieldError,
    GenerationNotReadyError,
    InsufficientCreditsError,
    InternalServerError,
    ModelGatesError,
    NotFoundError,
    OverloadedError,
    PermissionDeniedError,
    RateLimitError,
    ResponseValidationError,
    ServerError,
)

from .error_views import assert_pickles
from .servers import hang_up, json_response, record, refusal

#: The class of each status; any other 5xx is a `ServerError`, any other an `APIStatusError`.
CLASSES = {
    400: BadRequestError,
    401: AuthenticationError,
    402: InsufficientCreditsError,
    403: PermissionDeniedError,
    404: NotFoundError,
    408: APIStatusError,
    418: APIStatusError,
    429: RateLimitError,
    500: InternalServerError,
    501: ServerError,
    502: BadGatewayError,
    503: ServerError,
    504: ServerError,
    520: ServerError,
    524: EdgeTimeoutError,
    529: OverloadedError,
    599: ServerError,
    600: APIStatusError,
    999: APIStatusError,
}


# --- errors of the server


@pytest.mark.parametrize(("status", "kind"), CLASSES.items())
def test_the_class_follows_the_status(error_of_get, server, status, kind):
    """Its attributes have the server's message and what a caller needs."""
    body = {
        "error": {"code": status, "message": "It says no", "metadata": {"reason": "x"}},
        "user_id": "user-1",
    }
    server.respond_with(json_response(body, status, X_Request_Id="req-1", Retry_After="7"))
    error = error_of_get()
    assert type(error) is kind
    assert (type(error.status_code), error.status_code) == (int, status)
    assert (error.message, error.code, error.metadata) == ("It says no", status, {"reason": "x"})
    assert (error.user_id, error.request_id, error.retry_after) == ("user-1", "req-1", 7.0)
    assert error.attempts == 1
    assert '"It says no"' in error.body
    assert f"HTTP {status}: It says no" in str(error)
    assert "req-1" in str(error)


@pytest.mark.parametrize(
    "body",
    [
        b"<html>upstream</html>",
        b"",
        b"null",
        b"[]",
        b"{}",
        b'"no"',
        b'{"error": "no"}',
        b'{"error": {"code": "x", "message": 5, "metadata": []}, "user_id": {}}',
        b"\xff",
        b"[" * 10_000,
    ],
)
@pytest.mark.parametrize("status", [404, 502, 529])
def test_the_class_follows_the_status_for_any_body(error_of_get, server, body, status):
    """HTML of an edge, nothing, or JSON without a message; a 404 is then not the API's."""
    server.respond_with(json_response(body, status, Content_Type="text/html"))
    error = error_of_get()
    kind = EndpointNotFoundError if status == 404 else CLASSES[status]
    assert (type(error), error.status_code) == (kind, status)
    assert error.body == body.decode("utf-8", "replace")
    assert (error.code, error.metadata, error.user_id) == (None, None, None)
    assert error.message


@pytest.mark.parametrize("status", [503, 404])
def test_a_truncated_error_has_the_class_of_its_status(error_of_get, server, status):
    """The body of an error need not be complete."""

    def cut_off(_, handler):
        handler.wfile.write(f"HTTP/1.1 {status} No\r\nContent-Length: 99\r\n\r\nhalf".encode())
        handler.close_connection = True

    server.respond_with(cut_off)
    error = error_of_get()
    assert (type(error), error.body) == (CLASSES[status], "half")


def test_only_the_beginning_of_a_long_body_is_kept(error_of_get, server):
    """Errors stay small, and their text fits on a line."""
    server.respond_with(json_response(b"x" * 200_000, 500))
    error = error_of_get()
    assert error.body == "x" * 65_536
    assert len(str(error)) < 400


def test_the_text_of_an_error_has_no_control_characters(error_of_get, server):
    """It is one line; the attribute has the original text."""
    message = "pay\nnow \x1b[2J"
    server.respond_with(refusal(402, message))
    error = error_of_get()
    assert str(error).isprintable()
    assert error.message == message


# --- successes without a record


@pytest.mark.parametrize(("code", "kind"), [*CLASSES.items(), (200, APIStatusError)])
def test_an_error_object_in_a_success_is_raised(error_of_get, server, code, kind):
    """Its class follows its code, if that is an error status."""
    server.respond_with(json_response({"error": {"code": code, "message": "It says no"}}))
    error = error_of_get()
    assert type(error) is (kind if code < 600 else APIStatusError)
    assert (error.status_code, error.code, error.message) == (200, code, "It says no")


@pytest.mark.parametrize("code", [None, "4o4", True, 404.5])
def test_an_error_object_without_a_code_is_raised(error_of_get, server, code):
    """It is never parsed as a record, even if it comes with one."""
    server.respond_with(
        json_response({"error": {"code": code, "message": "no"}, "data": {"id": "gen-1"}})
    )
    error = error_of_get()
    assert (type(error), error.status_code, error.code) == (APIStatusError, 200, None)


def test_a_retryable_error_object_in_a_success_is_retried(either, server, no_backoff):
    """By its code."""
    server.respond_with(json_response({"error": {"code": 503, "message": "no"}}), record())
    assert either(either.make(server).generations.get_raw("gen-1")).attempts == 2


def test_a_null_error_is_not_an_error(either, server, client):
    """Many APIs send it."""
    server.respond_with(json_response({"error": None, "data": {"id": "gen-1"}}))
    assert either(client.generations.get("gen-1")).id == "gen-1"


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"data": null}',
        b'{"data": []}',
        b'{"data": "gen-1"}',
        b'{"data": {"id": "gen-1"}',
        b"\xff",
    ],
)
def test_success_without_a_record_is_a_validation_error(error_of_get, server, body):
    """No record is made up."""
    server.respond_with(json_response(body, X_Request_Id="req-1"))
    error = error_of_get()
    assert (type(error), error.status_code) == (ResponseValidationError, 200)
    assert error.body == body.decode("utf-8", "replace")
    assert (error.request_id, error.drift) == ("req-1", ())


def test_a_204_is_a_validation_error(error_of_get, server):
    """It has no body."""

    def nothing(_, handler):
        handler.wfile.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    server.respond_with(nothing)
    assert type(error_of_get()) is ResponseValidationError


def test_a_broken_connection_is_a_connection_error(error_of_get, server):
    """Without a status."""
    server.respond_with(hang_up)
    error = error_of_get()
    assert type(error) is APIConnectionError
    assert error.message


# --- all error classes

ERRORS = {
    "APIConnectionError": ("no answer", 3),
    "ClientClosedError": ("closed",),
    "ConfigurationError": ("no key",),
    "FieldError": ("A.b", "/b", "string", "null"),
    "GenerationNotReadyError": ("gen-1", 1.5, 3, None, NotFoundError("no", 404)),
    "ModelGatesError": (),
    "ResponseValidationError": ("no", 200, 2, "{}", "req-1", ()),
}
STATUS_ERROR = ("no", 418, 2, "{}", 418, {"a": 1}, "user-1", "req-1", 1.5)


def test_every_error_of_the_package_pickles():
    """With its type, its text and its attributes."""
    kinds = {
        name: kind
        for name in modelgates_client.__all__
        if isinstance(kind := getattr(modelgates_client, name), type)
        and issubclass(kind, Exception)
    }
    assert ERRORS.keys() < kinds.keys()
    for name, kind in kinds.items():
        status = issubclass(kind, APIStatusError)
        arguments = STATUS_ERROR if status else ERRORS.get(name, ("no answer", 3))
        assert issubclass(kind, ModelGatesError)
        assert_pickles(kind(*arguments))


def test_the_class_hierarchy_is_the_familiar_one():
    """A handler of the base class catches the subclass."""
    parents = {
        modelgates_client.APITimeoutError: APIConnectionError,
        APIConnectionError: ModelGatesError,
        ServerError: APIStatusError,
        APIStatusError: ModelGatesError,
        ResponseValidationError: ModelGatesError,
        GenerationNotReadyError: ModelGatesError,
        FieldError: ModelGatesError,
    }
    for child, parent in parents.items():
        assert child.__bases__ == (parent,)
    for status, kind in CLASSES.items():
        assert issubclass(kind, ServerError) is (500 <= status < 600)
