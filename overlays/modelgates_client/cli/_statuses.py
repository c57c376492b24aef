"""The exit status of each kind of failure; the table for people is in the package's docstring."""

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Final

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
    """What the process ends with."""

    WELL = 0
    FAILED = 1
    USAGE = 2
    NOT_THERE = 3
    NOT_ALLOWED = 4
    TOO_MANY = 5
    SERVER = 6
    NO_ANSWER = 7
    NO_RECORD = 8
    DEVIATING = 9
    OVER_BUDGET = 10
    UNDECIDED = 11
    NO_ID = 12
    NEAR_BUDGET = 13
    DIFFERENT = 14
    INTERRUPTED = 130
    UNREAD = 141


#: What each means, for `--help`.
MEANINGS: Final[Mapping[Status, str]] = MappingProxyType(
    {
        Status.WELL: "all went well",
        Status.FAILED: "another failure: an undocumented status, unwritable output, a bug",
        Status.USAGE: "wrong usage or configuration, no usable key",
        Status.NOT_THERE: "no such record, or not ready in time",
        Status.NOT_ALLOWED: "the key, its permissions or the account's credits do not suffice",
        Status.TOO_MANY: "too many requests",
        Status.SERVER: "the server failed",
        Status.NO_ANSWER: "no connection, or no answer in time",
        Status.NO_RECORD: "an answer that is not the record",
        Status.DEVIATING: "responses deviate from the spec, at the level of --fail-on",
        Status.OVER_BUDGET: "more was spent than --max-usd",
        Status.UNDECIDED: "the budget cannot be judged: too much of the cost is not known",
        Status.NO_ID: "a source of ids has none",
        Status.NEAR_BUDGET: "within the budgets, but near one: a part at which to warn is reached",
        Status.DIFFERENT: "the ledger is not what the account says of itself",
        Status.INTERRUPTED: "interrupted",
        Status.UNREAD: "nobody reads the output any more",
    }
)

#: By class; the first that fits counts.
_STATUSES: Final[tuple[tuple[type[Exception] | tuple[type[Exception], ...], Status], ...]] = (
    ((ConfigurationError, EndpointNotFoundError), Status.USAGE),
    ((NotFoundError, GenerationNotReadyError), Status.NOT_THERE),
    (
        (AuthenticationError, InsufficientCreditsError, PermissionDeniedError),
        Status.NOT_ALLOWED,
    ),
    (RateLimitError, Status.TOO_MANY),
    (ServerError, Status.SERVER),
    ((APIConnectionError, OutageError), Status.NO_ANSWER),
    (ResponseValidationError, Status.NO_RECORD),
)

_REQUEST_TIMEOUT: Final = 408


def status_of(error: Exception) -> Status:
    """Return the exit status for a failure."""
    if isinstance(error, APIStatusError) and error.status_code == _REQUEST_TIMEOUT:
        return Status.NO_ANSWER  # the server waited for the request in vain, or says so
    if isinstance(error, OutageError) and isinstance(error.last_error, InternalServerError):
        return Status.SERVER  # it is there
    if isinstance(error, GenerationNotReadyError) and isinstance(
        error.last_error, APIConnectionError | ServerError
    ):
        return status_of(error.last_error)  # which says nothing of the record
    fitting = (status for kinds, status in _STATUSES if isinstance(error, kinds))
    return next(fitting, Status.FAILED)
