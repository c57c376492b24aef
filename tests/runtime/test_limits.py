"""What a server says of its rate limit, and what is nonsense."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelgates_client import RateLimit
from modelgates_runtime.types import Response

NOW = 1_800_000_000.0


def said(**headers):
    """Return what headers say, at some moment."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return RateLimit.of(headers, lambda: NOW)


@pytest.mark.parametrize("names", ["x-ratelimit-", "x-rate-limit-", "ratelimit-"])
def test_limit_remaining_and_reset_are_read(names):
    """Under each of the names that servers have for them; 0 is left as 0."""
    headers = {f"{names}limit": "100", f"{names}remaining": "0", f"{names}reset": "12.5"}
    assert RateLimit.of(headers) == RateLimit(100, 0, 12.5)


@pytest.mark.parametrize("reset", ["30", f"{NOW + 30:.0f}", f"{(NOW + 30) * 1000:.0f}"])
def test_a_reset_is_in_seconds_or_a_moment(reset):
    """In epoch seconds, or milliseconds."""
    assert said(x_ratelimit_reset=reset) == RateLimit(None, None, 30.0)


def test_a_moment_is_judged_by_the_clock_of_the_server():
    """Ours may be wrong."""
    date = "Sun, 06 Nov 1994 08:49:37 GMT"
    assert said(ratelimit_reset="1994-11-06T08:49:47Z", date=date) == RateLimit(None, None, 10.0)


def test_a_server_that_says_nothing_has_no_limit_that_is_known():
    """Which is not 0."""
    assert said() is None
    assert said(x_ratelimit_limit="many", x_ratelimit_remaining="-1", x_ratelimit_reset="") is None
    assert said(x_ratelimit_limit="1.5", x_ratelimit_remaining="7") == RateLimit(None, 7, None)


@given(st.text(), st.text(), st.text())
def test_no_header_makes_it_raise(limit, remaining, reset):
    """What is said is a whole number, a time that can be waited, or not known."""
    found = said(x_ratelimit_limit=limit, ratelimit_remaining=remaining, x_ratelimit_reset=reset)
    if found is not None:
        assert all(value is None or value >= 0 for value in found)


def test_an_answer_has_it():
    """As each response, whatever its body is."""
    assert Response(None, 200, {"x-ratelimit-remaining": "3"}, b"").rate_limit == RateLimit(
        None, 3, None
    )
    assert Response(None, 200, {}, b"").rate_limit is None
