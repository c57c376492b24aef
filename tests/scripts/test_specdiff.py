"""The comparison reports every kind of change, and the backtest confirms its effects."""

import json

import pytest
from backtesting import bodies, clients, execution
from common.versions import Version
from normalizing.normal import normalize
from specdiff import agreement, comparison, specs

from . import changes as catalogue

KINDS = pytest.mark.parametrize("kind", catalogue.KINDS, ids=lambda kind: kind.name)
GENERATED = pytest.mark.parametrize(
    "kind", [k for k in catalogue.KINDS if k.generated], ids=lambda kind: kind.name
)


def changed(kind):
    """Return the base, and the base changed."""
    spec = catalogue.base()
    kind.change(spec)
    return catalogue.base(), spec


def as_entries(changes):
    """Return rule, level, effect and pointer of each change, as the catalogue lists them."""
    return sorted((str(c.rule), str(c.level), str(c.effect), c.pointer) for c in changes)


def matches(expected, actual):
    """Whether the reported changes are the expected ones."""
    return len(expected) == len(actual) and all(
        entry[:3] == change[:3] and change[3].endswith(entry.pointer)
        for entry, change in zip(sorted(expected), actual, strict=True)
    )


@KINDS
def test_a_change_is_reported_with_rule_level_effect_and_pointer(kind):
    """Exactly as listed in the catalogue, in both directions."""
    old, new = changed(kind)
    forward, backward = as_entries(specs.compare(old, new)), as_entries(specs.compare(new, old))
    assert matches(kind.there, forward), forward
    assert matches(kind.back, backward), backward


@KINDS
def test_a_spec_has_no_changes_against_itself(kind):
    """Before and after a change; only unknown keywords are reported."""
    for spec in changed(kind):
        changes = specs.compare(spec, json.loads(json.dumps(spec)))
        assert {change.rule for change in changes} <= {"schema-keyword-not-understood"}
        assert {str(change.level) for change in changes} <= {"info"}


UNREADABLE = {
    "a parameter without a name": (("parameters", 0, "name"), 1, "is a parameter without a name"),
    "a parameter of no place": (("parameters", 0, "in"), "body", "is not a parameter in a path"),
    "a response that is not there": (("responses", "404"), {"$ref": "#/no"}, "refers to '#/no'"),
    "a media type of text": (
        ("responses", "200", "content", "application/json"), "x", "is not a Media Type Object"
    ),
    "a request body of text": (("requestBody",), "x", "is not a Request Body Object"),
}  # fmt: skip


@pytest.mark.parametrize(("place", "value", "reason"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_part_that_cannot_be_read_is_reported_with_the_reason(place, value, reason):
    """Everything else is compared as before."""
    old, new = catalogue.base(), catalogue.base()
    holder = new["paths"]["/thing"]["get"]
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = value
    new["paths"]["/thing"]["get"]["deprecated"] = True
    result = specs.compare(old, new)
    [unread] = [change for change in result if change.rule == "schema-not-understood"]
    assert reason in unread.why
    assert "unclassified-change" not in {change.rule for change in result}  # told once
    assert "endpoint-deprecated" in {change.rule for change in result}


def with_note(schema, **components):
    """Return the base with another schema of a property."""
    spec = catalogue.base()
    spec["components"]["schemas"].update(components)
    spec["components"]["schemas"]["Thing"]["properties"]["note"] = schema
    return spec


def of_animals(**mapping):
    """Return the base with a property that is a cat or a dog, by a discriminator."""
    union = {"oneOf": [catalogue.ref("Cat"), catalogue.ref("Dog")]}
    discriminator = {"propertyName": "kind", "mapping": mapping}
    animals = {
        name: {
            "type": "object",
            "required": ["kind"],
            "properties": {"kind": {"type": "string"}, name: {"type": "integer"}},
        }
        for name in ("Cat", "Dog")
    }
    return with_note({**union, "discriminator": discriminator}, **animals)


def test_a_discriminator_with_other_values_is_reported():
    """The schemas are told apart in a different way; the same values may stand in any order."""
    old = of_animals(cat="Cat", dog="Dog")
    assert as_entries(specs.compare(old, of_animals(cat="Dog", dog="Cat"))) == [
        (
            "response-property-discriminator-changed",
            "warning",
            "absorbed",
            "#/components/schemas/Thing/properties/note/discriminator",
        )
    ]
    changes = specs.compare(old, of_animals(dog="Dog", cat="Cat"))
    assert {change.rule for change in changes} <= {"order-changed"}


ONE, OTHER = {"type": "string"}, {"type": "integer"}
STRUCTURED = {"type": "object", "properties": {"size": OTHER}}


@pytest.mark.parametrize(
    ("old", "new", "is_unsure"),
    [
        (with_note({"oneOf": [ONE, OTHER]}), with_note({"oneOf": [ONE]}), False),
        (with_note({"oneOf": [ONE, OTHER]}), with_note({"oneOf": [ONE, STRUCTURED]}), True),
        (of_animals(cat="Cat", dog="Dog"), of_animals(cat="Dog", dog="Cat"), True),
    ],
)
def test_what_an_object_of_a_union_is_read_as_is_not_predicted(old, new, is_unsure):
    """It depends on what is in it; of other values it does not."""
    unsure = specs.verdict(old, new).unsure
    assert [place.pattern for place in unsure] == (["/note"] if is_unsure else [])


def required(*names):
    """Return the base whose body requires more of its fields, described or not."""
    spec = catalogue.base()
    spec["components"]["schemas"]["Thing"]["required"] += names
    return spec


def requested(*names, required=()):
    """Return the base with a request body that has these fields."""
    spec = catalogue.base()
    schema = {"type": "object", "properties": dict.fromkeys(names, ONE), "required": [*required]}
    spec["paths"]["/thing"]["get"]["requestBody"] = {
        "required": True,
        "content": {"application/json": {"schema": schema}},
    }
    return spec


WORDS = {"type": "array", "items": ONE}
TOLD = [
    (with_note(ONE), with_note({"type": ["string", "null"]}),
     ["breaking broken `note` may be null"], ["info absorbed `note` is no longer null"]),
    (with_note(ONE), with_note({"enum": ["a"], **ONE}),
     ["info absorbed `note` is limited to listed values"],
     ["warning surfaced `note` may have any value"]),
    (with_note(WORDS), with_note({**WORDS, "uniqueItems": True}),
     ["info absorbed `note` has uniqueItems `true`, previously none"],
     ["warning absorbed `note` has uniqueItems none, previously `true`"]),
    (with_note(WORDS), with_note({**WORDS, "uniqueItems": False}),
     ["info absorbed `note` is restructured"], ["info absorbed `note` is restructured"]),
    (with_note(WORDS), with_note({"type": "array"}),
     ["breaking broken `note[]` has items of any type"],
     ["info absorbed `note[]` has items of a specific type"]),
    (with_note({"maximum": 0, **OTHER}), with_note(OTHER),
     ["warning absorbed `note` has maximum none, previously `0`"],
     ["info absorbed `note` has maximum `0`, previously none"]),
    (with_note({"type": "number"}), with_note({**OTHER, "description": "x"}),
     ["info absorbed `note` has a different `description`",
      "info absorbed `note` is integer, was number"],
     ["breaking broken `note` is number, was integer",
      "info absorbed `note` has a different `description`"]),
    (required(), required("ghost"),
     ["warning absorbed `200 body` `ghost` is required"],
     ["warning absorbed `200 body` `ghost` is no longer required"]),
    (required("ghost"), required("ghost", "note"),
     ["info absorbed `note` is required"], ["breaking broken `note` may be missing"]),
    (requested("a"), requested("a", required="a"),
     ["breaking broken `a` is required"], ["info absorbed `a` may be missing"]),
    (requested("a"), requested("a", "b"),
     ["info absorbed `b` is new"], ["warning absorbed `b` is gone"]),
    (requested("a"), requested("a", "b", required="b"),
     ["breaking broken `b` is new"], ["warning absorbed `b` is gone"]),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "there", "back"), TOLD)
def test_a_change_is_told_in_words(old, new, there, back):
    """They say what may be received, or sent, from now on."""
    for pair, expected in (((old, new), there), ((new, old), back)):
        changes = specs.compare(*pair)
        assert sorted(f"{c.level} {c.effect} {c.text}" for c in changes) == expected


def test_what_became_optional_points_to_where_it_was_required():
    """And to the property, where no list of required ones has it."""
    [change] = specs.compare(required("note"), required())
    assert change.old.endswith("Thing/required/5")
    assert change.new.endswith("Thing/properties/note")


def test_a_change_of_a_shared_schema_is_felt_wherever_it_is_used():
    """Once in the report, with all places; a schema inside itself stands for itself."""
    shared, recursive = with_note(catalogue.ref("Part")), with_note(catalogue.ref("Thing"))
    changed = json.loads(json.dumps(shared))
    del changed["components"]["schemas"]["Part"]["properties"]["label"]
    [change] = specs.compare(shared, changed)
    assert {place.pattern for place in change.places} == {"/note/label", "/parts/*/label"}

    changed = json.loads(json.dumps(recursive))
    del changed["components"]["schemas"]["Thing"]["properties"]["code"]
    verdict = specs.verdict(recursive, changed)
    [change] = verdict.changes
    assert {place.pattern for place in change.places} == {"/code"}
    [(inner, outer)] = verdict.loops.items()
    assert (inner.pattern, outer.pattern) == ("/note", "")


def test_the_limit_of_compared_places_is_exact(monkeypatch):
    """Two differ here: the body, and its property."""
    old, new = with_note(ONE), with_note(OTHER)
    monkeypatch.setattr(comparison, "_PLACES", 2)
    assert specs.compare(old, new)
    monkeypatch.setattr(comparison, "_PLACES", 1)
    with pytest.raises(ValueError, match="unfold to more than 1 places"):
        specs.compare(old, new)


@pytest.fixture(scope="module")
def small(foreign, tmp_path_factory):
    """A factory of clients of foreign specs."""

    def client(spec, name):
        version = Version(name, json.dumps(spec).encode())
        return clients.generate(foreign, version, tmp_path_factory.mktemp("client") / "client")

    return client


def made_for(old, new):
    """Return bodies of a spec, for the client of another."""
    return bodies.generate(new, separate_statuses=normalize(old).statuses)


def differ(old, new, made, seen):
    """Return the disagreements of diff and backtest, and the faults."""
    assert seen.bodies > 20
    verdict = specs.verdict(old, new)
    lines = agreement.disagreements(verdict, seen.places, seen.uncovered, made.unmade)
    return [*lines, *seen.crashes, *seen.wrong_values, *seen.losses]


@pytest.fixture(scope="module")
def made_by_kind():
    """Bodies of each changed spec."""
    return {kind.name: made_for(*changed(kind)) for kind in catalogue.KINDS if kind.generated}


@pytest.fixture(scope="module")
def seen_by_kind(small, made_by_kind):
    """How the client of the base decodes them, all in one process."""
    return execution.decoded(small(catalogue.base(), "base"), made_by_kind)


@GENERATED
def test_the_client_sees_the_predicted_effects(kind, made_by_kind, seen_by_kind):
    """Bodies generated from the changed spec, read by the client of the base."""
    assert differ(*changed(kind), made_by_kind[kind.name], seen_by_kind[kind.name]) == []


@GENERATED
def test_the_client_of_the_changed_spec_sees_the_predicted_effects(kind, small):
    """The reverse: bodies generated from the base."""
    old, new = changed(kind)
    made = made_for(new, old)
    seen = execution.decoded(small(new, "changed"), {"old": made})["old"]
    assert differ(new, old, made, seen) == []
