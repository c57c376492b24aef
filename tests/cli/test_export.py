"""`modelgates export`: options, files and stdout, and messages about left-out records."""

import csv
import io
import json
import os
import subprocess
import sys
import threading

import duckdb
import pytest

from modelgates_client import ConfigurationError, NotFoundError, Response
from modelgates_client.bulk.outcomes import Failed, Resolved
from modelgates_client.cli.commands.export import ExportOptions, export
from modelgates_client.cli.messages import Messages
from modelgates_client.cli.output import UnwritableError
from modelgates_client.cli.statuses import Status
from modelgates_client.ledger import Ledger, LedgerError
from modelgates_client.ledger.values import decode
from modelgates_client.records.generation import GenerationResponse

from .command_runs import record


def resolved(generation_id, **changes):
    """Return the outcome of an id with a record."""
    body = json.dumps({"data": record(generation_id, **changes)}).encode()
    return Resolved(
        generation_id,
        Response(GenerationResponse(data=decode(body, 200, generation_id)), 200, {}, body, 1, 0.1),
    )


@pytest.fixture
def ledger(tmp_path):
    """A ledger of two records, one without a time and an amount, and two ids without a record."""
    path = tmp_path / "ledger.db"
    with Ledger(path) as opened:
        opened.enqueue(["gen-new"])
        opened.add(
            [
                resolved("gen-1"),
                resolved("gen-2", created_at="2026-02-25T00:00:00Z", model="=1+1"),
                resolved("gen-3", created_at="then", total_cost=None),
                Failed("gen-4", NotFoundError("no such record", 404)),
            ]
        )
    return str(path)


def run(capsys, **options):
    """Run the command; return its exit status, stdout and stderr."""
    status = export(ExportOptions(**options), Messages(verbose=True))
    out, err = capsys.readouterr()
    return status, out, err


def ids(path):
    """Return the sorted ids of a file that DuckDB reads."""
    with duckdb.connect() as connection:
        rows = connection.execute(f"SELECT generation_id FROM '{path}' ORDER BY 1").fetchall()
    return [generation_id for (generation_id,) in rows]


@pytest.mark.parametrize("ending", ["jsonl", "ndjson", "csv", "parquet", "JSONL"])
def test_the_extension_determines_the_format(ledger, tmp_path, capsys, ending):
    """Every id is in the file, with or without a record; stdout stays empty."""
    path = tmp_path / f"out.{ending}"
    status, out, err = run(capsys, sources=(ledger,), to=str(path))
    assert (status, out) == (Status.OK, "")
    assert "2 rows are without a record: most columns are null" in err
    origin = f"{path}" if ending != "ndjson" else path.rename(tmp_path / "out.jsonl")
    if ending != "JSONL":
        assert ids(origin) == ["gen-1", "gen-2", "gen-3", "gen-4", "gen-new"]
    else:
        assert len([json.loads(line) for line in path.read_text().splitlines()]) == 5


def test_a_database_has_the_columns_and_their_descriptions(ledger, tmp_path, capsys):
    """The descriptions are comments on the columns."""
    path = tmp_path / "out.duckdb"
    run(capsys, sources=(ledger,), to=str(path))
    with duckdb.connect(str(path), read_only=True) as connection:
        comments = dict(
            connection.execute("SELECT column_name, comment FROM duckdb_columns()").fetchall()
        )
    assert comments["charged_usd"] == "Total cost of the generation in USD"
    assert [each.name for each in tmp_path.glob("*out*")] == ["out.duckdb"]


def test_stdout_gets_json_lines_or_csv(ledger, capsys):
    """Only when the export is complete; the format must be named."""
    _, out, _ = run(capsys, sources=(ledger,), to="-")
    lines = [json.loads(line) for line in out.splitlines()]
    assert {line["state"] for line in lines} == {"final", "pending", "failed"}
    _, out, _ = run(capsys, sources=(ledger,), to="-", shown_as="csv")
    rows = {row["generation_id"]: row for row in csv.DictReader(io.StringIO(out, newline=""))}
    assert rows["gen-2"]["model"] == "'=1+1"
    _, out, _ = run(capsys, sources=(ledger,), to="-", shown_as="csv", raw=True)
    rows = {row["generation_id"]: row for row in csv.DictReader(io.StringIO(out, newline=""))}
    assert rows["gen-2"]["model"] == "=1+1"


def test_names_cannot_control_the_terminal(tmp_path, capsys, monkeypatch):
    """Model names come from a server."""
    path = tmp_path / "ledger.db"
    with Ledger(path) as opened:
        opened.add([resolved("gen-1", model="\x1b]0;owned\x07\x9b31m")])
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    for shown_as in ("csv", "jsonl"):
        _, out, _ = run(capsys, sources=(str(path),), to="-", shown_as=shown_as)
        assert not {"\x1b", "\x07", "\x9b"} & set(out)
        assert "owned" in out


def test_attempts_can_be_written_to_a_separate_file(ledger, tmp_path, capsys):
    """In addition to the nested column."""
    path = tmp_path / "attempts.csv"
    run(capsys, sources=(ledger,), to=str(tmp_path / "out.csv"), attempts_to=str(path))
    lines = path.read_text().splitlines()
    assert lines[0] == "generation_id,attempt,provider,status,latency_ms"
    assert min(lines[1:]) == "gen-1,1,DeepInfra,200,420.0"


def test_a_period_reports_left_out_records(ledger, tmp_path, capsys):
    """Records without a time are in no period; ids without a record are exported."""
    path = tmp_path / "out.parquet"
    _, _, err = run(capsys, sources=(ledger,), to=str(path), since="2026-02-25")
    assert ids(path) == ["gen-2", "gen-4", "gen-new"]
    assert "1 record without a readable time" in err


def test_charges_report_left_out_records(ledger, tmp_path, capsys):
    """Unknown amounts are left out and reported, and are not charged as 0."""
    path = tmp_path / "charges.parquet"
    _, _, err = run(
        capsys, sources=(ledger,), to=str(path), focus=True, issuer="Gate", billing_account="a"
    )
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"SELECT x_GenerationId, InvoiceIssuerName, BillingAccountId FROM '{path}' ORDER BY 1"
        ).fetchall()
    assert rows == [("gen-1", "Gate", "a"), ("gen-2", "Gate", "a")]
    assert "2 ids without a record, 1 charge without an amount" in err
    assert "1 record without a readable time" in err


def test_columns_are_listed_for_people_and_for_programs(capsys, monkeypatch):
    """With types, units and descriptions, including those of charges."""
    _, out, _ = run(capsys, list_columns=True)
    rows = {line["name"]: line for line in map(json.loads, out.splitlines())}
    assert rows["charged_usd"]["type"] == "DECIMAL(38,24)"
    assert rows["latency_ms"]["unit"] == "milliseconds"
    _, out, _ = run(capsys, list_columns=True, focus=True)
    assert "BilledCost" in out
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    _, out, _ = run(capsys, list_columns=True)
    assert "charged_usd" in out
    assert not out.startswith("{")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"to": "out.csv"}, "nothing to export"),
        ({"sources": ("x",)}, "--to"),
        ({"sources": ("x",), "to": "out.xlsx", "raw": True}, "suffixes"),
        ({"sources": ("x",), "to": "-", "shown_as": "parquet", "raw": True}, "--format"),
        ({"sources": ("x",), "to": "a.jsonl", "raw": True}, "CSV"),
        ({"sources": ("x",), "to": "a.csv", "issuer": "me"}, "--focus"),
        ({"sources": ("x",), "to": "a.csv", "billing_account": "me"}, "--focus"),
        ({"sources": ("x",), "to": "a.csv", "attempts_to": "-"}, "--attempts-to"),
        ({"sources": ("x",), "to": "a.csv", "attempts_to": "b.csv", "focus": True}, "--focus"),
    ],
)
def test_invalid_options_are_named(options, message):
    """Before anything is read or written."""
    with pytest.raises(ConfigurationError, match=message):
        export(ExportOptions(**options), Messages())


def test_inputs_cannot_be_overwritten(ledger, tmp_path, capsys):
    """Inputs are the ledger, files that match a pattern, and the other output."""
    path = tmp_path / "a.parquet"
    run(capsys, sources=(ledger,), to=str(path))
    for options in (
        {"sources": (ledger,), "to": ledger, "shown_as": "csv"},
        {"sources": (str(tmp_path / "*.parquet"),), "to": str(path)},
        {"sources": (str(tmp_path),), "to": str(path)},
        {
            "sources": (ledger,),
            "to": str(tmp_path / "b.csv"),
            "attempts_to": str(tmp_path / "b.csv"),
        },
        {"sources": (ledger,), "to": str(tmp_path / "none" / "b.csv")},
        {"sources": (ledger,), "to": str(tmp_path), "shown_as": "csv"},
    ):
        before = path.read_bytes()
        with pytest.raises(ConfigurationError):
            export(ExportOptions(**options), Messages())
        assert path.read_bytes() == before


def test_an_invalid_source_fails_with_one_line(tmp_path):
    """Nothing is written then."""
    other_file = tmp_path / "other"
    other_file.write_text("{}")
    options = ExportOptions(sources=(str(other_file),), to=str(tmp_path / "out.csv"))
    with pytest.raises(LedgerError) as raised:
        export(options, Messages())
    assert "\n" not in str(raised.value)
    assert [each.name for each in tmp_path.iterdir()] == ["other"]


def test_pipes_and_devices_get_the_whole_export(ledger, tmp_path, capsys):
    """A full device is an error."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    received = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()))
    reader.start()
    run(capsys, sources=(ledger,), to=str(pipe), shown_as="csv")
    reader.join(60)
    assert received[0].startswith(b"generation_id,")
    with pytest.raises(UnwritableError, match="No space left"):
        run(capsys, sources=(ledger,), to="/dev/full", shown_as="csv")


def test_starting_the_command_loads_no_database():
    """Modules that only an export needs are loaded when it starts."""
    program = (
        "import sys, modelgates_client.cli.commands.export\n"
        "print({'duckdb', 'adbc_driver_manager', 'pandas'} & sys.modules.keys())"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )
    assert (result.stdout, result.stderr) == ("set()\n", "")
