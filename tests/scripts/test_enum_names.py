"""Member names of enums: scripts/codegen/enum_names.py."""

import pytest
from codegen import enum_names
from common import documents
from common.failure import Failure


def names(*values, **more) -> list[str]:
    """Return the names that an enum of these values gets."""
    schema = {"enum": list(values), **more}
    enum_names.assign({"schema": schema})
    return schema[enum_names.NAMES]


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("OpenAI", "OPENAI"),
        ("01.AI", "VALUE_01_AI"),
        ("SF Compute", "SF_COMPUTE"),
        ("light--green_", "LIGHT_GREEN"),
        ("", "EMPTY"),
        ("…", "SYMBOL"),
        ("Größe", "GRÖSSE"),
        ("ﬁne", "FINE"),
        ("½ x", "VALUE_1_2_X"),
        ("None", "NONE"),
        (-1, "VALUE_NEGATIVE_1"),
        (404, "VALUE_404"),
    ],
)
def test_a_name_comes_from_the_value_alone(value, name):
    """Whatever the value is, it is a Python name, and not an index."""
    assert enum_names.member_name(value) == name
    assert name.isidentifier()


def test_names_do_not_move_when_values_are_added(project):
    """Before, between and behind the providers of our spec."""
    spec = documents.load(project.root / "openapi.yaml")
    values = spec["components"]["schemas"]["ProviderResponseProviderName"]["enum"]
    before = dict(zip(values, names(*values), strict=True))
    more = [value for old in values for value in (f"0 {old} new", old)] + ["00.XX"]

    after = dict(zip(more, names(*more), strict=True))

    assert {value: after[value] for value in values} == before
    assert before["01.AI"] == "VALUE_01_AI"


def test_two_values_of_one_name_are_refused(project):
    """The message says where, and how to mend it."""
    values = documents.load(project.root / "openapi.yaml")["components"]["schemas"]
    values = [*values["ProviderResponseProviderName"]["enum"], "Z AI"]

    with pytest.raises(Failure, match=r"#/schema .* Z_AI: 'Z\.AI' and 'Z AI'.*x-enum-varnames"):
        names(*values)


def test_a_value_said_twice_is_one_value():
    """It means nothing to say it twice."""
    assert names("a", "b", "a") == ["A", "B"]


def test_null_has_no_name():
    """The generator makes the enum nullable instead."""
    assert names("a", None, type=["string", "null"]) == ["A"]


@pytest.mark.parametrize(
    ("kind", "left"), [(["string", "null"], "string"), ("string", "string"), (["null"], "null")]
)
def test_null_is_said_once(kind, left):
    """The generator would make a class of the enum each time that null is said."""
    schema = {"enum": ["a", None], "type": kind, "nullable": True}

    enum_names.assign({"schema": schema})

    assert schema == {"enum": ["a", None], "type": left, enum_names.NAMES: ["A"]}


def test_given_names_are_kept():
    """In capitals; one may be given for null."""
    given = {enum_names.NAMES: ["zAi", "z-ai-2", "nothing"]}

    assert names("Z AI", "Z.AI", None, **given) == ["Z_AI", "Z_AI_2"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["ONE"], "does not give each of its 2 values"),
        ("ONE", "does not give each of its 2 values"),
        (["same", "Same"], "two values that make the name SAME"),
        (["1st", "2nd"], "'1st', which is no Python name"),
        (["", "x"], "'', which is no Python name"),
    ],
)
def test_given_names_that_are_wrong_are_refused(given, words):
    """The generator would fall back to indices, or lose a value, silently."""
    with pytest.raises(Failure, match=words):
        names("a", "b", **{enum_names.NAMES: given})


def test_a_control_character_is_refused():
    """The generator would drop it from the value."""
    with pytest.raises(Failure, match="drop a character"):
        names("a\nb")


def test_a_property_called_enum_is_none():
    """Only lists of values are named."""
    document = {"properties": {"enum": {"type": "string"}}, "enum": [True, False]}

    enum_names.assign(document)

    assert document == {"properties": {"enum": {"type": "string"}}, "enum": [True, False]}
