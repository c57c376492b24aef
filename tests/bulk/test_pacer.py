"""What the pacer learns from simulated servers, and its invariants for any server."""

import math
import random

import pytest
from hypothesis import given, strategies as st

from modelgates_client.bulk.pacer import Pacer

from .limiters import (
    ChangingLimiter,
    Fetch,
    FixedWindow,
    Gcra,
    LeakyBucket,
    PenalisingLimiter,
    Server,
    SlidingWindow,
    TokenBucket,
    exact,
    rounded,
    run,
    silent,
)

LIMITERS = {
    "fixed window": FixedWindow,
    "sliding window": SlidingWindow,
    "token bucket of 1": lambda limit: TokenBucket(limit, 1),
    "token bucket of 10": lambda limit: TokenBucket(limit, 10),
    "token bucket of 100": lambda limit: TokenBucket(limit, 100),
    "GCRA of 5": lambda limit: Gcra(limit, 5),
    "leaky bucket of 20": lambda limit: LeakyBucket(limit, 20),
}
STARTS = [0.0, 0.411, 0.959]  # within a second of the server's clock

limiters = pytest.mark.parametrize("limiter", LIMITERS.values(), ids=LIMITERS)
reported_waits = pytest.mark.parametrize("reported_wait", [rounded, exact, silent])


def fetch_through(server, latency_s, *, ids=1000, workers=32, start=0.0):
    """Fetch ids; return the requests per id, and the seconds it took."""
    fetch = Fetch(Pacer(start, uniform=random.Random(7).random), ids, workers)
    run([fetch], server, latency_s, start=start)
    assert fetch.open == 0
    assert fetch.early == 0
    return fetch.requests / ids, fetch.ended_at - start


@limiters
@reported_waits
@pytest.mark.parametrize("latency_s", [0.005, 0.02, 0.05])
def test_a_limit_of_100_per_second_is_used_efficiently(limiter, reported_wait, latency_s):
    """32 workers, 1,000 ids: at most 1.1 requests per id, and 1.5 times the ideal time."""
    for start in STARTS:
        ratio, took_s = fetch_through(Server(limiter(100), reported_wait), latency_s, start=start)
        assert ratio <= 1.1
        assert took_s <= 1.5 * 10


@pytest.mark.parametrize("latency_s", [0.02, 0.05, 0.1])
@pytest.mark.parametrize("start", [number / 10 for number in range(10)])
def test_a_fixed_window_is_used_from_any_point_in_it(start, latency_s):
    """Although a wait of whole seconds ends in the middle of the next window."""
    fetch = Fetch(Pacer(0.0), 1500, 32)
    run([fetch], Server(FixedWindow(100), rounded), latency_s, start=start, jitter=0.1)
    assert fetch.ended_at - start <= 1.5 * (15 - start)
    assert fetch.requests <= 1.1 * 1500


@limiters
@reported_waits
def test_a_low_limit_is_found(limiter, reported_wait):
    """10/s."""
    ratio, took_s = fetch_through(Server(limiter(10), reported_wait), 0.05)
    assert ratio <= 1.1
    assert took_s <= 1.5 * 100


@pytest.mark.parametrize("name", ["fixed window", "sliding window", "token bucket of 1"])
@reported_waits
def test_a_high_limit_is_found(name, reported_wait):
    """2,000/s, 200 workers, 20,000 ids."""
    server = Server(LIMITERS[name](2000), reported_wait)
    ratio, took_s = fetch_through(server, 0.02, ids=20_000, workers=200)
    assert ratio <= 1.1
    assert took_s <= 1.5 * 10


@pytest.mark.parametrize("limiter", [FixedWindow, SlidingWindow])
@pytest.mark.parametrize("reported_wait", [rounded, exact])
@pytest.mark.parametrize(("workers", "max_ratio"), [(16, 1.1), (32, 1.17)])
def test_a_quota_per_minute_is_used_up(limiter, reported_wait, workers, max_ratio):
    """60 per minute, 200 ids: hardly any request is refused after the first refusals.

    All requests in flight at the first refusal are refused, too: with 32 workers, these alone are
    0.16 requests per id.
    """
    server = Server(limiter(60, 60.0), reported_wait)
    ratio, took_s = fetch_through(server, 0.05, ids=200, workers=workers)
    assert ratio <= max_ratio
    assert took_s <= 1.3 * 200


# Exceptions from 1.1 and 1.5. With a Retry-After of whole seconds, each reduction and each probe
# for a new limit costs a second in which the strictest limiters save no tokens; without one,
# windows are found by trial. The time is compared with that of a client that knows the limits.
MAX = {rounded: (1.1, 2.1), exact: (1.12, 1.5), silent: (1.13, 1.75)}
MAX_QUEUED_TIME = 1.8  # a queue of 20 at 20/s delays responses by a second


@limiters
@reported_waits
@pytest.mark.parametrize("latency_s", [0.005, 0.05])
@pytest.mark.parametrize("change", [(100, 20, 5, 30), (20, 200, 10, 14)], ids=["down", "up"])
def test_a_changed_limit_is_learnt_again(limiter, reported_wait, latency_s, change):
    """From 100/s to 20/s after 5 s; and from 20/s to 200/s after 10 s."""
    before, after, at, ideal_s = change
    max_ratio, max_time = MAX[reported_wait]
    if limiter is LIMITERS["leaky bucket of 20"]:
        max_time = max(max_time, MAX_QUEUED_TIME)
    server = Server(ChangingLimiter(limiter(before), limiter(after), at), reported_wait)
    ratio, took_s = fetch_through(server, latency_s)
    assert ratio <= max_ratio
    assert took_s <= max_time * ideal_s


@limiters
@reported_waits
def test_clients_that_share_a_limit_settle(limiter, reported_wait):
    """Three clients, each with 32 workers: at most 1.15 requests per id in total."""
    fetches = [Fetch(Pacer(0.0, uniform=random.Random(n).random), 1000, 32) for n in range(3)]
    run(fetches, Server(limiter(100), reported_wait), 0.02)
    assert sum(fetch.requests for fetch in fetches) <= 1.15 * 3000
    assert not any(fetch.open or fetch.early for fetch in fetches)


@limiters
@reported_waits
def test_a_penalising_server_gets_no_request_during_a_block(limiter, reported_wait):
    """No request is sent during a Retry-After, so that blocks end."""
    ratio, _ = fetch_through(Server(PenalisingLimiter(limiter(100), 0.2), reported_wait), 0.02)
    assert ratio <= 1.1


@limiters
@reported_waits
def test_requests_may_overtake_each_other(limiter, reported_wait):
    """The latency varies by a tenth."""
    fetch = Fetch(Pacer(0.0, uniform=random.Random(7).random), 1000, 32)
    run([fetch], Server(limiter(100), reported_wait), 0.02, jitter=0.1)
    assert fetch.open == fetch.early == 0
    assert fetch.requests <= 1100


def test_without_refusals_there_is_no_delay():
    """Every request may be sent at once."""
    pacer = Pacer(0.0)
    for number in range(10_000):
        assert pacer.ready_at(number / 1e6) == number / 1e6
        pacer.record_sent(number / 1e6)
        pacer.record_success(number / 1e6, 0.0)
    assert pacer.rate is None


def test_a_low_estimate_rises_quickly():
    """A 503 from an outage is not treated as a rate limit for long."""
    pacer = Pacer(0.0, uniform=lambda: 0.5)
    pacer.record_sent(0.0)
    pacer.record_throttled(0.1, 0.0, 5.0)
    now = pacer.ready_at(0.1)
    assert now == 5.1
    for _ in range(300):
        now = pacer.ready_at(now)
        pacer.record_sent(now)
        pacer.record_success(now + 0.01, now)
    assert now < 15
    assert pacer.rate > 100


def test_the_rate_does_not_grow_while_idle():
    """Time without requests is no evidence of a higher limit."""
    pacer = Pacer(0.0)
    pacer.record_sent(0.0)
    pacer.record_throttled(0.1, 0.0, 1.0)
    pacer.record_sent(1.1)
    before = pacer.rate
    pacer.record_sent(1000.0)
    assert pacer.rate <= 2 * before + 10


def test_pauses_without_retry_after_grow_and_have_jitter():
    """They grow up to a minute while all requests are refused; each is randomly shortened."""
    for uniform, part in [(lambda: 1.0, 1.0), (lambda: 0.0, 0.5)]:
        pacer = Pacer(0.0, uniform=uniform)
        now, pauses = 0.0, []
        for _ in range(16):
            pacer.record_sent(now)
            pacer.record_throttled(now, now, None)
            pauses.append(pacer.ready_at(now) - now)
            now = pacer.ready_at(now)
        growing = [min(60.0, 0.1 * 1.6**number) * part for number in range(1, 17)]
        assert pauses == pytest.approx(growing)


def test_refusals_of_requests_in_flight_count_once():
    """The estimate is the same after one refusal and after 31."""
    rates = []
    for refused in (1, 31):
        pacer = Pacer(0.0)
        for _ in range(32):
            pacer.record_sent(0.0)
        pacer.record_success(0.1, 0.0)
        for _ in range(refused):
            pacer.record_throttled(0.1, 0.0, 1.0)
        pacer.record_sent(1.1)
        rates.append(pacer.rate)
    assert rates[0] == rates[1]


def send_paced(pacer, now, count):
    """Send some requests as soon as allowed, all admitted at once; return the time."""
    for _ in range(count):
        now = pacer.ready_at(now)
        pacer.record_sent(now)
        pacer.record_success(now, now)
    return now


@given(st.integers(1, 50), st.floats(0, 100) | st.none())
def test_stale_refusals_change_no_estimate(count, retry_after):
    """Refusals of requests sent before a pause ended can only extend the wait."""
    pacers = [Pacer(0.0, uniform=lambda: 0.5) for _ in range(2)]
    for pacer in pacers:
        now = send_paced(pacer, 0.0, 5)
        pacer.record_sent(now)
        pacer.record_throttled(now, now, 1.0)
        now = send_paced(pacer, pacer.ready_at(now), 3)
    stale, fresh = pacers
    for _ in range(count):
        stale.record_throttled(now, 0.5, retry_after)
        assert stale.rate == fresh.rate
    assert stale.ready_at(now) == max(fresh.ready_at(now), now + (retry_after or 0.0))
    later = stale.ready_at(now)
    for pacer in pacers:
        pacer.record_sent(later)
    assert stale.rate == fresh.rate


def test_stale_successes_change_no_estimate():
    """Requests sent before a pause ended say nothing about the time after it."""
    rates = []
    for stale in (0, 500):
        pacer = Pacer(0.0, uniform=lambda: 0.5)
        now = send_paced(pacer, 0.0, 5)
        pacer.record_throttled(now, now, 1.0)
        now = send_paced(pacer, pacer.ready_at(now), 30)
        for _ in range(stale):
            pacer.record_success(now, 0.0)
        pacer.record_throttled(now, now, 1.0)
        now = pacer.ready_at(now)
        pacer.record_sent(now)
        rates.append(pacer.rate)
    assert rates[0] == pytest.approx(rates[1], rel=0.1)


steps = st.lists(
    st.tuples(
        st.sampled_from(["wait", "send", "pass", "refuse"]),
        st.floats(0, 5) | st.sampled_from([0.0, 1e-9, 1e6]),
        st.none() | st.floats(0, 10) | st.sampled_from([0.0, 86_400.0, 1e300]),
    ),
    max_size=120,
)


@given(steps, st.none() | st.sampled_from([0.01, 1.0, 50.0, 3000.0]), st.randoms())
def test_invariants_hold_for_any_server(moves, max_rate, rng):
    """No request before a Retry-After has passed; never above `max_rate`; all times are finite."""
    pacer = Pacer(0.0, max_rate=max_rate, uniform=rng.random)
    now, barred_until, in_flight, sent = 0.0, 0.0, [], []
    for move, seconds, retry_after in moves:
        if move == "wait":
            now += seconds
        elif move == "send":
            at = pacer.ready_at(now)
            assert math.isfinite(at)
            assert at >= now
            assert at >= barred_until
            if at > 1e12:
                return
            now = at
            for _ in range(40):
                if pacer.ready_at(now) == now:
                    pacer.record_sent(now)
                    sent.append(now)
                    in_flight.append(now)
        elif in_flight:
            sent_at = in_flight.pop(rng.randrange(len(in_flight)))
            if move == "pass":
                pacer.record_success(now, sent_at)
            else:
                pacer.record_throttled(now, sent_at, retry_after)
                barred_until = max(barred_until, now + (retry_after or 0.0))
        assert pacer.rate is None or 0 < pacer.rate <= (max_rate or 1e6)
    if max_rate is not None:
        assert_rate_within(sent, max_rate)


def test_a_lower_learnt_rate_does_not_lift_max_rate():
    """A late request catches up with the learnt rate, but not beyond `max_rate`."""
    pacer = Pacer(0.0, max_rate=50.0, uniform=lambda: 0.5)
    now, sent = 0.0, []

    def send():
        nonlocal now
        now = pacer.ready_at(now)
        while pacer.ready_at(now) == now:
            pacer.record_sent(now)
            sent.append(now)

    send()
    send()
    pacer.record_success(now, sent[0])
    pacer.record_success(now, sent[1])
    send()
    send()
    pacer.record_success(now, sent[2])
    pacer.record_throttled(now, sent[3], None)
    send()
    now += 1.0
    send()
    assert_rate_within(sent, 50.0)


def assert_rate_within(sent, max_rate):
    """Check that no period has more requests than `max_rate` and its burst allow."""
    burst = max(1.0, max_rate / 100)
    for first, begin in enumerate(sent):
        for last in range(first, len(sent)):
            allowed = (sent[last] - begin) * max_rate + burst
            assert last - first + 1 <= allowed * (1 + 1e-6) + 1e-6


@pytest.mark.parametrize("max_rate", [5.0, 100.0, 2000.0])
@pytest.mark.parametrize("limiter", [FixedWindow, lambda limit: TokenBucket(limit, 20)])
def test_max_rate_is_a_cap_and_is_reached(max_rate, limiter):
    """A server that allows more refuses nothing, and the rate is used."""
    fetch = Fetch(Pacer(0.0, max_rate=max_rate), 500, 64)
    run([fetch], Server(limiter(2 * max_rate), exact), 0.02)
    assert fetch.requests == 500
    assert fetch.ended_at <= 500 / max_rate * 1.05 + 0.05


def test_late_timers_do_not_lower_the_rate():
    """Requests that are slightly late catch up; much later ones are not sent in a burst."""
    pacer = Pacer(0.0, max_rate=1000.0)
    now, sent = 0.0, []
    while now < 2.0:
        while pacer.ready_at(now) <= now:
            pacer.record_sent(now)
            sent.append(now)
        now += 0.004
    assert len(sent) >= 1990
    pacer.record_sent(100.0)
    burst = 1
    while pacer.ready_at(100.0) <= 100.0:
        pacer.record_sent(100.0)
        burst += 1
    assert burst <= 10


def test_memory_is_bounded():
    """A long run without a refusal keeps no more state than a short one."""
    pacer = Pacer(0.0)
    for number in range(5000):
        pacer.record_sent(float(number))
        pacer.record_success(float(number), float(number))
    assert len(pacer._cycle._passed_at) == 1024
