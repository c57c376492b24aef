"""The wait that a server asks for: seconds and dates in headers and bodies, and invalid values."""

import os
import time
from email.utils import formatdate
from math import isfinite

import pytest
from hypothesis import given, strategies as st

from modelgates_client.calls.responses import interpret, requested_wait_s
from modelgates_client.resources.generations import call_for
from modelgates_client.transport.messages import HTTPResponse
from modelgates_runtime.limits import retry_after_s

from .server_turns import encode_json

NOW = 784_111_777.0  # the time in the examples of RFC 9110, section 5.6.7

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


def retry_after_of(text, now=NOW):
    """Return the seconds that a `Retry-After` asks for."""
    return retry_after_s(503, {"retry-after": text}, None, lambda: now)


@given(st.integers(0, 10**9))
def test_whole_seconds_are_read(seconds):
    """RFC 9110, section 10.2.3."""
    assert retry_after_of(str(seconds)) == seconds


@given(st.floats(0, 1e12))
def test_decimals_are_read(seconds):
    """The RFC does not allow them, but some servers send them."""
    assert retry_after_of(repr(seconds)) == seconds


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Tokyo"])
@pytest.mark.parametrize("date", DATES)
@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone of a process is set so on POSIX")
def test_dates_are_read_in_all_three_forms(monkeypatch, zone, date):
    """To the second, in any time zone of this machine; the asctime form is UTC."""
    with monkeypatch.context() as patch:
        patch.setitem(os.environ, "TZ", zone)
        time.tzset()
        wait_s = retry_after_of(date, NOW - 10)
    time.tzset()
    assert wait_s == 10


@given(st.integers(0, 253_402_300_799), st.integers(0, 2**33))
def test_a_date_asks_for_the_time_until_it(at, now):
    """A date in the past asks for no wait."""
    assert retry_after_of(formatdate(at, usegmt=True), now) == max(0, at - now)


@given(ODD, ODD, st.booleans())
def test_any_retry_after_is_none_or_finite(text, other, with_other):
    """No text raises."""
    headers = {"retry-after": text} | ({"retry-after-ms": other} if with_other else {})
    wait_s = retry_after_s(503, headers)
    assert wait_s is None or (isfinite(wait_s) and wait_s >= 0)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "soon", "nan", "NaN", "inf", "-inf", "infinity", "1e999", "-1", "-0.5", "0x10"),
        *("1 s", "1;2", "2030-01-01", "99 Nov 1994 08:49:37 GMT", "06 Nov 1994 25:49:37 GMT"),
    ],
)
def test_an_ambiguous_retry_after_is_ignored(text):
    """It is neither 0 nor infinite."""
    assert retry_after_of(text) is None
    assert retry_after_s(503, {"retry-after-ms": text}) is None
    assert retry_after_s(503, {"retry-after-ms": text, "retry-after": "3"}) == 3


def test_no_retry_after_is_none():
    """Then the backoff applies."""
    assert retry_after_s(503, {}) is None
    assert (
        retry_after_s(503, {"Retry-After": "3", "x-retry-after": "3"}) is None
    )  # names are lower case


@given(st.floats(0, 1e12), ODD)
def test_milliseconds_take_precedence(milliseconds, text):
    """They are more precise."""
    wait_s = retry_after_s(503, {"retry-after-ms": repr(milliseconds), "retry-after": text})
    assert wait_s == milliseconds / 1000


@given(st.integers(0, 2**33), st.integers(0, 86_400), st.floats(0, 1e11))
def test_a_date_is_compared_with_the_clock_of_the_server(now, wait, elsewhere):
    """The clock of this machine may be wrong."""
    headers = {"date": formatdate(now, usegmt=True), "retry-after": formatdate(now + wait)}
    assert retry_after_s(503, headers, None, lambda: elsewhere) == wait


@given(ODD)
def test_a_date_is_compared_with_the_local_clock_without_a_date_header(date):
    """An invalid `Date` is ignored."""
    headers = {"retry-after": formatdate(NOW + 5), "date": f"x{date}x"}
    assert retry_after_s(503, headers, None, lambda: NOW) == 5


def reset_after(value, status=429, now=NOW, **headers):
    """Return the seconds that a rate limit's reset asks for."""
    all_headers = {"x-ratelimit-reset": value, **headers}
    return retry_after_s(status, all_headers, None, lambda: now)


@pytest.mark.parametrize("name", ["x-ratelimit-reset", "x-rate-limit-reset", "ratelimit-reset"])
@pytest.mark.parametrize(
    ("now", "value", "seconds"),
    [
        (1741305000, "1741305600", 600),
        (1741305000, "1741305600000", 600),
        (1741305000, "1741305600500", 600.5),
        (1741305000, "1741304000", 0),
        (1741305000, "2025-03-07T00:00:00Z", 600),
        (1741305000, "2025-03-07T01:00:00+01:00", 600),
        (1741305000, "Fri, 07 Mar 2025 00:00:00 GMT", 600),
        (1741305000, "0", 0),
        (1741305000, "12.5", 12.5),
        (1741305000, "86400", 86_400),
        (1741305000, "1e8", None),
        (1741305000, "1741305600000000000", None),
        (1741305000, "soon", None),
        (1741305000, "-5", None),
        (1741305000, "", None),
    ],
)
def test_a_reset_is_an_epoch_or_a_duration(name, now, value, seconds):
    """By its size; an ambiguous value is ignored."""
    assert retry_after_s(429, {name: value}, None, lambda: now) == seconds


def test_a_reset_is_compared_with_the_clock_of_the_server():
    """As a date is."""
    assert reset_after("1741305600", now=0, date="Thu, 06 Mar 2025 23:59:00 GMT") == 60


def test_a_reset_counts_only_if_that_limit_is_exhausted():
    """Servers send it with every response; if requests remain, another limit refused this one."""
    assert reset_after("60", 503) is None
    assert reset_after("60", 404) is None
    assert reset_after("60", **{"x-ratelimit-remaining": "0"}) == 60
    assert reset_after("60", **{"x-ratelimit-remaining": "7"}) is None
    assert reset_after("60", **{"retry-after": "3"}) == 3


def test_a_combined_rate_limit_header_is_read():
    """As in newer drafts of the IETF."""
    assert retry_after_s(429, {"ratelimit": '"default";r=0;t=30'}) == 30
    assert retry_after_s(429, {"ratelimit": '"default";r=7;t=30'}) is None
    assert retry_after_s(503, {"ratelimit": '"default";r=0;t=30'}) is None
    assert (
        retry_after_s(429, {}, {"error": {"metadata": {"headers": {"RateLimit": "reset=9"}}}}) == 9
    )


@pytest.mark.parametrize(
    ("sent", "seconds"),
    [
        ({"error": {"metadata": {"headers": {"X-RateLimit-Reset": "1741305600000"}}}}, 600),
        ({"error": {"metadata": {"headers": {"x-ratelimit-reset": 1741305600000}}}}, 600),
        ({"error": {"metadata": {"headers": {"Retry-After": "7"}}}}, 7),
        ({"error": {"metadata": {"retry_after_seconds": 30}}}, 30),
        ({"error": {"metadata": {"retry_after": "30"}}}, 30),
        ({"error": {"retry_after": 2.5}}, 2.5),
        ({"error": {"retry_after_ms": 2500}}, 2.5),
        ({"error": "no", "retry_after": 64.5}, 64.5),
        ({"error": {"retry_after": True}}, None),
        ({"error": {"retry_after": 10**400}}, None),
        ({"error": {"retry_after": [3]}}, None),
        ({"error": {"retry_after": None, "metadata": {"retry_after": "soon"}}}, None),
        ({"error": {"metadata": ["retry_after"]}}, None),
        ({"error": {"metadata": {"headers": "Retry-After: 7"}}}, None),
        ({"error": None}, None),
        ({}, None),
    ],
)
def test_a_retry_after_is_read_from_the_body(sent, seconds):
    """In any field that gateways use for it, or for copies of another server's headers."""
    assert retry_after_s(429, {}, sent, lambda: 1741305000) == seconds
    http_response = HTTPResponse(429, {"date": "Thu, 06 Mar 2025 23:50:00 GMT"}, encode_json(sent))
    assert requested_wait_s(http_response) == seconds
    assert interpret(http_response, call_for("gen-1"), 1, "lenient").error.retry_after == seconds


def test_a_header_takes_precedence_over_the_body():
    """It comes from the server itself."""
    sent = {"error": {"metadata": {"headers": {"Retry-After": "7"}}, "retry_after": 8}}
    assert retry_after_s(429, {"retry-after": "9"}, sent) == 9


def test_a_retry_after_is_read_from_an_error_in_a_success():
    """By the code of the error, not the status."""
    sent = {"error": {"code": 429, "metadata": {"headers": {"X-RateLimit-Reset": "60"}}}}
    assert (
        interpret(
            HTTPResponse(200, {}, encode_json(sent)), call_for("gen-1"), 1, "lenient"
        ).failed_attempt.retry_after
        == 60
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ODD,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["error", "metadata", "headers", "retry_after", "Retry-After", "X-RateLimit-Reset"]
            ),
            inner,
        )
    ),
)


@given(st.sampled_from([404, 429, 503]), st.dictionaries(st.text(), JSON) | JSON, ODD)
def test_any_body_gives_none_or_a_finite_wait(status, sent, text):
    """No body raises."""
    headers = {"x-ratelimit-reset": text}
    wait_s = retry_after_s(status, headers, sent if isinstance(sent, dict) else None)
    assert wait_s is None or (isfinite(wait_s) and wait_s >= 0)
