"""Records and errors that are made from the spec are as the spec says; drifted ones are not."""

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
def test_a_record_is_complete_and_as_the_spec_says(generation_id):
    """Every field of the spec is there, at every depth, and nothing drifts."""
    made = make_record(generation_id)
    record = Generation.from_dict(json.loads(json.dumps(made)))
    assert record.drift == ()
    assert made.keys() == Generation.__schema__().keys
    (attempt,) = record.provider_responses
    assert made["provider_responses"][0].keys() == type(attempt).__schema__().keys
    assert record.id == generation_id


@pytest.mark.parametrize("generation_id", IDS)
def test_a_record_is_plausible(generation_id):
    """Final, small positive costs, a moment in time, served at the first attempt."""
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
    """In another process, too; another id makes another one."""
    code = "import json, modelgates_client.testing as t; print(json.dumps(t.make_record('gen-1')))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert json.loads(other.stdout) == make_record("gen-1")
    assert len({make_record(f"gen-{number}")["total_cost"] for number in range(100)}) > 90


def test_own_values_are_taken():
    """They are what a test is about."""
    made = make_record("gen-1", total_cost=0, finish_reason=None, provider_responses=[])
    assert (made["total_cost"], made["finish_reason"], made["provider_responses"]) == (0, None, [])


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"totalcost": 1}, "did you mean 'total_cost'"),
        ({"zzz": 1}, "no field 'zzz';"),
        ({"total_cost": "1"}, "/total_cost: expected number, found string"),
        ({"total_cost": None}, "/total_cost: expected number, found null"),
        ({"api_type": "telepathy"}, "/api_type: expected one of"),
        ({"provider_responses": [{}]}, "/provider_responses/0/status: expected"),
    ],
)
def test_values_that_the_spec_does_not_have_are_refused(fields, why):
    """A record that is made is always as the spec says; the error names the way to others."""
    with pytest.raises(ValueError, match=why) as caught:
        make_record("gen-1", **fields)
    assert "drifted" in str(caught.value)


def test_a_record_has_one_id():
    """Another in the fields would be asked for in vain."""
    with pytest.raises(ValueError, match="the id is 'gen-1', and 'gen-2', too"):
        make_record("gen-1", id="gen-2")


def test_a_body_is_as_the_spec_says():
    """The record is where the spec has it."""
    body = GenerationResponse.from_dict(_records.make_body(make_record("gen-1")))
    assert (body.drift, body.data.id) == ((), "gen-1")


@pytest.mark.parametrize("status", [400, 401, 402, 404, 408, 418, 429, 500, 502, 524, 529, 599])
def test_an_error_is_as_the_spec_says(status):
    """Complete, with the status as its code, and a message."""
    made = make_error(status)
    body = ErrorResponse.from_dict(made)
    assert (body.drift, made.keys()) == ((), ErrorResponse.__schema__().keys)
    assert (body.error.code, bool(body.error.message)) == (status, True)


def test_an_error_says_what_it_is_told():
    """Its message, code and metadata."""
    error = make_error(429, "slow down", code=1302, metadata={"provider": "x"})["error"]
    assert error == {"code": 1302, "message": "slow down", "metadata": {"provider": "x"}}


def field(key, decoder, *, required=True):
    return Field(key, key, decoder, required=required)


def model(*fields):
    return SimpleNamespace(__schema__=lambda: Schema.of(*fields))


EVERY_KIND = [
    *(value for name, value in vars(decoders).items() if isinstance(value, decoders.Scalar)),
    decoders.Constant("a"),
    decoders.StrEnumeration(ApiType),
    decoders.Nullable(decoders.INTEGER),
    decoders.Array(decoders.UUID),
    decoders.OneOf([decoders.INTEGER, decoders.STRING]),
    decoders.Array(decoders.Nullable(decoders.OneOf([decoders.DATE, decoders.NULL]))),
]


@pytest.mark.parametrize("decoder", [d for d in EVERY_KIND if d is not decoders.FILE])
def test_a_value_can_be_made_for_every_kind_of_schema(decoder):
    """A regenerated client needs no change here: what is not well known gets a value of its type.

    Bytes aside, which no JSON body holds.
    """
    made = _records._object(model(field("some_field", decoder)), {}, ())
    assert decoder.knows(json.loads(json.dumps(made))["some_field"])


def test_what_is_well_known_gives_way_to_the_spec():
    """A plausible value that is not of the type any more is not used; other fields are not made."""
    changed = model(field("model", decoders.INTEGER), field("id", decoders.STRING))
    assert _records._object(changed, {"model": "a", "id": "b", "c": "d"}, ()) == {
        "model": 1,
        "id": "b",
    }


def test_a_model_inside_itself_ends():
    """As null, as an empty list, by another choice, or left out."""
    inner = SimpleNamespace()
    itself = decoders.Object(inner)
    inner.__schema__ = lambda: Schema.of(
        field("parent", decoders.Nullable(itself)),
        field("children", decoders.Array(itself)),
        field("either", decoders.OneOf([itself, decoders.STRING])),
        field("more", itself, required=False),
    )
    assert _records._object(inner, {}, ()) == {"parent": None, "children": [], "either": "either"}


def test_a_drifted_record_leaves_the_given_one_alone():
    """It is a copy, at every depth."""
    record = make_record("gen-1")
    drifted(record, values={"/provider_responses/0/latency": "slow"}, missing=["model"])
    assert record == make_record("gen-1")


def test_a_record_can_drift_from_an_id():
    """What is made then is what `make_record` makes."""
    record = drifted("gen-1", extra={"tier": 1, "/provider_responses/0/a~1b": 2})
    attempt = {**make_record("gen-1")["provider_responses"][0], "a/b": 2}
    assert record == {**make_record("gen-1"), "tier": 1, "provider_responses": [attempt]}


@pytest.mark.parametrize("place", ["/provider_responses/0", "/id/x", "/provider_responses/x/y"])
def test_only_fields_drift(place):
    """An item, or what is in a text, is no field."""
    with pytest.raises(ValueError, match="the record has no"):
        drifted("gen-1", missing=[place])
