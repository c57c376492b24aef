"""What an attempt's ending means: the answer that was asked for, or the error to raise. Pure."""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, TypeVar, cast

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

_KEPT: Final = 64 * 1024  # bytes of a body that an error carries
_QUOTED: Final = 200  # characters of a body that is no error object, in an error's message
_EVENTS: Final = "text/event-stream"
_HINT: Final = "(is base_url right?)"
_ERROR_CODES: Final = range(400, 600)

# Compiled when they are first needed: most programs never meet what they are for.
_STATUS_AS_TEXT: Final = "[1-5][0-9][0-9]"  # as some gateways write the code
_MARKUP: Final = (
    r"(?i)<(?:!doctype|\?xml|/?(?:html|head|body|title|center|div|span|h[1-6]|p|br|hr|a|error))\b"
)
_TITLE: Final = r"(?i)<title[^<>]{0,200}>\s*([^<>]{1,200}?)\s*<"


class CallProblem(NamedTuple):
    """What to raise, unless another attempt mends it.

    Attributes:
        error: What to raise.
        failed_attempt: What the decision to retry needs to know.
        is_misrouted: Whether the answer was to another question: no connection can be trusted then.
    """

    error: ModelGatesError
    failed_attempt: FailedAttempt
    is_misrouted: bool = False

    @property
    def is_absence(self) -> bool:
        """Whether it says that there is no such thing, or not yet."""
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
    """Return what an attempt came to.

    Args:
        attempt_result: What came, or why nothing did.
        call: What was asked.
        attempts: How many attempts there were, this one included.
        validation: Whether deviations from the spec are an error.
        host: Which host was asked.
    """
    result = _interpreted(attempt_result, call, attempts, validation, host)
    if isinstance(result, CallProblem) and not (
        call.is_repeatable or result.failed_attempt.is_safe_to_repeat
    ):
        return result._replace(failed_attempt=result.failed_attempt._replace(retryable=False))
    return result


def _interpreted(
    attempt_result: AttemptResult, call: Call[T], attempts: int, validation: Validation, host: str
) -> Response[T] | CallProblem:
    if not isinstance(attempt_result, HTTPResponse) or not 200 <= attempt_result.status < 300:  # noqa: PLR2004
        return problem_of(attempt_result, attempts, call, host)
    if attempt_result.defect is not None:
        return _invalid_response(
            attempt_result, attempt_result.defect, attempts, retryable=attempt_result.is_retriable
        )
    content = call.operation.content(attempt_result.status)
    # Looking costs less than parsing twice; a name that is escaped has `\u` in it.
    may_say = b'"error"' in attempt_result.body or b"\\u" in attempt_result.body
    error_object = _error_object(attempt_result) if may_say and not _has_errors(content) else None
    if error_object is not None:
        code = _code(error_object)
        status = code if code in _ERROR_CODES else attempt_result.status
        return _status_problem(attempt_result, cast("int", status), error_object, attempts, call)
    if content is None:
        reason = _page_in_place(attempt_result) or "the spec does not document this status"
        return _invalid_response(attempt_result, reason, attempts)
    if _EVENTS in attempt_result.headers.get("content-type", ""):
        return _invalid_response(
            attempt_result, "it is an event stream, which is not read", attempts
        )
    try:
        parsed = content.decode(attempt_result.status, attempt_result.body)
        problem = call.problem(parsed)
    except ResponseError as error:
        return _invalid_response(
            attempt_result, _page_in_place(attempt_result) or error.reason, attempts
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


def problem_of(
    attempt_result: AttemptResult, attempts: int = 1, call: Call[Any] | None = None, host: str = ""
) -> CallProblem:
    """Return what is wrong with an ending that is no success.

    Args:
        attempt_result: What came, or why nothing did.
        attempts: How many attempts there were, this one included.
        call: What was asked, if that is known.
        host: Which host was asked.
    """
    if isinstance(attempt_result, Failure):
        return _connection_problem(attempt_result, attempts, host)
    return _status_problem(
        attempt_result, attempt_result.status, _error_object(attempt_result), attempts, call
    )


def requested_wait_s(http_response: HTTPResponse) -> float | None:
    """Return the seconds that a reply with an error status asks to wait; None if it does not."""
    return limits.retry_after_s(http_response.status, http_response.headers, _body(http_response))


def _has_errors(content: Content | None) -> bool:
    """Whether the spec has a field `error` in a success, so that one is no failure."""
    decoder = None if content is None else content.decoder
    return isinstance(decoder, Object) and "error" in decoder.model.__schema__().fields


def _connection_problem(failure: Failure, attempts: int, host: str) -> CallProblem:
    kind = APITimeoutError if failure.kind == "timeout" else APIConnectionError
    retryable = failure.kind in {"connection", "scarce", "timeout"}
    timed_out = failure.kind == "timeout"
    failed_attempt = FailedAttempt(
        retryable, timed_out=timed_out, is_safe_to_repeat=not failure.is_sent
    )
    return CallProblem(kind(failure.reason, attempts, host), failed_attempt)


def _status_problem(
    http_response: HTTPResponse,
    effective: int,
    error_object: Mapping[str, Any] | None,
    attempts: int,
    call: Call[Any] | None,
) -> CallProblem:
    """Return the error of a status: its class follows the status, whatever the body is."""
    after = limits.retry_after_s(effective, http_response.headers, _body(http_response))
    kind = status_error(effective)
    parsed = None if call is None else _documented(http_response, effective, call)
    if kind is NotFoundError and not (
        _is_of_api(http_response, error_object) or _matches_spec(parsed)
    ):
        kind = EndpointNotFoundError
    error = kind(
        _message(http_response, error_object),
        http_response.status,
        attempts,
        _text(http_response),
        _code(error_object),
        _get(error_object, "metadata", dict),
        _user_id(http_response),
        request_id(http_response.headers),
        after,
        "" if call is None else call.subject,
        parsed,
        limits.RateLimit.of(http_response.headers)
        or limits.RateLimit.of(limits.relayed_headers(_body(http_response))),
    )
    is_safe_to_repeat = (
        effective == 429  # noqa: PLR2004
        or (effective == 503 and after is not None)  # noqa: PLR2004
        or "x-should-retry" in http_response.headers
    )
    is_limit = effective == 429 or after is not None  # noqa: PLR2004
    retryable = is_retryable(effective, http_response.headers)
    return CallProblem(
        error,
        FailedAttempt(retryable, after, is_safe_to_repeat=is_safe_to_repeat, is_limit=is_limit),
    )


def _is_of_api(http_response: HTTPResponse, error_object: Mapping[str, Any] | None) -> bool:
    """Whether an error may be the API's own: its object has a code, which is an integer.

    Others have words there, or nothing (`{"error": {"code": "unknown_url"}}`). In a success, which
    no wrong address brings, digits will do; of a body that was cut off, nothing can be said.
    """
    if http_response.defect is not None:
        return True
    in_words = error_object is not None and isinstance(error_object.get("code"), str)
    return _code(error_object) is not None and (not in_words or http_response.status != 404)  # noqa: PLR2004


def _documented(http_response: HTTPResponse, status: int, call: Call[Any]) -> Any:
    """Return the body of an error as the spec says it is; None if it is not so."""
    if http_response.defect is not None or 200 <= status < 300:  # noqa: PLR2004
        return None
    try:
        return call.operation.decode(status, http_response.body)
    except ResponseError:
        return None


def _matches_spec(parsed: Any) -> bool:
    """Whether an error's body is what the spec says, what the spec does not know aside."""
    found = find_drift(parsed, "")
    return parsed is not None and all(one.kind == "undeclared" for one in found)


def _invalid_response(  # noqa: PLR0913 - each says another thing of the answer
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
        limits.RateLimit.of(http_response.headers),
    )
    return CallProblem(error, FailedAttempt(retryable), is_misrouted)


def effective_status(error: ModelGatesError) -> int | None:
    """Return the status of an error, or the code of one in a success; None if it has none."""
    if not isinstance(error, APIStatusError):
        return None
    in_success = 200 <= error.status_code < 300 and error.code is not None  # noqa: PLR2004
    return error.code if in_success and error.code is not None else error.status_code


def _body(http_response: HTTPResponse) -> Mapping[str, Any] | None:
    """Return the body if it is an object, whatever the status; None if it is none."""
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
    message: str | None = _get(error_object, "message", str)
    if message:
        return _without_markup(message)
    if http_response.defect is not None:
        return f"{http_response.defect}; it {_body_start(http_response)}"
    location = http_response.headers.get("location")
    if location is not None and 300 <= http_response.status < 400:  # noqa: PLR2004
        return (
            "redirects are not followed, since the key would go along; this one is to "
            f"{location} {_HINT}"
        )
    if not http_response.body:
        return "the body is empty"
    hint = f" {_HINT}" if http_response.status == 405 else ""  # noqa: PLR2004 - the API has a GET
    return f"the body is no error object; it {_body_start(http_response)}{hint}"


def _page_in_place(http_response: HTTPResponse) -> str | None:
    """Return what to say of a page in place of what was asked for; None if it is none."""
    text = _text(http_response)
    return f"it is {_page(text)} {_HINT}" if re.match(_MARKUP, text.lstrip()) else None


def _body_start(http_response: HTTPResponse) -> str:
    """Return how a body begins, in words."""
    text = _text(http_response)
    return f"is {_page(text)}" if re.search(_MARKUP, text) else f"begins {text[:_QUOTED]!r}"


def _without_markup(message: str) -> str:
    """Return what a server says; a page within it is only named."""
    found = re.search(_MARKUP, message)
    return message if found is None else f"{message[: found.start()]}{_page(message)}"


def _page(text: str) -> str:
    title = re.search(_TITLE, text)
    return "a page of markup" if title is None else f"a page of markup, {title[1]!r}"


def _text(http_response: HTTPResponse) -> str:
    return http_response.body[:_KEPT].decode("utf-8", "replace")


def _code(error_object: Mapping[str, Any] | None) -> int | None:
    code = None if error_object is None else error_object.get("code")
    if isinstance(code, str) and re.fullmatch(_STATUS_AS_TEXT, code):
        return int(code)
    if isinstance(code, float) and code.is_integer():  # as JSON Schema has it
        return int(code)
    return code if isinstance(code, int) and not isinstance(code, bool) else None


def _user_id(http_response: HTTPResponse) -> str | None:
    user_id: str | None = _get(_body(http_response), "user_id", str)
    return user_id


def _get(source: Mapping[str, Any] | None, key: str, kind: type[Any]) -> Any:
    """Return a value of an object, if it is of a type; an error object may be anything."""
    value = None if source is None else source.get(key)
    return value if isinstance(value, kind) else None
