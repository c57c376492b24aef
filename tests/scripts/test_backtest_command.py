"""`nox -s backtest`: what it prints, and how it ends."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter

import pytest
from backtesting import execution, report
from backtesting.observations import Backtest, Deviation
from common.effects import Effect

from .conftest import FROZEN, ROOT, run_script

DATES = ("2026-06-23", "2026-05-13")


@pytest.fixture
def backtest(project):
    """Run the script over a copy of this project."""

    return lambda *arguments: run_script(project.root, "backtest.py", *arguments)


def test_a_clean_pair_exits_0_and_lists_drift_and_broken_places(project):
    """Matrix, places with expected and received types, records, totals; stderr is empty.

    In a process of its own, as the maintainer runs it.
    """
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/backtest.py", "--root", project.root, *DATES],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        encoding="utf-8",
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["client", "\\", "server", DATES[1]]
    assert lines[1].split() == [DATES[0], "0/0/0", "1s", "2b"]
    assert "broken: get-generation 200 /data/data_region" in lines
    assert "surfaced: get-generation 200 /data/preset_id" in lines
    assert any("expected integer or null, found number" in line for line in lines)
    record = "2026-02-cancelled-stream.json"
    assert f"real records: {record} by the client of {DATES[0]}: 7 deviation(s)" in lines
    assert any("wrong, or the record is older: /data/data_region (required by" in x for x in lines)
    assert lines[-1].startswith("0 crashes, 0 wrong values, 0 losses in ")


def test_a_fault_exits_1_and_its_body_can_be_shown(backtest, project):
    """A loss caused by a template is detected; its number selects the body to show."""
    fault = ("in self._items_to_send()}", "in self._items_to_send() if value != 2**31}")
    project.replace("overlays/modelgates_runtime/model.py", *fault)
    done = backtest(*DATES, "--combinations", "1", "--format", "json")
    assert (done.status, done.errors) == (1, "")
    found = json.loads(done.output)
    assert found["clean"] is False
    (result,) = found["results"]
    assert result["losses"]
    assert not result["crashes"]
    number = result["losses"][0].split()[1].rstrip(",")
    shown = backtest(*DATES, "--combinations", "1", "--show", number)
    assert shown.status is None
    answer, _, body = shown.output.rstrip("\n").rpartition("\n")
    assert json.loads(answer)["losses"]
    assert "2147483648" in body


def test_a_file_can_stand_for_a_version(backtest, tmp_path_factory):
    """So a new one is tried before it is vendored."""
    file = tmp_path_factory.mktemp("new") / "next.yaml"
    text = FROZEN[DATES[1]].content.decode()
    file.write_text(text.replace("        - Groq\n", "        - Groq\n        - Grok\n"))
    done = backtest(DATES[1], file, "--format", "json")
    assert done.status is None
    (result,) = json.loads(done.output)["results"]
    assert (result["client"], result["server"]) == (DATES[1], "next.yaml")
    assert [place["place"] for place in result["places"]] == [
        "/data/provider_responses/*/provider_name"
    ]
    assert [drift["found"] for drift in result["drift"]] == ["'Grok'"]


REFUSALS = {
    "one version": (DATES[:1], "give two versions, OLD and NEW"),
    "no such version": (("2026-06-23", "2026-06-24"), "known are 2026-05-13, 2026-05-24"),
    "no such body": ((*DATES, "--show", "100000"), "there is no body 100000"),
    "a body of nothing": (("--show", "1"), "--show needs OLD and NEW"),
    "no such format": (("--format", "xml"), "invalid choice: 'xml'"),
}


@pytest.mark.parametrize(("arguments", "message"), REFUSALS.values(), ids=REFUSALS)
def test_invalid_input_exits_2(backtest, arguments, message):
    """One line says why; the result is neither clean nor a fault."""
    done = backtest(*arguments)
    assert (done.status, done.output) == (2, "")
    assert message in done.errors
    assert done.errors.startswith("error: ")
    assert done.errors.count("\n") == 1


@pytest.mark.parametrize("missing", ["tests/specs/versions/SHA256SUMS", "tests/records"])
def test_a_missing_file_exits_2(backtest, project, missing):
    """The error says which file to restore."""
    path = project.root / missing
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    done = backtest(*DATES)
    assert (done.status, done.output) == (2, "")
    assert f"restore it (git checkout -- {missing})" in done.errors


def results():
    """Return a report of a pair with a finding of every kind, by a hostile server."""
    place = ("get-x", "200", "/\x1b[31m`a`")
    one = Backtest(
        "old", "new", 3, ["body 1: \x1b[2J"], [f"body {i}" for i in range(30)], ["| a |"]
    )
    one.places = {place: Effect.BROKEN, ("get-x", "503", ""): Effect.SURFACED}
    one.drift = Counter({Deviation(*place, "type", "string", "integer"): 2})
    one.uncovered = ["get-x 200 /p: `pattern` is not understood"]
    real = Backtest("old", "record.json", 1, places={place: Effect.BROKEN})
    real.drift = Counter({Deviation(*place, "missing", "string", "nothing"): 1})
    return report.BacktestReport(7, {("old", "new"): one}, {"old": {"record.json": real}})


@pytest.mark.parametrize("form", [report.text, report.markdown])
def test_text_reports_are_complete_and_escape_control_characters(form):
    """Counts, places, the first findings of each kind, uncovered places, and records."""
    written = form(results())
    assert "\x1b" not in written
    for message in (
        "1/30/1 1s 1b",
        "1 crashes, 30 wrong values, 1 losses in 3 bodies of 1 pair(s), seed 7",
        "wrong value: client old, server new: body 9",
        "… and 20 more",
        "expected string, found integer: 2 times",
        "(the whole body)",
        "`pattern` is not understood (new)",
        "required by old, not in record.json",
    ):
        assert message in written
    assert "body 10" not in written


def test_a_table_that_is_too_wide_becomes_a_line_for_each_pair():
    """Of many versions, a matrix fits no terminal."""
    versions = [f"2026-01-{day:02}" for day in range(1, 31)]
    pairs = execution.neighbours(versions, versions[-1])
    assert len(pairs) < 5 * len(versions)
    assert {(versions[3], one) for one in (*versions[2:5], versions[-1])} <= pairs
    assert not pairs & {(versions[3], versions[9]), (versions[9], versions[3])}
    found = report.BacktestReport(0, {pair: Backtest(*pair, 3) for pair in sorted(pairs)}, {})
    lines = report.text(found, 80).splitlines()
    assert max(map(len, lines[: len(pairs) + 1])) <= 80
    assert lines[0].split() == ["client", "of", "server", "of", "bodies"]
    assert lines[1].split() == [versions[0], versions[0], "0/0/0", "3"]
    assert report.text(found, 2000).splitlines()[0].split()[:2] == ["client", "\\"]


def test_cells_stand_below_the_server_that_they_are_for():
    """Also if the pairs come in another order, as those of neighbouring versions do."""
    pairs = {("a", "a"): 1, ("a", "c"): 3, ("b", "b"): 2}
    listed = {pair: Backtest(*pair, bodies) for pair, bodies in pairs.items()}
    header, first, _, counts, *_ = report.text(report.BacktestReport(0, listed, {})).splitlines()
    assert header.split() == ["client", "\\", "server", "a", "b", "c"]
    assert first.index("0/0/0", first.index("0/0/0") + 1) == header.rindex("c")
    assert counts.split() == ["bodies", "1", "2", "3"]


def test_a_report_for_programs_holds_everything():
    """Nothing is left out of the JSON."""
    found = json.loads(report.as_json(results()))
    (result,) = found["results"]
    assert found["seed"] == 7
    assert len(result["wrong_values"]) == 30
    assert result["places"][1] == {
        "operation": "get-x", "status": "503", "place": "", "effect": "surfaced"
    }  # fmt: skip
    assert result["drift"][0]["count"] == 2
    assert found["records"][0]["server"] == "record.json"
    assert len(found["contradicted"]["old"]) == 1
