"""The comparison reports every kind of change, and the backtest confirms its effects."""

import json

import pytest
from backtesting import bodies, clients, execution
from common.versions import Version
from normalizing.normal import normalize
from specdiff import agreement, specs

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
