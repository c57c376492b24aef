"""The errors that are raised instead of a record: their classes, and what they carry."""

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

from .error_views import assert_twin
from .servers import hang_up, record, refusal, says

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
def test_the_class_follows_the_status(failing, server, status, kind):
    """It carries what the server said, and what a caller acts on."""
    body = {
        "error": {"code": status, "message": "It says no", "metadata": {"reason": "x"}},
        "user_id": "user-1",
    }
    server.answers(says(body, status, X_Request_Id="req-1", Retry_After="7"))
    error = failing()
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
def test_the_class_follows_the_status_whatever_the_body_is(failing, server, body, status):
    """HTML from an edge, nothing at all, or JSON without a message; a 404 is not the API's then."""
    server.answers(says(body, status, Content_Type="text/html"))
    error = failing()
    kind = EndpointNotFoundError if status == 404 else CLASSES[status]
    assert (type(error), error.status_code) == (kind, status)
    assert error.body == body.decode("utf-8", "replace")
    assert (error.code, error.metadata, error.user_id) == (None, None, None)
    assert error.message


@pytest.mark.parametrize("status", [503, 404])
def test_an_error_that_is_cut_off_follows_its_status(failing, server, status):
    """The body of an error need not be whole."""

    def cut_off(_, handler):
        handler.wfile.write(f"HTTP/1.1 {status} No\r\nContent-Length: 99\r\n\r\nhalf".encode())
        handler.close_connection = True

    server.answers(cut_off)
    error = failing()
    assert (type(error), error.body) == (CLASSES[status], "half")


def test_only_the_beginning_of_a_long_body_is_kept(failing, server):
    """Errors stay small enough to keep; their text fits a line."""
    server.answers(says(b"x" * 200_000, 500))
    error = failing()
    assert error.body == "x" * 65_536
    assert len(str(error)) < 400


def test_the_server_cannot_steer_the_terminal_by_an_error(failing, server):
    """The text of an error is one line; the attribute keeps what was said."""
    said = "pay\nnow \x1b[2J"
    server.answers(refusal(402, said))
    error = failing()
    assert str(error).isprintable()
    assert error.message == said


# --- success that is none


@pytest.mark.parametrize(("code", "kind"), [*CLASSES.items(), (200, APIStatusError)])
def test_an_error_object_in_a_success_is_raised(failing, server, code, kind):
    """Its class follows its code, as far as that is a status of an error."""
    server.answers(says({"error": {"code": code, "message": "It says no"}}))
    error = failing()
    assert type(error) is (kind if code < 600 else APIStatusError)
    assert (error.status_code, error.code, error.message) == (200, code, "It says no")


@pytest.mark.parametrize("code", [None, "4o4", True, 404.5])
def test_an_error_object_without_a_code_is_raised_too(failing, server, code):
    """It is never parsed as a record, even with one beside it."""
    server.answers(says({"error": {"code": code, "message": "no"}, "data": {"id": "gen-1"}}))
    error = failing()
    assert (type(error), error.status_code, error.code) == (APIStatusError, 200, None)


def test_an_error_object_in_a_success_is_tried_again(either, server, no_backoff):
    """Where its code says so."""
    server.answers(says({"error": {"code": 503, "message": "no"}}), record())
    assert either(either.make(server).generations.get_raw("gen-1")).attempts == 2


def test_an_error_that_is_null_is_none(either, server, client):
    """As in many APIs."""
    server.answers(says({"error": None, "data": {"id": "gen-1"}}))
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
def test_success_without_a_record_is_a_validation_error(failing, server, body):
    """It is no record, and no made-up one."""
    server.answers(says(body, X_Request_Id="req-1"))
    error = failing()
    assert (type(error), error.status_code) == (ResponseValidationError, 200)
    assert error.body == body.decode("utf-8", "replace")
    assert (error.request_id, error.drift) == ("req-1", ())


def test_no_content_is_no_record(failing, server):
    """A 204 has no body."""

    def nothing(_, handler):
        handler.wfile.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    server.answers(nothing)
    assert type(failing()) is ResponseValidationError


def test_a_connection_that_breaks_is_a_connection_error(failing, server):
    """With no word of the server's."""
    server.answers(hang_up)
    error = failing()
    assert type(error) is APIConnectionError
    assert error.message


# --- errors as such

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
        assert_twin(kind(*arguments))


def test_the_tree_is_the_one_that_people_know():
    """A handler of the parent catches the child."""
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
