"""What may be sent, by all that the server has let us know, and whose doing a failure was. Pure.

| what came                                         | what it is                               |
|---------------------------------------------------|------------------------------------------|
| 429; 503 or 529 with answers between              | the limit: all wait, the id is not to blame |
| the same, so few that it may be chance            | the id waits, nobody else                |
| no connection, 502, 503, 504, 52x, of two ids     | an outage: all wait, the id is not to blame |
| the same, with answers since                      | the id's own: an attempt                 |
| no word of any request for long                   | the same: probes show which requests hang |
| no socket to ask with                             | fewer at one time, the id is not to blame |
"""

from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from modelgates_client.bulk.circuit_breaker import (
    MAX_RETRY_AFTER_S,
    CircuitBreaker,
    is_answer,
    is_unavailable,
)
from modelgates_client.bulk.concurrency_window import ConcurrencyWindow
from modelgates_client.bulk.lookups import AmbiguousFailure, Lookup
from modelgates_client.bulk.options import Completed
from modelgates_client.bulk.pacer import Pacer
from modelgates_client.calls.execution import Step
from modelgates_client.calls.responses import requested_wait_s
from modelgates_client.transport.exchange import timeout_failure
from modelgates_client.transport.messages import AttemptResult, Failure, HTTPResponse

#: Failures of one id that are taken for a limit's, which is told by 503, though others were
#: answered since. Some ids make a gateway fail, each time: if it goes on, these count, too.
MAX_EXCUSES: Final = 5

_FIRST_ERROR: Final = 400
#: The status that tells of a rate limit.
TOO_MANY: Final = 429
_BUSY: Final = frozenset({503, 529})  # a limit, too, where others are answered

#: Seconds without a word that are odd at least, when answers are quick,
MIN_PATIENCE_S: Final = 1.0
_PATIENCE: Final = 20.0  # and as a multiple of the latency;
_PATIENCE_S: Final = 5.0  # when nothing is known of it yet
_MIN_GRACE_S: Final = 0.25

_SAMPLE: Final = 100  # answers, and
_MANY: Final = 12  # refusals among them that are taken for a limit: not by chance, if it is 5 %;
_TOGETHER: Final = 20  # likewise so many answers, and
_MANY_TOGETHER: Final = 6  # so many refusals
_FIRST_PAUSE_S: Final = 0.1  # of an id that waits alone; it doubles
_MAX_PAUSE_S: Final = 5.0
_SHORT_S: Final = 2.0  # as long as windows of limits are; no answer for longer is an outage


class AttemptRecord(NamedTuple):
    """An attempt that ended.

    Attributes:
        lookup: What it was made for.
        attempt_result: What it ended with.
        sent_at: When it was begun.
        sent_in_flight: How many requests were on their way when it was begun, this one included.
        in_flight: How many were when it ended.
        is_alone: Whether no other id is being asked for, or can be now.
    """

    lookup: Lookup
    attempt_result: AttemptResult
    sent_at: float
    sent_in_flight: int
    in_flight: int
    is_alone: bool


class Gate:
    """Says what may be sent, and when; all requests of a `get_many` pass it.

    Attributes:
        breaker: Whether there is an outage.
        refusal: The latest refusal for the rate, if there was one.
        refused_since: Since when nothing was let through.
        refusals: How many requests a limit refused.
    """

    def __init__(
        self, now: float, most: int, max_rate: float | None, uniform: Callable[[], float]
    ) -> None:
        """Let `most` requests through at one time, `max_rate` in a second, until more is known."""
        self.breaker = CircuitBreaker()
        self.refusal: HTTPResponse | None = None
        self.refused_since: float | None = None
        self.refusals = 0
        self._pacer = Pacer(now, max_rate=max_rate, uniform=uniform)
        self._heard_at = now  # when the latest request ended, but for time-outs
        self._window = ConcurrencyWindow(most)
        self._recent: deque[bool] = deque(maxlen=_SAMPLE)  # whether answers were refusals
        self._most = most
        self._uniform = uniform

    @property
    def limit(self) -> int:
        """The most requests at one time."""
        return self._most if self.breaker.is_open else self._window.limit

    def ready_at(self, now: float) -> float:
        """Return the moment from which the next request may be sent: `now`, or a later one."""
        if self.breaker.is_open:
            return max(self.breaker.ready_at(now), self._pacer.capped_at)
        return self._pacer.ready_at(now)

    def sent(self, now: float) -> None:
        """Take the place of a request that goes out now."""
        self.breaker.sent(now)
        self._pacer.sent(now)

    @property
    def grace_s(self) -> float:
        """Seconds in which what a server that is back still has to answer is answered."""
        return max(_MIN_GRACE_S, 4 * (self._pacer.latency_s or 0.0))

    def stalls_at(self, sent_at: float, hanging: int) -> float:
        """Return the time from which it is odd that nothing was heard.

        Args:
            sent_at: When the oldest request was sent that is still on its way.
            hanging: How many are.
        """
        latency_s = self._pacer.latency_s
        is_odd_soon = latency_s is not None and hanging > 1  # one may simply take long
        least_s = MIN_PATIENCE_S if is_odd_soon else _PATIENCE_S
        patience_s = max(least_s, _PATIENCE * (latency_s or 0.0))
        return max(sent_at, self._heard_at) + patience_s

    def abandoned(self, lookup: Lookup, now: float) -> None:
        """Take note that a request was given up, which hung."""
        if self.breaker.is_open:
            again = lookup.ambiguous_failure is not None or lookup.failures > 0
            self.breaker.is_proven |= self.breaker.is_probe(lookup.sent_at) and not again
            lookup.ambiguous_failure = AmbiguousFailure(
                timeout_failure(), now, self.breaker.answers, 1, now
            )

    def settle(self, lookup: Lookup, now: float) -> Step | Completed | None:
        """Return what is next for a lookup whose latest failure turned out to be the id's own.

        None, if there is none, or it is an outage's, or it is not known yet.
        """
        ambiguous_failure, breaker = lookup.ambiguous_failure, self.breaker
        if ambiguous_failure is None or breaker.answers == ambiguous_failure.answers:
            return None
        if breaker.proven_at >= ambiguous_failure.failed_at:
            lookup.ambiguous_failure = None
            return None
        may_be_outage = breaker.ended_at >= ambiguous_failure.failed_at and not lookup.failures
        if not may_be_outage:
            lookup.clock.hold(now - ambiguous_failure.failed_at)
        return lookup.failed(ambiguous_failure, is_own=not may_be_outage)

    def again_at(self, attempt: "AttemptRecord", now: float) -> float | None:
        """Learn from an attempt; return when it is to be made again at no cost to its id.

        None, if what it ended with is the id's own.
        """
        attempt_result, lookup, sent_at = attempt.attempt_result, attempt.lookup, attempt.sent_at
        if isinstance(attempt_result, Failure) and attempt_result.kind == "timeout":
            # It is the id's own, unless nothing else was heard in all that time.
            is_own = self._heard_at > sent_at and not self.breaker.is_open
            return None if is_own else self._doubted(attempt, now, 0.0)
        self._heard_at = now
        if isinstance(attempt_result, Failure) and attempt_result.kind == "scarce":
            self._window.ran_out(attempt.in_flight)
            # By then others have given theirs back; if there are none, somebody else has them all.
            return now if attempt.in_flight > 1 else self._doubted(attempt, now, 0.0)
        after = None
        if isinstance(attempt_result, HTTPResponse) and attempt_result.status >= _FIRST_ERROR:
            after = requested_wait_s(attempt_result)
        if is_unavailable(attempt_result):
            return self._unavailable(attempt, now, min(after or 0.0, MAX_RETRY_AFTER_S))
        if isinstance(attempt_result, HTTPResponse) and attempt_result.status == TOO_MANY:
            self._answered(attempt, now)
            self.refusal = attempt_result
            if self._is_limit():
                self.refused_since = now if self.refused_since is None else self.refused_since
                self._refuse(attempt, now, after)
                return now
            lookup.refusals += 1
            is_bounded = after is None or after <= MAX_RETRY_AFTER_S
            return self._later(now, lookup.refusals, after) if is_bounded else None
        if is_answer(attempt_result):
            self.refused_since = None
            self._recent.append(False)
            self._pacer.succeeded(now, sent_at)
            self._answered(attempt, now)
        return None

    def _unavailable(self, attempt: "AttemptRecord", now: float, after: float) -> float:
        attempt_result, lookup = attempt.attempt_result, attempt.lookup
        # A limit's refusals come while others are answered; what is probed for tells nothing of it.
        may_be_limit = isinstance(attempt_result, HTTPResponse) and attempt_result.status in _BUSY
        is_first = (
            lookup.ambiguous_failure is None and not lookup.failures
        )  # else it may be the id's own
        is_limit = (
            may_be_limit
            and not self.breaker.is_probe(attempt.sent_at)
            and self._is_limit(counts=is_first)
        )
        at = self._doubted(attempt, now, after)
        if is_limit:
            self._refuse(attempt, now, after or None)
            if (
                not self.breaker.is_open
                and lookup.ambiguous_failure
                and lookup.failures < MAX_EXCUSES
            ):
                if self.breaker.answers > lookup.refused_at:  # others are, this one is not
                    lookup.failed(lookup.ambiguous_failure, is_own=False)
                lookup.ambiguous_failure, lookup.refused_at = None, self.breaker.answers
                return now
        return at

    def _refuse(self, attempt: "AttemptRecord", now: float, after: float | None) -> None:
        of_rate = True
        self.refusals += 1
        if self._pacer.at_once is not None and self._pacer.is_new(attempt.sent_at):
            passed, hold_s = self._pacer.at_once
            of_rate = not (
                self._window.refused(attempt.sent_in_flight, now)
                or self._window.fits(attempt.sent_in_flight, passed, hold_s, now)
            )
        self._pacer.throttled(now, attempt.sent_at, after, of_rate=of_rate)

    def _is_limit(self, *, counts: bool = True) -> bool:
        """Take note of a refusal; return whether there are so many that there is a limit.

        One in twenty by chance is none: six of twenty then come together once in 3,000 times.
        """
        if counts:
            self._recent.append(True)
        refused, latest = sum(self._recent), sum([*self._recent][-_TOGETHER:])
        return 0 < refused == len(self._recent) or latest >= _MANY_TOGETHER or refused >= _MANY

    def _doubted(self, attempt: "AttemptRecord", now: float, after: float) -> float:
        lookup = attempt.lookup
        self.breaker.failed(
            now,
            attempt.sent_at,
            lookup.number,
            after,
            again=lookup.ambiguous_failure is not None or lookup.failures > 0,
            alone=attempt.is_alone,
        )
        tries = 1 if lookup.ambiguous_failure is None else lookup.ambiguous_failure.tries + 1
        lookup.ambiguous_failure = AmbiguousFailure(
            attempt.attempt_result, now, self.breaker.answers, tries, now + after
        )
        if self.breaker.is_open:
            return now
        # As soon as others were answered it is known whose doing it was.
        return self._later(now, tries, None if self.breaker.answers else after)

    def _answered(self, attempt: "AttemptRecord", now: float) -> None:
        since = self.breaker.since
        if self.breaker.answered(now, attempt.sent_at) and since is not None:
            self._window.restart()
            if now - since > _SHORT_S:
                self._pacer.forget(now)
        elif self.breaker.since is None:
            self._window.answered(attempt.in_flight, now)

    def _later(self, now: float, times: int, after: float | None) -> float:
        pause_s = min(_MAX_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(times - 1, 30))
        return now + max(after or 0.0, pause_s * (0.5 + 0.5 * self._uniform()))
