"""Behaviour of every generated model."""

import json
import math
import pickle
import subprocess
import sys
import threading
import types
import typing
from copy import copy, deepcopy

import attrs
import pytest

from modelgates_api import models
from modelgates_api.models import ApiType, ErrorDetail, Generation, ProviderResponse
from modelgates_runtime.drift import MISSING, Drift
from modelgates_runtime.errors import FieldError
from modelgates_runtime.model import Model
from modelgates_runtime.schema import OPTIONAL_TEXTS

from .models import Node

MODELS = [model for name in models.__all__ if issubclass(model := getattr(models, name), Model)]


@pytest.mark.parametrize("model", MODELS)
def test_annotations_are_plain_types(model):
    """They resolve, and have `None` for optional fields but no sentinel."""
    hints = typing.get_type_hints(model)
    for field in attrs.fields(model):
        text = str(hints[field.name])
        assert "MISSING" not in text
        assert "UNSET" not in text.upper()
        assert field.default in (attrs.NOTHING, None, MISSING)
        assert (field.default is None) <= (type(None) in typing.get_args(hints[field.name]))


def test_reading_a_missing_required_field_is_an_error():
    """It has the field, the path, the expected and the received type."""
    record = Generation.from_dict({})
    with pytest.raises(FieldError) as caught:
        _ = record.total_cost
    error = caught.value
    assert (error.name, error.pointer) == ("Generation.total_cost", "/total_cost")
    assert (error.expected, error.found) == ("number", "nothing")
    assert "at /total_cost the spec requires number, the server sent nothing" in str(error)
    assert repr(pickle.loads(pickle.dumps(error))) == repr(error)


@pytest.mark.parametrize(
    ("field", "value", "found"),
    [
        ("total_cost", None, "null"),
        ("total_cost", "0.1", "string"),
        ("total_cost", True, "boolean"),
        ("total_cost", 2**53 + 1, "integer beyond 2**53"),
        ("total_cost", math.inf, "number too large for a double"),
        ("tokens_prompt", 0.5, "number"),
        ("is_byok", 1, "integer"),
        ("is_byok", None, "null"),
        ("model", None, "null"),
        ("model", 64.0, "integer"),
        ("cancelled", "true", "string"),
        ("api_type", 5, "integer"),
        ("api_type", ["tts"], "array"),
        ("provider_responses", {}, "object"),
        ("session_id", [], "array"),
    ],
)
def test_a_value_of_another_type_is_unreadable_and_kept(complete, field, value, found):
    """Reading raises, `drift` lists it, `to_dict` returns it; other fields are unaffected."""
    complete[field] = value
    record = Generation.from_dict(complete)
    with pytest.raises(FieldError, match=f"Generation.{field} cannot be read") as caught:
        getattr(record, field)
    assert caught.value.found == found
    (drift,) = record.drift
    assert (drift.pointer, drift.kind) == (f"/{field}", "null" if value is None else "type")
    assert (drift.found, drift.value) == (found, value)
    assert record.to_dict() == complete
    assert f"{field}=<unreadable>" in repr(record)


def test_no_builtin_swallows_the_error():
    """`getattr` with a default and `hasattr` do not treat the field as absent."""
    record = Generation.from_dict({"total_cost": "free"})
    with pytest.raises(FieldError):
        getattr(record, "total_cost", 0.0)
    with pytest.raises(FieldError):
        hasattr(record, "total_cost")
    for use in (attrs.asdict, attrs.astuple, attrs.evolve):
        with pytest.raises(FieldError):
            use(record)


def test_an_unknown_attribute_is_an_attribute_error():
    """As with any object, so that Python's protocols work."""
    record = Generation.from_dict({})
    assert not hasattr(record, "no_such_field")
    with pytest.raises(AttributeError, match="no_such_field"):
        record.no_such_field  # noqa: B018


def test_a_missing_nullable_field_is_none():
    """It is drift only if the field is required."""
    record = Generation.from_dict({})
    assert (record.latency, record.api_type, record.provider_responses) == (None, None, None)
    assert record.session_id is None
    kinds = {entry.pointer: entry.kind for entry in record.drift}
    assert kinds["/latency"] == "missing"
    assert "/session_id" not in kinds
    assert len(kinds) == sum(f.required for f in Generation.__schema__().fields.values())


@pytest.mark.parametrize("name", Generation.__schema__().names)
def test_one_field_alone_may_be_missing_or_null(complete, name):
    """It reads as None where that is of its type, or is unreadable; it is never 0 or ""."""
    field = Generation.__schema__().names[name]
    absent = Generation.from_dict({k: v for k, v in complete.items() if k != field.key})
    null = Generation.from_dict({**complete, field.key: None})
    hint = typing.get_type_hints(Generation)[name]
    for record, drifts in [(absent, field.required), (null, not field.nullable)]:
        if type(None) in typing.get_args(hint):
            assert getattr(record, name) is None
        else:
            with pytest.raises(FieldError):
                getattr(record, name)
        assert [entry.pointer for entry in record.drift] == [f"/{field.key}"] * drifts


def test_absent_and_null_fields_are_distinguished(complete):
    """`to_dict` returns null for null, and omits absent fields."""
    assert "session_id" in Generation.from_dict(complete).to_dict()
    del complete["session_id"]
    assert "session_id" not in Generation.from_dict(complete).to_dict()


def test_a_conforming_body_has_no_note(complete):
    """The common case."""
    record = Generation.from_dict(complete)
    assert (record.drift, record._note) == ((), None)


def test_unknown_fields_are_kept_and_listed(complete):
    """Their pointers are escaped as RFC 6901 says, in the order they came."""
    new = {"z": {"deep": [1, 2.0]}, "a/b~c": None, "": 1, "y": 1}
    record = Generation.from_dict({**complete, **new})
    assert [entry.pointer for entry in record.drift] == ["/z", "/a~1b~0c", "/", "/y"]
    assert {entry.kind for entry in record.drift} == {"undeclared"}
    assert record.to_dict() == {**complete, **new}
    assert list(record.additional_properties) == list(new)


def test_the_number_of_fields_does_not_make_a_body_complete(complete):
    """They may be other fields than the declared ones."""
    del complete["total_cost"]
    complete["new"] = 1
    record = Generation.from_dict(complete)
    assert {e.pointer: e.kind for e in record.drift} == {
        "/total_cost": "missing",
        "/new": "undeclared",
    }
    assert record.to_dict() == complete


def test_an_unreadable_attempt_does_not_affect_the_others(complete):
    """Nor does an attempt with an unknown provider."""
    attempts = [{"status": 200, "provider_name": "Nobody"}, "odd", {"status": "x"}, {"status": 503}]
    complete["provider_responses"] = attempts
    record = Generation.from_dict(complete)
    read = record.provider_responses
    assert [type(attempt) for attempt in read.readable()] == [ProviderResponse] * 3
    assert (read[0].provider_name, read[0].provider_name.is_known) == ("Nobody", False)
    assert read[3].status == 503.0
    for reading, place in [
        (lambda: read[1], "/provider_responses/1"),
        (lambda: read[2].status, "/provider_responses/2/status"),
    ]:
        with pytest.raises(FieldError) as caught:
            reading()
        assert caught.value.pointer == place
    assert [(e.pointer, e.kind) for e in record.drift] == [
        ("/provider_responses/0/provider_name", "unknown_value"),
        ("/provider_responses/1", "type"),
        ("/provider_responses/2/status", "type"),
    ]
    assert record.to_dict() == complete


def test_an_unknown_enum_value_stays_typed(complete):
    """It is of the enum, equal to its text, and listed."""
    record = Generation.from_dict({**complete, "api_type": "telepathy"})
    assert (type(record.api_type), record.api_type, record.api_type.is_known) == (
        ApiType,
        "telepathy",
        False,
    )
    (drift,) = record.drift
    known = f"one of {len(ApiType.__members__)} known values"
    assert str(drift) == f"/api_type: expected {known}, found 'telepathy'"


def test_drift_is_a_value():
    """Entries hash, sort and pickle, and show no values except those of enums."""
    entries = Generation.from_dict({"id": {"secret": 1}, "api_type": "x"}).drift
    assert len({*entries}) == len(entries)
    assert min(entries).pointer == "/api_type"
    assert pickle.loads(pickle.dumps(entries)) == entries
    assert "secret" not in repr(entries)
    assert next(e for e in entries if e.pointer == "/id").value == {"secret": 1}
    assert str(Drift("", "type", "object", "array")) == "/: expected object, found array"


@pytest.mark.parametrize("field", ["total_cost", "session_id", "latency"])
def test_assigning_a_value_makes_a_field_readable(complete, field):
    """It is sent, and no longer drift."""
    value = "s" if field == "session_id" else 0.5
    record = Generation.from_dict({**complete, field: {"odd": 1}})
    setattr(record, field, value)
    assert getattr(record, field) == value
    assert record.to_dict() == {**complete, field: value}
    assert record.drift == ()
    assert record == Generation.from_dict({**complete, field: value})


def test_none_is_not_sent_for_a_field_that_is_not_nullable():
    """An optional field that is None is omitted unless the spec allows null."""
    attempt = ProviderResponse.from_dict({"status": 1, "id": 5, "latency": 2})
    attempt.id = attempt.latency = None
    assert attempt.to_dict() == {"status": 1}
    attempt.status = None
    assert attempt.to_dict() == {"status": None}
    assert ProviderResponse(status=200, id=None).to_dict() == {"status": 200}


def test_a_deleted_value_is_unreadable_and_not_sent(complete):
    """As if it had not come."""
    record = Generation.from_dict(complete)
    del record.id
    with pytest.raises(FieldError):
        _ = record.id
    assert "id" not in record.to_dict()
    assert [entry.kind for entry in record.drift] == ["missing"]


def test_changing_the_result_of_to_dict_changes_no_record():
    """Not even its unreadable values."""
    body = {"id": [1], "new": {"a": [1]}, "provider_responses": [["odd"], {"status": 1}]}
    record = Generation.from_dict(deepcopy(body))
    result = record.to_dict()
    result["id"].append(2)
    result["new"]["a"].append(2)
    result["provider_responses"][0].append(2)
    result["provider_responses"][1]["status"] = 2
    assert record.to_dict() == body


BODIES = [
    {},
    {"total_cost": "free", "id": None},
    {"new": [1, {"a": None}], "other": 2, "third": 3},
    {"provider_responses": ["odd", {"status": 200, "provider_name": "Nobody"}]},
    {"latency": 64.0, "new": 64.0, "id": 64.0},
    {"api_type": "telepathy", "session_id": None, "model": "\ud800"},
]


@pytest.mark.parametrize("body", BODIES)
def test_copies_and_pickles_are_equal_and_independent(body):
    """They read, drift and err like the original, pointers included."""
    record = Generation.__decode__(body, "/data")
    protocols = range(pickle.HIGHEST_PROTOCOL + 1)
    pickles = [pickle.loads(pickle.dumps(record, protocol)) for protocol in protocols]
    for twin in (copy(record), deepcopy(record), *pickles):
        assert twin is not record
        assert (twin, twin.drift, twin.to_dict()) == (record, record.drift, record.to_dict())
        if "total_cost" not in body:
            with pytest.raises(FieldError, match="/data/total_cost"):
                _ = twin.total_cost
        twin.usage = 5.0
        assert twin != record


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"total_cost": 1}, {"total_cost": True}),
        ({"total_cost": "a"}, {"total_cost": "b"}),
        ({"total_cost": None}, {}),
        ({"session_id": None}, {}),
        ({"new": [1]}, {"new": [True]}),
        ({"new": 1}, {"newer": 1}),
        ({"provider_responses": ["a"]}, {"provider_responses": ["b"]}),
    ],
)
def test_records_that_differ_are_not_equal(one, other):
    """Also where only unreadable or unknown values differ, or Python would not see it."""
    assert Generation.from_dict(one) != Generation.from_dict(other)
    assert Generation.from_dict(one) == Generation.from_dict(deepcopy(one))


def test_equality_ignores_the_order_of_keys():
    """JSON objects have no order."""
    body = {f"new {number}": number for number in range(20)}
    back = dict(reversed(body.items()))
    assert Generation.from_dict(body) == Generation.from_dict(back)


def test_a_record_equals_no_other_class():
    """Neither its dict nor another model that sends the same."""
    assert Generation.from_dict({}) != {}
    assert Generation.from_dict({}) != ProviderResponse.from_dict({})


def test_pickles_cross_processes(tmp_path):
    """Another interpreter reads the pickle and gives back the body."""
    body = BODIES[3] | BODIES[1] | {"new": 1}
    script = (
        "import json, pickle, sys; record = pickle.load(sys.stdin.buffer);"
        "print(json.dumps([record.to_dict(), len(record.drift)]))"
    )
    record = Generation.from_dict(body)
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:] = {sys.path!r}; {script}"],
        input=pickle.dumps(record),
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout) == [body, len(record.drift)]


def test_models_have_keyword_arguments():
    """Omitted optional fields are not sent; None for a required field is null."""
    attempt = ProviderResponse(status=None, id="a")
    assert attempt.to_dict() == {"status": None, "id": "a"}
    assert (attempt.drift, attempt.latency) == ((), None)
    assert attempt == ProviderResponse.from_dict({"status": None, "id": "a"})
    assert attrs.evolve(attempt, status=5.0).to_dict() == {"status": 5, "id": "a"}
    with pytest.raises(TypeError):
        ProviderResponse(200.0)


def test_a_model_can_be_subclassed():
    """The subclass decodes to itself and has all model features, plus its own attributes."""

    class Priced(Generation):
        @property
        def cents(self):
            return self.total_cost * 100

    record = Priced.from_dict({"total_cost": 0.5, "new": 1})
    assert (type(record), record.cents) == (Priced, 50.0)
    assert (type(copy(record)), copy(record)) == (Priced, record)
    assert record != Generation.from_dict({"total_cost": 0.5, "new": 1})
    with pytest.raises(FieldError, match=r"Priced\.total_cost"):
        _ = Priced.from_dict({}).cents


def test_a_subclass_keeps_its_own_attributes():
    """Attributes that are not fields are copied, too."""

    class Noted(Generation):
        pass

    record = Noted.from_dict({})
    record.comment = "mine"
    assert (copy(record).comment, deepcopy(record).comment) == ("mine", "mine")


def test_from_dict_accepts_any_mapping(complete):
    """The mapping is not changed."""
    assert Generation.from_dict(types.MappingProxyType(complete)).to_dict() == complete


def test_nested_objects_are_decoded_once_however_deep():
    """A model that contains itself costs time in proportion to the body, odd values or not."""
    calls = 0
    decode = Node.__decode__.__func__

    class Counting(Node):
        pass

    def counted(cls, source, pointer):
        nonlocal calls
        calls += 1
        return decode(cls, source, pointer)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Node, "__decode__", classmethod(counted))
        body = {}
        for _ in range(16):
            body = {"child": body, "children": [{}, "odd"], "na/me": 1}
        node = Node.from_dict(body)
    assert calls == 1 + 16 * 2
    assert node.to_dict() == body


def test_threads_may_decode_for_the_first_time_concurrently():
    """All get the same result."""
    script = """
import json, sys, threading
from modelgates_api.models import Generation
sys.setswitchinterval(1e-6)
start, results = threading.Barrier(8), []
def decode():
    start.wait()
    record = Generation.from_dict({"api_type": "new", "id": 5, "provider_responses": ["x", {}]})
    results.append(json.dumps([record.to_dict(), [str(d) for d in record.drift]]))
threads = [threading.Thread(target=decode) for _ in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]
assert len(results) == 8 and len(set(results)) == 1, results
"""
    code = f"import sys; sys.path[:] = {sys.path!r}\n{script}"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_table_of_interned_texts_is_bounded():
    """It is cleared when it is full, long strings are not stored, and null is None."""
    for number in range(2 * OPTIONAL_TEXTS.MAX_COUNT):
        assert OPTIONAL_TEXTS[f"text {number}"] == f"text {number}"
    assert OPTIONAL_TEXTS["x" * 1000] == "x" * 1000
    assert "x" * 1000 not in OPTIONAL_TEXTS
    assert len(OPTIONAL_TEXTS) <= OPTIONAL_TEXTS.MAX_COUNT
    assert OPTIONAL_TEXTS[MISSING] is None


def test_threads_may_fill_the_table_of_interned_texts_concurrently():
    """Clearing it under load does not affect any record."""
    odd = []

    def decode(start):
        for number in range(start, start + 2500):
            record = ErrorDetail.from_dict({"code": 1, "message": f"m{number}", "metadata": None})
            record_2 = Generation.from_dict({"id": f"i{number}", "router": None})
            if (record.message, record_2.id) != (f"m{number}", f"i{number}") or record.drift:
                odd.append(number)

    threads = [threading.Thread(target=decode, args=(n * 10_000,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert odd == []


def test_an_explicit_none_is_sent_as_null():
    """Omitted fields are not sent."""
    given = ErrorDetail(code=1, message="m", metadata=None)
    left_out = ErrorDetail(code=1, message="m")

    assert given.metadata is left_out.metadata is None
    assert given.to_dict() == {"code": 1, "message": "m", "metadata": None}
    assert left_out.to_dict() == {"code": 1, "message": "m"}
    for record in (given, left_out):
        assert pickle.loads(pickle.dumps(record)).to_dict() == record.to_dict()
        assert copy(record).to_dict() == record.to_dict()
