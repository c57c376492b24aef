"""Interprets the result of an attempt: as a response to return, or an error to raise. Pure."""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, TypeVar

from modelgates_client.calls.retry import FailedAttempt, is_retryable
from modelgates_client.errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    EndpointNotFoundError,
    NotFoundError,
    ResponseValidationError,
    status_error,
)
from modelgates_client.transport.messages import AttemptResult, Failure, HTTPResponse
from modelgates_runtime import limits
from modelgates_runtime.decoded import find_drift
from modelgates_runtime.decoders import Object
from modelgates_runtime.drift import Drift
from modelgates_runtime.errors import FieldError, ModelGatesError, ResponseError
from modelgates_runtime.operation import Call, Content, Validation
from modelgates_runtime.parsing import check_depth, parse_json
from modelgates_runtime.types import Response, request_id
from modelgates_runtime.values import is_object

T = TypeVar("T")

_MAX_ERROR_BODY: Final = 64 * 1024  # bytes of a body that an error carries
_MAX_QUOTED: Final = 200  # characters of a body that is no error object, in an error's message
_EVENTS: Final = "text/event-stream"
_HINT: Final = "(is base_url right?)"
_ERROR_CODES: Final = range(400, 600)

# Compiled when first needed: most programs never need them.
_STATUS_AS_TEXT: Final = "[1-5][0-9][0-9]"  # some gateways write the code as text
_MARKUP: Final = (
    r"(?i)<(?:!doctype|\?xml|/?(?:html|head|body|title|center|div|span|h[1-6]|p|br|hr|a|error))\b"
)
_TITLE: Final = r"(?i)<title[^<>]{0,200}>\s*([^<>]{1,200}?)\s*<"


class CallProblem(NamedTuple):
    """The error to raise unless a retry succeeds.

    Attributes:
        error: The error.
        failed_attempt: The facts that the retry policy needs.
        is_misrouted: Whether the response belongs to another request, so that no connection can be
            trusted.
    """

    error: ModelGatesError
    failed_attempt: FailedAttempt
    is_misrouted: bool = False

    @property
    def is_absence(self) -> bool:
        """Whether the requested resource does not exist, or not yet."""
        return (
            isinstance(self.error, APIStatusError)
            and not isinstance(self.error, EndpointNotFoundError)
            and effective_status(self.error) == 404  # noqa: PLR2004
        )


def interpret(
    attempt_result: AttemptResult,
    call: Call[T],
    attempts: int,
    validation: Validation,
    host: str = "",
) -> Response[T] | CallProblem:
    """Interpret the result of an attempt.

    Args:
        attempt_result: The HTTP response, or the failure to get one.
        call: The call.
        attempts: The number of attempts so far, this one included.
        validation: Whether deviations from the spec are an error.
        host: The host of the request.
    """
    result = _interpret(attempt_result, call, attempts, validation, host)
    if isinstance(result, CallProblem) and not (
        call.is_repeatable or result.failed_attempt.is_safe_to_repeat
    ):
        return result._replace(failed_attempt=result.failed_attempt._replace(retryable=False))
    return result


def _interpret(
    attempt_result: AttemptResult, call: Call[T], attempts: int, validation: Validation, host: str
) -> Response[T] | CallProblem:
    if not isinstance(attempt_result, HTTPResponse) or not 200 <= attempt_result.status < 300:  # noqa: PLR2004
        return problem_of(attempt_result, attempts, call, host)
    if attempt_result.defect is not None:
        return _invalid_response(
            attempt_result, attempt_result.defect, attempts, retryable=attempt_result.is_retriable
        )
    content = call.operation.content(attempt_result.status)
    error_object = _error_in_success(attempt_result, content)
    if error_object is not None:
        status = _reported_status(attempt_result, error_object)
        return _status_problem(attempt_result, status, error_object, attempts, call)
    if content is None:
        reason = _markup_reason(attempt_result) or "the spec does not document this status"
        return _invalid_response(attempt_result, reason, attempts)
    if _EVENTS in attempt_result.headers.get("content-type", ""):
        return _invalid_response(
            attempt_result, "it is an event stream, which is not supported", attempts
        )
    try:
        parsed = content.decode(attempt_result.status, attempt_result.body)
        problem = call.problem(parsed)
    except ResponseError as error:
        return _invalid_response(
            attempt_result, _markup_reason(attempt_result) or error.reason, attempts
        )
    except FieldError as error:
        return _invalid_response(attempt_result, str(error), attempts)
    if problem is not None:
        return _invalid_response(
            attempt_result, problem, attempts, retryable=True, is_misrouted=True
        )
    if validation == "strict" and (drift := tuple(find_drift(parsed, ""))):
        return _invalid_response(
            attempt_result, f"{len(drift)} deviation(s) from the spec", attempts, drift=drift
        )
    return Response(
        parsed, attempt_result.status, attempt_result.headers, attempt_result.body, attempts
    )


def as_reported(attempt_result: AttemptResult, call: Call[Any]) -> AttemptResult:
    """Return a result with the status that its body reports, if it is an error in a success."""
    if not isinstance(attempt_result, HTTPResponse) or not 200 <= attempt_result.status < 300:  # noqa: PLR2004
        return attempt_result
    content = call.operation.content(attempt_result.status)
    error_object = _error_in_success(attempt_result, content)
    if error_object is None:
        return attempt_result
    return attempt_result._replace(status=_reported_status(attempt_result, error_object))


def _error_in_success(
    http_response: HTTPResponse, content: Content | None
) -> Mapping[str, Any] | None:
    """Return the error in a response with a success status; None if there is none."""
    # A search costs less than parsing twice, and one for a single byte the least. An escaped name
    # contains `\u`.
    body = http_response.body
    may_have_error = b'"error"' in body or (b"\\" in body and b"\\u" in body)
    return _error_object(http_response) if may_have_error and not _has_errors(content) else None


def _reported_status(http_response: HTTPResponse, error_object: Mapping[str, Any]) -> int:
    code = _code(error_object)
    return code if code is not None and code in _ERROR_CODES else http_response.status


def problem_of(
    attempt_result: AttemptResult, attempts: int = 1, call: Call[Any] | None = None, host: str = ""
) -> CallProblem:
    """Return the problem of a result that is not a success.

    Args:
        attempt_result: The HTTP response, or the failure to get one.
        attempts: The number of attempts so far, this one included.
        call: The call, if known.
        host: The host of the request.
    """
    if isinstance(attempt_result, Failure):
        return _connection_problem(attempt_result, attempts, host)
    return _status_problem(
        attempt_result, attempt_result.status, _error_object(attempt_result), attempts, call
    )


def requested_wait_s(http_response: HTTPResponse) -> float | None:
    """Return the seconds that an error response asks to wait, or None."""
    return limits.retry_after_s(http_response.status, http_response.headers, _body(http_response))


def _has_errors(content: Content | None) -> bool:
    """Whether the spec declares a field `error` in a success, so that it does not mean failure."""
    decoder = None if content is None else content.decoder
    return isinstance(decoder, Object) and "error" in decoder.model.__schema__().fields


def _connection_problem(failure: Failure, attempts: int, host: str) -> CallProblem:
    error_class = APITimeoutError if failure.kind == "timeout" else APIConnectionError
    retryable = failure.kind in {"connection", "scarce", "timeout"}
    timed_out = failure.kind == "timeout"
    failed_attempt = FailedAttempt(
        retryable, timed_out=timed_out, is_safe_to_repeat=not failure.is_sent
    )
    return CallProblem(error_class(failure.reason, attempts, host), failed_attempt)


def _status_problem(
    http_response: HTTPResponse,
    status: int,
    error_object: Mapping[str, Any] | None,
    attempts: int,
    call: Call[Any] | None,
) -> CallProblem:
    """Return the problem for a status; the error class depends on the status alone."""
    retry_after = limits.retry_after_s(status, http_response.headers, _body(http_response))
    error_class = status_error(status)
    parsed = None if call is None else _documented_body(http_response, status, call)
    if error_class is NotFoundError and not (
        _is_of_api(http_response, error_object) or _matches_spec(parsed)
    ):
        error_class = EndpointNotFoundError
    error = error_class(
        _message(http_response, error_object),
        http_response.status,
        attempts,
        _text(http_response),
        _code(error_object),
        _typed_value(error_object, "metadata", dict),
        _user_id(http_response),
        request_id(http_response.headers),
        retry_after,
        "" if call is None else call.subject,
        parsed,
        limits.RateLimit.from_headers(http_response.headers)
        or limits.RateLimit.from_headers(limits.relayed_headers(_body(http_response))),
    )
    is_safe_to_repeat = (
        status == 429  # noqa: PLR2004
        or (status == 503 and retry_after is not None)  # noqa: PLR2004
        or "x-should-retry" in http_response.headers
    )
    is_limit = status == 429 or retry_after is not None  # noqa: PLR2004
    retryable = is_retryable(status, http_response.headers)
    return CallProblem(
        error,
        FailedAttempt(
            retryable, retry_after, is_safe_to_repeat=is_safe_to_repeat, is_limit=is_limit
        ),
    )


def _is_of_api(http_response: HTTPResponse, error_object: Mapping[str, Any] | None) -> bool:
    """Whether an error may come from the API: its error object has an integer code.

    Other servers have text there, or nothing (`{"error": {"code": "unknown_url"}}`). In a success,
    which a wrong address does not return, a code in digits is accepted; a truncated body may be the
    API's.
    """
    if http_response.defect is not None:
        return True
    is_code_text = error_object is not None and isinstance(error_object.get("code"), str)
    return _code(error_object) is not None and (not is_code_text or http_response.status != 404)  # noqa: PLR2004


def _documented_body(http_response: HTTPResponse, status: int, call: Call[Any]) -> Any:
    """Decode the body of an error by the spec; None if it does not match."""
    if http_response.defect is not None or 200 <= status < 300:  # noqa: PLR2004
        return None
    try:
        return call.operation.decode(status, http_response.body)
    except ResponseError:
        return None


def _matches_spec(parsed: Any) -> bool:
    """Whether an error's body matches the spec, apart from undeclared fields."""
    deviations = find_drift(parsed, "")
    return parsed is not None and all(deviation.kind == "undeclared" for deviation in deviations)


def _invalid_response(  # noqa: PLR0913 - each is an independent fact
    http_response: HTTPResponse,
    reason: str,
    attempts: int,
    *,
    drift: tuple[Drift, ...] = (),
    retryable: bool = False,
    is_misrouted: bool = False,
) -> CallProblem:
    error = ResponseValidationError(
        reason,
        http_response.status,
        attempts,
        _text(http_response),
        request_id(http_response.headers),
        drift,
        limits.RateLimit.from_headers(http_response.headers),
    )
    return CallProblem(error, FailedAttempt(retryable), is_misrouted)


def effective_status(error: ModelGatesError) -> int | None:
    """Return the status of an error, or its code if it came with a success status, or None."""
    if not isinstance(error, APIStatusError):
        return None
    in_success = 200 <= error.status_code < 300 and error.code is not None  # noqa: PLR2004
    return error.code if in_success and error.code is not None else error.status_code


def _body(http_response: HTTPResponse) -> Mapping[str, Any] | None:
    """Return the body if it is a JSON object, or None."""
    if http_response.defect is not None:
        return None
    try:
        body = check_depth(parse_json(http_response.body))
    except ValueError:
        return None
    return body if is_object(body) else None


def _error_object(http_response: HTTPResponse) -> Mapping[str, Any] | None:
    body = _body(http_response)
    error = body.get("error") if body is not None else None
    return error if is_object(error) else None


def _message(http_response: HTTPResponse, error_object: Mapping[str, Any] | None) -> str:
    message: str | None = _typed_value(error_object, "message", str)
    if message:
        return _without_markup(message)
    if http_response.defect is not None:
        return f"{http_response.defect}; it {_body_start(http_response)}"
    location = http_response.headers.get("location")
    if location is not None and 300 <= http_response.status < 400:  # noqa: PLR2004
        return (
            "redirects are not followed, since they would forward the key; this one leads to "
            f"{location} {_HINT}"
        )
    if not http_response.body:
        return "the body is empty"
    hint = f" {_HINT}" if http_response.status == 405 else ""  # noqa: PLR2004 - the API has a GET
    return f"the body is not an error object; it {_body_start(http_response)}{hint}"


def _markup_reason(http_response: HTTPResponse) -> str | None:
    """Return the reason why a page of markup is not valid; None if the body is not one."""
    text = _text(http_response)
    return f"it is {_page(text)} {_HINT}" if re.match(_MARKUP, text.lstrip()) else None


def _body_start(http_response: HTTPResponse) -> str:
    """Describe the beginning of a body."""
    text = _text(http_response)
    return f"is {_page(text)}" if re.search(_MARKUP, text) else f"begins {text[:_MAX_QUOTED]!r}"


def _without_markup(message: str) -> str:
    """Return the server's message, with a page in it replaced by its title."""
    match = re.search(_MARKUP, message)
    return message if match is None else f"{message[: match.start()]}{_page(message)}"


def _page(text: str) -> str:
    title = re.search(_TITLE, text)
    return "a page of markup" if title is None else f"a page of markup, {title[1]!r}"


def _text(http_response: HTTPResponse) -> str:
    return http_response.body[:_MAX_ERROR_BODY].decode("utf-8", "replace")


def _code(error_object: Mapping[str, Any] | None) -> int | None:
    code = None if error_object is None else error_object.get("code")
    if isinstance(code, str) and re.fullmatch(_STATUS_AS_TEXT, code):
        return int(code)
    if isinstance(code, float) and code.is_integer():  # as JSON Schema has it
        return int(code)
    return code if isinstance(code, int) and not isinstance(code, bool) else None


def _user_id(http_response: HTTPResponse) -> str | None:
    user_id: str | None = _typed_value(_body(http_response), "user_id", str)
    return user_id


def _typed_value(source: Mapping[str, Any] | None, key: str, value_type: type[Any]) -> Any:
    """Return a value of an object if it has the given type, or None."""
    value = None if source is None else source.get(key)
    return value if isinstance(value, value_type) else None
