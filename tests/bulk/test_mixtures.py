"""`get_many` in mixtures of outages, limits, chance and ids that make the server fail."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelgates_client import Failed, RateLimitError, Resolved

from .limiters import FixedWindow, SlidingWindow, TokenBucket, rounded, silent
from .simulator import HANG, LATENCY_S, MAX_RETRIES, REFUSED, error, record, simulate

WAYS = [REFUSED, HANG, error(502), error(503), error(503, 1), error(529, "soon"), error(521)]
PROBES = 8 + 2 * 10 + 10  # in an outage of at most 20 s

outages = st.lists(
    st.tuples(st.floats(0, 3), st.floats(0.01, 20), st.sampled_from(WAYS)), max_size=3
)
limiters = st.none() | st.builds(
    lambda kind, limit: kind(limit),
    st.sampled_from([FixedWindow, SlidingWindow, lambda limit: TokenBucket(limit, 10)]),
    st.integers(5, 100),
)


@settings(max_examples=60, deadline=None)
@given(
    outages,
    limiters,
    st.sampled_from([(429, silent), (429, rounded), (503, silent), (503, rounded)]),
    st.sampled_from([0.0, 0.02]),
    st.sets(st.integers(0, 99), max_size=3),
    st.sampled_from([500, 502, 503]),
    st.integers(4, 100),
    st.integers(1, 40),
    st.booleans(),
    st.integers(0, 9),
)
def test_each_id_comes_to_what_it_is(  # noqa: PLR0913, PLR0917 - a mixture
    spans, limiter, refusal, share, bad, bad_status, ids, concurrency, ordered, seed
):
    """Whatever else happens: a record for each good id, failure for each bad one; and it ends."""
    status, saying = refusal
    uniform, at, plan = random.Random(seed).random, 0.0, []
    bad = {f"gen-{number}" for number in bad if number < ids and ids > 10}
    for up_s, down_s, way in spans:
        plan.append((at + up_s, at + up_s + down_s, way))
        at += up_s + down_s

    def server(now, name):
        for begin, end, way in plan:
            if begin <= now < end:
                return 0.001, way
        wait = 0.1 if uniform() < share else limiter.ask(now)[1] if limiter else None
        if wait is not None:
            return LATENCY_S, error(status, saying(wait))
        return LATENCY_S, error(bad_status) if name in bad else record(name)

    done = simulate(server, ids, concurrency=concurrency, ordered=ordered)
    assert done.error is None
    assert {one.generation_id for _, one in done.outcomes if isinstance(one, Failed)} == bad
    assert sum(isinstance(one, Resolved) for _, one in done.outcomes) == ids - len(bad)
    if ordered:
        assert [one.generation_id for _, one in done.outcomes] == [f"gen-{n}" for n in range(ids)]
    allowed = ids * 2 + len(bad) * 3 * (1 + MAX_RETRIES) + (1 + len(plan)) * (concurrency + PROBES)
    assert len(done.requests) <= allowed
    assert done.ended_at <= at + 120 + 3 * ids / 5


def spent(headers=None, body=None):
    """Return a server whose quota for the day is used up after a hundred requests."""
    left = 100

    def server(now, name):
        nonlocal left
        left -= 1
        if left >= 0:
            return LATENCY_S, record(name)
        refusal = error(429)
        return LATENCY_S, refusal._replace(
            headers=headers or {}, body=refusal.body if body is None else body
        )

    return server


QUOTAS = {
    "Retry-After": {"headers": {"retry-after": "14400"}},
    "epoch seconds": {"headers": {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1900014400"}},
    "epoch ms": {"headers": {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1900014400000"}},
    "body": {
        "body": b'{"error": {"code": 429, "message": "no", "metadata": {"headers":'
        b' {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1900014400000"}}}}'
    },
}


@pytest.mark.parametrize("quota", QUOTAS.values(), ids=QUOTAS)
@pytest.mark.parametrize(("ids", "concurrency"), [(500, 32), (103, 1), (10_000, 200)])
def test_a_quota_of_the_day_that_is_spent_is_not_asked_for_more(quota, ids, concurrency):
    """What is left fails at once, with the time at which there is more."""
    date = {"date": "Sun, 17 Mar 2030 17:46:40 GMT"}
    quota = {**quota, "headers": {**date, **quota.get("headers", {})}}
    done = simulate(spent(**quota), ids, concurrency=concurrency)
    assert done.kinds == {"Resolved": 100, "Failed": ids - 100}
    for _, outcome in done.outcomes:
        if isinstance(outcome, Failed):
            assert type(outcome.error) is RateLimitError
            assert outcome.error.retry_after == 14_400
    assert len(done.requests) <= 100 + concurrency + 6
    assert done.ended_at < 5
