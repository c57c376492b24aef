"""The overlay over the spec: scripts/codegen/overlay.py."""

import json

import pytest
from codegen import overlay
from common import documents
from common.tool_errors import ToolError
from normalizing.normal import normalize


def document() -> dict:
    """A document with two schemas alike, one unlike, and references to each."""
    alike = {"type": "object", "properties": {"error": {"type": "string"}}}
    document = {
        "paths": {"/a": {"get": {"tags": ["x"], "parameters": [{"name": n} for n in "abc"]}}},
        "components": {
            "schemas": {
                "First": {**alike, "title": "First", "description": "One"},
                "Second": {**alike, "title": "Second"},
                "Third": {**alike, "title": "Third"},
                "Other": {"type": "array", "items": {"$ref": "#/components/schemas/Second"}},
            }
        },
    }
    return json.loads(json.dumps(document))  # so that no two places share an object


def apply(*actions: dict, to: dict | None = None) -> dict:
    """Apply actions that give a reason."""
    reasoned = [{"description": "Because.", **action} for action in actions]
    return overlay.apply({"overlay": "1.0.0", "actions": reasoned}, to or document())


def test_the_original_is_not_changed():
    """What is applied is a copy."""
    action = document()

    apply({"target": "$.components", "remove": True}, to=action)

    assert action == document()


def test_an_action_without_a_match_is_an_error_that_names_it():
    """With its number, for there may be several of one target."""
    actions = [{"target": "$.paths", "update": {}}, {"target": "$.nowhere", "remove": True}]

    with pytest.raises(ToolError, match=r"action 2 \(target \$\.nowhere\) matches nothing"):
        apply(*actions)


def test_identical_schemas_become_one():
    """Their titles and descriptions may differ; every reference follows."""
    result = apply({"target": "$.components.schemas[?@.properties.error]", "x-merge-as": "One"})

    assert list(result["components"]["schemas"]) == ["One", "Other"]
    assert result["components"]["schemas"]["Other"]["items"]["$ref"].endswith("/One")


@pytest.mark.parametrize("odd", ["First", "Second", "Third"])
def test_schemas_that_contradict_the_others_are_named(odd):
    """The one that differs from the others is named, whichever it is."""
    action = document()
    action["components"]["schemas"][odd]["properties"]["error"]["type"] = "integer"

    with pytest.raises(ToolError, match=f"additional properties: {odd}, unlike"):
        apply({"target": "$.components.schemas[?@.properties.error]", "x-merge-as": "E"}, to=action)


def merged_errors(project, change):
    """Change the schemas of one error status; return all schemas under the project's overlay."""
    spec = documents.load(project.root / "openapi.yaml")
    schemas = spec["components"]["schemas"]
    change(schemas["NotFoundResponse"], schemas["NotFoundResponseErrorData"])
    rules = documents.load(project.root / "overlays" / "spec.overlay.yaml")
    return overlay.apply(rules, spec)["components"]["schemas"]


NEW = {"type": "string"}


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda envelope, _: envelope["properties"].update(new=NEW), ["ErrorResponse"]),
        (lambda _, detail: detail["properties"].update(new=NEW), ["ErrorDetail"]),
        (
            lambda _, detail: detail.update(
                properties={**detail["properties"], "new": NEW}, required=["code", "message", "new"]
            ),
            ["ErrorDetail"],
        ),
        (
            lambda _, detail: detail["properties"]["metadata"].update(properties={"new": NEW}),
            ["ErrorDetail", "properties", "metadata"],
        ),
    ],
    ids=["envelope", "detail", "required", "metadata"],
)
def test_an_error_with_an_additional_property_is_merged(project, change, place):
    """The property is optional, since the other errors lack it."""
    before = merged_errors(project, lambda *_: None)
    schemas = merged_errors(project, change)
    changed, old = schemas, before
    for key in place:
        changed, old = changed[key], old[key]
    assert schemas.keys() == before.keys()
    assert changed["properties"] == {**old.get("properties", {}), "new": NEW}
    assert changed.get("required", []) == old.get("required", [])


@pytest.mark.parametrize("name", ["Unauthorized", "NotFound"])
def test_metadata_that_becomes_a_component_is_merged(project, name):
    """It has the properties of the component, and may have others, as before."""
    spec = documents.load(project.root / "openapi.yaml")
    schemas = spec["components"]["schemas"]
    schemas["Limit"] = {"type": ["object", "null"], "properties": {"new": NEW}, "title": "Limit"}
    reference = {"$ref": "#/components/schemas/Limit"}
    schemas[f"{name}ResponseErrorData"]["properties"]["metadata"] = reference
    rules = documents.load(project.root / "overlays" / "spec.overlay.yaml")
    merged = overlay.apply(rules, spec)["components"]["schemas"]
    metadata = merged["ErrorDetail"]["properties"]["metadata"]
    assert metadata["properties"] == {"new": NEW}
    assert metadata["additionalProperties"] == {}
    assert f"{name}Response" not in merged


@pytest.mark.parametrize(
    "odd",
    [
        {"properties": {"next": {"$ref": "#/components/schemas/Second"}}},
        {"properties": []},
        {"required": 1},
        True,
    ],
)
def test_odd_schemas_are_not_merged(odd):
    """Those that contain themselves, and malformed ones."""
    action = document()
    nested = {"properties": {"next": {"$ref": "#/components/schemas/First"}}}
    action["components"]["schemas"] |= {"First": nested, "Second": odd}
    with pytest.raises(ToolError, match="differ in more than additional properties"):
        apply({"target": "$.components.schemas['First', 'Second']", "x-merge-as": "E"}, to=action)


def test_an_error_with_a_property_of_another_type_keeps_its_own_class_or_is_named(project):
    """Its code in words makes it another kind of error; other contradictions are to decide."""
    schemas = merged_errors(
        project, lambda _, detail: detail["properties"]["code"].update(type="string")
    )
    assert {"ErrorDetail", "ErrorResponse", "NotFoundResponse"} <= schemas.keys()
    with pytest.raises(ToolError, match="additional properties: NotFoundResponseErrorData, unlike"):
        merged_errors(
            project, lambda _, detail: detail["properties"]["message"].update(type="integer")
        )


def in_line(spec):
    """Replace components by their schemas, where they are used."""
    schemas = spec["components"]["schemas"]
    schemas["GenerationResponseData"]["properties"] |= {
        "api_type": schemas.pop("GenerationResponseDataApiType"),
        "provider_responses": {"type": "array", "items": schemas.pop("ProviderResponse")},
    }


def composed(spec):
    """Refer to the attempts in the notation of 3.0, and put a part of them aside."""
    schemas = spec["components"]["schemas"]
    items = schemas["GenerationResponseData"]["properties"]["provider_responses"]["items"]
    items["allOf"] = [{"$ref": items.pop("$ref")}]
    attempt = schemas["ProviderResponse"]
    schemas["Base"] = {"type": "object", "properties": {"id": attempt["properties"].pop("id")}}
    schemas["ProviderResponse"] = {"allOf": [{"$ref": "#/components/schemas/Base"}, attempt]}


@pytest.mark.parametrize("change", [lambda _: None, in_line, composed])
def test_classes_keep_their_names_wherever_their_schemas_are(project, change):
    """Programs import them by these names."""
    spec = documents.load(project.root / "openapi.yaml")
    change(spec)
    rules = documents.load(project.root / "overlays" / "spec.overlay.yaml")
    schemas = normalize(overlay.apply(rules, spec)).schemas
    fields = schemas["ProviderResponse"]["properties"]
    assert {"endpoint_id", "id", "provider_name", "status"} <= fields.keys()
    assert "AI21" in schemas["ProviderName"]["enum"]
    assert "completions" in schemas["ApiType"]["enum"]


def test_errors_of_another_kind_are_not_merged(project):
    """The error of a response has a code in words, and the same three properties."""
    spec = documents.load(project.root / "openapi.yaml")
    other = {key: {"type": "string"} for key in ("code", "message", "metadata")}
    spec["components"]["schemas"]["ResponseError"] = {"type": "object", "properties": other}

    rules = documents.load(project.root / "overlays" / "spec.overlay.yaml")
    schemas = overlay.apply(rules, spec)["components"]["schemas"]

    assert schemas["ResponseError"]["properties"] == other
    assert "ErrorDetail" in schemas


def test_fewer_matches_than_expected_are_an_error_that_names_them():
    """One that no longer matches is not left out silently."""
    action = {"target": "$.components.schemas[?@.properties.error]", "x-merge-as": "E"}

    apply({**action, "x-at-least": 3})
    with pytest.raises(ToolError, match=r"Second, components/schemas/Third only.* says 4"):
        apply({**action, "x-at-least": 4})


def test_the_specs_own_schema_of_the_name_gets_another():
    """The name is that of the thing that the action is about; every reference follows."""
    action = document()
    action["components"]["schemas"]["User"] = {"$ref": "#/components/schemas/Other"}

    result = apply({"target": "$.components.schemas.First", "x-merge-as": "Other"}, to=action)

    assert set(result["components"]["schemas"]) == {"Other", "Second", "Third", "Other2", "User"}
    assert result["components"]["schemas"]["Other"]["type"] == "object"
    assert result["components"]["schemas"]["User"] == {"$ref": "#/components/schemas/Other2"}


def test_a_reference_stands_for_the_schema_that_it_refers_to():
    """Where it is selected, however deep."""
    action = {"target": "$.components.schemas.Other..['$ref']", "x-merge-as": "Found"}

    result = apply(action)

    assert set(result["components"]["schemas"]) == {"First", "Found", "Third", "Other"}
    assert result["components"]["schemas"]["Other"]["items"]["$ref"].endswith("/Found")


def test_a_prefix_is_taken_off_each_text():
    """Where it is there."""
    action = document()
    action["paths"]["/a"]["get"]["tags"] = ["sub_one", "two", "sub_"]

    result = apply({"target": "$.paths.*.*.tags", "x-without-prefix": "sub_"}, to=action)

    assert result["paths"]["/a"]["get"]["tags"] == ["one", "two", "sub_"]


def test_merging_one_schema_renames_it():
    """It keeps its description."""
    result = apply({"target": "$.components.schemas.First", "x-merge-as": "New"})

    assert result["components"]["schemas"]["New"]["description"] == "One"


def test_a_discriminator_follows_a_merge():
    """Its mapping refers by a reference or by a bare name."""
    action = document()
    mapping = {"a": "#/components/schemas/First", "b": "Second", "c": "Other"}
    action["components"]["schemas"]["Union"] = {
        "discriminator": {"propertyName": "kind", "mapping": mapping}
    }

    result = apply({"target": "$.components.schemas[?@.title]", "x-merge-as": "One"}, to=action)

    assert result["components"]["schemas"]["Union"]["discriminator"]["mapping"] == {
        "a": "#/components/schemas/One",
        "b": "One",
        "c": "Other",
    }


def test_removal_leaves_the_other_items():
    """In any order of matches, also with repeated ones."""
    target = "$.paths['/a'].get.parameters[2, 0, 0]"

    result = apply({"target": target, "remove": True})

    assert result["paths"]["/a"]["get"]["parameters"] == [{"name": "b"}]


def test_what_is_inside_something_removed_goes_with_it():
    """A target may select both."""
    result = apply({"target": "$.paths..*", "remove": True})

    assert result["paths"] == {}


def test_an_update_merges_objects_and_appends_to_arrays():
    """As the standard says."""
    result = apply(
        {"target": "$.paths['/a'].get", "update": {"tags": ["y"], "summary": "S"}},
        {"target": "$.paths['/a'].get.tags", "update": "z"},
    )

    assert result["paths"]["/a"]["get"]["tags"] == ["x", "y", "z"]
    assert result["paths"]["/a"]["get"]["summary"] == "S"


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ({"target": "$.paths", "removes": True}, "unknown key 'removes'"),
        ({"target": "$.paths"}, "needs one of"),
        ({"target": "$.paths", "remove": True, "update": {}}, "needs one of"),
        ({"target": "$.paths", "remove": "yes"}, "`remove: true`"),
        ({"target": "$", "remove": True}, "removes everything"),
        ({"target": "$.paths[", "remove": True}, "not a JSONPath query"),
        ({"target": 7, "remove": True}, "has no `target`"),
        ({"remove": True}, "has no `target`"),
        ({"target": "$.paths", "remove": True, "description": ""}, "gives no reason"),
        ({"target": "$.paths['/a'].get.tags[0]", "update": {}}, "updates a str"),
        ({"target": "$.paths", "x-merge-as": "One"}, "outside `$.components.schemas`"),
        ({"target": "$.paths", "x-single-slashes": "yes"}, "`x-single-slashes: true`"),
        ({"target": "$.paths['/a'].get.tags", "x-single-slashes": True}, "needs an object"),
        ({"target": "$.paths", "remove": True, "x-at-least": "six"}, "not a number"),
    ],
)
def test_a_malformed_action_is_refused_by_number(action, message):
    """Each with the reason."""
    with pytest.raises(ToolError, match=r"overlay action 1\b") as caught:
        apply(action)

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"actions": []}, "no `overlay: 1.0.0`"),
        ({"overlay": "2.0.0", "actions": []}, "no `overlay: 1.0.0`"),
        ({"overlay": "1.0.0"}, "no list of `actions`"),
        ({"overlay": "1.0.0", "actions": {}}, "no list of `actions`"),
        ({"overlay": "1.0.0", "actions": [], "action": []}, "unknown key 'action'"),
    ],
)
def test_what_is_no_overlay_is_refused(rules, message):
    """A misspelt key must not silently disable a correction."""
    with pytest.raises(ToolError, match=message):
        overlay.apply(rules, document())


def test_doubled_slashes_are_taken_out_of_keys_in_their_order():
    """Nothing else changes; two paths that would become equal are an error."""
    rules = {
        "overlay": "1.0.0",
        "actions": [{"target": "$.paths", "description": "slips", "x-single-slashes": True}],
    }
    paths = {"//b": {}, "/a": {"x": "//"}, "/c///d//": {}}
    assert list(overlay.apply(rules, {"paths": paths})["paths"].items()) == [
        ("/b", {}), ("/a", {"x": "//"}), ("/c/d/", {}),
    ]  # fmt: skip
    with pytest.raises(ToolError, match="would make '//b' the same as '/b'"):
        overlay.apply(rules, {"paths": {"//b": {}, "/b": {}}})


def test_removed_lists_of_values_are_no_error(project):
    """Nothing by hand needs their classes; that they are gone, drift says."""
    spec = documents.load(project.root / "openapi.yaml")
    schemas = spec["components"]["schemas"]
    for name, schema in schemas.items():
        if "enum" in schema:
            schemas[name] = {"type": "string"}
    actions = documents.load(project.root / "overlays" / "spec.overlay.yaml")

    for field in ("api_type", "provider_name"):
        for schema in schemas.values():
            if field in schema.get("properties", {}):
                schema["properties"][field] = {"type": "string"}
    result = overlay.apply(actions, spec)

    assert not {"ApiType", "ProviderName"} & result["components"]["schemas"].keys()
    assert {"Generation", "ProviderResponse"} <= result["components"]["schemas"].keys()


def test_a_header_replaced_by_security_is_no_error(project):
    """Then the document itself says what the overlay adds."""
    spec = documents.load(project.root / "openapi.yaml")
    [operation] = spec["paths"]["/generation"].values()
    operation["security"] = [{"apiKey": []}]
    kept = [one for one in operation["parameters"] if one["name"] != "Authorization"]
    operation["parameters"] = kept
    actions = documents.load(project.root / "overlays" / "spec.overlay.yaml")

    [result] = overlay.apply(actions, spec)["paths"]["/generation"].values()

    assert (result["parameters"], result["security"]) == (kept, [{"apiKey": []}])
