"""`modelgates reconcile`: a verdict, the differences, and an exit status for CI."""

import json

import pytest
from pytest_httpserver import HTTPServer

from modelgates_client.cli.statuses import Status
from modelgates_client.resources import activity
from modelgates_runtime import decoders
from modelgates_runtime.operation import Content, Operation
from modelgates_runtime.requests import Parameter

from ..reports.sample_ledgers import make_ledger, record
from ..reports.test_reconciliation import item
from .command_runs import invoke


@pytest.fixture
def ledger(tmp_path):
    """A ledger of a record and of an id without one."""
    return make_ledger(
        tmp_path / "costs.db",
        record(1, model="a/b", total_cost=1, upstream_inference_cost=0),
        pending=1,
    )


def run(ledger, items, *options):
    """Run the command with activity on stdin; return its exit status, stdout and stderr."""
    return invoke("reconcile", ledger, "-", *options, stdin=json.dumps({"data": items}))


def test_equal_totals_have_status_0(ledger):
    """The text has both totals and what is left out."""
    status, printed, stderr = run(ledger, [item(requests=1, usage=1)], "--format", "text")

    assert status == Status.OK
    assert printed.startswith("nothing is missing: 2026-11-02 to 2026-11-02 (UTC), 1 pair")
    assert "the account  1 request, $1.000000 charged, 10 and 4 tokens" in printed
    assert "left out: 1 id without a record" in printed
    assert stderr == ""


def test_missing_records_have_their_own_status(ledger):
    """The message says that ids without a record may explain it."""
    status, printed, stderr = run(ledger, [item()], "--format", "text")

    assert status == Status.DIFFERENT == 14
    assert printed.startswith("they differ: ")
    assert "2026-11-02 a/b: 1 missing in the ledger: 2 in the account, 1 in the ledger" in printed
    assert "1 in the ledger; $2.000000 and $1.000000" in printed
    assert "may explain what is missing" in stderr


def test_a_pipe_gets_json(ledger):
    """Exact, with every day and model."""
    status, printed, _ = run(ledger, [item(usage=2.5)])
    report = json.loads(printed)

    assert status == Status.DIFFERENT
    assert report["is_same"] is False
    assert report["lines"][0]["finding"] == "missing in the ledger"
    assert report["lines"][0]["account"]["charged_usd"] == "2.5"
    assert report["lines"][0]["key"] == ["2026-11-02", "a/b"]


def test_activity_is_fetched_if_the_spec_has_the_operation(ledger, monkeypatch):
    """With the key and the server of the other commands; without it, an error says so."""
    monkeypatch.setenv("MODELGATES_API_KEY", "sk-mg-CANARY")
    monkeypatch.setattr(activity, "OPERATIONS", {})
    assert invoke("reconcile", ledger)[0] == Status.USAGE
    assert "has no operation GET /activity" in invoke("reconcile", ledger)[2]
    known = {"200": Content(decoders.ANYTHING)}
    filters = tuple(Parameter(each, each, "query") for each in ("date", "group_by"))
    operation = Operation("get-user-activity", "GET", "/activity", known, filters)
    monkeypatch.setattr(activity, "OPERATIONS", {operation.id: operation})
    with HTTPServer(host="127.0.0.1") as server:
        server.expect_request(
            "/api/v1/activity",
            headers={"Authorization": "Bearer sk-mg-CANARY"},
            query_string="",
        ).respond_with_json({"data": [item(requests=1, usage=1)]})
        base_url = server.url_for("/api/v1")
        status, printed, _ = invoke("reconcile", ledger, "--base-url", base_url)
        server.check()
    in_clear = ("--base-url", "http://a.example/api/v1", "--allow-http", "b.example")
    refused = invoke("reconcile", ledger, *in_clear)
    assert status == Status.OK
    assert json.loads(printed)["is_same"] is True
    assert refused[0] == Status.USAGE
    assert "allow_http is 'b.example'" in refused[2]


@pytest.mark.parametrize(
    ("tolerance", "expected"),
    [
        ("0", "amounts must be exactly equal"),
        ("0.000001", "no more than a millionth (0.0001 %) of the larger"),
        ("0.010", "no more than a hundredth (1 %) of the larger"),
        ("0.025", "no more than 2.5 % of the larger"),
    ],
)
def test_the_tolerance_is_printed(ledger, tolerance, expected):
    """It is printed as a fraction and in percent."""
    options = ("--tolerance", tolerance, "--format", "text")
    printed = run(ledger, [item(requests=1, usage=1)], *options)[1]
    assert printed.endswith(f"{expected}\n")


def test_a_report_includes_the_reconciliation(ledger, tmp_path):
    """In the page, the table and the JSON."""
    (tmp_path / "activity.json").write_text(json.dumps([item(), item(date="2026-11-03")]))
    page = tmp_path / "page.html"
    arguments = ("report", ledger, "--activity", str(tmp_path / "activity.json"))
    _, printed, _ = invoke(*arguments, "--html", str(page), "--format", "json")
    assert json.loads(printed)["reconciliation"]["lines"][0]["finding"] == "missing in the ledger"
    html = page.read_text()
    assert "Is anything missing?" in html
    assert "They differ: 2026-11-02 to 2026-11-03 (UTC), 2 pairs of day and model." in html
    assert html.count('<td class="text" data-value="missing in the ledger">') == 2
    table = invoke(*arguments, "--format", "table")[1]
    assert "2026-11-02 a/b: 1 missing in the ledger: 2 in the account, 1 in the ledger" in table
    assert invoke(*arguments, ledger)[0] == Status.USAGE


def test_wrong_usage_has_status_2(ledger, tmp_path):
    """An unreadable file, or an invalid tolerance."""
    assert run(ledger, [], "--tolerance", "0.1")[0] == Status.USAGE
    assert run(ledger, [item()], "--tolerance", "2")[0] == Status.USAGE
    assert invoke("reconcile", ledger, tmp_path / "none.json")[0] == Status.USAGE
