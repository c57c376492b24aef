"""The columns: derived from the spec, whichever version, and documented."""

import re
from pathlib import Path

import pytest
from common import versions
from common.project import Project

from modelgates_client import Generation
from modelgates_client.rows.columns import COLUMNS, UNITS, columns_of
from modelgates_client.rows.kinds import DUCKDB_TYPES, SQLITE_TYPES
from modelgates_runtime import decoders
from modelgates_runtime.model import Model
from modelgates_runtime.schema import Field, Schema

VERSIONS = versions.all(Project(Path(__file__).parents[2]))
OURS = columns_of(Generation)[:12]
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
    schema = Schema.of(
        *(Field(name, name, decoder, required=False) for name, decoder in fields.items())
    )
    return type("Model", (Model,), {"__fields__": classmethod(lambda _: schema), "__doc__": None})


def properties(version):
    """Return what a version of the spec says of the fields of a generation."""
    schemas = version.document["components"]["schemas"]
    (found,) = [
        each["properties"]["data"]
        for each in schemas.values()
        if "total_cost" in str(each.get("properties", {}).get("data", ""))
    ] or [next(each for each in schemas.values() if "total_cost" in each.get("properties", {}))]
    if "$ref" in found:
        found = schemas[found["$ref"].rsplit("/", 1)[1]]
    return found["properties"]


def decoder_of(said):
    """Return what takes the values of a property."""
    kinds = said.get("type", "string")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    decoder = BY_TYPE[next(kind for kind in kinds if kind != "null")]
    return decoders.Nullable(decoder) if "null" in kinds else decoder


@pytest.mark.parametrize("version", VERSIONS.values(), ids=list(VERSIONS))
def test_every_published_version_gives_a_column_for_each_field(version):
    """Under its own name, with the unit where it has one; nothing is lost, and nothing is twice."""
    fields = properties(version)
    columns = columns_of(model_of(**{name: decoder_of(said) for name, said in fields.items()}))

    names = [column.name for column in columns]
    assert len({name.lower() for name in names}) == len(names)
    assert {column.key for column in columns if column.key} >= fields.keys()
    assert names[:12] == [column.name for column in OURS]
    assert names[-2:] == ["attempts", "unreadable"]
    assert names[12:-2] == sorted(names[12:-2])
    assert "charged_usd" in names


def test_every_unit_is_of_a_field_that_some_version_has():
    """The table of units keeps no field that never was."""
    every = set().union(*(properties(version) for version in VERSIONS.values()))
    assert set(UNITS) <= every


def test_a_new_field_becomes_a_column_under_its_own_name():
    """Without any edit; the ones that are computed stay where they are."""
    columns = columns_of(model_of(brand_new=decoders.Nullable(decoders.INTEGER)))
    found = {column.name: column for column in columns}
    assert found["brand_new"].kind == "integer"
    assert found["brand_new"].key == "brand_new"


def test_a_field_called_as_a_column_of_ours_gets_another_name():
    """SQL knows no upper and lower case, so that counts as the same, too."""
    model = model_of(state=decoders.STRING, Error=decoders.STRING, error=decoders.INTEGER)
    names = [(column.name, column.key) for column in columns_of(model)[12:-2]]
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
def test_what_has_a_flat_form_has_a_type_of_its_own(decoder, kind):
    """JSON is for the rest."""
    (column,) = [each for each in columns_of(model_of(field=decoder)) if each.key == "field"]
    assert column.kind == kind
    assert column.storage == SQLITE_TYPES[kind]
    assert column.type == DUCKDB_TYPES[kind]


def test_an_amount_that_is_no_number_in_the_spec_is_no_amount():
    """The unit is only for numbers; a text keeps the field's own name."""
    (column,) = [
        c for c in columns_of(model_of(total_cost=decoders.STRING)) if c.key == "total_cost"
    ]
    assert (column.name, column.kind, column.unit) == ("total_cost", "text", None)


def test_every_column_is_documented_in_words_of_ours_or_of_the_spec():
    """One whose meaning nobody says is no documented schema; amounts say their unit in the name."""
    assert [column.name for column in COLUMNS if not column.doc] == []
    costs = next(column for column in COLUMNS if column.name == "charged_usd")
    assert costs.doc == "Total cost of the generation in USD"
    for column in COLUMNS:
        assert column.name.endswith("_usd") == (column.kind == "usd")
        assert re.fullmatch(r"[a-z][a-z_0-9]*", column.name)


def test_the_documentation_is_no_part_of_the_form():
    """Rows need not be made anew because a description was corrected."""
    assert COLUMNS[0].doc not in repr(COLUMNS)
