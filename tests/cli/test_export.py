"""`modelgates export`: options, files and stdout, and what is said of what is left out."""

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
from modelgates_client.cli.export import ExportOptions, export
from modelgates_client.cli.messages import Messages
from modelgates_client.cli.output import UnwritableError
from modelgates_client.cli.statuses import Status
from modelgates_client.ledger import Ledger
from modelgates_client.ledger.values import decode
from modelgates_client.records.generation import GenerationResponse

from .commands import record


def resolved(generation_id, **changes):
    """Return the outcome of an id with a record."""
    body = json.dumps({"data": record(generation_id, **changes)}).encode()
    return Resolved(
        generation_id,
        Response(GenerationResponse(data=decode(body, 200, generation_id)), 200, {}, body, 1, 0.1),
    )


@pytest.fixture
def ledger(tmp_path):
    """A ledger of two records, one that says no time and no amount, and two ids without one."""
    path = tmp_path / "ledger.db"
    with Ledger(path) as made:
        made.enqueue(["gen-new"])
        made.add(
            [
                resolved("gen-1"),
                resolved("gen-2", created_at="2026-02-25T00:00:00Z", model="=1+1"),
                resolved("gen-3", created_at="then", total_cost=None),
                Failed("gen-4", NotFoundError("no such record", 404)),
            ]
        )
    return str(path)


def run(capsys, **options):
    """Run it; return its status, and what it wrote to stdout and stderr."""
    status = export(ExportOptions(**options), Messages(verbose=True))
    out, err = capsys.readouterr()
    return status, out, err


def ids(path):
    """Return the ids in a file that DuckDB reads, in their order."""
    with duckdb.connect() as connection:
        found = connection.execute(f"SELECT generation_id FROM '{path}' ORDER BY 1").fetchall()
    return [generation_id for (generation_id,) in found]


@pytest.mark.parametrize("ending", ["jsonl", "ndjson", "csv", "parquet", "JSONL"])
def test_the_ending_says_the_format(ledger, tmp_path, capsys, ending):
    """Every id is in the file, whether there is a record or not; stdout stays free."""
    path = tmp_path / f"out.{ending}"
    status, out, err = run(capsys, sources=(ledger,), to=str(path))
    assert (status, out) == (Status.OK, "")
    assert "2 rows are ids without a record" in err
    origin = f"{path}" if ending != "ndjson" else path.rename(tmp_path / "out.jsonl")
    if ending != "JSONL":
        assert ids(origin) == ["gen-1", "gen-2", "gen-3", "gen-4", "gen-new"]
    else:
        assert len([json.loads(line) for line in path.read_text().splitlines()]) == 5


def test_a_database_has_the_columns_with_their_meaning(ledger, tmp_path, capsys):
    """Comments are the documentation that stays with the file."""
    path = tmp_path / "out.duckdb"
    run(capsys, sources=(ledger,), to=str(path))
    with duckdb.connect(str(path), read_only=True) as connection:
        comments = dict(
            connection.execute("SELECT column_name, comment FROM duckdb_columns()").fetchall()
        )
    assert comments["charged_usd"] == "Total cost of the generation in USD"
    assert [each.name for each in tmp_path.glob("*out*")] == ["out.duckdb"]


def test_stdout_gets_json_lines_or_csv(ledger, capsys):
    """Whole, and only when it is whole; the format is asked for."""
    _, out, _ = run(capsys, sources=(ledger,), to="-")
    lines = [json.loads(line) for line in out.splitlines()]
    assert {line["state"] for line in lines} == {"final", "pending", "failed"}
    _, out, _ = run(capsys, sources=(ledger,), to="-", shown_as="csv")
    rows = {row["generation_id"]: row for row in csv.DictReader(io.StringIO(out, newline=""))}
    assert rows["gen-2"]["model"] == "'=1+1"
    _, out, _ = run(capsys, sources=(ledger,), to="-", shown_as="csv", raw=True)
    rows = {row["generation_id"]: row for row in csv.DictReader(io.StringIO(out, newline=""))}
    assert rows["gen-2"]["model"] == "=1+1"


def test_a_terminal_is_not_steered(tmp_path, capsys, monkeypatch):
    """Names of models come from a server."""
    path = tmp_path / "ledger.db"
    with Ledger(path) as made:
        made.add([resolved("gen-1", model="\x1b]0;owned\x07\x9b31m")])
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    for shown_as in ("csv", "jsonl"):
        _, out, _ = run(capsys, sources=(str(path),), to="-", shown_as=shown_as)
        assert not {"\x1b", "\x07", "\x9b"} & set(out)
        assert "owned" in out


def test_attempts_can_have_a_file_of_their_own(ledger, tmp_path, capsys):
    """Beside the nested column."""
    path = tmp_path / "attempts.csv"
    run(capsys, sources=(ledger,), to=str(tmp_path / "out.csv"), attempts_to=str(path))
    lines = path.read_text().splitlines()
    assert lines[0] == "generation_id,attempt,provider,status,latency_ms"
    assert min(lines[1:]) == "gen-1,1,DeepInfra,200,420.0"


def test_a_period_says_what_it_leaves_out(ledger, tmp_path, capsys):
    """Records without a time are of no period; ids without a record stay."""
    path = tmp_path / "out.parquet"
    _, _, err = run(capsys, sources=(ledger,), to=str(path), since="2026-02-25")
    assert ids(path) == ["gen-2", "gen-4", "gen-new"]
    assert "1 records without a readable time" in err


def test_charges_say_what_they_leave_out(ledger, tmp_path, capsys):
    """Nothing is charged for what is not known, and nobody takes it for 0."""
    path = tmp_path / "charges.parquet"
    _, _, err = run(
        capsys, sources=(ledger,), to=str(path), focus=True, issuer="Gate", billing_account="a"
    )
    with duckdb.connect() as connection:
        found = connection.execute(
            f"SELECT x_GenerationId, InvoiceIssuerName, BillingAccountId FROM '{path}' ORDER BY 1"
        ).fetchall()
    assert found == [("gen-1", "Gate", "a"), ("gen-2", "Gate", "a")]
    assert "2 ids without a record, 1 charges of records without an amount" in err
    assert "1 records without a readable time" in err


def test_columns_are_listed_for_people_and_for_programs(capsys, monkeypatch):
    """With types, units and meaning; of charges, too."""
    _, out, _ = run(capsys, list_columns=True)
    found = {line["name"]: line for line in map(json.loads, out.splitlines())}
    assert found["charged_usd"]["type"] == "DECIMAL(38,24)"
    assert found["latency_ms"]["unit"] == "milliseconds"
    _, out, _ = run(capsys, list_columns=True, focus=True)
    assert "BilledCost" in out
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    _, out, _ = run(capsys, list_columns=True)
    assert "charged_usd" in out
    assert not out.startswith("{")


@pytest.mark.parametrize(
    ("options", "said"),
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
def test_options_that_cannot_be_used_are_said(options, said):
    """Before anything is read or written."""
    with pytest.raises(ConfigurationError, match=said):
        export(ExportOptions(**options), Messages())


def test_what_is_read_cannot_be_written_to(ledger, tmp_path, capsys):
    """Neither the ledger, nor a file that a pattern finds, nor the other output."""
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


def test_a_source_that_is_none_is_one_line_and_a_failure(tmp_path, capsys):
    """Nothing is written then."""
    other = tmp_path / "other"
    other.write_text("{}")
    status, _, err = run(capsys, sources=(str(other),), to=str(tmp_path / "out.csv"))
    assert status == Status.FAILED
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert [each.name for each in tmp_path.iterdir()] == ["other"]


def test_what_is_no_regular_file_gets_it_whole(ledger, tmp_path, capsys):
    """A pipe, or a device that is full."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    run(capsys, sources=(ledger,), to=str(pipe), shown_as="csv")
    reader.join(60)
    assert got[0].startswith(b"generation_id,")
    with pytest.raises(UnwritableError, match="No space left"):
        run(capsys, sources=(ledger,), to="/dev/full", shown_as="csv")


def test_starting_the_command_loads_no_database():
    """What only an export needs is loaded when it begins."""
    program = (
        "import sys, modelgates_client.cli.export\n"
        "print({'duckdb', 'adbc_driver_manager', 'pandas'} & sys.modules.keys())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("set()\n", "")
