"""Labels of the application in reports, budgets and exports."""

import datetime
from decimal import Decimal

import duckdb
import pytest

from modelgates_client import ConfigurationError
from modelgates_client.exports.focus import charges
from modelgates_client.exports.source import open_rows
from modelgates_client.exports.tables import ROWS
from modelgates_client.exports.writing import Output, export
from modelgates_client.reports.building import build_report
from modelgates_client.reports.periods import Period
from modelgates_client.reports.reading import OF_ROWS, OpenRows
from modelgates_client.reports.selection import check_by, needed, read_where
from modelgates_client.reports.spending import spending

from ..rows.sample_records import FULL, label, ledger_of, pending, resolved
from .sample_ledgers import spending_of_ledger

ALL = Period(None, None, "UTC")
NOW = datetime.datetime(2026, 11, 2, tzinfo=datetime.UTC)
LABELS = {
    "gen-1": {"feature": "search", "tenant": "acme"},
    "gen-2": {"feature": "search", "tenant": 'it\'s "other"'},
    "gen-3": {"feature": "chat", "a.b-c": "x"},
    "gen-5": {"feature": "search"},
}


@pytest.fixture
def path(tmp_path):
    """Return a ledger of records and ids without a record, most of them labelled."""
    outcomes = [
        resolved(f"gen-{number}", **{**FULL, "is_byok": False, "total_cost": number / 8})
        for number in range(1, 5)
    ]
    path = ledger_of(tmp_path / "ledger.db", *outcomes, pending("gen-5"), pending("gen-6"))
    label(path, LABELS)
    return path


def report(path, by, where=()):
    by = check_by(by)
    with open_rows(path, needed(by)) as connection:
        return build_report(connection, source="s", by=by, now=NOW, where=read_where(where))


def test_records_can_be_grouped_by_a_label(path):
    """Records without the label are a group of their own."""
    result = report(path, ["label:feature"])
    costs = {group.key: group.charged_usd.known for group in result.groups}
    assert costs == {
        ("search",): Decimal("0.375"),
        ("chat",): Decimal("0.375"),
        (None,): Decimal("0.5"),
    }
    assert result.total.charged_usd.known == Decimal("1.25")
    assert report(path, ["label:a.b-c"]).groups[0].key == (None,)


def test_a_report_can_be_limited_to_labels(path):
    """Also its ids without a record; the control totals of all rows show no difference."""
    result = report(path, ["label:tenant"], ["label:feature=search"])
    assert result.total.charged_usd.known == Decimal("0.375")
    assert result.unresolved.pending == 1
    assert report(path, ["model"]).unresolved.pending == 2
    quoted = report(path, ["model"], ['label:tenant=it\'s "other"'])
    assert quoted.total.charged_usd.known == Decimal("0.25")
    assert report(path, ["model"], ["label:tenant=nobody"]).total.records == 0


def test_spending_can_be_limited_to_labels(path, tmp_path):
    """In a ledger and in its export."""
    out = str(tmp_path / "out.parquet")
    export(path, [Output(ROWS, out, "parquet")])
    for where, known, pending_ids in (
        ({}, "1.25", 2),
        ({"feature": "search"}, "0.375", 1),
        ({"feature": "search", "tenant": 'it\'s "other"'}, "0.25", 0),
        ({"a.b-c": "x"}, "0.375", 0),
    ):
        spent = spending_of_ledger(str(path), ALL, "charged", where)
        assert (spent.known_usd, spent.pending) == (Decimal(known), pending_ids)
        assert spent.differences == ()
        with open_rows(out) as connection:
            assert spending(
                OpenRows(connection, OF_ROWS), ALL, "charged", where
            ).known_usd == Decimal(known)


def test_an_export_can_be_limited_to_labels(path, tmp_path):
    """Its rows and its counts."""
    out = str(tmp_path / "out.parquet")
    counts = export(path, [Output(ROWS, out, "parquet")], where={"feature": "search"})
    assert (counts.records, counts.unresolved) == (2, 1)
    result = duckdb.sql(f"SELECT generation_id, labels FROM '{out}' ORDER BY 1").fetchall()
    assert dict(result) == {key: LABELS[key] for key in ("gen-1", "gen-2", "gen-5")}


def test_charges_have_labels_as_tags(path, tmp_path):
    """The tags of FOCUS; computed tags take precedence over labels of the same name."""
    label(path, {"gen-4": {"user": "mine"}})
    out = str(tmp_path / "out.parquet")
    export(path, [Output(charges(), out, "parquet")])
    query = f"SELECT x_GenerationId, Tags->>'feature', Tags->>'user' FROM '{out}' ORDER BY 1"
    features = {key: feature for key, feature, _ in duckdb.sql(query).fetchall()}
    assert features == {"gen-1": "search", "gen-2": "search", "gen-3": "chat", "gen-4": None}


@pytest.mark.parametrize(
    "where",
    ["feature=search", "label:feature", "label:=x", "label:a b=x", "model=x", "label:\"';--=x", ""],
)
def test_where_requires_a_label_and_its_value(where):
    """Other forms are refused."""
    with pytest.raises(ConfigurationError, match="--where"):
        read_where([where])


def test_where_may_be_repeated():
    """All labels must match; a value may contain any character."""
    assert read_where(["label:a=b=c", "label:d=", "label:a=b=c"]) == {"a": "b=c", "d": ""}
    with pytest.raises(ConfigurationError, match="only one value"):
        read_where(["label:a=b", "label:a=c"])


@pytest.mark.parametrize("by", ["label:", "label:a b", 'label:"', "label:a]", "feature"])
def test_only_valid_names_of_labels_can_be_grouped_by(by):
    """They become part of a query."""
    with pytest.raises(ConfigurationError, match="label:NAME"):
        check_by([by])
