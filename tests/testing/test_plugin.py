"""The plugin for pytest: in a test suite of its own, as users have one."""

import importlib.metadata
import subprocess
import sys

import pytest

from ..typed import mypy

pytest_plugins = ("pytester",)
pytestmark = pytest.mark.slow("a pytest run of a user's own, in a process, for each test")


#: Plugins of others, which take longer to load than all the rest.
WITHOUT_OTHERS = [
    option
    for name in ("cacheprovider", "hypothesispytest", "pytest_httpx", "respx")
    for option in ("-p", f"no:{name}")
]

HEADER = """
import os
import pytest
from modelgates_client import AuthenticationError, ModelGates
"""


@pytest.fixture
def run(pytester):
    """Run a test module with the plugin as it is installed; warnings are errors there, too."""

    def run(code, *arguments):
        pytester.makepyfile(test_users=HEADER + code)
        options = ("-W", "error", *WITHOUT_OTHERS, *arguments)
        result = pytester.runpytest_subprocess(*options)
        assert "CANARY" not in result.stdout.str() + result.stderr.str()
        return result

    return run


def test_it_is_installed_for_pytest():
    """Under the name that `-p no:modelgates` means."""
    (plugin,) = importlib.metadata.entry_points(group="pytest11", name="modelgates")
    assert plugin.value == "modelgates_client.testing.plugin"


def test_both_fixtures_serve_a_test(run):
    """One is given to the client, the other is found by it; each test starts anew."""
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


def test_what_the_api_would_not_accept_fails_the_test(run):
    """When it is over, with a line for each request and without a traceback."""
    result = run(WRONG)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "the API would not have accepted 1 request(s); *violations.clear()*",
            "  GET /api/v1/generation gen-1 401: another bearer token than the stub's key",
        ]
    )
    result.stdout.no_fnmatch_line("*plugin.py*")
    result.stdout.no_fnmatch_line("*exception*")


def test_what_a_test_means_to_provoke_does_not_fail_it(run):
    """It clears the list."""
    run(WRONG + "    stub.violations.clear()\n").assert_outcomes(passed=1)


def test_it_works_in_several_processes(run):
    """Each of pytest-xdist's workers has stubs of its own."""
    result = run(
        """
@pytest.mark.parametrize("number", range(8))
def test_one(modelgates_environment, number):
    modelgates_environment.add(f"gen-{number}")
    with ModelGates() as client:
        assert client.generations.get(f"gen-{number}").is_final
""",
        "-n2",
    )
    result.assert_outcomes(passed=8)


def test_no_thread_or_socket_is_left(run):
    """What a test leaves behind would be a warning, and warnings are errors."""
    result = run("""
import gc, threading

BEFORE = set(threading.enumerate())

@pytest.mark.parametrize("number", range(3))
def test_slow(modelgates_environment, number):
    assert len(threading.enumerate()) <= len(BEFORE) + 1
    modelgates_environment.delay(seconds=3600)
    with ModelGates(timeout=0.2) as client, pytest.raises(Exception, match="no complete answer"):
        client.generations.get("gen-1")

def test_nothing_is_left():
    gc.collect()
    assert set(threading.enumerate()) == BEFORE
""")
    result.assert_outcomes(passed=4)


WITHOUT = """
import sys

sys.modules["pytest_httpserver"] = None
"""


def test_without_the_extra_only_the_fixtures_fail(run, pytester):
    """In one line, that says what to install; other tests are none the wiser."""
    pytester.makeconftest(WITHOUT)
    options = ("-p", "no:pytest_httpserver")  # its own plugin would fail at once
    result = run("def test_of_another_kind(): pass\ndef test_it(modelgates_stub): pass\n", *options)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        ["the stub needs an extra: pip install 'modelgates-client[[]testing[]]'"]
    )
    result.stdout.no_fnmatch_line("*plugin.py*")
    result.stdout.no_fnmatch_line("*exception*")


def test_it_can_be_left_out(run):
    """By its name."""
    result = run("def test_it(modelgates_stub): pass\n", "-p", "no:modelgates")
    result.stdout.fnmatch_lines(["*fixture 'modelgates_stub' not found*"])


def test_it_can_be_asked_for_where_plugins_are_not_loaded(run, monkeypatch):
    """By the same name."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    run("def test_it(modelgates_stub): pass\n", "-p", "modelgates").assert_outcomes(passed=1)


def test_loading_it_loads_nothing_else():
    """It is loaded wherever the package is installed, for tests that never use it."""
    code = """if True:
        import sys, pytest
        before = set(sys.modules)
        import modelgates_client.testing.plugin
        print(*sorted(set(sys.modules) - before))
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names = ("modelgates_client", "modelgates_client.testing", "modelgates_client.testing.plugin")
    assert done.stdout.split() == [*names]


def test_the_fixtures_say_what_they_are(run):
    """`pytest --fixtures` shows how to mean a violation."""
    result = run("", "--fixtures", "-v")
    result.stdout.fnmatch_lines(["modelgates_stub*", "*violations.clear()*"])


def test_tests_written_with_it_are_well_typed(tmp_path):
    """By mypy --strict, against the installed package: no name is Any by accident."""
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
