"""The record: the spec's fields, and the properties computed from them."""

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
from hypothesis import given, strategies as st

from modelgates_api import models
from modelgates_client.records.attempts import Attempt
from modelgates_client.records.generation import Generation

UTC = datetime.UTC
HELPERS = {name for name in vars(Generation) if not name.startswith("_")} - {"from_dict"}


@pytest.fixture
def record(recorded):
    """The record of the recorded response."""
    return Generation.from_dict(recorded["data"])


def record_with(**fields):
    """Return a record with only these fields."""
    return Generation.from_dict(fields)


def test_each_helper_has_a_value_for_the_recorded_response(record):
    """None of them is None for a real record."""
    assert record.created == datetime.datetime(2026, 2, 24, 21, 19, 33, 705000, tzinfo=UTC)
    assert str(record.cost.all_in) == "0.00003452"
    assert record.attempts.served == Attempt("DeepInfra", 200, 420.0)
    assert record.native_tokens_per_second == pytest.approx(33.333, abs=0.001)
    assert record.is_final


def test_no_helper_hides_a_field_of_the_spec():
    """If a later spec adds a field with the name of a helper, the helper must be renamed."""
    schema = models.Generation.__schema__()
    assert {"created", "cost", "attempts", "native_tokens_per_second", "is_final"} == HELPERS
    assert not HELPERS & (schema.fields.keys() | schema.names.keys())
    assert not HELPERS & {name for name, _ in inspect.getmembers(models.Generation)}


def test_a_generated_record_can_be_given_the_class(recorded):
    """Both classes have the same slots."""
    generated = models.Generation.from_dict(recorded["data"])
    generated.__class__ = Generation
    assert generated == Generation.from_dict(recorded["data"])
    assert generated.cost.charged is not None
    assert not hasattr(generated, "__dict__")


def test_an_unknown_attribute_cannot_be_set(record):
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
    """For each way to copy a record."""
    record = Generation.from_dict({**complete, "provider_responses": None})
    copied = twin(record)
    assert type(copied) is Generation
    assert copied.cost == record.cost
    assert all(getattr(copied, name) == getattr(record, name) for name in record.to_dict())


@pytest.mark.parametrize("twin", [lambda it: pickle.loads(pickle.dumps(it)), copy.deepcopy])
def test_unreadable_values_survive_pickling_and_copying(twin):
    """Undeclared fields do, too."""
    record = record_with(id="gen-1", total_cost="free", tier="gold", provider_responses=[None])
    copied = twin(record)
    assert copied == record
    assert copied.drift == record.drift
    assert copied.attempts == record.attempts


def test_json_and_repr_do_not_contain_the_helpers(recorded, record):
    """They equal those of the generated class."""
    generated = models.Generation.from_dict(recorded["data"])
    assert record.to_dict() == generated.to_dict() == recorded["data"]
    assert repr(record) == repr(generated)
    assert record.drift == generated.drift


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
def test_created_is_an_aware_datetime(text, moment):
    """With the offset that was sent."""
    assert record_with(created_at=text).created.isoformat() == moment


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
def test_created_is_none_for_an_incomplete_time(text):
    """Missing parts and a missing time zone are not guessed."""
    assert record_with(created_at=text).created is None
    assert record_with().created is None


@given(
    st.datetimes(datetime.datetime(2, 1, 1), datetime.datetime(9998, 12, 31)),  # noqa: DTZ001 - as Hypothesis requires
    st.integers(-1439, 1439).map(lambda minutes: datetime.timedelta(minutes=minutes)),
)
def test_each_time_can_be_parsed(moment, offset):
    """With the offset, for each time that Python formats."""
    moment = moment.replace(tzinfo=datetime.timezone(offset))
    created = record_with(created_at=moment.isoformat()).created
    assert (created, created.utcoffset()) == (moment, offset)


@given(st.text() | st.from_regex(r"\A[0-9]{4}-?[0-9W]{2}-?[0-9]{2}[T ][0-9:.,]{0,12}[Z+\-0-9:]*\Z"))
def test_created_is_aware_or_none_for_any_text(text):
    """No text makes it raise."""
    created = record_with(created_at=text).created
    assert created is None or created.utcoffset() is not None


def test_native_tokens_per_second():
    """Tokens divided by seconds; the latency does not matter."""
    assert (
        record_with(native_tokens_completion=50, generation_time=2000).native_tokens_per_second
        == 25.0
    )
    assert (
        record_with(native_tokens_completion=0, generation_time=2000).native_tokens_per_second
        == 0.0
    )


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
def test_the_rate_is_none_if_it_is_unknown(tokens, time_ms):
    """Unknown, unreadable, zero or negative values, or a result beyond the range of a float."""
    record = record_with(native_tokens_completion=tokens, generation_time=time_ms)
    assert record.native_tokens_per_second is None


@given(st.integers(), st.floats(allow_nan=False, allow_infinity=False))
def test_the_rate_is_finite_and_not_negative(tokens, time_ms):
    """Otherwise it is None."""
    rate = record_with(
        native_tokens_completion=tokens, generation_time=time_ms
    ).native_tokens_per_second
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
def test_a_finish_reason_or_a_cancellation_makes_a_record_final(fields, final):
    """Whatever it cost; unreadable values do not."""
    assert record_with(**fields).is_final is final


def test_reading_fields_does_not_import_decimal_or_dateutil():
    """Programs that only read fields need neither money nor dates."""
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
    result = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    before, after = json.loads(result.stdout)
    assert before == []
    assert len(after) == 3


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"data": {"id": "gen-1"}}, r'under "data": Generation.from_dict\(source\["data"\]\)'),
        ({"data": {}, "new": 1}, "a whole response"),
        ({"data": [{"id": "gen-1"}]}, "without a record"),
        ({"data": None}, "without a record"),
        ({"error": {"code": 404, "message": "no"}}, "the API's error"),
    ],
)
def test_a_complete_response_is_refused(source, message):
    """Its fields would all be missing; the error says which part to pass."""
    with pytest.raises(ValueError, match=message):
        Generation.from_dict(source)


def test_fields_named_like_parts_of_a_response_are_kept():
    """They are kept like other undeclared fields."""
    record = record_with(id="gen-1", data={"a": 1}, error=None)
    assert record.additional_properties["data"] == {"a": 1}


@pytest.mark.parametrize("source", [None, [], [{"id": "gen-1"}], '{"id": "gen-1"}', b"{}", 5])
def test_a_value_that_is_not_an_object_is_refused(source):
    """The error says what is expected; an empty list is not an empty record."""
    with pytest.raises(TypeError, match="a record is a JSON object, a dict here, not "):
        Generation.from_dict(source)


def test_threads_may_read_a_record_at_the_same_time(recorded):
    """Including computed properties."""
    record = Generation.from_dict({**recorded["data"], "total_cost": "free", "new": [1]})
    barrier = threading.Barrier(8)

    def read(_):
        barrier.wait()
        return [
            *(record.to_json(), repr(record), str(record.drift), record.cost, record.attempts),
            *(dict(record.additional_properties), record._repr_html_(), record.created),
        ]

    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(read, range(8)))
    assert all(each == results[0] for each in results)
