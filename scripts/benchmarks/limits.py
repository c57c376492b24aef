"""Rate limits of the benchmarks' server."""

import math
import random
from collections import deque
from typing import Protocol


class Limit(Protocol):
    """A rate limit."""

    def wait_s(self, now: float) -> float:
        """Return 0 to admit a request, else the seconds until one may be admitted."""
        ...


class SlidingWindow:
    """Admits `limit` requests in any period as long as the window."""

    def __init__(self, limit: int, window_s: float = 1.0) -> None:
        self._times = deque([-math.inf] * limit, limit)
        self._window_s = window_s

    def wait_s(self, now: float) -> float:
        """Return the seconds until the oldest request leaves the window if it is full, else 0."""
        wait_s = self._times[0] + self._window_s - now
        if wait_s > 0:
            return wait_s
        self._times.append(now)
        return 0


class TokenBucket:
    """Adds `rate` tokens per second, up to `capacity`; a request takes one."""

    def __init__(self, rate: int, capacity: int) -> None:
        self._rate, self._capacity = rate, capacity
        self._tokens, self._filled_at = float(capacity), math.inf

    def wait_s(self, now: float) -> float:
        """Return the seconds until there is a token, or 0 if there is one."""
        added = max(0.0, now - self._filled_at) * self._rate
        self._tokens, self._filled_at = min(self._capacity, self._tokens + added), now
        if self._tokens < 1:
            return (1 - self._tokens) / self._rate
        self._tokens -= 1
        return 0


class FixedWindow:
    """Admits `limit` requests in each window of the clock."""

    def __init__(self, limit: int, window_s: float = 1.0) -> None:
        self._limit, self._window_s = limit, window_s
        self._number = self._count = 0

    def wait_s(self, now: float) -> float:
        """Return the seconds until the next window if this one is full, else 0."""
        number = math.floor(now / self._window_s)
        if number != self._number:
            self._number, self._count = number, 0
        if self._count >= self._limit:
            return (number + 1) * self._window_s - now
        self._count += 1
        return 0


class ChangingLimit:
    """Switches from one limit to another, some time after the first request."""

    def __init__(self, before: Limit, after: Limit, at_s: float) -> None:
        self._before, self._after, self._at_s = before, after, at_s
        self._start = math.inf

    def wait_s(self, now: float) -> float:
        """Return the wait under the current limit."""
        self._start = min(self._start, now)
        return (self._before if now < self._start + self._at_s else self._after).wait_s(now)


class RandomRefusals:
    """Refuses a random share of the requests, at any rate."""

    def __init__(self, share: float) -> None:
        self._share, self._uniform = share, random.Random(1).random  # noqa: S311 - not a secret

    def wait_s(self, now: float) -> float:  # noqa: ARG002 - chance knows no time
        """Return a short wait for a random share of the requests, else 0."""
        return 0.1 if self._uniform() < self._share else 0


def ideal_s(limit: Limit, requests: int) -> float:
    """Return the seconds of a client that knows the limit, and sends when it is admitted."""
    now = 0.0
    for _ in range(requests):
        while wait_s := limit.wait_s(now):
            now += max(wait_s, 1e-9)  # less may not change a float
    return now
