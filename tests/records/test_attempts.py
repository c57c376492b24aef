"""Attempts: which provider served, which failed, and which values are unknown."""

import copy
import pickle
from collections.abc import Sequence

import pytest
from hypothesis import given, strategies as st

from modelgates_client.records.attempts import Attempt, Attempts
from modelgates_client.records.generation import Generation

NOTHING = Attempt(None, None, None)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda parts: (
        st.lists(parts, max_size=4) | st.dictionaries(st.text(max_size=9), parts, max_size=4)
    ),
    max_leaves=8,
)
#: Items that are valid, nearly valid, and invalid.
ITEMS = st.one_of(
    JSON,
    st.fixed_dictionaries(
        {},
        optional={
            "provider_name": st.sampled_from(["Groq", "DeepInfra", "New"]) | JSON,
            "status": st.sampled_from([200, 200.0, 204, 429, 503, 529]) | JSON,
            "latency": st.floats(0, 1e6) | JSON,
        },
    ),
)


def attempts_of(*responses):
    """Return the attempts of a record with these provider responses."""
    return Generation.from_dict({"provider_responses": list(responses)}).attempts


def response(status, latency=10, provider="Groq"):
    """Return one provider response as the server sends it."""
    return {"provider_name": provider, "status": status, "latency": latency}


def test_a_single_successful_attempt():
    """The usual record: no fallback, no time lost."""
    attempts = attempts_of(response(200, 420, "DeepInfra"))
    assert attempts.known
    assert attempts.served == Attempt("DeepInfra", 200, 420.0)
    assert (attempts.fallbacks, attempts.failed_statuses, attempts.time_lost_ms) == (0, (), 0.0)


def test_fallbacks_come_before_the_successful_attempt():
    """Their statuses and their time are known."""
    attempts = attempts_of(response(529, 100), response(503, 20.5), response(200, 420, "Azure"))
    assert attempts.served == Attempt("Azure", 200, 420.0)
    assert (attempts.fallbacks, attempts.failed_statuses, attempts.time_lost_ms) == (
        2,
        (529, 503),
        120.5,
    )


def test_the_last_successful_attempt_served():
    """Of two successes the first was discarded; time after the last one counts as lost, too."""
    attempts = attempts_of(response(200, 1, "A"), response(201, 2, "B"), response(500, 4, "C"))
    assert attempts.served == Attempt("B", 201, 2.0)
    assert (attempts.fallbacks, attempts.failed_statuses, attempts.time_lost_ms) == (1, (500,), 5.0)


def test_no_attempt_succeeded():
    """Then there is no number of fallbacks, and all the time was lost."""
    attempts = attempts_of(response(503, 5), response(429, 6))
    assert attempts.served is None
    assert (attempts.fallbacks, attempts.failed_statuses, attempts.time_lost_ms) == (
        None,
        (503, 429),
        11.0,
    )


@pytest.mark.parametrize(
    "record", [{}, *({"provider_responses": invalid} for invalid in (None, "x", {}))]
)
def test_attempts_are_unknown_without_a_list(record):
    """No field, null, or another type: everything is unknown, and nothing is 0."""
    attempts = Generation.from_dict(record).attempts
    assert attempts == Attempts((), known=False)
    assert (attempts.served, attempts.fallbacks, attempts.time_lost_ms) == (None, None, None)


def test_an_empty_list_of_attempts_is_known():
    """It means that no time was lost; null would mean nothing."""
    attempts = attempts_of()
    assert attempts == Attempts((), known=True)
    assert (attempts.served, attempts.fallbacks, attempts.time_lost_ms) == (None, None, 0.0)


def test_an_unreadable_attempt_does_not_hide_others():
    """Null items and invalid fields do not remove values of other attempts."""
    invalid = {"provider_name": 7, "status": "503", "latency": 3}
    attempts = attempts_of(None, invalid, "odd", response(200))
    assert attempts.all == (NOTHING, Attempt(None, None, 3.0), NOTHING, Attempt("Groq", 200, 10.0))
    assert attempts.fallbacks == 3
    assert attempts.failed_statuses == (None, None, None)


def test_the_time_lost_is_unknown_if_a_part_is():
    """A sum of the known parts would be too small; the time of the successful one is irrelevant."""
    assert attempts_of(response(503, None), response(503, 5), response(200)).time_lost_ms is None
    assert attempts_of({"status": 503}, response(200)).time_lost_ms is None
    assert attempts_of(response(503, 5), {"status": 200}).time_lost_ms == 5.0


def test_an_unlisted_provider_keeps_its_name():
    """The name is a plain string, like all others."""
    attempts = attempts_of(response(200, 1, "Brand New"), response(200))
    providers = [attempt.provider for attempt in attempts]
    assert providers == ["Brand New", "Groq"]
    assert {type(name) for name in providers} == {str}


@pytest.mark.parametrize(
    ("status", "read", "succeeded"),
    [
        (199, 199, False),
        (200, 200, True),
        (299.0, 299, True),
        (300, 300, False),
        (200.5, None, False),
        (None, None, False),
        (1e300, int(1e300), False),
        (True, None, False),
    ],
)
def test_any_2xx_status_is_a_success(status, read, succeeded):
    """A status is an integer, or unknown."""
    (attempt,) = attempts_of(response(status))
    assert (attempt.status, attempt.succeeded) == (read, succeeded)
    assert read is None or type(attempt.status) is int


def test_attempts_are_a_sequence():
    """They have a length, items, slices and an order."""
    attempts = attempts_of(response(503), response(200))
    assert isinstance(attempts, Sequence)
    assert (len(attempts), attempts[0].status, attempts[-1].status) == (2, 503, 200)
    assert (attempts[:1], tuple(attempts), attempts.index(attempts[1])) == (
        attempts.all[:1],
        attempts.all,
        1,
    )
    assert tuple(reversed(attempts)) == attempts.all[::-1]


def test_attempts_compare_by_value():
    """Equal ones are equal, and so are pickles and copies."""
    attempts = attempts_of(response(503), None)
    assert {attempts, pickle.loads(pickle.dumps(attempts)), copy.deepcopy(attempts)} == {attempts}


@given(JSON | st.lists(ITEMS, max_size=5))
def test_attributes_are_consistent_for_any_json(responses):
    """No JSON makes them raise; each value has its type and agrees with the others."""
    attempts = Generation.from_dict({"provider_responses": responses}).attempts
    assert attempts.known == isinstance(responses, list)
    assert len(attempts) == (len(responses) if attempts.known else 0)
    for attempt in attempts:
        assert type(attempt.provider) in {str, type(None)}
        assert type(attempt.status) in {int, type(None)}
        assert type(attempt.latency_ms) in {float, type(None)}
    assert (attempts.served is None) == (attempts.fallbacks is None)
    assert attempts.served is None or attempts[attempts.fallbacks] is attempts.served
    succeeded = [attempt for attempt in attempts if attempt.succeeded]
    assert attempts.served is (succeeded[-1] if succeeded else None)
    assert len(attempts.failed_statuses) == len(attempts) - len(succeeded)
    lost = [a.latency_ms for index, a in enumerate(attempts) if index != attempts.fallbacks]
    known = attempts.known and None not in lost
    assert attempts.time_lost_ms == (sum(lost) if known else None)
