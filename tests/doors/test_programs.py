"""Records in pydantic models, and in responses of FastAPI."""

import json
from typing import Annotated

import fastapi
import fastapi.testclient
import pydantic
import pytest

from modelgates_client import Generation
from modelgates_runtime import decoders
from modelgates_runtime.model import Model
from modelgates_runtime.schema import Field, Schema


class Bill(pydantic.BaseModel):
    """A pydantic model of an application with a record in it."""

    record: Generation


def test_pydantic_validates_and_serializes_records():
    """Records are objects or JSON; unreadable values are unchanged."""
    original = {"id": "gen-1", "total_cost": "free", "new": [1]}
    record = Generation.from_dict(original)
    assert Bill(record=record).record is record
    bill = Bill.model_validate_json(json.dumps({"record": original}))
    assert isinstance(bill.record, Generation)
    assert bill.model_dump() == {"record": original}
    assert json.loads(bill.model_dump_json()) == {"record": original}
    assert Bill.model_json_schema()["properties"]["record"]["type"] == "object"


def test_the_schema_of_a_record_has_its_fields():
    """With the spec's types, none required, and enums open, because responses deviate."""
    record = Bill.model_json_schema()["properties"]["record"]
    fields = record["properties"]
    assert record["title"] == "Generation"
    assert list(fields) == [*Generation.__schema__().fields]
    assert "required" not in record
    assert fields["total_cost"] == {"type": "number"}
    assert fields["external_user"] == {"anyOf": [{"type": "string"}, {"type": "null"}]}
    kind, null = fields["api_type"]["anyOf"]
    assert null == {"type": "null"}
    assert kind["type"] == "string"
    assert "completions" in kind["examples"]
    responses, _ = fields["provider_responses"]["anyOf"]
    assert responses["items"]["properties"]["latency"] == {"type": "number"}


class Tree(Model):
    """A model that contains itself, and one field of each kind of schema."""

    @classmethod
    def __fields__(cls):
        """Return the fields, as generated code does."""
        kinds = {
            "leaves": decoders.Array(decoders.Object(cls)),
            "kind": decoders.Constant("tree"),
            "either": decoders.OneOf([decoders.INTEGER, decoders.BOOLEAN]),
            "planted": decoders.DATETIME,
            "day": decoders.DATE,
            "key": decoders.UUID,
            "any": decoders.ANYTHING,
        }
        return Schema(
            *(Field(key, key, kind, required=True) for key, kind in kinds.items()),
            extra=decoders.STRING,
        )


def test_each_kind_of_schema_has_its_json_schema():
    """A recursive field becomes a plain object."""
    assert pydantic.TypeAdapter(Tree).json_schema() == {
        "type": "object",
        "title": "Tree",
        "properties": {
            "leaves": {"type": "array", "items": {"type": "object", "title": "Tree"}},
            "kind": {"const": "tree"},
            "either": {"anyOf": [{"type": "integer"}, {"type": "boolean"}]},
            "planted": {"type": "string", "format": "date-time"},
            "day": {"type": "string", "format": "date"},
            "key": {"type": "string", "format": "uuid"},
            "any": {},
        },
        "additionalProperties": {"type": "string"},
    }


@pytest.mark.parametrize("value", ["gen-1", 1, None, {"data": {"id": "gen-1"}}])
def test_pydantic_refuses_values_that_are_not_records(value):
    """With its own error, as for any field."""
    with pytest.raises(pydantic.ValidationError):
        Bill(record=value)


def test_fastapi_returns_records():
    """With an annotated return type and without; in lists, too."""
    original = {"id": "gen-1", "total_cost": "free", "new": [1]}
    app = fastapi.FastAPI()

    @app.get("/typed")
    async def typed() -> list[Generation]:
        return [Generation.from_dict(original)]

    @app.get("/untyped")
    async def untyped():
        return [Generation.from_dict(original)]

    @app.post("/taken")
    async def taken(record: Annotated[Generation, fastapi.Body()]) -> str:
        return record.id

    client = fastapi.testclient.TestClient(app)
    assert client.get("/typed").json() == client.get("/untyped").json() == [original]
    assert client.post("/taken", json=original).json() == "gen-1"
    assert client.post("/taken", json=[]).status_code == 422
    assert "/typed" in client.get("/openapi.json").json()["paths"]


@pytest.mark.parametrize("number", ["1e400", "-1e400"])
def test_fastapi_returns_numbers_beyond_doubles_as_null(number):
    """The value is unknown then: neither an error nor another number."""
    original = f'{{"id":"gen-1","total_cost":{number},"new":[{{"deep":{number}}}]}}'
    record = Generation.from_dict(json.loads(original))
    app = fastapi.FastAPI()

    @app.get("/typed")
    async def typed() -> Generation:
        return record

    @app.get("/untyped")
    async def untyped():
        return record

    client = fastapi.testclient.TestClient(app)
    expected = {"id": "gen-1", "total_cost": None, "new": [{"deep": None}]}
    assert client.get("/typed").json() == client.get("/untyped").json() == expected
    assert Bill(record=record).model_dump_json() == json.dumps(
        {"record": expected}, separators=(",", ":")
    )


def test_fastapi_returns_nan_as_null():
    """In a constructed record; a server cannot send it."""
    app = fastapi.FastAPI()

    @app.get("/")
    async def untyped():
        return Generation.from_dict({"total_cost": float("nan")})

    assert fastapi.testclient.TestClient(app).get("/").json() == {"total_cost": None}
