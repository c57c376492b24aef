"""What an attempt's ending means: the record that was asked for, or the error to raise. Pure."""

import re
from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple, cast

from modelgates_api.api.generations import get_generation
from modelgates_api.models import ErrorResponse
from modelgates_client.calls.retry import Setback, is_retryable
from modelgates_client.calls.retry_after import retry_after_s
from modelgates_client.errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    EndpointNotFoundError,
    NotFoundError,
    ResponseValidationError,
    status_error,
)
from modelgates_client.records.generation import Generation
from modelgates_client.records.responses import request_id
from modelgates_client.transport.messages import Ending, Failure, Reply
from modelgates_runtime.bodies import decode_json
from modelgates_runtime.decoders import Object
from modelgates_runtime.drift import Drift
from modelgates_runtime.errors import FieldError, InvalidBodyError, ModelGatesError, ResponseError
from modelgates_runtime.model import Model
from modelgates_runtime.values import is_object

Validation = Literal["lenient", "strict"]

_KEPT: Final = 64 * 1024  # bytes of a body that an error carries
_QUOTED: Final = 200  # characters of a body that is no error object, in an error's message
_ERROR_CODES: Final = range(400, 600)
_STATUS_AS_TEXT: Final = re.compile("[1-5][0-9][0-9]")  # as some gateways write the code

_MARKUP: Final = re.compile(
    r"<(?:!doctype|\?xml|/?(?:html|head|body|title|center|div|span|h[1-6]|p|br|hr|a|error))\b",
    re.IGNORECASE,
)
_TITLE: Final = re.compile(r"<title[^<>]{0,200}>\s*([^<>]{1,200}?)\s*<", re.IGNORECASE)


class Answer(NamedTuple):
    """A record, and how it came.

    Attributes:
        record: The record.
        reply: The reply that it came in.
        body: The body, whose data the record is.
    """

    record: Generation
    reply: Reply
    body: Model

    @property
    def drift(self) -> tuple[Drift, ...]:
        """Every deviation of the body from the spec, by pointers into it; looked for when asked."""
        return tuple(self.body.drift)


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
        """Whether it says that there is no such record, or not yet."""
        return (
            isinstance(self.error, APIStatusError)
            and not isinstance(self.error, EndpointNotFoundError)
            and _effective(self.error) == 404  # noqa: PLR2004
        )


def interpret(
    ending: Ending, generation_id: str, attempts: int, validation: Validation, host: str = ""
) -> Answer | Problem:
    """Return what an attempt to get a record came to.

    Args:
        ending: What came, or why nothing did.
        generation_id: The record that was asked for.
        attempts: How many attempts there were, this one included.
        validation: Whether deviations from the spec are an error.
        host: Which host was asked.
    """
    if isinstance(ending, Failure):
        return _unanswered(ending, attempts, host)
    if not 200 <= ending.status < 300:  # noqa: PLR2004
        return _refused(ending, ending.status, _error_object(ending), attempts, generation_id)
    if ending.defect is not None:
        return _invalid(ending, ending.defect, attempts, retryable=ending.mendable)
    # Looking costs less than parsing twice; a name that is escaped has `\u` in it.
    may_say = b'"error"' in ending.body or b"\\u" in ending.body
    said = _error_object(ending) if may_say else None
    if said is not None:
        code = _code(said)
        status = code if code in _ERROR_CODES else ending.status
        return _refused(ending, cast("int", status), said, attempts, generation_id)
    try:
        body = get_generation.parse_response(ending.status, ending.body)
        if isinstance(body, ErrorResponse):  # the spec says so of other statuses than these
            return _invalid(ending, "the body is an error", attempts)
        record = body.data
    except ResponseError as error:
        return _invalid(ending, error.reason, attempts)
    except FieldError as error:
        return _invalid(ending, str(error), attempts)
    # The same slots, so nothing is converted; what people compute from a record is added.
    record.__class__ = Generation
    answer = Answer(cast("Generation", record), ending, body)
    if not _is_of(answer.record, generation_id):
        reason = f"the record is not that of {generation_id}, which was asked for"
        return _invalid(ending, reason, attempts, retryable=True, astray=True)
    if validation == "strict" and (drift := answer.drift):
        return _invalid(ending, f"{len(drift)} deviation(s) from the spec", attempts, drift=drift)
    return answer


def asked_wait_s(reply: Reply) -> float | None:
    """Return the seconds that a reply with an error status asks to wait; None if it does not."""
    return retry_after_s(reply.status, reply.headers, _body(reply))


def _is_of(record: Generation, generation_id: str) -> bool:
    """Whether a record answers for an id; a cached response's record may answer for its source."""
    for name in ("id", "response_cache_source_id"):
        try:
            if getattr(record, name) == generation_id:
                return True
        except FieldError:
            continue  # unreadable, so it is not the id asked for
    return False


def _unanswered(failure: Failure, attempts: int, host: str) -> Problem:
    kind = APITimeoutError if failure.kind == "timeout" else APIConnectionError
    retryable = failure.kind in {"connection", "scarce", "timeout"}
    setback = Setback(retryable, timed_out=failure.kind == "timeout")
    return Problem(kind(failure.reason, attempts, host), setback)


def _refused(
    reply: Reply,
    effective: int,
    said: Mapping[str, Any] | None,
    attempts: int,
    generation_id: str,
) -> Problem:
    """Return the error of a status: its class follows the status, whatever the body is."""
    after = retry_after_s(effective, reply.headers, _body(reply))
    kind = status_error(effective)
    if kind is NotFoundError and said is None and reply.defect is None:
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
        generation_id,
    )
    return Problem(error, Setback(is_retryable(effective, reply.headers), after))


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
        reason, reply.status, attempts, _text(reply), request_id(reply.headers), drift
    )
    return Problem(error, Setback(retryable), astray)


def _effective(error: APIStatusError) -> int:
    in_success = 200 <= error.status_code < 300 and error.code is not None  # noqa: PLR2004
    return error.code if in_success and error.code is not None else error.status_code


def _body(reply: Reply) -> Mapping[str, Any] | None:
    """Return the body as an object of the API's errors, whatever the status; None if it is none."""
    if reply.defect is not None:
        return None
    try:
        said: ErrorResponse = decode_json(Object(ErrorResponse), reply.status, reply.body)
    except InvalidBodyError:
        return None
    return said.to_dict()


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
            f"redirects are not followed, since the key would go along; this one is to {location}"
        )
    if not reply.body:
        return "the body is empty"
    return f"the body is no error object; it {_beginning(reply)}"


def _beginning(reply: Reply) -> str:
    """Return how a body begins, in words."""
    text = _text(reply)
    return f"is {_page(text)}" if _MARKUP.search(text) else f"begins {text[:_QUOTED]!r}"


def _without_markup(message: str) -> str:
    """Return what a server says; a page within it is only named."""
    found = _MARKUP.search(message)
    return message if found is None else f"{message[: found.start()]}{_page(message)}"


def _page(text: str) -> str:
    title = _TITLE.search(text)
    return "a page of markup" if title is None else f"a page of markup, {title[1]!r}"


def _text(reply: Reply) -> str:
    return reply.body[:_KEPT].decode("utf-8", "replace")


def _code(said: Mapping[str, Any] | None) -> int | None:
    code = None if said is None else said.get("code")
    if isinstance(code, str) and _STATUS_AS_TEXT.fullmatch(code):
        return int(code)
    return code if isinstance(code, int) and not isinstance(code, bool) else None


def _user_id(reply: Reply) -> str | None:
    user_id: str | None = _get(_body(reply), "user_id", str)
    return user_id


def _get(source: Mapping[str, Any] | None, key: str, kind: type[Any]) -> Any:
    """Return a value of an object, if it is of a type; an error object may be anything."""
    value = None if source is None else source.get(key)
    return value if isinstance(value, kind) else None
