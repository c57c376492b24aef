"""Search for ids in lines: an id is found in any context, or refused with a message."""

import html
import json
from urllib.parse import quote

import pytest
from hypothesis import given, settings, strategies as st

from modelgates_client.cli.ids import scan_line
from modelgates_client.records.generation_ids import is_id
from modelgates_client.records.id_search import find_ids_in_text, unescaped

A = "gen-1771967973-0hZ8J5kY7qLMOKbPx0u3"
B = "gen-1771967974-AAAAAAAAAAAAAAAAAAAA"
ULID = "gen_01ARZ3NDEKTSV4RRFFQ69G5FAV"
TALK = [{"message": {"content": f"what did {B} cost?"}}]

ALNUM = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
IDS = st.builds(
    "gen-{}-{}".format,
    st.integers(1_500_000_000, 2_000_000_000),
    st.text(ALNUM, min_size=20, max_size=20),
) | st.builds(
    "gen_0{}".format, st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=25, max_size=25)
)


def ids_in(line):
    """Return the ids in a line, without duplicates."""
    return scan_line(line).ids


def escape_each(form, *, keep=""):
    """Return a function that escapes the characters that are neither letters, digits nor kept."""
    return lambda text: "".join(
        char if char.isalnum() or char in keep else form.format(ord(char)) for char in text
    )


def escape_all(form, as_bytes=str.encode):
    """Return a function that escapes every byte, or whatever `as_bytes` returns."""
    return lambda text: "".join(form.format(code) for code in as_bytes(text))


def code_points(text):
    """Return the code points of a text."""
    return map(ord, text)


ESCAPES = st.sampled_from(
    [
        json.dumps,
        lambda text: json.dumps(text).replace("/", "\\/"),
        lambda text: quote(text, safe=""),
        html.escape,
        repr,
        escape_each("\\x{:02x}", keep="-_"),
        escape_each("\\u{:04x}"),
        escape_all("\\u{{{:x}}}", code_points),
        escape_all("\\U{:08x}", code_points),
        escape_all("\\{:03o}"),
        escape_all("%{:02X}"),
        lambda text: text.replace("gen", "\x1b[1;32mgen"),
        lambda text: text.replace("gen", r"\e[32mgen").replace("&", "#033[0m&"),
    ]
)
WHERE = ("own", "mentioned", "spoken")
AROUND = st.text(" \t\n\"'=<>/&:;,()[]{}|éß", min_size=1, max_size=5)


@pytest.mark.parametrize("word", ["gen-1", "gen-unknown", "gen-abc-DEF_9", A, ULID])
def test_a_word_alone_is_an_id(word):
    """For every command, including in a list, quoted, and with a comment."""
    assert is_id(word)
    for line in (
        word,
        f'  "{word}",\r',
        f"{word}  # mine",
        f"\ufeff{word}",
        f"\x1b[2J{word}\x1b[0m",
    ):
        assert ids_in(f"{line}\n".encode()) == [word]


@pytest.mark.parametrize(
    "word",
    (
        "gen- gen-1771967973- gen-lang-client-0123456789 gen-ai-2025-11-01 gen-ü Gen-1 chatcmpl-1 "
        f"next-gen-1 gen-{'1' * 300} gen-\x1b[2J hello"
    ).split(),
)
def test_a_single_word_that_is_not_an_id_is_refused(word):
    """It was meant as an id, so it is not skipped."""
    assert not is_id(word)
    scan = scan_line(f"{word}\n".encode(), in_list=True)
    assert (scan.ids, len(scan.refused)) == ([], 1)


@pytest.mark.parametrize(
    "line",
    [
        "# gen-1",
        "",
        "generation_id",
        "{",
        "}],",
        "12:00 nothing here",
        "about gen-ai-2025 and gen-4",
        "project gen-lang-client-0123456789",
        '{"id": "gen-lang-client-0123456789"}',
        "gen-z is young",
    ],
)
def test_a_line_without_an_id_is_skipped(line):
    """No message is printed."""
    assert scan_line(f"{line}\n".encode(), in_list=True)[:2] == ([], [])


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ({"id": A, "choices": TALK}, [A]),
        ({"id": A, "parent": B}, [A]),
        (
            {"id": "batch_1", "response": {"status_code": 200, "body": {"id": A, "choices": TALK}}},
            [A],
        ),
        ({"status": 200, "body": json.dumps({"id": A, "choices": TALK})}, [A]),
        ({"body": f'data: {{"id": "{A}"}}\n\ndata: [DONE]\n'}, [A]),
        ({"generation_id": "gen-1", "msg": f"not {B}"}, ["gen-1"]),
        ({"attributes": {"gen_ai.response.id": A, "gen_ai.prompt": B}}, [A]),
        ({"attributes": [{"key": "gen_ai.response.id", "value": {"stringValue": A}}]}, [A]),
        ({"headers": {"X-Generation-Id": A}, "messages": TALK}, [A]),
        ({"headers": [["x-generation-id", "gen-1"]]}, ["gen-1"]),
        ({"headers": [{"name": "X-Generation-Id", "value": "gen-1"}]}, ["gen-1"]),
        ({"msg": f"completion {A} done"}, [A]),
        ([{"id": A}, {"id": B}], [A, B]),
        (["gen-1", "gen-2"], ["gen-1", "gen-2"]),
        ({"costs": {A: {"usd": 1}, B: {"usd": 2}}}, [A, B]),
        ({A: {"messages": TALK}}, [A]),
        ({"messages": TALK}, []),
    ],
)
def test_in_json_the_id_of_the_generation_is_found(line, expected):
    """At any depth; an id that a message mentions is not, and is refused at most."""
    text = json.dumps(line)
    for form in (text, f"{text},", f"data: {text}", f"12:00 INFO {text}"):
        if isinstance(line, dict) or form.startswith(("[", "data")):
            assert ids_in(f"{form}\n".encode()) == expected
    assert expected or scan_line(text.encode()).refused


def test_both_values_of_a_duplicate_key_are_read():
    """Neither is lost."""
    assert ids_in(f'{{"id": "{A}", "id": "{B}"}}'.encode()) == [A, B]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        (f"x\\n{A}\\ty\\u0022{B}\\u003e", [A, B]),
        (f"?id%3D{A}%22%0A", [A]),
        (r"?id%3Dgen-4%26x", ["gen-4"]),
        (f"&quot;{A}&quot;", [A]),
        (r"gen\u002d1771967973\x2d0hZ8J5kY7qLMOKbPx0u3", [A]),
        (r"{\\\"id\\\": \\\"gen-7\\\"}", ["gen-7"]),
        (f"response_{A}_1.json", [A]),
        (f"id=3D{A}=", [A]),
        (rf"C:\\logs\\{A}\\part.json", [A]),
        (rf"C:\logs\{A}\data", [A]),
        (rf"\b {A}\par", [A]),
        (r"\e[32mgen-1771967973-abc\e[0m", ["gen-1771967973-abc"]),
        ("\x1b[32mgen-1771967973-abc\x1b[0m", ["gen-1771967973-abc"]),
        (r"\147en-1771967973-0hZ8J5kY7qLMOKbPx0u3", [A]),
        (r"\u{67}en-1771967973-0hZ8J5kY7qLMOKbPx0u3", [A]),
        (r"\U00000067en-1771967973-0hZ8J5kY7qLMOKbPx0u3", [A]),
        (f"{A},0.25;{ULID}", [A, ULID]),
    ],
)
def test_escaped_ids_are_found(text, ids):
    """Escapes of JSON, URLs, HTML, Python and JavaScript."""
    assert find_ids_in_text(text).ids == ids


@pytest.mark.parametrize(
    "end", ["-", "0hZ8...", "0hZ8…", "", "0hZ8=\r", "0hZ8\\", "0hZ8\u00ad5kY7 done", "0hZ8\u200b5k"]
)
def test_a_truncated_id_is_refused(end):
    r"""It would never get a record. Lines are broken by `=`, `\` and soft hyphens."""
    scan = scan_line(f"request gen-1771967973-{end}\n".encode())
    assert (scan.ids, len(scan.refused)) == ([], 1)


def test_adjacent_ids_are_found_or_refused():
    """Concatenated files have them; if the boundary is not certain, they are refused."""
    assert ids_in(f"{A}{B}\n".encode()) == [A, B]
    assert ids_in(f"{ULID}{A}{ULID}\n".encode()) == [ULID, A]
    scan = scan_line(b"gen-1771967973-abcgen-1771967974-def\n")
    assert (scan.ids, len(scan.refused)) == ([], 1)


@pytest.mark.parametrize(
    "line", [A.upper(), A.replace("gen", "Gen"), A.replace("-", "\u2011"), A.replace("-", "\u2013")]
)
def test_an_id_changed_by_a_word_processor_is_refused(line):
    """It is not an id any more."""
    for text in (line, f"for {line} and"):
        scan = scan_line(f"{text}\n".encode())
        assert (scan.ids, len(scan.refused)) == ([], 1)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le"])
def test_a_line_in_another_encoding_is_read(encoding):
    """PowerShell's `>>` appends UTF-16 to any file; null characters may also separate ids."""
    assert ids_in(f"12:00 {A} done\r\n".encode(encoding)) == [A]
    assert ids_in(f"{A}\0{B}\0".encode()) == [A, B]


@given(st.lists(IDS, min_size=1, max_size=4), st.lists(ESCAPES, max_size=3), AROUND, st.data())
def test_every_id_in_a_text_is_found(ids, escapes, around, data):
    """Whatever surrounds it, and however often it is escaped."""
    text = around + around.join(ids) + around
    for escape in escapes:
        text = escape(text)
    prefix = data.draw(st.sampled_from(["12:00 ", "curl 'x?q=", "INFO id="]))
    line = f"{prefix}{text}".replace("\n", " ")

    assert set(ids_in(line.encode())) == set(ids)


@given(IDS, st.text(max_size=20))
def test_the_id_of_a_generation_is_found_next_to_any_message(generation_id, text):
    """The line is a JSON object with both."""
    record = {"choices": [{"message": {"content": text}}], "id": generation_id, "note": text}
    for ascii_only in (True, False):
        line = json.dumps(record, ensure_ascii=ascii_only).encode("utf-8", "replace")
        assert ids_in(line) == [generation_id]


VALUES = st.recursive(
    IDS | st.sampled_from([None, 5, "no id"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "cost", "content"]) | IDS, inner, max_size=4)
    ),
    max_leaves=12,
)


def ids_by_place(value, place="own"):
    """Yield the ids of a JSON value with their places: a second implementation for comparison."""
    if isinstance(value, dict):
        for key, each in value.items():
            inner = place if place == "spoken" else "spoken" if key == "content" else "mentioned"
            if key.startswith("gen"):
                yield key, "spoken" if place == "spoken" else "mentioned"
            yield from ids_by_place(each, "own" if (key, inner) == ("id", "mentioned") else inner)
    elif isinstance(value, list):
        for each in value:
            yield from ids_by_place(each, place)
    elif isinstance(value, str) and value.startswith("gen"):
        yield value, place


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from(["id", "cost", "content"]) | IDS, VALUES, max_size=4))
def test_json_ids_are_found_by_precedence_or_refused(value):
    """Ids of generations come before mentioned ones; ids within messages are refused."""
    ids = {
        place: {each for each, where in ids_by_place(value) if where == place} for place in WHERE
    }

    scan = scan_line(json.dumps(value).encode())

    assert set(scan.ids) == (ids["own"] or ids["mentioned"])
    assert bool(scan.refused) == bool(ids["spoken"] and not scan.ids)


@given(
    st.binary(max_size=80) | st.text("gen-_\\u002x%3D&#;{}[]\"': 0a\n", max_size=40).map(str.encode)
)
def test_no_line_makes_it_fail(line):
    """Every id that is found is valid."""
    scan = scan_line(line, in_list=True)

    assert all(is_id(each) for each in scan.ids)
    assert isinstance(unescaped(line.decode("utf-8", "replace")), str)
