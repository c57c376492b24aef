"""What every call must be, whatever the server did."""

from modelgates_client import ModelGatesError
from modelgates_client.calls.call import Pause, Reset, Result, Send
from modelgates_client.calls.retry import RetryBudget

from .simulation import ROUNDING_S, play


def budget_of(tokens):
    """Return a budget that has some tokens left."""
    budget = RetryBudget()
    assert budget.spend(RetryBudget.CAPACITY - tokens)
    return budget


def check(trace, total_s, overrun_s):
    """Fail if a call is not what every call is."""
    started_s = trace.steps[0][0]
    elapsed_s = trace.clock.now_s - started_s
    assert elapsed_s <= total_s + overrun_s + ROUNDING_S
    assert (trace.result is None) is not (trace.error is None)
    ended = trace.result or trace.error
    assert isinstance(ended, Result | ModelGatesError)
    assert ended.attempts == len(trace.sent_s) == len(trace.turns)
    if trace.result is not None:
        assert trace.result.elapsed_s == elapsed_s
        assert trace.result.answer.record.id == "gen-1"
        assert trace.turns[-1].mendable is None
    check_order(trace)


def check_order(trace):
    """Fail if there is not a pause between two requests, and a reset after each astray answer."""
    kinds = [type(step) for _, step in trace.steps]
    expected = []
    for turn in trace.turns:
        expected += [Send, Reset, Pause] if turn.astray else [Send, Pause]
    assert kinds == expected[:-1]
    for turn, pause in zip(trace.turns, trace.pauses, strict=False):
        assert pause >= turn.pause_s


def raised(turn):
    """Return the class of what a `get` raises when this was the last that happened."""
    alone = play([turn], max_retries=0, timeout_s=1e4)
    return type(alone.error)
