"""Encoding typed values as JSON and as parts of a request."""

import datetime
import io
import json
import uuid

import httpx
import pytest

from modelgates_api.types import File
from modelgates_runtime.encoding import (
    encode,
    encode_multipart,
    form,
    json_bytes,
    json_equal,
    path_segment,
)

from .models import Colour, Node, Priority

MOMENT = datetime.datetime(2026, 2, 24, 21, 19, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (64.0, 64),
        (-0.0, 0),
        (2.0**53, 2**53),
        (1e300, 1e300),
        (0.1, 0.1),
        (True, True),
        (Colour.RED, "red"),
        (Priority(5), 5),
        (MOMENT, "2026-02-24T21:19:00+00:00"),
        (MOMENT.date(), "2026-02-24"),
        (uuid.UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        ([Node(name="n"), None], [{"na/me": "n"}, None]),
        ({"a": {"b": Colour("x")}}, {"a": {"b": "x"}}),
    ],
)
def test_a_typed_value_has_one_json_representation(value, encoded):
    """Numbers without a fraction are integers, as JavaScript writes them."""
    assert (encode(value), type(encode(value))) == (encoded, type(encoded))


def test_a_value_without_a_json_representation_is_rejected():
    """Nothing is sent as its `repr`."""
    for value in (object(), b"bytes", {1, 2}, 1j):
        with pytest.raises(TypeError, match="has no JSON representation"):
            encode([value])


def test_encoding_copies_containers():
    """Changing the result does not change the model."""
    value = {"list": [1], "dict": {"a": []}}
    encoded = encode(value)
    encoded["list"].append(2)
    encoded["dict"]["a"].append(2)
    assert value == {"list": [1], "dict": {"a": []}}


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (1, 1.0, True),
        (1, True, False),
        (0, False, False),
        ([1], [True], False),
        ({"a": [0]}, {"a": [False]}, False),
        ({"a": 1, "b": 2}, {"b": 2.0, "a": 1}, True),
        ({"a": 1}, {"b": 1}, False),
        ([1, 2], [1], False),
        (2**53, 2.0**53, True),
        (2**53 + 1, 2.0**53, False),
        (None, None, True),
        (None, False, False),
        ([], {}, False),
    ],
)
def test_json_equality_is_not_python_equality(one, other, equal):
    """True is not 1; 1 and 1.0 are one number."""
    assert json_equal(one, other) is equal
    assert json_equal(other, one) is equal


@pytest.mark.parametrize("value", ["", ".", ".."])
def test_a_path_cannot_address_another_operation(value):
    """Segments that servers and proxies normalize are rejected."""
    with pytest.raises(ValueError, match="cannot be part of a path"):
        path_segment("id", value)


@pytest.mark.parametrize(
    ("value", "segment"),
    [
        ("a/b?c#d", "a%2Fb%3Fc%23d"),
        ("../x", "..%2Fx"),
        ("%2e%2e", "%252e%252e"),
        ("é ", "%C3%A9%20"),
        ("...", "..."),
        (5, "5"),
        (True, "true"),
        (Colour.DARK_BLUE, "dark%20blue"),
    ],
)
def test_a_path_segment_is_quoted(value, segment):
    """Nothing in it can end the segment."""
    assert path_segment("id", value) == segment


def test_multipart_sends_files_text_and_json():
    """Files as files, scalars as text, objects as JSON; lists repeat their name."""
    payload = io.BytesIO(b"\x00")
    parts = encode_multipart(
        {
            "file": File(payload, "a.bin", "application/octet-stream"),
            "files": [File(payload), File(payload)],
            "flag": True,
            "text": "é",
            "none": None,
            "node": Node(name="n"),
            "numbers": [1, 2.0],
        }
    )
    assert parts == [
        ("file", ("a.bin", payload, "application/octet-stream")),
        ("files", (None, payload, None)),
        ("files", (None, payload, None)),
        ("flag", (None, b"true", "text/plain")),
        ("text", (None, "é".encode(), "text/plain")),
        ("node", (None, b'{"na/me": "n"}', "application/json")),
        ("numbers", (None, b"1", "text/plain")),
        ("numbers", (None, b"2", "text/plain")),
    ]
    request = httpx.Request("POST", "http://localhost", files=parts)
    assert b'name="text"' in request.read()


def test_a_multipart_body_has_all_fields_of_its_model():
    """Additional and unreadable ones, too, as in `to_dict`."""
    payload = File(io.BytesIO(b"x"), "x")
    node = Node(file=payload, name="n")
    node.additional_properties["more"] = 5
    assert encode_multipart(node._parts()) == [
        ("na/me", (None, b"n", "text/plain")),
        ("file", ("x", payload.payload, None)),
        ("more", (None, b"5", "text/plain")),
    ]
    odd = Node.from_dict({"na/me": 5, "more": "x"})
    assert [name for name, _ in encode_multipart(odd._parts())] == ["na/me", "more"]


def test_lists_in_paths_are_joined_by_commas():
    """The default style of OpenAPI; what is in an item is quoted."""
    assert path_segment("ids", ["a/b", 1, True]) == "a%2Fb,1,true"
    with pytest.raises(ValueError, match="cannot be part of a path"):
        path_segment("ids", [])


def test_an_object_in_a_form_is_json():
    """Not the text of a Python dict."""
    assert form({"a": {"b": 1}, "c": ["x", 2], "d": None}) == {
        "a": '{"b": 1}',
        "c": ["x", "2"],
    }


def test_a_json_body_is_json():
    """None is null; NaN is refused rather than sent."""
    assert json_bytes(None) == b"null"
    assert json.loads(json_bytes({"a": [1.0, "é\ud800"]})) == {"a": [1, "é\ud800"]}
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_bytes({"a": float("nan")})
