"""Member names of enums: scripts/normalizing/enum_names.py."""

import pytest
from codegen import overlay
from common import documents
from normalizing import enum_names
from normalizing.normal import normalize


def names(*values, **more) -> list[str]:
    """Return the names that an enum of these values gets."""
    normal = normalize(document(*values, **more))
    assert normal.unused == []
    return normal.schemas["Kind"][enum_names.NAMES]


def problem(*values, **more) -> str:
    """Return the problem of an enum of these values."""
    [problem] = normalize(document(*values, **more)).unused
    assert problem.pointer == "#/components/schemas/Kind"
    return problem.reason


def document(*values, **more) -> dict:
    """Return a document with an enum of these values."""
    schema = {"enum": list(values), **more}
    return {"openapi": "3.1.0", "paths": {}, "components": {"schemas": {"Kind": schema}}}


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
        ("+1", "PLUS_1"),
        ("-1", "NEGATIVE_1"),
        ("2024-01", "VALUE_2024_01"),
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


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["Z.AI", "Z AI", "z"], ["Z_FULL_STOP_AI", "Z_SPACE_AI", "Z"]),
        (["name", "-name"], ["NAME", "HYPHEN_MINUS_NAME"]),
        (["<", "!="], ["LESS_THAN_SIGN", "EXCLAMATION_MARK_EQUALS_SIGN"]),
        (["a_b", "a-b"], ["A_B", "A_HYPHEN_MINUS_B"]),
        (["asc", "ASC", "Asc"], ["ASC_LOWER", "ASC", "ASC_MIXED"]),
        (["aB", "Ab"], ["AB_MIXED_6142", "AB_MIXED_4162"]),
        (["_x", "x"], ["X_LOWER_5F78", "X_LOWER_78"]),
    ],
)
def test_values_of_one_name_are_told_apart(values, expected):
    """In any order, by their characters, or by their case."""
    assert names(*values) == expected
    assert names(*values[::-1]) == expected[::-1]


@pytest.mark.parametrize("given", [["Z", "Z"], ["Z"], ["Z", 1], "Z"])
def test_what_is_printed_makes_wrong_names_go(given):
    """The overlay action removes them."""
    wrong = document("Z.AI", "Z AI", **{enum_names.NAMES: given})
    [problem] = normalize(wrong).unused

    corrected = overlay.apply({"overlay": "1.0.0", "actions": [problem.fix]}, wrong)

    [enum] = normalize(corrected).schemas.values()
    assert enum[enum_names.NAMES] == ["Z_FULL_STOP_AI", "Z_SPACE_AI"]


def test_a_repeated_value_is_one_value():
    """A repeated value has no meaning."""
    assert names("a", "b", "a") == ["A", "B"]


def test_null_has_no_name():
    """The generator makes the enum nullable instead."""
    assert names("a", None, type=["string", "null"]) == ["A"]


@pytest.mark.parametrize("kind", [["string", "null"], "string"])
def test_null_is_listed_once(kind):
    """Beside the class, wherever the document says it."""
    normal = normalize(document("a", None, type=kind, nullable=True))

    assert normal.schemas["Kind"]["enum"] == ["a"]
    assert normal.schemas["Kind"]["type"] == "string"


def test_given_names_are_kept():
    """In capitals; one may be given for null."""
    given = {enum_names.NAMES: ["zAi", "z-ai-2", "nothing"]}

    assert names("Z AI", "Z.AI", None, **given) == ["Z_AI", "Z_AI_2"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["ONE"], "does not give each of its 2 values"),
        ("ONE", "does not give each of its 2 values"),
        (["same", "Same"], "two values with the name SAME"),
        (["1st", "2nd"], "'1st', which is not a Python name"),
        (["", "x"], "'', which is not a Python name"),
    ],
)
def test_given_names_that_are_wrong_are_refused(given, message):
    """Otherwise a value would be lost, or named by its index."""
    assert message in problem("a", "b", **{enum_names.NAMES: given})


def test_a_control_character_is_refused():
    """It would be dropped from the value."""
    assert "which is not printable" in problem("a\nb")


def test_a_property_named_enum_is_not_an_enum():
    """Only lists of values are named."""
    spec = document("a")
    spec["components"]["schemas"]["Kind"] = {"type": "object", "properties": {"enum": {}}}

    assert normalize(spec).schemas["Kind"] == {"type": "object", "properties": {"enum": {}}}
