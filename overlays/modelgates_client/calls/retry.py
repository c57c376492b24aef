"""When to try again, and after how long: pure, but for the budget that a client's calls share."""

import os
import random
import threading
import time
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Final, NamedTuple

#: Statuses that another attempt may mend: those of the API, and of the edge before it.
RETRYABLE_STATUSES: Final = frozenset({408, 429, 500, 502, 503, 504, *range(520, 528), 529})

_FIRST_S: Final = 0.5  # the longest first wait
_LONGEST_S: Final = 8.0  # the longest wait that the server did not ask for


def is_retryable(status: int, headers: Mapping[str, str]) -> bool:
    """Whether another attempt may mend a status; `x-should-retry` of the server overrules."""
    said = headers.get("x-should-retry", "").strip().lower()
    if said in {"true", "false"}:
        return said == "true"
    return status in RETRYABLE_STATUSES


def retry_after_s(
    headers: Mapping[str, str], wall_clock: Callable[[], float] = time.time
) -> float | None:
    """Return the seconds that the server asked to wait; None when it did not, or not clearly.

    Source: RFC 9110, section 10.2.3; `retry-after-ms`, finer, comes first.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    said = headers.get("retry-after")
    seconds = _number(said)
    if seconds is not None or said is None:
        return seconds
    from datetime import UTC  # noqa: PLC0415 - costs, and is rarely needed
    from email.utils import parsedate_to_datetime  # noqa: PLC0415

    try:
        at = parsedate_to_datetime(said)
    except (ValueError, OverflowError):
        return None
    # The obsolete form of asctime names no zone: it is UTC, wherever this machine is.
    return max(0.0, (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - wall_clock())


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if isfinite(value) and value >= 0 else None


def backoff_s(attempt: int, uniform: Callable[[], float]) -> float:
    """Return the wait after an attempt, counted from 1: exponential, with full jitter.

    After none it is 0.

    Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    longest = min(_LONGEST_S, _FIRST_S * 2.0 ** min(attempt - 1, 30)) if attempt else 0.0
    return uniform() * longest


class RetryBudget:
    """Tokens that the retries of one client pay with, so that an outage is not multiplied.

    Successes fill it up again. A client that meets nothing but failures sends one request per
    call once it is spent.

    Source: botocore, `retries/quota.py` and `retries/standard.py`.
    """

    CAPACITY: Final = 500
    COST: Final = 5
    TIMEOUT_COST: Final = 10
    REFUND: Final = 1

    def __init__(self) -> None:
        """Start full."""
        self._tokens = self.CAPACITY
        self._lock = threading.Lock()
        self._process_id = os.getpid()

    def spend(self, cost: int) -> bool:
        """Pay for a retry; False, and nothing paid, when there is not enough left."""
        with self._guard():
            if self._tokens < cost:
                return False
            self._tokens -= cost
            return True

    def refund(self, amount: int) -> None:
        """Take back what a success returns."""
        with self._guard():
            self._tokens = min(self.CAPACITY, self._tokens + amount)

    def _guard(self) -> threading.Lock:
        if self._process_id != os.getpid():
            # A thread of the parent may have held the lock at the fork; it is not here to open it.
            self._lock, self._process_id = threading.Lock(), os.getpid()
        return self._lock


class Setback(NamedTuple):
    """What the decision to retry needs to know of an attempt that failed.

    Attributes:
        retryable: Whether another attempt may mend it.
        retry_after: Seconds the server asked to wait, if it did.
        timed_out: Whether it took all the time that it was given.
    """

    retryable: bool
    retry_after: float | None = None
    timed_out: bool = False

    @property
    def cost(self) -> int:
        """Tokens of the budget that another attempt costs."""
        return RetryBudget.TIMEOUT_COST if self.timed_out else RetryBudget.COST


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

    def pause(self, setback: Setback, attempt: int, remaining_s: float) -> float | None:
        """Return the seconds to wait before the next attempt; None when there is to be none.

        A wait that does not fit in the time that remains is not begun.
        """
        if not setback.retryable or attempt > self.max_retries:
            return None
        pause = max(setback.retry_after or 0.0, backoff_s(attempt, self.uniform))
        if pause >= remaining_s or not self.budget.spend(setback.cost):
            return None
        return pause

    def succeeded(self, paid: int) -> None:
        """Refund what the retries of a call that succeeded paid, or a little if none did."""
        self.budget.refund(paid or RetryBudget.REFUND)
