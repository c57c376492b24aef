"""Open enums."""

import json
import pickle
from copy import copy, deepcopy

import pytest

from modelgates_api.models import ApiType, ProviderName
from modelgates_runtime.drift import Drift

from .models import Colour, Priority

KNOWN = [Colour.RED, Priority.HIGH]
UNKNOWN = [Colour("mauve"), Colour(""), Priority(7), Priority(-1)]


@pytest.mark.parametrize("value", KNOWN)
def test_a_known_value_is_the_member(value):
    """There is one object for each known value, and it knows its name."""
    assert type(value)(value.value) is value
    assert value.is_known
    assert getattr(type(value), value.name) is value


@pytest.mark.parametrize("value", UNKNOWN)
def test_an_unknown_value_is_kept_and_marked_as_unknown(value):
    """It has the enum's type, is equal to the plain value, and has no name."""
    assert type(value) in {Colour, Priority}
    assert value == value.value
    assert type(value.value) in {str, int}
    assert not value.is_known
    assert value.name is None
    assert "unknown" in repr(value)


@pytest.mark.parametrize("value", [*KNOWN, *UNKNOWN])
def test_a_member_behaves_like_its_plain_value(value):
    """In text, JSON, hashes and comparisons."""
    plain = value.value
    assert (str(value), f"{value}", hash(value)) == (str(plain), f"{plain}", hash(plain))
    assert json.dumps({"value": value}) == json.dumps({"value": plain})
    assert {plain: 1}[value] == 1


@pytest.mark.parametrize("value", [*KNOWN, *UNKNOWN])
def test_enum_values_can_be_copied_and_pickled(value):
    """Copies are equal and of the same type; a known value stays the same object."""
    protocols = range(2, pickle.HIGHEST_PROTOCOL + 1)
    pickles = [pickle.loads(pickle.dumps(value, protocol)) for protocol in protocols]
    for twin in (copy(value), deepcopy(value), *pickles):
        assert (twin, type(twin), twin.is_known) == (value, type(value), value.is_known)
        assert not value.is_known or twin is value


def test_unknown_values_are_not_stored():
    """A server that sends ever new values cannot fill the memory."""
    before = Colour.known()
    assert not Colour("new").is_known
    assert not Colour("new").is_known
    assert Colour.known() == before == (Colour.RED, Colour.DARK_BLUE)


@pytest.mark.parametrize(
    ("enum", "value"), [(Colour, 5), (Colour, None), (Colour, b"red"), (Colour, ["red"])]
)
def test_a_value_of_another_type_is_an_error(enum, value):
    """An enum of strings accepts only strings."""
    with pytest.raises(TypeError):
        enum(value)


def test_an_enum_of_integers_accepts_no_text():
    """`"1"` is not 1."""
    with pytest.raises(TypeError):
        Priority("1")


def test_a_value_of_another_enum_is_converted():
    """The value counts, not its type."""
    value = ApiType(Colour("mauve"))
    assert (type(value), value.value) == (ApiType, "mauve")


def test_an_unknown_value_is_drift_and_a_known_one_is_not():
    """The value is shown, shortened when it is long."""
    assert list(Colour.RED.__drift__("/a")) == []
    (drift,) = Colour("x" * 500).__drift__("/a")
    assert drift == Drift("/a", "unknown_value", "one of 2 known values", drift.found)
    assert len(drift.found) < 70
    assert drift.value == "x" * 500


def test_the_members_are_those_of_the_spec():
    """Every listed value is known, in the order of the spec."""
    assert [str(value) for value in ApiType.known()][:2] == ["completions", "embeddings"]
    assert ProviderName("01.AI").is_known
