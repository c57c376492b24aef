"""The exit statuses of the command, and their assignment to errors."""

from enum import IntEnum
from typing import Final, Self

from modelgates_client.errors import (
    APIConnectionError,
    APIStatusError,
    AuthenticationError,
    ConfigurationError,
    EndpointNotFoundError,
    GenerationNotReadyError,
    InsufficientCreditsError,
    InternalServerError,
    NotFoundError,
    OutageError,
    PermissionDeniedError,
    RateLimitError,
    ResponseValidationError,
    ServerError,
)


class Status(IntEnum):
    """An exit status of the command. This is the only list of them; `--help` shows it.

    Attributes:
        meaning: A description for users.
    """

    meaning: str

    def __new__(cls, value: int, meaning: str) -> Self:
        """Make a status with its meaning."""
        status = int.__new__(cls, value)
        status._value_ = value
        status.meaning = meaning
        return status

    OK = 0, "success"
    FAILED = 1, "any other failure: an undocumented status, unwritable output, a bug"
    USAGE = 2, "invalid usage or configuration, or no usable API key"
    NOT_FOUND = 3, "no such record, or not ready in time"
    NOT_ALLOWED = 4, "invalid API key, missing permissions or insufficient credits"
    RATE_LIMITED = 5, "too many requests"
    SERVER_ERROR = 6, "server error"
    NO_RESPONSE = 7, "no connection, or no response in time"
    NO_RECORD = 8, "the response is not the record"
    DEVIATING = 9, "responses deviate from the spec, at the level of --fail-on or above"
    OVER_BUDGET = 10, "over budget"
    UNDECIDED = 11, "budget undecided: too much of the cost is unknown"
    NO_ID = 12, "a source of ids contains none"
    NEAR_BUDGET = 13, "within all budgets, but a warning threshold is reached"
    DIFFERENT = 14, "the ledger differs from the account's activity"
    INTERRUPTED = 130, "interrupted"
    READER_GONE = 141, "the reader of the output closed it"


#: Statuses by error class; the first match counts.
_STATUSES: Final[tuple[tuple[type[Exception] | tuple[type[Exception], ...], Status], ...]] = (
    ((ConfigurationError, EndpointNotFoundError), Status.USAGE),
    ((NotFoundError, GenerationNotReadyError), Status.NOT_FOUND),
    (
        (AuthenticationError, InsufficientCreditsError, PermissionDeniedError),
        Status.NOT_ALLOWED,
    ),
    (RateLimitError, Status.RATE_LIMITED),
    (ServerError, Status.SERVER_ERROR),
    ((APIConnectionError, OutageError), Status.NO_RESPONSE),
    (ResponseValidationError, Status.NO_RECORD),
)

_REQUEST_TIMEOUT: Final = 408


def status_of(error: Exception) -> Status:
    """Return the exit status for a failure."""
    if isinstance(error, APIStatusError) and error.status_code == _REQUEST_TIMEOUT:
        return Status.NO_RESPONSE  # the server did not receive the request in time
    if isinstance(error, OutageError) and isinstance(error.last_error, InternalServerError):
        return Status.SERVER_ERROR  # the server can be reached
    if isinstance(error, GenerationNotReadyError) and isinstance(
        error.last_error, APIConnectionError | ServerError
    ):
        return status_of(error.last_error)  # whether there is a record is unknown
    matching = (status for kinds, status in _STATUSES if isinstance(error, kinds))
    return next(matching, Status.FAILED)
