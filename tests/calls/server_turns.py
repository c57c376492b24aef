"""What a server may do with a request, and what a call must make of it."""

import json
from functools import partial

from hypothesis import strategies as st

from modelgates_client.transport.messages import Failure, HTTPResponse

from .simulation import Clock, Turn

MENDABLE = {408, 429, 500, 502, 503, 504, *range(520, 528), 529}
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


def body(value):
    """Return a value as it is sent."""
    return json.dumps(value).encode()


def record(generation_id="gen-1", *, latency_s=0.0, **fields):
    """Answer with a record, final unless it is said otherwise."""
    data = {"id": generation_id, "finish_reason": "stop", **fields}
    http_response = HTTPResponse(200, {}, body({"data": data}))
    is_misrouted = generation_id != "gen-1"
    return Turn(
        http_response, latency_s, is_retriable=is_misrouted or None, is_misrouted=is_misrouted
    )


def unsettled(**options):
    """Answer with a record that is not final."""
    return record(finish_reason=None, cancelled=False, **options)


def refusal(status, *, latency_s=0.0, in_success=False, should_retry=None, after_s=None):
    """Answer with an error; `in_success`, with a 200 that holds one."""
    headers = {}
    if should_retry is not None:
        headers["x-should-retry"] = json.dumps(should_retry)
    if after_s is not None:
        headers["retry-after"] = repr(after_s)
    error = body({"error": {"code": status, "message": "no"}})
    is_retriable = status in MENDABLE if should_retry is None else should_retry
    http_response = HTTPResponse(200 if in_success else status, headers, error)
    return Turn(http_response, latency_s, is_retriable, after_s, absent=status == 404)


def failure(kind, *, latency_s=0.0):
    """Give no answer."""
    return Turn(Failure(kind, "it broke"), latency_s, kind in {"connection", "timeout"})


def broken(*, is_retriable, latency_s=0.0):
    """Answer with a success that is not whole."""
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
_MENDABLE = st.builds(
    refusal, st.sampled_from(sorted(MENDABLE)), latency_s=LATENCIES, after_s=_AFTER
)
_TROUBLE = st.one_of(
    _MENDABLE,
    st.builds(failure, st.just("connection"), latency_s=LATENCIES),
    st.builds(broken, is_retriable=st.just(value=True), latency_s=LATENCIES),
    st.builds(record, st.just("gen-2"), latency_s=LATENCIES),
    st.just(HANG),
)
#: Anything that may happen; mostly what another attempt may mend, so that calls are long.
TURNS = st.one_of(
    _TROUBLE,
    _TROUBLE,
    _TROUBLE,
    _REFUSALS,
    st.sampled_from([ABSENT, NOT_A_RECORD]),
    st.builds(failure, st.sampled_from(["untrusted", "refused"]), latency_s=LATENCIES),
    st.builds(broken, is_retriable=st.booleans(), latency_s=LATENCIES),
    st.builds(record, latency_s=LATENCIES),
    st.builds(unsettled, latency_s=LATENCIES),
)
#: What happens one after the other; the last of them for ever.
SCRIPTS = st.lists(TURNS, min_size=1, max_size=12)

TIMEOUTS = st.sampled_from([0.001, 0.2, 1.0, 30.0]) | st.floats(1e-3, 120)
SHARES = st.sampled_from([0.0, 1.0]) | st.floats(0, 1)
#: What does not depend on the server: the client's time-out, chance, and how late a time-out is.
CIRCUMSTANCES = st.fixed_dictionaries(
    {
        "timeout_s": TIMEOUTS,
        "uniform": SHARES.map(lambda share: partial(float, share)),
        "overrun_s": st.sampled_from([0.0, 0.25]),
        "clock": st.sampled_from([0.0, 1e6]).map(Clock),
    }
)
#: Tokens that are left; where there are fewer than none, as many queue.
BUDGETS = st.sampled_from([-1000, -50, -3, 0, 2, 100])


def forever(script):
    """Yield what happens, and the last of it again and again."""
    yield from script
    while True:
        yield script[-1]
