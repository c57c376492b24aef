"""What an outcome means for the ids that are left, and how the ledger is to keep it."""

from typing import Final

from modelgates_client.bulk.circuit_breaker import UNAVAILABLE
from modelgates_client.bulk.outcomes import Failed, Outcome, Pending, Resolved
from modelgates_client.errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    ConfigurationError,
    EndpointNotFoundError,
    GenerationNotReadyError,
    InsufficientCreditsError,
    OutageError,
    RateLimitError,
    ResponseValidationError,
    ServerError,
)
from modelgates_client.records.generation_ids import is_askable
from modelgates_runtime.errors import ClientClosedError, ModelGatesError

#: Ids in a row that failed each for itself, by 500, by time-outs or by successes that are no
#: records, before it is taken for an outage; others are noticed by `get_many`. Single ids that make
#: the server fail are rare, and retried before; a hundred in a row are not by chance, and to go on
#: would only cost the server as many requests as there are ids left.
OUTAGE: Final = 100

_ACCOUNT: Final = (
    ClientClosedError,
    EndpointNotFoundError,
    AuthenticationError,
    InsufficientCreditsError,
    RateLimitError,  # `get_many` has waited for minutes by then
)
_REQUEST_TIMEOUT: Final = 408
_ELSEWHERE: Final = frozenset((*range(300, 400), 405))  # statuses of another address than the API's


class StopConditions:
    """Decides, outcome by outcome, whether it makes sense to go on."""

    def __init__(self) -> None:
        """Begin without a failure."""
        self._failures = 0  # in a row

    def stop(self, outcome: Outcome) -> ModelGatesError | None:
        """Return why it makes no sense to go on; None if it does."""
        if isinstance(outcome, Resolved):
            self._failures = 0
            return None
        error: ModelGatesError = outcome.error
        if isinstance(outcome, Pending) and outcome.error.last_error is not None:
            error = outcome.error.last_error
        if isinstance(outcome, Failed) and _concerns_all(error, outcome.generation_id):
            return error
        if _is_unavailable(error):  # `get_many` knows whether it is an outage
            return None
        is_counted = _is_transient(error) or isinstance(error, ResponseValidationError)
        self._failures = self._failures + 1 if is_counted else 0
        if self._failures < OUTAGE:
            return None
        return OutageError(f"{self._failures} ids in a row failed", error)


def _concerns_all(error: ModelGatesError, generation_id: str) -> bool:
    """Whether an error is none of one id."""
    if isinstance(error, ConfigurationError):  # of the key, unless the id cannot be one
        return is_askable(generation_id)
    if isinstance(error, APIStatusError) and error.status_code in _ELSEWHERE:
        return True
    return isinstance(error, _ACCOUNT)


def _is_unavailable(error: ModelGatesError) -> bool:
    """Whether an error may be one of an outage."""
    if isinstance(error, APIStatusError):
        return error.status_code in UNAVAILABLE
    return isinstance(error, APIConnectionError) and not isinstance(error, APITimeoutError)


def _is_transient(error: ModelGatesError) -> bool:
    """Whether asking again may help, later."""
    if isinstance(error, APIStatusError) and error.status_code == _REQUEST_TIMEOUT:
        return True
    if isinstance(error, ResponseValidationError) and not error.body.lstrip().startswith("{"):
        return True  # it is no answer of the API: a page
    return isinstance(error, APIConnectionError | ServerError)


def lasting(outcome: Outcome) -> Outcome:
    """Return an outcome as the ledger is to keep it: pending, if asking again may help."""
    if not (isinstance(outcome, Failed) and _is_transient(outcome.error)):
        return outcome
    error = GenerationNotReadyError(
        outcome.generation_id, 0.0, requests(outcome), None, outcome.error
    )
    return Pending(outcome.generation_id, error)


def requests(outcome: Outcome) -> int:
    """Return how many requests an outcome took."""
    if isinstance(outcome, Resolved):
        return outcome.response.attempts
    return getattr(outcome.error, "attempts", 0)  # errors that came before any request have none


def leaves(outcome: Outcome, *, retried: bool) -> bool:
    """Whether an id leaves the queue, or at least what this run asks for of it."""
    if isinstance(outcome, Resolved):
        return outcome.record.is_final
    return isinstance(outcome, Failed) and not retried
