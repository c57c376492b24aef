"""Log lines for the pauses of a call; they contain no id and no text of the server."""

from typing import Any, Final, Literal, NamedTuple

from modelgates_client.calls.responses import CallProblem, effective_status
from modelgates_client.calls.retry import RETRYABLE_STATUSES
from modelgates_client.records.log import is_info_logged, logger
from modelgates_client.transport.messages import AttemptResult, Failure, FailureKind
from modelgates_runtime.types import Response

_TOO_MANY: Final = 429

_FAILURE_REASONS: Final[dict[FailureKind, str]] = {
    "connection": "the connection failed",
    "scarce": "no socket is left",
    "timeout": "no response in time",
    "untrusted": "the certificate is not trusted",
    "refused": "it cannot be sent",
}


class PauseReason(NamedTuple):
    """Why a call pauses.

    Attributes:
        kind: The kind of pause.
        status: The HTTP status of the attempt, or the code of an error in a success; None if there
            was no response.
        attempt: The number of the attempt, counted from 1.
        reason: The meaning of the status.
    """

    kind: Literal["retry", "wait", "rate limit"]
    status: int | None
    attempt: int
    reason: str

    @classmethod
    def of(
        cls, attempt_result: AttemptResult, result: Response[Any] | CallProblem, attempt: int
    ) -> "PauseReason":
        """Return the reason to pause after an attempt, given its result and interpretation."""
        if isinstance(result, Response):
            return cls("wait", result.status_code, attempt, "it is not final yet")
        status, reason = _status_and_reason(attempt_result, result)
        if result.is_absence:
            return cls("wait", status, attempt, "it is not there yet")
        return cls("rate limit" if status == _TOO_MANY else "retry", status, attempt, reason)

    def log(self, seconds: float) -> None:
        """Log the reason, and the seconds until the next attempt."""
        if is_info_logged():
            logger().info(
                "%s: attempt %d ended with %s; the next in %.2f s",
                *(self.kind, self.attempt, self.end, seconds),
            )

    @property
    def end(self) -> str:
        """The status of the attempt, and its meaning."""
        status = "no response" if self.status is None else f"HTTP {self.status}"
        return f"{status} ({self.reason})"


def _status_and_reason(
    attempt_result: AttemptResult, result: CallProblem
) -> tuple[int | None, str]:
    if isinstance(attempt_result, Failure):
        return None, _FAILURE_REASONS[attempt_result.kind]
    status = effective_status(result.error) or attempt_result.status
    if 200 <= status < 300:  # noqa: PLR2004
        return status, "the response is incomplete"
    retryable = RETRYABLE_STATUSES.get(status)
    return status, "the server asks for a retry" if retryable is None else retryable.reason
