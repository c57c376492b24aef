"""Learns the server's rate limit from its refusals. Pure: it takes the time as an argument.

The model is a server that lets `burst + limit * t` requests through in any `t` seconds; token
bucket, GCRA, leaky bucket and windows all are that, at least nearly (R. Cruz, "A Calculus for
Network Delay", 1991). Hence the requests it let through give two lower bounds of its limit:
`requests / t` over a cycle, which lasts from the end of one pause to the end of the next; and, if
`burst` requests passed in the `b` seconds before the first refusal, `(requests - burst) / (t - b)`
over any part of a cycle.

1. Until the first refusal nothing is delayed. Then all requests pause for as long as the server
   asks; refusals of requests in flight are part of the same event.
2. The first estimate is the burst per second. It may be far too low, so the rate doubles from there
   (slow start) until the next refusal.
3. Afterwards the rate stays just below the higher of the two bounds, approaches it along a cubic
   curve, and grows ever faster once it held. The more a refusal costs, the longer it is held.
4. A refusal soon after a pause means that the estimate was too high: the rate falls to the bounds,
   or by a factor. A refusal with no success since the pause means that the pause was too short:
   it is extended.

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

#: Resolution of timers, in seconds: requests that are due within it may be sent together.
TICK_S: Final = 0.01

_MIN_RATE: Final = 1 / 60  # requests per second; a server with a lower limit sends a Retry-After
_MAX_RATE: Final = 1e6  # requests per second; above any real limit

_FIRST_PAUSE_S: Final = 0.1  # of pauses without a Retry-After
_GROWTH: Final = 1.6  # of such a pause over the one before
_MAX_PAUSE_S: Final = 60.0  # the longest common window of a rate limit
_SPARE_LATENCIES: Final = 1.5  # between the first two requests after a pause: the response is there

_MARGIN: Final = 0.95  # fraction of the estimate that a hold begins with
_SHORT_FACTOR: Final = 0.7  # applied to a rate that was refused at once (CUBIC's factor)
_LONG_FACTOR: Final = 0.9  # minimum factor for a rate that held for a while
_MIN_SUCCESSES: Final = 4  # to measure a rate
_MIN_MEASURED_S: Final = 1.0  # to measure a rate; a shorter time may have been a burst
_MAX_TIMES: Final = 1024  # recorded times of successes, so that memory is bounded
_MAX_LATE_S: Final = 0.2  # attributed to a late timer
_MIN_PACED: Final = 0.2  # minimum fraction of the time not lost to late timers
_MIN_SPAN_S: Final = 0.02  # to measure a rate over: more than latency varies

# A refusal costs the pause, and the requests sent by then. A turn is a round trip plus the interval
# between requests.
_HOLD_PAUSES: Final = 9.0  # pauses that a rate is held for: at most a tenth of the time is lost
_HOLD_TURNS: Final = 50.0  # turns that a rate is held for: 2 % of the requests are lost
_PROBE_TURNS: Final = 8.0  # turns in which a probe doubles the rate: it stays near the limit
_MAX_HOLD_S: Final = 10.0  # maximum of the time given by turns
_MAX_HELD_S: Final = 600.0  # maximum of the time given by pauses
_MAX_PROBE_S: Final = 1.0

_RAMP: Final = 0.1  # fraction of the first cycle in which slow start doubles
_RAMP_TURNS: Final = 3.0  # minimum of that time, in latencies
_MAX_RAMP_S: Final = 10.0  # maximum of that time


class Pacer:
    """Decides when the next request may be sent; all workers of a run share one.

    Not thread-safe. Times are seconds by one monotonic clock.

    With `max_rate`, at most `max_rate * t + max(1, max_rate / 100)` requests are sent within any
    `t` seconds.

    Attributes:
        at_once: How many requests passed at once before the first refusal, and the seconds to wait
            before more are tried; None until the first pause has ended.
        capped_at: When `max_rate` alone allows the next request; neither a learnt rate nor an
            outage lifts it.
    """

    def __init__(
        self,
        now: float,
        *,
        max_rate: float | None = None,
        uniform: Callable[[], float] = random.random,
    ) -> None:
        """Start without a limit except `max_rate`.

        Args:
            now: The time.
            max_rate: The maximum number of requests per second, whatever the server allows.
            uniform: A source of random numbers from 0 to 1, for pauses the server did not ask for.
        """
        self._max_rate = math.inf if max_rate is None else max_rate
        self._uniform = uniform
        self._curve: _Curve | None = None
        self._cycle = _Cycle(now)
        self._burst = _Burst(1, 0.0)
        self.at_once: tuple[int, float] | None = None
        self._latency_s: float | None = None  # smoothed
        self._next_at = -math.inf  # the next request, by the learnt rate
        self.capped_at = -math.inf
        self._last_sent_at: float | None = None  # the latest request
        self._paused_until = -math.inf  # the end of the pause
        self._paused_at: float | None = None  # its beginning; None without a pause
        self._resumed_at = -math.inf  # results of earlier requests are stale
        self._passed_since = 0  # successes of requests sent since then
        self._late_s = 0.0  # how late requests were sent, smoothed
        self._growths = 0  # of the first pause
        self._is_of_rate = True  # of the latest refusal
        self._before_pause = self._snapshot()

    @property
    def rate(self) -> float | None:
        """The estimated limit, in requests per second; None until the first pause has ended."""
        return None if self._curve is None else min(self._curve.rate, self._max_rate)

    def is_new(self, sent_at: float) -> bool:
        """Whether a refusal of a request sent at `sent_at` is a new event."""
        return self._paused_at is None and sent_at >= self._resumed_at

    def ready_at(self, now: float) -> float:
        """Return when the next request may be sent: `now` or later."""
        return max(now, self._paused_until, self._next_at, self.capped_at)

    @property
    def latency_s(self) -> float | None:
        """The smoothed latency in seconds; None before the first response."""
        return self._latency_s

    def record_sent(self, now: float) -> None:
        """Record that a request is sent now."""
        resumes = False
        if self._paused_at is not None and now >= self._paused_until:
            resumes = True
            self._resume(now, self._paused_at)
        elif self._last_sent_at is None:
            self._cycle.started_at = now
        elif self._curve is not None:
            # Idle time proves nothing, so it does not raise the rate.
            self._curve.age_s += min(now - self._last_sent_at, self._curve.turn_s)
        self._last_sent_at = now
        cap_turn_s = 1 / self._max_rate
        self.capped_at = max(self.capped_at, now - max(0.0, TICK_S - cap_turn_s)) + cap_turn_s
        turn_s = max(cap_turn_s, 0.0 if self._curve is None else self._curve.turn_s)
        # A late request may catch up within a tick, if the limiter allows a burst.
        late_s = TICK_S - turn_s
        if self._curve is not None:
            if turn_s > cap_turn_s:  # on a busy machine timers are later than a tick
                self._late_s += (min(_MAX_LATE_S, max(0.0, now - self._next_at)) - self._late_s) / 8
                late_s = max(late_s, min(2 * self._late_s, (self._burst.requests - 1) * turn_s / 2))
            late_s = min(late_s, (self._burst.requests - 1) * turn_s)
            if not resumes:
                self._cycle.lose(now - max(0.0, late_s) - self._next_at)
        self._next_at = max(self._next_at, now - max(0.0, late_s)) + turn_s
        if resumes:
            self._next_at = now + max(
                turn_s, min(_SPARE_LATENCIES * self._latency, _MIN_MEASURED_S)
            )

    def record_success(self, now: float, sent_at: float) -> None:
        """Learn from a response, of any status, to a request that the limit let through."""
        self._update_latency(now - sent_at)
        if sent_at >= self._resumed_at:
            self._cycle.add(sent_at)
            self._passed_since += 1

    def record_throttled(
        self, now: float, sent_at: float, retry_after: float | None, *, is_of_rate: bool = True
    ) -> None:
        """Learn from a 429, or another refusal attributed to a rate limit.

        Args:
            now: The time.
            sent_at: When the request was sent.
            retry_after: Seconds the server asked to wait, or None; nothing is sent before.
            is_of_rate: Whether the rate caused it; otherwise the number of requests in flight did.
        """
        self._update_latency(now - sent_at)
        if self.is_new(sent_at):
            is_too_short = not self._passed_since
            if is_too_short:  # extend the pause
                self._curve, self._burst, self._cycle, self._paused_at = self._before_pause
            if self._paused_at is None:
                self._paused_at = now
                self._cycle.refused_at = sent_at
                self._is_of_rate = is_of_rate
                self._before_pause = self._snapshot()
            self._growths = max(0, self._growths + (1 if is_too_short else -1))
            # At least until the requests in flight got responses, so that the next cycle is clean.
            pause_s = min(self._latency, _MIN_MEASURED_S)
            if retry_after is None or is_too_short:
                max_pause_s = min(_MAX_PAUSE_S, _FIRST_PAUSE_S * _GROWTH ** min(self._growths, 99))
                pause_s = max(pause_s, max_pause_s * (0.5 + 0.5 * self._uniform()))
            self._paused_until = max(self._paused_until, now + pause_s)
        self._paused_until = max(self._paused_until, now + (retry_after or 0.0))

    def forget(self, now: float) -> None:
        """Undo the latest pause, which was due to an outage."""
        self._curve, self._burst, _, _ = self._before_pause
        self._cycle = _Cycle(now)
        self._paused_at, self._resumed_at, self._passed_since = None, now, 0
        self._paused_until = self._next_at = -math.inf
        self._growths = 0

    def _snapshot(self) -> "tuple[_Curve | None, _Burst, _Cycle, float | None]":
        return self._curve, self._burst, self._cycle, self._paused_at

    def _update_latency(self, seconds: float) -> None:
        before = seconds if self._latency_s is None else self._latency_s
        self._latency_s = before + (seconds - before) / 8

    @property
    def _latency(self) -> float:
        return self._latency_s or 0.0

    def _resume(self, now: float, paused_at: float) -> None:
        """End the pause: set the rate by the cycle's estimate, and begin a new cycle."""
        cycle, curve, pause_s = self._cycle, self._curve, self._paused_until - paused_at
        duration_s = max(_MIN_SPAN_S, self._paused_until - cycle.started_at)
        refused_rate = self.rate or _MIN_RATE
        self._paused_at, self._resumed_at, self._passed_since = None, now, 0
        self._cycle = _Cycle(now)
        if curve is None:
            self._burst = cycle.burst()
            self.at_once = (self._burst.requests, _HOLD_PAUSES * pause_s)
            base = max(1, cycle.count) / _whole_seconds(duration_s)
            ramp_s = max(_RAMP * duration_s, _RAMP_TURNS * self._latency)
            self._curve = _Curve(base, 0.0, min(ramp_s, _MAX_RAMP_S))
        elif not self._is_of_rate:
            pass
        elif curve.is_slow_start or cycle.is_long:
            self._curve = self._hold(
                self._estimate(curve, cycle, duration_s), refused_rate, pause_s
            )
        else:
            lower_bound = (
                cycle.lower_bound(self._burst) if self._burst.requests >= _MIN_SUCCESSES else 0.0
            )
            reduced = _SHORT_FACTOR * refused_rate
            if lower_bound:
                reduced = min(reduced, cycle.count / _min_duration_s(duration_s))
            base = max(cycle.count / duration_s, lower_bound, reduced)
            self._curve = self._hold(min(base, refused_rate), refused_rate, pause_s)

    def _estimate(self, curve: "_Curve", cycle: "_Cycle", duration_s: float) -> float:
        """Return the highest rate that the cycle gives evidence for."""
        lower_bound = cycle.lower_bound(self._burst)
        # The limit is not responsible for late timers.
        paced = lower_bound / max(_MIN_PACED, 1 - lower_bound * cycle.late_s)
        rate = max(cycle.count / duration_s, min(curve.rate, paced))
        if curve.age_s < curve.hold_s:
            return max(rate, _LONG_FACTOR * curve.rate)
        if curve.is_slow_start:
            return max(rate, min(curve.base, cycle.count / _min_duration_s(duration_s)))
        return max(rate, curve.base)  # it held

    def _hold(self, base: float, refused_rate: float, pause_s: float) -> "_Curve":
        """Return a curve that stays near a rate for as long as the cost of a refusal suggests."""
        hold_s = max(
            min(_HOLD_PAUSES * pause_s, _MAX_HELD_S),
            min(_HOLD_TURNS * (self._latency + 1 / refused_rate), _MAX_HOLD_S),
            _MIN_MEASURED_S,
        )
        # A quick probe may measure only a burst, and is not worth a long pause.
        probe_s = max(_PROBE_TURNS * (self._latency + 1 / base), pause_s)
        return _Curve(base, hold_s, min(probe_s, _MAX_PROBE_S))


class _Burst(NamedTuple):
    """The requests let through before the first refusal, and the seconds they took."""

    requests: int
    seconds: float


class _Curve:
    """The rate as it grows: for `hold_s` up to `base`, then doubling every `doubling_s`.

    Attributes:
        age_s: Seconds for which it was used.
    """

    __slots__ = ("age_s", "base", "doubling_s", "hold_s")

    def __init__(self, base: float, hold_s: float, doubling_s: float) -> None:
        self.base = min(max(base, _MIN_RATE), _MAX_RATE)
        self.hold_s = hold_s
        self.doubling_s = doubling_s
        self.age_s = 0.0

    @property
    def is_slow_start(self) -> bool:
        """Whether the rate doubles from the beginning."""
        return not self.hold_s

    @property
    def rate(self) -> float:
        """Requests per second, now."""
        if self.age_s < self.hold_s:
            return self.base * (1 - (1 - _MARGIN) * (1 - self.age_s / self.hold_s) ** 3)
        doublings = self._doublings
        if not self.is_slow_start:  # the limit is higher: a burst would have ended by now
            doublings += doublings**2 / 2
        return min(self.base * math.exp2(min(doublings, 60.0)), _MAX_RATE)

    @property
    def _doublings(self) -> float:
        return (self.age_s - self.hold_s) / self.doubling_s

    @property
    def turn_s(self) -> float:
        """Seconds until the next request, given that the rate grows meanwhile."""
        if self.age_s < self.hold_s:
            return 1 / self.rate
        speed = 1.0 if self.is_slow_start else 1 + self._doublings
        doubling_s = self.doubling_s / speed / math.log(2)
        return doubling_s * math.log1p(1 / (doubling_s * self.rate))


class _Cycle:
    """The requests let through between the end of a pause and the next refusal.

    Attributes:
        started_at: When the first request was sent.
        count: Requests that were let through.
        refused_at: When the refused request was sent.
    """

    __slots__ = ("_lost_s", "_paced", "_passed_at", "count", "refused_at", "started_at")

    def __init__(self, started_at: float) -> None:
        self.started_at = started_at
        self.count = 0
        self._passed_at: deque[float] = deque(maxlen=_MAX_TIMES)
        self.refused_at = started_at
        self._lost_s, self._paced = 0.0, 0

    def add(self, sent_at: float) -> None:
        """Record a request that was let through."""
        self.count += 1
        self._passed_at.append(sent_at)

    def lose(self, seconds: float) -> None:
        """Record a request sent `seconds` late, if that is within the resolution of timers."""
        if seconds < TICK_S:
            self._lost_s += max(0.0, seconds)
            self._paced += 1

    @property
    def late_s(self) -> float:
        """Mean delay by late timers that is not made up for, in seconds."""
        return self._lost_s / max(1, self._paced)

    @property
    def is_long(self) -> bool:
        """Whether it is long enough to measure a rate."""
        return self.refused_at - self.started_at >= _MIN_MEASURED_S and self.count >= _MIN_SUCCESSES

    def burst(self) -> _Burst:
        """Return the requests let through in the second before the refusal: maybe a burst."""
        since = self.refused_at - _MIN_MEASURED_S
        times = [at for at in self._passed_at if since <= at <= self.refused_at]
        return _Burst(max(1, len(times)), self.refused_at - min(times, default=self.refused_at))

    def lower_bound(self, burst: _Burst) -> float:
        """Return the highest lower bound of the limit, assuming the burst came on top of it."""
        times = sorted(at for at in self._passed_at if at <= self.refused_at)
        spans = ((len(times) - number, times[-1] - at) for number, at in enumerate(times))
        return max(
            (
                (count - burst.requests) / (span - burst.seconds)
                for count, span in spans
                if count >= _MIN_SUCCESSES and span - burst.seconds >= _MIN_SPAN_S
            ),
            default=0.0,
        )


def _whole_seconds(seconds: float) -> float:
    """Round down to whole seconds, at least one: pauses are longer than necessary."""
    return max(1.0, float(math.floor(seconds)))


def _min_duration_s(seconds: float) -> float:
    """Return the duration of a cycle if the pause, in whole seconds, was a second too long."""
    return max(1.0, seconds - 1.0)
