"""Ledgers that storage has damaged: right, or an error in one line; no other sum without a word."""

import datetime

import pytest

from modelgates_client.exports.source import open_source
from modelgates_client.reports.building import build_report
from modelgates_client.reports.selection import needed

from .damages import damaged
from .reading import RECORDS, assert_right_or_told, make, told

NOW = datetime.datetime(2026, 11, 30, tzinfo=datetime.UTC)


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    """The content of a whole ledger."""
    return make(tmp_path_factory.mktemp("whole") / "ledger.db")


@pytest.mark.parametrize("tens", range(12))
@pytest.mark.timeout(300)
def test_a_damaged_ledger_is_right_or_told(content, tens, tmp_path):
    """For a budget, for whoever reads it, for whoever adds to it; and it ends."""
    for seed in range(tens * 10, tens * 10 + 10):
        assert_right_or_told(content, seed, tmp_path / f"{seed}.db")


@pytest.mark.parametrize("tens", range(3))
@pytest.mark.timeout(300)
def test_a_report_of_a_damaged_ledger_is_right_or_told(content, tens, tmp_path):
    """DuckDB reads it by another SQLite."""
    for seed in range(tens * 10, tens * 10 + 10):
        path = tmp_path / f"{seed}.db"
        path.write_bytes(damaged(content, seed))
        report = told(lambda path=path: report_of(path))
        if report is not None and not report.differences:
            assert report.total.records == RECORDS
            assert report.total.charged_usd.known * 1000 == RECORDS * (RECORDS + 1) // 2
            assert report.total.tokens_prompt.known == RECORDS * (RECORDS - 1) // 2


def report_of(path):
    """Return the report of a ledger."""
    with open_source(str(path)) as source:
        source.define("rows", needed(["model"]))
        kept = source.control_totals()
        return build_report(source.connection, source="l", now=NOW, control_totals=kept)
