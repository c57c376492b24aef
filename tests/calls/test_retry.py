"""Which outcomes are retried, after how long, and how often in an outage."""

import os
import random
import threading

import pytest
from hypothesis import given, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from modelgates_client.calls.retry import (
    RETRYABLE_STATUSES as MEANINGS,
    FailedAttempt,
    RetryBudget,
    RetryPace,
    RetryPolicy,
    RetryTurn,
    backoff_s,
    is_retryable,
)

from .server_turns import RETRYABLE_STATUSES
from .simulation import Clock

UNIFORM = st.floats(0, 1)


def test_exactly_the_transient_errors_are_retryable():
    """Those of the API and of the edge in front of it."""
    assert {status for status in range(1000) if is_retryable(status, {})} == RETRYABLE_STATUSES


def test_only_statuses_that_say_nothing_of_the_request_may_be_an_outage():
    """A 500 may be due to the request, and a 429 is a rate limit; 503 and 529 may be one, too."""
    outage = {status for status, meaning in MEANINGS.items() if meaning.may_be_outage}
    assert outage == {408, 502, 503, 504, *range(520, 530)}
    limit = {status for status, meaning in MEANINGS.items() if meaning.may_be_rate_limit}
    assert limit == {503, 529}


def test_waits_of_a_bulk_run_are_the_shortest():
    """The run spreads its requests itself."""
    policy = RetryPolicy(10, RetryBudget(Clock()), lambda: 1.0)
    failed = FailedAttempt(retryable=True)
    assert policy.backoff_s(failed, 1, 30.0) == 0.5
    assert policy.for_bulk().backoff_s(failed, 1, 30.0) == 0.25


@given(st.integers(100, 999), st.sampled_from(["true", "false", "True", " FALSE ", "TRUE\t"]))
def test_x_should_retry_overrules_the_status(status, value):
    """The server knows best."""
    assert is_retryable(status, {"x-should-retry": value}) is (value.strip().lower() == "true")


@given(
    st.integers(100, 999), st.text().filter(lambda t: t.strip().lower() not in {"true", "false"})
)
def test_other_values_of_x_should_retry_are_ignored(status, value):
    """Only `true` and `false` are defined."""
    assert is_retryable(status, {"x-should-retry": value}) is (status in RETRYABLE_STATUSES)


@given(st.integers(1, 10**6), UNIFORM)
def test_backoff_doubles_within_bounds(attempt, share):
    """Half of it is random; it is at most 3 s after any number of attempts."""
    longest_s = backoff_s(attempt, lambda: 1.0, 100.0)
    assert longest_s == min(3.0, 0.5 * 2 ** min(attempt - 1, 10))
    assert backoff_s(attempt, lambda: 0.0, 100.0) == longest_s / 2
    assert backoff_s(attempt, lambda: share, 100.0) == longest_s * (1 + share) / 2
    assert longest_s <= backoff_s(attempt + 1, lambda: 1.0, 100.0)


@given(UNIFORM)
def test_the_retries_outlast_ten_seconds_within_the_default_deadline(share):
    """With the default number of retries; a short outage costs at most half a second."""
    pauses = [backoff_s(attempt, lambda: share, 30.0) for attempt in range(1, 11)]
    assert 12 < sum(pauses) < 25
    assert 0.25 <= pauses[0] <= 0.5


@given(st.integers(1, 100), UNIFORM, st.floats(-10, 100))
def test_a_retry_is_only_scheduled_within_the_deadline(attempt, share, max_s):
    """A later attempt would have no time."""
    assert 0 <= backoff_s(attempt, lambda: share, max_s) <= max(0.0, max_s)


@given(st.integers(1, 100), UNIFORM, st.floats(0, 100), st.floats(0, 100))
def test_a_retry_after_is_kept_and_has_jitter(attempt, share, asked_s, max_s):
    """Never shorter; up to a second or two longer if there is time, so that retries spread."""
    wait_s = backoff_s(attempt, lambda: share, max_s, asked_s)
    assert asked_s <= wait_s <= max(asked_s, max_s, 0) + 1e-9
    assert wait_s <= max(3, asked_s + 1)
    if share and asked_s >= 1 and max_s >= asked_s + 3:
        assert wait_s > asked_s or share < 1e-9


@pytest.mark.parametrize("asked_s", [0.0, 0.25, 1.0, 60.0])
def test_refused_calls_do_not_retry_at_the_same_time(asked_s):
    """First within half a second after a short Retry-After, otherwise within one."""
    spread_s = backoff_s(1, lambda: 1.0, 100.0, asked_s) - backoff_s(1, lambda: 0.0, 100.0, asked_s)
    assert spread_s == pytest.approx(1.0 if asked_s >= 1 else 0.5 - asked_s)


class BudgetModel(RuleBasedStateMachine):
    """Compares the budget with a list of the queued calls."""

    def __init__(self):
        super().__init__()
        self.clock = Clock()
        self.budget = RetryBudget(self.clock)
        self.tokens = 100.0  # less those that queue
        self.numbers = []

    def grant(self, count):
        self.tokens = min(100.0, self.tokens + count)

    @rule()
    def take(self):
        self.tokens -= 1
        self.numbers.append(self.budget.take())

    @rule(count=st.integers(1, 60))
    def take_many(self, count):
        for _ in range(count):
            self.take()

    @rule(after_token=st.booleans())
    def succeed(self, after_token):
        turn = RetryTurn(self.budget, 1) if after_token else None
        RetryPolicy(4, self.budget, random.random).record_response(turn)
        self.grant(1 + after_token)

    @rule(seconds=st.integers(0, 100).map(lambda eighths: eighths / 8))
    def pass_time(self, seconds):
        self.clock.now_s += seconds
        self.grant(10 * seconds)

    @invariant()
    def queues_in_order(self):
        for ahead, number in enumerate(self.numbers[:-30:-1]):
            assert self.budget.wait_s(number) == max(0.0, -self.tokens - ahead) / 10

    @invariant()
    def hands_out_no_more_than_there_is(self):
        assert self.budget._granted_count <= self.budget._last_number + RetryBudget.CAPACITY


TestBudget = BudgetModel.TestCase


def test_a_budget_delays_instead_of_failing():
    """A hundred retries at once, ten more per second, and more after successes."""
    clock = Clock()
    budget = RetryBudget(clock)
    numbers = [budget.take() for _ in range(120)]
    assert [budget.wait_s(number) for number in numbers[:100]] == [0] * 100
    assert [budget.wait_s(number) for number in numbers[100:103]] == [0.1, 0.2, 0.3]
    clock.now_s = 1.0
    assert budget.wait_s(numbers[109]) == 0
    assert budget.wait_s(numbers[119]) == 1
    budget.refund(5)
    assert budget.wait_s(numbers[119]) == 0.5


def test_threads_cannot_overdraw_the_budget():
    """Each retry of 16 threads has its own token."""
    budget, start, numbers = RetryBudget(Clock()), threading.Barrier(16), []

    def take():
        start.wait()
        numbers.extend(budget.take() for _ in range(200))

    threads = [threading.Thread(target=take) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(1, 3201))
    assert sum(not budget.wait_s(number) for number in numbers) == RetryBudget.CAPACITY


@pytest.mark.parametrize("child", [-1, 2**40])
def test_a_child_process_does_not_queue_behind_its_parents_threads(monkeypatch, child):
    """These threads do not exist in the child, whose process id may be lower or higher."""
    budget = RetryBudget(Clock())
    for _ in range(500):
        budget.take()
    monkeypatch.setattr(os, "getpid", lambda: child)
    assert budget.wait_s(budget.take()) == 0.1


@given(
    st.builds(FailedAttempt, st.booleans(), st.none() | st.floats(0, 1e6), st.booleans()),
    st.integers(1, 20),
    st.integers(0, 10),
)
def test_retries_are_counted(failed_attempt, attempt, max_retries):
    """There are `max_retries` of them."""
    policy = RetryPolicy(max_retries, RetryBudget(Clock()), random.random)
    assert policy.allows(failed_attempt, attempt) is (
        failed_attempt.retryable and attempt <= max_retries
    )


def test_a_rate_limit_refusal_takes_no_token():
    """It is not a failure."""
    budget = RetryBudget(Clock())
    policy = RetryPolicy(4, budget, random.random)
    assert policy.queue(FailedAttempt(retryable=True)) is budget
    assert policy.queue(FailedAttempt(retryable=True, is_limit=True)) is budget.pace


def pace_after(clock, seconds, count):
    """Return a pace after some retries were admitted, evenly within a period."""
    pace = RetryPace(clock)
    for _ in range(count):
        clock.now_s += seconds / count
        pace.record_passed(pace.take())
    return pace


def test_refused_retries_are_sent_one_by_one():
    """At 1,000/s while no limit is known."""
    pace = RetryPace(Clock())
    assert [pace.wait_s(pace.take()) for _ in range(3)] == [0, 0.001, 0.002]


def test_a_refusal_slows_down_retries():
    """By a tenth; refusals of requests in flight, or before any success, count once."""
    pace = pace_after(Clock(), 1.0, 10)
    earlier, number = pace.take(), pace.take()
    pace.record_refused(number)
    assert pace.per_second == 900
    pace.record_refused(earlier)
    pace.record_refused(pace.take())
    assert pace.per_second == 900
    pace.record_passed(pace.take())
    pace.record_refused(pace.take())
    assert pace.per_second == pytest.approx(810, rel=0.001)


def test_only_later_retries_speed_up_a_pace():
    """A request that was not refused, or a retry in flight, passed before the pace was slower."""
    pace = pace_after(Clock(), 1.0, 10)
    in_flight = pace._last_number
    pace.record_refused(pace.take())
    pace.record_passed(0)
    pace.record_passed(in_flight)
    assert pace.per_second == 900
    pace.record_passed(pace.take())
    assert pace.per_second > 900


def test_a_pace_is_as_fast_as_requests_passed_in_the_last_second():
    """However slow it was."""
    pace = RetryPace(Clock())
    pace.per_second = RetryPace.MIN_PER_SECOND
    for _ in range(3):
        pace.record_passed(pace.take())
    pace.record_refused(pace.take())
    assert pace.per_second == 3


def test_retries_are_as_fast_as_requests_succeed():
    """Random refusals are not a limit. Requests that were never refused count, too."""
    clock = Clock()
    pace = pace_after(clock, 1.0, 1)
    for _ in range(3000):
        clock.now_s += 0.002
        pace.record_passed(0)
        pace.record_passed(pace.take())
        pace.record_refused(pace.take())
    assert 900 < pace.per_second <= 1000
    for _ in range(400):
        clock.now_s += 0.1
        pace.record_passed(pace.take())
        pace.record_refused(pace.take())
    assert 9 < pace.per_second < 11


def test_the_pace_of_retries_grows_exponentially():
    """A limit that is raised tenfold is reached within a hundred retries."""
    pace = pace_after(Clock(), 1.0, 1)
    pace.per_second = 20.0
    for _ in range(100):
        pace.record_passed(pace.take())
    assert 200 < pace.per_second < 300
    for _ in range(1000):
        pace.record_passed(pace.take())
    assert pace.per_second == RetryPace.MAX_PER_SECOND


def test_the_pace_of_retries_never_drops_to_zero():
    """However few succeed."""
    clock = Clock()
    pace = RetryPace(clock)
    for _ in range(100):
        clock.now_s += 10.0
        pace.record_passed(pace.take())
        pace.record_refused(pace.take())
    assert pace.per_second == RetryPace.MIN_PER_SECOND


def test_nothing_is_assumed_of_a_failure():
    """Least of all that the server did not act on the request."""
    assert FailedAttempt(retryable=True) == (True, None, False, False, False)
    assert RetryTurn() == (None, 0)
