"""The parts of a request from typed arguments: each location and style of parameters, each body."""

import datetime
import io
from email import message_from_bytes
from urllib.parse import parse_qs, parse_qsl

import pytest

from modelgates_runtime.encoding import encode_multipart
from modelgates_runtime.requests import Body, Parameter, headers, path, query
from modelgates_runtime.types import File

from .models import Colour, Node

MOMENT = datetime.datetime(2026, 2, 24, 21, 19, tzinfo=datetime.UTC)


def encoded_query(value, **options):
    """Return the encoded query of one parameter."""
    return query([Parameter("it", "it", **options)], {"it": value})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a b&c", [("it", "a b&c")]),
        ("é/?#%+", [("it", "é/?#%+")]),
        (None, []),
        (True, [("it", "true")]),
        (5.0, [("it", "5")]),
        (Colour("new"), [("it", "new")]),
        (MOMENT, [("it", "2026-02-24T21:19:00+00:00")]),
        ([1, None, Colour.RED], [("it", "1"), ("it", "red")]),
        ([], []),
        ("", [("it", "")]),
    ],
)
def test_a_query_is_text_as_json_writes_it(value, expected):
    """None is omitted, lists repeat their name, and no Python `repr` is sent."""
    assert parse_qsl(encoded_query(value), keep_blank_values=True) == expected


@pytest.mark.parametrize(
    ("style", "explode", "expected"),
    [
        ("form", True, "it=a&it=b%2C"),
        ("form", False, "it=a,b%2C"),
        ("spaceDelimited", False, "it=a%20b%2C"),
        ("pipeDelimited", False, "it=a%7Cb%2C"),
    ],
)
def test_an_array_is_encoded_by_its_style(style, explode, expected):
    """Separators inside an item are distinct from those between items."""
    assert encoded_query(["a", "b,"], style=style, explode=explode) == expected


@pytest.mark.parametrize(
    ("style", "explode", "expected"),
    [
        ("form", True, {"a": ["1"], "b": ["x", "y"]}),
        ("form", False, {"it": ["a,1,b,x,b,y"]}),
        ("deepObject", True, {"it[a]": ["1"], "it[b]": ["x", "y"]}),
    ],
)
def test_an_object_is_encoded_by_its_style(style, explode, expected):
    """Each name on its own, all in one value, or in brackets."""
    sent = encoded_query({"a": 1, "b": ["x", "y"], "c": None}, style=style, explode=explode)
    assert parse_qs(sent) == expected


def test_path_parameters_are_percent_encoded():
    """The template has the spec's names, the arguments have Python names."""
    parameters = [Parameter("it_", "it", "path", "simple", explode=False)]
    assert path("/a/{it}/b", parameters, {"it_": "x/y {it}"}) == "/a/x%2Fy%20%7Bit%7D/b"
    with pytest.raises(ValueError, match="cannot be part of a path"):
        path("/a/{it}", parameters, {"it_": ""})


def test_headers_and_cookies_are_text():
    """None is omitted, lists are joined by commas; cookies share a header."""
    parameters = [
        Parameter("a", "X-A", "header", "simple"),
        Parameter("b", "X-B", "header", "simple"),
        Parameter("c", "X-C", "header", "simple", explode=False),
        Parameter("d", "d", "cookie"),
        Parameter("e", "e", "cookie"),
    ]
    values = {"a": ["x", 2], "b": None, "c": {"k": True}, "d": Colour.RED, "e": 1.5}
    assert headers(parameters, values) == (
        ("X-A", "x,2"),
        ("X-C", "k,true"),
        ("Cookie", "d=red; e=1.5"),
    )


def test_a_body_with_a_json_media_type_is_json():
    """The header has the media type of the spec."""
    kind = Body("application/merge-patch+json")
    assert kind.encoded({"a": [1.0]}) == ("application/merge-patch+json", b'{"a": [1]}')


def test_a_form_is_encoded():
    """Lists repeat their name."""
    kind = Body("application/x-www-form-urlencoded")
    content_type, content = kind.encoded({"a": "x y", "b": [1, 2]})
    assert content_type == kind.content_type
    assert content == b"a=x+y&b=1&b=2"


def test_binary_bodies_are_sent_unchanged():
    """With the spec's media type."""
    kind = Body("application/octet-stream")
    assert kind.encoded(File(io.BytesIO(b"\0\xff"))) == (kind.content_type, b"\0\xff")


def test_other_libraries_parse_a_multipart_body():
    """Names, file names, media types and contents are intact."""
    content = b'\r\n--boundary"\r\n\xff'
    node = Node(file=File(io.BytesIO(content), 'a"\r\n.bin', "image/png"), name="é")
    content_type, body = Body("multipart/form-data").encoded(MultipartBody(node))
    message = message_from_bytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    name, file = message.get_payload()
    assert name.get_param("name", header="content-disposition") == "na/me"
    assert name.get_payload(decode=True).decode() == "é"
    assert file.get_content_type() == "image/png"
    assert file.get_filename() == "a%22%0D%0A.bin"
    assert file.get_payload(decode=True) == content


class MultipartBody:
    """A body with multipart encoding."""

    def __init__(self, node):
        self.node = node

    def to_multipart(self):
        """Return its parts."""
        return encode_multipart(self.node._parts())
