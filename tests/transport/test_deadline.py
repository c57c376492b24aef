"""Deadlines, by a clock that is told the time."""

import time

from hypothesis import given
from hypothesis import strategies as st

from modelgates_client.transport.deadline import MAX_S, Deadline

from ..calls.simulation import Clock

MOMENTS = st.floats(-1e6, 1e9)
SPANS = st.floats(-10.0, MAX_S)


@given(MOMENTS, MOMENTS)
def test_what_remains_is_never_negative(at_s, now_s):
    """A time-out of less than nothing is an error of the socket module."""
    remaining = Deadline(at_s, Clock(now_s)).remaining()
    assert remaining == (at_s - now_s if at_s > now_s else 0)


@given(MOMENTS, SPANS, st.lists(st.floats(0, 1e4), max_size=5))
def test_time_only_runs_out(now_s, seconds, passing):
    """It remains what was given at first, ever less, and then nothing."""
    clock = Clock(now_s)
    deadline = Deadline.after(seconds, clock)
    before = deadline.remaining()
    assert abs(before - max(0, seconds)) < 1e-3
    for passed_s in passing:
        clock.now_s += passed_s
        assert deadline.remaining() <= before
        before = deadline.remaining()
    clock.now_s = now_s + max(seconds, 0) + 1
    assert deadline.remaining() == 0


@given(MOMENTS, SPANS, SPANS, st.floats(0, 1e4), st.floats(0, 1e4))
def test_the_sooner_one_is_never_later(now_s, seconds, limit_s, before_s, after_s):
    """Neither than the deadline itself, nor than what it is limited to; and it is one of them."""
    clock = Clock(now_s)
    deadline = Deadline.after(seconds, clock)
    clock.now_s += before_s
    sooner, limit = deadline.sooner(limit_s), Deadline.after(limit_s, clock)
    for passed_s in (0, after_s):
        clock.now_s += passed_s
        assert sooner.remaining() == min(deadline.remaining(), limit.remaining())


def test_the_clock_is_one_that_nobody_sets():
    """The wall clock may be put forward or back in the middle of a call."""
    before = time.monotonic()
    deadline = Deadline.after(MAX_S)
    assert deadline._at_s - MAX_S >= before
    assert 0 < deadline.remaining() <= MAX_S
    assert deadline.sooner(0).remaining() == 0
