"""`get` as steps, on a clock and against a server that are simulated."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelgates_client import APITimeoutError, ServerError
from modelgates_client.calls.execution import Pause, Reset, Send

from .call_invariants import budget_of, check, raised
from .server_turns import (
    BUDGETS,
    CIRCUMSTANCES,
    HANG,
    SCRIPTS,
    failure,
    forever,
    record,
    refusal,
)
from .simulation import ROUNDING_S, Clock, call, play


@given(SCRIPTS, st.integers(0, 6), BUDGETS, CIRCUMSTANCES)
def test_get_ends_in_time_in_a_result_or_an_error(script, max_retries, tokens, circumstances):
    """Whatever the server does; it asks again only where that may help, and as long as it may."""
    budget = budget_of(tokens, circumstances["clock"])
    trace = play(forever(script), max_retries=max_retries, budget=budget, **circumstances)
    timeout_s = circumstances["timeout_s"]
    check(trace, timeout_s, circumstances["overrun_s"])
    *before, last = trace.turns
    assert len(before) <= max_retries
    assert all(turn.is_retriable for turn in before)
    elapsed_s = trace.clock.now_s - trace.sent_s[0]
    paid = sum(turn.pause_s is None for turn in before)
    assert paid <= max(0, tokens) + 10 * elapsed_s + ROUNDING_S
    if trace.error is not None:
        cut_off = _timed_out(last) and elapsed_s >= timeout_s - 0.05 - ROUNDING_S
        told = before[-1] if cut_off and before else last
        assert type(trace.error) is raised(told)
        assert (
            not last.is_retriable
            or len(before) == max_retries
            or (last.pause_s or 0) >= timeout_s - elapsed_s - ROUNDING_S
            or elapsed_s >= timeout_s - 0.1 - ROUNDING_S
        )


def _timed_out(turn):
    return getattr(turn.outcome, "kind", None) == "timeout"


def test_get_asks_once_if_all_is_well():
    """No pause, and no more than it took."""
    trace = play([record(latency_s=0.4)])
    assert trace.sent_s == [0]
    assert (trace.result.attempts, trace.result.elapsed_s) == (1, 0.4)
    assert trace.of(Send)[0][1].request.target == "/generation?id=gen-1"


def test_an_attempt_that_the_deadline_cut_off_hides_nothing():
    """It may have had no time; what the others ended with is what helps."""
    trace = play([refusal(503), HANG], timeout_s=2.0)
    assert type(trace.error) is ServerError
    assert (trace.error.attempts, trace.clock.now_s) == (2, 2.0)
    assert str(trace.error) == "HTTP 503: no (2 attempts)"
    error = play([HANG], timeout_s=2.0).error
    assert type(error) is APITimeoutError
    assert str(error) == "no complete response within 2 s"


def test_a_connection_that_is_dead_does_not_cost_all_the_time():
    """After a third of it, 5 s at least, the request is made anew, over another connection."""
    trace = play([HANG, record()], timeout_s=30.0)
    assert trace.result.attempts == 2
    assert 10.0 <= trace.sent_s[1] < 10.6
    assert len(trace.of(Reset)) == 1
    assert type(play([HANG, HANG], timeout_s=30.0).error) is APITimeoutError


@pytest.mark.parametrize(
    ("latency_s", "options"),
    [(4.9, {"timeout_s": 5.0}), (25.0, {"max_retries": 0}), (9.9, {"timeout_s": 30.0})],
)
def test_a_slow_server_is_asked_once(latency_s, options):
    """Where there is little time, or no retry, an attempt has all of it."""
    assert play([record(latency_s=latency_s)], **options).result.attempts == 1


@given(st.floats(0.1, 1e6), st.sampled_from([429, 503]))
def test_get_does_not_wait_in_vain(beyond_s, status):
    """A wait beyond the deadline fails at once, with what the server said."""
    trace = play([refusal(status, latency_s=1.0, after_s=29.0 + beyond_s)], timeout_s=30.0)
    assert trace.clock.now_s == 1.0
    assert trace.error.retry_after == 29.0 + beyond_s
    assert trace.error.status_code == status


@pytest.mark.parametrize("trouble", [refusal(503), failure("connection"), record("gen-2")])
def test_get_takes_tokens_for_retries(trouble):
    """An answer gives back what was taken for it, and one more: also that there is no record."""
    for end in (record(), refusal(404), refusal(401)):
        budget = budget_of(50, Clock())  # no time passes for it
        play([trouble, end], budget=budget)
        assert budget._granted_count - budget._last_number == 51
        play([end], budget=budget)
        assert budget._granted_count - budget._last_number == 52
        play(forever([trouble]), budget=budget, max_retries=3)
        assert budget._granted_count - budget._last_number == 49


def test_a_wait_that_the_server_named_takes_no_token():
    """A server that is asked for more than it allows is not out of order."""
    clock = Clock()
    budget = budget_of(-1000, clock)  # so that none is to be had
    trace = play([*[refusal(429, after_s=1.0)] * 4, record()], budget=budget, clock=clock)
    assert trace.result.attempts == 5
    assert trace.clock.now_s < 12


def test_get_waits_for_a_token():
    """The budget delays; that is no reason to fail."""
    clock = Clock()
    trace = play([refusal(503), record()], budget=budget_of(-99, clock), clock=clock)
    assert trace.result.attempts == 2
    assert 10 <= trace.clock.now_s < 10.5


def test_a_call_that_finds_no_token_in_its_time_says_what_was_wrong():
    """It ends with its deadline, and its place in the queue goes to another."""
    clock = Clock()
    budget = budget_of(-1000, clock)
    trace = play([refusal(503)], budget=budget, clock=clock)
    assert type(trace.error) is ServerError
    assert trace.error.attempts == 1
    assert 29.8 < trace.clock.now_s < 30
    assert budget.wait_s(budget.take()) == pytest.approx(100.1 - trace.clock.now_s, abs=0.1)


def test_a_call_that_is_cancelled_gives_its_place_away():
    """Whoever is next moves up."""
    clock = Clock()
    budget = budget_of(0, clock)
    steps = call(clock, budget=budget).send()
    next(steps)
    assert isinstance(steps.send(refusal(503).outcome), Pause)
    behind = budget.take()
    assert budget.wait_s(behind) == 0.2
    steps.close()
    assert budget.wait_s(behind) == 0.1


def test_a_send_must_be_answered():
    """It is an error in a client, not of the server."""
    steps = call(Clock()).send()
    next(steps)
    with pytest.raises(TypeError, match="attempt result"):
        steps.send(None)
