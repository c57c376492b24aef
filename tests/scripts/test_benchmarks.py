"""The benchmarks: every kind of contender does its work, and ratios are those of the rounds."""

import json
import re
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from benchmarks import __main__ as command
from benchmarks import bodies, growth, outages, runner, server
from benchmarks import contenders as by
from benchmarks.cases import CASES, Case, Goal, Measure
from benchmarks.contenders import Setting
from benchmarks.table import Table
from common.project import Project
from common.tool_errors import ToolError

ROOT = Path(__file__).parents[2]
PATH = "/generation"
LIMITED = {name: case for name, case in outages.cases().items() if case.limit}


@pytest.fixture(scope="module")
def setting(tmp_path_factory):
    """A running server, and the files that contenders read."""
    folder = tmp_path_factory.mktemp("benchmarks")
    bodies.write(Project(ROOT), folder, 20)
    answering = server.Server({"": (folder / bodies.COMPLETE).read_bytes()})
    answering.start()
    url = answering.url.removesuffix("/api/v1")
    return Setting(str(folder), url, PATH, concurrency=2)


#: Does the work of each contender twice, in a process that may be left as it is; says how it went.
SMOKE = """
import json, sys
from benchmarks.cases import CASES
from benchmarks.contenders import Setting
setting, is_base = Setting(**json.loads(sys.argv[1])), sys.argv[2] == "base"
tried = set()
for case in CASES.values():
    for name, contender in case.contenders.items():
        if contender in tried or ("base" in name) != is_base or "spec" in case.title:
            continue
        tried.add(contender)
        try:
            contender(setting)(1)
            print(name, "did it")
        except ModuleNotFoundError as error:
            print(name, "lacks", error.name)
        except Exception as error:
            print(name, "failed:", type(error), error)
"""


@pytest.mark.slow("it imports all clients that are installed, and generates the plain one")
@pytest.mark.parametrize(("kind", "least"), [("base", 7), ("others", 30)])
def test_each_contender_does_its_work(setting, kind, least):
    """Or a package is missing, which is reported; results are compared with the requests."""
    if kind == "others":
        bodies.write_generator_client(Project(ROOT), Path(setting.folder))
    program = [sys.executable, "-c", SMOKE, json.dumps(asdict(setting)), kind]
    done = subprocess.run(program, env=runner._environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert not [line for line in lines if "failed:" in line]
    missing = [line for line in lines if " lacks " in line]
    assert {line.rpartition(" ")[2] for line in missing} <= {"openrouter", "pyreqwest"}
    assert len(lines) >= least


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
    for goal in CASES[name].goals:
        assert goal.contender in CASES[name].contenders
        assert goal.measure in CASES[name].measures


@pytest.mark.slow("it starts three processes, which start processes")
def test_contenders_take_turns_in_processes_of_their_own(tmp_path, monkeypatch):
    """Each round has a value per contender; missing packages are reported."""
    monkeypatch.setattr(runner, "_SCRIPTS", fake_scripts(tmp_path))
    few = {name: CASES["import"].contenders[name] for name in ("pass", "ModelGates", "OpenRouter")}
    monkeypatch.setitem(CASES, "import", replace(CASES["import"], contenders=few, seconds=0.0))
    [table] = runner.measured("import", Setting(str(tmp_path)), 2, counted=False)
    assert [row[0] for row in table.rows] == ["pass", "ModelGates"]
    assert table.rows[0][1:4] == ("1.00", "1.00", "1.00")
    assert float(table.rows[1][4].replace(",", "")) > 0
    assert table.notes == ["OpenRouter: openrouter is not installed"]


def fake_scripts(folder):
    """Return a folder of modules in which `find_spec` does not find the SDK, wherever it is."""
    (folder / "sitecustomize.py").write_text(
        f"import importlib.util, sys\nsys.path.insert(0, {str(ROOT / 'scripts')!r})\n"
        "real = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name: None if name == 'openrouter' else real(name)\n"
    )
    return folder


def turns(**values):
    """Return the turns of some contenders."""
    return {name: [{Measure.RATE: value} for value in of] for name, of in values.items()}


def test_ratios_compare_turns_of_the_same_round():
    """A machine that is slow for a while is so for all: the ratio is the median of the rounds'."""
    goals = (
        Goal("ours", Measure.RATE, 0.9, is_minimum=True),
        Goal("other", Measure.RATE, 0.9, is_minimum=True),
    )
    case = Case("Asking", "request", {"base": by.aiohttp}, (Measure.RATE,), goals)
    of = turns(base=[100, 10, 50], ours=[95, 9, 60], other=[80, 8, 40])
    table = runner._table(case, Measure.RATE, of, ["a note"], Setting(""))
    assert table.columns[1] == "x base"
    assert table.rows == [
        ("base", "1.00", "1.00", "1.00", "50", "", ""),
        ("ours", "0.95", "0.90", "1.20", "60", "≥ 0.9", "met"),
        ("other", "0.80", "0.80", "0.80", "40", "≥ 0.9", "MISSED"),
    ]
    assert table.notes == ["a note"]
    del of["base"]
    assert {row[5:] for row in runner._table(case, Measure.RATE, of, [], Setting("")).rows} == {
        ("", "")
    }, "a goal is of a ratio to the base that it names"


def test_a_share_of_the_ideal_is_of_what_latency_allows():
    """Two concurrent requests, and twenty requests a second each."""
    case = Case("Asking", "request", {}, (Measure.RATE,), ideal_rate=20)
    table = runner._table(case, Measure.RATE, turns(ours=[20]), [], Setting("", concurrency=2))
    assert table.rows == [("ours", "0.50", "", "", "20", "", "")]


def test_a_table_is_shown_to_people_pages_and_programs():
    """With its notes."""
    table = Table("Title", ("", "ratio"), [("ours", "1.0")], ["said"])
    assert table.render("text").split("\n") == [
        "",
        "Title",
        "        ratio",
        "  ours    1.0",
        "  said",
    ]
    assert "| ours | 1.0 |" in table.render("markdown").split("\n")
    assert json.loads(table.render("json"))["rows"] == [["ours", "1.0"]]


def test_a_crashed_contender_ends_the_run_with_its_last_error_line():
    """Although it can no longer receive a job."""
    with runner.Process("benchmarks.runner", "no such case") as process:
        process.finish()
        with pytest.raises(ToolError, match="no such case"):
            process.receive()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("bench", "--only", "curl"), "no case matches 'curl'; there are: get, get-async"),
        (("outages", "--only", "no such"), "no case matches 'no such'; there are: outage 1 s"),
        (("bench", "--rounds", "0"), "--rounds and --concurrency are at least 1"),
        (("speed",), "argument session"),
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


@pytest.mark.parametrize("kind", server.LIMITS)
@pytest.mark.parametrize("ids", [1, 100, 250, 1000])
def test_the_ideal_is_what_a_limit_allows(kind, ids):
    """Who asks exactly when a request is welcome needs the ideal time, and no request more."""
    assert seconds_for(server.LIMITS[kind](100), ids) == pytest.approx(
        server.LIMITS[kind](100).ideal_s(ids), abs=0.001
    )


@pytest.mark.parametrize("name", [name for name in LIMITED if "random" not in name])
def test_the_ideal_of_a_case_is_what_its_limit_allows(name):
    """The same, of all that outages are about."""
    case = LIMITED[name]
    assert seconds_for(case.limit(), case.ids) == pytest.approx(case.ideal_s, rel=0.02, abs=0.1)


def seconds_for(limit, ids):
    """Fetch at the very moments when a request is welcome; return the seconds that it takes."""
    start = now = 50.0
    for _ in range(ids):
        while wait_s := limit.wait_s(now):
            now += max(wait_s, 1e-9)  # less may not move the clock
    return now - start


@pytest.mark.parametrize("kind", server.LIMITS)
def test_a_limit_welcomes_no_more_than_it_says(kind):
    """Under constant load, it admits its rate plus its burst."""
    limit = server.LIMITS[kind](100)
    welcomed = sum(not limit.wait_s(millisecond / 1000) for millisecond in range(5000))
    assert 500 <= welcomed <= 600


@pytest.mark.slow("it takes the second of the outage")
@pytest.mark.parametrize("client", outages.CLIENTS)
def test_a_row_shows_the_result_of_an_outage(monkeypatch, client):
    """No id is lost, and each was requested."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "scripts"))
    name, lost, requests, *_ = outages.row("outage 1 s: restart, reset", client)
    assert (name, lost) == ("outage 1 s: restart, reset", "0 of 500")
    assert float(requests.strip("!")) >= 1


def test_the_command_explains_itself():
    """Each session in a line."""
    environ = runner._environment()
    ask = [sys.executable, "-m", "benchmarks", "--help"]
    done = subprocess.run(ask, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for session in ("bench", "startup", "bulk", "growth", "outages", "reports"):
        assert f"`{session}`" in done.stdout
