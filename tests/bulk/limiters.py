"""Simulated rate limiters, and clients that fetch through them in virtual time.

`request(now)` of a limiter returns the delay of the response in seconds, and for a refused request
the seconds until one would be admitted, else None. How the server reports that time is one of the
functions `exact`, `rounded` and `silent`.
"""

import heapq
import itertools
import math
import random
from collections import deque
from typing import NamedTuple

#: Tolerance for the rounding errors of float sums.
CLOSE = 1e-6


class FixedWindow:
    """Admits `limit` requests in each window of the clock."""

    def __init__(self, limit, window_s=1.0):
        self.limit, self.window_s = limit, window_s
        self.number, self.count = None, 0

    def request(self, now):
        number = math.floor(now / self.window_s + CLOSE)
        if number != self.number:
            self.number, self.count = number, 0
        self.count += 1
        return 0.0, None if self.count <= self.limit else (number + 1) * self.window_s - now


class SlidingWindow:
    """Admits `limit` requests in any period as long as the window."""

    def __init__(self, limit, window_s=1.0):
        self.window_s = window_s
        self.times = deque([-math.inf] * limit, limit)

    def request(self, now):
        free_at = self.times[0] + self.window_s
        if now >= free_at - CLOSE:
            self.times.append(now)
            return 0.0, None
        return 0.0, free_at - now


class TokenBucket:
    """Adds `limit` tokens per second, up to `capacity`; a request takes one."""

    def __init__(self, limit, capacity):
        self.limit, self.capacity = limit, capacity
        self.tokens, self.at = capacity, -math.inf

    def request(self, now):
        self.tokens = min(self.capacity, self.tokens + (now - self.at) * self.limit)
        self.at = now
        if self.tokens >= 1 - CLOSE:
            self.tokens -= 1
            return 0.0, None
        return 0.0, (1 - self.tokens) / self.limit


class Gcra:
    """The generic cell rate algorithm: a theoretical arrival time, and a tolerance."""

    def __init__(self, limit, burst):
        self.interval_s, self.tolerance_s = 1 / limit, (burst - 1) / limit
        self.due = -math.inf

    def request(self, now):
        due = max(self.due, now)
        if due - now <= self.tolerance_s + CLOSE:
            self.due = due + self.interval_s
            return 0.0, None
        return 0.0, due - now - self.tolerance_s


class LeakyBucket:
    """A queue of bounded depth: queued requests get late responses, excess ones are refused."""

    def __init__(self, limit, depth):
        self.interval_s, self.longest_s = 1 / limit, depth / limit
        self.free_at = -math.inf

    def request(self, now):
        delay = max(self.free_at, now) - now
        if delay <= self.longest_s + CLOSE:
            self.free_at = now + delay + self.interval_s
            return delay, None
        return 0.0, delay - self.longest_s


class PenalisingLimiter:
    """Blocks after a refusal, and extends the block for each request during it."""

    def __init__(self, limiter, penalty_s):
        self.limiter, self.penalty_s = limiter, penalty_s
        self.until = -math.inf

    def request(self, now):
        if now < self.until - CLOSE:
            self.until += self.penalty_s
            return 0.0, self.until - now
        delay, wait = self.limiter.request(now)
        self.until = now + (wait or 0.0)
        return delay, wait


class ChangingLimiter:
    """Switches from one limiter to another at a given time."""

    def __init__(self, before, after, at):
        self.before, self.after, self.at = before, after, at

    def request(self, now):
        return (self.before if now < self.at else self.after).request(now)


def exact(wait):
    """Retry-After to the microsecond."""
    return wait


def rounded(wait):
    """Retry-After in whole seconds, rounded up."""
    return max(1.0, math.ceil(wait - CLOSE))


def silent(wait):
    """No Retry-After."""


class Server(NamedTuple):
    """A limiter, and how the server reports when it would admit a request."""

    limiter: object
    reported_wait: object


class Fetch:
    """A client that fetches ids, one request each, and repeats refused requests.

    Attributes:
        requests: The number of requests sent.
        ended_at: When the last id got its response.
        early: The number of requests sent before a Retry-After had passed.
    """

    def __init__(self, pacer, ids, workers):
        self.pacer, self.left, self.free = pacer, ids, workers
        self.open = ids
        self.requests = self.early = 0
        self.ended_at = self.wakes_at = None
        self.barred_until = -math.inf

    def send(self, now):
        """Send a request if allowed; return whether it was sent, or when to try again."""
        if not self.left or not self.free:
            return False
        at = self.pacer.ready_at(now)
        if at > now:
            return at
        self.pacer.record_sent(now)
        self.left, self.free, self.requests = self.left - 1, self.free - 1, self.requests + 1
        self.early += now < self.barred_until
        return True

    def receive(self, now, sent_at, refused, retry_after):
        """Process a response."""
        self.free += 1
        if refused:
            self.left += 1
            self.barred_until = max(self.barred_until, now + (retry_after or 0.0))
            self.pacer.record_throttled(now, sent_at, retry_after)
            return
        self.open, self.ended_at = self.open - 1, now
        self.pacer.record_success(now, sent_at)


def run(fetches, server, latency_s, *, start=0.0, jitter=0.0):
    """Let fetches run against one server from `start` until every id has a response.

    Each direction takes half of the latency, varied by a share of up to `jitter`.
    """
    uniform = random.Random(1).uniform
    order = itertools.count()
    events = [(start, next(order), fetch, None) for fetch in fetches]

    def schedule(at, fetch, event):
        heapq.heappush(events, (at, next(order), fetch, event))

    def one_way_s():
        return latency_s / 2 * uniform(1 - jitter, 1 + jitter)

    while events:
        now, _, fetch, event = heapq.heappop(events)
        if event is None:
            fetch.wakes_at = None
        elif len(event) == 1:
            delay, wait = server.limiter.request(now)
            retry_after = None if wait is None else server.reported_wait(wait)
            schedule(now + delay + one_way_s(), fetch, (*event, wait is not None, retry_after))
            continue
        else:
            fetch.receive(now, *event)
        while (at := fetch.send(now)) is True:
            schedule(now + one_way_s(), fetch, (now,))
        if at and (fetch.wakes_at is None or at < fetch.wakes_at):
            fetch.wakes_at = at
            schedule(at, fetch, None)
