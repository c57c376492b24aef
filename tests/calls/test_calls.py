"""`get` as steps, on a clock and against a server that are simulated."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelgates_client import APITimeoutError
from modelgates_client.calls.call import Send
from modelgates_client.calls.retry import RetryBudget

from .checks import budget_of, check, raised
from .simulation import ROUNDING_S, Clock, call, play
from .turns import (
    BUDGETS,
    CIRCUMSTANCES,
    HANG,
    SCRIPTS,
    failure,
    forever,
    record,
    refusal,
)


@given(SCRIPTS, st.integers(0, 6), BUDGETS, CIRCUMSTANCES)
def test_get_ends_in_time_in_a_result_or_an_error(script, max_retries, tokens, circumstances):
    """Whatever the server does; it asks again only where that may help."""
    budget = budget_of(tokens)
    trace = play(forever(script), max_retries=max_retries, budget=budget, **circumstances)
    timeout_s = circumstances["timeout_s"]
    check(trace, timeout_s, circumstances["overrun_s"])
    *before, last = trace.turns
    assert len(before) <= max_retries
    assert all(turn.mendable for turn in before)
    assert sum(10 if _timed_out(turn) else 5 for turn in before) <= tokens
    if trace.error is not None:
        assert type(trace.error) is raised(last)
        remaining_s = timeout_s - (trace.clock.now_s - trace.sent_s[0])
        longest_s = max(last.pause_s, circumstances["uniform"]() * min(8, 0.5 * 2 ** len(before)))
        assert (
            not last.mendable
            or len(before) == max_retries
            or longest_s >= remaining_s - ROUNDING_S
            or budget._tokens < 10
        )


def _timed_out(turn):
    return getattr(turn.outcome, "kind", None) == "timeout"


def test_get_asks_once_if_all_is_well():
    """No pause, and no more than it took."""
    trace = play([record(latency_s=0.4)])
    assert trace.sent_s == [0]
    assert (trace.result.attempts, trace.result.elapsed_s) == (1, 0.4)
    assert trace.of(Send)[0][1].request.target == "/generation?id=gen-1"


def test_get_says_in_a_timeout_what_came_before():
    """The last attempt may have had no time; what the others ended with is what helps."""
    trace = play([refusal(503), HANG], timeout_s=2.0)
    assert type(trace.error) is APITimeoutError
    assert (trace.error.attempts, trace.clock.now_s) == (2, 2.0)
    assert "within 2 s; the attempt before ended with: HTTP 503: no" in str(trace.error)
    assert str(play([HANG], timeout_s=2.0).error) == "no complete answer within 2 s"


@given(st.floats(0.1, 1e6), st.sampled_from([429, 503]))
def test_get_does_not_wait_in_vain(beyond_s, status):
    """A wait beyond the deadline fails at once, with what the server said."""
    trace = play([refusal(status, latency_s=1.0, after_s=29.0 + beyond_s)], timeout_s=30.0)
    assert trace.clock.now_s == 1.0
    assert trace.error.retry_after == 29.0 + beyond_s
    assert trace.error.status_code == status


@pytest.mark.parametrize("trouble", [refusal(503), failure("connection"), record("gen-2")])
def test_get_pays_for_retries_and_is_paid_back(trouble):
    """A success returns what the retry before it cost; without one, a little."""
    budget = budget_of(100)
    assert play([trouble, record()], budget=budget).result.attempts == 2
    assert budget._tokens == 100
    assert play([record()], budget=budget).result.attempts == 1
    assert budget._tokens == 101
    assert play(forever([trouble]), budget=budget, max_retries=3).error.attempts == 4
    assert budget._tokens == 86


def test_an_outage_costs_calls_their_retries():
    """With the budget spent, each call makes one request."""
    budget = RetryBudget()
    attempts = [play(forever([refusal(500)]), budget=budget).error.attempts for _ in range(50)]
    assert sum(attempts) == 50 + RetryBudget.CAPACITY // RetryBudget.COST
    assert attempts[-1] == 1


def test_a_send_must_be_answered():
    """It is an error in a client, not of the server."""
    steps = call(Clock()).get()
    next(steps)
    with pytest.raises(TypeError, match="ending"):
        steps.send(None)
