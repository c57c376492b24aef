"""The record as people use it: the spec's fields, and what is computed from them."""

import copy
import datetime
import inspect
import json
import pickle
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelgates_api import models
from modelgates_client.records.attempts import Attempt
from modelgates_client.records.generation import Generation

UTC = datetime.UTC
HELPERS = {name for name in vars(Generation) if not name.startswith("_")} - {"from_dict"}


@pytest.fixture
def record(recorded):
    """The record of the recorded response."""
    return Generation.from_dict(recorded["data"])


def of(**fields):
    """Return a record that has these fields alone."""
    return Generation.from_dict(fields)


def test_the_recorded_response_says_it_all(record):
    """Every helper has a value for a real record."""
    assert record.created == datetime.datetime(2026, 2, 24, 21, 19, 33, 705000, tzinfo=UTC)
    assert str(record.cost.all_in) == "0.00003452"
    assert record.attempts.served == Attempt("DeepInfra", 200, 420.0)
    assert record.native_tokens_per_second == pytest.approx(33.333, abs=0.001)
    assert record.is_final


def test_no_helper_hides_a_field_of_the_spec():
    """Should a later spec add a field of a helper's name, the helper must make way."""
    schema = models.Generation.__schema__()
    assert {"created", "cost", "attempts", "native_tokens_per_second", "is_final"} == HELPERS
    assert not HELPERS & (schema.fields.keys() | schema.names.keys())
    assert not HELPERS & {name for name, _ in inspect.getmembers(models.Generation)}


def test_a_decoded_record_can_become_one(recorded):
    """The class is set on what the generated code decoded: both have the same slots."""
    plain = models.Generation.from_dict(recorded["data"])
    plain.__class__ = Generation
    assert plain == Generation.from_dict(recorded["data"])
    assert plain.cost.charged is not None
    assert not hasattr(plain, "__dict__")


def test_an_attribute_that_there_is_not_cannot_be_set(record):
    """A misspelt assignment fails, as on the generated class."""
    with pytest.raises(AttributeError):
        record.costs = 1
    with pytest.raises(AttributeError):
        record.cost = 1


@pytest.mark.parametrize(
    "twin",
    [lambda it: pickle.loads(pickle.dumps(it)), copy.copy, copy.deepcopy, attrs.evolve],
    ids=["pickle", "copy", "deepcopy", "evolve"],
)
def test_twins_are_equal_and_of_the_same_class(complete, twin):
    """Whatever makes one of another."""
    record = Generation.from_dict({**complete, "provider_responses": None})
    made = twin(record)
    assert type(made) is Generation
    assert made.cost == record.cost
    assert all(getattr(made, name) == getattr(record, name) for name in record.to_dict())


@pytest.mark.parametrize("twin", [lambda it: pickle.loads(pickle.dumps(it)), copy.deepcopy])
def test_an_odd_record_survives_pickling_and_copying(twin):
    """Unreadable values and undeclared fields too."""
    record = of(id="gen-1", total_cost="free", tier="gold", provider_responses=[None])
    made = twin(record)
    assert made == record
    assert made.drift == record.drift
    assert made.attempts == record.attempts


def test_the_json_and_the_text_are_those_of_the_record(recorded, record):
    """The helpers are in neither."""
    plain = models.Generation.from_dict(recorded["data"])
    assert record.to_dict() == plain.to_dict() == recorded["data"]
    assert repr(record) == repr(plain)
    assert record.drift == plain.drift


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-02-24T21:19:33.705Z", "2026-02-24T21:19:33.705000+00:00"),
        ("2026-02-24T21:19:33+02:00", "2026-02-24T21:19:33+02:00"),
        ("2026-02-24 21:19:33-0530", "2026-02-24T21:19:33-05:30"),
        ("2026-02-24t21:19:33z", "2026-02-24T21:19:33+00:00"),
        ("20260224T211933Z", "2026-02-24T21:19:33+00:00"),
        ("2026-02-24T21:19:33.123456789Z", "2026-02-24T21:19:33.123456+00:00"),
        ("2026-02-24T24:00:00Z", "2026-02-25T00:00:00+00:00"),
    ],
)
def test_when_it_was_created(text, moment):
    """Aware, at the offset that was sent."""
    assert of(created_at=text).created.isoformat() == moment


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-24T21:19:33",  # in which zone?
        "2026-02-24",
        "2026-02-24T+05:00",  # dateutil would say midnight
        "20260224521:19Z",  # dateutil would take the 5 for a separator
        "2026-02-30T00:00:00Z",
        "2026-02-24T21:19:60Z",
        "9999-12-31T24:00:00Z",
        "9999-12-31T23:59:59-01:00",  # beyond the calendar in UTC
        "0001-01-01T00:00:00+14:00",
        "1771967973",
        "yesterday",
        "",
        "\ud800",
        None,
        1771967973,
    ],
)
def test_a_moment_that_is_not_known_is_none(text):
    """Neither a zone nor a moment is guessed."""
    assert of(created_at=text).created is None
    assert of().created is None


@given(
    st.datetimes(datetime.datetime(2, 1, 1), datetime.datetime(9998, 12, 31)),  # noqa: DTZ001 - as asked for
    st.integers(-1439, 1439).map(lambda minutes: datetime.timedelta(minutes=minutes)),
)
def test_every_moment_comes_back(moment, offset):
    """What Python writes is what is read, the offset too."""
    moment = moment.replace(tzinfo=datetime.timezone(offset))
    found = of(created_at=moment.isoformat()).created
    assert (found, found.utcoffset()) == (moment, offset)


@given(st.text() | st.from_regex(r"\A[0-9]{4}-?[0-9W]{2}-?[0-9]{2}[T ][0-9:.,]{0,12}[Z+\-0-9:]*\Z"))
def test_any_text_has_an_aware_moment_or_none(text):
    """No text makes it fail."""
    found = of(created_at=text).created
    assert found is None or found.utcoffset() is not None


def test_native_tokens_per_second():
    """Tokens by seconds; no reasoning about latency."""
    assert of(native_tokens_completion=50, generation_time=2000).native_tokens_per_second == 25.0
    assert of(native_tokens_completion=0, generation_time=2000).native_tokens_per_second == 0.0


@pytest.mark.parametrize(
    ("tokens", "time_ms"),
    [
        (None, 1000),
        (10, None),
        ("10", 1000),
        (10, "1000"),
        (10, 0),
        (10, -5),
        (-10, 1000),
        (10**400, 1000),
        (10, 5e-324),
    ],
)
def test_a_rate_that_is_not_known_is_none(tokens, time_ms):
    """Unknown, unreadable, no time at all, below zero, or beyond what a float holds."""
    found = of(native_tokens_completion=tokens, generation_time=time_ms)
    assert found.native_tokens_per_second is None


@given(st.integers(), st.floats(allow_nan=False, allow_infinity=False))
def test_a_rate_is_finite_and_not_negative(tokens, time_ms):
    """Or there is none."""
    rate = of(native_tokens_completion=tokens, generation_time=time_ms).native_tokens_per_second
    assert rate is None or 0 <= rate < float("inf")


@pytest.mark.parametrize(
    ("fields", "final"),
    [
        ({"finish_reason": "stop"}, True),
        ({"finish_reason": "stop", "total_cost": 0}, True),
        ({"finish_reason": "stop", "cancelled": "maybe"}, True),
        ({"finish_reason": None, "cancelled": True}, True),
        ({"finish_reason": 7, "cancelled": True}, True),
        ({"finish_reason": None, "cancelled": False}, False),
        ({"finish_reason": None, "cancelled": None, "total_cost": 0.5}, False),
        ({"finish_reason": 7, "cancelled": 1}, False),
        ({}, False),
    ],
)
def test_a_record_is_final_when_it_says_so(fields, final):
    """A reason or a cancellation settles it, whatever it cost; what is unreadable does not."""
    assert of(**fields).is_final is final


def test_what_is_not_used_is_not_imported():
    """Who only reads fields pays neither for money nor for dates."""
    code = f"""
import json, sys
sys.path[:] = {sys.path!r}
from modelgates_client.records.generation import Generation
record = Generation.from_dict({{"total_cost": 0.1, "created_at": "2026-02-24T21:19:33Z"}})
assert record.total_cost and record.created_at and not record.is_final
late = ("dateutil", "modelgates_client.records.money", "modelgates_client.records.attempts")
before = [name for name in late if name in sys.modules]
record.created, record.cost, record.attempts
print(json.dumps([before, [name for name in late if name in sys.modules]]))
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    before, after = json.loads(done.stdout)
    assert before == []
    assert len(after) == 3


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"data": {"id": "gen-1"}}, r'under "data": Generation.from_dict\(source\["data"\]\)'),
        ({"data": {}, "new": 1}, "a whole response"),
        ({"data": [{"id": "gen-1"}]}, "without a record"),
        ({"data": None}, "without a record"),
        ({"error": {"code": 404, "message": "no"}}, "the API's error"),
    ],
)
def test_a_whole_response_is_refused_and_told_what_to_give(source, words):
    """A record of which nothing can be read would look like one that says nothing."""
    with pytest.raises(ValueError, match=words):
        Generation.from_dict(source)


def test_a_record_may_gain_fields_of_these_names():
    """They are kept as any other that is not declared."""
    record = of(id="gen-1", data={"a": 1}, error=None)
    assert record.additional_properties["data"] == {"a": 1}


@pytest.mark.parametrize("source", [None, [], [{"id": "gen-1"}], '{"id": "gen-1"}', b"{}", 5])
def test_what_is_no_object_is_no_record(source):
    """It is said what is wanted; an empty list is no empty record."""
    with pytest.raises(TypeError, match="a record is a JSON object, a dict here, not "):
        Generation.from_dict(source)


def test_threads_may_read_a_record_at_the_same_time(recorded):
    """All of it, computed properties included."""
    record = Generation.from_dict({**recorded["data"], "total_cost": "free", "new": [1]})
    barrier = threading.Barrier(8)

    def read(_):
        barrier.wait()
        return [
            *(record.to_json(), repr(record), str(record.drift), record.cost, record.attempts),
            *(dict(record.additional_properties), record._repr_html_(), record.created),
        ]

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(read, range(8)))
    assert all(each == found[0] for each in found)
