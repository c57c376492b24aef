"""What tells the schemas of a union apart: scripts/codegen/discriminators.py."""

import copy

import pytest
from codegen import discriminators

REF = "#/components/schemas/"


def schemas(kind: dict, **discriminator) -> dict:
    """Spell out a union of two schemas that have a property `kind`; return the schemas."""
    one = {"type": "object", "properties": {"kind": kind}}
    union = {
        "oneOf": [{"$ref": f"{REF}Cat"}, {"$ref": f"{REF}Dog"}, {"type": "null"}],
        "discriminator": {"propertyName": "kind", **discriminator},
    }
    document = {"components": {"schemas": {"Cat": one, "Dog": copy.deepcopy(one), "Pet": union}}}
    discriminators.spell_out(document)
    return document["components"]["schemas"]


def test_the_names_of_the_schemas_are_the_values():
    """Where there is no mapping."""
    assert schemas({"type": "string"})["Dog"]["properties"]["kind"]["enum"] == ["Dog"]


def test_a_mapping_says_the_values():
    """By reference or by name; several may stand for one schema."""
    mapping = {"miaow": f"{REF}Cat", "purr": "Cat", "bark": "Dog"}

    found = schemas({"type": "string"}, mapping=mapping)

    assert found["Cat"]["properties"]["kind"]["enum"] == ["miaow", "purr"]
    assert found["Dog"]["properties"]["kind"]["enum"] == ["bark"]


@pytest.mark.parametrize(
    "kind",
    [{"const": "x"}, {"type": "string", "enum": ["x"]}, {"type": "integer"}, {"$ref": f"{REF}X"}],
)
def test_what_the_schemas_say_themselves_stays(kind):
    """They know better."""
    assert schemas(kind)["Cat"]["properties"]["kind"] == kind


def test_a_schema_that_others_are_composed_of_stays():
    """Its property stands for theirs too."""
    plain = {"type": "object", "properties": {"kind": {"type": "string"}}}
    document = {
        "components": {
            "schemas": {
                "Base": plain,
                "Derived": {"allOf": [{"$ref": f"{REF}Base"}]},
                "Union": {
                    "anyOf": [{"$ref": f"{REF}Base"}, {"$ref": f"{REF}Derived"}],
                    "discriminator": {"propertyName": "kind"},
                },
            }
        }
    }

    discriminators.spell_out(document)

    assert "enum" not in document["components"]["schemas"]["Base"]["properties"]["kind"]


@pytest.mark.parametrize("document", [{}, {"components": None}, {"components": {"schemas": []}}])
def test_a_document_without_schemas_passes(document):
    """What is wrong with it, the generator says."""
    before = copy.deepcopy(document)
    discriminators.spell_out(document)
    assert document == before
