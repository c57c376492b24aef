"""Rate limits in the headers of a response, valid or not."""

import pytest
from hypothesis import given, strategies as st

from modelgates_client import RateLimit
from modelgates_runtime.types import Response

NOW = 1_800_000_000.0


def rate_limit_of(**headers):
    """Return the rate limit in some headers, at a fixed time."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return RateLimit.from_headers(headers, lambda: NOW)


@pytest.mark.parametrize("names", ["x-ratelimit-", "x-rate-limit-", "ratelimit-"])
def test_limit_remaining_and_reset_are_read(names):
    """Under each of the names that servers have for them; 0 is left as 0."""
    headers = {f"{names}limit": "100", f"{names}remaining": "0", f"{names}reset": "12.5"}
    assert RateLimit.from_headers(headers) == RateLimit(100, 0, 12.5)


@pytest.mark.parametrize("reset", ["30", f"{NOW + 30:.0f}", f"{(NOW + 30) * 1000:.0f}"])
def test_a_reset_is_a_duration_or_a_time(reset):
    """In seconds, or as a time in epoch seconds or milliseconds."""
    assert rate_limit_of(x_ratelimit_reset=reset) == RateLimit(None, None, 30.0)


@pytest.mark.parametrize(
    "limit", ["100, 100;w=60", "100, 5000;w=3600, 100;w=60", "100;w=60", "100, 100"]
)
def test_the_first_of_several_limits_is_used(limit):
    """As in the first drafts, or when the header is repeated."""
    assert rate_limit_of(ratelimit_limit=limit, ratelimit_remaining="7") == RateLimit(100, 7, None)


def test_a_date_is_compared_to_the_clock_of_the_server():
    """This machine's clock may be wrong."""
    date = "Sun, 06 Nov 1994 08:49:37 GMT"
    assert rate_limit_of(ratelimit_reset="1994-11-06T08:49:47Z", date=date) == RateLimit(
        None, None, 10.0
    )


def test_without_headers_the_limit_is_unknown():
    """Unknown is not 0."""
    assert rate_limit_of() is None
    assert (
        rate_limit_of(x_ratelimit_limit="many", x_ratelimit_remaining="-1", x_ratelimit_reset="")
        is None
    )
    assert rate_limit_of(x_ratelimit_limit="1.5", x_ratelimit_remaining="7") == RateLimit(
        None, 7, None
    )


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        # Drafts 8 to 10: items with parameters, the quota in a header of its own
        ({"ratelimit": '"default";r=50;t=30'}, (None, 50, 30.0)),
        (
            {"ratelimit": '"default";r=50;t=30', "ratelimit-policy": '"default";q=100;w=60'},
            (100, 50, 30.0),
        ),
        ({"ratelimit": '"a;r=9,b" ; r=0 ; t=2.5 ; pk=:c2s=:'}, (None, 0, 2.5)),
        ({"ratelimit": '"say \\"r=7\\"";r=1'}, (None, 1, None)),
        ({"ratelimit": "default;r=5"}, (None, 5, None)),
        # Drafts 4 to 7: a dictionary
        ({"ratelimit": "limit=100, remaining=0, reset=30"}, (100, 0, 30.0)),
        ({"ratelimit": "limit=100;w=60,remaining=7,reset=1"}, (100, 7, 1.0)),
        # Of several, the one that leaves least, and longest
        ({"ratelimit": '"minute";r=50;t=30, "day";r=3;t=9000'}, (None, 3, 9000.0)),
        (
            {
                "ratelimit": '"minute";r=0;t=30, "day";r=0;t=9000',
                "ratelimit-policy": '"minute";q=100;w=60, "day";q=500',
            },
            (500, 0, 9000.0),
        ),
        # Single headers come first; nonsense says nothing
        ({"ratelimit": '"d";r=50;t=30', "x-ratelimit-remaining": "7"}, (None, 7, 30.0)),
        ({"ratelimit": '"default;r=50'}, None),
        ({"ratelimit": '"default";r=-1;t=x'}, None),
        ({"ratelimit": ""}, None),
        ({"ratelimit-policy": '"default";q=100;w=60'}, (100, None, None)),
    ],
)
def test_a_combined_header_is_read(headers, expected):
    """In the forms that the drafts of the IETF have had."""
    rate_limit = RateLimit.from_headers(headers, lambda: NOW)
    assert rate_limit == (None if expected is None else RateLimit(*expected))


@given(st.text(), st.text(), st.text())
def test_any_header_value_is_valid_or_unknown(limit, remaining, reset):
    """Counts are non-negative integers, times are finite, anything else is unknown."""
    rate_limit = rate_limit_of(
        x_ratelimit_limit=limit, ratelimit_remaining=remaining, x_ratelimit_reset=reset
    )
    if rate_limit is not None:
        assert all(value is None or value >= 0 for value in rate_limit)


@given(st.text(alphabet='"\\;,=rtqa 0123.-', max_size=40), st.text(max_size=20))
def test_any_combined_header_is_valid_or_unknown(combined, policy):
    """With any quotes, semicolons and commas."""
    rate_limit = RateLimit.from_headers({"ratelimit": combined, "ratelimit-policy": policy})
    if rate_limit is not None:
        assert all(value is None or value >= 0 for value in rate_limit)


def test_a_response_has_the_rate_limit():
    """Whatever its body is."""
    assert Response(None, 200, {"x-ratelimit-remaining": "3"}, b"").rate_limit == RateLimit(
        None, 3, None
    )
    assert Response(None, 200, {}, b"").rate_limit is None
