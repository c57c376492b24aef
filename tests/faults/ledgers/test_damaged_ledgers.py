"""Damaged ledgers give correct results or an error in one line, never a wrong sum."""

import datetime

import pytest

from modelgates_client.exports.source import open_source
from modelgates_client.reports.building import build_report
from modelgates_client.reports.selection import needed

from .damages import damaged
from .reading import RECORDS, assert_correct_or_error, create_ledger, result_or_none

NOW = datetime.datetime(2026, 11, 30, tzinfo=datetime.UTC)


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    """The content of an intact ledger."""
    return create_ledger(tmp_path_factory.mktemp("whole") / "ledger.db")


@pytest.mark.parametrize("tens", range(12))
@pytest.mark.timeout(300)
def test_a_damaged_ledger_is_correct_or_an_error(content, tens, tmp_path):
    """For budgets, reading and writing; every operation terminates."""
    for seed in range(tens * 10, tens * 10 + 10):
        assert_correct_or_error(content, seed, tmp_path / f"{seed}.db")


@pytest.mark.parametrize("tens", range(3))
@pytest.mark.timeout(300)
def test_a_report_of_a_damaged_ledger_is_correct_or_an_error(content, tens, tmp_path):
    """Reports use another copy of SQLite."""
    for seed in range(tens * 10, tens * 10 + 10):
        path = tmp_path / f"{seed}.db"
        path.write_bytes(damaged(content, seed))
        report = result_or_none(lambda path=path: report_of(path))
        if report is not None and not report.differences:
            assert report.total.records == RECORDS
            assert report.total.charged_usd.known * 1000 == RECORDS * (RECORDS + 1) // 2
            assert report.total.native_tokens_prompt.known == RECORDS * (RECORDS - 1) // 2


def report_of(path):
    """Return the report of a ledger."""
    with open_source(str(path)) as source:
        source.define("rows", needed(["model"]))
        totals = source.control_totals()
        return build_report(source.connection, source="l", now=NOW, control_totals=totals)
