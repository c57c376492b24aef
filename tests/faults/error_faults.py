"""Faults of the API's own errors: other structures, and errors inside a 200."""

from functools import partial

from modelgates_client import (
    APIStatusError,
    BadGatewayError,
    BadRequestError,
    EndpointNotFoundError,
    InsufficientCreditsError,
    NotFoundError,
    RateLimitError,
    ResponseValidationError,
    ServerError,
)

from .faults import VALUE, Fault, play
from .wire import body, error_body, record, response

_error = partial(Fault, "error-body")

_NO_RECORD = (ResponseValidationError,)


def _response(status: str, content: bytes, *lines: str) -> bytes:
    return response(content, status, *lines)


def _coded(name: str, code: object, kind: type[Exception], **more: object) -> Fault:
    """Return a fault that puts an error into a 200."""
    return _error(
        f"200-error-{name}", play(_response("200 OK", error_body("oh", code))), (kind,), **more
    )


FAULTS = (
    _error(
        "error-as-documented",
        play(_response("402 Payment Required", error_body("pay", 402, metadata={"a": 1}))),
        (InsufficientCreditsError,),
        1,
        error_attributes={"message": "pay", "code": 402, "metadata": {"a": 1}},
    ),
    _error(
        "error-code-differs",
        play(_response("502 Bad", error_body("oh", 429))),
        (BadGatewayError,),
        error_attributes={"status_code": 502, "code": 429},
    ),
    *(
        _error(
            f"error-code-{name}",
            play(_response("404 Not Found", error_body("oh", code))),
            (EndpointNotFoundError,),  # the API's own has an integer there
            1,
            error_attributes={"code": None},
        )
        for name, code in [("text", "not_found"), ("null", None), ("list", [4]), ("flag", True)]
    ),
    _error(
        "error-code-huge", play(_response("404 No", error_body("oh", 10**400))), (NotFoundError,), 1
    ),
    _error(
        "error-code-5000-digits",
        play(_response("404 No", b'{"error": {"message": "oh", "code": ' + b"9" * 5000 + b"}}")),
        (EndpointNotFoundError,),
        1,
    ),
    *(
        _error(f"error-shape-{name}", play(_response("400 Bad", content)), (BadRequestError,), 1)
        for name, content in [
            ("text", b'{"error": "nope"}'),
            ("null", b'{"error": null}'),
            ("list", b'{"error": []}'),
            ("number", b'{"error": 7}'),
            ("none", b'{"detail": "nope"}'),
            ("array", b"[1]"),
            ("string", b'"nope"'),
            ("nested", b'{"error": {"error": {"message": "x"}}}'),
            ("truncated", b'{"error": {"message": "no'),
            ("not-utf-8", b'{"error": "\xff\xfe"}'),
            ("deep", b'{"error": ' + b"[" * 100_000),
            ("nan", b'{"error": {"code": NaN}}'),
            ("surrogate", b'{"error": {"code": 400, "message": "\\ud800"}}'),
        ]
    ),
    *(
        _error(
            f"error-message-{name}",
            play(_response("400 Bad", error_body(message, 400))),  # type: ignore[arg-type]
            (BadRequestError,),
            1,
        )
        for name, message in [
            ("null", None),
            ("number", 7),
            ("object", {"a": 1}),
            ("empty", ""),
            ("lines", "a\r\nb\x1b[31m\u202e"),
            ("long", "long " * 20_000),
            ("nul", "a\x00b"),
        ]
    ),
    _error(
        "error-metadata-text",
        play(_response("400 Bad", error_body("oh", 400, metadata="x"))),
        (BadRequestError,),
        1,
        error_attributes={"metadata": None},
    ),
    _error(
        "error-metadata-deep",
        play(
            _response(
                "400 Bad",
                b'{"error": {"code": 400, "message": "oh", "metadata": {"a": '
                + b'{"a":' * 200
                + b"1"
                + b"}" * 200
                + b"}}}",
            )
        ),
        (BadRequestError,),
        1,
    ),
    _error(
        "error-user-id-number",
        play(_response("400 Bad", b'{"error": {"code": 400, "message": "m"}, "user_id": 7}')),
        (BadRequestError,),
        1,
        error_attributes={"user_id": None, "message": "m"},
    ),
    _coded(
        "404", 404, NotFoundError, attempts=1, error_attributes={"status_code": 200, "code": 404}
    ),
    _coded("429", 429, RateLimitError, attempts=2, error_attributes={"status_code": 200}),
    _coded("502", 502, BadGatewayError, attempts=2),
    _coded("599", 599, ServerError),
    _coded("text", "404", NotFoundError),
    _coded("null", None, APIStatusError),
    _coded("0", 0, APIStatusError),
    _coded("200", 200, APIStatusError),
    _coded("huge", 10**300, APIStatusError),
    _coded("flag", bool(1), APIStatusError),
    _error("200-error-no-object", play(_response("200 OK", b'{"error": "nope"}')), _NO_RECORD),
    _error(
        "200-error-and-record",
        play(_response("200 OK", body()[:-1] + b', "error": {"code": 404, "message": "m"}}')),
        (NotFoundError,),
    ),
    _error(
        "200-error-null-and-record",
        play(_response("200 OK", body()[:-1] + b', "error": null}')),
        (VALUE,),
        1,
    ),
    _error(
        "200-error-in-record",
        play(response(body(error={"code": 500, "message": "no"}))),
        (VALUE,),
        1,
    ),
    _error("200-record-bare", play(_response("200 OK", body()[9:-1])), _NO_RECORD),
    _error(
        "200-record-in-result",
        play(_response("200 OK", body().replace(b'"data"', b'"result"', 1))),
        _NO_RECORD,
    ),
    _error(
        "200-record-and-more",
        play(_response("200 OK", body()[:-1] + b', "meta": {"x": 1}}')),
        (VALUE,),
        1,
    ),
    _error(
        "status-200-code-in-head",
        play(_response("200 OK", body(), "Status: 500")),
        (VALUE,),
        1,
        record_attributes={"total_cost": record()["total_cost"]},
    ),
)
