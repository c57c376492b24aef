"""Attempts: who served, who failed, and what is not known of it."""

import copy
import pickle
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
#: Items that are right, nearly right, and not right at all.
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


def attempts(*responses):
    """Return the attempts of a record with these provider responses."""
    return Generation.from_dict({"provider_responses": list(responses)}).attempts


def response(status, latency=10, provider="Groq"):
    """Return one provider response as the server sends it."""
    return {"provider_name": provider, "status": status, "latency": latency}


def test_one_attempt_that_served():
    """The usual record: no fallback, no time lost."""
    found = attempts(response(200, 420, "DeepInfra"))
    assert found.known
    assert found.served == Attempt("DeepInfra", 200, 420.0)
    assert (found.fallbacks, found.failed_statuses, found.time_lost_ms) == (0, (), 0.0)


def test_fallbacks_come_before_the_one_that_served():
    """Their statuses and their time are known."""
    found = attempts(response(529, 100), response(503, 20.5), response(200, 420, "Azure"))
    assert found.served == Attempt("Azure", 200, 420.0)
    assert (found.fallbacks, found.failed_statuses, found.time_lost_ms) == (2, (529, 503), 120.5)


def test_the_last_success_served():
    """Of two successes the first was given up; what came after the last counts as lost, too."""
    found = attempts(response(200, 1, "A"), response(201, 2, "B"), response(500, 4, "C"))
    assert found.served == Attempt("B", 201, 2.0)
    assert (found.fallbacks, found.failed_statuses, found.time_lost_ms) == (1, (500,), 5.0)


def test_nobody_served():
    """Then there is no number of fallbacks, and all the time was lost."""
    found = attempts(response(503, 5), response(429, 6))
    assert found.served is None
    assert (found.fallbacks, found.failed_statuses, found.time_lost_ms) == (None, (503, 429), 11.0)


@pytest.mark.parametrize("record", [{}, *({"provider_responses": odd} for odd in (None, "x", {}))])
def test_attempts_that_are_not_known(record):
    """No field, null, or no list: nothing is known, and nothing is 0."""
    found = Generation.from_dict(record).attempts
    assert found == Attempts((), known=False)
    assert (found.served, found.fallbacks, found.time_lost_ms) == (None, None, None)


def test_no_attempts_are_known_to_be_none():
    """An empty list says that no time was lost; null says nothing."""
    found = attempts()
    assert found == Attempts((), known=True)
    assert (found.served, found.fallbacks, found.time_lost_ms) == (None, None, 0.0)


def test_what_cannot_be_read_hides_nothing_else():
    """Neither null items nor odd fields cost another attempt its values."""
    odd = {"provider_name": 7, "status": "503", "latency": 3}
    found = attempts(None, odd, "odd", response(200))
    assert found.all == (NOTHING, Attempt(None, None, 3.0), NOTHING, Attempt("Groq", 200, 10.0))
    assert found.fallbacks == 3
    assert found.failed_statuses == (None, None, None)


def test_the_time_lost_is_not_known_if_a_part_is_not():
    """A sum of what is known would be too small; the time of the one that served is no matter."""
    assert attempts(response(503, None), response(503, 5), response(200)).time_lost_ms is None
    assert attempts({"status": 503}, response(200)).time_lost_ms is None
    assert attempts(response(503, 5), {"status": 200}).time_lost_ms == 5.0


def test_a_provider_that_the_spec_does_not_list_has_its_name():
    """As a plain string, like all others."""
    found = [attempt.provider for attempt in attempts(response(200, 1, "Brand New"), response(200))]
    assert found == ["Brand New", "Groq"]
    assert {type(name) for name in found} == {str}


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
def test_success_is_any_2xx(status, read, succeeded):
    """A status is a whole number, or not known."""
    (attempt,) = attempts(response(status))
    assert (attempt.status, attempt.succeeded) == (read, succeeded)
    assert read is None or type(attempt.status) is int


def test_attempts_are_a_sequence():
    """They have a length, items, slices and an order."""
    found = attempts(response(503), response(200))
    assert isinstance(found, Sequence)
    assert (len(found), found[0].status, found[-1].status) == (2, 503, 200)
    assert (found[:1], tuple(found), found.index(found[1])) == (found.all[:1], found.all, 1)
    assert tuple(reversed(found)) == found.all[::-1]


def test_attempts_are_a_value():
    """Equal ones are equal, and pickles and copies are as well."""
    found = attempts(response(503), None)
    assert {found, pickle.loads(pickle.dumps(found)), copy.deepcopy(found)} == {found}


@given(JSON | st.lists(ITEMS, max_size=5))
def test_whatever_the_server_sends_can_be_asked(sent):
    """No JSON makes it fail; every answer is of its type, and in keeping with the others."""
    found = Generation.from_dict({"provider_responses": sent}).attempts
    assert found.known == isinstance(sent, list)
    assert len(found) == (len(sent) if found.known else 0)
    for attempt in found:
        assert type(attempt.provider) in {str, type(None)}
        assert type(attempt.status) in {int, type(None)}
        assert type(attempt.latency_ms) in {float, type(None)}
    assert (found.served is None) == (found.fallbacks is None)
    assert found.served is None or found[found.fallbacks] is found.served
    succeeded = [attempt for attempt in found if attempt.succeeded]
    assert found.served is (succeeded[-1] if succeeded else None)
    assert len(found.failed_statuses) == len(found) - len(succeeded)
    lost = [a.latency_ms for index, a in enumerate(found) if index != found.fallbacks]
    known = found.known and None not in lost
    assert found.time_lost_ms == (sum(lost) if known else None)
