"""A small synthetic year with all oddities, whose figures plain Python computes independently."""

import pytest
from benchmarks import reports, synthetic_year
from click.testing import CliRunner

from modelgates_client.cli.app import app

NUMBER = 1500  # ids


def run(*arguments):
    """Run the command in this process."""
    result = CliRunner().invoke(app, [*map(str, arguments)], standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return reports.Took(0, 0, 0), result.return_value, result.stdout


def test_the_synthetic_year_is_deterministic():
    """And has all oddities."""
    first, second = (list(synthetic_year.items(NUMBER)) for _ in range(2))
    assert first == second
    assert len({item.kind for item in first}) == 12
    assert len({item.generation_id for item in first}) == NUMBER


@pytest.mark.slow("a ledger of 1,500 ids is made, and read by ten commands")
def test_every_figure_equals_that_of_plain_python(tmp_path):
    """Reports by model, month and day in two zones, budgets, and reconciliation."""
    path = tmp_path / "year.db"
    reports.make(path, NUMBER)
    zones = (reports.UTC, reports.BERLIN)
    year = synthetic_year.Year(synthetic_year.items(NUMBER), zones)

    took = reports.measure(path, year, tmp_path, run)
    assert took.keys() == reports.LIMITS.keys() - {"export"}
    assert (tmp_path / "page.html").stat().st_size > 10**6


@pytest.mark.slow("it runs the command and DuckDB in processes of their own")
def test_the_report_of_an_export_equals_plain_duckdb(tmp_path):
    """Of rows that are repeated with other ids."""
    reports.make_export(tmp_path / "export.parquet", 2000, tmp_path)
    took, plain = reports.measure_export(tmp_path / "export.parquet")
    assert min(took.seconds, plain.seconds) > 0


def test_a_wrong_figure_is_reported():
    """The checks can fail."""
    year = synthetic_year.Year(synthetic_year.items(50), ())
    total = year.total
    group = {
        "records": total.records,
        "provisional": total.provisional,
        "native_tokens_prompt": {"known": total.tokens["prompt"]},
        **{
            name: {"known": str(total.known[name]), "unknown": total.unknown[name]}
            for name in ("charged_usd", "upstream_usd", "all_in_usd", "cache_saving_usd")
        },
    }
    reports.check(group, total, "all")
    group["all_in_usd"] = {"known": "1", "unknown": 0}
    with pytest.raises(AssertionError, match="all: "):
        reports.check(group, total, "all")
