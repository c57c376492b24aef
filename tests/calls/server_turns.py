"""Turns of a simulated server, and whether a call retries after each."""

import json
from functools import partial

from hypothesis import strategies as st

from modelgates_client.transport.messages import Failure, HTTPResponse

from .simulation import Clock, Turn

RETRYABLE_STATUSES = {408, 429, 500, 502, 503, 504, *range(520, 530)}
STATUSES = [
    301,
    400,
    401,
    402,
    403,
    404,
    408,
    409,
    429,
    500,
    501,
    502,
    503,
    504,
    520,
    524,
    529,
    600,
]


def encode_json(value):
    """Encode a value as JSON bytes."""
    return json.dumps(value).encode()


def record(generation_id="gen-1", *, latency_s=0.0, **fields):
    """Respond with a record, which is final by default."""
    data = {"id": generation_id, "finish_reason": "stop", **fields}
    http_response = HTTPResponse(200, {}, encode_json({"data": data}))
    is_misrouted = generation_id != "gen-1"
    return Turn(
        http_response, latency_s, is_retriable=is_misrouted or None, is_misrouted=is_misrouted
    )


def provisional(**options):
    """Respond with a record that is not final."""
    return record(finish_reason=None, cancelled=False, **options)


def refusal(status, *, latency_s=0.0, in_success=False, should_retry=None, after_s=None):
    """Respond with an error; `in_success` puts it into a 200."""
    headers = {}
    if should_retry is not None:
        headers["x-should-retry"] = json.dumps(should_retry)
    if after_s is not None:
        headers["retry-after"] = repr(after_s)
    error = encode_json({"error": {"code": status, "message": "no"}})
    is_retriable = status in RETRYABLE_STATUSES if should_retry is None else should_retry
    http_response = HTTPResponse(200 if in_success else status, headers, error)
    return Turn(http_response, latency_s, is_retriable, after_s, absent=status == 404)


def failure(kind, *, latency_s=0.0):
    """End the attempt without a response."""
    return Turn(Failure(kind, "it broke"), latency_s, kind in {"connection", "timeout"})


def incomplete(*, is_retriable, latency_s=0.0):
    """Respond with an incomplete success."""
    return Turn(HTTPResponse(200, {}, b"{", "it is cut off", is_retriable), latency_s, is_retriable)


HANG = Turn(None, is_retriable=True)
NOT_A_RECORD = Turn(HTTPResponse(200, {}, b'{"data": [1]}'), is_retriable=False)
ABSENT = refusal(404)

LATENCIES = st.sampled_from([0.0, 0.01, 0.3]) | st.floats(0, 60)
_AFTER = st.none() | st.sampled_from([0.0, 0.1, 1.0, 3600.0]) | st.floats(0, 70)
_REFUSALS = st.builds(
    refusal,
    st.sampled_from([status for status in STATUSES if 400 <= status < 600]),
    latency_s=LATENCIES,
    in_success=st.booleans(),
    should_retry=st.sampled_from([None, None, None, True, False]),
    after_s=_AFTER,
) | st.builds(refusal, st.sampled_from(STATUSES), latency_s=LATENCIES, after_s=_AFTER)
_RETRYABLE = st.builds(
    refusal, st.sampled_from(sorted(RETRYABLE_STATUSES)), latency_s=LATENCIES, after_s=_AFTER
)
_RETRYABLE_TURNS = st.one_of(
    _RETRYABLE,
    st.builds(failure, st.just("connection"), latency_s=LATENCIES),
    st.builds(incomplete, is_retriable=st.just(value=True), latency_s=LATENCIES),
    st.builds(record, st.just("gen-2"), latency_s=LATENCIES),
    st.just(HANG),
)
#: Any turn; mostly retryable ones, so that calls are long.
TURNS = st.one_of(
    _RETRYABLE_TURNS,
    _RETRYABLE_TURNS,
    _RETRYABLE_TURNS,
    _REFUSALS,
    st.sampled_from([ABSENT, NOT_A_RECORD]),
    st.builds(failure, st.sampled_from(["untrusted", "refused"]), latency_s=LATENCIES),
    st.builds(incomplete, is_retriable=st.booleans(), latency_s=LATENCIES),
    st.builds(record, latency_s=LATENCIES),
    st.builds(provisional, latency_s=LATENCIES),
)
#: Successive turns; the last one is repeated forever.
SCRIPTS = st.lists(TURNS, min_size=1, max_size=12)

TIMEOUTS = st.sampled_from([0.001, 0.2, 1.0, 30.0]) | st.floats(1e-3, 120)
SHARES = st.sampled_from([0.0, 1.0]) | st.floats(0, 1)
#: Conditions that do not depend on the server: timeout, randomness, and lateness of timeouts.
CIRCUMSTANCES = st.fixed_dictionaries(
    {
        "timeout_s": TIMEOUTS,
        "uniform": SHARES.map(lambda share: partial(float, share)),
        "overrun_s": st.sampled_from([0.0, 0.25]),
        "clock": st.sampled_from([0.0, 1e6]).map(Clock),
    }
)
#: Tokens left in the budget; a negative number is the length of its queue.
BUDGETS = st.sampled_from([-1000, -50, -3, 0, 2, 100])


def repeat_last(script):
    """Yield the turns of a script, then the last one forever."""
    yield from script
    while True:
        yield script[-1]
