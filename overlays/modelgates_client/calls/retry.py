"""When to try again, and after how long: pure, but for the budget that a client's calls share."""

import os
import random
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Final, NamedTuple

from modelgates_client.transport.deadline import monotonic_s

#: Statuses that another attempt may mend: those of the API, and of the edge before it.
RETRYABLE_STATUSES: Final = frozenset({408, 429, 500, 502, 503, 504, *range(520, 528), 529})

_FIRST_S: Final = 0.5  # the longest first wait
_LONGEST_S: Final = 3.0  # the longest wait that the server did not ask for
_SPREAD_S: Final = 1.0  # what is added at most to a longer wait that the server asked for


def is_retryable(status: int, headers: Mapping[str, str]) -> bool:
    """Whether another attempt may mend a status; `x-should-retry` of the server overrules."""
    said = headers.get("x-should-retry", "").strip().lower()
    if said in {"true", "false"}:
        return said == "true"
    return status in RETRYABLE_STATUSES


def backoff_s(
    attempt: int, uniform: Callable[[], float], most_s: float, retry_after: float | None = None
) -> float:
    """Return the wait after an attempt, counted from 1.

    It doubles up to a bound, and half of it is random: ten of them last 12.25 to 24.5 s, so that as
    many retries outlast an outage of ten seconds, and end within the default deadline. A wait that
    the server asked for is kept, and made longer at random: all who were refused would come back at
    one time.

    Args:
        attempt: How many there were.
        uniform: A source of random numbers from 0 to 1.
        most_s: The longest wait that is of use; only what the server asked for may be longer.
        retry_after: Seconds that the server asked to wait, if it did.

    Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    longest_s = min(_LONGEST_S, _FIRST_S * 2.0 ** min(attempt - 1, 30))
    if retry_after is None:
        return max(0.0, min(most_s, longest_s * (1 + uniform()) / 2))
    spread_s = max(min(retry_after, _SPREAD_S), longest_s - retry_after)
    return retry_after + uniform() * max(0.0, min(most_s - retry_after, spread_s))


class RetryBudget:
    """Tokens that the retries of one client take, so that an outage is not multiplied.

    They come back with time and with successes. When there are none, retries queue for the next
    ones: each success then lets more of them go, so a server that recovers gets its load by
    degrees.

    Source: the idea is Finagle's `RetryBudget`; that one fails calls instead of delaying them.
    """

    CAPACITY: Final = 100
    PER_SECOND: Final = 10.0

    def __init__(self, clock: Callable[[], float] = monotonic_s) -> None:
        """Start full, by a clock that tells the seconds."""
        self._clock = clock
        self._at_s = clock()
        self._granted = float(self.CAPACITY)
        self._taken = 0
        self._lock = threading.Lock()
        self._process_id = os.getpid()

    def take(self) -> int:
        """Queue for the next token; return its number, which is due when `wait_s` says 0."""
        with self._up_to_date():
            self._taken += 1
            return self._taken

    def wait_s(self, number: int) -> float:
        """Return the seconds until a token is due; less, if there are successes until then."""
        with self._up_to_date():
            return max(0.0, number - self._granted) / self.PER_SECOND

    def refund(self, count: int) -> None:
        """Give tokens back, or new ones."""
        with self._up_to_date():
            self._grant(count)

    def _grant(self, count: float) -> None:
        self._granted = min(self._taken + float(self.CAPACITY), self._granted + count)

    @contextmanager
    def _up_to_date(self) -> Generator[None]:
        if self._process_id != os.getpid():
            # A thread of the parent may have held the lock at the fork; it is not here to open it,
            # nor are those that queued.
            self._lock, self._process_id = threading.Lock(), os.getpid()
            self._granted = max(self._granted, float(self._taken))
        with self._lock:
            now_s = self._clock()
            self._grant((now_s - self._at_s) * self.PER_SECOND)
            self._at_s = now_s
            yield


class Setback(NamedTuple):
    """What the decision to retry needs to know of an attempt that failed.

    Attributes:
        retryable: Whether another attempt may mend it.
        retry_after: Seconds the server asked to wait, if it did.
        timed_out: Whether it took all the time that it was given.
        is_harmless: Whether the server cannot have acted on the request.
    """

    retryable: bool
    retry_after: float | None = None
    timed_out: bool = False
    is_harmless: bool = False

    @property
    def takes_token(self) -> bool:
        """Whether another attempt takes a token: not after a wait that the server asked for."""
        return self.retryable and self.retry_after is None


class RetryPolicy(NamedTuple):
    """How often to try again, and after how long.

    Attributes:
        max_retries: Attempts after the first.
        budget: Shared by all calls of a client.
        uniform: A source of random numbers from 0 to 1.
    """

    max_retries: int
    budget: RetryBudget
    uniform: Callable[[], float] = random.random

    def allows(self, setback: Setback, attempt: int) -> bool:
        """Whether there may be another attempt after one, counted from 1."""
        return setback.retryable and attempt <= self.max_retries

    def backoff_s(self, setback: Setback, attempt: int, most_s: float) -> float:
        """Return the seconds to wait before the next attempt; `backoff_s` says how many."""
        return backoff_s(attempt, self.uniform, most_s, setback.retry_after)

    def answered(self, *, after_token: bool) -> None:
        """Give a token for an answer, and give back the one that was taken for it."""
        self.budget.refund(1 + after_token)
