"""Decoders: does a JSON value have the type?"""

import datetime
import math
import pickle
import uuid
from copy import copy, deepcopy

import pytest

from modelgates_api.models import (
    ErrorDetail,
    ErrorDetailMetadataType0,
    ErrorResponse,
    ProviderResponse,
)
from modelgates_runtime.decoders import (
    ANYTHING,
    BOOLEAN,
    DATE,
    DATETIME,
    FILE,
    INTEGER,
    NULL,
    NUMBER,
    STRING,
    UUID,
    Array,
    Constant,
    IntEnumeration,
    Nullable,
    Object,
    OneOf,
    StrEnumeration,
    Tagged,
)
from modelgates_runtime.encoding import encode
from modelgates_runtime.scalars import MISMATCH
from modelgates_runtime.uuids import SentUUID

from .models import Colour, Node, Priority

TAKEN = [
    (STRING, "", ""),
    (STRING, "\ud800", "\ud800"),
    (STRING, Colour.RED, "red"),
    *((BOOLEAN, value, value) for value in (True, False)),
    (NULL, None, None),
    (INTEGER, 10**30, 10**30),
    (INTEGER, 64.0, 64),
    (INTEGER, -0.0, 0),
    (INTEGER, 1e300, int(1e300)),
    (NUMBER, 64, 64.0),
    (NUMBER, 2**53, 2.0**53),
    (NUMBER, 2**60, 2.0**60),
    (NUMBER, 0.1, 0.1),
    (NUMBER, 5e-324, 5e-324),
    (DATE, "2026-02-28", datetime.date(2026, 2, 28)),
    (Constant("a"), "a", "a"),
    (Constant(1), 1.0, 1),
    (StrEnumeration(Colour), "red", Colour.RED),
    (StrEnumeration(Colour), "new", Colour("new")),
    (IntEnumeration(Priority), 9, Priority.HIGH),
    (IntEnumeration(Priority), 9.0, Priority.HIGH),
    (Nullable(STRING), None, None),
    (Nullable(STRING), "a", "a"),
    (Array(Nullable(INTEGER)), [1, None], [1, None]),
    (ANYTHING, {"a": [1, None]}, {"a": [1, None]}),
]
REFUSED = [
    *((STRING, value) for value in (None, 1, True, [], {}, b"")),
    *((BOOLEAN, value) for value in (None, 0, 1, 1.0, "true", [])),
    *((NULL, value) for value in (False, 0, "", [])),
    *((INTEGER, value) for value in (None, True, 0.5, "1", math.inf, math.nan, [])),
    *((NUMBER, value) for value in (None, True, "1", 2**53 + 1, 10**400, math.inf, math.nan)),
    *((DATE, value) for value in (None, 1, "2026-02-30", "20260228", "2026-W01-1", "2026-2-8")),
    *((UUID, value) for value in (None, 1, "", "x" * 36, f"{{{uuid.UUID(int=5)}}}")),
    *((UUID, value) for value in (uuid.UUID(int=5).hex, uuid.UUID(int=5).urn)),
    *((FILE, value) for value in (None, "text", [])),
    *((Constant(1), value) for value in (True, "1", 2, None, [1])),
    *((Constant(value=True), value) for value in (1, 1.0, "true")),
    *((StrEnumeration(Colour), value) for value in (None, 1, ["red"], {})),
    *((IntEnumeration(Priority), value) for value in (None, True, "1", 1.5, [])),
    *((Array(STRING), value) for value in (None, "abc", {})),
    *((Object(Node), value) for value in (None, [], "x")),
    (Nullable(STRING), 1),
    (OneOf([STRING, NULL]), 1),
]


@pytest.mark.parametrize(("decoder", "value", "typed"), TAKEN)
def test_a_value_of_the_type_is_accepted(decoder, value, typed):
    """The result has exactly the Python type, and encodes to the original."""
    decoded = decoder(value, "")
    assert (decoded, type(decoded)) == (typed, type(typed))
    assert encode(decoded) == value
    assert decoder.accepts(value)


@pytest.mark.parametrize(("decoder", "value"), REFUSED)
def test_a_value_of_another_type_is_rejected(decoder, value):
    """No decoder coerces a value, and none raises."""
    assert decoder(value, "") is MISMATCH
    assert not decoder.accepts(value)
    assert not decoder.knows(value)
    assert decoder.expected


MOMENTS = [
    "2026-02-24T21:19:33.705Z",
    "2026-02-24t21:19:33z",
    "2026-02-24T21:19:33.123456789+05:30",
    "2026-02-24T21:19:33-00:00",
]


@pytest.mark.parametrize("text", MOMENTS)
def test_a_datetime_keeps_its_original_text(text):
    """It is an aware datetime, and encodes to the original text."""
    moment = DATETIME(text, "")
    assert moment.tzinfo is not None
    assert moment.isoformat()[:19] == text[:19].upper()
    for twin in (moment, copy(moment), deepcopy(moment), pickle.loads(pickle.dumps(moment))):
        assert (twin, encode(twin)) == (moment, text)


def test_a_computed_datetime_does_not_keep_the_text():
    """A sum or a replacement is another point in time."""
    moment = DATETIME(MOMENTS[0], "")
    later = moment + datetime.timedelta(hours=1)
    for other in (later, moment.replace(hour=22), pickle.loads(pickle.dumps(later))):
        assert encode(other) == "2026-02-24T22:19:33.705000+00:00"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-02-24",
        "2026-02-24 21:19:33Z",
        "2026-02-24T21:19:33",
        "2026-02-30T21:19:33Z",
        "20260224T211933Z",
        "2026-W09-2T21:19:33Z",
        "2026-02-24T21:19:33Z\n",
        "२०२६-02-24T21:19:33Z",
    ],
)
def test_a_format_outside_rfc_3339_is_not_a_datetime(text):
    """Python parses more of ISO 8601; a time without a zone would be a guess."""
    assert DATETIME(text, "") is MISMATCH


def test_a_uuid_keeps_its_original_text():
    """Upper case is encoded as upper case."""
    text = "9CF05DED-EEFE-41B4-8C08-0C6460FEFFEA"
    identifier = UUID(text, "")
    for twin in (identifier, copy(identifier), deepcopy(identifier)):
        assert (twin, encode(twin)) == (uuid.UUID(text), text)
    pickled = pickle.loads(pickle.dumps(identifier))
    assert (pickled, encode(pickled), hash(pickled)) == (identifier, text, hash(uuid.UUID(text)))
    uuid_from_text = SentUUID(text)
    assert (
        encode(pickle.loads(pickle.dumps(uuid_from_text))) == encode(uuid_from_text) == text.lower()
    )


def test_bytes_decode_to_a_file():
    """A file with the content of the binary body."""
    assert FILE(b"\x00\xff", "").payload.read() == b"\x00\xff"


def test_values_without_a_type_are_bounded_in_depth():
    """Decoding rejects them, so that no later recursion overflows."""
    deep = []
    for _ in range(200):
        deep = [deep]
    for decoder in (ANYTHING, Array(STRING), Object(Node)):
        value = {"new": deep} if isinstance(decoder, Object) else [deep]
        with pytest.raises(ValueError, match="nested deeper"):
            decoder(value, "")


def test_errors_of_nested_items_have_the_full_pointer():
    """Every level is in the pointer."""
    grid = Array(Array(INTEGER))([[1], [2, "x"]], "/grid")
    with pytest.raises(Exception, match="at /grid/1/1 the spec requires integer"):
        list(grid[1])
    assert grid[0] == [1]


class TestTagged:
    """Objects that one property tells apart."""

    CHOICE = Tagged(
        [Object(ErrorDetail), Object(Node), NULL],
        "kind",
        {"error": Object(ErrorDetail), "node": Object(Node), "tree": Object(Node)},
    )

    @pytest.mark.parametrize(("kind", "model"), [("error", ErrorDetail), ("tree", Node)])
    def test_the_value_of_the_property_selects_the_model(self, kind, model):
        """Whatever else the object contains."""
        assert type(self.CHOICE({"kind": kind, "code": 1}, "")) is model

    @pytest.mark.parametrize("value", [{"kind": "new"}, {}, {"kind": 1}, {"kind": ["error"]}, 5])
    def test_an_unknown_value_is_a_mismatch(self, value):
        """Not an instance of the first model."""
        assert self.CHOICE(value, "") is MISMATCH
        assert not self.CHOICE.accepts(value)
        assert not self.CHOICE.knows(value)
        assert self.CHOICE.count_deviations(value) == 1

    def test_another_choice_decodes_an_object_with_an_unknown_value(self):
        """If the spec has a choice without a value."""
        choice = Tagged([Object(ErrorDetail), Object(Node)], "kind", {"node": Object(Node)})
        assert type(choice({"kind": "node"}, "")) is Node
        assert type(choice({"kind": "new"}, "")) is ErrorDetail

    def test_other_choices_decode_other_types(self):
        """For example null."""
        assert self.CHOICE(None, "") is None
        assert self.CHOICE.knows(None)
        assert self.CHOICE.count_deviations(None) == 0

    def test_the_expected_types_are_described(self):
        """The models, and the property."""
        assert self.CHOICE.expected == (
            "object (ErrorDetail) or object (Node) or null, selected by `kind`"
        )


class TestOneOf:
    """A choice of types: the reading with the fewest faults."""

    @pytest.mark.parametrize(
        ("choices", "value", "index"),
        [
            ([STRING, INTEGER], 1, 1),
            ([INTEGER, NUMBER], 0.5, 1),
            ([INTEGER, NUMBER], 1, 0),
            ([STRING, DATETIME], MOMENTS[0], 0),
            ([DATETIME, STRING], "soon", 1),
            ([StrEnumeration(Colour), STRING], "new", 1),
            ([StrEnumeration(Colour), STRING], "red", 0),
            ([Constant("a"), Constant("b")], "b", 1),
            ([Array(STRING), Array(INTEGER)], [1, 2], 1),
            ([Array(STRING), Array(INTEGER)], [1, "a", 2], 1),
            ([Array(STRING), Array(INTEGER)], [], 0),
            ([Array(Nullable(STRING)), Array(Nullable(INTEGER))], [None, 1], 1),
            ([Nullable(Array(STRING)), Nullable(Array(INTEGER))], [1], 1),
            ([Array(OneOf([STRING, NULL])), Array(OneOf([INTEGER, NULL]))], [1, None], 1),
            ([OneOf([StrEnumeration(Colour), NULL]), STRING], "new", 1),
        ],
    )
    def test_the_choice_with_the_fewest_faults_wins(self, choices, value, index):
        """The first one, if several are equal."""
        decoded, expected = OneOf(choices)(value, "/x"), choices[index](value, "/x")
        assert encode(decoded) == value
        assert type(decoded) is type(expected)
        assert repr(decoded) == repr(expected)

    def test_fields_select_the_model(self):
        """Undeclared and missing fields, and those of another type, count as faults."""
        choice = OneOf([Object(ProviderResponse), Object(ErrorDetail), Object(ErrorResponse)])
        for body, model in [
            ({"code": 1, "message": "m"}, ErrorDetail),
            ({"error": {}}, ErrorResponse),
            ({"status": 200}, ProviderResponse),
            ({"code": "1", "message": "m", "odd": 1}, ErrorDetail),
        ]:
            assert type(choice(body, "")) is model

    def test_a_missing_field_is_a_fault(self):
        """An object without a field that one model requires matches another."""
        choice = OneOf([Object(ErrorResponse), Object(ErrorDetailMetadataType0)])
        assert type(choice({}, "")) is ErrorDetailMetadataType0

    def test_additional_properties_of_the_declared_type_are_not_faults(self):
        """Those of another type are."""
        choice = OneOf([Object(Node), Object(ErrorDetailMetadataType0)])
        assert type(choice({"any": 1}, "")) is Node
        assert type(choice({"any": "x"}, "")) is ErrorDetailMetadataType0

    def test_the_accepted_types_are_described(self):
        """By the descriptions of the choices."""
        choice = OneOf([StrEnumeration(Colour), Constant(5)])
        assert choice.expected == "string or 5"
        assert (choice.knows("red"), choice.knows("new"), choice.knows(5)) == (True, False, True)
        assert not choice.accepts(None)


def test_a_choice_with_an_enum_of_integers_accepts_any_number():
    """`knows` is called for numbers that are not integers, too."""
    choice = OneOf([IntEnumeration(Priority), NUMBER])
    assert choice(64.0, "") == 64
    assert choice(1.7e308, "") == 1.7e308
    assert choice(0.5, "") == 0.5
    assert IntEnumeration(Priority).knows(9.0)
    assert not IntEnumeration(Priority).knows(64.0)


TAGGED = Tagged([Object(Node), STRING], "kind", {"node": Object(Node)})

COUNTS = [
    (Object(Node), {}, 0),
    (Object(Node), {"name": 1}, 0),
    (Object(Node), {"name": "text", "na/me": 1, "child": {}}, 2),
    (Object(Node), {"colour": "green"}, 1),
    (Object(ProviderResponse), {}, 1),
    (Object(ProviderResponse), {"status": 200, "sent": 1}, 1),
    (Nullable(Object(Node)), None, 0),
    (Nullable(Object(Node)), {"na/me": 1}, 1),
    (Array(INTEGER), [1, 2.0, "two"], 1),
    (Array(Object(Node)), [{}, {"na/me": 1}, 1], 2),
    (OneOf([Object(ProviderResponse), Object(Node)]), {"child": {}}, 0),
    (TAGGED, {"kind": "node", "na/me": 1}, 2),
    (TAGGED, {"kind": "leaf"}, 1),
    (StrEnumeration(Colour), "red", 0),
    (StrEnumeration(Colour), "green", 1),
]


@pytest.mark.parametrize(("decoder", "value", "count"), COUNTS)
def test_deviations_are_counted_without_those_of_nested_objects(decoder, value, count):
    """The choice with the fewest decodes an object."""
    assert decoder.count_deviations(value) == count


EXPECTED = [
    (Constant("a"), "'a'"),
    (StrEnumeration(Colour), "string"),
    (IntEnumeration(Priority), "integer"),
    (Object(Node), "object (Node)"),
    (Array(STRING), "array of string"),
    (Nullable(NUMBER), "number or null"),
    (OneOf([STRING, INTEGER]), "string or integer"),
    (TAGGED, "object (Node) or string, selected by `kind`"),
]


@pytest.mark.parametrize(("decoder", "text"), EXPECTED)
def test_a_decoder_says_what_it_accepts(decoder, text):
    """In errors and in drift."""
    assert decoder.expected == text
