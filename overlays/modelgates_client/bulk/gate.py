"""Decides when a request may be sent, and what caused a failure; no I/O, the time is an argument.

| result                                         | cause and consequence                       |
|------------------------------------------------|---------------------------------------------|
| 429; 503 or 529 while other ids get responses  | rate limit: all wait, no attempt counts     |
| as above, but few enough to be chance          | only this id waits                          |
| lost connection, 408, 502 to 504, 52x, two ids | outage: all wait, no attempt counts         |
| as above, but another id got a response since  | the id itself: the attempt counts           |
| no result of any request for too long          | outage: probes show which requests hang     |
| no socket left                                 | fewer requests in flight, no attempt counts |
"""

from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from modelgates_client.bulk.circuit_breaker import (
    MAX_RETRY_AFTER_S,
    CircuitBreaker,
    shows_server_is_up,
    suggests_outage,
)
from modelgates_client.bulk.concurrency_window import ConcurrencyWindow
from modelgates_client.bulk.lookups import AmbiguousFailure, Lookup
from modelgates_client.bulk.options import Completed
from modelgates_client.bulk.pacer import Pacer
from modelgates_client.calls.execution import Step
from modelgates_client.calls.responses import requested_wait_s
from modelgates_client.calls.retry import RETRYABLE_STATUSES
from modelgates_client.transport.exchange import timeout_failure
from modelgates_client.transport.messages import AttemptResult, Failure, HTTPResponse

#: How many refusals (503, 529) of one id are attributed to a rate limit although other ids got
#: responses. One id may make the gateway fail every time, so further failures count as attempts.
MAX_FAILURES_AS_LIMIT: Final = 5

_FIRST_ERROR: Final = 400
#: The status of a refusal by a rate limit.
TOO_MANY_REQUESTS: Final = 429
_MAY_BE_RATE_LIMIT: Final = frozenset(
    status for status, meaning in RETRYABLE_STATUSES.items() if meaning.may_be_rate_limit
)

#: Minimum time without any result, in seconds, that suggests an outage.
MIN_PATIENCE_S: Final = 1.0
_PATIENCE_LATENCIES: Final = 20.0  # that time, as a multiple of the latency
_UNKNOWN_PATIENCE_S: Final = 5.0  # the minimum while the latency is unknown
_MIN_GRACE_S: Final = 0.25

# A rate limit is assumed at this many refusals among the latest responses: more than 5 % random
# refusals would produce by chance.
_RECENT_COUNT: Final = 100
_MANY_OF_RECENT: Final = 12
_LATEST_COUNT: Final = 20
_MANY_OF_LATEST: Final = 6

_FIRST_PAUSE_S: Final = 0.1  # the first pause of a single id; doubles each time
_MAX_PAUSE_S: Final = 5.0
_MAX_LIMIT_WINDOW_S: Final = 2.0  # a longer time without responses is an outage, not a rate limit


class EndedAttempt(NamedTuple):
    """An attempt that ended.

    Attributes:
        lookup: The lookup it was made for.
        attempt_result: Its result.
        sent_at: When it was sent.
        sent_in_flight: Requests in flight when it was sent, this one included.
        in_flight: Requests in flight when it ended.
        is_alone: Whether no other id is in flight or ready to send.
    """

    lookup: Lookup
    attempt_result: AttemptResult
    sent_at: float
    sent_in_flight: int
    in_flight: int
    is_alone: bool


class Gate:
    """Decides when the requests of a bulk run may be sent, and learns from their results.

    Attributes:
        breaker: Detects outages.
        refusal: The latest refusal by a rate limit, or None.
        refused_since: When the current series of refusals began; None if the latest request passed.
        refusals: Requests that a rate limit refused.
        is_limit_presumed: Whether a rate limit is assumed only because nothing has passed so far.
    """

    def __init__(
        self, now: float, max_in_flight: int, max_rate: float | None, uniform: Callable[[], float]
    ) -> None:
        """Allow `max_in_flight` requests at a time, and `max_rate` per second, initially."""
        self.breaker = CircuitBreaker()
        self.refusal: HTTPResponse | None = None
        self.refused_since: float | None = None
        self.refusals = 0
        self.is_limit_presumed = False
        self._pacer = Pacer(now, max_rate=max_rate, uniform=uniform)
        self._last_result_at = now  # of the latest attempt that did not time out
        self._window = ConcurrencyWindow(max_in_flight)
        self._recent: deque[bool] = deque(maxlen=_RECENT_COUNT)  # whether responses were refusals
        self._max_in_flight = max_in_flight
        self._uniform = uniform

    @property
    def max_in_flight(self) -> int:
        """The maximum number of requests in flight."""
        return self._max_in_flight if self.breaker.is_open else self._window.limit

    def ready_at(self, now: float) -> float:
        """Return when the next request may be sent: `now` or later."""
        if self.breaker.is_open:
            return max(self.breaker.ready_at(now), self._pacer.capped_at)
        return self._pacer.ready_at(now)

    def record_sent(self, now: float) -> None:
        """Record that a request is sent now."""
        self.breaker.record_sent(now)
        self._pacer.record_sent(now)

    @property
    def grace_s(self) -> float:
        """Seconds that a recovered server gets to respond to earlier requests."""
        return max(_MIN_GRACE_S, 4 * (self._pacer.latency_s or 0.0))

    def stall_suspected_at(self, sent_at: float, in_flight: int) -> float:
        """Return the time from which a lack of results suggests an outage.

        Args:
            sent_at: When the oldest request in flight was sent.
            in_flight: The number of requests in flight.
        """
        latency_s = self._pacer.latency_s
        can_judge_early = latency_s is not None and in_flight > 1  # a single one may just be slow
        min_patience_s = MIN_PATIENCE_S if can_judge_early else _UNKNOWN_PATIENCE_S
        patience_s = max(min_patience_s, _PATIENCE_LATENCIES * (latency_s or 0.0))
        return max(sent_at, self._last_result_at) + patience_s

    def record_abandoned(self, lookup: Lookup, now: float) -> None:
        """Record that a request that hung was abandoned."""
        if self.breaker.is_open:
            has_failed_before = lookup.ambiguous_failure is not None or lookup.failures > 0
            self.breaker.is_proven |= (
                self.breaker.is_probe(lookup.sent_at) and not has_failed_before
            )
            lookup.ambiguous_failure = AmbiguousFailure(
                timeout_failure(), now, self.breaker.response_count, 1, now
            )

    def settle(self, lookup: Lookup, now: float) -> Step | Completed | None:
        """Attribute a lookup's ambiguous failure, once its cause is known.

        Returns:
            The next step or the result of the lookup if the failure counts against the id. None if
            there is no such failure, if it is due to an outage (it is then no longer ambiguous),
            or if its cause is still unknown (it stays ambiguous).
        """
        ambiguous_failure, breaker = lookup.ambiguous_failure, self.breaker
        if ambiguous_failure is None or breaker.response_count == ambiguous_failure.response_count:
            return None
        if breaker.proven_at >= ambiguous_failure.failed_at:
            lookup.ambiguous_failure = None
            return None
        failed_at = ambiguous_failure.failed_at
        may_be_outage = breaker.ended_at >= failed_at and not lookup.failures
        # An id that has waited as long as the server asked, beyond its timeout, gets a retry.
        wait_s = ambiguous_failure.not_before - failed_at
        has_waited = wait_s >= lookup.timeout_s and lookup.failures < MAX_FAILURES_AS_LIMIT
        if not may_be_outage:
            lookup.clock.exclude(now - failed_at)
        return lookup.count_failure(ambiguous_failure, is_own=not (may_be_outage or has_waited))

    def record_result(self, attempt: EndedAttempt, now: float) -> float | None:
        """Learn from an attempt.

        Returns:
            When to repeat it without counting it; None if the result counts for this id.
        """
        attempt_result, lookup, sent_at = attempt.attempt_result, attempt.lookup, attempt.sent_at
        if isinstance(attempt_result, Failure) and attempt_result.kind == "timeout":
            # It is due to the id unless there was no other result in all that time.
            is_own = self._last_result_at > sent_at and not self.breaker.is_open
            return None if is_own else self._record_ambiguous_failure(attempt, now, 0.0)
        self._last_result_at = now
        if isinstance(attempt_result, Failure) and attempt_result.kind == "scarce":
            self._window.record_exhaustion(attempt.in_flight)
            # Other requests free their sockets; without others, another process holds them all.
            return (
                now if attempt.in_flight > 1 else self._record_ambiguous_failure(attempt, now, 0.0)
            )
        retry_after = None
        if isinstance(attempt_result, HTTPResponse) and attempt_result.status >= _FIRST_ERROR:
            retry_after = requested_wait_s(attempt_result)
        if suggests_outage(attempt_result):
            return self._retry_unavailable_at(
                attempt, now, min(retry_after or 0.0, MAX_RETRY_AFTER_S)
            )
        if isinstance(attempt_result, HTTPResponse) and attempt_result.status == TOO_MANY_REQUESTS:
            self._record_response(attempt, now)
            self.refusal = attempt_result
            if self._is_rate_limit():
                self.refused_since = now if self.refused_since is None else self.refused_since
                self._record_refusal(attempt, now, retry_after)
                return now
            lookup.refusals += 1
            is_bounded = retry_after is None or retry_after <= MAX_RETRY_AFTER_S
            return self._backoff_at(now, lookup.refusals, retry_after) if is_bounded else None
        if shows_server_is_up(attempt_result):
            self.refused_since = None
            self._recent.append(False)
            self._pacer.record_success(now, sent_at)
            self._record_response(attempt, now)
            if self.is_limit_presumed and attempt.in_flight == 1:  # all others passed
                self.is_limit_presumed = False
                self._pacer.forget(now)
        return None

    def _retry_unavailable_at(self, attempt: EndedAttempt, now: float, retry_after: float) -> float:
        attempt_result, lookup = attempt.attempt_result, attempt.lookup
        # A rate limit refuses some while others get responses; probes say nothing about it.
        may_be_limit = (
            isinstance(attempt_result, HTTPResponse) and attempt_result.status in _MAY_BE_RATE_LIMIT
        )
        # A later failure of an id may be due to the id.
        is_first = lookup.ambiguous_failure is None and not lookup.failures
        is_limit = (
            may_be_limit
            and not self.breaker.is_probe(attempt.sent_at)
            and self._is_rate_limit(record=is_first, may_presume=attempt.in_flight > 1)
        )
        at = self._record_ambiguous_failure(attempt, now, retry_after)
        if is_limit:
            self._record_refusal(attempt, now, retry_after or None)
            if (
                not self.breaker.is_open
                and lookup.ambiguous_failure
                and lookup.failures < MAX_FAILURES_AS_LIMIT
            ):
                # Other ids got responses in the meantime; this id did not.
                if self.breaker.response_count > lookup.refused_at:
                    lookup.count_failure(lookup.ambiguous_failure, is_own=False)
                lookup.ambiguous_failure, lookup.refused_at = None, self.breaker.response_count
                return now
        return at

    def _record_refusal(self, attempt: EndedAttempt, now: float, retry_after: float | None) -> None:
        is_of_rate = True
        self.refusals += 1
        if self._pacer.at_once is not None and self._pacer.is_new(attempt.sent_at):
            passed, hold_s = self._pacer.at_once
            is_of_rate = not (
                self._window.record_refusal(attempt.sent_in_flight, now)
                or self._window.fit_to_burst(attempt.sent_in_flight, passed, hold_s, now)
            )
        self._pacer.record_throttled(now, attempt.sent_at, retry_after, is_of_rate=is_of_rate)

    def _is_rate_limit(self, *, record: bool = True, may_presume: bool = True) -> bool:
        """Record a refusal; return whether there are enough to assume a rate limit.

        Random refusals of one in twenty do not indicate a limit: by chance, they make up six or
        more of twenty once in 3,000 times. While nothing has passed, one is enough to presume it.
        """
        if record:
            self._recent.append(True)
        refused, latest = sum(self._recent), sum([*self._recent][-_LATEST_COUNT:])
        is_limit = latest >= _MANY_OF_LATEST or refused >= _MANY_OF_RECENT
        is_all = 0 < refused == len(self._recent)
        self.is_limit_presumed = may_presume and is_all and not is_limit
        return is_limit or self.is_limit_presumed

    def _record_ambiguous_failure(
        self, attempt: EndedAttempt, now: float, retry_after: float
    ) -> float:
        lookup = attempt.lookup
        self.breaker.record_failure(
            now,
            attempt.sent_at,
            lookup.number,
            retry_after,
            has_failed_before=lookup.ambiguous_failure is not None or lookup.failures > 0,
            is_alone=attempt.is_alone,
        )
        attempts = 1 if lookup.ambiguous_failure is None else lookup.ambiguous_failure.attempts + 1
        lookup.ambiguous_failure = AmbiguousFailure(
            attempt.attempt_result, now, self.breaker.response_count, attempts, now + retry_after
        )
        if self.breaker.is_open:
            return now
        # A response to another id will show the cause.
        return self._backoff_at(now, attempts, None if self.breaker.response_count else retry_after)

    def _record_response(self, attempt: EndedAttempt, now: float) -> None:
        since = self.breaker.since
        if self.breaker.record_response(now, attempt.sent_at) and since is not None:
            self._window.restart()
            if now - since > _MAX_LIMIT_WINDOW_S:
                self._pacer.forget(now)
        elif self.breaker.since is None:
            self._window.record_response(attempt.in_flight, now)

    def _backoff_at(self, now: float, count: int, retry_after: float | None) -> float:
        pause_s = min(_MAX_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(count - 1, 30))
        return now + max(retry_after or 0.0, pause_s * (0.5 + 0.5 * self._uniform()))
