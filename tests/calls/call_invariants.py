"""Invariants of every call, whatever the server does."""

from itertools import groupby

from modelgates_client import ModelGatesError
from modelgates_client.calls.execution import Pause, Reset, Send
from modelgates_client.calls.retry import RetryBudget
from modelgates_runtime.types import Response

from .simulation import ROUNDING_S, play


def budget_with(tokens, clock):
    """Return a budget with some tokens left; a negative number is the length of its queue."""
    budget = RetryBudget(clock)
    for _ in range(RetryBudget.CAPACITY - tokens):
        budget.take()
    return budget


def check_invariants(trace, total_s, overrun_s):
    """Check the invariants of a call."""
    started_s = trace.steps[0][0]
    elapsed_s = trace.clock.now_s - started_s
    assert elapsed_s <= total_s + overrun_s + ROUNDING_S
    assert (trace.result is None) is not (trace.error is None)
    outcome = trace.result or trace.error
    assert isinstance(outcome, Response | ModelGatesError)
    assert outcome.attempts == len(trace.sent_s) == len(trace.turns)
    if trace.result is not None:
        assert trace.result.elapsed_s == elapsed_s
        assert trace.result.parsed.data.id == "gen-1"
        assert trace.turns[-1].is_retriable is None
    _check_order(trace)


def _check_order(trace):
    """Check that requests are separated by pauses, and by resets where these are due."""
    kinds = [kind for kind, _ in groupby(type(step) for _, step in trace.steps)]
    expected = []
    for turn in trace.turns:
        is_late = getattr(turn.outcome, "kind", None) == "timeout"
        expected += [Send, Reset, Pause] if turn.is_misrouted or is_late else [Send, Pause]
    ends = [expected, expected[:-1]]  # while it queued for a token, the time was over
    if not trace.turns[-1].is_misrouted:
        ends.append(expected[:-2])  # the time was over, or the retries
    assert kinds in ends
    for turn, sent_s, next_s in zip(trace.turns, trace.sent_s, trace.sent_s[1:], strict=False):
        assert next_s >= sent_s + turn.latency_s + (turn.pause_s or 0) - ROUNDING_S


def error_class_after(turn):
    """Return the class of the error that a `get` raises if this was its last turn."""
    trace = play([turn], max_retries=0, timeout_s=1e4)
    return type(trace.error)
