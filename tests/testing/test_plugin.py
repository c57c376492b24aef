"""The pytest plugin, in a separate test suite like that of a user."""

import importlib.metadata
import subprocess
import sys

import pytest

from ..documents import ROOT, Page
from ..typed import mypy

pytest_plugins = ("pytester",)
pytestmark = pytest.mark.slow("each test runs pytest, some in a process")


#: Disables other plugins, which take longest to load.
WITHOUT_OTHER_PLUGINS = [
    option
    for name in ("anyio", "cacheprovider", "hypothesispytest", "pytest_httpx", "respx")
    for option in ("-p", f"no:{name}")
]

HEADER = """
import os
import pytest
from modelgates_client import AuthenticationError, ModelGates
"""


@pytest.fixture
def run(pytester):
    """Run a test module with the installed plugin; warnings are errors.

    In this process, or in a new one: what is imported in this process is not imported again.
    """

    def run(code, *arguments, in_process=True):
        pytester.makepyfile(test_users=HEADER + code)
        options = ("-W", "error", *WITHOUT_OTHER_PLUGINS, *arguments)
        start = pytester.runpytest_inprocess if in_process else pytester.runpytest_subprocess
        result = start(*options)
        assert "CANARY" not in result.stdout.str() + result.stderr.str()
        return result

    return run


def test_the_plugin_is_an_entry_point():
    """With the name for `-p no:modelgates`."""
    (plugin,) = importlib.metadata.entry_points(group="pytest11", name="modelgates")
    assert plugin.value == "modelgates_client.testing.plugin"


def test_both_fixtures_provide_a_stub(run):
    """Each test has its own; `modelgates_environment` sets the environment."""
    result = run("""
def test_given(modelgates_stub):
    modelgates_stub.add("gen-1")
    stub = modelgates_stub
    with ModelGates(api_key=stub.api_key, base_url=stub.base_url) as client:
        assert client.generations.get("gen-1").is_final
    assert "MODELGATES_BASE_URL" not in os.environ

def test_found(modelgates_environment, modelgates_stub):
    assert modelgates_environment is modelgates_stub
    assert modelgates_stub.requests == []
    modelgates_stub.add("gen-2")
    with ModelGates() as client:
        assert client.generations.get("gen-2").is_final

def test_nothing_is_left():
    assert "MODELGATES_API_KEY" not in os.environ
""")
    result.assert_outcomes(passed=3)


WRONG = """
def test_wrong(modelgates_stub):
    stub = modelgates_stub
    client = ModelGates(api_key="sk-mg-CANARY-0123456789", base_url=stub.base_url)
    with client, pytest.raises(AuthenticationError):
        client.generations.get("gen-1")
"""


def test_violations_fail_the_test(run):
    """At its end, with a line for each request and without a traceback."""
    result = run(WRONG)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "the API would not have accepted 1 request(s); *violations.clear()*",
            "  GET /api/v1/generation gen-1 401: the bearer token is not the stub's key",
        ]
    )
    result.stdout.no_fnmatch_line("*plugin.py*")
    result.stdout.no_fnmatch_line("*exception*")


def test_cleared_violations_do_not_fail_the_test(run):
    """For tests that send such requests on purpose."""
    run(WRONG + "    stub.violations.clear()\n").assert_outcomes(passed=1)


def test_the_fixtures_work_with_xdist(run):
    """Each worker has its own stubs."""
    result = run(
        """
@pytest.mark.parametrize("number", range(8))
def test_one(modelgates_environment, number):
    modelgates_environment.add(f"gen-{number}")
    with ModelGates() as client:
        assert client.generations.get(f"gen-{number}").is_final
""",
        "-n2",
        in_process=False,
    )
    result.assert_outcomes(passed=8)


def test_no_thread_or_socket_is_left(run):
    """A leaked socket would be a warning, and warnings are errors."""
    result = run(
        """
import gc, threading

BEFORE = set(threading.enumerate())

@pytest.mark.parametrize("number", range(3))
def test_slow(modelgates_environment, number):
    assert len(threading.enumerate()) <= len(BEFORE) + 1
    modelgates_environment.delay(seconds=3600)
    with ModelGates(timeout=0.2) as client, pytest.raises(Exception, match="no complete response"):
        client.generations.get("gen-1")

def test_nothing_is_left():
    gc.collect()
    assert set(threading.enumerate()) == BEFORE
""",
        in_process=False,
    )
    result.assert_outcomes(passed=4)


WITHOUT = """
import sys

sys.modules["pytest_httpserver"] = None
"""


def test_without_the_extra_only_the_fixtures_fail(run, pytester):
    """In one line that says what to install; other tests pass."""
    pytester.makeconftest(WITHOUT)
    options = ("-p", "no:pytest_httpserver")  # its own plugin would fail
    code = "def test_of_another_kind(): pass\ndef test_it(modelgates_stub): pass\n"
    result = run(code, *options, in_process=False)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        ["the stub needs an extra: pip install 'modelgates-client[[]testing[]]'"]
    )
    result.stdout.no_fnmatch_line("*plugin.py*")
    result.stdout.no_fnmatch_line("*exception*")


def test_the_plugin_can_be_disabled(run):
    """By its name."""
    result = run("def test_it(modelgates_stub): pass\n", "-p", "no:modelgates")
    result.stdout.fnmatch_lines(["*fixture 'modelgates_stub' not found*"])


def test_the_plugin_can_be_loaded_by_name(run, monkeypatch):
    """If autoloading is disabled."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    run("def test_it(modelgates_stub): pass\n", "-p", "modelgates").assert_outcomes(passed=1)


def test_loading_the_plugin_loads_no_other_module():
    """pytest loads it for all tests, including those that do not use it."""
    code = """if True:
        import sys, pytest
        before = set(sys.modules)
        import modelgates_client.testing.plugin
        print(*sorted(set(sys.modules) - before))
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names = ("modelgates_client", "modelgates_client.testing", "modelgates_client.testing.plugin")
    assert done.stdout.split() == [*names]


def test_the_fixtures_have_docstrings(run):
    """`pytest --fixtures` explains how to clear violations."""
    result = run("", "--fixtures", "-v")
    result.stdout.fnmatch_lines(["modelgates_stub*", "*violations.clear()*"])


def test_tests_that_use_the_stub_are_typed(tmp_path):
    """mypy --strict finds the one mistake; no name is Any by accident."""
    path = tmp_path / "test_users.py"
    path.write_text("""
from modelgates_client.testing import STUB_KEY, StubAPI, StubRequest, drifted, make_record


def test_typed(modelgates_stub: StubAPI) -> None:
    modelgates_stub.rate_limit("gen-1", times=2, retry_after=None)
    record: dict[str, object] = modelgates_stub.add("gen-1", total_cost=1)
    modelgates_stub.add(drifted(make_record("gen-2"), missing=["model"]))
    requests: list[StubRequest] = modelgates_stub.requests
    reveal_type(modelgates_stub.violations)
    key: str = STUB_KEY
    modelgates_stub.rate_limit(retry_after="1")
""")
    done = mypy(path, cwd=tmp_path)
    assert 'Revealed type is "list[str]"' in done.stdout.replace("builtins.", "")
    assert done.stdout.count("error:") == 1, done.stdout
    assert '"rate_limit" of "Behaviours" has incompatible type "str"' in done.stdout


def test_the_documented_example_passes(pytester):
    """The tests in docs/testing.md, with warnings as errors."""
    example = Page(ROOT / "docs" / "testing.md").file("test_costs.py")
    assert ".not_ready(" in example
    assert ".rate_limit(" in example
    pytester.makepyfile(test_example=example)
    result = pytester.runpytest_subprocess("-W", "error", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=2)
