"""The benchmarks: every kind of contender does its work, and ratios are those of the rounds."""

import json
import os
import re
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from benchmarks import (
    __main__ as command,
    bodies,
    contenders as by,
    growth,
    limits,
    outages,
    runner,
    server,
)
from benchmarks.cases import CASES, CLIENTS, Case, Measure
from benchmarks.contenders import Setting
from common.project import Project
from common.tool_errors import ToolError

ROOT = Path(__file__).parents[2]
PATH = "/generation"
pytestmark = pytest.mark.vendored  # contenders read records of the vendored document


@pytest.fixture(scope="module")
def setting(tmp_path_factory):
    """A running server, and the files that contenders read."""
    folder = tmp_path_factory.mktemp("benchmarks")
    bodies.write(Project(ROOT), folder, 20)
    with server.Server(bodies.served(folder)).running() as running:
        yield Setting(str(folder), running.url, PATH, concurrency=2)


#: Does the work of each contender twice; prints those that are done, and the missing packages.
SMOKE = """
import json, sys
from benchmarks.cases import CASES
from benchmarks.contenders import Setting, block_extra
setting, is_base = Setting(**json.loads(sys.argv[1])), sys.argv[2] == "base"
if is_base:
    block_extra()
for name, case in CASES.items():
    for contender in case.contenders:
        if case.part != "growth" and ("base" in contender) == is_base:
            try:
                case.contenders[contender](setting)(2)
                print("did", name, contender)
            except ModuleNotFoundError as error:
                print("lacks", error.name)
"""


@pytest.mark.slow("it imports all clients that are installed, and generates the plain one")
@pytest.mark.parametrize(("kind", "least"), [("base", 7), ("others", 25)])
def test_each_contender_does_its_work(setting, kind, least):
    """Or a package is missing; results are compared with the requests."""
    if kind == "others":
        bodies.write_generator_client(Project(ROOT), Path(setting.folder))
    environ = {**os.environ, "PYTHONPATH": str(ROOT / "scripts")}
    program = [sys.executable, "-c", SMOKE, json.dumps(asdict(setting)), kind]
    done = subprocess.run(program, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert {line for line in lines if "lacks" in line} <= {"lacks openrouter", "lacks pyreqwest"}
    assert sum("did" in line for line in lines) >= least


def test_an_unexpected_response_is_not_measured(setting):
    """A contender that gets something else raises, and with that ends the run."""
    with pytest.raises(ValueError, match="'other' came instead of 'wanted'"):
        by.expect("other", "wanted")
    without = replace(setting, folder=str(Path(setting.folder, "none")))
    with pytest.raises(FileNotFoundError):
        by.decoding(by.standard_json)(without)


@pytest.mark.parametrize("name", CASES)
def test_a_goal_refers_to_a_measured_contender(name):
    """Of a contender of the case, in a measure of it."""
    for contender, measure in CASES[name].goals or ():
        assert contender in CASES[name].contenders
        assert measure in CASES[name].measures


@pytest.mark.slow("it starts processes, which start processes")
def test_contenders_take_turns_in_processes_of_their_own(tmp_path, monkeypatch):
    """Each round has a value per contender; missing packages are reported."""
    monkeypatch.setattr(runner, "_SCRIPTS", fake_scripts(tmp_path))
    few = {name: CASES["import"].contenders[name] for name in ("pass", "ModelGates", "OpenRouter")}
    monkeypatch.setitem(CASES, "import", replace(CASES["import"], contenders=few, seconds=0.0))
    [table] = runner.measured("import", Setting(str(tmp_path)), 2, counted=False)
    _, _, first, second = rows(table)
    assert first[:4] == ["pass", "1.00", "1.00", "1.00"]
    assert second[0] == "ModelGates"
    assert float(second[4].replace(",", "")) > 0
    assert "OpenRouter: openrouter is not installed" in table


def fake_scripts(folder):
    """Return a folder of modules in which `find_spec` does not find the SDK, wherever it is."""
    (folder / "sitecustomize.py").write_text(
        f"import importlib.util, sys\nsys.path.insert(0, {str(ROOT / 'scripts')!r})\n"
        "real = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name: None if name == 'openrouter' else real(name)\n"
    )
    return folder


def rows(table):
    """Return the cells of a Markdown table."""
    lines = [line for line in table.split("\n") if line.startswith("|")]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]


def compared(case, setting=None, /, **series):
    """Return the cells of the table of rates."""
    values = {name: {Measure.RATE: rates} for name, rates in series.items()}
    return rows(runner._compare(case, Measure.RATE, values, [], setting or Setting("")))


def test_ratios_compare_turns_of_the_same_round():
    """A machine that is slow for a while is so for all: the ratio is the median of the rounds'."""
    goals = {("ours", Measure.RATE): 0.9, ("other", Measure.RATE): 0.9}
    case = Case(title="Asking", unit="request", contenders={"base": by.aiohttp}, goals=goals)
    series = {"ours": [95, 9, 60], "other": [80, 8, 40]}
    columns, _, *cells = compared(case, base=[100, 10, 50], **series)
    assert columns == ["", "x base", "low", "high", "requests per second", "goal", ""]
    assert cells == [
        ["base", "1.00", "1.00", "1.00", "50", "", ""],
        ["ours", "0.95", "0.90", "1.20", "60", "≥ 0.9", "met"],
        ["other", "0.80", "0.80", "0.80", "40", "≥ 0.9", "MISSED"],
    ]
    assert {(*row[5:],) for row in compared(case, **series)[2:]} == {("", "")}, (
        "a goal is of a ratio to the base that it names"
    )


def test_a_share_of_the_ideal_is_of_what_latency_allows():
    """Two concurrent requests, and twenty requests a second each."""
    case = Case(title="Asking", unit="request", contenders={}, ideal_rate=20)
    *_, row = compared(case, Setting("", concurrency=2), ours=[20])
    assert row == ["ours", "0.50", "", "", "20", "", ""]


def test_a_failed_contender_ends_the_run_with_its_last_error_line(setting):
    """Also if it does only a part of its work."""
    with pytest.raises(ToolError, match="get: no such contender: KeyError: 'no such contender'"):
        runner.run_turn("get", "no such contender", setting)


def test_a_turn_that_loses_results_is_not_measured(setting, monkeypatch):
    """It would be faster than it is."""
    monkeypatch.setattr(runner, "run_turn", lambda *_: ({"CPU": 1.0, "RATE": 1.0, "lost": 2}, ""))
    with pytest.raises(ToolError, match="get: httpx, not decoded fails at its work"):
        runner.measured("get", setting, 1, counted=False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--only", "curl"), "no case matches 'curl'; there are: get, decode"),
        (("outages", "--only", "no such"), "no case matches 'no such'; there are: fast, async"),
        (("--rounds", "0"), "all numbers are at least 1"),
        (("speed",), "no part is named speed"),
    ],
)
def test_invalid_options_are_rejected(monkeypatch, arguments, message):
    """Before anything starts."""
    monkeypatch.setattr(sys, "argv", ["benchmarks", *arguments])
    with pytest.raises(ToolError, match=message):
        command.main()


def test_the_page_shows_existing_tables():
    """Each by the title that the command prints."""
    shown = re.findall(r"^### (.*)$", (ROOT / "docs/benchmarks.md").read_text(), re.MULTILINE)
    made = {
        f"{case.title}: {measure.value}" for case in CASES.values() for measure in case.measures
    }
    assert shown
    assert set(shown) <= made


@pytest.mark.parametrize("count", [1, 3])
def test_a_spec_grows_by_operations(count):
    """Each has an id, a path and schemas of its own."""
    item = {"get": {"operationId": "get", "schema": {"$ref": "#/components/schemas/A"}}}
    spec = {"paths": {"/a": item}, "components": {"schemas": {"A": {"type": "object"}}}}
    made = growth.repeated(spec, count)
    assert list(made["components"]["schemas"]) == [f"A{number}" for number in range(count)]
    for number, path in enumerate(made["paths"].values()):
        assert path["get"]["operationId"] == f"get-{number}"
        assert path["get"]["schema"] == {"$ref": f"#/components/schemas/A{number}"}


@pytest.mark.slow("it generates a package, and compares two specs")
def test_the_tools_take_specs_of_each_size(setting):
    """Both find as many operations as there are."""
    growth.regeneration(2)(setting)(1)
    growth.drift(2)(setting)(1)


@pytest.mark.parametrize(
    ("limit", "ideal_s"),
    [
        (lambda: limits.TokenBucket(100, 10), 4.9),
        (lambda: limits.TokenBucket(100, 1), 4.99),
        (lambda: limits.SlidingWindow(100), 4),
        (lambda: limits.SlidingWindow(10, 0.05), 2.45),
        (lambda: limits.FixedWindow(100), 4),
        (lambda: limits.FixedWindow(25, 0.25), 4.75),
    ],
)
def test_a_limit_admits_as_many_as_it_says(limit, ideal_s):
    """To a client that knows it, and to one that sends all the time."""
    assert limits.ideal_s(limit(), 500) == pytest.approx(ideal_s, abs=0.001)
    limiting = limit()
    admitted = sum(not limiting.wait_s(millisecond / 1000) for millisecond in range(5000))
    assert admitted == pytest.approx(500 * 5 / ideal_s, rel=0.25)


@pytest.mark.slow("it takes the second of the outage")
@pytest.mark.parametrize("client", CLIENTS)
def test_a_row_shows_the_result_of_an_outage(client):
    """No id is lost, and each was requested."""
    name, lost, requests, *_ = outages.row(f"{client}: outage 1 s: restart, reset")
    assert lost == f"0 of {800 if 'threads' in name else 500}"
    assert float(requests.strip("!")) >= 1


def test_the_command_explains_itself():
    """Each part is named."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT / "scripts")}
    ask = [sys.executable, "-m", "benchmarks", "--help"]
    done = subprocess.run(ask, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for part in ("calls", "startup", "bulk", "growth", "outages", "reports"):
        assert f"`{part}`" in done.stdout
