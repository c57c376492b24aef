"""`modelgates report`: a table for people, JSON for programs, and an HTML page."""

import io
import json
import subprocess
import sys
import types
from pathlib import Path

import pytest

from modelgates_client import ConfigurationError, ModelGatesError
from modelgates_client.cli.commands.report import ReportOptions, report as run_report
from modelgates_client.cli.messages import Messages
from modelgates_client.cli.statuses import Status

from ..reports.sample_ledgers import make_ledger, record


class Terminal(io.StringIO):
    """A stream whose `isatty` is true."""

    encoding = "utf-8"

    def isatty(self):
        return True


@pytest.fixture
def ledger(tmp_path):
    """A ledger of some records and two ids without one."""
    return make_ledger(
        tmp_path / "spend.db",
        record(1, model="a/b", total_cost=0.1, external_user="u"),
        record(2, model="a/b", total_cost=0.2, is_byok=True, upstream_inference_cost=1),
        record(3, model="\x1b[2J", total_cost=None),
        record(4, model="old", total_cost=9, created_at="2026-10-01T00:00:00Z"),
        pending=1,
        failed=1,
    )


@pytest.fixture
def report(capsys):
    """Return a function that runs the command and returns its exit status and stdout."""

    def run(*sources, **options):
        status = run_report(ReportOptions(sources=sources, **options), Messages())
        return status, capsys.readouterr().out

    return run


@pytest.fixture
def page(monkeypatch):
    """Replace the page by one line of text; its drawing has separate tests."""
    module = types.ModuleType("page")
    module.render = lambda figures: f"{figures.total.records} records\n"
    monkeypatch.setitem(sys.modules, "modelgates_client.reports.page", module)
    return module


def group_totals(printed):
    """Return the number of records and the cost of each group by its key."""
    document = json.loads(printed)["groups"]
    return {tuple(g["key"]): (g["records"], g["all_in_usd"]["known"]) for g in document}


def test_a_pipe_gets_json(report, ledger):
    """Grouped by model by default; amounts are exact, and own keys are counted once."""
    status, printed = report(ledger)

    assert status == Status.OK
    assert group_totals(printed) == {
        ("old",): (1, "9"),
        ("a/b",): (2, "1.3"),
        ("\x1b[2J",): (1, "0"),
    }
    document = json.loads(printed)
    assert document["source"] == ledger
    assert document["total"]["charged_usd"] == {"known": "9.3", "unknown": 1}
    assert document["unresolved"]["pending"] == document["unresolved"]["failed"] == 1


def test_groups_and_periods_can_be_chosen(report, ledger):
    """Several names, with commas or repeated options; in a period, in a time zone."""
    options = {"since": "2026-11-01", "timezone": "Europe/Berlin"}
    _, printed = report(ledger, by=("user,day", "byok"), **options)

    assert group_totals(printed) == {
        ("u", "2026-11-02", "no"): (1, "0.1"),
        (None, "2026-11-02", "yes"): (1, "1.2"),
        (None, "2026-11-02", "no"): (1, "0"),
    }
    assert json.loads(printed)["since"] == "2026-11-01T00:00:00+01:00"
    assert json.loads(printed)["timezone"] == "Europe/Berlin"


def test_a_limit_combines_the_remaining_groups(report, ledger):
    """No cost is left out."""
    _, printed = report(ledger, limit=1)

    assert group_totals(printed) == {("old",): (1, "9")}
    assert json.loads(printed)["rest"]["all_in_usd"] == {"known": "1.3", "unknown": 1}
    assert json.loads(printed)["groups_left_out"] == 2


def test_a_terminal_gets_a_table(report, ledger, monkeypatch):
    """No name in it controls the terminal; the number of unknown amounts is next to the sum."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    status, _ = report(ledger)

    assert status == Status.OK
    table = terminal.getvalue()
    assert "$9.30 (and 1 unknown) charged" in table
    assert "2 ids without a record (1 pending, 1 failed)" in table
    assert "\x1b" not in table


def test_a_table_can_be_piped(report, ledger):
    """With an option; it has no colours."""
    _, printed = report(ledger, shown_as="table")

    assert ": all time" in " ".join(printed.split())  # the ledger's path may wrap the line
    assert "\x1b" not in printed


def test_a_page_is_written(report, ledger, page, tmp_path):
    """Completely or not at all; then a pipe gets nothing, unless a format is given."""
    name = tmp_path / "out.html"
    status, printed = report(ledger, html=str(name))

    assert status == Status.OK
    assert name.read_text() == "4 records\n"
    assert printed == ""
    assert json.loads(report(ledger, html=str(name), shown_as="json")[1])["total"]["records"] == 4


def test_a_page_cannot_replace_its_source(report, ledger, page):
    """A missing folder is an error, too, before any work is done."""
    with pytest.raises(ConfigurationError, match="it is an input"):
        report(ledger, html=ledger)
    with pytest.raises(ConfigurationError, match="directory does not exist"):
        report(ledger, html="there/is/none/out.html")


@pytest.mark.parametrize("missing", ["duckdb", "adbc_driver_sqlite"])
def test_a_missing_extra_is_named(report, ledger, monkeypatch, missing):
    """In one line that says what to install; nothing is written."""
    monkeypatch.delitem(sys.modules, "modelgates_client.exports.source", raising=False)
    monkeypatch.setitem(sys.modules, missing, None)

    with pytest.raises(ConfigurationError, match=r"pip install 'modelgates-client\[.*report\]'"):
        report(ledger, html=f"{ledger}.html")
    assert not Path(f"{ledger}.html").exists()


def test_libraries_write_nothing_to_stderr(ledger):
    """Not even when the process ends."""
    code = """if True:
        import sys
        from modelgates_client.cli.messages import Messages
        from modelgates_client.cli.commands.report import ReportOptions, report
        sys.exit(report(ReportOptions(sources=(sys.argv[1],)), Messages()))
    """
    result = subprocess.run([sys.executable, "-c", code, ledger], capture_output=True, text=True)

    assert result.stderr == ""
    assert result.returncode == 0
    assert json.loads(result.stdout)["total"]["records"] == 4


@pytest.mark.parametrize(
    "options",
    [
        {"by": ("colour",)},
        {"since": "soon"},
        {"timezone": "No/Where"},
        {"today": True, "week": True},
    ],
)
def test_wrong_options_are_refused(report, options):
    """Before anything is read."""
    with pytest.raises(ConfigurationError):
        report("there/is/none.db", **options)


@pytest.mark.parametrize("sources", [(), ("there/is/none.db",)])
def test_a_missing_ledger_is_an_error(report, sources):
    """A misspelt path must not look like a cost of zero."""
    with pytest.raises(ModelGatesError):
        report(*sources)
