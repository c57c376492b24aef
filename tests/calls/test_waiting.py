"""The steps of `wait`, on a simulated clock and against a simulated server."""

from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from modelgates_client import (
    APIConnectionError,
    APIStatusError,
    GenerationNotReadyError,
    NotFoundError,
    RateLimitError,
    ResponseValidationError,
    ServerError,
)
from modelgates_client.calls.execution import poll_pause_s

from .call_invariants import budget_with, check_invariants, error_class_after
from .server_turns import (
    ABSENT,
    BUDGETS,
    CIRCUMSTANCES,
    HANG,
    LATENCIES,
    NOT_A_RECORD,
    SCRIPTS,
    SHARES,
    TIMEOUTS,
    failure,
    incomplete,
    provisional,
    record,
    refusal,
    repeat_last,
)
from .simulation import ROUNDING_S, Clock, play


@given(SCRIPTS, st.booleans(), TIMEOUTS, BUDGETS, CIRCUMSTANCES)
def test_wait_ends_in_time_in_a_result_or_an_error(script, final, wait_s, tokens, circumstances):
    """For any server; it never loops without a pause, and raises what waiting cannot fix."""
    budget = budget_with(tokens, circumstances["clock"])
    trace = play(repeat_last(script), wait_s=wait_s, final=final, budget=budget, **circumstances)
    check_invariants(trace, wait_s, circumstances["overrun_s"])
    assert all(later - sooner > 1 / 16 for sooner, later in pairwise(trace.sent_s))
    *before, last = trace.turns
    assert all(
        turn.is_retriable or turn.absent or (final and turn.is_retriable is None) for turn in before
    )
    if trace.result is not None:
        assert trace.result.parsed.data.is_final or not final
    elif isinstance(trace.error, GenerationNotReadyError):
        check_not_ready(trace, wait_s)
    else:
        assert type(trace.error) is error_class_after(last)
        assert not last.absent or isinstance(trace.error, NotFoundError)
        assert not last.is_retriable or isinstance(trace.error, RateLimitError)


def check_not_ready(trace, wait_s):
    """Check that the error has the last outcome, and that there was no time for another poll."""
    error, last = trace.error, trace.turns[-1]
    elapsed_s = trace.clock.now_s - trace.steps[0][0]
    assert error.elapsed_s == elapsed_s
    assert error.generation_id == "gen-1"
    assert max(0.25, last.pause_s or 0) >= wait_s - elapsed_s - ROUNDING_S
    record_turns = [turn for turn in trace.turns if turn.is_retriable is None]
    assert (error.record is not None) is bool(record_turns)
    # An attempt cut off by the timeout has a less helpful error than the one before it.
    is_late = getattr(last.outcome, "kind", None) == "timeout"
    is_cut_off = is_late and elapsed_s >= wait_s - ROUNDING_S
    expected_turn = trace.turns[-2] if is_cut_off and len(trace.turns) > 1 else last
    assert (error.last_error is None) is (expected_turn.is_retriable is None)
    assert error.last_error is None or error.last_error.attempts <= error.attempts


@given(SHARES)
def test_wait_polls_often_at_first_and_ever_less(share):
    """Soon after the first poll, some two dozen times in a minute, and shortly before the end."""
    trace = play(repeat_last([ABSENT]), wait_s=60.0, uniform=lambda: share)
    assert trace.sent_s[0] == 0
    assert 0 < trace.sent_s[1] <= 0.25
    assert 15 <= len(trace.sent_s) <= 28
    assert 59.5 <= trace.sent_s[-1] < 60
    assert all(0 < pause <= 5 for pause in trace.pauses)
    *rising, _ = trace.pauses
    assert rising == sorted(rising)


@given(st.floats(0, 58), st.floats(0, 0.5))
def test_a_record_is_noticed_with_a_delay_of_a_quarter_at_most(available_s, latency_s):
    """A quarter of its time, or 0.25 s for the first polls."""
    trace = play(
        lambda now_s: (record if now_s >= available_s else _absence)(latency_s=latency_s),
        wait_s=60.0,
    )
    late_s = trace.sent_s[-1] - available_s
    assert late_s <= max(0.25, min(5, available_s / 4)) + 1.25 * latency_s + ROUNDING_S
    assert trace.result.elapsed_s == trace.sent_s[-1] + latency_s


def _absence(latency_s):
    return refusal(404, latency_s=latency_s)


@given(st.floats(0, 20), st.booleans())
def test_the_last_poll_has_enough_time_for_a_response(latency_s, has_record):
    """The server's response helps more than a timeout."""
    turn = provisional(latency_s=latency_s) if has_record else _absence(latency_s)
    error = play(repeat_last([turn]), wait_s=60.0, final=True).error
    assert type(error.last_error) is (type(None) if has_record else NotFoundError)
    assert error.elapsed_s > 59


@given(st.floats(0, 1e5))
def test_the_schedule_is_bounded(elapsed_s):
    """However long the wait has lasted."""
    assert 0.25 <= poll_pause_s(elapsed_s) <= 5
    assert poll_pause_s(elapsed_s) <= poll_pause_s(elapsed_s + 1)


@pytest.mark.parametrize(
    ("turn", "kind"),
    [
        (refusal(400), APIStatusError),
        (refusal(401), APIStatusError),
        (refusal(403, in_success=True), APIStatusError),
        (refusal(503, should_retry=False), ServerError),
        (failure("untrusted"), APIConnectionError),
        (failure("refused"), APIConnectionError),
        (NOT_A_RECORD, ResponseValidationError),
        (incomplete(is_retriable=False), ResponseValidationError),
    ],
)
@pytest.mark.parametrize("before", [[], [ABSENT, ABSENT], [refusal(502), provisional()]])
def test_wait_raises_errors_that_waiting_cannot_fix_at_once(turn, kind, before):
    """The first time they occur."""
    trace = play([*before, turn], wait_s=60.0, final=True)
    assert isinstance(trace.error, kind)
    assert trace.error.attempts == len(before) + 1


@pytest.mark.parametrize(
    "turn",
    [
        refusal(503),
        refusal(429),
        refusal(404, in_success=True),
        refusal(404, should_retry=False),
        failure("connection"),
        HANG,
        record("gen-2"),
        incomplete(is_retriable=True),
    ],
)
def test_wait_continues_after_retryable_errors(turn):
    """Of any number."""
    trace = play([ABSENT, turn, turn, record()], wait_s=60.0, timeout_s=5.0, max_retries=0)
    assert trace.result.attempts == 4


def test_wait_backs_off_after_retryable_errors():
    """If the backoff is longer than the schedule; a response ends it."""
    trace = play([*[refusal(503)] * 4, provisional(), record()], wait_s=60.0, final=True)
    assert trace.pauses[:4] == [0.375, 0.75, 1.5, 2.25]
    assert trace.pauses[4] == poll_pause_s(sum(trace.pauses[:4]))


def test_an_earlier_error_is_not_the_last_response():
    """A provisional record is kept through later errors."""
    error = play(
        repeat_last([refusal(503), provisional(total_cost=0.5)]), wait_s=9, final=True
    ).error
    assert error.last_error is None
    assert error.record.total_cost == 0.5
    error = play(repeat_last([provisional(total_cost=0.5), ABSENT]), wait_s=9, final=True).error
    assert type(error.last_error) is NotFoundError
    assert error.record.total_cost == 0.5


def test_wait_takes_tokens_for_errors_but_not_for_missing_records():
    """Waiting calls do not multiply an outage: they wait for tokens, too."""
    clock = Clock()
    trace = play(
        repeat_last([refusal(503)]), wait_s=60.0, budget=budget_with(-200, clock), clock=clock
    )
    assert type(trace.error) is GenerationNotReadyError
    assert type(trace.error.last_error) is ServerError
    assert trace.sent_s[1] >= 20
    clock = Clock()
    budget = budget_with(-1000, clock)
    trace = play(repeat_last([ABSENT]), wait_s=60.0, budget=budget, clock=clock)
    assert trace.error.attempts > 15
    trace = play([refusal(429, after_s=1.0), record()], wait_s=60.0, budget=budget, clock=clock)
    assert trace.result.attempts == 2


@pytest.mark.parametrize("first", [ABSENT, provisional()])
def test_wait_waits_for_the_final_record_only_on_request(first):
    """A provisional record is returned otherwise."""
    trace = play([first, provisional(), provisional(), record()], wait_s=60.0, final=True)
    assert trace.result.attempts == 4
    assert trace.result.parsed.data.is_final
    trace = play([ABSENT, provisional()], wait_s=60.0)
    assert trace.result.attempts == 2
    assert not trace.result.parsed.data.is_final


def test_wait_does_not_wait_beyond_its_timeout():
    """If the server asks for a longer wait, the error says so at once."""
    trace = play([refusal(429, after_s=60.0)], wait_s=60.0)
    assert type(trace.error) is RateLimitError
    assert trace.clock.now_s == 0
    for status in (404, 503):
        trace = play([refusal(status, after_s=60.0)], wait_s=60.0)
        assert type(trace.error) is GenerationNotReadyError
        assert trace.error.last_error.retry_after == 60.0
        assert trace.clock.now_s == 0


@given(LATENCIES)
def test_an_expired_wait_raises_not_ready(latency_s):
    """Also after a 429 without a Retry-After."""
    trace = play(repeat_last([refusal(429, latency_s=latency_s)]), wait_s=60.0)
    assert type(trace.error) is GenerationNotReadyError
    assert trace.error.last_error is not None


def test_the_clients_timeout_bounds_each_request_of_a_wait():
    """A hanging request does not use up the whole wait."""
    trace = play([HANG, HANG, record()], wait_s=60.0, timeout_s=2.0)
    assert trace.result.attempts == 3
    assert [turn.latency_s for turn in trace.turns] == [2.0, 2.0, 0.0]
