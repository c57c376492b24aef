"""Ledgers and Parquet files as a typed view of one snapshot, with one row for each id."""

import os
import shutil
import sqlite3
import subprocess
import sys
from decimal import Decimal

import duckdb
import pytest

from modelgates_client import ConfigurationError
from modelgates_client.exports.errors import SourceError
from modelgates_client.exports.source import open_rows
from modelgates_client.exports.tables import ROWS
from modelgates_client.exports.writing import Output, export
from modelgates_client.ledger import Ledger, LedgerError
from modelgates_client.rows.columns import ALL_COLUMNS

from ..rows.sample_records import (
    FULL,
    failed,
    ledger_of,
    pending,
    resolved,
    rows_of,
    various,
)

EPOCH_US = {column.name for column in ALL_COLUMNS if column.kind == "time"}


def read(connection):
    """Return the rows by id, with times in microseconds."""
    names = [f'epoch_us("{c.name}")' if c.kind == "time" else f'"{c.name}"' for c in ALL_COLUMNS]
    result = connection.execute(f"SELECT {', '.join(names)} FROM rows").fetchall()
    return {row[0]: dict(zip((c.name for c in ALL_COLUMNS), row, strict=True)) for row in result}


def states(*paths):
    """Return the state and the model of each id."""
    with open_rows(paths) as connection:
        result = connection.execute("SELECT generation_id, state, model FROM rows").fetchall()
    assert len({row[0] for row in result}) == len(result)
    return {row[0]: row[1:] for row in result}


def write_parquet(path, query):
    """Write the result of a query by DuckDB; return the path."""
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
    return path


@pytest.fixture
def ledger(tmp_path):
    """A ledger with ids of every kind."""
    return ledger_of(tmp_path / "ledger.db", *various(), ids=["gen-new"])


def test_the_view_equals_the_ledger_cell_by_cell(ledger):
    """Hostile text, NULLs, amounts and times, with the types of the columns."""
    expected = rows_of(ledger)
    with open_rows(ledger) as connection:
        described = connection.execute("DESCRIBE rows").fetchall()
        result = read(connection)
    assert [row[:2] for row in described] == [(column.name, column.type) for column in ALL_COLUMNS]
    assert result.keys() == expected.keys()
    for generation_id, row in expected.items():
        for name in EPOCH_US:
            moment = row[name]
            row[name] = None if moment is None else sqlite_us(ledger, generation_id, name)
        assert result[generation_id] == row


def sqlite_us(path, generation_id, name):
    """Return a time as SQLite stores it."""
    connection = sqlite3.connect(path)
    query = f'SELECT "{name}" FROM rows WHERE generation_id = ?'
    (result,) = connection.execute(query, [generation_id]).fetchone()
    connection.close()
    return result


def test_a_column_that_starts_with_many_nulls_has_its_type(tmp_path):
    """Types are not derived from the first thousand rows."""
    ids = [f"gen-{number}" for number in range(3000)]
    path = ledger_of(tmp_path / "ledger.db", resolved("gen-full", **FULL), ids=ids)
    with open_rows(path) as connection:
        (row,) = connection.execute(
            "SELECT count(*), sum(charged_usd), max(model), max(latency_ms) FROM rows"
        ).fetchall()
    assert row == (3001, Decimal("0.00003452"), "vendor/model", 1016.5)


def test_columns_can_be_selected(ledger):
    """An unknown name is ignored; a report treats it as unknown."""
    with open_rows(ledger, ["model", "charged_usd", "no_such_column"]) as connection:
        described = connection.execute("DESCRIBE rows").fetchall()
        (count,) = connection.execute("SELECT count(*) FROM rows").fetchone()
    assert [row[0] for row in described] == ["charged_usd", "model"]
    assert count == len(rows_of(ledger))


def test_all_queries_see_one_snapshot_while_another_process_writes(ledger, tmp_path):
    """The second query does not see rows added in between either."""
    writes = (
        "import sys; sys.path.insert(0, sys.argv[2])\n"
        "from modelgates_client.ledger import Ledger\n"
        "with Ledger(sys.argv[1]) as ledger: print(ledger.enqueue(['gen-later']))\n"
    )
    with open_rows(ledger) as connection:
        before = connection.execute("SELECT count(*) FROM rows").fetchone()
        done = subprocess.run(
            [sys.executable, "-c", writes, ledger, "."], capture_output=True, text=True, timeout=60
        )
        after = connection.execute("SELECT count(*) FROM rows").fetchone()
    assert (done.stdout, done.stderr) == ("1\n", "")
    assert before == after
    assert "gen-later" in states(ledger)


def test_a_ledger_that_this_process_has_open_is_refused(ledger):
    """Two copies of SQLite in one process would drop each other's locks."""
    with Ledger(ledger), pytest.raises(LedgerError, match="close it first"), open_rows(ledger):
        pass
    assert states(ledger)


def test_a_ledger_in_a_read_only_folder_can_be_read(ledger, tmp_path):
    """SQLite's own files cannot be created there."""
    folder = tmp_path / "archive"
    folder.mkdir()
    shutil.copy(ledger, folder / "ledger.db")
    (folder / "ledger.db").chmod(0o444)
    folder.chmod(0o555)
    program = (
        "import sys\nfrom modelgates_client.exports.source import open_rows\n"
        "with open_rows(sys.argv[1]) as connection:\n"
        "    print(*connection.execute('SELECT count(*) FROM rows').fetchone())"
    )
    command = [sys.executable, "-c", program, folder / "ledger.db"]
    if os.geteuid() == 0:
        setpriv = shutil.which("setpriv")
        assert setpriv, "root needs setpriv, of util-linux, to try what others may not do"
        command = [setpriv, "--bounding-set=-dac_override,-dac_read_search", *command]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    folder.chmod(0o755)
    assert (done.stdout.strip(), done.stderr) == (str(len(rows_of(ledger))), "")


def test_the_best_and_latest_row_of_an_id_is_used(tmp_path):
    """Final before provisional before no record; then the one obtained last, in any file."""
    first = ledger_of(
        tmp_path / "first.db",
        resolved("gen-a", **{**FULL, "model": "old"}),
        resolved("gen-b", **{**FULL, "model": "final"}),
        resolved("gen-c", model="open", created_at="2026-01-01T00:00:00Z"),
        pending("gen-d"),
        failed("gen-e"),
        now=100.0,
    )
    second = ledger_of(
        tmp_path / "second.db",
        resolved("gen-a", **{**FULL, "model": "new"}),
        resolved("gen-b", model="later, but open"),
        pending("gen-c"),
        failed("gen-d"),
        ids=["gen-e"],
        now=200.0,
    )
    expected = {
        "gen-a": ("final", "new"),
        "gen-b": ("final", "final"),
        "gen-c": ("provisional", "open"),
        "gen-d": ("failed", None),
        "gen-e": ("failed", None),
    }
    assert states(first, second) == states(second, first) == expected

    exported = [str(tmp_path / f"{path.stem}.parquet") for path in (first, second)]
    for path, target in zip((first, second), exported, strict=True):
        export(path, [Output(ROWS, target, "parquet")])
    assert states(*exported) == expected
    assert states(first, exported[1]) == expected
    assert states(str(tmp_path / "*.parquet")) == expected
    assert states(tmp_path) == expected


def test_columns_that_a_file_lacks_are_null(tmp_path):
    """Columns that this version does not know are left out."""
    path = write_parquet(
        tmp_path / "old.parquet", "SELECT 'a' AS generation_id, 'final' AS state, 1 AS gone"
    )
    with open_rows(path) as connection:
        (row,) = connection.execute("SELECT * FROM rows").fetchall()
        described = connection.execute("DESCRIBE rows").fetchall()
    assert [result[:2] for result in described] == [(c.name, c.type) for c in ALL_COLUMNS]
    assert [value for value in row if value is not None] == ["a", "final"]


def test_names_of_files_are_not_interpreted(tmp_path):
    """Not as SQL, as patterns if such a file exists, or as partitions."""
    folder = tmp_path / "model=x"
    folder.mkdir()
    path = folder / "it's [a]*?.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            "COPY (SELECT 'a' AS generation_id, 'final' AS state, 'm' AS model) TO "
            f"'{str(path).replace(chr(39), chr(39) * 2)}' (FORMAT parquet)"
        )
    assert states(path) == {"a": ("final", "m")}


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT 1 AS BilledCost", "has no rows of generations"),
        ("SELECT 'a' AS generation_id, 'odd' AS state", "with an invalid state: 1"),
        ("SELECT NULL::VARCHAR AS generation_id, 'final' AS state", "with an invalid state: 1"),
        ("SELECT 'a' AS generation_id, 'final' AS state, 0.1::DOUBLE AS usage_usd", "not exact"),
        ("SELECT 'a' AS generation_id, 'final' AS state, 'x' AS attempts", "DuckDB says"),
        ("SELECT 'a' AS generation_id, 'final' AS state, 'x' AS app_id", "DuckDB says"),
    ],
)
def test_a_parquet_file_that_is_not_an_export_is_an_error(tmp_path, query, message):
    """In one line, whenever DuckDB notices it."""
    path = write_parquet(tmp_path / "other.parquet", query)
    with pytest.raises(SourceError, match=message) as caught, open_rows(path) as connection:
        connection.execute("SELECT * FROM rows").fetchall()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "empty"), (b"{}", "neither"), (b"PAR1 and nothing else", "DuckDB says")],
)
def test_a_file_of_another_kind_is_an_error(tmp_path, content, message):
    """In one line."""
    path = tmp_path / "file.parquet"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=message), open_rows(path):
        pass


def test_missing_and_unusable_sources_are_errors(tmp_path):
    """A pipe does not block; the database of another application is not a ledger."""
    connection = sqlite3.connect(tmp_path / "other.db")
    connection.execute("CREATE TABLE rows (state)")
    connection.close()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(LedgerError, match="another application"), open_rows(tmp_path / "other.db"):
        pass
    for name, message in (
        ("none", "no such file"),
        ("*.parquet", "no such file"),
        ("pipe", "regular"),
    ):
        with pytest.raises(SourceError, match=message), open_rows(tmp_path / name):
            pass
    (tmp_path / "folder").mkdir()
    with pytest.raises(SourceError, match="no Parquet file"), open_rows(tmp_path / "folder"):
        pass
    with pytest.raises(ConfigurationError, match="nothing to read"), open_rows([]):
        pass


def test_the_connection_has_no_access_to_anything_else(ledger, tmp_path):
    """No other file, network or extension; its settings are locked."""
    other = write_parquet(tmp_path / "other.parquet", "SELECT 1")
    with open_rows(ledger) as connection:
        for statement in (
            f"SELECT * FROM '{other}'",
            f"COPY (SELECT 1) TO '{tmp_path / 'x.csv'}'",
            f"ATTACH '{tmp_path / 'x.duckdb'}'",
            "SELECT * FROM 'http://127.0.0.1:9/x.parquet'",
            "INSTALL httpfs",
            "LOAD httpfs",
            "SET enable_external_access = true",
            "SET memory_limit = '1TB'",
        ):
            with pytest.raises(duckdb.Error):
                connection.execute(statement)


def test_an_invalid_amount_in_a_ledger_is_an_error(ledger):
    """Another program may have changed it."""
    connection = sqlite3.connect(ledger)
    with connection:
        connection.execute("UPDATE record_rows SET charged_usd = 'much'")
    connection.close()
    with pytest.raises(SourceError, match="DuckDB says"), open_rows(ledger) as rows:
        rows.execute("SELECT sum(charged_usd) FROM rows").fetchall()


def test_a_missing_extra_is_named_in_the_error(ledger, monkeypatch):
    """In one line."""
    for module in ("duckdb", "adbc_driver_manager"):
        with monkeypatch.context() as context:
            context.setitem(sys.modules, module, None)
            with (
                pytest.raises(ConfigurationError, match=r"pip install .*\[report\]"),
                open_rows(ledger),
            ):
                pass


def test_no_file_stays_open_and_no_folder_stays(ledger, tmp_path, monkeypatch):
    """Neither the ledger nor temporary data."""
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "tmp").mkdir()
    for _ in range(2):
        with open_rows(ledger) as connection:
            connection.execute("SELECT max(model) FROM rows").fetchone()
            assert len([*(tmp_path / "tmp").iterdir()]) == 1
    assert [*(tmp_path / "tmp").iterdir()] == []
    with Ledger(ledger) as again:
        assert again.counts().final
