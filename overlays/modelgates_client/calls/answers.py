"""What an attempt's ending means: the answer that was asked for, or the error to raise. Pure."""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, TypeVar, cast

from modelgates_client.calls.retry import Setback, is_retryable
from modelgates_client.errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    EndpointNotFoundError,
    NotFoundError,
    ResponseValidationError,
    status_error,
)
from modelgates_client.transport.messages import Ending, Failure, Reply
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


class Problem(NamedTuple):
    """What to raise, unless another attempt mends it.

    Attributes:
        error: What to raise.
        setback: What the decision to retry needs to know.
        astray: Whether the answer was to another question: no connection can be trusted then.
    """

    error: ModelGatesError
    setback: Setback
    astray: bool = False

    @property
    def is_absence(self) -> bool:
        """Whether it says that there is no such thing, or not yet."""
        return (
            isinstance(self.error, APIStatusError)
            and not isinstance(self.error, EndpointNotFoundError)
            and effective_status(self.error) == 404  # noqa: PLR2004
        )


def interpret(
    ending: Ending, call: Call[T], attempts: int, validation: Validation, host: str = ""
) -> Response[T] | Problem:
    """Return what an attempt came to.

    Args:
        ending: What came, or why nothing did.
        call: What was asked.
        attempts: How many attempts there were, this one included.
        validation: Whether deviations from the spec are an error.
        host: Which host was asked.
    """
    result = _interpreted(ending, call, attempts, validation, host)
    if isinstance(result, Problem) and not (call.is_repeatable or result.setback.is_harmless):
        return result._replace(setback=result.setback._replace(retryable=False))
    return result


def _interpreted(
    ending: Ending, call: Call[T], attempts: int, validation: Validation, host: str
) -> Response[T] | Problem:
    if not isinstance(ending, Reply) or not 200 <= ending.status < 300:  # noqa: PLR2004
        return problem_of(ending, attempts, call, host)
    if ending.defect is not None:
        return _invalid(ending, ending.defect, attempts, retryable=ending.mendable)
    content = call.operation.content(ending.status)
    # Looking costs less than parsing twice; a name that is escaped has `\u` in it.
    may_say = b'"error"' in ending.body or b"\\u" in ending.body
    said = _error_object(ending) if may_say and not _has_errors(content) else None
    if said is not None:
        code = _code(said)
        status = code if code in _ERROR_CODES else ending.status
        return _refused(ending, cast("int", status), said, attempts, call)
    if content is None:
        reason = _page_in_place(ending) or "the spec does not document this status"
        return _invalid(ending, reason, attempts)
    if _EVENTS in ending.headers.get("content-type", ""):
        return _invalid(ending, "it is an event stream, which is not read", attempts)
    try:
        parsed = content.decode(ending.status, ending.body)
        problem = call.problem(parsed)
    except ResponseError as error:
        return _invalid(ending, _page_in_place(ending) or error.reason, attempts)
    except FieldError as error:
        return _invalid(ending, str(error), attempts)
    if problem is not None:
        return _invalid(ending, problem, attempts, retryable=True, astray=True)
    if validation == "strict" and (drift := tuple(find_drift(parsed, ""))):
        return _invalid(ending, f"{len(drift)} deviation(s) from the spec", attempts, drift=drift)
    return Response(parsed, ending.status, ending.headers, ending.body, attempts)


def problem_of(
    ending: Ending, attempts: int = 1, call: Call[Any] | None = None, host: str = ""
) -> Problem:
    """Return what is wrong with an ending that is no success.

    Args:
        ending: What came, or why nothing did.
        attempts: How many attempts there were, this one included.
        call: What was asked, if that is known.
        host: Which host was asked.
    """
    if isinstance(ending, Failure):
        return _unanswered(ending, attempts, host)
    return _refused(ending, ending.status, _error_object(ending), attempts, call)


def asked_wait_s(reply: Reply) -> float | None:
    """Return the seconds that a reply with an error status asks to wait; None if it does not."""
    return limits.retry_after_s(reply.status, reply.headers, _body(reply))


def _has_errors(content: Content | None) -> bool:
    """Whether the spec has a field `error` in a success, so that one is no failure."""
    decoder = None if content is None else content.decoder
    return isinstance(decoder, Object) and "error" in decoder.model.__schema__().fields


def _unanswered(failure: Failure, attempts: int, host: str) -> Problem:
    kind = APITimeoutError if failure.kind == "timeout" else APIConnectionError
    retryable = failure.kind in {"connection", "scarce", "timeout"}
    timed_out = failure.kind == "timeout"
    setback = Setback(retryable, timed_out=timed_out, is_harmless=not failure.is_sent)
    return Problem(kind(failure.reason, attempts, host), setback)


def _refused(
    reply: Reply,
    effective: int,
    said: Mapping[str, Any] | None,
    attempts: int,
    call: Call[Any] | None,
) -> Problem:
    """Return the error of a status: its class follows the status, whatever the body is."""
    after = limits.retry_after_s(effective, reply.headers, _body(reply))
    kind = status_error(effective)
    parsed = None if call is None else _documented(reply, effective, call)
    if kind is NotFoundError and not (_is_of_api(reply, said) or _fits(parsed)):
        kind = EndpointNotFoundError
    error = kind(
        _message(reply, said),
        reply.status,
        attempts,
        _text(reply),
        _code(said),
        _get(said, "metadata", dict),
        _user_id(reply),
        request_id(reply.headers),
        after,
        "" if call is None else call.subject,
        parsed,
        limits.RateLimit.of(reply.headers)
        or limits.RateLimit.of(limits.relayed_headers(_body(reply))),
    )
    is_harmless = (
        effective == 429  # noqa: PLR2004
        or (effective == 503 and after is not None)  # noqa: PLR2004
        or "x-should-retry" in reply.headers
    )
    is_limit = effective == 429 or after is not None  # noqa: PLR2004
    retryable = is_retryable(effective, reply.headers)
    return Problem(error, Setback(retryable, after, is_harmless=is_harmless, is_limit=is_limit))


def _is_of_api(reply: Reply, said: Mapping[str, Any] | None) -> bool:
    """Whether an error may be the API's own: its object has a code, which is an integer.

    Others have words there, or nothing (`{"error": {"code": "unknown_url"}}`). In a success, which
    no wrong address brings, digits will do; of a body that was cut off, nothing can be said.
    """
    if reply.defect is not None:
        return True
    in_words = said is not None and isinstance(said.get("code"), str)
    return _code(said) is not None and (not in_words or reply.status != 404)  # noqa: PLR2004


def _documented(reply: Reply, status: int, call: Call[Any]) -> Any:
    """Return the body of an error as the spec says it is; None if it is not so."""
    if reply.defect is not None or 200 <= status < 300:  # noqa: PLR2004
        return None
    try:
        return call.operation.decode(status, reply.body)
    except ResponseError:
        return None


def _fits(parsed: Any) -> bool:
    """Whether an error's body is what the spec says, what the spec does not know aside."""
    found = find_drift(parsed, "")
    return parsed is not None and all(one.kind == "undeclared" for one in found)


def _invalid(  # noqa: PLR0913 - each says another thing of the answer
    reply: Reply,
    reason: str,
    attempts: int,
    *,
    drift: tuple[Drift, ...] = (),
    retryable: bool = False,
    astray: bool = False,
) -> Problem:
    error = ResponseValidationError(
        reason,
        reply.status,
        attempts,
        _text(reply),
        request_id(reply.headers),
        drift,
        limits.RateLimit.of(reply.headers),
    )
    return Problem(error, Setback(retryable), astray)


def effective_status(error: ModelGatesError) -> int | None:
    """Return the status of an error, or the code of one in a success; None if it has none."""
    if not isinstance(error, APIStatusError):
        return None
    in_success = 200 <= error.status_code < 300 and error.code is not None  # noqa: PLR2004
    return error.code if in_success and error.code is not None else error.status_code


def _body(reply: Reply) -> Mapping[str, Any] | None:
    """Return the body if it is an object, whatever the status; None if it is none."""
    if reply.defect is not None:
        return None
    try:
        body = check_depth(parse_json(reply.body))
    except ValueError:
        return None
    return body if is_object(body) else None


def _error_object(reply: Reply) -> Mapping[str, Any] | None:
    body = _body(reply)
    error = body.get("error") if body is not None else None
    return error if is_object(error) else None


def _message(reply: Reply, said: Mapping[str, Any] | None) -> str:
    message: str | None = _get(said, "message", str)
    if message:
        return _without_markup(message)
    if reply.defect is not None:
        return f"{reply.defect}; it {_beginning(reply)}"
    location = reply.headers.get("location")
    if location is not None and 300 <= reply.status < 400:  # noqa: PLR2004
        return (
            "redirects are not followed, since the key would go along; this one is to "
            f"{location} {_HINT}"
        )
    if not reply.body:
        return "the body is empty"
    hint = f" {_HINT}" if reply.status == 405 else ""  # noqa: PLR2004 - the API has a GET
    return f"the body is no error object; it {_beginning(reply)}{hint}"


def _page_in_place(reply: Reply) -> str | None:
    """Return what to say of a page in place of what was asked for; None if it is none."""
    text = _text(reply)
    return f"it is {_page(text)} {_HINT}" if re.match(_MARKUP, text.lstrip()) else None


def _beginning(reply: Reply) -> str:
    """Return how a body begins, in words."""
    text = _text(reply)
    return f"is {_page(text)}" if re.search(_MARKUP, text) else f"begins {text[:_QUOTED]!r}"


def _without_markup(message: str) -> str:
    """Return what a server says; a page within it is only named."""
    found = re.search(_MARKUP, message)
    return message if found is None else f"{message[: found.start()]}{_page(message)}"


def _page(text: str) -> str:
    title = re.search(_TITLE, text)
    return "a page of markup" if title is None else f"a page of markup, {title[1]!r}"


def _text(reply: Reply) -> str:
    return reply.body[:_KEPT].decode("utf-8", "replace")


def _code(said: Mapping[str, Any] | None) -> int | None:
    code = None if said is None else said.get("code")
    if isinstance(code, str) and re.fullmatch(_STATUS_AS_TEXT, code):
        return int(code)
    if isinstance(code, float) and code.is_integer():  # as JSON Schema has it
        return int(code)
    return code if isinstance(code, int) and not isinstance(code, bool) else None


def _user_id(reply: Reply) -> str | None:
    user_id: str | None = _get(_body(reply), "user_id", str)
    return user_id


def _get(source: Mapping[str, Any] | None, key: str, kind: type[Any]) -> Any:
    """Return a value of an object, if it is of a type; an error object may be anything."""
    value = None if source is None else source.get(key)
    return value if isinstance(value, kind) else None
