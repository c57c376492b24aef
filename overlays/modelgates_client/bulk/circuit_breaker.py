"""A circuit breaker that detects outages of the server. Pure: it takes the time as an argument.

The failure of a single id says nothing about the others. When two ids fail with no response between
them, it is an outage: only probes are sent until one of them gets a response. A failure during an
outage does not count against its id.

Source: M. Nygard, "Release It!", 2nd edition 2018, chapter 5 ("Circuit Breaker").
"""

from typing import Final

from modelgates_client.calls.retry import RETRYABLE_STATUSES
from modelgates_client.transport.messages import AttemptResult, Failure, HTTPResponse

#: Maximum Retry-After that is respected, in seconds: servers name a day, and return in a minute.
MAX_RETRY_AFTER_S: Final = 300.0

#: Statuses that can mean that the server is down, or lost the request.
UNAVAILABLE: Final = frozenset(
    status for status, meaning in RETRYABLE_STATUSES.items() if meaning.may_be_outage
)

_FIRST_PROBE_S: Final = 0.1  # after the failure that opened the breaker; it doubles
_MAX_PROBE_S: Final = 0.5  # between probes during the first phase of an outage
_FIRST_PHASE_S: Final = 10.0  # the length of that phase
_LATER_PROBE_S: Final = 1.0  # between probes afterwards, and after a probe without a response


def suggests_outage(attempt_result: AttemptResult) -> bool:
    """Whether a result may be due to an outage: a lost connection, or a gateway's error."""
    if isinstance(attempt_result, Failure):
        return attempt_result.kind == "connection"
    return attempt_result.is_retriable or attempt_result.status in UNAVAILABLE


def shows_server_is_up(attempt_result: AttemptResult) -> bool:
    """Whether a result shows that the server is up.

    A 500 may be due to the id: it shows neither an outage nor its end.
    """
    return (
        isinstance(attempt_result, HTTPResponse)
        and not suggests_outage(attempt_result)
        and attempt_result.status != 500  # noqa: PLR2004
    )


class CircuitBreaker:
    """Distinguishes an outage from failures of single ids, and schedules probes.

    Not thread-safe. Times are seconds by one monotonic clock.

    Attributes:
        response_count: Responses so far; a failure before the latest was not due to an outage.
        since: When the current outage began; None if there is none.
        ended_at: When the latest outage ended.
        is_proven: Whether a probe failed in it for an id that had not failed before.
        proven_at: When the latest such outage ended.
        probes: Requests sent during the current outage.
    """

    def __init__(self) -> None:
        """Start closed: the server is assumed to be up."""
        self.response_count = 0
        self.since: float | None = None
        self.ended_at = float("-inf")
        self.is_proven = False
        self.proven_at = float("-inf")
        self.probes = 0
        self._suspect_number: int | None = (
            None  # the first id that failed since the latest response
        )
        self._failed_at = 0.0  # when that was
        self._failure_sent_at = float("-inf")  # when the latest failed request was sent
        self._opened_at = 0.0
        self._is_stall = False
        self._pause_s = _FIRST_PROBE_S
        self._probe_at = 0.0
        self._blocked_until = float("-inf")  # by a Retry-After

    @property
    def is_open(self) -> bool:
        """Whether there is an outage."""
        return self.since is not None

    def is_probe(self, sent_at: float) -> bool:
        """Whether a request sent at `sent_at` is a probe of the current outage."""
        return self.since is not None and sent_at >= self._opened_at

    def ready_at(self, now: float) -> float:
        """Return when a request may be sent: `now`, or the time of the next probe."""
        return now if self.since is None else max(now, self._probe_at, self._blocked_until)

    def record_sent(self, now: float) -> None:
        """Record a sent request; during an outage it is a probe, and delays the next one."""
        if self.since is not None:
            self.probes += 1
            # A probe that hangs does not prevent the next one.
            self._probe_at = now + max(_LATER_PROBE_S, self._pause_s)

    def record_failure(  # noqa: PLR0913 - everything known about a failure
        self,
        now: float,
        sent_at: float,
        number: int,
        retry_after: float | None,
        *,
        has_failed_before: bool,
        is_alone: bool,
    ) -> bool:
        """Record a failure that may be due to an outage.

        Args:
            now: The time.
            sent_at: When the request was sent.
            number: The number of its id.
            retry_after: Seconds that the server asked to wait, or None.
            has_failed_before: Whether the id failed before.
            is_alone: Whether no other id is in flight, or can be sent.

        Returns:
            Whether it opens the breaker: an outage was detected.
        """
        retry_after_s = min(retry_after or 0.0, MAX_RETRY_AFTER_S)
        if self.since is not None:
            self._blocked_until = max(self._blocked_until, now + retry_after_s)
            if self.is_probe(sent_at):  # the others are part of the same event
                self.is_proven = self.is_proven or not has_failed_before
                is_early = now - self.since < _FIRST_PHASE_S
                self._pause_s = min(2 * self._pause_s, _MAX_PROBE_S)
                self._probe_at = now + (self._pause_s if is_early else _LATER_PROBE_S)
            return False
        if self._suspect_number is None:
            self._suspect_number, self._failed_at, self._failure_sent_at = number, now, sent_at
            self._blocked_until = now + retry_after_s
            return False
        self._blocked_until = max(self._blocked_until, now + retry_after_s)
        self._failure_sent_at = max(self._failure_sent_at, sent_at)
        if number == self._suspect_number and not is_alone:
            return False
        self.since, self._opened_at, self.probes = self._failed_at, now, 0
        self._pause_s, self._is_stall, self.is_proven = _FIRST_PROBE_S, False, False
        self._probe_at = now + self._pause_s
        return True

    def record_stall(self, now: float) -> None:
        """Open the breaker because no request in flight gets a response: probe at once."""
        self.since, self._opened_at, self.probes = now, now, 0
        self._pause_s, self._probe_at = _FIRST_PROBE_S, now
        self._blocked_until = now
        self._is_stall, self.is_proven = True, False

    def record_response(self, now: float, sent_at: float) -> bool:
        """Record a response; return whether it ends an outage."""
        is_sent_before = sent_at < self._opened_at and not self._is_stall
        if self.since is not None and is_sent_before and sent_at < self._failure_sent_at:
            return False
        self.response_count += 1
        self._suspect_number = None
        if self.since is None:
            return False
        self.since = None
        if is_sent_before:  # but not before the failures: there was no outage
            return False
        self.ended_at = now
        if self.is_proven:
            self.proven_at = now
        return True
