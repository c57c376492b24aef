"""Likely mistakes in the document are reported, with advice."""

import copy

import pytest
from specdiff import specs, suspicions

from . import changes as catalogue
from .conftest import FROZEN, PINNED


def suspected(*kinds):
    """Return the suspicions for all of these changes together, and for their reversal."""
    spec = catalogue.base()
    for change in kinds:
        change(spec)
    pairs = (catalogue.base(), spec), (spec, catalogue.base())
    return [suspicions.suspect(specs.compare(*pair)) for pair in pairs]


def properties(spec):
    return spec["components"]["schemas"]["Thing"]["properties"]


def nullable(spec):
    for name in ("name", "size", "note"):
        properties(spec)[name]["type"] = [properties(spec)[name]["type"], "null"]


def renamed_field(spec):
    properties(spec)["notes"] = properties(spec).pop("note")


def renamed_value(spec):
    spec["components"]["schemas"]["Kind"]["enum"] = ["big", "smaller"]


def without_fields(spec):
    for name in ("note", "ratio", "when"):
        del properties(spec)[name]


def without_status(spec):
    del spec["paths"]["/thing"]["get"]["responses"]["404"]


def other_tag(spec):
    spec["paths"]["/thing"]["get"]["tags"] = ["objects"]


def doubled_slash(spec):
    spec["paths"]["//thing"] = spec["paths"].pop("/thing")


def other_path(spec):
    spec["paths"]["/object"] = spec["paths"].pop("/thing")


def titled(spec):
    spec["components"]["schemas"]["Part"]["title"] = "Piece"


def promised(spec):
    spec["components"]["schemas"]["Thing"]["required"].append("note")


@pytest.mark.parametrize(
    ("change", "there", "back"),
    [
        (nullable, [], ["many-fields-lose-null"]),
        (renamed_field, ["renamed"], ["renamed"]),
        (renamed_value, ["renamed"], ["renamed"]),
        (without_fields, ["many-fields-vanish"], []),
        (without_status, ["statuses-vanish"], []),
        (other_tag, ["tag-renamed"], ["tag-renamed"]),
        (doubled_slash, ["slash-doubled"], ["slash-doubled"]),
        (other_path, ["path-renamed"], ["path-renamed"]),
        (titled, ["titles-renamed"], ["titles-renamed"]),
        (promised, ["promised-at-once"], []),
    ],
)
def test_a_likely_mistake_is_reported(change, there, back):
    """Each kind in this spec's history, in the direction in which it is a mistake."""
    result = suspected(change)
    assert [[one.id for one in side] for side in result] == [there, back]
    assert all(one.text and one.advice and one.pointers for side in result for one in side)


def test_ordinary_changes_are_not_suspicious():
    """A new provider, a description, one field more."""

    def ordinary(spec):
        spec["components"]["schemas"]["Kind"]["enum"].append("tiny")
        properties(spec)["name"]["description"] = "What it is called"
        properties(spec)["extra"] = {"type": "string"}
        name = {**properties(spec)["name"], "title": "Name"}  # a schema that is now a component
        spec["components"]["schemas"]["Name"] = name
        properties(spec)["name"] = {"$ref": "#/components/schemas/Name"}

    assert suspected(ordinary) == [[], []]


def test_a_truncated_tail_is_suspicious_where_a_header_parameter_is_left():
    """The vendored document declares its credentials twice; nothing takes the scheme's place."""
    old, new = (copy.deepcopy(FROZEN[PINNED].document) for _ in range(2))
    del new["components"]["securitySchemes"]
    assert [one.id for one in suspicions.suspect(specs.compare(old, new))] == ["tail-gone"]
    assert suspicions.suspect(specs.compare(new, old)) == []
