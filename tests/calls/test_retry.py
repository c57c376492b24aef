"""What may be tried again, after how long, and how often in an outage."""

import os
import threading
import time
from email.utils import formatdate
from math import isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from modelgates_client.calls.retry import (
    RetryBudget,
    RetryPolicy,
    Setback,
    backoff_s,
    is_retryable,
    retry_after_s,
)

NOW = 784_111_777.0  # the moment of the examples in RFC 9110, section 5.6.7
MENDABLE = {408, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 527, 529}
UNIFORM = st.floats(0, 1)

DATES = [
    "Sun, 06 Nov 1994 08:49:37 GMT",
    "Sunday, 06-Nov-94 08:49:37 GMT",
    "Sun Nov  6 08:49:37 1994",
    "Sun, 06 Nov 1994 09:49:37 +0100",
    "Sun, 06 Nov 1994 08:49:37 -0000",
]

#: Texts that are numbers or dates, or nearly.
PARTS = st.sampled_from(
    [
        *(" ", ",", ":", "-", "+", ".", "e", "_", "/", ";", "\t", "\n", "\x00", "é", "٣", "²"),
        *("Sun", "sunday,", "Nov", "06", "08:49:37", "24:00:00", "1:2", "1994", "94", "99999"),
        *("GMT", "EST", "+0100", "-0000", "0", "-1", "1e999", "nan", "inf", "0x1", "9" * 25),
    ]
)
ODD = st.text() | st.lists(PARTS, max_size=9).map(" ".join) | st.lists(PARTS).map("".join)


def after(text, now=NOW):
    """Return the seconds that a `Retry-After` asks for."""
    return retry_after_s({"retry-after": text}, lambda: now)


@given(st.integers(0, 10**9))
def test_whole_seconds_are_read(seconds):
    """As the RFC has them."""
    assert after(str(seconds)) == seconds


@given(st.floats(0, 1e12))
def test_decimals_are_read(seconds):
    """Beyond the RFC, and what some servers send."""
    assert after(repr(seconds)) == seconds


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Tokyo"])
@pytest.mark.parametrize("date", DATES)
@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone of a process is set so on POSIX")
def test_dates_are_read_in_all_three_forms(monkeypatch, zone, date):
    """To the second, wherever this machine is; the form of asctime names no zone, and is UTC."""
    with monkeypatch.context() as patch:
        patch.setitem(os.environ, "TZ", zone)
        time.tzset()
        found = after(date, NOW - 10)
    time.tzset()
    assert found == 10


@given(st.integers(0, 253_402_300_799), st.integers(0, 2**33))
def test_a_date_is_the_time_until_it(at, now):
    """One that has passed asks for no wait."""
    assert after(formatdate(at, usegmt=True), now) == max(0, at - now)


@given(ODD, ODD, st.booleans())
def test_no_text_makes_it_raise_or_wait_for_ever(text, other, with_other):
    """It is None, or a number of seconds that can be reckoned with."""
    headers = {"retry-after": text} | ({"retry-after-ms": other} if with_other else {})
    found = retry_after_s(headers)
    assert found is None or (isfinite(found) and found >= 0)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "soon", "nan", "NaN", "inf", "-inf", "infinity", "1e999", "-1", "-0.5", "0x10"),
        *("1 s", "1;2", "2030-01-01", "99 Nov 1994 08:49:37 GMT", "06 Nov 1994 25:49:37 GMT"),
    ],
)
def test_what_is_not_clear_is_not_guessed(text):
    """Neither as a wait of nothing, nor as one without end."""
    assert after(text) is None
    assert retry_after_s({"retry-after-ms": text}) is None
    assert retry_after_s({"retry-after-ms": text, "retry-after": "3"}) == 3


def test_none_is_asked_for():
    """Then the schedule decides."""
    assert retry_after_s({}) is None
    assert retry_after_s({"Retry-After": "3", "x-retry-after": "3"}) is None  # names are lower case


@given(st.floats(0, 1e12), ODD)
def test_milliseconds_come_first(milliseconds, text):
    """They are finer."""
    found = retry_after_s({"retry-after-ms": repr(milliseconds), "retry-after": text})
    assert found == milliseconds / 1000


def test_exactly_what_another_attempt_may_mend_is_retryable():
    """Those of the API, and of the edge before it; no other."""
    assert {status for status in range(1000) if is_retryable(status, {})} == MENDABLE


@given(st.integers(100, 999), st.sampled_from(["true", "false", "True", " FALSE ", "TRUE\t"]))
def test_the_server_overrules(status, said):
    """It knows best."""
    assert is_retryable(status, {"x-should-retry": said}) is (said.strip().lower() == "true")


@given(
    st.integers(100, 999), st.text().filter(lambda t: t.strip().lower() not in {"true", "false"})
)
def test_other_words_overrule_nothing(status, said):
    """Only the two that are known."""
    assert is_retryable(status, {"x-should-retry": said}) is (status in MENDABLE)


@given(st.integers(1, 10**6), UNIFORM)
def test_backoff_has_full_jitter_within_bounds(attempt, share):
    """From nothing to twice the longest before, at most 8 s, however many there were."""
    longest = backoff_s(attempt, lambda: 1.0)
    assert backoff_s(attempt, lambda: 0.0) == 0
    assert backoff_s(attempt, lambda: share) == share * longest
    assert longest == min(8.0, 0.5 * 2 ** min(attempt - 1, 10))
    assert longest <= backoff_s(attempt + 1, lambda: 1.0)


def test_there_is_no_backoff_after_nothing():
    """Polling goes by its schedule until something fails."""
    assert backoff_s(0, lambda: 1.0) == 0


class BudgetModel(RuleBasedStateMachine):
    """The budget beside a plain number."""

    def __init__(self):
        super().__init__()
        self.budget = RetryBudget()
        self.tokens = 500

    @rule(cost=st.sampled_from([5, 10]) | st.integers(0, 600))
    def spend(self, cost):
        paid = self.budget.spend(cost)
        assert paid is (self.tokens >= cost)
        self.tokens -= cost if paid else 0

    @rule(amount=st.sampled_from([1, 5, 10]) | st.integers(0, 600))
    def refund(self, amount):
        self.budget.refund(amount)
        self.tokens = min(500, self.tokens + amount)

    @rule(paid=st.sampled_from([0, 5, 10]))
    def succeed(self, paid):
        RetryPolicy(4, self.budget).succeeded(paid)
        self.tokens = min(500, self.tokens + (paid or 1))

    @rule(timed_out=st.booleans(), attempt=st.integers(1, 5))
    def fail(self, timed_out, attempt):
        setback = Setback(retryable=True, timed_out=timed_out)
        pause = RetryPolicy(4, self.budget).pause(setback, attempt, 100.0)
        cost = 10 if timed_out else 5
        pays = attempt <= 4 and self.tokens >= cost
        assert (pause is not None) is pays
        self.tokens -= cost if pays else 0

    @invariant()
    def is_as_the_number(self):
        assert self.budget._tokens == self.tokens
        assert 0 <= self.tokens <= RetryBudget.CAPACITY


TestBudget = BudgetModel.TestCase


@given(st.integers(0, 10), st.booleans(), UNIFORM)
def test_an_outage_is_not_multiplied(max_retries, timed_out, share):
    """However many calls fail, a client's retries are at most what the budget pays for."""
    policy = RetryPolicy(max_retries, RetryBudget(), lambda: share)
    setback = Setback(retryable=True, timed_out=timed_out)
    retries = 0
    for _ in range(200):
        attempt = 1
        while policy.pause(setback, attempt, 1000.0) is not None:
            attempt += 1
        retries += attempt - 1
    assert retries == min(200 * max_retries, RetryBudget.CAPACITY // setback.cost)


def test_threads_cannot_overdraw_it():
    """What 16 threads spend together is what there was."""
    budget, start, paid = RetryBudget(), threading.Barrier(16), []

    def spend():
        start.wait()
        paid.extend(budget.spend(1) for _ in range(200))

    threads = [threading.Thread(target=spend) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(paid) == RetryBudget.CAPACITY
    assert budget._tokens == 0


@given(
    st.builds(Setback, st.booleans(), st.none() | st.floats(0, 1e6), st.booleans()),
    st.integers(1, 20),
    st.integers(0, 10),
    st.floats(0, 1e5),
    UNIFORM,
)
def test_a_pause_is_granted_where_it_helps_and_fits(
    setback, attempt, max_retries, remaining_s, share
):
    """At least what the server asked for, less than what remains; and only then it is paid for."""
    budget = RetryBudget()
    pause = RetryPolicy(max_retries, budget, lambda: share).pause(setback, attempt, remaining_s)
    wanted = max(setback.retry_after or 0, backoff_s(attempt, lambda: share))
    if setback.retryable and attempt <= max_retries and wanted < remaining_s:
        assert pause == wanted
        assert budget._tokens == RetryBudget.CAPACITY - setback.cost
    else:
        assert pause is None
        assert budget._tokens == RetryBudget.CAPACITY
