"""Many calls that share a client: in outages and behind limits, on a clock that is simulated."""

import math
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelgates_client.calls.retry import RetryBudget

from .crowds import gather
from .server_turns import failure, record, refusal

LATENCY_S = 0.005
TROUBLE = [refusal(503), refusal(502), failure("connection")]


def outage(end_s, trouble, latency_s=LATENCY_S):
    """Return a server that is in trouble until a time, and well from then on."""

    def serve(now_s):
        return (trouble if now_s < end_s else record())._replace(latency_s=latency_s)

    return serve


def limiter(rate, status, *, burst=1, named=None, latency_s=LATENCY_S):
    """Return a server with a rate limit, a bucket of tokens; `named` makes a wait what is told."""
    level, at_s = float(burst), 0.0

    def serve(now_s):
        nonlocal level, at_s
        level, at_s = min(burst, level + (now_s - at_s) * rate), now_s
        if level >= 1:
            level -= 1
            return record(latency_s=latency_s)
        wait_s = (1 - level) / rate
        return refusal(status, latency_s=latency_s, after_s=named and named(wait_s))

    return serve


def whole(wait_s):
    """Return a wait as most servers tell it."""
    return float(max(1, math.ceil(wait_s)))


@pytest.mark.parametrize(
    ("trouble", "end_s", "at_once"),
    [
        (refusal(503), 10.0, 100),
        (failure("connection"), 10.0, 800),
        (refusal(502), 10.0, 1),
        (failure("connection"), 3.0, 100),
        (refusal(503), 1.0, 800),
        (refusal(503), 0.3, 100),
    ],
)
def test_an_outage_of_ten_seconds_is_ridden_out(trouble, end_s, at_once):
    """By every call; with fewer retries than tokens, and soon after it is over."""
    crowd = gather(outage(end_s, trouble), 800, at_once=at_once)
    assert crowd.errors == []
    during = sum(sent_s < end_s for sent_s in crowd.sent_s)
    assert during <= at_once + RetryBudget.CAPACITY + RetryBudget.PER_SECOND * end_s + 1
    assert len(crowd.sent_s) <= during + 800
    assert crowd.end_s <= end_s + 3.1 + 800 / at_once * LATENCY_S + 0.5


def test_a_blip_costs_little():
    """Half a second at most beyond its end, whoever meets it."""
    for seed in range(50):
        assert gather(outage(0.2, TROUBLE[0]), 1, seed=seed).end_s <= 0.7


NAMED = {"whole": whole, "exact": float, "not named": None}


@pytest.mark.parametrize("named", NAMED.values(), ids=NAMED)
@pytest.mark.parametrize(("rate", "count", "at_once"), [(100, 800, 100), (20, 200, 50)])
def test_a_limit_without_burst_costs_no_call(rate, count, at_once, named):
    """The pace is learnt by which retries find a gap each."""
    server = limiter(rate, 429, named=named)
    crowd = gather(server, count, at_once=at_once, timeout_s=10.0)
    assert crowd.errors == []
    assert len(crowd.sent_s) <= 2.8 * count
    assert crowd.end_s <= 2.1 * count / rate


#: Of 200 that are made at one time, 20/s lets through at most 182 in the nine seconds that are left
#: after the first refusal, if it is of a second.
LOST = {(100, "whole"): 5, (100, "exact"): 0, (100, "not named"): 1}
LOST |= {(20, "whole"): 40, (20, "exact"): 21, (20, "not named"): 28}


@pytest.mark.parametrize(("rate", "name"), LOST)
def test_a_limit_without_burst_is_made_use_of(rate, name):
    """By calls that are all made at one time, and have hardly more time than all of them need."""
    count = {100: 800, 20: 200}[rate]
    crowd = gather(limiter(rate, 429, named=NAMED[name]), count, timeout_s=10.0)
    assert len(crowd.errors) <= LOST[rate, name]
    assert len(crowd.sent_s) <= 4 * count


def test_late_timers_lose_no_call():
    """They come at random then, several at one time; the pace does not come to a halt by that."""
    server = limiter(100, 429, named=whole, latency_s=0.05)
    crowd = gather(server, 800, late_s=0.05)
    assert crowd.errors == []
    assert len(crowd.sent_s) <= 3 * 800


def test_a_limit_that_is_raised_is_found():
    """The pace of 20/s is not kept for long when there are 500/s."""
    before, after = limiter(20, 429, named=whole), limiter(500, 429, burst=10, named=whole)
    crowd = gather(lambda now_s: (before if now_s < 5 else after)(now_s), 800)
    assert crowd.errors == []
    assert crowd.end_s <= 11


@pytest.mark.parametrize("status", [429, 503])
def test_refusals_of_all_are_no_rate(status):
    """While nobody is let through, there is none; afterwards all are, at once."""
    crowd = gather(outage(10.0, refusal(status, after_s=1.0)), 200)
    assert crowd.errors == []
    assert crowd.end_s <= 10 + 1 + 3 + 1


def test_chance_is_no_limit():
    """Where one in five is refused whatever the rate, retries are as fast as there is need."""
    uniform = Random(1).random

    def serve(_):
        if uniform() < 0.2:
            return refusal(429, latency_s=LATENCY_S, after_s=1.0)
        return record(latency_s=LATENCY_S)

    crowd = gather(serve, 2000, at_once=32)
    assert crowd.errors == []
    assert crowd.end_s <= 1.1 * 2000 * (0.25 * 1.5 + 1.25 * LATENCY_S) / 32 + 3


@pytest.mark.parametrize("named", [whole, None], ids=["named", "not named"])
@pytest.mark.parametrize("status", [429, 503])
def test_a_limit_costs_no_call_that_has_the_time(status, named):
    """The default is enough for three times as many as the limit would need."""
    crowd = gather(limiter(100, status, burst=10, named=named), 800)
    assert crowd.errors == []


class Counted(RetryBudget):
    """A budget that counts what is taken, and what is given."""

    given = 0

    def refund(self, count):
        self.given += count
        super().refund(count)


TURNS = st.sampled_from(
    [*TROUBLE, refusal(429), refusal(429, after_s=1.0), refusal(503, after_s=3.0), refusal(404)]
)
#: From when on the server does what.
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
def test_every_call_ends_by_its_retries_its_time_or_an_answer(  # noqa: PLR0913, PLR0917 - drawn
    phases, count, max_retries, timeout_s, wait_s, seed
):
    """Whatever the server does and however many ask; tokens are never overdrawn."""
    budgets = []

    def serve(now_s):
        turns = [turn for start_s, turn in sorted(phases, key=lambda p: p[0]) if start_s <= now_s]
        return (turns or [record()])[-1]._replace(latency_s=LATENCY_S)

    def budget(clock):
        budgets.append(Counted(clock))
        return budgets[0]

    crowd = gather(
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
    bound = RetryBudget.CAPACITY + RetryBudget.PER_SECOND * crowd.end_s + budgets[0].given
    named = any(turn.pause_s is not None or turn.absent for _, turn in phases)
    if not named:
        assert len(crowd.sent_s) <= count + bound
