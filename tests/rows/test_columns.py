"""Columns: derived from any version of the spec, and documented."""

import re
from pathlib import Path

import pytest
from common import versions
from common.project import Project

from modelgates_client.rows import computed
from modelgates_client.rows.column import TYPES
from modelgates_client.rows.columns import COLUMNS, UNITS, columns_of
from modelgates_runtime import decoders
from modelgates_runtime.model import Model
from modelgates_runtime.schema import Field, Schema

VERSIONS = versions.all(Project(Path(__file__).parents[2]))
COMPUTED = [column for column, _ in computed.FIRST]
BY_TYPE = {
    "string": decoders.STRING,
    "boolean": decoders.BOOLEAN,
    "integer": decoders.INTEGER,
    "number": decoders.NUMBER,
    "array": decoders.Array(decoders.ANYTHING),
    "object": decoders.ANYTHING,
}


def model_of(**fields):
    """Return a model with these fields."""
    schema = Schema(
        *(Field(name, name, decoder, required=False) for name, decoder in fields.items())
    )
    return type("Model", (Model,), {"__fields__": classmethod(lambda _: schema), "__doc__": None})


def properties(version):
    """Return the properties of a generation in a version of the spec."""
    schemas = version.document["components"]["schemas"]
    (schema,) = [
        each["properties"]["data"]
        for each in schemas.values()
        if "total_cost" in str(each.get("properties", {}).get("data", ""))
    ] or [next(each for each in schemas.values() if "total_cost" in each.get("properties", {}))]
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rsplit("/", 1)[1]]
    return schema["properties"]


def decoder_of(definition):
    """Return the decoder of a property."""
    kinds = definition.get("type", "string")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    decoder = BY_TYPE[next(kind for kind in kinds if kind != "null")]
    return decoders.Nullable(decoder) if "null" in kinds else decoder


@pytest.mark.parametrize("version", VERSIONS.values(), ids=list(VERSIONS))
def test_every_published_version_has_a_column_for_each_field(version):
    """No field is lost, and no name occurs twice."""
    fields = properties(version)
    columns = columns_of(
        model_of(**{name: decoder_of(definition) for name, definition in fields.items()})
    )

    names = [column.name for column in columns]
    assert len({name.lower() for name in names}) == len(names)
    assert {column.key for column in columns if column.key} >= fields.keys()
    assert names[: len(COMPUTED)] == [column.name for column in COMPUTED]
    assert names[-2:] == ["attempts", "unreadable"]
    fields = names[len(COMPUTED) : -2]
    assert fields == sorted(fields)
    assert "charged_usd" in names


def test_every_unit_is_that_of_a_field_in_some_version():
    """The table of units has no obsolete entries."""
    every = set().union(*(properties(version) for version in VERSIONS.values()))
    assert set(UNITS) <= every


def test_a_new_field_becomes_a_column_under_its_own_name():
    """Without any edit; computed columns keep their places."""
    columns = columns_of(model_of(brand_new=decoders.Nullable(decoders.INTEGER)))
    by_name = {column.name: column for column in columns}
    assert by_name["brand_new"].kind == "integer"
    assert by_name["brand_new"].key == "brand_new"


def test_a_field_with_the_name_of_a_computed_column_is_renamed():
    """Names that differ only in case are equal, as in SQL."""
    model = model_of(state=decoders.STRING, Error=decoders.STRING, error=decoders.INTEGER)
    names = [(column.name, column.key) for column in columns_of(model)[len(COMPUTED) : -2]]
    assert names == [("spec_Error", "Error"), ("spec_spec_error", "error"), ("spec_state", "state")]


@pytest.mark.parametrize(
    ("decoder", "kind"),
    [
        (decoders.STRING, "text"),
        (decoders.UUID, "text"),
        (decoders.DATE, "text"),
        (decoders.DATETIME, "time"),
        (decoders.BOOLEAN, "boolean"),
        (decoders.Nullable(decoders.NUMBER), "number"),
        (decoders.Constant("x"), "text"),
        (decoders.Constant(True), "boolean"),  # noqa: FBT003 - what a constant is
        (decoders.OneOf([decoders.STRING, decoders.NULL]), "text"),
        (decoders.OneOf([decoders.INTEGER, decoders.NUMBER]), "number"),
        (decoders.OneOf([decoders.STRING, decoders.NUMBER]), "json"),
        (decoders.Array(decoders.STRING), "json"),
        (decoders.ANYTHING, "json"),
    ],
)
def test_values_with_a_flat_form_have_their_own_type(decoder, kind):
    """All others are JSON."""
    (column,) = [each for each in columns_of(model_of(field=decoder)) if each.key == "field"]
    assert column.kind == kind
    assert (column.storage, column.type) == TYPES[kind]


def test_an_amount_of_another_type_has_no_unit():
    """Units apply only to numbers; a string keeps the name of its field."""
    (column,) = [
        c for c in columns_of(model_of(total_cost=decoders.STRING)) if c.key == "total_cost"
    ]
    assert (column.name, column.kind, column.unit) == ("total_cost", "text", None)


def test_every_column_is_documented():
    """Names of amounts, and no others, end with the unit."""
    assert [column.name for column in COLUMNS if not column.doc] == []
    costs = next(column for column in COLUMNS if column.name == "charged_usd")
    assert costs.doc == "Total cost of the generation in USD"
    for column in COLUMNS:
        assert column.name.endswith("_usd") == (column.kind == "usd")
        assert re.fullmatch(r"[a-z][a-z_0-9]*", column.name)


def test_documentation_is_not_part_of_the_form_of_rows():
    """Correcting a description must not cause rows to be derived again."""
    assert COLUMNS[0].doc not in repr(COLUMNS)
