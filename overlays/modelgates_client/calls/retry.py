"""The retry policy: when to retry, and after how long. Pure but for the budget calls share."""

import math
import os
import threading
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import ClassVar, Final, NamedTuple

from modelgates_client.transport.deadline import monotonic_s


class RetryableStatus(NamedTuple):
    """What a retryable status means.

    Attributes:
        reason: Its meaning, for the log.
        may_be_outage: Whether it can mean that the server is down: it lost the request, or is a
            gateway, or an edge in front of it, that cannot reach the server.
        may_be_rate_limit: Whether a rate limit may send it, while other requests get responses.
    """

    reason: str
    may_be_outage: bool = False
    may_be_rate_limit: bool = False


#: The retryable statuses, of the API and of the edge in front of it.
RETRYABLE_STATUSES: Final[Mapping[int, RetryableStatus]] = MappingProxyType(
    {
        408: RetryableStatus("the server timed out", may_be_outage=True),
        429: RetryableStatus("too many requests"),
        500: RetryableStatus("the server failed"),
        503: RetryableStatus(
            "the server is not available", may_be_outage=True, may_be_rate_limit=True
        ),
        529: RetryableStatus(
            "the server is overloaded", may_be_outage=True, may_be_rate_limit=True
        ),
        **dict.fromkeys(
            (502, 504, *range(520, 529)),
            RetryableStatus("the gateway cannot reach the server", may_be_outage=True),
        ),
    }
)

_FIRST_WAIT_S: Final = 0.5  # the maximum wait after the first attempt, in seconds
_MAX_WAIT_S: Final = 3.0  # the maximum wait that the server did not ask for, in seconds
_MAX_SPREAD_S: Final = 1.0  # the maximum addition to a wait that the server asked for, in seconds
_MAX_EXTENSION_S: Final = 2.2  # the maximum addition to a short wait, in seconds


def is_retryable(status: int, headers: Mapping[str, str]) -> bool:
    """Whether a status is retryable; the server's `x-should-retry` takes precedence."""
    should_retry = headers.get("x-should-retry", "").strip().lower()
    if should_retry in {"true", "false"}:
        return should_retry == "true"
    return status in RETRYABLE_STATUSES


def backoff_s(
    attempt: int, uniform: Callable[[], float], max_s: float, retry_after: float | None = None
) -> float:
    """Return the wait in seconds after an attempt, counted from 1.

    It doubles up to a maximum, and half of it is random. Ten waits last 12.25 to 24.5 s, so that
    ten retries outlast an outage of ten seconds and end within the default deadline. A wait that
    the server asked for is respected and extended at random; otherwise all refused clients would
    come back at the same time.

    Args:
        attempt: The number of attempts so far.
        uniform: A source of random numbers from 0 to 1.
        max_s: The longest useful wait, in seconds; only the server's `retry_after` may exceed it.
        retry_after: Seconds that the server asked to wait, or None.

    Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    max_wait_s = min(_MAX_WAIT_S, _FIRST_WAIT_S * 2.0 ** min(attempt - 1, 30))
    if retry_after is None:
        return max(0.0, min(max_s, max_wait_s * (1 + uniform()) / 2))
    # Short waits are extended, or else all retries would pass before an outage ends.
    shortest_s = max(retry_after, max_wait_s - _MAX_EXTENSION_S)
    longest_s = max(max_wait_s, retry_after + min(retry_after, _MAX_SPREAD_S))
    return max(retry_after, min(max_s, shortest_s + uniform() * (longest_s - shortest_s)))


class RetryQueue:
    """A queue of retries that wait for their turns; all calls of a client share it.

    Attributes:
        per_second: The rate of turns.
        takes_turn_after_backoff: Whether a retry takes its turn after its backoff, not before.
    """

    takes_turn_after_backoff: ClassVar[bool] = False

    def __init__(self, capacity: int, per_second: float, clock: Callable[[], float]) -> None:
        """Grant `capacity` turns at once, and `per_second` more as time passes."""
        self.per_second = per_second
        self._capacity = capacity
        self._clock = clock
        self._updated_at_s = clock()
        self._granted_count = float(capacity)
        self._last_number = 0
        self._lock = threading.Lock()
        self._process_id = os.getpid()

    def take(self) -> int:
        """Take the next turn; return its number, which is due when `wait_s` returns 0."""
        with self._fork_safe_lock():
            self._update()
            self._last_number += 1
            return self._last_number

    def wait_s(self, number: int) -> float:
        """Return the seconds until a turn is due, by the current rate."""
        with self._fork_safe_lock():
            self._update()
            return max(0.0, number - self._granted_count) / self.per_second

    def refund(self, count: int) -> None:
        """Return or add turns."""
        with self._fork_safe_lock():
            self._update()
            self._grant(count)

    def _grant(self, count: float) -> None:
        self._granted_count = min(
            self._last_number + float(self._capacity), self._granted_count + count
        )

    def _pass_time(self, seconds: float) -> None:
        self._grant(seconds * self.per_second)

    def _fork_safe_lock(self) -> threading.Lock:
        if self._process_id != os.getpid():
            # A thread of the parent may have held the lock at the fork: it does not exist here, nor
            # do the calls that queued.
            self._lock, self._process_id = threading.Lock(), os.getpid()
            self._granted_count = max(self._granted_count, float(self._last_number))
        return self._lock

    def _update(self) -> None:
        now_s = self._clock()
        self._pass_time(now_s - self._updated_at_s)
        self._updated_at_s = now_s


class RetryBudget(RetryQueue):
    """Tokens for retries of failures, so that retries do not multiply the load in an outage.

    Tokens come back with time and with successes. When none is left, retries queue for the next
    ones; each success grants more, so that a recovering server gets its load gradually.

    Source: the idea is Finagle's `RetryBudget`; that one fails calls instead of delaying them.

    Attributes:
        pace: The queue of retries after refusals by a rate limit, which take no token.
    """

    CAPACITY: Final = 100
    PER_SECOND: Final = 10.0

    def __init__(self, clock: Callable[[], float] = monotonic_s) -> None:
        """Start with all tokens; `clock` returns seconds."""
        super().__init__(self.CAPACITY, self.PER_SECOND, clock)
        self.pace = RetryPace(clock)


class RetryPace(RetryQueue):
    """The pace of retries after refusals by a rate limit.

    With random waits alone, some retries would never find a gap in their time. Instead they are
    sent one by one, faster the longer all of them pass, and slower when one is refused, but never
    slower than requests pass at all. Refusals of retries in flight are part of the same event. A
    refusal with no success since the last one says nothing about the rate: nothing passes.

    Source: D. Chiu and R. Jain, "Analysis of the Increase and Decrease Algorithms for Congestion
    Avoidance in Computer Networks", 1989; here the increase grows, so that a limit that was raised
    is found soon.
    """

    takes_turn_after_backoff = True

    MAX_PER_SECOND: Final = 1000.0  # the initial rate
    MIN_PER_SECOND: Final = 2.0
    _INCREASE: Final = 5e-4  # for the first success; twice that for the second, …
    _DECREASE: Final = 0.9  # late timers cause random refusals of one in ten

    def __init__(self, clock: Callable[[], float] = monotonic_s) -> None:
        """Start without a known limit; `clock` returns seconds."""
        super().__init__(1, self.MAX_PER_SECOND, clock)
        self._pass_rate = 0.0  # successes per second, over about the last second
        self._passed_at_pace = 0  # successful retries at this pace
        self._raised_after = 0  # the number of the last retry before this pace

    def record_passed(self, number: int) -> None:
        """Learn from a request that passed: a retry by its number, any other by 0."""
        if not self._last_number:
            return  # nothing was refused so far
        with self._fork_safe_lock():
            self._update()
            self._pass_rate += 1
            if number > self._raised_after:
                self._passed_at_pace += 1
                raised = self.per_second * (1 + self._INCREASE * self._passed_at_pace)
                self.per_second = min(self.MAX_PER_SECOND, raised)

    def record_refused(self, number: int) -> None:
        """Learn from a retry that was refused."""
        with self._fork_safe_lock():
            self._update()
            if number > self._raised_after and self._passed_at_pace:
                self._passed_at_pace, self._raised_after = 0, int(self._granted_count)
                self.per_second = max(
                    self.MIN_PER_SECOND,
                    self._DECREASE * self.per_second,
                    min(self.MAX_PER_SECOND, self._pass_rate),
                )

    def _pass_time(self, seconds: float) -> None:
        super()._pass_time(seconds)
        self._pass_rate *= math.exp(-seconds)


class RetryTurn(NamedTuple):
    """The turn of a retry.

    Attributes:
        queue: The queue that granted it; None if the retry need not queue.
        number: Its number in the queue.
    """

    queue: RetryQueue | None = None
    number: int = 0


class FailedAttempt(NamedTuple):
    """The facts about a failed attempt that the retry policy needs.

    Attributes:
        retryable: Whether the failure is retryable.
        retry_after: Seconds the server asked to wait, or None.
        timed_out: Whether it took all the time it was given.
        is_safe_to_repeat: Whether the server cannot have acted on the request.
        is_limit: Whether a rate limit refused it, or the server named a wait; such retries take no
            token.
    """

    retryable: bool
    retry_after: float | None = None
    timed_out: bool = False
    is_safe_to_repeat: bool = False
    is_limit: bool = False


class RetryPolicy(NamedTuple):
    """How often to retry, and after how long.

    Attributes:
        max_retries: The maximum number of attempts after the first.
        budget: The budget that all calls of a client share.
        uniform: A source of random numbers from 0 to 1.
        in_bulk: Whether a bulk run paces the calls, and detects requests that hang.
    """

    max_retries: int
    budget: RetryBudget
    uniform: Callable[[], float]
    in_bulk: bool = False

    def for_bulk(self) -> "RetryPolicy":
        """Return the policy for calls of a bulk run, whose waits are not random."""
        return self._replace(uniform=lambda: 0.0, in_bulk=True)

    def allows(self, failed_attempt: FailedAttempt, attempt: int) -> bool:
        """Whether to retry after an attempt, counted from 1."""
        return failed_attempt.retryable and attempt <= self.max_retries

    def backoff_s(self, failed_attempt: FailedAttempt, attempt: int, max_s: float) -> float:
        """Return the seconds to wait before the next attempt; see the function `backoff_s`."""
        return backoff_s(attempt, self.uniform, max_s, failed_attempt.retry_after)

    def queue(self, failed_attempt: FailedAttempt) -> RetryQueue | None:
        """Return the queue in which the retry waits for its turn, or None."""
        if failed_attempt.is_limit:
            return None if self.in_bulk else self.budget.pace
        return self.budget

    def record_response(self, turn: RetryTurn | None) -> None:
        """Record a response; `turn` is the turn of the retry that got it, or None.

        It adds a token, and returns the one that the retry took.
        """
        self.budget.refund(1 + (turn is not None and turn.queue is self.budget))
        self.budget.pace.record_passed(self._pace_number(turn))

    def record_failure(self, failed_attempt: FailedAttempt, turn: RetryTurn | None) -> None:
        """Record a failed attempt; `turn` is as for `record_response`."""
        if failed_attempt.is_limit:
            self.budget.pace.record_refused(self._pace_number(turn))

    def _pace_number(self, turn: RetryTurn | None) -> int:
        return turn.number if turn is not None and turn.queue is self.budget.pace else 0
