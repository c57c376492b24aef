"""Incremental search for the id of a body: the body's own id, and none within its values."""

import json

import pytest
from hypothesis import given, settings, strategies as st

from modelgates_client.capture.scanning import BodyScanner, id_at_start
from modelgates_client.records.generation_ids import is_id

ID = "gen-1771967973-0hZ8J5kY7qLMOKbPx0u3"
OTHER = "gen-1771967973-AAAAAAAAAAAAAAAAAAAA"


def scan(body, size=None):
    """Return the id that is found in a body that arrives in chunks of a size."""
    scanner = BodyScanner()
    size = size or max(1, len(body))
    for start in range(0, len(body), size):
        if scanner.is_done:
            break
        scanner.feed(body[start : start + size])
    return scanner.found


@pytest.mark.parametrize("size", [None, 1, 2, 3, 7, 64])
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (f'{{"id":"{ID}","object":"chat.completion"}}', ID),
        (f'\ufeff \n{{ "object" : "x" ,\n "id" : "{ID}" }}', ID),
        (f'{{"choices":[{{"id":"{OTHER}"}}],"id":"{ID}"}}', ID),
        (f'{{"error":{{"id":"{OTHER}"}}}}', None),
        (f'{{"data":[{{"id":"{OTHER}"}}]}}', None),
        (f'[{{"id":"{OTHER}"}}]', None),
        (f'{{"text":"\\"id\\":\\"{OTHER}\\"","id":"{ID}"}}', ID),
        (f'{{"text":"\\\\","id":"{ID}"}}', ID),
        (f'{{"text":"\\\\\\"}},\\"id\\":\\"{OTHER}\\"","id":"{ID}"}}', ID),
        (f'{{"id ":"{OTHER}","ID":"{OTHER}","xid":"{OTHER}"}}', None),
        (f'{{"text":"id","more":"{OTHER}"}}', None),
        ('{"id":"chatcmpl-1"}', None),
        ('{"id":"openai/gpt-4o"}', None),
        ('{"id":"gen-lang-client-0123456789"}', None),
        (f'{{"id":null,"x":"{OTHER}"}}', None),
        (f'{{"id":7,"x":"{OTHER}"}}', None),
        (f'{{"id":["{OTHER}"]}}', None),
        (f'{{"id":{{"id":"{OTHER}"}}}}', None),
        ('{"id":"gen-' + "1" * 1000 + '"}', None),
        ('{"' + "k" * 1000 + f'":1,"id":"{ID}"}}', ID),
        (f'{{"\\u0069d":"{ID}"}}', ID),
        ("", None),
        ("{}", None),
        ("{", None),
        (f"id: {OTHER}", None),
        (f'<html>"id":"{OTHER}"</html>', None),
        (f'data: {{"id":"{ID}"}}\n\n', ID),
        (f'data:{{"id":"{ID}"}}\r\n\r\n', ID),
        (f'data: {{"id":"{ID}"}}\r\rdata: [DONE]\r\r', ID),
        (f': PROCESSING\n\n: PROCESSING\n\ndata: {{"id":"{ID}"}}\n\n', ID),
        (f'event: x\nid: 5\nretry: 3\ndata: {{"id":"{ID}"}}\n\n', ID),
        (f'data: {{"object":"x",\ndata: "id":"{ID}"}}\n\n', ID),
        (f'data: {{"type":"ping"}}\n\ndata: {{"id":"{ID}"}}\n\n', ID),
        (f'data: {{"id":"chatcmpl-1"}}\n\ndata: {{"id":"{ID}"}}\n\n', ID),
        (f'data: {{"response":{{"id":"{OTHER}"}}}}\n\ndata: [DONE]\n\n', None),
        (f'datum: {{"id":"{OTHER}"}}\n\n', None),
        (f': data: {{"id":"{OTHER}"}}\n\n', None),
        (f'data: "{OTHER}"\n\ndata: [DONE]\n\n', None),
        ('data: {"type":"ping"}\n\n' * 40 + f'data: {{"id":"{OTHER}"}}\n\n', None),
        (f'data: {{"id":"{ID}', None),
    ],
)
def test_the_id_is_the_one_at_the_top_level(body, expected, size):
    """Never one within a text or a nested value; for any chunks."""
    assert scan(body.encode(), size) == expected


NAMES = st.text(max_size=5) | st.just("id") | st.just('"id"') | st.just("\\")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.just(OTHER) | st.just("id"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.slow("generates large objects")
@settings(max_examples=40)  # making such objects takes a while
@given(
    body=st.dictionaries(NAMES, VALUES, max_size=5),
    ascii_only=st.booleans(),
    indent=st.sampled_from([None, 1]),
    size=st.integers(1, 40),
    streamed=st.booleans(),
)
def test_it_finds_the_id_that_a_parser_finds(body, ascii_only, indent, size, streamed):
    """For any object, in any chunks, as a body and as an event."""
    text = json.dumps(body, ensure_ascii=ascii_only, indent=None if streamed else indent)
    body_text = f"data: {text}\n\ndata: [DONE]\n\n" if streamed else text
    own = body.get("id")
    expected = own if isinstance(own, str) and is_id(own) else None
    assert scan(body_text.encode("utf-8", "surrogatepass"), size) == expected


@given(st.binary(max_size=200), st.integers(1, 20))
def test_no_input_raises_an_error(data, size):
    """Any bytes, after any valid beginning."""
    for begun in (b"", b"{", b'{"id":"', b"data: ", b'data: {"id":'):
        scan(begun + data, size)


def test_memory_is_bounded():
    """Nothing is kept of a body of ten megabytes in one string."""
    scanner = BodyScanner()
    scanner.feed(b'{"text":"')
    for _ in range(100):
        scanner.feed(b"x" * 100_000)
    values = [*vars(scanner).values(), *vars(scanner._object).values()]
    assert not [
        value for value in values if isinstance(value, bytes | bytearray) and len(value) > 600
    ]
    scanner.feed(f'","id":"{ID}"'.encode())
    assert scanner.found == ID


@given(st.from_regex(r"gen-[0-9]{8,12}-[0-9A-Za-z]{0,70}", fullmatch=True))
def test_the_fast_path_finds_what_the_scanner_would(word):
    """It does not check again that the id is one."""
    found = id_at_start(f'{{"id":"{word}","x":1}}'.encode())
    assert found in {None, word}
    assert found is None or is_id(found)
    assert scan(f'{{"id":"{word}","x":1}}'.encode()) == (word if is_id(word) else None)
