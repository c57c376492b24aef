"""Recorded responses: which argument is a file, its lines, and how each line is checked."""

import gzip
import io
import json
import tracemalloc

import pytest
from hypothesis import given, strategies as st

from modelgates_client import ConfigurationError
from modelgates_client.cli import recordings
from modelgates_client.cli.recordings import is_recording, read_lines
from modelgates_client.conformance.recorded import check_line

from ..recorded_gaps import MISSING_FIELDS
from .command_runs import RECORD


def check_result(line):
    """Return the status whose schema applies to a line, and its deviations by pointer."""
    content = line if isinstance(line, bytes) else json.dumps(line).encode()
    checked = check_line(content)
    return checked.status, {entry.pointer: entry.found for entry in checked.deviations}


MISSING = dict.fromkeys(MISSING_FIELDS, "nothing")
ERROR = {"error": {"code": 404, "message": "m"}}
_HALF = json.dumps(ERROR).replace('"m"', '"\ud800"')  # an unpaired surrogate


@pytest.mark.parametrize(
    "line",
    [
        {"status": 200, "body": {"data": RECORD}},
        {"status_code": 200, "body": {"data": RECORD}, "url": "https://example.com"},
        {"status": "OK", "status_code": 200, "body": {"data": RECORD}},
        {"status": 200, "body": json.dumps({"data": RECORD})},
        {"data": RECORD},
        RECORD,
    ],
)
def test_each_recording_format_gives_the_same_result(line):
    """Complete exchange, complete body, or a line of `get --json`: pointers are into the body."""
    assert check_result(line) == (200, MISSING)


@pytest.mark.parametrize(
    ("line", "status", "deviating"),
    [
        (ERROR, 404, {}),
        ({"status": 401, "body": ERROR}, 401, {}),
        ({"error": {"code": 503, "message": "m"}}, 503, {"": "503"}),
        ({"error": {"code": 7, "message": "m"}}, None, {}),
        ({"error": {"code": 200, "message": "m"}}, None, {}),
        ({"error": {"code": 404.0, "message": "m"}}, None, {}),
        ({"error": {"code": "404", "message": "m"}}, None, {"/error/code": "string"}),
        ({"error": "no"}, None, {"/error": "string"}),
        ({"error": None, "user_id": "u"}, None, {"/error": "null"}),
        ({"status": 502, "body": "<html>"}, 502, {"": "invalid JSON"}),
        ({"status": 502, "body": ""}, 502, {"": "nothing"}),
        ({"status": 404, "body": json.dumps(ERROR)}, 404, {}),
        ({"status": 404, "body": _HALF}, 404, {"": "invalid JSON"}),
        ({"status": 502, "body": None}, 502, {"": "null"}),
        ({"status": 429, "body": [1]}, 429, {"": "array"}),
        ({"status": 204, "body": ""}, 204, {"": "204"}),
        ({"data": None, "status": 404}, 200, {"/data": "null", "/status": "integer"}),
    ],
)
def test_errors_and_exchanges_are_checked_against_their_schema(line, status, deviating):
    """That of their status, or of errors if the status is not known."""
    assert check_result(line) == (status, deviating)


def test_a_record_with_a_new_field_called_error_is_a_record():
    """The id decides; otherwise one new field would hide all other deviations."""
    status, deviating = check_result({**RECORD, "error": None})

    assert (status, deviating) == (200, {**MISSING, "/data/error": "null"})


@pytest.mark.parametrize(
    ("line", "came"),
    [
        (b"nonsense", "invalid JSON"),
        (b"\xff\xfe{\x00}\x00", "invalid JSON"),
        (b'{"status": 200, "body": NaN}', "invalid JSON"),
        (b"[" * 100_000, "invalid JSON"),
        (b"[1]", "array"),
        (b"null", "null"),
        (b'"gen-1"', "string"),
        (b"{}", "an object without body, data, error or id"),
        (b'{"status": 200}', "an object without body, data, error or id"),
        (b'{"body": {}}', "an object without body, data, error or id"),
        (b'{"status": true, "body": {}}', "an exchange whose status is not an HTTP status"),
        (b'{"status": "200", "body": {}}', "an exchange whose status is not an HTTP status"),
        (b'{"status": 200.0, "body": {}}', "an exchange whose status is not an HTTP status"),
        (b'{"status": 99, "body": {}}', "an exchange whose status is not an HTTP status"),
        (b'{"status": 1000, "body": {}}', "an exchange whose status is not an HTTP status"),
    ],
)
def test_an_invalid_line_is_a_finding(line, came):
    """Of its own kind, without text of the line."""
    (entry,) = check_line(line).deviations

    assert (entry.kind, entry.found) == ("unreadable_line", came)


@given(
    st.binary(max_size=60)
    | st.recursive(
        st.none() | st.integers() | st.text(max_size=3),
        lambda parts: (
            st.lists(parts, max_size=2)
            | st.dictionaries(
                st.sampled_from(["status", "status_code", "body", "data", "error", "id", "code"]),
                parts,
            )
        ),
        max_leaves=6,
    ).map(lambda value: json.dumps(value).encode())
)
def test_no_line_makes_it_fail(line):
    """A line is a response or a finding, whatever it contains."""
    checked = check_line(line)

    assert [entry.kind for entry in checked.deviations] or checked.body is not None


@pytest.mark.parametrize(
    ("argument", "is_file"),
    [
        ("-", True),
        ("there.jsonl", True),
        ("not-there.jsonl", True),
        ("not-there.JSONL.GZ", True),
        ("./gen-1", True),
        ("not/there", True),
        ("gen-1771967973-0hZ8J5kY7qLMOKbPx0u3", False),
        ("there", True),
        ("folder", True),
        ("not-there", False),
        ("x" * 5_000, False),
        ("a\x00b", False),
        ("", False),
    ],
)
def test_an_argument_is_a_file_or_an_id(argument, is_file, tmp_path, monkeypatch):
    """A file if it looks like one or exists; a misspelt file name is not sent to the server."""
    (tmp_path / "there.jsonl").touch()
    (tmp_path / "there").touch()
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)

    assert is_recording(argument) is is_file


def test_blank_lines_are_skipped_and_numbered(tmp_path):
    """Line ends of any kind; the last line may lack one."""
    file = tmp_path / "a.jsonl"
    file.write_bytes(b"\n1\r\n \t\r\n2\n\n3")

    assert list(read_lines(str(file))) == [(2, b"1\r\n"), (4, b"2\n"), (6, b"3")]


@pytest.mark.parametrize("name", ["a.jsonl.gz", "A.GZ"])
def test_a_compressed_file_is_read(tmp_path, name):
    """With gzip; `test_reading` has the other formats."""
    file = tmp_path / name
    file.write_bytes(gzip.compress(b"1\n2\n"))

    assert list(read_lines(str(file))) == [(1, b"1\n"), (2, b"2\n")]


@pytest.mark.parametrize("name", ["one.json", "one.JSON", "one.json.gz"])
def test_a_json_file_is_one_response(tmp_path, monkeypatch, name):
    """Spread over lines, as people and tools save it; its size is bounded as well."""
    content = json.dumps({"data": RECORD}, indent=2).encode() + b"\n"
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    ((number, line),) = read_lines(str(tmp_path / name))
    assert (number, check_result(line)) == (1, (200, MISSING))
    monkeypatch.setattr(recordings, "MAX", 100)
    assert list(read_lines(str(tmp_path / name))) == [(1, None)]


def test_a_line_beyond_the_limit_is_skipped(tmp_path, monkeypatch):
    """The lines around it are read, and so is a line of exactly the limit."""
    monkeypatch.setattr(recordings, "MAX", 10)
    file = tmp_path / "a.jsonl"
    file.write_bytes(b"x" * 10 + b"\n" + b"y" * 35 + b"\n" + b"z\n" + b"w" * 11)

    assert list(read_lines(str(file))) == [
        (1, b"x" * 10 + b"\n"),
        (2, None),
        (3, b"z\n"),
        (4, None),
    ]


def test_a_huge_line_takes_bounded_memory(tmp_path):
    """A decompression bomb: a line of 100 MB, compressed."""
    file = tmp_path / "bomb.gz"
    with gzip.open(file, "wb", compresslevel=1) as packed:
        for _ in range(100):
            packed.write(b"[" * 1_000_000)
    tracemalloc.start()
    try:
        lines = list(read_lines(str(file)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert lines == [(1, None)]
    assert peak < 20_000_000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gzip.compress(b"1\n" * 100_000, mtime=0)[:-50], "it is damaged after line"),
        (gzip.compress(b"1\n", mtime=0)[:12] + b"\xff" * 20, "it is damaged"),
    ],
)
def test_the_error_of_a_damaged_file_names_the_place(tmp_path, content, message):
    """It says how far the file could be read."""
    file = tmp_path / "a.gz"
    file.write_bytes(content)

    with pytest.raises(ConfigurationError, match=message):
        list(read_lines(str(file)))


def test_an_unreadable_file_is_an_error(tmp_path):
    """A missing file, or a folder."""
    for name in (tmp_path / "none.jsonl", tmp_path):
        with pytest.raises(ConfigurationError, match=r"the file '.*': "):
            list(read_lines(str(name)))


def test_a_closed_stdin_is_an_error(monkeypatch):
    """There is nothing to read then."""
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(ConfigurationError, match="stdin is closed"):
        list(read_lines("-"))


def test_stdin_is_read_line_by_line(monkeypatch):
    """A line is returned before the next one is written."""
    reading = io.BytesIO(b"1\n2\n")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(reading))
    lines = read_lines("-")

    assert next(lines) == (1, b"1\n")
    assert list(lines) == [(2, b"2\n")]
