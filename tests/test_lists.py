"""Lists that exist twice must agree; a failure names the missing entry and its place."""

import ast
import inspect
import re
import tomllib

import pytest

import modelgates_client
from modelgates_client import ModelGates, ModelGatesError, errors
from modelgates_client.calls.retry import RETRYABLE_STATUSES
from modelgates_client.cli import statuses
from modelgates_client.testing import StubAPI
from modelgates_runtime import errors as runtime_errors
from modelgates_runtime.errors import ResponseError

from .documents import README, ROOT, Page, sessions

PACKAGES_WITH_TABLE = [
    path
    for package in ("modelgates_client", "modelgates_runtime")
    for path in sorted((ROOT / "overlays" / package).rglob("__init__.py"))
    if "| `" in path.read_text(encoding="utf-8")
]
ERRORS = [
    error
    for module in (errors, runtime_errors)
    for _, error in inspect.getmembers(module, inspect.isclass)
    if issubclass(error, ModelGatesError) and error.__module__ == module.__name__
    # These become a `ResponseValidationError`, unless calls are sent without our client.
    if not issubclass(error, ResponseError)
]
#: Errors with exit status 1, because they are a bug of the command or of no special kind.
FAILING = {
    "APIStatusError",  # a status without its own class
    "BadRequestError",  # the command sends valid requests
    "ClientClosedError",
    "FieldError",
    "ModelGatesError",
}


def page(name):
    """Return the text of a page in `docs/`, with plain hyphens."""
    return Page(ROOT / "docs" / name).text.replace("\N{EN DASH}", "-")


@pytest.mark.parametrize("init", PACKAGES_WITH_TABLE, ids=lambda path: path.parent.name)
def test_the_table_of_modules_names_each_module(init):
    """In the docstring of the package."""
    docstring = ast.get_docstring(ast.parse(init.read_text(encoding="utf-8")))
    named = set(re.findall(r"^\| `(\w+)` +\|", docstring, re.MULTILINE))
    modules = {path.stem for path in init.parent.glob("*.py")} - {"__init__"}
    modules |= {path.parent.name for path in init.parent.glob("*/__init__.py")}
    assert named == modules, f"the table in {init.relative_to(ROOT)}"


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_an_error_is_documented_and_has_an_exit_status(error):
    """It is exported, in the class tree, and explained in the docs."""
    name = error.__name__
    assert name in modelgates_client.__all__, "modelgates_client/errors.py: __all__"
    assert re.search(rf"\b{name}\b", errors.__doc__), "the tree in errors.py"
    assert f"`{name}`" in page("errors.md"), "the table in docs/errors.md"
    has_status = any(issubclass(error, kinds) for kinds, _ in statuses._STATUSES)
    assert has_status != (name in FAILING), "cli/statuses.py: _STATUSES"


def test_the_documented_retryable_statuses_are_those_of_the_code():
    """`calls/retry.py` and docs/errors.md."""
    (sentence,) = re.findall(
        r"the statuses ([\d, -]+) and ([\d-]+) are\s+retried", page("errors.md")
    )
    statuses_on_page = set()
    for each in ", ".join(sentence).split(", "):
        first, _, last = each.partition("-")
        statuses_on_page |= {*range(int(first), int(last or first) + 1)}
    assert statuses_on_page == RETRYABLE_STATUSES.keys()


def test_every_setting_is_documented():
    """docs/settings.md has each argument of a client."""
    text = page("settings.md")
    arguments = {*inspect.signature(ModelGates).parameters}
    assert not {name for name in arguments if not re.search(rf"\b{name}\b", text)}


def test_every_fault_of_the_stub_is_documented():
    """docs/testing.md has each public method of the stub for users."""
    text = page("testing.md")
    methods = {name for name, _ in inspect.getmembers(StubAPI, inspect.isfunction)}
    methods -= {name for name in methods if name.startswith("_") or name == "close"}
    assert not {name for name in methods if f"`{name}`" not in text and f".{name}(" not in text}


def test_every_extra_is_in_the_readme():
    """No other name is in the table."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    table = README.text.partition("| extra | adds |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == {
        *project["optional-dependencies"]
    }


def test_every_page_is_on_the_site():
    """mkdocs.yml has each in its navigation."""
    named = set(re.findall(r"^ +- ([\w-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE))
    assert {path.name for path in (ROOT / "docs").glob("*.md")} <= named, "mkdocs.yml: nav"


def test_every_session_is_in_contributing():
    """The table of what nox runs."""
    table = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("\n\n**")[0]
    named = {
        name
        for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
        for name in re.findall(r"`([\w.-]+)", row)
    }
    assert sessions() <= named
