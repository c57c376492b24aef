"""What the README shows is what happens."""

import contextlib
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from modelgates_client import Generation
from modelgates_client.ledger import Ledger
from modelgates_client.records.summary import summarize
from modelgates_client.testing import StubAPI

TESTS = Path(__file__).parent
PACKAGES = [TESTS.parent / "overlays", TESTS.parent / "generated"]
RECORD = json.loads((TESTS / "records" / "2026-02-cancelled-stream.json").read_bytes())["data"]
README = (TESTS.parent / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
OUTPUT = re.findall(r"```text\n(.*?)```", README, re.DOTALL)
CAPTURED, TOLD = PYTHON.pop(1), OUTPUT.pop(1)  # needs the OpenAI SDK


def printed(code):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, "README.md", "exec"), {})
    return out.getvalue()


def fits(shown, text):
    """Whether the README shows a text: a line `…` stands for any lines, another `…` for words."""
    lines = [re.escape(line).replace("…", ".+") for line in shown.splitlines()]
    patterns = [r"(?:.*\n)*" if line.strip("\\ ") == ".+" else f"{line}\n" for line in lines]
    return re.fullmatch("".join(patterns), text) is not None


@pytest.fixture
def environment(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with StubAPI([RECORD]) as stub:
        monkeypatch.setenv("MODELGATES_API_KEY", stub.api_key)
        monkeypatch.setenv("MODELGATES_BASE_URL", stub.base_url)
        yield


def test_every_example_is_one_of_those_below():
    """An example added to the README needs a test here."""
    assert (len(PYTHON), len(OUTPUT)) == (11, 9)  # one is in tests/testing/


@pytest.mark.parametrize(
    ("example", "output"),
    [(0, 0), (1, 1), (5, 2), (6, 4), (8, 6), (9, 7), (10, 8)],
    ids=["cost", "errors", "ledger", "lie", "operations", "options", "http_client"],
)
def test_an_example_prints_what_is_shown_below_it(environment, example, output):
    """The examples run against the stub as they stand."""
    assert printed(PYTHON[example]) == OUTPUT[output]


def test_the_example_of_capturing_tells_what_a_call_cost(environment, monkeypatch):
    """From a completion to its cost, and into the ledger."""
    monkeypatch.setenv("OPENAI_BASE_URL", os.environ["MODELGATES_BASE_URL"])
    monkeypatch.setenv("OPENAI_API_KEY", os.environ["MODELGATES_API_KEY"])
    assert fits(TOLD, printed(CAPTURED))
    with Ledger("costs.db") as ledger:
        (found,) = ledger.bodies()
        assert ledger.labels(found[0]) == {"feature": "search"}


def test_the_example_of_waiting_waits(environment):
    """The record is final, and the other one never comes."""
    first, second = printed(PYTHON[2]).splitlines()
    assert first == "2026-02-24 21:19:33.705000+00:00 True"
    assert second.startswith("none after ")


def test_the_async_example_prints_two_costs(environment):
    """It gets the record in both ways."""
    assert printed(PYTHON[3]) == "[3.452e-05, 3.452e-05]\n"


def test_the_example_of_many_leaves_none_out(environment):
    """The sum is that of the record; the other two are named."""
    late, bad, total = printed(PYTHON[4]).splitlines()
    assert late.startswith("Pending(generation_id='gen-unknown', ")
    assert bad.startswith("Failed(generation_id='no id\\n', ")
    assert total == "0.00003452 all in, without 2 of 3"


def test_the_record_shown_is_what_the_demo_prints():
    """The summary shown is that of the recorded response, all but how much of it deviates."""
    before, drift, _ = OUTPUT[3].partition("  Drift ")
    assert drift
    assert "…" not in before
    assert fits(OUTPUT[3], summarize(Generation.from_dict(RECORD)) + "\n")


def test_the_findings_shown_are_what_check_prints():
    """Of the recorded response, in a pipe; columns are as wide as what is in them."""
    (shown,) = re.findall(r"^\$ .* \| modelgates check - (.*)$", README, re.MULTILINE)
    done = subprocess.run(
        [sys.executable, "-m", "modelgates_client", "check", "-", *shown.split()],
        input=json.dumps(RECORD),
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert fits(re.sub(" +", " ", OUTPUT[5]), re.sub(" +", " ", done.stdout))


@pytest.mark.parametrize(
    ("text", "fit"),
    [
        ("a\nb 5 c\nd\n", True),
        ("a\nb 5 c\nx\ny\nd\n", True),
        ("a\nb  c\nd\n", False),
        ("a\nb 5 c\nx\n", False),
        ("a\nb 5 c\nd\ne\n", False),
        ("x\nb 5 c\nd\n", False),
    ],
)
def test_what_is_left_out_is_only_what_is_marked(text, fit):
    """All else in the output has to be as it is shown."""
    assert fits("a\nb … c\n   …\nd\n", text) is fit


def test_the_cost_is_printed_by_a_dozen_lines_on_the_first_screen():
    """One sentence, the installation, a dozen lines."""
    assert len(PYTHON[0].splitlines()) <= 12
    assert README.index(PYTHON[0]) < 700


@pytest.mark.slow("a whole run of mypy")
def test_the_examples_pass_mypy_strict(tmp_path):
    """Code written as in the README is well typed, against the installed packages."""
    for number, code in enumerate([*PYTHON, CAPTURED]):
        (tmp_path / f"example_{number}.py").write_text(code, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.slow("a whole run of pyright")
def test_the_examples_pass_pyright_strict(tmp_path):
    """Neither does the other type checker find anything."""
    for number, code in enumerate([*PYTHON, CAPTURED]):
        (tmp_path / f"example_{number}.py").write_text(code, encoding="utf-8")
    settings = {"typeCheckingMode": "strict", "extraPaths": [*map(str, PACKAGES)]}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
