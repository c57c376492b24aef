"""The server's rate limit, learnt from what it refuses: pure, time is what it is told.

A server that limits is taken for one that lets `burst + limit * t` requests through in any `t`
seconds: token bucket, GCRA, leaky bucket and windows all are that, or nearly (R. Cruz, "A Calculus
for Network Delay", 1991). So whatever it did let through bounds its limit from below, twice:
`requests / t` over a cycle, from one pause's end to the next one's, and, as it let through `burst`
at once in the `b` seconds before the first refusal, `(requests - burst) / (t - b)` over any part.

1. Until the first refusal nothing is delayed. Then everything pauses, for as long as the server
   asks; what is still on its way counts as the same event.
2. What the server let through at once is taken for what it lets through in a second. That may be
   far too little, so the rate doubles from there (slow start) until the next refusal.
3. From then on the rate stays just below the higher of the two bounds, rises to it as a cubic does,
   and is raised ever faster when it held. The longer a refusal costs, the longer is it held.
4. A refusal soon after a pause says that the estimate was too high: the rate falls to the bounds,
   or by a factor. One with nothing let through since the pause says that the pause was too short:
   it goes on.

Source: RFC 9438 (CUBIC: the concave rise to what held, then probing, and its factor 0.7) and RFC
6298 (smoothed latency). Compare botocore, `retries/adaptive.py` and `retries/throttling.py`, which
put CUBIC on the measured rate of sending. Pacing is GCRA with a tolerance of one tick, or of what
timers are late by on a busy machine, within half of the burst.
"""

import math
import random
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

#: Seconds within which several requests may go out at once: timers ring no more exactly than that.
TICK_S: Final = 0.01

_SLOWEST: Final = 1 / 60  # requests per second; a limit below answers with its Retry-After
_FASTEST: Final = 1e6  # requests per second; no limit is above

_FIRST_PAUSE_S: Final = 0.1  # of those that the server does not ask for; they grow
_GROWTH: Final = 1.6  # by this factor, up to
_MAX_PAUSE_S: Final = 60.0  # the longest window that is common
_SPARE: Final = 1.5  # latencies from a pause's first request to its second: its answer is there

_MARGIN: Final = 0.95  # the part of the estimate that a hold begins with
_SHORT: Final = 0.7  # what is left of a rate that was refused at once (CUBIC's factor)
_LONG: Final = 0.9  # what is left, at least, of one that was let through for a while
_ENOUGH: Final = 4  # successes that say something of a rate
_ENOUGH_S: Final = 1.0  # seconds that do; below, it may all have been burst
_MAX_KEPT: Final = 1024  # times of successes: memory is bounded
_LATEST_S: Final = 0.2  # that is a timer's doing
_MIN_PACED: Final = 0.2  # the part of the time that is not lost by late timers, at least
_MIN_S: Final = 0.02  # seconds that a rate can be measured over: more than latency varies

# A refusal costs the pause, and what was sent by then: a turn is a round trip and a request's time.
_HOLD_PAUSES: Final = 9.0  # pauses that a rate is held for: a tenth of the time is lost at most
_HOLD_TURNS: Final = 50.0  # such turns that it is held for: 2 % of the requests are lost
_PROBE_TURNS: Final = 8.0  # such turns that a probe needs for doubling: it stays near the limit
_MAX_HOLD_S: Final = 10.0  # as far as turns make it, and
_MAX_HELD_S: Final = 600.0  # as far as pauses do
_MAX_PROBE_S: Final = 1.0

_RAMP: Final = 0.1  # slow start doubles within this part of the first cycle,
_RAMP_TURNS: Final = 3.0  # but not within fewer latencies,
_MAX_RAMP_S: Final = 10.0  # nor more slowly than this


class Pacer:
    """Says when the next request may be sent; all workers of a fetch share one.

    Not thread-safe. Times are seconds by one clock that never goes back.

    With `max_rate` no more than `max_rate * t + max(1, max_rate / 100)` requests go out within any
    `t` seconds.

    Attributes:
        at_once: How many requests passed at once before the first refusal, and for how many seconds
            a refusal is dear; None before the first pause ended.
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
        self._burst = _Burst(1, 0.0)
        self.at_once: tuple[int, float] | None = None
        self._latency_s: float | None = None  # smoothed
        self._next_at = -math.inf  # by the pace
        self._last_at: float | None = None  # a request went out
        self._until = -math.inf  # the end of the pause
        self._paused_at: float | None = None  # its beginning; None: there is none
        self._resumed_at = -math.inf  # what was sent before is stale
        self._passed_since = 0  # successes of what was sent since
        self._late_s = 0.0  # by which requests went out later than they could, smoothed
        self._growths = 0  # of the first pause
        self._of_rate = True  # whether the latest refusal was
        self._before = self._known()  # as of the latest refusal that others had come before

    @property
    def rate(self) -> float | None:
        """Requests per second that are thought to be allowed; None before the first pause ended."""
        return None if self._curve is None else min(self._curve.rate, self._most)

    def is_new(self, sent_at: float) -> bool:
        """Whether a refusal of what was sent then is another event than the latest pause."""
        return self._paused_at is None and sent_at >= self._resumed_at

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
            if turn_s > 1 / self._most:  # on a busy machine timers are later than a tick
                self._late_s += (min(_LATEST_S, max(0.0, now - self._next_at)) - self._late_s) / 8
                late_s = max(late_s, min(2 * self._late_s, (self._burst.requests - 1) * turn_s / 2))
            late_s = min(late_s, (self._burst.requests - 1) * turn_s)
            if not resumes:
                self._cycle.lose(now - max(0.0, late_s) - self._next_at)
        self._next_at = max(self._next_at, now - max(0.0, late_s)) + turn_s
        if resumes:
            self._next_at = now + max(turn_s, min(_SPARE * self._latency, _ENOUGH_S))

    def succeeded(self, now: float, sent_at: float) -> None:
        """Learn from an answer, whatever it says, to a request that the limit let through."""
        self._measure(now - sent_at)
        if sent_at >= self._resumed_at:
            self._cycle.add(sent_at)
            self._passed_since += 1

    def throttled(
        self, now: float, sent_at: float, retry_after: float | None, *, of_rate: bool = True
    ) -> None:
        """Learn from a 429, or another refusal that is taken for one.

        Args:
            now: The time.
            sent_at: When the request was sent.
            retry_after: Seconds the server asked to wait, if it did; nothing is sent before.
            of_rate: Whether it may say something of the rate; else it is how many there were at
                one time.
        """
        self._measure(now - sent_at)
        if self.is_new(sent_at):
            in_vain = not self._passed_since
            if in_vain:  # the pause was too short: it goes on
                self._curve, self._burst, self._cycle, self._paused_at = self._before
            if self._paused_at is None:
                self._paused_at = now
                self._cycle.refused_at = sent_at
                self._of_rate = of_rate
                self._before = self._known()
            self._growths = max(0, self._growths + (1 if in_vain else -1))
            # At least until what is on its way was answered, so that the next cycle begins clean.
            pause_s = min(self._latency, _ENOUGH_S)
            if retry_after is None or in_vain:
                longest = min(_MAX_PAUSE_S, _FIRST_PAUSE_S * _GROWTH ** min(self._growths, 99))
                pause_s = max(pause_s, longest * (0.5 + 0.5 * self._uniform()))
            self._until = max(self._until, now + pause_s)
        self._until = max(self._until, now + (retry_after or 0.0))

    def forget(self, now: float) -> None:
        """Take the latest pause for no limit's: there was an outage."""
        self._curve, self._burst, _, _ = self._before
        self._cycle = _Cycle(now)
        self._paused_at, self._resumed_at, self._passed_since = None, now, 0
        self._until = self._next_at = -math.inf
        self._growths = 0

    def _known(self) -> "tuple[_Curve | None, _Burst, _Cycle, float | None]":
        return self._curve, self._burst, self._cycle, self._paused_at

    def _measure(self, seconds: float) -> None:
        before = seconds if self._latency_s is None else self._latency_s
        self._latency_s = before + (seconds - before) / 8

    @property
    def _latency(self) -> float:
        return self._latency_s or 0.0

    def _resume(self, now: float, paused_at: float) -> None:
        """End the pause: take the estimate that the cycle yields, and begin another cycle."""
        cycle, curve, pause_s = self._cycle, self._curve, self._until - paused_at
        took_s = max(_MIN_S, self._until - cycle.started_at)
        refused = self.rate or _SLOWEST
        self._paused_at, self._resumed_at, self._passed_since = None, now, 0
        self._cycle = _Cycle(now)
        if curve is None:
            self._burst = cycle.burst()
            self.at_once = (self._burst.requests, _HOLD_PAUSES * pause_s)
            base = max(1, cycle.count) / _whole(took_s)
            ramp_s = max(_RAMP * took_s, _RAMP_TURNS * self._latency)
            self._curve = _Curve(base, 0.0, min(ramp_s, _MAX_RAMP_S))
        elif not self._of_rate:
            pass
        elif curve.is_slow_start or cycle.is_long:
            self._curve = self._hold(self._estimate(curve, cycle, took_s), refused, pause_s)
        else:
            least = cycle.least(self._burst) if self._burst.requests >= _ENOUGH else 0.0
            base = max(cycle.count / took_s, least or _SHORT * refused)
            self._curve = self._hold(min(base, refused), refused, pause_s)

    def _estimate(self, curve: "_Curve", cycle: "_Cycle", took_s: float) -> float:
        """Return the highest rate that the cycle gives a reason to believe in."""
        least = cycle.least(self._burst)
        # What timers were late by is no limit's doing.
        paced = least / max(_MIN_PACED, 1 - least * cycle.late_s)
        rate = max(cycle.count / took_s, min(curve.rate, paced))
        if curve.age_s < curve.hold_s:
            return max(rate, _LONG * curve.rate)
        if curve.is_slow_start:
            return max(rate, min(curve.base, cycle.count / _whole(took_s)))  # as at first
        return max(rate, curve.base)  # it held

    def _hold(self, base: float, refused: float, pause_s: float) -> "_Curve":
        """Return the curve that stays near a rate for as long as a refusal is dear."""
        hold_s = max(
            min(_HOLD_PAUSES * pause_s, _MAX_HELD_S),
            min(_HOLD_TURNS * (self._latency + 1 / refused), _MAX_HOLD_S),
            _ENOUGH_S,
        )
        # What is found out quickly may all have been burst; where it costs a long pause, it is not
        # worth that.
        probe_s = max(_PROBE_TURNS * (self._latency + 1 / base), pause_s)
        return _Curve(base, hold_s, min(probe_s, _MAX_PROBE_S))


class _Burst(NamedTuple):
    """What was let through at once at first: so many requests, in so many seconds."""

    requests: int
    seconds: float


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
        doublings = self._doublings
        if not self.is_slow_start:  # what goes on for so long that no burst hides it is higher
            doublings += doublings**2 / 2
        return min(self.base * math.exp2(min(doublings, 60.0)), _FASTEST)

    @property
    def _doublings(self) -> float:
        return (self.age_s - self.hold_s) / self.doubling_s

    @property
    def turn_s(self) -> float:
        """Seconds in which the rate, as it grows meanwhile, makes one request."""
        if self.age_s < self.hold_s:
            return 1 / self.rate
        speed = 1.0 if self.is_slow_start else 1 + self._doublings
        doubling_s = self.doubling_s / speed / math.log(2)
        return doubling_s * math.log1p(1 / (doubling_s * self.rate))


class _Cycle:
    """What was let through from the end of one pause to the next refusal.

    Attributes:
        started_at: When its first request was sent.
        count: Requests that were let through.
        refused_at: When the request was sent that was refused.
    """

    __slots__ = ("_lost_s", "_paced", "_passed", "count", "refused_at", "started_at")

    def __init__(self, started_at: float) -> None:
        self.started_at = started_at
        self.count = 0
        self._passed: deque[float] = deque(maxlen=_MAX_KEPT)
        self.refused_at = started_at
        self._lost_s, self._paced = 0.0, 0

    def add(self, sent_at: float) -> None:
        """Count a request that was let through."""
        self.count += 1
        self._passed.append(sent_at)

    def lose(self, seconds: float) -> None:
        """Count a request that was to be sent so long ago, if it is a timer that was late."""
        if seconds < TICK_S:
            self._lost_s += max(0.0, seconds)
            self._paced += 1

    @property
    def late_s(self) -> float:
        """By how much timers are late that nothing makes up for, on average."""
        return self._lost_s / max(1, self._paced)

    @property
    def is_long(self) -> bool:
        """Whether a rate may be read from it."""
        return self.refused_at - self.started_at >= _ENOUGH_S and self.count >= _ENOUGH

    def burst(self) -> _Burst:
        """Return what was let through in the second before the refusal: all may be burst."""
        since = self.refused_at - _ENOUGH_S
        times = [at for at in self._passed if since <= at <= self.refused_at]
        return _Burst(max(1, len(times)), self.refused_at - min(times, default=self.refused_at))

    def least(self, burst: _Burst) -> float:
        """Return the highest lower bound of the limit, if a burst came on top of it."""
        times = sorted(at for at in self._passed if at <= self.refused_at)
        spans = ((len(times) - number, times[-1] - at) for number, at in enumerate(times))
        return max(
            (
                (count - burst.requests) / (span - burst.seconds)
                for count, span in spans
                if count >= _ENOUGH and span - burst.seconds >= _MIN_S
            ),
            default=0.0,
        )


def _whole(seconds: float) -> float:
    """Return whole seconds, at least one: servers, and backoff, make pauses longer than need be."""
    return max(1.0, float(math.floor(seconds)))
