"""What the pacer learns from simulated servers, and what holds whatever a server does."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelgates_client.bulk.pacer import Pacer

from .limiters import (
    Changing,
    Fetch,
    FixedWindow,
    Gcra,
    LeakyBucket,
    Penalising,
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
sayings = pytest.mark.parametrize("saying", [rounded, exact, silent])


def fetched(server, latency_s, *, ids=1000, workers=32, start=0.0):
    """Fetch ids; return the requests per id, and the seconds it took."""
    fetch = Fetch(Pacer(start, uniform=random.Random(7).random), ids, workers)
    run([fetch], server, latency_s, start=start)
    assert fetch.open == 0
    assert fetch.early == 0
    return fetch.requests / ids, fetch.ended_at - start


@limiters
@sayings
@pytest.mark.parametrize("latency_s", [0.005, 0.02, 0.05])
def test_a_storm_is_weathered(limiter, saying, latency_s):
    """100/s, 32 workers, 1,000 ids: at most 1.1 requests per id, and 1.5 times the ideal time."""
    for start in STARTS:
        ratio, took_s = fetched(Server(limiter(100), saying), latency_s, start=start)
        assert ratio <= 1.1
        assert took_s <= 1.5 * 10


@limiters
@sayings
def test_a_low_limit_is_found(limiter, saying):
    """10/s."""
    ratio, took_s = fetched(Server(limiter(10), saying), 0.05)
    assert ratio <= 1.1
    assert took_s <= 1.5 * 100


@pytest.mark.parametrize("name", ["fixed window", "sliding window", "token bucket of 1"])
@sayings
def test_a_high_limit_is_found(name, saying):
    """2,000/s, 200 workers, 20,000 ids."""
    server = Server(LIMITERS[name](2000), saying)
    ratio, took_s = fetched(server, 0.02, ids=20_000, workers=200)
    assert ratio <= 1.1
    assert took_s <= 1.5 * 10


@pytest.mark.parametrize("limiter", [FixedWindow, SlidingWindow])
@pytest.mark.parametrize("saying", [rounded, exact])
@pytest.mark.parametrize(("workers", "most"), [(16, 1.1), (32, 1.17)])
def test_a_quota_of_a_minute_is_used_up(limiter, saying, workers, most):
    """60 a minute, 200 ids: hardly a request is refused after the first storm.

    What all workers have on their way when the first refusal comes is refused, too: with 32 workers
    that is already 0.16 requests per id.
    """
    server = Server(limiter(60, 60.0), saying)
    ratio, took_s = fetched(server, 0.05, ids=200, workers=workers)
    assert ratio <= most
    assert took_s <= 1.3 * 200


# Not 1.1 and 1.5 throughout. With a Retry-After of whole seconds each step down, and each look for
# a new limit, costs a second in which the strictest limiters save nothing up; without any, windows
# are found by trial. The time is compared with what a client that knows the limits would need.
MAX = {rounded: (1.1, 2.1), exact: (1.12, 1.5), silent: (1.13, 1.75)}
MAX_QUEUED_TIME = 1.8  # a queue of 20 at 20/s answers a second late


@limiters
@sayings
@pytest.mark.parametrize("latency_s", [0.005, 0.05])
@pytest.mark.parametrize("change", [(100, 20, 5, 30), (20, 200, 10, 14)], ids=["down", "up"])
def test_a_limit_that_changes_is_found_again(limiter, saying, latency_s, change):
    """100/s, after 5 s 20/s; and 20/s, after 10 s 200/s."""
    before, after, at, ideal_s = change
    most_ratio, most_time = MAX[saying]
    if limiter is LIMITERS["leaky bucket of 20"]:
        most_time = max(most_time, MAX_QUEUED_TIME)
    server = Server(Changing(limiter(before), limiter(after), at), saying)
    ratio, took_s = fetched(server, latency_s)
    assert ratio <= most_ratio
    assert took_s <= most_time * ideal_s


@limiters
@sayings
def test_clients_that_share_a_limit_settle(limiter, saying):
    """Three clients, each with 32 workers: at most 1.15 requests per id in sum."""
    fetches = [Fetch(Pacer(0.0, uniform=random.Random(n).random), 1000, 32) for n in range(3)]
    run(fetches, Server(limiter(100), saying), 0.02)
    assert sum(fetch.requests for fetch in fetches) <= 1.15 * 3000
    assert not any(fetch.open or fetch.early for fetch in fetches)


@limiters
@sayings
def test_a_server_that_penalises_is_not_provoked(limiter, saying):
    """Nothing is sent during a Retry-After, so that blocks come to an end."""
    ratio, _ = fetched(Server(Penalising(limiter(100), 0.2), saying), 0.02)
    assert ratio <= 1.1


@limiters
@sayings
def test_latency_may_vary(limiter, saying):
    """Requests overtake each other, by a tenth of the latency."""
    fetch = Fetch(Pacer(0.0, uniform=random.Random(7).random), 1000, 32)
    run([fetch], Server(limiter(100), saying), 0.02, jitter=0.1)
    assert fetch.open == fetch.early == 0
    assert fetch.requests <= 1100


def test_no_limit_no_delay():
    """As long as nothing is refused, nothing waits."""
    pacer = Pacer(0.0)
    for number in range(10_000):
        assert pacer.ready_at(number / 1e6) == number / 1e6
        pacer.record_sent(number / 1e6)
        pacer.record_success(number / 1e6, 0.0)
    assert pacer.rate is None


def test_a_low_estimate_is_outgrown():
    """A 503 of an outage is not taken for a limit for long."""
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


def test_time_in_which_nothing_is_sent_proves_nothing():
    """The rate does not grow while there is nothing to send."""
    pacer = Pacer(0.0)
    pacer.record_sent(0.0)
    pacer.record_throttled(0.1, 0.0, 1.0)
    pacer.record_sent(1.1)
    before = pacer.rate
    pacer.record_sent(1000.0)
    assert pacer.rate <= 2 * before + 10


def test_pauses_that_the_server_does_not_ask_for_grow_and_vary():
    """They grow while nothing is let through, up to a minute, each by a random part shorter."""
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


def test_what_was_on_its_way_is_the_same_event():
    """One refusal or thirty-two: the estimate is the same."""
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


def paced(pacer, now, count):
    """Send some requests as soon as allowed, let through at once; return the time."""
    for _ in range(count):
        now = pacer.ready_at(now)
        pacer.record_sent(now)
        pacer.record_success(now, now)
    return now


@given(st.integers(1, 50), st.floats(0, 100) | st.none())
def test_stale_refusals_change_no_estimate(count, retry_after):
    """What was sent before a pause ended only extends the waiting, if it says so."""
    pacers = [Pacer(0.0, uniform=lambda: 0.5) for _ in range(2)]
    for pacer in pacers:
        now = paced(pacer, 0.0, 5)
        pacer.record_sent(now)
        pacer.record_throttled(now, now, 1.0)
        now = paced(pacer, pacer.ready_at(now), 3)
    stale, other = pacers
    for _ in range(count):
        stale.record_throttled(now, 0.5, retry_after)
        assert stale.rate == other.rate
    assert stale.ready_at(now) == max(other.ready_at(now), now + (retry_after or 0.0))
    later = stale.ready_at(now)
    for pacer in pacers:
        pacer.record_sent(later)
    assert stale.rate == other.rate


def test_stale_successes_change_no_estimate():
    """What was sent before a pause ended says nothing of the time after it."""
    rates = []
    for stale in (0, 500):
        pacer = Pacer(0.0, uniform=lambda: 0.5)
        now = paced(pacer, 0.0, 5)
        pacer.record_throttled(now, now, 1.0)
        now = paced(pacer, pacer.ready_at(now), 30)
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
def test_what_holds_whatever_a_server_does(moves, max_rate, rng):
    """No request before a Retry-After is over; no more than `max_rate`; all times are finite."""
    pacer = Pacer(0.0, max_rate=max_rate, uniform=rng.random)
    now, barred_until, flying, sent = 0.0, 0.0, [], []
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
                    flying.append(now)
        elif flying:
            sent_at = flying.pop(rng.randrange(len(flying)))
            if move == "pass":
                pacer.record_success(now, sent_at)
            else:
                pacer.record_throttled(now, sent_at, retry_after)
                barred_until = max(barred_until, now + (retry_after or 0.0))
        assert pacer.rate is None or 0 < pacer.rate <= (max_rate or 1e6)
    if max_rate is not None:
        assert_within(sent, max_rate)


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
    assert_within(sent, 50.0)


def assert_within(sent, max_rate):
    """No time holds more requests than it may, its burst included."""
    burst = max(1.0, max_rate / 100)
    for first, begin in enumerate(sent):
        for last in range(first, len(sent)):
            allowed = (sent[last] - begin) * max_rate + burst
            assert last - first + 1 <= allowed * (1 + 1e-6) + 1e-6


@pytest.mark.parametrize("max_rate", [5.0, 100.0, 2000.0])
@pytest.mark.parametrize("limiter", [FixedWindow, lambda limit: TokenBucket(limit, 20)])
def test_max_rate_is_a_cap_and_is_reached(max_rate, limiter):
    """Nothing is refused by a server that allows as much; and the time is not wasted."""
    fetch = Fetch(Pacer(0.0, max_rate=max_rate), 500, 64)
    run([fetch], Server(limiter(2 * max_rate), exact), 0.02)
    assert fetch.requests == 500
    assert fetch.ended_at <= 500 / max_rate * 1.05 + 0.05


def test_late_timers_lose_nothing():
    """Within a tick what is late catches up; what is later does not come in a heap."""
    pacer = Pacer(0.0, max_rate=1000.0)
    now, sent = 0.0, []
    while now < 2.0:
        while pacer.ready_at(now) <= now:
            pacer.record_sent(now)
            sent.append(now)
        now += 0.004
    assert len(sent) >= 1990
    pacer.record_sent(100.0)
    heap = 1
    while pacer.ready_at(100.0) <= 100.0:
        pacer.record_sent(100.0)
        heap += 1
    assert heap <= 10


def test_memory_is_bounded():
    """A long run without a refusal keeps no more than a short one."""
    pacer = Pacer(0.0)
    for number in range(5000):
        pacer.record_sent(float(number))
        pacer.record_success(float(number), float(number))
    assert len(pacer._cycle._passed_at) == 1024
