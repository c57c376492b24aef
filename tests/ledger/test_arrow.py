"""Rows as Arrow: exact amounts, aware times, null for unknown; in pandas, Polars and DuckDB."""

import datetime
import sqlite3
from decimal import Decimal

import duckdb
import pandas
import polars
import pyarrow
import pytest

from modelgates_client import ConfigurationError
from modelgates_client.ledger import Ledger, LedgerError
from modelgates_client.ledger.capture_file import CaptureFile
from modelgates_client.rows.columns import ALL_COLUMNS

from .sample_outcomes import pending, resolved

ATTEMPT = {"provider_name": "Azure", "status": 200, "latency": 1.5}


@pytest.fixture
def filled(path):
    """A ledger with two records, one of them with few fields, and an id without a record."""
    CaptureFile(path).append("gen-1", {"feature": "search"})
    with Ledger(path) as ledger:
        ledger.add(
            [
                resolved(
                    "gen-1",
                    total_cost=3.452e-05,
                    is_byok=True,
                    upstream_inference_cost=0.1,
                    created_at="2026-11-02T10:00:00+01:00",
                    provider_responses=[ATTEMPT],
                    latency=7,
                ),
                resolved("gen-2", total_cost="free", is_byok=None, latency=None, model=7),
                pending("gen-3"),
            ]
        )
        yield ledger


def test_there_is_one_row_for_each_id_with_all_columns(filled):
    """The columns are those of exports."""
    rows = filled.rows()
    assert rows.column_names == [column.name for column in ALL_COLUMNS]
    assert rows["generation_id"].to_pylist() == ["gen-1", "gen-2", "gen-3"]


def test_values_have_the_types_of_their_columns(filled):
    """Exact amounts, aware times, lists, labels."""
    (first, *_) = filled.rows().to_pylist()
    assert first["charged_usd"] == Decimal("0.00003452")
    assert first["all_in_usd"] == Decimal("0.10003452")
    utc = first["created_at"]
    assert utc == datetime.datetime(2026, 11, 2, 9, tzinfo=datetime.UTC)
    assert utc.utcoffset() == datetime.timedelta(0)
    assert first["is_byok"] is True
    assert first["latency_ms"] == 7.0
    assert first["attempts"] == [{"provider": "Azure", "status": 200, "latency_ms": 1.5}]
    assert first["labels"] == [("feature", "search")]


def test_unknown_values_are_null(filled):
    """Never 0 or an empty string."""
    _, little, none = filled.rows(
        ["charged_usd", "all_in_usd", "latency_ms", "model", "unreadable", "state"]
    ).to_pylist()
    assert little["charged_usd"] is little["all_in_usd"] is little["latency_ms"] is None
    assert little["model"] is None
    assert {"charged_usd", "model"} <= set(little["unreadable"])
    assert none["state"] == "pending"
    assert none["charged_usd"] is None


def test_pandas_polars_and_duckdb_read_rows_in_one_line(filled):
    """No digit and no time zone is lost."""
    names, total = ["created_at", "charged_usd"], Decimal("0.00003452")
    frame = filled.rows(names).to_pandas(types_mapper=pandas.ArrowDtype)
    assert frame["charged_usd"].sum() == total
    assert str(frame["created_at"].dt.tz) == "UTC"
    frame = polars.from_arrow(filled.rows(names))
    assert frame["charged_usd"].sum() == total
    assert frame.schema["created_at"] == polars.Datetime("us", "UTC")
    relation = duckdb.from_arrow(filled.rows(names))
    assert relation.sum("charged_usd").fetchall() == [(total,)]
    assert [str(each) for each in relation.types] == ["TIMESTAMP WITH TIME ZONE", "DECIMAL(38,24)"]
    assert len(polars.from_arrow(filled.rows())) == len(filled.rows().to_pandas()) == 3


def test_columns_can_be_selected_by_name(filled):
    """An unknown name is an error that contains it."""
    assert filled.rows(["state", "generation_id"]).column_names == ["state", "generation_id"]
    with pytest.raises(
        ConfigurationError, match="no column 'cost'; expected one of generation_id, state"
    ):
        filled.rows(["cost"])


def test_an_empty_ledger_has_no_rows_but_typed_columns(ledger):
    """The columns are the same as those of other ledgers."""
    assert ledger.rows().num_rows == 0
    assert ledger.rows().schema.field("all_in_usd").type == pyarrow.decimal128(38, 24)


def test_a_value_of_the_wrong_type_is_damage(path, filled):
    """The ledger may come from a stranger."""
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE record_rows SET charged_usd = 'free'")
    connection.close()
    with pytest.raises(LedgerError, match="charged_usd"):
        filled.rows()


def test_a_missing_extra_is_named_in_the_error(ledger, monkeypatch):
    """The error is one line."""
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'modelgates-client\[arrow\]'"):
        ledger.rows()
