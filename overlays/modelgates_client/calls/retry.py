"""When to try again, and after how long: pure, but for the budget that a client's calls share."""

import math
import os
import random
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import ClassVar, Final, NamedTuple

from modelgates_client.transport.deadline import monotonic_s

#: Statuses that another attempt may mend: those of the API, and of the edge before it.
RETRYABLE_STATUSES: Final = frozenset({408, 429, 500, 502, 503, 504, *range(520, 528), 529})

_FIRST_S: Final = 0.5  # the longest first wait
_MAX_S: Final = 3.0  # the longest wait that the server did not ask for
_SPREAD_S: Final = 1.0  # what is added at most to a longer wait that the server asked for


def is_retryable(status: int, headers: Mapping[str, str]) -> bool:
    """Whether another attempt may mend a status; `x-should-retry` of the server overrules."""
    said = headers.get("x-should-retry", "").strip().lower()
    if said in {"true", "false"}:
        return said == "true"
    return status in RETRYABLE_STATUSES


def backoff_s(
    attempt: int, uniform: Callable[[], float], max_s: float, retry_after: float | None = None
) -> float:
    """Return the wait after an attempt, counted from 1.

    It doubles up to a bound, and half of it is random: ten of them last 12.25 to 24.5 s, so that as
    many retries outlast an outage of ten seconds, and end within the default deadline. A wait that
    the server asked for is kept, and made longer at random: all who were refused would come back at
    one time.

    Args:
        attempt: How many there were.
        uniform: A source of random numbers from 0 to 1.
        max_s: The longest wait that is of use; only what the server asked for may be longer.
        retry_after: Seconds that the server asked to wait, if it did.

    Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    longest_s = min(_MAX_S, _FIRST_S * 2.0 ** min(attempt - 1, 30))
    if retry_after is None:
        return max(0.0, min(max_s, longest_s * (1 + uniform()) / 2))
    spread_s = min(retry_after, _SPREAD_S)
    if retry_after < _FIRST_S:  # it may be asked for again and again in no time
        spread_s = longest_s - retry_after
    return retry_after + uniform() * max(0.0, min(max_s - retry_after, spread_s))


class RetryQueue:
    """Retries that wait for their turn, one behind the other; all calls of a client share it.

    Attributes:
        per_second: How many are let go.
        is_pace: Whether only those take a turn that could go now; else all who will.
    """

    is_pace: ClassVar[bool] = False

    def __init__(self, capacity: int, per_second: float, clock: Callable[[], float]) -> None:
        """Let so many go at once, and others as time passes, by a clock that tells the seconds."""
        self.per_second = per_second
        self._capacity = capacity
        self._clock = clock
        self._at_s = clock()
        self._granted = float(capacity)
        self._taken = 0
        self._lock = threading.Lock()
        self._process_id = os.getpid()

    def take(self) -> int:
        """Queue for the next turn; return its number, which is due when `wait_s` says 0."""
        with self._up_to_date():
            self._taken += 1
            return self._taken

    def wait_s(self, number: int) -> float:
        """Return the seconds until a turn is due, as it looks now."""
        with self._up_to_date():
            return max(0.0, number - self._granted) / self.per_second

    def refund(self, count: int) -> None:
        """Give turns back, or new ones."""
        with self._up_to_date():
            self._grant(count)

    def _grant(self, count: float) -> None:
        self._granted = min(self._taken + float(self._capacity), self._granted + count)

    def _pass_time(self, seconds: float) -> None:
        self._grant(seconds * self.per_second)

    @contextmanager
    def _up_to_date(self) -> Generator[None]:
        if self._process_id != os.getpid():
            # A thread of the parent may have held the lock at the fork; it is not here to open it,
            # nor are those that queued.
            self._lock, self._process_id = threading.Lock(), os.getpid()
            self._granted = max(self._granted, float(self._taken))
        with self._lock:
            now_s = self._clock()
            self._pass_time(now_s - self._at_s)
            self._at_s = now_s
            yield


class RetryBudget(RetryQueue):
    """Tokens that the retries of failures take, so that an outage is not multiplied.

    They come back with time and with successes. When there are none, retries queue for the next
    ones: each success then lets more of them go, so a server that recovers gets its load by
    degrees.

    Source: the idea is Finagle's `RetryBudget`; that one fails calls instead of delaying them.

    Attributes:
        pace: Of those that did not fail: a limit refused them, which takes no token.
    """

    CAPACITY: Final = 100
    PER_SECOND: Final = 10.0

    def __init__(self, clock: Callable[[], float] = monotonic_s) -> None:
        """Start full, by a clock that tells the seconds."""
        super().__init__(self.CAPACITY, self.PER_SECOND, clock)
        self.pace = RetryPace(clock)


class RetryPace(RetryQueue):
    """How fast the retries follow each other of what a rate limit refused.

    Chance alone would spread them so that some find no gap in all their time. They go on one by
    one, faster the longer all are let through, and slower when one is refused; but as fast as
    requests are let through at all. What was on its way then is the same event, and a refusal with
    none let through since the last one says nothing of the rate: nobody is.

    Source: D. Chiu and R. Jain, "Analysis of the Increase and Decrease Algorithms for Congestion
    Avoidance in Computer Networks", 1989; here the increase grows, so that a limit that was raised
    is found soon.
    """

    is_pace = True

    FASTEST: Final = 1000.0  # retries per second, which it begins with, and
    SLOWEST: Final = 2.0
    _INCREASE: Final = 5e-4  # for the first that is let through, twice that for the second, …
    _DECREASE: Final = 0.9  # as chance refuses one in ten, where timers are late

    def __init__(self, clock: Callable[[], float] = monotonic_s) -> None:
        """Know no limit."""
        super().__init__(1, self.FASTEST, clock)
        self._passing = 0.0  # requests per second that are let through, over the last second or so
        self._held = 0  # retries that were let through at this pace
        self._from = 0  # the number behind which they are

    def passed(self, number: int) -> None:
        """Learn from a request that was let through: a retry with a number, or with 0, another."""
        if not self._taken:
            return  # nothing was refused so far
        with self._up_to_date():
            self._passing += 1
            if number > self._from:
                self._held += 1
                grown = self.per_second * (1 + self._INCREASE * self._held)
                self.per_second = min(self.FASTEST, grown)

    def refused(self, number: int) -> None:
        """Learn from a retry that was refused."""
        with self._up_to_date():
            if number > self._from and self._held:
                self._held, self._from = 0, int(self._granted)
                self.per_second = max(
                    self.SLOWEST, self._DECREASE * self.per_second, min(self.FASTEST, self._passing)
                )

    def _pass_time(self, seconds: float) -> None:
        super()._pass_time(seconds)
        self._passing *= math.exp(-seconds)


class RetryTurn(NamedTuple):
    """The turn of a retry.

    Attributes:
        queue: Which it is let go by; None if it need not queue.
        number: Its number there.
    """

    queue: RetryQueue | None = None
    number: int = 0


class FailedAttempt(NamedTuple):
    """What the decision to retry needs to know of an attempt that failed.

    Attributes:
        retryable: Whether another attempt may mend it.
        retry_after: Seconds the server asked to wait, if it did.
        timed_out: Whether it took all the time that it was given.
        is_safe_to_repeat: Whether the server cannot have acted on the request.
        is_limit: Whether a rate limit refused it, or the server named a wait: that is no failure.
    """

    retryable: bool
    retry_after: float | None = None
    timed_out: bool = False
    is_safe_to_repeat: bool = False
    is_limit: bool = False


class RetryPolicy(NamedTuple):
    """How often to try again, and after how long.

    Attributes:
        max_retries: Attempts after the first.
        budget: Shared by all calls of a client.
        uniform: A source of random numbers from 0 to 1.
        is_paced: Whether retries of what a limit refused go by the pace of the budget.
    """

    max_retries: int
    budget: RetryBudget
    uniform: Callable[[], float] = random.random
    is_paced: bool = True

    def for_many(self) -> "RetryPolicy":
        """Return the policy of one of many, which are let go one by one: without chance or pace."""
        return self._replace(uniform=lambda: 0.0, is_paced=False)

    def allows(self, failed_attempt: FailedAttempt, attempt: int) -> bool:
        """Whether there may be another attempt after one, counted from 1."""
        return failed_attempt.retryable and attempt <= self.max_retries

    def backoff_s(self, failed_attempt: FailedAttempt, attempt: int, max_s: float) -> float:
        """Return the seconds to wait before the next attempt; `backoff_s` says how many."""
        return backoff_s(attempt, self.uniform, max_s, failed_attempt.retry_after)

    def queue(self, failed_attempt: FailedAttempt) -> RetryQueue | None:
        """Return the queue in which another attempt waits for its turn, if it does."""
        if failed_attempt.is_limit:
            return self.budget.pace if self.is_paced else None
        return self.budget

    def answered(self, turn: RetryTurn | None) -> None:
        """Take note of an answer; `turn` is that of the retry which brought it, if it was one.

        It gives a token, and gives back the one that was taken for it.
        """
        self.budget.refund(1 + (turn is not None and turn.queue is self.budget))
        self.budget.pace.passed(self._paced(turn))

    def failed(self, failed_attempt: FailedAttempt, turn: RetryTurn | None) -> None:
        """Take note of an attempt that failed, likewise."""
        if failed_attempt.is_limit:
            self.budget.pace.refused(self._paced(turn))

    def _paced(self, turn: RetryTurn | None) -> int:
        return turn.number if turn is not None and turn.queue is self.budget.pace else 0
