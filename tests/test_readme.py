"""What the README shows is what happens."""

import contextlib
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from modelgates_client import Generation
from modelgates_client._summary import summarize
from modelgates_client.testing import StubAPI

TESTS = Path(__file__).parent
RECORD = json.loads((TESTS / "records" / "2026-02-cancelled-stream.json").read_bytes())["data"]
README = (TESTS.parent / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
OUTPUT = re.findall(r"```text\n(.*?)```", README, re.DOTALL)


def printed(code):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, "README.md", "exec"), {})
    return out.getvalue()


@pytest.fixture
def environment(monkeypatch):
    with StubAPI([RECORD]) as stub:
        monkeypatch.setenv("MODELGATES_API_KEY", stub.api_key)
        monkeypatch.setenv("MODELGATES_BASE_URL", stub.base_url)
        yield


def test_every_example_is_one_of_those_below():
    """An example added to the README needs a test here."""
    assert (len(PYTHON), len(OUTPUT)) == (2, 2)


def test_the_first_example_prints_a_record(environment):
    """The example that fetches a record runs against the stub as it stands."""
    assert printed(PYTHON[0]).splitlines() == [
        "meta-llama/llama-4-scout-17b-16e-instruct 3.452e-05 98",
        "DeepInfra 200.0 420.0",
    ]


def test_the_example_of_records_that_do_not_lie_prints_what_is_shown():
    """The output shown below the example is its output."""
    assert printed(PYTHON[1]) == OUTPUT[1]


def test_the_record_shown_is_what_the_demo_prints():
    """The record in the first screen is the summary of the recorded response."""
    assert summarize(Generation.from_dict(RECORD)) + "\n" == OUTPUT[0]


def test_the_examples_pass_mypy_strict(tmp_path):
    """Code written as in the README is well typed, against the installed packages."""
    for number, code in enumerate(PYTHON):
        (tmp_path / f"example_{number}.py").write_text(code, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--cache-dir",
        str(tmp_path / "cache"),
        ".",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
