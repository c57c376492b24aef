"""Exports equal the ledger cell by cell in every format, and are complete or absent."""

import csv
import datetime
import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import duckdb
import pandas
import pytest

from modelgates_client.exports.errors import SourceError
from modelgates_client.exports.tables import ATTEMPTS, ROWS
from modelgates_client.exports.writing import Output, export
from modelgates_client.rows.columns import ALL_COLUMNS

from ..rows.sample_records import (
    EPOCH,
    FULL,
    HOSTILE,
    label,
    ledger_of,
    resolved,
    rows_of,
    various,
)

KINDS = {column.name: column.kind for column in ALL_COLUMNS}

LABELS = {
    "gen-full": {"feature": "search", "tenant": 'it\'s "Ünïcode", a\nb'},
    "gen-new": {"feature": "=1+1"},
    "gen-captured": {"a.b-c": ""},
}


@pytest.fixture
def ledger(tmp_path):
    """A ledger with ids of every kind."""
    path = ledger_of(tmp_path / "ledger.db", *various(), ids=["gen-new"])
    label(path, LABELS)
    return path


def export_to(ledger, file_format, table=ROWS, **options):
    """Export a ledger; return the path."""
    path = str(ledger.parent / f"{table.name}.{file_format}")
    export(ledger, [Output(table, path, file_format, **{"raw": True, **options})])
    return path


def file_names(folder):
    """Return the names of the files in a folder."""
    return sorted(each.name for each in folder.iterdir())


def datetime_of(microseconds):
    """Return the time of microseconds since 1970."""
    return None if microseconds is None else EPOCH + datetime.timedelta(microseconds=microseconds)


def read_typed(path, file_format):
    """Return the rows of a typed file by id, and the types of its columns."""
    listed = [f'epoch_us("{n}")' if kind == "time" else f'"{n}"' for n, kind in KINDS.items()]
    with duckdb.connect() as connection:
        if file_format == "duckdb":
            connection.execute(f"ATTACH '{path}' AS written (READ_ONLY)")
        origin = "written.rows" if file_format == "duckdb" else f"'{path}'"
        described = connection.execute(f"DESCRIBE FROM {origin}").fetchall()
        result = connection.execute(f"SELECT {', '.join(listed)} FROM {origin}").fetchall()
    rows = [
        {n: datetime_of(v) if KINDS[n] == "time" else v for n, v in zip(KINDS, row, strict=True)}
        for row in result
    ]
    return {row["generation_id"]: row for row in rows}, [row[:2] for row in described]


def from_text(kind, text):
    """Return the value of a field of CSV."""
    match kind:
        case "usd":
            return Decimal(text)
        case "time":
            assert text.endswith("Z")
            return datetime.datetime.fromisoformat(text)
        case "integer":
            return int(text)
        case "number":
            return float(text)
        case "boolean":
            return {"true": True, "false": False}[text]
        case "attempts" | "names" | "labels":
            return json.loads(text)
        case _:
            return text


@pytest.mark.parametrize("file_format", ["parquet", "duckdb"])
def test_typed_files_equal_the_ledger(ledger, file_format):
    """Every cell, and the type of every column."""
    result, described = read_typed(export_to(ledger, file_format), file_format)
    assert described == [(column.name, column.type) for column in ALL_COLUMNS]
    assert result == rows_of(ledger)


def test_json_lines_equal_the_ledger(ledger):
    """Numbers are exact, times have a zone, and each line has every column."""
    with Path(export_to(ledger, "jsonl")).open(encoding="utf-8", newline="\n") as file:
        lines = [json.loads(line, parse_float=Decimal) for line in file]
    for line in lines:
        assert list(line) == list(KINDS)
        for name, kind in KINDS.items():
            value = line[name]
            if value is not None and kind == "time":
                line[name] = from_text(kind, value)
            elif value is not None and kind == "usd":
                assert isinstance(value, Decimal)
            elif isinstance(value, Decimal):
                line[name] = float(value)
    result = {line["generation_id"]: line for line in lines}
    for row in result.values():
        for attempt in row["attempts"] or []:
            attempt["latency_ms"] = attempt["latency_ms"] and float(attempt["latency_ms"])
    assert result == rows_of(ledger)


def test_csv_equals_the_ledger(ledger):
    """By RFC 4180: quotes where needed, CRLF; NULL differs from an empty string."""
    path = export_to(ledger, "csv")
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"""SELECT * FROM read_csv('{path}', all_varchar = true, header = true, delim = ',',
            quote = '"', escape = '"', allow_quoted_nulls = false)"""
        ).fetchall()
    result = [
        {
            name: None if text is None else from_text(KINDS[name], text)
            for name, text in zip(KINDS, row, strict=True)
        }
        for row in rows
    ]
    assert {row["generation_id"]: row for row in result} == rows_of(ledger)
    with Path(path).open("rb") as file:
        assert file.readline() == (",".join(KINDS) + "\r\n").encode()


def test_python_and_pandas_read_the_same_csv(ledger):
    """Except for NULL and empty strings, the values equal the ledger."""
    path = export_to(ledger, "csv")
    expected = {
        generation_id: {name: row[name] for name in ("model", "charged_usd", "app_id")}
        for generation_id, row in rows_of(ledger).items()
    }
    with Path(path).open(encoding="utf-8", newline="") as file:
        plain = {row["generation_id"]: row for row in csv.DictReader(file)}
    frame = pandas.read_csv(
        path,
        dtype=str,
        keep_default_na=False,
        engine="python",  # the other one ends a text at a NUL before pandas 3.1
    )
    read = {row["generation_id"]: row for row in frame.to_dict("records")}
    assert plain.keys() == read.keys() == expected.keys()
    for generation_id, row in expected.items():
        assert plain[generation_id] == read[generation_id]
        assert plain[generation_id]["model"] == (row["model"] or "")
        cost = plain[generation_id]["charged_usd"]
        assert (Decimal(cost) if cost else None) == row["charged_usd"]


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # DuckDB's own use of pandas
def test_pandas_reads_parquet_through_duckdb(ledger):
    """Aware times, lists and exact amounts."""
    path = export_to(ledger, "parquet")
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        frame = connection.execute(
            "SELECT generation_id, created_at, CAST(charged_usd AS VARCHAR) AS cost, attempts "
            f"FROM '{path}' WHERE generation_id = 'gen-full'"
        ).df()
    (row,) = frame.to_dict("records")
    assert row["created_at"].to_pydatetime() == datetime.datetime(
        2026, 2, 24, 21, 19, 33, 705000, tzinfo=datetime.UTC
    )
    assert Decimal(row["cost"]) == Decimal("0.00003452")
    assert [attempt["provider"] for attempt in row["attempts"]] == ["Groq", "DeepInfra"]


def test_parquet_has_types_that_every_reader_supports(ledger):
    """No unsigned or 128-bit integers, no INT96; decimals, and instants in UTC."""
    path = export_to(ledger, "parquet")
    with duckdb.connect() as connection:
        result = connection.execute(
            f"SELECT name, type, logical_type FROM parquet_schema('{path}')"
        ).fetchall()
        (docs,) = connection.execute(
            f"SELECT decode(value) FROM parquet_kv_metadata('{path}') WHERE decode(key) = 'columns'"
        ).fetchone()
    types = {name: (kind, str(logical)) for name, kind, logical in result}
    assert types["charged_usd"][0] == "FIXED_LEN_BYTE_ARRAY"
    assert "scale=24" in types["charged_usd"][1]
    assert types["created_at"][0] == "INT64"
    assert "isAdjustedToUTC=1" in types["created_at"][1]
    assert "INT96" not in {kind for kind, _ in types.values()}
    assert json.loads(docs)["requests"] == "How many requests were made for this id"


def test_attempts_can_be_exported_as_a_table(ledger):
    """One row for each attempt, in order; ids without attempts have no row."""
    path = export_to(ledger, "parquet", ATTEMPTS)
    with duckdb.connect() as connection:
        result = connection.execute(
            f"SELECT * FROM '{path}' ORDER BY generation_id, attempt"
        ).fetchall()
    expected = [
        (generation_id, number, attempt["provider"], attempt["status"], attempt["latency_ms"])
        for generation_id, row in sorted(rows_of(ledger).items(), key=lambda item: item[0].encode())
        for number, attempt in enumerate(row["attempts"] or [], 1)
    ]
    assert result == expected
    assert len(expected) > 10


def test_no_cell_of_csv_starts_a_formula(ledger):
    """Unless `raw`; negative numbers stay numbers."""
    changed = export_to(ledger, "csv", raw=False)
    with Path(changed).open(encoding="utf-8", newline="") as file:
        rows = {row["generation_id"]: row for row in csv.DictReader(file)}
    for number, text in enumerate(HOSTILE):
        begins = text.lstrip(" \t\r\n")[:1] in {*"=+-@"} - {""} or text[:1] in {*"\t\r\n"}
        row = next(row for key, row in rows.items() if key.startswith(f"gen-{number}-"))
        begins = begins and re.fullmatch("-[0-9.]+", text) is None
        assert row["model"] == (f"'{text}" if begins else text)
    assert rows["gen-failed"]["error"].startswith("PermissionDeniedError")
    assert rows["gen-refund"]["charged_usd"] == "-12345678901234.56"


def test_a_period_leaves_out_and_counts_records_without_a_time(ledger):
    """Ids without a record stay, because their time is unknown."""
    path = str(ledger.parent / "out.parquet")
    later_path = str(ledger.parent / "later.parquet")
    since = datetime.datetime(2026, 2, 24, 21, 19, 33, 705000, tzinfo=datetime.UTC)
    counts = export(ledger, [Output(ROWS, path, "parquet")], since=since)
    later = export(ledger, [Output(ROWS, later_path, "parquet")], until=since)
    result, _ = read_typed(path, "parquet")
    others, _ = read_typed(later_path, "parquet")
    every = rows_of(ledger)
    unresolved = {key for key, row in every.items() if row["state"] in {"pending", "failed"}}
    dated = {key for key, row in every.items() if row["created_at"] is not None}
    assert result.keys() == unresolved | {key for key in dated if every[key]["created_at"] >= since}
    assert others.keys() == unresolved | {"gen-old"}
    assert (counts.undated, counts.unresolved) == (1, 4)  # one was captured
    assert counts.records + later.records == len(dated)
    assert (counts.provisional, counts.unpriced, counts.upstream_unknown) == (1, 1, 0)


def test_an_export_can_be_exported(ledger):
    """Parquet of Parquet is the same."""
    first = export_to(ledger, "parquet")
    path = str(ledger.parent / "again.parquet")
    export(first, [Output(ROWS, path, "parquet")])
    assert read_typed(path, "parquet") == read_typed(first, "parquet")


@pytest.mark.parametrize("file_format", ["jsonl", "csv", "parquet", "duckdb"])
def test_a_replaced_file_keeps_its_mode(ledger, file_format):
    """A link stays a link, a new file has mode 0600, and nothing else is left in the folder."""
    folder = ledger.parent / "out"
    folder.mkdir()
    there = folder / "there"
    there.write_text("before")
    there.chmod(0o640)
    (folder / "link").symlink_to("there")
    with there.open() as reading:
        outputs = [Output(ROWS, str(folder / name), file_format) for name in ("link", "new")]
        export(ledger, outputs)
        assert reading.read() == "before"  # who reads the old one has all of it
    assert file_names(folder) == ["link", "new", "there"]
    assert (folder / "link").is_symlink()
    assert stat.S_IMODE(there.stat().st_mode) == 0o640
    assert stat.S_IMODE((folder / "new").stat().st_mode) == 0o600
    assert there.stat().st_size > 1000


def test_if_one_of_two_outputs_fails_neither_is_written(ledger):
    """Existing files stay, and nothing is left behind."""
    folder = ledger.parent / "out"
    folder.mkdir()
    (folder / "a.csv").write_text("before")
    outputs = [
        Output(ROWS, str(folder / "a.csv"), "csv"),
        Output(ATTEMPTS, str(folder / "none" / "b.csv"), "csv"),
    ]
    with pytest.raises(SourceError, match="none"):
        export(ledger, outputs)
    assert file_names(folder) == ["a.csv"]
    assert (folder / "a.csv").read_text() == "before"


LIMITED = """
import resource, signal, sys
from modelgates_client.exports.writing import Output, export
from modelgates_client.exports.tables import ROWS
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
try:
    export(sys.argv[1], [Output(ROWS, sys.argv[2], sys.argv[3])])
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.mark.parametrize("file_format", ["jsonl", "csv", "parquet", "duckdb"])
def test_a_full_disk_leaves_the_existing_file(tmp_path, file_format):
    """The error is one line; no partial file is left under any name."""
    outcomes = [
        resolved(f"gen-{n}", **{**FULL, "session_id": os.urandom(30).hex()}) for n in range(900)
    ]
    path = export_to(ledger_of(tmp_path / "ledger.db", *outcomes), "parquet")
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "a").write_text("before")
    command = [sys.executable, "-c", LIMITED, path, folder / "a", file_format]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("SourceError"), done.stderr
    assert done.stdout.count("\n") == 1
    assert file_names(folder) == ["a"]
    assert (folder / "a").read_text() == "before"


KILLED = """
import sys
from modelgates_client.exports.writing import Output, export
from modelgates_client.exports.tables import ROWS
print("ready", flush=True)
while True:
    export(sys.argv[1], [Output(ROWS, sys.argv[2], "csv")])
    print("done", flush=True)
"""


@pytest.mark.slow("six processes that are killed")
def test_a_killed_export_leaves_a_complete_file(ledger):
    """The old one or a new one, never a part."""
    path = ledger.parent / "out.csv"
    export(ledger, [Output(ROWS, str(path), "csv")])
    whole = path.read_bytes()
    command = [sys.executable, "-c", KILLED, ledger, path]
    for moment in range(6):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            process.stdout.readline()
            process.stdout.readline()
            time.sleep(moment / 50)  # anywhere in an export; each must do
            process.send_signal(signal.SIGKILL)
        assert sorted(path.read_bytes().splitlines()) == sorted(whole.splitlines())
