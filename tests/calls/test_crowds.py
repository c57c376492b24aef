"""Many calls that share a client, in outages and behind rate limits, on a simulated clock."""

import math
from random import Random

import pytest
from hypothesis import given, settings, strategies as st

from modelgates_client.calls.retry import RetryBudget

from .crowds import simulate_calls
from .server_turns import failure, record, refusal

LATENCY_S = 0.005
FAILURES = [refusal(503), refusal(502), failure("connection")]


def outage(end_s, failing_turn, latency_s=LATENCY_S):
    """Return a server that fails until a given time."""

    def serve(now_s):
        return (failing_turn if now_s < end_s else record())._replace(latency_s=latency_s)

    return serve


def rate_limited(rate, status, *, burst=1, retry_after=None, latency_s=LATENCY_S):
    """Return a server with a token bucket; `retry_after` converts the wait that it reports."""
    level, at_s = float(burst), 0.0

    def serve(now_s):
        nonlocal level, at_s
        level, at_s = min(burst, level + (now_s - at_s) * rate), now_s
        if level >= 1:
            level -= 1
            return record(latency_s=latency_s)
        wait_s = (1 - level) / rate
        return refusal(status, latency_s=latency_s, after_s=retry_after and retry_after(wait_s))

    return serve


def whole_seconds(wait_s):
    """Round a wait up to whole seconds, as most servers do."""
    return float(max(1, math.ceil(wait_s)))


@pytest.mark.parametrize(
    ("failing_turn", "end_s", "at_once"),
    [
        (refusal(503), 10.0, 100),
        (failure("connection"), 10.0, 800),
        (refusal(502), 10.0, 1),
        (failure("connection"), 3.0, 100),
        (refusal(503), 1.0, 800),
        (refusal(503), 0.3, 100),
    ],
)
def test_calls_survive_an_outage_of_ten_seconds(failing_turn, end_s, at_once):
    """With fewer retries than tokens, and soon after it is over."""
    crowd = simulate_calls(outage(end_s, failing_turn), 800, at_once=at_once)
    assert crowd.errors == []
    during = sum(sent_s < end_s for sent_s in crowd.sent_s)
    assert during <= at_once + RetryBudget.CAPACITY + RetryBudget.PER_SECOND * end_s + 1
    assert len(crowd.sent_s) <= during + 800
    assert crowd.end_s <= end_s + 3.1 + 800 / at_once * LATENCY_S + 0.5


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("after_s", [0.0, 0.1, 0.5, 0.7, 1.0])
def test_a_short_retry_after_does_not_use_up_the_retries(after_s, status):
    """They outlast the outage although the server asked for less."""
    crowd = simulate_calls(outage(10.0, refusal(status, after_s=after_s)), 10)
    assert crowd.errors == []


def test_a_short_outage_delays_a_call_by_half_a_second_at_most():
    """After the end of the outage."""
    for seed in range(50):
        assert simulate_calls(outage(0.2, FAILURES[0]), 1, seed=seed).end_s <= 0.7


RETRY_AFTERS = {"whole": whole_seconds, "exact": float, "no retry-after": None}


@pytest.mark.parametrize("retry_after", RETRY_AFTERS.values(), ids=RETRY_AFTERS)
@pytest.mark.parametrize(("rate", "count", "at_once"), [(100, 800, 100), (20, 200, 50)])
def test_a_rate_limit_without_burst_fails_no_call(rate, count, at_once, retry_after):
    """The pace of retries is learnt."""
    server = rate_limited(rate, 429, retry_after=retry_after)
    crowd = simulate_calls(server, count, at_once=at_once, timeout_s=10.0)
    assert crowd.errors == []
    assert len(crowd.sent_s) <= 2.8 * count
    assert crowd.end_s <= 2.1 * count / rate


#: Of 200 concurrent calls, 20/s admits at most 182 in the nine seconds that are left after a first
#: refusal with a wait of one second.
LOST = {(100, "whole"): 5, (100, "exact"): 0, (100, "no retry-after"): 1}
LOST |= {(20, "whole"): 40, (20, "exact"): 21, (20, "no retry-after"): 28}


@pytest.mark.parametrize(("rate", "name"), LOST)
def test_calls_with_little_time_use_a_rate_limit_without_burst(rate, name):
    """All calls start at once, and their timeout is hardly longer than all of them need."""
    count = {100: 800, 20: 200}[rate]
    crowd = simulate_calls(
        rate_limited(rate, 429, retry_after=RETRY_AFTERS[name]), count, timeout_s=10.0
    )
    assert len(crowd.errors) <= LOST[rate, name]
    assert len(crowd.sent_s) <= 4 * count


def test_late_timers_fail_no_call():
    """Requests then come at random, several at a time; the pace does not drop to zero."""
    server = rate_limited(100, 429, retry_after=whole_seconds, latency_s=0.05)
    crowd = simulate_calls(server, 800, late_s=0.05)
    assert crowd.errors == []
    assert len(crowd.sent_s) <= 3 * 800


def test_a_raised_rate_limit_is_used():
    """The pace of 20/s rises soon when 500/s are allowed."""
    before, after = (
        rate_limited(20, 429, retry_after=whole_seconds),
        rate_limited(500, 429, burst=10, retry_after=whole_seconds),
    )
    crowd = simulate_calls(lambda now_s: (before if now_s < 5 else after)(now_s), 800)
    assert crowd.errors == []
    assert crowd.end_s <= 11


@pytest.mark.parametrize("status", [429, 503])
def test_refusing_every_request_teaches_no_rate(status):
    """Afterwards all calls succeed at once."""
    crowd = simulate_calls(outage(10.0, refusal(status, after_s=1.0)), 200)
    assert crowd.errors == []
    assert crowd.end_s <= 10 + 1 + 3 + 1


def test_random_refusals_teach_no_rate():
    """If one in five requests is refused at any rate, retries are not slowed down."""
    uniform = Random(1).random

    def serve(_):
        if uniform() < 0.2:
            return refusal(429, latency_s=LATENCY_S, after_s=1.0)
        return record(latency_s=LATENCY_S)

    crowd = simulate_calls(serve, 2000, at_once=32)
    assert crowd.errors == []
    assert crowd.end_s <= 1.1 * 2000 * (0.25 * 1.5 + 1.25 * LATENCY_S) / 32 + 3


@pytest.mark.parametrize(
    "retry_after", [whole_seconds, None], ids=["retry-after", "no retry-after"]
)
@pytest.mark.parametrize("status", [429, 503])
def test_a_rate_limit_fails_no_call_with_enough_time(status, retry_after):
    """The default timeout is three times as long as needed."""
    crowd = simulate_calls(rate_limited(100, status, burst=10, retry_after=retry_after), 800)
    assert crowd.errors == []


class CountingBudget(RetryBudget):
    """A budget that counts refunded tokens."""

    refunded = 0

    def refund(self, count):
        self.refunded += count
        super().refund(count)


TURNS = st.sampled_from(
    [*FAILURES, refusal(429), refusal(429, after_s=1.0), refusal(503, after_s=3.0), refusal(404)]
)
#: When the server changes to which turn.
PHASES = st.lists(st.tuples(st.floats(0, 40), TURNS | st.just(record())), min_size=1, max_size=5)


@settings(max_examples=15)
@given(
    PHASES,
    st.integers(1, 30),
    st.integers(0, 10),
    st.sampled_from([1.0, 10.0, 30.0]),
    st.sampled_from([None, 5.0, 40.0]),
    st.integers(0, 9),
)
def test_every_call_ends_and_no_token_is_overdrawn(  # noqa: PLR0913, PLR0917 - drawn
    phases, count, max_retries, timeout_s, wait_s, seed
):
    """For any server and any number of calls."""
    budgets = []

    def serve(now_s):
        turns = [turn for start_s, turn in sorted(phases, key=lambda p: p[0]) if start_s <= now_s]
        return (turns or [record()])[-1]._replace(latency_s=LATENCY_S)

    def budget(clock):
        budgets.append(CountingBudget(clock))
        return budgets[0]

    crowd = simulate_calls(
        serve,
        count,
        seed=seed,
        wait_s=wait_s,
        budget=budget,
        timeout_s=timeout_s,
        max_retries=max_retries,
    )
    assert len(crowd.results) + len(crowd.errors) == count
    assert crowd.end_s <= (wait_s or timeout_s) + 0.2
    assert sum(crowd.attempts) == len(crowd.sent_s)
    if wait_s is None:
        assert max(crowd.attempts) <= max_retries + 1
    bound = RetryBudget.CAPACITY + RetryBudget.PER_SECOND * crowd.end_s + budgets[0].refunded
    has_waits = any(turn.pause_s is not None or turn.absent for _, turn in phases)
    if not has_waits:
        assert len(crowd.sent_s) <= count + bound
