"""The server's rate limit, learnt from what it refuses: pure, time is what it is told.

A server that limits is taken for one that lets `burst + limit * t` requests through in any `t`
seconds: token bucket, GCRA, leaky bucket and windows all are that, or nearly (R. Cruz, "A Calculus
for Network Delay", 1991). So whatever it did let through bounds its limit from below, twice:
`requests / t` over a cycle, from one pause's end to the next one's, and `(requests - burst) / t`
over any part of it.

1. Until the first refusal nothing is delayed. Then everything pauses, for as long as the server
   asks; what is still on its way counts as the same event.
2. What the server let through at once is taken for what it lets through in a second. That may be
   far too little, so the rate doubles from there (slow start) until the next refusal.
3. From then on the rate stays just below the higher of the two bounds, rises to it as a cubic does,
   and doubles again when it held. The longer a refusal costs, the longer is it held.
4. A refusal soon after a pause says that the estimate was too high: the rate falls by a factor.

Source: RFC 9438 (CUBIC: the concave rise to what held, then probing, and its factor 0.7) and RFC
6298 (smoothed latency). Compare botocore, `retries/adaptive.py` and `retries/throttling.py`, which
put CUBIC on the measured rate of sending. Pacing is GCRA with a tolerance of one tick, or of the
burst if that is less.
"""

import math
import random
from collections import deque
from collections.abc import Callable
from typing import Final

#: Seconds within which several requests may go out at once: timers ring no more exactly than that.
TICK_S: Final = 0.01

_SLOWEST: Final = 1 / 60  # requests per second; a limit below answers with its Retry-After
_FASTEST: Final = 1e6  # requests per second; no limit is above

_FIRST_PAUSE_S: Final = 0.1  # of those that the server does not ask for; they double
_LONGEST_PAUSE_S: Final = 60.0  # the longest window that is common
_SPARE: Final = 1.5  # latencies from a pause's first request to its second: its answer is there

_MARGIN: Final = 0.95  # the part of the estimate that a hold begins with
_SHORT: Final = 0.7  # what is left of a rate that was refused at once (CUBIC's factor)
_LONG: Final = 0.9  # what is left, at least, of one that was let through for a while
_ENOUGH: Final = 4  # successes that say something of a rate
_ENOUGH_S: Final = 1.0  # seconds that do; below, it may all have been burst
_MOST_KEPT: Final = 1024  # times of successes: memory is bounded
_LEAST_S: Final = 0.02  # seconds that a rate can be measured over: more than latency varies

# A refusal costs the pause, and what was sent by then: a turn is a round trip and a request's time.
_HOLD_PAUSES: Final = 6.0  # pauses that a rate is held for: a seventh of the time is lost at most
_HOLD_TURNS: Final = 50.0  # such turns that it is held for: 2 % of the requests are lost
_PROBE_TURNS: Final = 8.0  # such turns that a probe needs for doubling: it stays near the limit
_LONGEST_HOLD_S: Final = 10.0  # as far as turns make it, and
_LONGEST_HELD_S: Final = 600.0  # as far as pauses do
_LONGEST_PROBE_S: Final = 1.0

_RAMP: Final = 0.1  # slow start doubles within this part of the first cycle,
_RAMP_TURNS: Final = 3.0  # but not within fewer latencies,
_LONGEST_RAMP_S: Final = 10.0  # nor more slowly than this


class Pacer:
    """Says when the next request may be sent; all workers of a fetch share one.

    Not thread-safe. Times are seconds by one clock that never goes back.

    With `max_rate` no more than `max_rate * t + max(1, max_rate / 100)` requests go out within any
    `t` seconds.
    """

    def __init__(
        self,
        now: float,
        *,
        max_rate: float | None = None,
        uniform: Callable[[], float] = random.random,
    ) -> None:
        """Know no limit but `max_rate`, in requests per second.

        Args:
            now: The time.
            max_rate: The most requests per second, whatever the server allows.
            uniform: A source of random numbers from 0 to 1, for pauses the server did not ask for.
        """
        self._most = math.inf if max_rate is None else max_rate
        self._uniform = uniform
        self._curve: _Curve | None = None
        self._cycle = _Cycle(now)
        self._burst = 1
        self._latency_s: float | None = None  # smoothed
        self._next_at = -math.inf  # by the pace
        self._last_at: float | None = None  # a request went out
        self._until = -math.inf  # the end of the pause
        self._paused_at: float | None = None  # its beginning; None: there is none
        self._resumed_at = -math.inf  # what was sent before is stale
        self._passed_since = 0  # successes of what was sent since
        self._doublings = 0  # of the first pause
        self._before: tuple[_Curve | None, int] = (None, 1)  # what was known before the pause

    @property
    def rate(self) -> float | None:
        """Requests per second that are thought to be allowed; None before the first pause ended."""
        return None if self._curve is None else min(self._curve.rate, self._most)

    def ready_at(self, now: float) -> float:
        """Return the moment from which the next request may be sent: `now`, or a later one."""
        return max(now, self._until, self._next_at)

    @property
    def latency_s(self) -> float | None:
        """Seconds until an answer, smoothed; None before the first one."""
        return self._latency_s

    @property
    def capped_at(self) -> float:
        """The moment from which `max_rate` alone allows the next request."""
        return -math.inf if self._last_at is None else self._last_at + 1 / self._most

    def sent(self, now: float) -> None:
        """Take the place of a request that goes out now."""
        resumes = False
        if self._paused_at is not None and now >= self._until:
            resumes = True
            self._resume(now, self._paused_at)
        elif self._last_at is None:
            self._cycle.started_at = now
        elif self._curve is not None:
            # Time in which nothing was sent proves nothing: it does not raise the rate.
            self._curve.age_s += min(now - self._last_at, self._curve.turn_s)
        self._last_at = now
        turn_s = max(1 / self._most, 0.0 if self._curve is None else self._curve.turn_s)
        # What is late may catch up within a tick, where a limiter has a burst for that.
        late_s = TICK_S - turn_s
        if self._curve is not None:
            late_s = min(late_s, (self._burst - 1) * turn_s)
        self._next_at = max(self._next_at, now - max(0.0, late_s)) + turn_s
        if resumes:
            self._next_at = now + max(turn_s, min(_SPARE * self._latency, _ENOUGH_S))

    def succeeded(self, now: float, sent_at: float) -> None:
        """Learn from an answer, whatever it says, to a request that the limit let through."""
        self._measure(now - sent_at)
        if sent_at >= self._resumed_at:
            self._cycle.add(sent_at)
            self._passed_since += 1

    def throttled(self, now: float, sent_at: float, retry_after: float | None) -> None:
        """Learn from a 429, or another refusal that is taken for one.

        Args:
            now: The time.
            sent_at: When the request was sent.
            retry_after: Seconds the server asked to wait, if it did; nothing is sent before.
        """
        self._measure(now - sent_at)
        if self._paused_at is None and sent_at >= self._resumed_at:
            self._paused_at = now
            self._before = (self._curve, self._burst)
            self._cycle.refuse(sent_at, in_vain=not self._passed_since)
            self._doublings = max(0, self._doublings + (-1 if self._passed_since else 1))
            # At least until what is on its way was answered, so that the next cycle begins clean.
            pause_s = min(self._latency, _ENOUGH_S)
            if retry_after is None or self._cycle.in_vain:
                longest = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(self._doublings, 30))
                pause_s = max(pause_s, longest * (0.5 + 0.5 * self._uniform()))
            self._until = max(self._until, now + pause_s)
        self._until = max(self._until, now + (retry_after or 0.0))

    def forget(self, now: float) -> None:
        """Take the latest pause for no limit's: there was an outage."""
        self._curve, self._burst = self._before
        self._cycle = _Cycle(now)
        self._paused_at, self._resumed_at, self._passed_since = None, now, 0
        self._until = self._next_at = -math.inf
        self._doublings = 0

    def _measure(self, seconds: float) -> None:
        before = seconds if self._latency_s is None else self._latency_s
        self._latency_s = before + (seconds - before) / 8

    @property
    def _latency(self) -> float:
        return self._latency_s or 0.0

    def _resume(self, now: float, paused_at: float) -> None:
        """End the pause: take the estimate that the cycle yields, and begin another cycle."""
        cycle, curve, pause_s = self._cycle, self._curve, self._until - paused_at
        took_s = max(_LEAST_S, self._until - cycle.started_at)
        refused = self.rate or _SLOWEST
        self._paused_at, self._resumed_at, self._passed_since = None, now, 0
        if curve is None:
            self._burst = cycle.burst()
            # Servers, and backoff, make pauses too long: only whole seconds are believed.
            base = max(1, cycle.count) / max(1.0, float(math.floor(took_s)))
            ramp_s = max(_RAMP * took_s, _RAMP_TURNS * self._latency)
            self._curve = _Curve(base, 0.0, min(ramp_s, _LONGEST_RAMP_S))
        elif cycle.in_vain:
            # The pause was too short. That says nothing of the rate, and belongs to the same cycle.
            curve.age_s = 0.0
            if not curve.is_slow_start:
                curve.hold_s = max(curve.hold_s, min(_HOLD_PAUSES * pause_s, _LONGEST_HELD_S))
            return
        elif curve.is_slow_start or cycle.is_long:
            self._curve = self._hold(self._estimate(curve, cycle, took_s), refused, pause_s)
        else:
            self._curve = self._hold(max(_SHORT * refused, cycle.count / took_s), refused, pause_s)
            return
        self._cycle = _Cycle(now)

    def _estimate(self, curve: "_Curve", cycle: "_Cycle", took_s: float) -> float:
        """Return the highest rate that the cycle gives a reason to believe in."""
        rate = max(cycle.count / took_s, min(curve.rate, cycle.least(self._burst)))
        if curve.age_s < curve.hold_s:
            return max(rate, _LONG * curve.rate)
        if curve.is_slow_start:
            return max(rate, min(curve.base, cycle.count / _ENOUGH_S))  # as much again as at first
        return max(rate, curve.base)  # it held

    def _hold(self, base: float, refused: float, pause_s: float) -> "_Curve":
        """Return the curve that stays near a rate for as long as a refusal is dear."""
        hold_s = max(
            min(_HOLD_PAUSES * pause_s, _LONGEST_HELD_S),
            min(_HOLD_TURNS * (self._latency + 1 / refused), _LONGEST_HOLD_S),
            _ENOUGH_S,
        )
        # What is found out quickly may all have been burst; where it costs a long pause, it is not
        # worth that.
        probe_s = max(_PROBE_TURNS * (self._latency + 1 / base), pause_s)
        return _Curve(base, hold_s, min(probe_s, _LONGEST_PROBE_S))


class _Curve:
    """The rate as it grows: for `hold_s` up to `base`, then doubling every `doubling_s`.

    Attributes:
        age_s: Seconds in which it was made use of.
    """

    __slots__ = ("age_s", "base", "doubling_s", "hold_s")

    def __init__(self, base: float, hold_s: float, doubling_s: float) -> None:
        self.base = min(max(base, _SLOWEST), _FASTEST)
        self.hold_s = hold_s
        self.doubling_s = doubling_s
        self.age_s = 0.0

    @property
    def is_slow_start(self) -> bool:
        """Whether it doubles from its beginning."""
        return not self.hold_s

    @property
    def rate(self) -> float:
        """Requests per second, now."""
        if self.age_s < self.hold_s:
            return self.base * (1 - (1 - _MARGIN) * (1 - self.age_s / self.hold_s) ** 3)
        doublings = min((self.age_s - self.hold_s) / self.doubling_s, 60.0)
        return min(self.base * math.exp2(doublings), _FASTEST)

    @property
    def turn_s(self) -> float:
        """Seconds in which the rate, as it grows meanwhile, makes one request."""
        if self.age_s < self.hold_s:
            return 1 / self.rate
        doubling_s = self.doubling_s / math.log(2)
        return doubling_s * math.log1p(1 / (doubling_s * self.rate))


class _Cycle:
    """What was let through from the end of one pause to the next refusal.

    Attributes:
        started_at: When its first request was sent.
        count: Requests that were let through.
        in_vain: Whether nothing was between the last pause and the refusal.
    """

    __slots__ = ("_passed", "_refused_at", "count", "in_vain", "started_at")

    def __init__(self, started_at: float) -> None:
        self.started_at = started_at
        self.count = 0
        self.in_vain = False
        self._passed: deque[float] = deque(maxlen=_MOST_KEPT)
        self._refused_at = started_at

    def add(self, sent_at: float) -> None:
        """Count a request that was let through."""
        self.count += 1
        self._passed.append(sent_at)

    def refuse(self, sent_at: float, *, in_vain: bool) -> None:
        """End, by a request that was refused."""
        self._refused_at = sent_at
        self.in_vain = in_vain

    @property
    def is_long(self) -> bool:
        """Whether a rate may be read from it."""
        return self._refused_at - self.started_at >= _ENOUGH_S and self.count >= _ENOUGH

    def burst(self) -> int:
        """Return how many were let through in the second before the refusal: all may be burst."""
        since = self._refused_at - _ENOUGH_S
        return max(1, sum(since <= at <= self._refused_at for at in self._passed))

    def least(self, burst: int) -> float:
        """Return the highest lower bound of the limit, if `burst` came on top of it."""
        times = sorted(at for at in self._passed if at <= self._refused_at)
        spans = ((len(times) - number, times[-1] - at) for number, at in enumerate(times))
        return max(
            (
                (count - burst) / span
                for count, span in spans
                if count >= _ENOUGH and span >= _LEAST_S
            ),
            default=0.0,
        )
