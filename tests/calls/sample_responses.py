"""Strategies for responses, and the error class of each status."""

import json
import re

from hypothesis import strategies as st

import modelgates_client
from modelgates_client import APIStatusError, ServerError
from modelgates_client.transport.messages import HTTPResponse

from ..contract.strategies import (
    ANYTHING,
    ODD,
    SCHEMAS,
    as_json,
    mutated,
    values,
)

REQUESTED_ID = "gen-1"

#: The statuses with an error class of their own.
NAMES = {
    400: "BadRequestError",
    401: "AuthenticationError",
    402: "InsufficientCreditsError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    429: "RateLimitError",
    500: "InternalServerError",
    502: "BadGatewayError",
    524: "EdgeTimeoutError",
    529: "OverloadedError",
}

TEXTS = st.text(max_size=20)
OBJECTS = st.dictionaries(TEXTS, ANYTHING, max_size=3)
#: A field of an error object, often with a valid value.
FIELD = st.one_of(
    st.sampled_from([404, 429, 500, 399, 600, 0, -1, 10**30, True, 404.0, "404", None]),
    TEXTS,
    OBJECTS,
    ANYTHING,
)
ERRORS = st.fixed_dictionaries({}, optional=dict.fromkeys(["code", "message", "metadata"], FIELD))
ERROR_BODIES = st.fixed_dictionaries(
    {"error": ERRORS | ANYTHING},
    optional={"user_id": FIELD, "modelgates_metadata": FIELD, "data": ANYTHING},
)
#: Most records are the requested one, so that more of them is tested than their ids.
IDS = st.integers(0, 9).flatmap(
    lambda number: (
        st.sampled_from(["gen-2", "", None, 1]) | TEXTS if number == 0 else st.just(REQUESTED_ID)
    )
)


@st.composite
def record_bodies(draw):
    """Draw a body with a record, valid or mutated, with the requested id or another."""
    body = draw(values(SCHEMAS[200]) | mutated(SCHEMAS[200]))
    data = body.get("data")
    if isinstance(data, dict):
        for key in draw(st.lists(st.sampled_from(sorted({*data, "id"})), max_size=5)):
            data[key] = draw(st.sampled_from(ODD))
        data["id"] = draw(IDS)
        data["response_cache_source_id"] = draw(IDS)
    return as_json(body)


JSON = st.one_of(ANYTHING, ERROR_BODIES, values(SCHEMAS[500]), mutated(SCHEMAS[500]))
BODIES = st.one_of(record_bodies(), record_bodies(), JSON.map(as_json), st.binary(max_size=99))
STATUSES = st.sampled_from([*([200] * 9), 201, 204, 299, *NAMES, 503, 600]) | st.integers(100, 999)
HEADERS = st.dictionaries(
    st.sampled_from(
        ["retry-after", "x-should-retry", "location", "x-request-id", "request-id", "cf-ray"]
    ),
    st.sampled_from(["", "1", "true", "false", "soon"]) | TEXTS,
)
DEFECTS = st.sampled_from([(None, False)] * 5 + [("cut off", True), ("too large", False)])
#: Half of them are successes, so that records are tested as much as errors.
RESPONSES = st.one_of(
    st.tuples(st.just(200), HEADERS, record_bodies(), st.just((None, False))),
    st.tuples(STATUSES, HEADERS, BODIES, DEFECTS),
).map(lambda parts: HTTPResponse(*parts[:3], *parts[3]))


def error_class_of(status):
    """Return the error class of a status."""
    other = ServerError if 500 <= status < 600 else APIStatusError
    return getattr(modelgates_client, NAMES[status]) if status in NAMES else other


def code_of(value):
    """Return the integer code in a value; 404.0 is an integer too, as in JSON Schema."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and re.fullmatch("[1-5][0-9]{2}", value):
        return int(value)
    return value if type(value) is int else None


def parse_json(body):
    """Parse a body with the standard library's JSON parser; None if it is invalid."""
    try:
        return json.loads(body.decode())
    except (ValueError, RecursionError):
        return None
