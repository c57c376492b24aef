"""Why a call pauses, as it is logged: in words of our own, without an id or what a server says."""

import logging
from typing import Any, Final, Literal, NamedTuple

from modelgates_client.calls.responses import CallProblem, effective_status
from modelgates_client.records.drift_observer import LOGGER
from modelgates_client.transport.messages import AttemptResult, Failure, FailureKind
from modelgates_runtime.types import Response

_TOO_MANY: Final = 429

_FAILURE_REASONS: Final[dict[FailureKind, str]] = {
    "connection": "the connection failed",
    "scarce": "nothing is left to connect with",
    "timeout": "nothing came in time",
    "untrusted": "the certificate is not trusted",
    "refused": "it cannot be sent",
}
_STATUS_REASONS: Final = {
    404: "it is not there yet",
    408: "the server waited too long",
    429: "too many requests",
    500: "the server failed",
    503: "the server is not available",
    529: "the server is overloaded",
    **dict.fromkeys((502, 504, *range(520, 528)), "the server does not answer its gateway"),
}


class PauseReason(NamedTuple):
    """Why a call pauses.

    Attributes:
        kind: What the pause is.
        status: The HTTP status that the attempt ended with, or the code of an error in a success;
            None if there was no answer.
        attempt: Which attempt that was, counted from 1.
        reason: What that means.
    """

    kind: Literal["retry", "wait", "rate limit"]
    status: int | None
    attempt: int
    reason: str

    @classmethod
    def of(
        cls, attempt_result: AttemptResult, result: Response[Any] | CallProblem, attempt: int
    ) -> "PauseReason":
        """Return the cause that an attempt's ending is, and what it came to."""
        if isinstance(result, Response):
            return cls("wait", result.status_code, attempt, "it is not final yet")
        status, reason = _status_and_reason(attempt_result, result)
        if result.is_absence:
            return cls("wait", status, attempt, reason)
        return cls("rate limit" if status == _TOO_MANY else "retry", status, attempt, reason)

    def log(self, seconds: float) -> None:
        """Log it, with the seconds until the next attempt."""
        if LOGGER.isEnabledFor(logging.INFO):
            LOGGER.info(
                "%s: attempt %d ended with %s; the next in %.2f s",
                *(self.kind, self.attempt, self.end, seconds),
            )

    @property
    def end(self) -> str:
        """What the attempt ended with."""
        ended = "no answer" if self.status is None else f"HTTP {self.status}"
        return f"{ended} ({self.reason})"


def _status_and_reason(
    attempt_result: AttemptResult, result: CallProblem
) -> tuple[int | None, str]:
    if isinstance(attempt_result, Failure):
        return None, _FAILURE_REASONS[attempt_result.kind]
    status = effective_status(result.error) or attempt_result.status
    if 200 <= status < 300:  # noqa: PLR2004
        return status, "it is not the whole answer"
    return status, _STATUS_REASONS.get(status, "the server says to try again")
