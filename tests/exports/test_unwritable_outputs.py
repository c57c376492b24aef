"""Places that cannot be written to are errors with a remedy."""

import tempfile

import pytest

from modelgates_client import ConfigurationError
from modelgates_client.exports.duckdb_session import open_confined
from modelgates_client.exports.errors import SourceError
from modelgates_client.exports.tables import ROWS
from modelgates_client.exports.writing import Output, export
from modelgates_client.ledger import Ledger


def test_a_missing_temporary_folder_is_an_error(monkeypatch):
    """As on a read-only disk."""

    def gettempdir():
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", gettempdir)
    with (
        pytest.raises(ConfigurationError, match=r"No usable temporary directory .* TMPDIR"),
        open_confined("a", ()),
    ):
        pass


def test_a_duckdb_file_name_with_a_question_mark_is_refused(tmp_path):
    """DuckDB reads the rest as options; other formats accept it."""
    ledger = str(tmp_path / "a.db")
    Ledger(ledger).close()
    with pytest.raises(SourceError, match="without it"):
        export((ledger,), [Output(ROWS, str(tmp_path / "o?x.duckdb"), "duckdb")])
    export((ledger,), [Output(ROWS, str(tmp_path / "o?x.parquet"), "parquet")])
    assert [each.name for each in tmp_path.iterdir() if "o" in each.name] == ["o?x.parquet"]
