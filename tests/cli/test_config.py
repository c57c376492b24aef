"""The configuration file: defaults of options, and budgets; no setting redirects the key."""

import json
import re
from pathlib import Path

import pytest

from modelgates_client import ConfigurationError
from modelgates_client.cli.app import app
from modelgates_client.cli.config import BUDGETS, COMMON, find, read
from modelgates_client.cli.statuses import Status
from modelgates_client.ledger import Ledger
from modelgates_client.reports.budgets import KEYS

from ..reports.sample_ledgers import make_ledger, record
from ..rows.sample_records import label
from .command_runs import invoke

DOCS = Path(__file__).parents[2] / "docs" / "configuration.md"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, which contains a ledger."""
    make_ledger(tmp_path / "costs.db", record(1, total_cost=4, model="a/b"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments):
    """Run the command; return its exit status and stdout."""
    return invoke(*arguments)[:2]


def config(text):
    """Return the parsed configuration of a text."""
    path = Path("modelgates.toml")
    path.write_text(text)
    return read(path, app, "report")


def test_a_file_sets_defaults_of_options(folder):
    """Keys are long option names, in a table for one command or at the top level for all."""
    Path("modelgates.toml").write_text(
        'tz = "Europe/Berlin"\nledger = "costs.db"\n[report]\nby = ["day"]\nformat = "json"\n'
    )
    status, printed = run("report")
    report = json.loads(printed)

    assert status == Status.OK
    assert (report["by"], report["timezone"], report["source"]) == (
        ["day"],
        "Europe/Berlin",
        "costs.db",
    )
    assert json.loads(run("report", "--by", "model")[1])["by"] == ["model"]


def test_pyproject_toml_may_hold_the_configuration(folder):
    """Also in a parent folder; a separate configuration file takes precedence."""
    Path("pyproject.toml").write_text('[tool.modelgates.report]\nby = ["user"]\n')
    below = folder / "a" / "b"
    below.mkdir(parents=True)

    assert find(below) == folder / "pyproject.toml"
    Path("modelgates.toml").write_text("")
    assert find(below) == folder / "modelgates.toml"
    assert find(folder.parent) is None


def test_config_names_a_file(folder):
    """Its defaults apply; a file that does not exist is an error."""
    Path("other.toml").write_text('[report]\nby = ["app"]\n')
    printed = run("--config", "other.toml", "report", "--format", "json", "costs.db")[1]

    assert json.loads(printed)["by"] == ["app"]
    with pytest.raises(ConfigurationError, match=r"none\.toml: No such file"):
        run("--config", "none.toml", "report", "costs.db")


def test_all_budgets_are_checked(folder):
    """The worst verdict counts; each budget is a row of the table, or an object of the JSON."""
    Path("modelgates.toml").write_text(
        'ledger = "costs.db"\n[budgets.a]\nmax-usd = 5\nperiod = "9999w"\n'
        '[budgets.b]\nmax-usd = 3\nperiod = "9999w"\nbasis = "charged"\n'
    )
    status, printed = run("budget", "--all")
    assert status == Status.OVER_BUDGET
    first, second = (line.split() for line in printed.splitlines()[1:3])
    assert first == ["a", "all", "$4.00", "$5.00", "80%", "9999w", "over", "80%", "$0.00", "-"]
    assert second == ["b", "all", "$4.00", "$3.00", "133%", "9999w", "over", "$0.00", "-"]

    report = json.loads(run("budget", "--all", "--format", "json")[1])["budgets"]
    assert [(each["name"], each["verdict"], float(each["known_usd"])) for each in report] == [
        ("a", "within", 4),
        ("b", "over", 4),
    ]


def test_amounts_are_aligned_at_the_point(folder):
    """Small amounts have more decimals than large ones."""
    Path("modelgates.toml").write_text(
        '[budgets.a]\nmax-usd = 5000\nperiod = "9999w"\n'
        '[budgets.b]\nmax-usd = 0.0123\nperiod = "day"\n'
    )
    rows = run("budget", "--all", "costs.db")[1].splitlines()[1:3]

    assert rows[0].startswith("a       all  $4.00    $5,000.00  ")
    assert rows[1].startswith("b       all  $0.0000      $0.0123  ")


def test_budgets_of_an_export_equal_those_of_its_ledger(folder):
    """Each verdict is the same."""
    Path("modelgates.toml").write_text(
        '[budgets.a]\nmax-usd = 5\nperiod = "9999w"\neach = "model"\n'
    )
    run("export", "costs.db", "--to", "costs.parquet")

    results = [run("budget", "--all", name) for name in ("costs.db", "costs.parquet")]
    assert [status for status, _ in results] == [Status.NEAR_BUDGET] * 2
    assert all("a       model a/b  $4.00  $5.00   80%" in table for _, table in results)
    assert results[0] == results[1]


def test_notes_on_left_out_records_are_below_the_table(folder):
    """Once for all budgets with the same note; labels are read from either source."""
    with Ledger("costs.db") as ledger:
        ledger.enqueue(["gen-1800000000-x"])
    label("costs.db", {"gen-1": {"team": "red"}, "gen-1800000000-x": {"team": "blue"}})
    Path("modelgates.toml").write_text(
        '[budgets.a]\nmax-usd = 50\nperiod = "9999w"\neach = "label:team"\n'
        '[budgets.b]\nmax-usd = 50\nperiod = "9999w"\nwhere = { "label:team" = "red" }\n'
    )
    run("export", "costs.db", "--to", "costs.parquet")
    for name in ("costs.db", "costs.parquet"):
        status, printed = run("budget", "--all", name)
        assert status == Status.UNDECIDED
        assert printed.splitlines()[-1].startswith(
            "left out or not settled in a (blue): 1 id without a record"
        )
        verdicts = [line.split()[7] for line in printed.splitlines()[1:4]]
        assert verdicts == ["within", "undecided", "within"]


@pytest.mark.parametrize(
    ("limit", "status"), [("5", Status.NEAR_BUDGET), ("40", Status.OK), ("3", Status.OVER_BUDGET)]
)
def test_each_verdict_has_its_exit_status(folder, limit, status):
    """A budget that is nearly reached has one, too."""
    text = f'[budgets.a]\nmax-usd = {limit}\nperiod = "9999w"\n'
    Path("modelgates.toml").write_text(text)

    assert run("budget", "--all", "costs.db")[0] == status


def test_all_without_any_budget_is_an_error(folder):
    """The message says what is missing."""
    assert run("budget", "--all", "costs.db")[0] == Status.USAGE
    assert run("budget", "costs.db")[0] == Status.USAGE
    Path("modelgates.toml").write_text("[budgets.a]\nmax-usd = 5\n")
    assert run("budget", "--all", "--max-usd", "5", "costs.db")[0] == Status.USAGE
    assert run("budget", "--all", "--today", "costs.db")[0] == Status.USAGE


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tzz = 1", "unknown key 'tzz'"),
        ("[report]\nlimits = 1", "[report]: unknown key 'limits'"),
        ('[report]\nlimit = "x"', "limit: 'x' is not a valid integer range"),
        ('[report]\nsort = "best"', "sort: 'best' is not one of"),
        ("[report]\nexact = 1", "exact: expected true or false"),
        ("[report]\nby = [[1]]", "by: expected a string or a number"),
        ("report = 1", "report: expected a table"),
        ("tz = 1", "tz: expected a string"),
        ("[budgets.a]", "budgets.a: max-usd is missing"),
        ("[budgets.a", "Expected ']'"),
        ('[fetch]\nbase-url = "https://elsewhere.example"', "unknown key 'base-url'"),
        ('[get]\nkey-file = "k"', "unknown key 'key-file'"),
        ('[fetch]\nproxy = "http://elsewhere.example"', "unknown key 'proxy'"),
        ('[get]\nca-bundle = "x"', "unknown key 'ca-bundle'"),
    ],
)
def test_an_unknown_key_is_refused_by_name(folder, text, message):
    """The error names the file; no key redirects requests."""
    with pytest.raises(ConfigurationError, match=r"^modelgates\.toml") as caught:
        config(text)
    assert message in str(caught.value)


def test_every_key_of_all_commands_and_of_budgets_is_documented():
    """No other key is; the keys of a command are on the page that is generated from its help."""
    text = DOCS.read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([a-z-]+)` \|", text, re.MULTILINE)) == set(KEYS)
    assert all(re.search(rf"^\[?{name}", text, re.MULTILINE) for name in (*COMMON, BUDGETS))
