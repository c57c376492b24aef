"""`modelgates report`: a table for people, JSON for programs, a page for both."""

import io
import json
import subprocess
import sys
import types
from pathlib import Path

import pytest

from modelgates_client import ConfigurationError, ModelGatesError
from modelgates_client.cli.messages import Messages
from modelgates_client.cli.report import ReportOptions
from modelgates_client.cli.report import report as report_on
from modelgates_client.cli.statuses import Status

from ..reports.sample_ledgers import make_ledger, record


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    encoding = "utf-8"

    def isatty(self):
        return True


@pytest.fixture
def ledger(tmp_path):
    """A ledger of some records, two ids without one."""
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
    """Run the command; return its status and what it printed."""

    def run(*sources, **options):
        status = report_on(ReportOptions(sources=sources, **options), Messages())
        return status, capsys.readouterr().out

    return run


@pytest.fixture
def page(monkeypatch):
    """Let a page be a line of text; what draws pages has tests of its own."""
    module = types.ModuleType("page")
    module.render = lambda figures: f"{figures.total.records} records\n"
    monkeypatch.setitem(sys.modules, "modelgates_client.reports.page", module)
    return module


def groups(printed):
    """Return records and cost by key."""
    found = json.loads(printed)["groups"]
    return {tuple(g["key"]): (g["records"], g["all_in_usd"]["known"]) for g in found}


def test_piped_it_is_json(report, ledger):
    """By model unless told otherwise; amounts are exact, own keys counted once."""
    status, printed = report(ledger)

    assert status == Status.OK
    assert groups(printed) == {("old",): (1, "9"), ("a/b",): (2, "1.3"), ("\x1b[2J",): (1, "0")}
    found = json.loads(printed)
    assert found["source"] == ledger
    assert found["total"]["charged_usd"] == {"known": "9.3", "unknown": 1}
    assert found["unresolved"]["pending"] == found["unresolved"]["failed"] == 1


def test_it_can_be_grouped_and_bounded(report, ledger):
    """By several, with commas or one by one; in a period, in a zone."""
    options = {"since": "2026-11-01", "timezone": "Europe/Berlin"}
    _, printed = report(ledger, by=("user,day", "byok"), **options)

    assert groups(printed) == {
        ("u", "2026-11-02", "no"): (1, "0.1"),
        (None, "2026-11-02", "yes"): (1, "1.2"),
        (None, "2026-11-02", "no"): (1, "0"),
    }
    assert json.loads(printed)["since"] == "2026-11-01T00:00:00+01:00"
    assert json.loads(printed)["timezone"] == "Europe/Berlin"


def test_a_limit_leaves_no_cost_out(report, ledger):
    """The others are taken together."""
    _, printed = report(ledger, limit=1)

    assert groups(printed) == {("old",): (1, "9")}
    assert json.loads(printed)["rest"]["all_in_usd"] == {"known": "1.3", "unknown": 1}
    assert json.loads(printed)["groups_left_out"] == 2


def test_a_terminal_has_a_table(report, ledger, monkeypatch):
    """No name in it steers the terminal; what is left out stands beside the sum."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    status, _ = report(ledger)

    assert status == Status.OK
    shown = terminal.getvalue()
    assert "$9.30 (and 1 unknown) charged" in shown
    assert "2 ids without a record (1 pending, 1 failed)" in shown
    assert "\x1b" not in shown


def test_a_table_can_be_piped(report, ledger):
    """If it is asked for; it has no colours."""
    _, printed = report(ledger, shown_as="table")

    assert ": all time" in " ".join(printed.split())  # after the ledger's path, long as it may be
    assert "\x1b" not in printed


def test_a_page_is_written(report, ledger, page, tmp_path):
    """Whole or not at all; then nothing is printed in a pipe, unless it is asked for."""
    name = tmp_path / "out.html"
    status, printed = report(ledger, html=str(name))

    assert status == Status.OK
    assert name.read_text() == "4 records\n"
    assert printed == ""
    assert json.loads(report(ledger, html=str(name), shown_as="json")[1])["total"]["records"] == 4


def test_a_page_does_not_replace_its_source(report, ledger, page):
    """Nor goes where there is no folder: that is found out before the work."""
    with pytest.raises(ConfigurationError, match="it is an input"):
        report(ledger, html=ledger)
    with pytest.raises(ConfigurationError, match="directory does not exist"):
        report(ledger, html="there/is/none/out.html")


@pytest.mark.parametrize("missing", ["duckdb", "adbc_driver_sqlite", "plotly"])
def test_a_missing_extra_is_named(report, ledger, page, monkeypatch, missing):
    """In one line that says what to install; nothing is written."""
    page.render = lambda _: __import__("plotly").__name__
    monkeypatch.delitem(sys.modules, "modelgates_client.exports.source", raising=False)
    monkeypatch.setitem(sys.modules, missing, None)

    with pytest.raises(ConfigurationError, match=r"pip install 'modelgates-client\[.*report\]'"):
        report(ledger, html=f"{ledger}.html")
    assert not Path(f"{ledger}.html").exists()


def test_stderr_is_left_to_messages(ledger):
    """No library says anything there, not even when the process ends."""
    code = """if True:
        import sys
        from modelgates_client.cli.messages import Messages
        from modelgates_client.cli.report import ReportOptions, report
        sys.exit(report(ReportOptions(sources=(sys.argv[1],)), Messages()))
    """
    done = subprocess.run([sys.executable, "-c", code, ledger], capture_output=True, text=True)

    assert done.stderr == ""
    assert done.returncode == 0
    assert json.loads(done.stdout)["total"]["records"] == 4


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
def test_without_a_ledger_there_is_no_report(report, sources):
    """A typing error must not look like no cost."""
    with pytest.raises(ModelGatesError):
        report(*sources)
