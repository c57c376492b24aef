"""The errors that calls raise; all derive from `ModelGatesError`.

ModelGatesError
├── ConfigurationError              the client cannot be made, or asked, like this
├── ClientClosedError               the client was closed
├── APIConnectionError              there was no answer
│   └── APITimeoutError             … within the deadline
├── APIStatusError                  the server answered with an error
│   ├── BadRequestError             400
│   ├── AuthenticationError         401
│   ├── InsufficientCreditsError    402
│   ├── PermissionDeniedError       403
│   ├── NotFoundError               404
│   │   └── EndpointNotFoundError   … of something that is not the API
│   ├── RateLimitError              429
│   └── ServerError                 5xx
│       ├── InternalServerError     500
│       ├── BadGatewayError         502
│       ├── EdgeTimeoutError        524
│       └── OverloadedError         529
├── ResponseValidationError         success, but not the record that was asked for
├── GenerationNotReadyError         `wait` ran out of time
├── OutageError                     `get_many` ended: nothing was answered for too long
└── FieldError                      an attribute was read that has no value of its type

Every error can be pickled: its arguments are complete, and positional.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import modelgates_client  # annotations name what it loads when it is asked for
from modelgates_runtime.errors import ModelGatesError
from modelgates_runtime.values import printable

_SHOWN: Final = 3  # deviations that fit in one line


class ConfigurationError(ModelGatesError):
    """The client cannot be made from these arguments and this environment, or asked for this."""


class APIConnectionError(ModelGatesError):
    """There was no answer: no connection, a broken transfer, a certificate that is not trusted.

    Attributes:
        message: What happened.
        attempts: How many requests were tried.
        host: Which host was asked.
    """

    def __init__(self, message: str, attempts: int = 1, host: str = "") -> None:
        super().__init__(message, attempts, host)
        self.message = message
        self.attempts = attempts
        self.host = host

    def __str__(self) -> str:
        asked = f"{self.host}: " if self.host and f"{self.host}" not in f"{self.message}" else ""
        return printable(f"{asked}{self.message}{_tried(self.attempts)}")


class APITimeoutError(APIConnectionError):
    """There was no complete answer within the deadline, retries included."""


class APIStatusError(ModelGatesError):
    """The server answered with an error.

    Attributes:
        message: What the server said, or what is wrong with what it said.
        status_code: The HTTP status, whatever it is. 200 when the body of a success was an error
            object; the class then follows its `code`.
        attempts: How many requests were tried.
        body: The body as text, its first 64 KiB.
        code: The code in the error object; None when there is none, or no integer.
        metadata: What the error object says besides; None when it says nothing.
        user_id: The account, if the server named it.
        request_id: The server's own name for the request, if it gave one: ask support with it.
        retry_after: Seconds the server asked to wait, or None when it did not say.
        generation_id: Whose record was asked for; nothing, if no record was.
        parsed: The body, decoded as the spec says for this status; None where the spec does not
            say, or the body is not so.
        rate_limit: What the server says of its rate limit; None if it says nothing of it.
    """

    _hint = ""  # what to look after

    def __init__(  # noqa: PLR0913, PLR0917 - complete positional arguments make it picklable
        self,
        message: str,
        status_code: int,
        attempts: int = 1,
        body: str = "",
        code: int | None = None,
        metadata: Mapping[str, Any] | None = None,
        user_id: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        generation_id: str = "",
        parsed: Any = None,
        rate_limit: "modelgates_client.RateLimit | None" = None,
    ) -> None:
        super().__init__(
            message,
            status_code,
            attempts,
            body,
            code,
            metadata,
            user_id,
            request_id,
            retry_after,
            generation_id,
            parsed,
            rate_limit,
        )
        self.message = message
        self.status_code = status_code
        self.attempts = attempts
        self.body = body
        self.code = code
        self.metadata = metadata
        self.user_id = user_id
        self.request_id = request_id
        self.retry_after = retry_after
        self.generation_id = generation_id
        self.parsed = parsed
        self.rate_limit = rate_limit

    def __str__(self) -> str:
        request = f" (request {self.request_id})" if self.request_id else ""
        tried = _tried(self.attempts)
        said = f"HTTP {self.status_code}: {self.message}{tried}{request}{self._hint}"
        return printable(said)


class BadRequestError(APIStatusError):
    """400: the server takes the request for a wrong one."""


class AuthenticationError(APIStatusError):
    """401: there is no such key, or no longer."""

    _hint = " (the API key is not taken)"


class InsufficientCreditsError(APIStatusError):
    """402: the account has not enough credits."""


class PermissionDeniedError(APIStatusError):
    """403: the key may not do this."""


class NotFoundError(APIStatusError):
    """404: there is no such record yet, or not under this key."""

    def __str__(self) -> str:
        asked = f"{self.generation_id}: " if self.generation_id else ""
        return printable(f"{asked}{super().__str__()}")


class EndpointNotFoundError(NotFoundError):
    """404 without an error of the API, as a page: `base_url` is not its address.

    It says nothing about the record; to ask again does not mend it.
    """

    _hint = " (is base_url right?)"


class RateLimitError(APIStatusError):
    """429: too many requests; `retry_after` says how many seconds to wait, if the server did."""


class ServerError(APIStatusError):
    """5xx: the server, or what stands before it, failed."""


class InternalServerError(ServerError):
    """500: the server failed."""


class BadGatewayError(ServerError):
    """502: what stands behind the server failed."""


class EdgeTimeoutError(ServerError):
    """524: the edge before the server waited for it in vain."""


class OverloadedError(ServerError):
    """529: the provider behind the server is overloaded."""


#: The class of each status that has its own.
STATUS_ERRORS: Final[Mapping[int, type[APIStatusError]]] = MappingProxyType(
    {
        400: BadRequestError,
        401: AuthenticationError,
        402: InsufficientCreditsError,
        403: PermissionDeniedError,
        404: NotFoundError,
        429: RateLimitError,
        500: InternalServerError,
        502: BadGatewayError,
        524: EdgeTimeoutError,
        529: OverloadedError,
    }
)


def status_error(status: int) -> type[APIStatusError]:
    """Return the class of a status, by the status alone."""
    other = ServerError if 500 <= status < 600 else APIStatusError  # noqa: PLR2004
    return STATUS_ERRORS.get(status, other)


class ResponseValidationError(ModelGatesError):
    """The server answered with success, but not with the record that was asked for.

    Attributes:
        message: What is wrong with the answer.
        status_code: The HTTP status.
        attempts: How many requests were tried.
        body: The body as text, its first 64 KiB.
        request_id: The server's own name for the request, if it gave one.
        drift: Under `validation="strict"`, every deviation, by pointers into the body.
        rate_limit: What the server says of its rate limit; None if it says nothing of it.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - complete positional arguments make it picklable
        self,
        message: str,
        status_code: int,
        attempts: int = 1,
        body: str = "",
        request_id: str | None = None,
        drift: "tuple[modelgates_client.Drift, ...]" = (),
        rate_limit: "modelgates_client.RateLimit | None" = None,
    ) -> None:
        super().__init__(message, status_code, attempts, body, request_id, drift, rate_limit)
        self.message = message
        self.status_code = status_code
        self.attempts = attempts
        self.body = body
        self.request_id = request_id
        self.drift = drift
        self.rate_limit = rate_limit

    def __str__(self) -> str:
        shown = "; ".join(str(drift) for drift in self.drift[:_SHOWN])
        more = f" and {len(self.drift) - _SHOWN} more" if len(self.drift) > _SHOWN else ""
        drift = f": {shown}{more}" if shown else ""
        tried = _tried(self.attempts)
        return printable(f"HTTP {self.status_code}: {self.message}{drift}{tried}")


class GenerationNotReadyError(ModelGatesError):
    """`wait` ran out of time before there was a record, or before it was final.

    Attributes:
        generation_id: What was waited for.
        elapsed_s: Seconds waited.
        attempts: How many requests were made.
        response: The last answer with a record that was not the final one that was waited for.
        last_error: What the last request ended with; None when it brought a record.
    """

    def __init__(
        self,
        generation_id: str,
        elapsed_s: float,
        attempts: int,
        response: "modelgates_client.Response[Any] | None" = None,
        last_error: ModelGatesError | None = None,
    ) -> None:
        super().__init__(generation_id, elapsed_s, attempts, response, last_error)
        self.generation_id = generation_id
        self.elapsed_s = elapsed_s
        self.attempts = attempts
        self.response = response
        self.last_error = last_error

    @property
    def record(self) -> "modelgates_client.Generation | None":
        """The last record that came, when it was the final one that was waited for."""
        return None if self.response is None else self.response.parsed.data

    def __str__(self) -> str:
        lacking = "no record" if self.record is None else "a record, but not the final one,"
        said = getattr(self.last_error, "message", self.last_error)
        last = f"; the last answer: {said}" if said else ""
        return printable(
            f"{lacking} of {self.generation_id} after {self.elapsed_s:.1f} s and "
            f"{self.attempts} request(s){last}"
        )


class OutageError(ModelGatesError):
    """Nothing was answered for too long, whichever id was asked for; what is left stays pending.

    Attributes:
        message: What was too long.
        last_error: What the last request ended with.
    """

    def __init__(self, message: str, last_error: ModelGatesError) -> None:
        super().__init__(message, last_error)
        self.message = message
        self.last_error = last_error

    def __str__(self) -> str:
        return printable(f"{self.message}; the last: {self.last_error}")


def _tried(attempts: int) -> str:
    return f" ({attempts} attempts)" if attempts > 1 else ""
