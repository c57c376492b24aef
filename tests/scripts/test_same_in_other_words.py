"""What means the same in other words is one line of the diff; what does not is told."""

import copy
import json

import pytest
from specdiff import specs, suspicions

from . import changes as catalogue
from .changes import ref
from .conftest import FROZEN, PINNED


def properties(spec):
    return spec["components"]["schemas"]["Thing"]["properties"]


def operation(spec):
    return spec["paths"]["/thing"]["get"]


def compared(change, *, base=None):
    """Return the reported changes in both directions; neither may be empty."""
    old = base or catalogue.base()
    new = copy.deepcopy(old)
    change(new)
    result = specs.compare(old, new), specs.compare(new, old)
    assert all(result)
    return result


def titles(spec):
    for schema in spec["components"]["schemas"].values():
        schema["title"] = "Another"  # one of them had another title, the others none


def notes(spec):
    properties(spec)["name"].update(title="N", example="n", deprecated=True, default="x")
    properties(spec)["kind"] = {**ref("Kind"), "description": "What it is", "x-order": 3}
    operation(spec).update(summary="Other", description="Other", externalDocs={"url": "x"})
    operation(spec)["responses"]["200"]["description"] = "Another thing"
    operation(spec)["parameters"][0].update(description="Which", example="x")


def null_by_any_of(spec):
    properties(spec)["nick"] = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    properties(spec)["spare"] = {"oneOf": [{"type": "null"}, {"type": "integer"}]}


def null_by_keyword(spec):
    properties(spec)["nick"] = {"type": "string", "nullable": True}
    properties(spec)["spare"] = {"allOf": [{"type": "integer"}], "nullable": True}


def enum_of_constants(spec):
    listed = [{"const": "big"}, {"type": "string", "const": "small"}]
    spec["components"]["schemas"]["Kind"] = {"type": "string", "anyOf": listed}


def enum_of_single_enums(spec):
    spec["components"]["schemas"]["Kind"] = {"oneOf": [{"enum": ["small"]}, {"enum": ["big"]}]}


def renamed_with_its_title(spec):
    text = json.dumps(spec).replace('"Part"', '"Piece"').replace("schemas/Part", "schemas/Piece")
    spec.update(json.loads(text))


def in_line(spec):
    schemas = spec["components"]["schemas"]
    properties(spec)["parts"]["items"] = schemas.pop("Part")
    properties(spec)["kind"] = schemas.pop("Kind")


def all_of(spec):
    thing = spec["components"]["schemas"]["Thing"]
    name = thing["properties"].pop("name")
    thing["required"].remove("name")
    more = {"type": "object", "properties": {"name": name}, "required": ["name"]}
    spec["components"]["schemas"]["Thing"] = {"allOf": [thing, more]}


def charset(spec):
    content = operation(spec)["responses"]["200"]["content"]
    content["application/json; charset=utf-8"] = content.pop("application/json")


def order(spec):
    for schema in spec["components"]["schemas"].values():
        schema.get("required", []).reverse()
        schema.get("enum", []).reverse()


def slash(spec):
    spec["servers"][0]["url"] += "/"


def scheme_renamed(spec):
    schemes = spec["components"]["securitySchemes"]
    schemes["bearerAuth"] = {**schemes.pop("key"), "description": "The key", "bearerFormat": "key"}
    operation(spec)["security"] = [{"bearerAuth": []}]


def security_for_all(spec):
    spec["security"] = operation(spec).pop("security")


def as_parameter(spec):
    del operation(spec)["security"]
    del spec["components"]["securitySchemes"]
    header = {"name": "Authorization", "in": "header", "required": True,
              "schema": {"type": "string"}}  # fmt: skip
    operation(spec)["parameters"].append(header)


def as_parameter_with_scheme(spec):
    schemes = copy.deepcopy(spec["components"]["securitySchemes"])
    as_parameter(spec)
    spec["components"]["securitySchemes"] = schemes


@pytest.mark.parametrize(
    "change",
    [titles, notes, null_by_any_of, null_by_keyword, enum_of_constants, enum_of_single_enums,
     renamed_with_its_title, in_line, all_of, charset, order, slash, scheme_renamed,
     security_for_all, as_parameter, as_parameter_with_scheme],
)  # fmt: skip
def test_an_equivalent_rewrite_is_no_warning(change):
    """In both directions, and it has no effect on the client."""
    for result in compared(change):
        assert {(str(c.level), str(c.effect)) for c in result} == {("info", "absorbed")}, result


def test_an_example_of_any_type_is_documentation():
    """A boolean holds nothing that could be compared further."""
    old = catalogue.base()
    properties(old)["name"]["example"] = True
    new = copy.deepcopy(old)
    properties(new)["name"]["example"] = False
    [change] = specs.compare(old, new)
    assert (change.rule, str(change.level)) == ("example-changed", "info"), change


def test_a_title_that_follows_its_component_is_not_suspicious():
    """A title that changes alone is."""
    for result in compared(renamed_with_its_title):
        assert suspicions.suspect(result) == []
    for result in compared(titles):
        assert [s.id for s in suspicions.suspect(result)] == ["titles-renamed"]


def test_a_header_that_becomes_security_is_no_warning():
    """As it was published: a parameter first, then a scheme and a requirement."""
    base = catalogue.base()
    as_parameter(base)

    def change(spec):
        spec.update(catalogue.base())

    forward, _ = compared(change, base=base)
    assert {str(c.level) for c in forward} == {"info"}, forward


def as_3_0(node, inside=""):  # noqa: C901 - a keyword after the other
    """Return a document of OpenAPI 3.1 as one of 3.0.3, as a tool would write it."""
    if isinstance(node, list):
        return [as_3_0(part) for part in node]
    if not isinstance(node, dict):
        return node
    made = {key: as_3_0(part, key) for key, part in node.items()}
    if inside in {"properties", "schemas"}:
        return made
    kinds = made.get("type")
    if isinstance(kinds, list):
        kept = [kind for kind in kinds if kind != "null"]
        made["type"] = kept[0]
        made["nullable"] = True
    if "const" in made:
        made["enum"] = [made.pop("const")]
    for key in ("oneOf", "anyOf"):
        listed = made.get(key, [])
        if {"type": "null"} in listed:
            listed.remove({"type": "null"})
            made["nullable"] = True
            if len(listed) == 1:
                made["allOf"] = made.pop(key)
    if "$ref" in made and len(made) > 1:
        made["allOf"] = [{"$ref": made.pop("$ref")}]
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if exclusive in made:
            made[bound], made[exclusive] = made[exclusive], True
    if isinstance(made.get("examples"), list):
        [made["example"]] = made.pop("examples")
    return made


def test_the_same_spec_as_3_0_is_one_line():
    """However many places are restructured."""
    old = FROZEN[PINNED].document
    new = {**as_3_0(old), "openapi": "3.0.3"}
    for result in (specs.compare(old, new), specs.compare(new, old)):
        [change] = result
        assert (change.rule, str(change.level)) == ("restructured", "info")
        assert "places are restructured without a change of meaning" in change.text


def header_scheme(spec):
    spec["components"]["securitySchemes"]["key"] = {
        "type": "apiKey", "in": "header", "name": "X-Key",
    }  # fmt: skip


def basic_scheme(spec):
    spec["components"]["securitySchemes"]["key"]["scheme"] = "basic"


def type_beside_one_of(spec):
    properties(spec)["either"]["type"] = "string"


def bound_beside_one_of(spec):
    properties(spec)["either"]["maxLength"] = 3


def type_beside_enum(spec):
    spec["components"]["schemas"]["Kind"]["type"] = "boolean"  # which no value that it lists is


def enum_beside_reference(spec):
    properties(spec)["kind"]["enum"] = ["big"]


def required_beside_all_of(spec):
    all_of(spec)
    spec["components"]["schemas"]["Thing"]["required"] = ["note"]


IN_HEADER = {"type": "apiKey", "in": "header", "name": "X-Key"}


@pytest.mark.parametrize(
    ("old", "new", "rules"),
    [
        ([{"key": []}], [{"key": []}, {"other": []}], {"api-security-alternative-added"}),
        ([{"key": []}, {"other": []}], [{"other": []}], {"api-security-alternative-removed"}),
        ([{"key": []}, {"other": []}], [{"key": []}], {"api-security-removed"}),
        ([{"key": []}], [{"key": [], "other": []}], {"api-security-added", "api-security-removed"}),
        ("parameter", [{"key": [], "other": []}], {"api-security-added"}),
        ("parameter", [{"key": []}, {"other": []}], {"api-security-alternative-added"}),
        ("parameter", [{"other": []}], {"api-security-added", "request-parameter-removed"}),
    ],
)
def test_what_lets_requests_in_is_compared(old, new, rules):
    """A bearer token may come to be one of several ways, only a part of one, or none."""
    before = catalogue.base()
    before["components"]["securitySchemes"]["other"] = IN_HEADER
    after = copy.deepcopy(before)
    for spec, security in ((before, old), (after, new)):
        if security == "parameter":
            as_parameter_with_scheme(spec)
        else:
            operation(spec)["security"] = security
    found = {change.rule for change in specs.compare(before, after)}
    assert found - {"restructured"} == rules


@pytest.mark.parametrize(
    ("change", "rule", "pointer"),
    [
        (header_scheme, "api-security-scheme-changed", "#/components/securitySchemes/key"),
        (basic_scheme, "api-security-scheme-changed", "#/components/securitySchemes/key"),
        (type_beside_one_of, "response-property-one-of-removed", "either/oneOf/1"),
        (bound_beside_one_of, "response-property-max-length-set", "either/maxLength"),
        (type_beside_enum, "response-property-type-changed", "schemas/Kind/type"),
        (enum_beside_reference, "response-property-enum-value-removed", "schemas/Kind/enum/1"),
        (required_beside_all_of, "response-property-became-required", "Thing/required/0"),
    ],
)
def test_keywords_next_to_a_reference_or_composition_are_compared(change, rule, pointer):
    """By its rule, with a place of the published document."""
    forward, _ = compared(change)
    assert [c.pointer for c in forward if c.rule == rule and c.pointer.endswith(pointer)], forward


def test_a_type_next_to_one_of_is_compared():
    """Of each alternative, and in both directions."""
    base = catalogue.base()
    listed = [{"minLength": 3}, {"pattern": "^a"}]
    properties(base)["either"] = {"type": "string", "oneOf": listed}
    for result in compared(lambda s: properties(s)["either"].update(type="integer"), base=base):
        assert "breaking" in {str(c.level) for c in result}, result


@pytest.mark.parametrize(
    ("keyword", "before", "after"),
    [
        ("prefixItems", [{"type": "string"}, {"type": "integer"}],
         [{"type": "integer"}, {"type": "string"}]),
        ("patternProperties", {"^a": {"type": "string"}}, {"^b": {"type": "string"}}),
        ("not", {"const": 1}, {"const": 2}),
        ("allOf", [{"pattern": "^a"}, {"pattern": "^b"}], [{"pattern": "^a"}, {"pattern": "^c"}]),
        ("unheardOf", 1, 2),
    ],
)  # fmt: skip
def test_a_keyword_outside_the_normal_form_is_a_warning(keyword, before, after):
    """An uncompared keyword is never considered equivalent."""
    base = catalogue.base()
    properties(base)["words"] = {keyword: before}
    for result in compared(lambda s: properties(s)["words"].update({keyword: after}), base=base):
        assert {str(c.level) for c in result} == {"warning"}, result


def test_an_uncompared_schema_is_not_called_equivalent():
    """For example, a schema that only a callback refers to."""
    base = catalogue.base()
    base["components"]["schemas"]["Event"] = {"type": "string"}
    content = {"application/json": {"schema": ref("Event")}}
    hook = {"post": {"requestBody": {"content": content}, "responses": {}}}
    operation(base)["callbacks"] = {"done": {"{$request.body#/url}": hook}}

    def change(spec):
        spec["components"]["schemas"]["Event"]["type"] = "integer"

    for result in compared(change, base=base):
        assert {str(c.level) for c in result} == {"warning"}, result


def test_a_truncated_document_is_suspicious():
    """An interrupted download looks like this, and is still valid YAML."""
    forward, back = compared(lambda spec: spec["components"].pop("securitySchemes"))
    assert "tail-gone" in {s.id for s in suspicions.suspect(forward)}
    assert "tail-gone" not in {s.id for s in suspicions.suspect(back)}


@pytest.mark.parametrize("change", [catalogue.KINDS[0].change, titles, in_line, all_of])
def test_pointers_refer_to_the_published_documents(change):
    """Each pointer exists in its document."""
    old = catalogue.base()
    new = catalogue.base()
    change(new)
    for result in specs.compare(old, new):
        for pointer, document in ((result.old, old), (result.new, new)):
            for key in pointer.split("/")[1:] if pointer else ():
                key = key.replace("~1", "/").replace("~0", "~")  # noqa: PLW2901
                document = document[int(key) if isinstance(document, list) else key]  # noqa: PLW2901
