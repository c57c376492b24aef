"""Records and errors made from the spec match it; drifted records do not."""

import json
import subprocess
import sys
from types import SimpleNamespace

import pytest

from modelgates_api.models import ApiType, ErrorResponse, GenerationResponse
from modelgates_client import Generation
from modelgates_client.testing import _records, drifted, make_error, make_record
from modelgates_runtime import decoders
from modelgates_runtime.schema import Field, Schema

IDS = ["gen-1", "gen-1771967973-0hZ8J5kY7qLMOKbPx0u3", "", "gen \u00fc\ud800", "x" * 1000]


@pytest.mark.parametrize("generation_id", IDS)
def test_a_record_has_every_field_and_no_drift(generation_id):
    """At every depth."""
    data = make_record(generation_id)
    record = Generation.from_dict(json.loads(json.dumps(data)))
    assert record.drift == ()
    assert data.keys() == Generation.__schema__().keys
    (attempt,) = record.provider_responses
    assert data["provider_responses"][0].keys() == type(attempt).__schema__().keys
    assert record.id == generation_id


@pytest.mark.parametrize("generation_id", IDS)
def test_a_record_is_plausible(generation_id):
    """It is final, has small positive costs, and its first attempt was successful."""
    record = Generation.from_dict(make_record(generation_id))
    assert record.is_final
    assert 0 < record.total_cost == record.usage < 0.01
    assert record.cost.all_in == record.cost.charged
    assert record.created is not None
    assert record.attempts.served.status == 200
    assert record.attempts.served.provider == record.provider_name
    assert record.native_tokens_completion == record.tokens_completion > 0
    assert record.native_tokens_per_second > 0


def test_the_same_id_makes_the_same_record():
    """Also in another process; another id makes another record."""
    code = "import json, modelgates_client.testing as t; print(json.dumps(t.make_record('gen-1')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert json.loads(done.stdout) == make_record("gen-1")
    assert len({make_record(f"gen-{number}")["total_cost"] for number in range(100)}) > 90


def test_given_values_are_used():
    """Including 0, null and an empty list."""
    record = make_record("gen-1", total_cost=0, finish_reason=None, provider_responses=[])
    assert record["total_cost"] == 0
    assert record["finish_reason"] is None
    assert record["provider_responses"] == []


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"totalcost": 1}, "did you mean 'total_cost'"),
        ({"zzz": 1}, "no field 'zzz';"),
        ({"total_cost": "1"}, "/total_cost: expected number, found string"),
        ({"total_cost": None}, "/total_cost: expected number, found null"),
        ({"api_type": "telepathy"}, "/api_type: expected one of"),
        ({"provider_responses": [{}]}, "/provider_responses/0/status: expected"),
    ],
)
def test_values_that_the_spec_does_not_allow_are_refused(fields, message):
    """The error refers to `drifted`."""
    with pytest.raises(ValueError, match=message) as caught:
        make_record("gen-1", **fields)
    assert "drifted" in str(caught.value)


def test_a_second_id_is_refused():
    """It could not be requested."""
    with pytest.raises(ValueError, match="there are two ids: 'gen-1' and 'gen-2'"):
        make_record("gen-1", id="gen-2")


def test_a_body_matches_the_spec():
    """The record is at its place in the body."""
    body = GenerationResponse.from_dict(_records.make_body(make_record("gen-1")))
    assert (body.drift, body.data.id) == ((), "gen-1")


@pytest.mark.parametrize("status", [400, 401, 402, 404, 408, 418, 429, 500, 502, 524, 529, 599])
def test_an_error_matches_the_spec(status):
    """It has all fields, the status as its code, and a message."""
    data = make_error(status)
    body = ErrorResponse.from_dict(data)
    assert (body.drift, data.keys()) == ((), ErrorResponse.__schema__().keys)
    assert (body.error.code, bool(body.error.message)) == (status, True)


def test_an_error_has_the_given_parts():
    """Message and metadata."""
    error = make_error(429, "slow down", metadata={"provider": "x"})["error"]
    assert error == {"code": 429, "message": "slow down", "metadata": {"provider": "x"}}


def field(key, decoder, *, required=True):
    return Field(key, key, decoder, required=required)


def model(*fields):
    return SimpleNamespace(__schema__=lambda: Schema(*fields))


DECODERS = [
    *(value for name, value in vars(decoders).items() if isinstance(value, decoders.Scalar)),
    decoders.Constant("a"),
    decoders.StrEnumeration(ApiType),
    decoders.Nullable(decoders.INTEGER),
    decoders.Array(decoders.UUID),
    decoders.OneOf([decoders.INTEGER, decoders.STRING]),
    decoders.Array(decoders.Nullable(decoders.OneOf([decoders.DATE, decoders.NULL]))),
]


@pytest.mark.parametrize("decoder", [d for d in DECODERS if d is not decoders.FILE])
def test_a_value_can_be_made_for_each_kind_of_decoder(decoder):
    """New fields of a spec get a valid value, except for bytes, which JSON cannot represent."""
    data = _records._object(model(field("some_field", decoder)), {}, ())
    assert decoder.knows(json.loads(json.dumps(data))["some_field"])


def test_plausible_values_that_the_spec_does_not_allow_are_not_used():
    """Neither are values for fields that it does not have."""
    changed = model(field("model", decoders.INTEGER), field("id", decoders.STRING))
    assert _records._object(changed, {"model": "a", "id": "b", "c": "d"}, ()) == {
        "model": 1,
        "id": "b",
    }


def test_a_recursive_model_is_not_nested_in_itself():
    """The value is null, an empty list, another choice, or left out."""
    inner = SimpleNamespace()
    itself = decoders.Object(inner)
    inner.__schema__ = lambda: Schema(
        field("parent", decoders.Nullable(itself)),
        field("children", decoders.Array(itself)),
        field("either", decoders.OneOf([itself, decoders.STRING])),
        field("more", itself, required=False),
    )
    assert _records._object(inner, {}, ()) == {"parent": None, "children": [], "either": "either"}


def test_drifted_does_not_change_its_argument():
    """At any depth."""
    record = make_record("gen-1")
    drifted(record, values={"/provider_responses/0/latency": "slow"}, missing=["model"])
    assert record == make_record("gen-1")


def test_drifted_accepts_an_id():
    """It starts from the record of `make_record`."""
    record = drifted("gen-1", extra={"tier": 1, "/provider_responses/0/a~1b": 2})
    attempt = {**make_record("gen-1")["provider_responses"][0], "a/b": 2}
    assert record == {**make_record("gen-1"), "tier": 1, "provider_responses": [attempt]}


@pytest.mark.parametrize("pointer", ["/provider_responses/0", "/id/x", "/provider_responses/x/y"])
def test_only_fields_can_drift(pointer):
    """Not the items of a list, or parts of a string."""
    with pytest.raises(ValueError, match="the record has no"):
        drifted("gen-1", missing=[pointer])
