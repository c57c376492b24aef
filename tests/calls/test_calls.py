"""The steps of `get`, on a simulated clock and against a simulated server."""

import pytest
from hypothesis import given, strategies as st

from modelgates_client import APITimeoutError, ServerError
from modelgates_client.calls.execution import Pause, Reset, Send

from .call_invariants import budget_with, check_invariants, error_class_after
from .server_turns import (
    BUDGETS,
    CIRCUMSTANCES,
    HANG,
    SCRIPTS,
    failure,
    record,
    refusal,
    repeat_last,
)
from .simulation import ROUNDING_S, Clock, create_execution, play


@given(SCRIPTS, st.integers(0, 6), BUDGETS, CIRCUMSTANCES)
def test_get_ends_in_time_in_a_result_or_an_error(script, max_retries, tokens, circumstances):
    """For any server; it retries only retryable outcomes, and only within the deadline."""
    budget = budget_with(tokens, circumstances["clock"])
    trace = play(repeat_last(script), max_retries=max_retries, budget=budget, **circumstances)
    timeout_s = circumstances["timeout_s"]
    check_invariants(trace, timeout_s, circumstances["overrun_s"])
    *before, last = trace.turns
    assert len(before) <= max_retries
    assert all(turn.is_retriable for turn in before)
    elapsed_s = trace.clock.now_s - trace.sent_s[0]
    retries_with_token = sum(turn.pause_s is None for turn in before)
    assert retries_with_token <= max(0, tokens) + 10 * elapsed_s + ROUNDING_S
    if trace.error is not None:
        is_cut_off = _timed_out(last) and elapsed_s >= timeout_s - 0.05 - ROUNDING_S
        expected_turn = before[-1] if is_cut_off and before else last
        assert type(trace.error) is error_class_after(expected_turn)
        assert (
            not last.is_retriable
            or len(before) == max_retries
            or (last.pause_s or 0) >= timeout_s - elapsed_s - ROUNDING_S
            or elapsed_s >= timeout_s - 0.1 - ROUNDING_S
        )


def _timed_out(turn):
    return getattr(turn.outcome, "kind", None) == "timeout"


def test_a_successful_get_sends_one_request():
    """Without a pause."""
    trace = play([record(latency_s=0.4)])
    assert trace.sent_s == [0]
    assert (trace.result.attempts, trace.result.elapsed_s) == (1, 0.4)
    assert trace.steps_of(Send)[0][1].request.target == "/generation?id=gen-1"


def test_an_attempt_cut_off_by_the_deadline_hides_no_earlier_error():
    """It may have had too little time; the error of the attempts before it is more helpful."""
    trace = play([refusal(503), HANG], timeout_s=2.0)
    assert type(trace.error) is ServerError
    assert (trace.error.attempts, trace.clock.now_s) == (2, 2.0)
    assert str(trace.error) == "HTTP 503: no (2 attempts)"
    error = play([HANG], timeout_s=2.0).error
    assert type(error) is APITimeoutError
    assert str(error) == "no complete response within 2 s"


def test_an_attempt_on_a_dead_connection_is_abandoned():
    """After 40 % of the timeout, at least 5 s, the request is repeated on another connection.

    With the default timeout of 30 s, a restart of ten seconds is over by then, also for a request
    that was in flight when it began.
    """
    trace = play([HANG, record()], timeout_s=30.0)
    assert trace.result.attempts == 2
    assert 12.0 <= trace.sent_s[1] < 12.6
    assert len(trace.steps_of(Reset)) == 1
    assert type(play([HANG, HANG], timeout_s=30.0).error) is APITimeoutError


@pytest.mark.parametrize(
    ("latency_s", "options"),
    [(4.9, {"timeout_s": 5.0}), (25.0, {"max_retries": 0}), (11.9, {"timeout_s": 30.0})],
)
def test_a_slow_server_gets_one_request(latency_s, options):
    """With a short timeout or without retries, an attempt may take all of the timeout."""
    assert play([record(latency_s=latency_s)], **options).result.attempts == 1


@given(st.floats(0.1, 1e6), st.sampled_from([429, 503]))
def test_get_does_not_wait_beyond_the_deadline(beyond_s, status):
    """It fails at once, with the server's error."""
    trace = play([refusal(status, latency_s=1.0, after_s=29.0 + beyond_s)], timeout_s=30.0)
    assert trace.clock.now_s == 1.0
    assert trace.error.retry_after == 29.0 + beyond_s
    assert trace.error.status_code == status


@pytest.mark.parametrize("failing_turn", [refusal(503), failure("connection"), record("gen-2")])
def test_get_takes_tokens_for_retries(failing_turn):
    """A response refunds them and adds one, also a 404."""
    for end in (record(), refusal(404), refusal(401)):
        budget = budget_with(50, Clock())  # its time stands still
        play([failing_turn, end], budget=budget)
        assert budget._granted_count - budget._last_number == 51
        play([end], budget=budget)
        assert budget._granted_count - budget._last_number == 52
        play(repeat_last([failing_turn]), budget=budget, max_retries=3)
        assert budget._granted_count - budget._last_number == 49


def test_a_retry_after_takes_no_token():
    """A server with a rate limit is not failing."""
    clock = Clock()
    budget = budget_with(-1000, clock)  # no token is available
    trace = play([*[refusal(429, after_s=1.0)] * 4, record()], budget=budget, clock=clock)
    assert trace.result.attempts == 5
    assert trace.clock.now_s < 12


def test_get_waits_for_a_token():
    """The budget delays retries instead of failing the call."""
    clock = Clock()
    trace = play([refusal(503), record()], budget=budget_with(-99, clock), clock=clock)
    assert trace.result.attempts == 2
    assert 10 <= trace.clock.now_s < 10.5


def test_a_call_without_a_token_in_time_raises_the_last_error():
    """It ends at its deadline, and the next call takes its place in the queue."""
    clock = Clock()
    budget = budget_with(-1000, clock)
    trace = play([refusal(503)], budget=budget, clock=clock)
    assert type(trace.error) is ServerError
    assert trace.error.attempts == 1
    assert 29.8 < trace.clock.now_s < 30
    assert budget.wait_s(budget.take()) == pytest.approx(100.1 - trace.clock.now_s, abs=0.1)


def test_a_cancelled_call_frees_its_place_in_the_queue():
    """The next call moves up."""
    clock = Clock()
    budget = budget_with(0, clock)
    steps = create_execution(clock, budget=budget).send()
    next(steps)
    assert isinstance(steps.send(refusal(503).outcome), Pause)
    next_ticket = budget.take()
    assert budget.wait_s(next_ticket) == 0.2
    steps.close()
    assert budget.wait_s(next_ticket) == 0.1


def test_a_send_step_needs_an_attempt_result():
    """A missing one is a bug in the client."""
    steps = create_execution(Clock()).send()
    next(steps)
    with pytest.raises(TypeError, match="attempt result"):
        steps.send(None)
