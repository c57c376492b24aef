"""`get_many` in mixtures of outages, rate limits, random refusals and ids that fail."""

import random

import pytest
from hypothesis import given, settings, strategies as st

from modelgates_client import Failed, RateLimitError, Resolved

from .limiters import FixedWindow, SlidingWindow, TokenBucket, rounded, silent
from .simulator import (
    HANG,
    LATENCY_S,
    MAX_RETRIES,
    REFUSED,
    error,
    error_in_success,
    record,
    simulate,
)

OUTAGES = [REFUSED, HANG, error(502), error(503), error(503, 1), error(529, "soon"), error(521)]
PROBES = 8 + 2 * 10 + 10  # in an outage of at most 20 s

outages = st.lists(
    st.tuples(st.floats(0, 3), st.floats(0.01, 20), st.sampled_from(OUTAGES)), max_size=3
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
def test_good_ids_resolve_and_bad_ids_fail_in_any_mixture(  # noqa: PLR0913, PLR0917 - a mixture
    spans, limiter, refusal, refused_share, bad, bad_status, ids, concurrency, ordered, seed
):
    """Every good id has its record, every bad one fails, and the run ends."""
    status, reported_wait = refusal
    uniform, at, plan = random.Random(seed).random, 0.0, []
    bad = {f"gen-{number}" for number in bad if number < ids and ids > 10}
    for up_s, down_s, attempt_result in spans:
        plan.append((at + up_s, at + up_s + down_s, attempt_result))
        at += up_s + down_s

    def server(now, name):
        for begin, end, attempt_result in plan:
            if begin <= now < end:
                return 0.001, attempt_result
        wait = 0.1 if uniform() < refused_share else limiter.request(now)[1] if limiter else None
        if wait is not None:
            return LATENCY_S, error(status, reported_wait(wait))
        return LATENCY_S, error(bad_status) if name in bad else record(name)

    result = simulate(server, ids, concurrency=concurrency, ordered=ordered)
    assert result.error is None
    assert {
        outcome.generation_id for _, outcome in result.outcomes if isinstance(outcome, Failed)
    } == bad
    assert sum(isinstance(outcome, Resolved) for _, outcome in result.outcomes) == ids - len(bad)
    if ordered:
        assert [outcome.generation_id for _, outcome in result.outcomes] == [
            f"gen-{n}" for n in range(ids)
        ]
    allowed = ids * 2 + len(bad) * 3 * (1 + MAX_RETRIES) + (1 + len(plan)) * (concurrency + PROBES)
    assert len(result.requests) <= allowed
    assert result.ended_at <= at + 120 + 3 * ids / 5


PAST = {
    "retry-after": "Wed, 21 Oct 2015 07:28:00 GMT",
    "date": "Sun, 17 Mar 2030 17:46:40 GMT",
}
UNUSUAL = {
    "429 that names 0 s": error(429, 0),
    "429 in a 200": error_in_success(429),
    "429 in a 200, as text": error_in_success(429)._replace(body=b'{"error": {"code": "429"}}'),
    "429, to be repeated in the past": error(429)._replace(headers=PAST),
    "503, to be repeated in the past": error(503)._replace(headers=PAST),
    "503 that names a negative wait": error(503, -1),
}


@pytest.mark.parametrize("refusal", UNUSUAL.values(), ids=UNUSUAL)
@pytest.mark.parametrize(("ids", "concurrency"), [(1, 1), (3, 32), (500, 32)])
def test_an_unusual_refusal_of_all_requests_loses_no_id(refusal, ids, concurrency):
    """For five seconds; it is not answered by a storm of requests."""
    begin = 0.05 if ids > 3 else 0.0
    result = simulate(
        lambda now, name: (LATENCY_S, refusal if begin <= now < begin + 5 else record(name)),
        ids,
        concurrency=concurrency,
    )
    assert result.kinds == {"Resolved": ids}
    assert len(result.requests) <= ids + concurrency + 20
    assert result.ended_at <= 20


def test_a_limit_that_changes_during_outages_loses_no_id():
    """It is lowered in the first outage and raised in the second; both end in a backlog."""
    before, lowered, raised = TokenBucket(500, 10), TokenBucket(20, 10), TokenBucket(100, 10)

    def server(now, name):
        if 1 <= now < 3 or 5 <= now < 7:
            return 0.001, REFUSED if now < 3 else error(503)
        limiter = before if now < 2 else lowered if now < 6 else raised
        wait = limiter.request(now)[1]
        return LATENCY_S, record(name) if wait is None else error(429, rounded(wait))

    result = simulate(server)
    assert result.kinds == {"Resolved": 1000}
    assert len(result.requests) <= 1000 * 1.1 + 2 * (32 + PROBES)
    assert result.ended_at <= 7 + 3 * 1000 / 100


@pytest.mark.parametrize("status", [429, 503, 529])
@pytest.mark.parametrize("make", [FixedWindow, SlidingWindow])
def test_a_limit_per_minute_loses_no_id(make, status):
    """Although an id is asked to wait beyond its timeout, more than once."""
    limiter, uniform = make(60, 60), random.Random(1).uniform

    def server(now, name):
        wait = limiter.request(now)[1]
        latency_s = LATENCY_S * uniform(0.9, 1.1)
        return latency_s, record(name) if wait is None else error(status, rounded(wait))

    result = simulate(server, 200)
    assert result.kinds == {"Resolved": 200}
    assert result.ended_at <= 250


@pytest.mark.parametrize("failure", [REFUSED, record("gen-1")._replace(defect="cut off")])
def test_half_of_the_connections_may_break(failure):
    """In the middle of a body, too. An id fails if all its attempts did: one in a thousand here."""
    uniform = random.Random(5).random
    broken = failure if failure is REFUSED else failure._replace(body=b"{", is_retriable=True)

    def server(now, name):
        return LATENCY_S, broken if now < 5 and uniform() < 0.5 else record(name)

    result = simulate(server, 500, max_retries=10)
    assert result.kinds == {"Resolved": 500}
    assert len(result.requests) <= 500 * 2.5


def spent_quota(headers=None, body=None):
    """Return a server whose daily quota is used up after a hundred requests."""
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
def test_a_spent_daily_quota_fails_the_remaining_ids(quota, ids, concurrency):
    """They fail at once, with the time until the quota is renewed."""
    date = {"date": "Sun, 17 Mar 2030 17:46:40 GMT"}
    quota = {**quota, "headers": {**date, **quota.get("headers", {})}}
    result = simulate(spent_quota(**quota), ids, concurrency=concurrency)
    assert result.kinds == {"Resolved": 100, "Failed": ids - 100}
    for _, outcome in result.outcomes:
        if isinstance(outcome, Failed):
            assert type(outcome.error) is RateLimitError
            assert outcome.error.retry_after == 14_400
    assert len(result.requests) <= 100 + concurrency + 6
    assert result.ended_at < 5
