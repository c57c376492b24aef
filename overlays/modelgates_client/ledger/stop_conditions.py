"""Whether a fetch continues after an outcome, and how the ledger stores the outcome."""

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

#: Ids in a row that failed on their own, by 500, by timeouts or by successes that are not records,
#: before this counts as an outage; `get_many` detects other outages. Single ids that make the
#: server fail are rare, and were retried before. A hundred in a row are no coincidence, and
#: continuing would only cost the server a request for each remaining id.
MAX_FAILURES_IN_A_ROW: Final = 100

_ACCOUNT_ERRORS: Final = (
    ClientClosedError,
    EndpointNotFoundError,
    AuthenticationError,
    InsufficientCreditsError,
    RateLimitError,  # by then, `get_many` has waited for minutes
)
_REQUEST_TIMEOUT: Final = 408
_WRONG_ADDRESS: Final = frozenset((*range(300, 400), 405))  # statuses that the API never sends


class StopConditions:
    """Decides after each outcome whether a fetch continues."""

    def __init__(self) -> None:
        """Start without failures."""
        self._failures_in_a_row = 0

    def check(self, outcome: Outcome) -> ModelGatesError | None:
        """Return why the fetch has to stop; None if it continues."""
        if isinstance(outcome, Resolved):
            self._failures_in_a_row = 0
            return None
        error: ModelGatesError = outcome.error
        if isinstance(outcome, Pending) and outcome.error.last_error is not None:
            error = outcome.error.last_error
        if isinstance(outcome, Failed) and _concerns_all(error, outcome.generation_id):
            return error
        if _is_unavailable(error):  # `get_many` knows whether it is an outage
            return None
        is_counted = _is_transient(error) or isinstance(error, ResponseValidationError)
        self._failures_in_a_row = self._failures_in_a_row + 1 if is_counted else 0
        if self._failures_in_a_row < MAX_FAILURES_IN_A_ROW:
            return None
        return OutageError(f"{self._failures_in_a_row} ids in a row failed", error)


def _concerns_all(error: ModelGatesError, generation_id: str) -> bool:
    """Whether an error is not about a single id."""
    if isinstance(error, ConfigurationError):  # about the key, unless the id is invalid
        return is_askable(generation_id)
    if isinstance(error, APIStatusError) and error.status_code in _WRONG_ADDRESS:
        return True
    return isinstance(error, _ACCOUNT_ERRORS)


def _is_unavailable(error: ModelGatesError) -> bool:
    """Whether an error may be due to an outage."""
    if isinstance(error, APIStatusError):
        return error.status_code in UNAVAILABLE
    return isinstance(error, APIConnectionError) and not isinstance(error, APITimeoutError)


def _is_transient(error: ModelGatesError) -> bool:
    """Whether a retry may succeed later."""
    if isinstance(error, APIStatusError) and error.status_code == _REQUEST_TIMEOUT:
        return True
    if isinstance(error, ResponseValidationError) and not error.body.lstrip().startswith("{"):
        return True  # a web page, not a response of the API
    return isinstance(error, APIConnectionError | ServerError)


def outcome_to_store(outcome: Outcome) -> Outcome:
    """Return the outcome that the ledger stores: pending instead of failed if a retry may help."""
    if not (isinstance(outcome, Failed) and _is_transient(outcome.error)):
        return outcome
    error = GenerationNotReadyError(
        outcome.generation_id, 0.0, request_count(outcome), None, outcome.error
    )
    return Pending(outcome.generation_id, error)


def request_count(outcome: Outcome) -> int:
    """Return the number of requests that an outcome took."""
    if isinstance(outcome, Resolved):
        return outcome.response.attempts
    return getattr(outcome.error, "attempts", 0)  # errors before any request have none


def leaves_queue(outcome: Outcome, *, retry_failed: bool) -> bool:
    """Whether an id leaves the part of the queue that a run requests."""
    if isinstance(outcome, Resolved):
        return outcome.record.is_final
    return isinstance(outcome, Failed) and not retry_failed
