"""The errors that calls raise; all derive from `ModelGatesError`.

ModelGatesError
├── ConfigurationError              invalid arguments or environment variables
├── ClientClosedError               the client was closed
├── APIConnectionError              there was no response
│   └── APITimeoutError             … within the deadline
├── APIStatusError                  the server answered with an error
│   ├── BadRequestError             400
│   ├── AuthenticationError         401
│   ├── InsufficientCreditsError    402
│   ├── PermissionDeniedError       403
│   ├── NotFoundError               404
│   │   └── EndpointNotFoundError   … from something other than the API
│   ├── RateLimitError              429
│   └── ServerError                 5xx
│       ├── InternalServerError     500
│       ├── BadGatewayError         502
│       ├── EdgeTimeoutError        524
│       └── OverloadedError         529
├── ResponseValidationError         success, but not the requested record
├── GenerationNotReadyError         `wait` ran out of time
├── OutageError                     `get_many` ended: no response for too long
└── FieldError                      an attribute was read that has no value of its type

Every error can be pickled, as all of its arguments are positional.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import modelgates_client  # for annotations; its classes are imported on first use
from modelgates_runtime.errors import ClientClosedError, FieldError, ModelGatesError
from modelgates_runtime.values import printable

#: The errors of the package, which exports them, too.
__all__ = [
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "AuthenticationError",
    "BadGatewayError",
    "BadRequestError",
    "ClientClosedError",
    "ConfigurationError",
    "EdgeTimeoutError",
    "EndpointNotFoundError",
    "FieldError",
    "GenerationNotReadyError",
    "InsufficientCreditsError",
    "InternalServerError",
    "ModelGatesError",
    "NotFoundError",
    "OutageError",
    "OverloadedError",
    "PermissionDeniedError",
    "RateLimitError",
    "ResponseValidationError",
    "ServerError",
]

_MAX_SHOWN: Final = 3  # deviations shown in the message


class ConfigurationError(ModelGatesError):
    """The client cannot be created, or called, with these arguments and this environment."""


class APIConnectionError(ModelGatesError):
    """There was no response: no connection, a broken transfer, or an untrusted certificate.

    Attributes:
        message: What happened.
        attempts: How many requests were sent.
        host: The host of the request.
    """

    def __init__(self, message: str, attempts: int = 1, host: str = "") -> None:
        super().__init__(message, attempts, host)
        self.message = message
        self.attempts = attempts
        self.host = host

    def __str__(self) -> str:
        prefix = f"{self.host}: " if self.host and f"{self.host}" not in f"{self.message}" else ""
        return printable(f"{prefix}{self.message}{_attempts_suffix(self.attempts)}")


class APITimeoutError(APIConnectionError):
    """There was no complete response within the deadline, retries included."""


class APIStatusError(ModelGatesError):
    """The server answered with an error.

    Attributes:
        message: The server's message, or what is wrong with its response.
        status_code: The HTTP status. 200 when the body of a success was an error object; the class
            then follows from its `code`.
        attempts: How many requests were sent.
        body: The body as text, its first 64 KiB.
        code: The integer code in the error object; None without one.
        metadata: The metadata in the error object; None without any.
        user_id: The account, if the server sent it.
        request_id: The server's id of the request, if it sent one; quote it to support.
        retry_after: Seconds the server asked to wait; None if it did not say.
        generation_id: The id of the requested record; empty if no record was requested.
        parsed: The body, decoded by the spec's schema for this status; None if there is no schema,
            or the body does not conform to it.
        rate_limit: The rate limit in the response headers; None if they have none.
    """

    _hint = ""  # what to check

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
        attempts = _attempts_suffix(self.attempts)
        return printable(f"HTTP {self.status_code}: {self.message}{attempts}{request}{self._hint}")


class BadRequestError(APIStatusError):
    """400: the server rejected the request as invalid."""


class AuthenticationError(APIStatusError):
    """401: the API key is invalid or was revoked."""

    _hint = " (the API key was rejected)"


class InsufficientCreditsError(APIStatusError):
    """402: the account does not have enough credits."""


class PermissionDeniedError(APIStatusError):
    """403: the API key does not have the permission."""


class NotFoundError(APIStatusError):
    """404: there is no such record yet, or not for this API key."""

    def __str__(self) -> str:
        prefix = f"{self.generation_id}: " if self.generation_id else ""
        return printable(f"{prefix}{super().__str__()}")


class EndpointNotFoundError(NotFoundError):
    """404 without an error object of the API, such as a web page: `base_url` may be wrong.

    It does not mean that the record is missing, and is not retryable.
    """

    _hint = " (is base_url right?)"


class RateLimitError(APIStatusError):
    """429: too many requests; `retry_after` has the seconds to wait, if the server sent them."""


class ServerError(APIStatusError):
    """5xx: the server, or a proxy in front of it, failed."""


class InternalServerError(ServerError):
    """500: the server failed."""


class BadGatewayError(ServerError):
    """502: a server behind the API failed."""


class EdgeTimeoutError(ServerError):
    """524: the edge in front of the server timed out waiting for it."""


class OverloadedError(ServerError):
    """529: the upstream provider is overloaded."""


#: The error class of each status that has its own.
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
    """Return the error class of a status."""
    default = ServerError if 500 <= status < 600 else APIStatusError  # noqa: PLR2004
    return STATUS_ERRORS.get(status, default)


class ResponseValidationError(ModelGatesError):
    """The server responded with success, but not with the requested record.

    Attributes:
        message: What is wrong with the response.
        status_code: The HTTP status.
        attempts: How many requests were sent.
        body: The body as text, its first 64 KiB.
        request_id: The server's id of the request, if it sent one.
        drift: With `validation="strict"`, every deviation; its pointers refer to the body.
        rate_limit: The rate limit in the response headers; None if they have none.
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
        shown = "; ".join(str(drift) for drift in self.drift[:_MAX_SHOWN])
        more = f" and {len(self.drift) - _MAX_SHOWN} more" if len(self.drift) > _MAX_SHOWN else ""
        drift = f": {shown}{more}" if shown else ""
        attempts = _attempts_suffix(self.attempts)
        return printable(f"HTTP {self.status_code}: {self.message}{drift}{attempts}")


class GenerationNotReadyError(ModelGatesError):
    """`wait` ran out of time before there was a record, or before it was final.

    Attributes:
        generation_id: The id of the record.
        elapsed_s: Seconds waited.
        attempts: How many requests were sent.
        response: The last response with a record that was not final; None without one.
        last_error: The error of the last request; None if it returned a record.
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
        """The last record received, which was not final; None without one."""
        return None if self.response is None else self.response.parsed.data

    def __str__(self) -> str:
        state = "no record" if self.record is None else "a record, but not the final one,"
        message = getattr(self.last_error, "message", self.last_error)
        last = f"; the last error: {message}" if message else ""
        return printable(
            f"{state} of {self.generation_id} after {self.elapsed_s:.1f} s and "
            f"{self.attempts} request{'' if self.attempts == 1 else 's'}{last}"
        )


class OutageError(ModelGatesError):
    """No request for any id succeeded for too long; the remaining ids stay pending.

    Attributes:
        message: How long there was no response.
        last_error: The error of the last request.
    """

    def __init__(self, message: str, last_error: ModelGatesError) -> None:
        super().__init__(message, last_error)
        self.message = message
        self.last_error = last_error

    def __str__(self) -> str:
        return printable(f"{self.message}; the last error: {self.last_error}")


def _attempts_suffix(attempts: int) -> str:
    return f" ({attempts} attempts)" if attempts > 1 else ""
