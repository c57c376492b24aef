"""Servers that limit, and fetches from them, in virtual time.

A limiter's `ask(now)` returns the seconds by which the answer is delayed, and the seconds until a
request would be let through, or None for one that was. How a server tells the latter is a function:
`exact`, `rounded`, `silent`.
"""

import heapq
import itertools
import math
import random
from collections import deque
from typing import NamedTuple

#: What additions of floats may be off by.
CLOSE = 1e-6


class FixedWindow:
    """So many requests in each window of the clock."""

    def __init__(self, limit, window_s=1.0):
        self.limit, self.window_s = limit, window_s
        self.number, self.count = None, 0

    def ask(self, now):
        number = math.floor(now / self.window_s + CLOSE)
        if number != self.number:
            self.number, self.count = number, 0
        self.count += 1
        return 0.0, None if self.count <= self.limit else (number + 1) * self.window_s - now


class SlidingWindow:
    """So many requests within any time as long as the window."""

    def __init__(self, limit, window_s=1.0):
        self.window_s = window_s
        self.times = deque([-math.inf] * limit, limit)

    def ask(self, now):
        free_at = self.times[0] + self.window_s
        if now >= free_at - CLOSE:
            self.times.append(now)
            return 0.0, None
        return 0.0, free_at - now


class TokenBucket:
    """So many tokens a second, kept up to a capacity; a request takes one."""

    def __init__(self, limit, capacity):
        self.limit, self.capacity = limit, capacity
        self.tokens, self.at = capacity, -math.inf

    def ask(self, now):
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

    def ask(self, now):
        due = max(self.due, now)
        if due - now <= self.tolerance_s + CLOSE:
            self.due = due + self.interval_s
            return 0.0, None
        return 0.0, due - now - self.tolerance_s


class LeakyBucket:
    """A queue of some depth: what is in it is answered late, what finds no room is refused."""

    def __init__(self, limit, depth):
        self.interval_s, self.longest_s = 1 / limit, depth / limit
        self.free_at = -math.inf

    def ask(self, now):
        delay = max(self.free_at, now) - now
        if delay <= self.longest_s + CLOSE:
            self.free_at = now + delay + self.interval_s
            return delay, None
        return 0.0, delay - self.longest_s


class Penalising:
    """Blocks after a refusal, and longer for each request that comes during the block."""

    def __init__(self, limiter, penalty_s):
        self.limiter, self.penalty_s = limiter, penalty_s
        self.until = -math.inf

    def ask(self, now):
        if now < self.until - CLOSE:
            self.until += self.penalty_s
            return 0.0, self.until - now
        delay, wait = self.limiter.ask(now)
        self.until = now + (wait or 0.0)
        return delay, wait


class Changing:
    """One limiter, and another from some moment on."""

    def __init__(self, before, after, at):
        self.before, self.after, self.at = before, after, at

    def ask(self, now):
        return (self.before if now < self.at else self.after).ask(now)


def exact(wait):
    """Retry-After to the microsecond."""
    return wait


def rounded(wait):
    """Retry-After in whole seconds, rounded up."""
    return max(1.0, math.ceil(wait - CLOSE))


def silent(wait):
    """No Retry-After."""


class Server(NamedTuple):
    """A limiter, and how it tells when it would let a request through."""

    limiter: object
    saying: object


class Fetch:
    """A client that fetches ids, a request each, and asks again for what is refused.

    Attributes:
        requests: How many were sent.
        ended_at: When the last id was answered.
        early: Requests that were sent before a Retry-After was over.
    """

    def __init__(self, pacer, ids, workers):
        self.pacer, self.left, self.free = pacer, ids, workers
        self.open = ids
        self.requests = self.early = 0
        self.ended_at = self.wakes_at = None
        self.barred_until = -math.inf

    def send(self, now):
        """Send one if it may be sent; return whether, or the moment to try again."""
        if not self.left or not self.free:
            return False
        at = self.pacer.ready_at(now)
        if at > now:
            return at
        self.pacer.record_sent(now)
        self.left, self.free, self.requests = self.left - 1, self.free - 1, self.requests + 1
        self.early += now < self.barred_until
        return True

    def answer(self, now, sent_at, refused, said):
        """Take an answer."""
        self.free += 1
        if refused:
            self.left += 1
            self.barred_until = max(self.barred_until, now + (said or 0.0))
            self.pacer.record_throttled(now, sent_at, said)
            return
        self.open, self.ended_at = self.open - 1, now
        self.pacer.record_success(now, sent_at)


def run(fetches, server, latency_s, *, start=0.0, jitter=0.0):
    """Let fetches run against one server, from some moment, until all ids are answered.

    Each way takes half of the latency, or `jitter` times that more or less.
    """
    uniform = random.Random(1).uniform
    order = itertools.count()
    events = [(start, next(order), fetch, None) for fetch in fetches]

    def later(at, fetch, what):
        heapq.heappush(events, (at, next(order), fetch, what))

    def way():
        return latency_s / 2 * uniform(1 - jitter, 1 + jitter)

    while events:
        now, _, fetch, what = heapq.heappop(events)
        if what is None:
            fetch.wakes_at = None
        elif len(what) == 1:
            delay, wait = server.limiter.ask(now)
            said = None if wait is None else server.saying(wait)
            later(now + delay + way(), fetch, (*what, wait is not None, said))
            continue
        else:
            fetch.answer(now, *what)
        while (at := fetch.send(now)) is True:
            later(now + way(), fetch, (now,))
        if at and (fetch.wakes_at is None or at < fetch.wakes_at):
            fetch.wakes_at = at
            later(at, fetch, None)
