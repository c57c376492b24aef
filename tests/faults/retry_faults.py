"""Faults in what a server says about retries."""

from functools import partial

from modelgates_client import (
    APIStatusError,
    APITimeoutError,
    BadRequestError,
    NotFoundError,
    RateLimitError,
    ServerError,
)

from .faults import VALUE, Fault, play
from .wire import error_body, page, response

_fault = partial(Fault, "retry")

_DOWN, _BUSY = "503 Service Unavailable", "429 Too Many Requests"
_CONTENT = error_body("later", 429)


def _refusal(*lines: str | bytes, status: str = _BUSY) -> bytes:
    return response(_CONTENT, status, *lines)


def _ignored(name: str, *lines: str | bytes) -> Fault:
    """Send an invalid wait: the client retries as if there were none."""
    return _fault(
        f"retry-after-{name}",
        play(_refusal(*lines)),
        (RateLimitError,),
        2,
        error_attributes={"retry_after": None},
    )


def _too_long(name: str, *lines: str) -> Fault:
    """Ask for a wait beyond the deadline: the call fails at once."""
    return _fault(f"retry-after-{name}", play(_refusal(*lines)), (RateLimitError,), 1)


FAULTS = (
    _fault(
        "retry-after-0",
        play(_refusal("Retry-After: 0")),
        (RateLimitError,),
        2,
        error_attributes={"retry_after": 0},
    ),
    _fault("retry-after-once", play(_refusal("Retry-After: 0"), times=1), (VALUE,), 2),
    _fault("retry-after-fraction", play(_refusal("Retry-After: 0.05"), times=1), (VALUE,), 2),
    _fault(
        "retry-after-ms",
        play(_refusal("retry-after-ms: 50")),
        (RateLimitError,),
        2,
        error_attributes={"retry_after": 0.05},
    ),
    _fault(
        "retry-after-both",
        play(_refusal("Retry-After: 9", "retry-after-ms: 20"), times=1),
        (VALUE,),
        2,
    ),
    _fault(
        "retry-after-past-date",
        play(_refusal("Retry-After: Wed, 21 Oct 2015 07:28:00 GMT")),
        (RateLimitError,),
        2,
        error_attributes={"retry_after": 0},
    ),
    _fault(
        "retry-after-on-503",
        play(_refusal("Retry-After: 0", status=_DOWN)),
        (ServerError,),
        2,
        error_attributes={"retry_after": 0},
    ),
    _fault(
        "retry-after-on-404", play(_refusal("Retry-After: 0", status="404 No")), (NotFoundError,), 1
    ),
    _fault(
        "retry-after-loop-of-503",
        play(_refusal("Retry-After: 0.05", status=_DOWN)),
        (ServerError, APITimeoutError),  # the end comes between two attempts, or in one
        options={"max_retries": 100},
        timeout_s=0.3,
    ),
    _fault("429-page", play(page("slow down", _BUSY, "Retry-After: 0")), (RateLimitError,), 2),
    _too_long("3600", "Retry-After: 3600"),
    _too_long("huge", "Retry-After: 1000000000000"),
    _too_long("300-digits", "Retry-After: " + "9" * 300),
    _too_long("future-date", "Retry-After: Fri, 21 Oct 2095 07:28:00 GMT"),
    _too_long("last-date", "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT"),
    _too_long("ms-huge", "retry-after-ms: 99999999"),
    _ignored("garbage", "Retry-After: soon"),
    _ignored("empty", "Retry-After:"),
    _ignored("negative", "Retry-After: -5"),
    _ignored("nan", "Retry-After: NaN"),
    _ignored("infinite", "Retry-After: inf"),
    _ignored("minus-infinite", "Retry-After: -inf"),
    _ignored("400-digits", "Retry-After: " + "9" * 400),
    _ignored("5000-digits", "Retry-After: " + "9" * 5000),
    _ignored("impossible-date", "Retry-After: Fri, 99 Foo 2015 99:99:99 GMT"),
    _ignored("year-99999", "Retry-After: Fri, 01 Jan 99999 00:00:00 GMT"),
    _ignored("odd-zone", "Retry-After: Fri, 01 Jan 2015 00:00:00 +9999999999"),
    _ignored("bytes", b"Retry-After: \xff\xfe"),
    _ignored("ms-garbage", "retry-after-ms: soon"),
    _ignored("ms-nan", "retry-after-ms: nan"),
    _fault(
        "retry-after-year-0",
        play(_refusal("Retry-After: Fri, 01 Jan 0000 00:00:00 GMT")),
        (RateLimitError,),
        2,
    ),
    _fault(
        "retry-after-other-digits", play(_refusal("Retry-After: ٣".encode())), (RateLimitError,)
    ),
    _fault("retry-after-exponent", play(_refusal("Retry-After: 1e-3")), (RateLimitError,), 2),
    _fault(
        "retry-after-twice", play(_refusal("Retry-After: 0", "Retry-After: 0")), (RateLimitError,)
    ),
    _fault(
        "retry-after-twice-other",
        play(_refusal("Retry-After: 0", "Retry-After: 9")),
        (RateLimitError,),
    ),
    _fault(
        "should-retry-false",
        play(_refusal("x-should-retry: false", status=_DOWN)),
        (ServerError,),
        1,
    ),
    _fault(
        "should-retry-true",
        play(_refusal("x-should-retry: true", status="400 Bad")),
        (BadRequestError,),
        2,
    ),
    _fault(
        "should-retry-true-once",
        play(_refusal("x-should-retry: true", status="409 Hm"), times=1),
        (VALUE,),
        2,
    ),
    _fault(
        "should-retry-garbage",
        play(_refusal("x-should-retry: perhaps", status="409 Hm")),
        (APIStatusError,),
        1,
    ),
)
