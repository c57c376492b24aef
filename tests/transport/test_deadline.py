"""Deadlines on a simulated clock."""

import time

import pytest
from hypothesis import given, strategies as st

from modelgates_client import ConfigurationError
from modelgates_client.calls.settings import check_seconds
from modelgates_client.transport import deadline as deadlines
from modelgates_client.transport.deadline import MAX_S, Deadline

from ..calls.simulation import Clock

MOMENTS = st.floats(-1e6, 1e9)
SPANS = st.floats(-10.0, MAX_S)


@given(MOMENTS, MOMENTS)
def test_the_remaining_time_is_never_negative(at_s, now_s):
    """The socket module rejects negative timeouts."""
    remaining = Deadline(at_s, Clock(now_s)).remaining()
    assert remaining == (at_s - now_s if at_s > now_s else 0)


@given(MOMENTS, SPANS, st.lists(st.floats(0, 1e4), max_size=5))
def test_the_remaining_time_only_decreases(now_s, seconds, passing):
    """From the initial duration to 0."""
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
def test_a_sooner_deadline_is_the_earlier_one(now_s, seconds, limit_s, before_s, after_s):
    """It is either the deadline itself or the limit, whichever is earlier."""
    clock = Clock(now_s)
    deadline = Deadline.after(seconds, clock)
    clock.now_s += before_s
    sooner, limit = deadline.sooner(limit_s), Deadline.after(limit_s, clock)
    for passed_s in (0, after_s):
        clock.now_s += passed_s
        assert sooner.remaining() == min(deadline.remaining(), limit.remaining())


def test_the_clock_is_monotonic():
    """The wall clock may be changed in the middle of a call."""
    before = time.monotonic()
    deadline = Deadline.after(MAX_S)
    assert deadline._at_s - MAX_S >= before
    assert 0 < deadline.remaining() <= MAX_S
    assert deadline.sooner(0).remaining() == 0


def test_a_call_may_take_a_day_and_no_longer():
    """More could overflow the timers of some systems."""
    assert check_seconds("timeout", 24 * 60 * 60) == MAX_S
    with pytest.raises(ConfigurationError, match="timeout"):
        check_seconds("timeout", 24 * 60 * 60 + 0.5)


@pytest.mark.slow("freezegun searches all modules")
def test_the_clock_runs_while_a_test_freezes_time():
    """Otherwise no wait would ever end."""
    freezegun = pytest.importorskip("freezegun")
    with freezegun.freeze_time("2026-11-01"):
        started_s = deadlines.monotonic_s()
        assert any(deadlines.monotonic_s() > started_s for _ in range(100_000))
