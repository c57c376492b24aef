"""Which module may import which, and what the public names may show.

The rules of imports are contracts of import-linter; they stand in `pyproject.toml`.
"""

import ast
import graphlib
import importlib
import inspect
import os
import pkgutil
import re
import subprocess
import sys
import tomllib
import typing
from functools import cached_property
from pathlib import Path

import grimp
import pytest

import modelgates_client
from modelgates_api import resources

from .documents import Page

ROOT = Path(__file__).parent.parent
CLIENT = ROOT / "overlays" / "modelgates_client"
API = ROOT / "generated" / "modelgates_api"
SCRIPTS = ROOT / "scripts"

PACKAGES = ("modelgates_client", "modelgates_api", "modelgates_runtime")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

#: What the transport stands on; no public signature may show it.
ENGINE = ("anyio", "h11", "httpcore", "httptools", "httpx", "sniffio")

#: What must not be loaded before it is needed.
HEAVY = {
    *ENGINE,
    "asyncio",
    "attr",
    "attrs",
    "certifi",
    "sqlite3",
    "dateutil",
    "decimal",
    "modelgates_api",
    "modelgates_runtime",
    "msgspec",
    "ssl",
    "typing",
}

#: Distributions whose modules have other names.
MODULES = {
    "adbc_driver_sqlite": {"adbc_driver_manager", "adbc_driver_sqlite"},
    "opentelemetry_api": {"opentelemetry"},
    "python_dateutil": {"dateutil"},
    "pytest_httpserver": {"pytest", "pytest_httpserver", "werkzeug"},
}

#: What calls a method of ours that imports it: it is there then.
CALLERS = {"PyInstaller", "pydantic_core"}


@pytest.fixture(scope="module")
def graph():
    """Who imports whom in the packages, external ones included."""
    return grimp.build_graph(*PACKAGES, include_external_packages=True, cache_dir=None)


def test_the_rooms_look_into_those_below_alone():
    """Every contract is kept; by a process of its own, since the linter silences other loggers."""
    lint = "from importlinter import cli; raise SystemExit(cli.lint_imports(no_cache=True))"
    environ = {**os.environ, "PYTHONPATH": str(SCRIPTS), "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, "-c", lint], cwd=ROOT, env=environ, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_front_scripts_import_no_package_of_ours():
    """They make the packages; import-linter sees the folders beside them, not these."""
    scripts = [*SCRIPTS.glob("*.py"), *(SCRIPTS / "benchmarks").glob("*.py")]
    assert scripts
    for file in scripts:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [name for name in names if name.startswith(PACKAGES)], file


def test_the_packages_import_what_is_declared(graph):
    """Besides the standard library: the dependencies, and where they are there the extras."""
    project = PROJECT["project"]
    declared = [project["dependencies"], *project["optional-dependencies"].values()]
    names = {re.match(r"[\w-]+", need)[0].replace("-", "_") for needs in declared for need in needs}
    allowed = set().union(*(MODULES.get(name, {name}) for name in names))
    imported = {name for name in graph.modules if graph.is_module_squashed(name)}
    assert imported - allowed - CALLERS - sys.stdlib_module_names == set()


def room(module):
    """Return the room that a module is in."""
    package, _, rest = module.partition(".")
    return rest.partition(".")[0] or package if package == "modelgates_client" else package


#: From where to where something goes: what runs between the two, in the direction of the imports.
WALKS = {
    "a call": ("client", "transport"),
    "a body": ("calls", "modelgates_runtime"),
    "a row": ("reports", "rows"),
}


@pytest.fixture(scope="module")
def below(graph):
    """The rooms that each room imports."""
    below = {}
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            if imported.startswith(PACKAGES) and "modelgates_client" != room(module) != room(
                imported
            ):
                below.setdefault(room(module), set()).add(room(imported))
    for name in [*below]:
        below[name].discard("_version")
    return below


def picture(below, start=None, end=None):
    """Draw the imports between rooms that do not follow from others; between two, what is there.

    Raises:
        graphlib.CycleError: They go in a circle.
    """
    reach = {}
    for name in graphlib.TopologicalSorter(below).static_order():
        direct = below.get(name, set())
        reach[name] = direct.union(*(reach[other] for other in direct))
    between = (
        reach if start is None else {n for n in {start} | reach[start] if end in reach[n]} | {end}
    )
    arrows = [
        f"    {name} --> {other}"
        for name in sorted(between & below.keys())
        for other in sorted(below[name] & {*between})
        if not any(other in reach[third] for third in below[name] & {*between})
    ]
    return "\n".join(["flowchart TD" if start is None else "flowchart LR", *arrows, ""])


def test_contributing_shows_the_rooms_as_they_are(below):
    """All of them, and the walks through them; `UPDATE_DOCS=1` draws them anew."""
    path = ROOT / "CONTRIBUTING.md"
    pictures = [picture(below), *(picture(below, *ends) for ends in WALKS.values())]
    if os.environ.get("UPDATE_DOCS"):
        drawn = iter(pictures)
        text = path.read_text(encoding="utf-8")
        block = re.compile(r"```mermaid\n.*?```", re.DOTALL)
        path.write_text(
            block.sub(lambda _: f"```mermaid\n{next(drawn)}```", text), encoding="utf-8"
        )
    shown = [block.text for block in Page(path).blocks if block.language == "mermaid"]
    assert shown == pictures, "run this with UPDATE_DOCS=1"


@pytest.mark.parametrize("ends", WALKS.values(), ids=[*WALKS])
def test_a_walk_goes_one_way(below, ends):
    """Nothing of it looks back: no room between the two imports one that is before it."""
    start, end = ends
    lines = picture(below, start, end).splitlines()[1:]
    arrows = [line.strip().split(" --> ") for line in lines]
    order = list(graphlib.TopologicalSorter({end: []} | _above(arrows)).static_order())
    assert (order[0], order[-1]) == (start, end)


def _above(arrows):
    above = {}
    for name, other in arrows:
        above.setdefault(other, []).append(name)
    return above


def loaded(statement):
    """Return the top-level modules that a statement loads, in a Python without site-packages."""
    path = [str(CLIENT.parent), str(API.parent), *sys.path]
    code = f"import sys; sys.path[:] = {path!r}; before = set(sys.modules); {statement}"
    code += "; print(*{name.partition('.')[0] for name in set(sys.modules) - before})"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], check=True, capture_output=True, text=True
    )
    return set(done.stdout.split())


def test_importing_the_package_loads_nothing_else():
    """It costs next to nothing; `HEAVY` is what would be felt."""
    assert loaded("import modelgates_client") == {"modelgates_client"}
    assert loaded("import modelgates_client; dir(modelgates_client)") == {"modelgates_client"}


def test_the_search_for_what_is_loaded_finds_it():
    """A client cannot be made without most of what is heavy, but for httpx."""
    found = loaded("from modelgates_client import ModelGates; ModelGates(api_key='k')")
    assert "httpx" not in found
    assert {"httpcore", "modelgates_api", "ssl", "typing"} <= found & HEAVY


def test_errors_load_no_engine():
    """Who only catches them, or unpickles one, does not pay for it."""
    assert not loaded("from modelgates_client import NotFoundError") & {*ENGINE, "asyncio", "ssl"}


def test_importing_the_models_does_not_import_the_transport():
    """Who only reads records does not pay for it."""
    assert not loaded("import modelgates_api.models") & {*ENGINE, "asyncio", "ssl"}
    assert not loaded("from modelgates_client import Generation") & {*ENGINE, "asyncio", "ssl"}


def test_what_is_promised_is_what_checkers_and_programs_find():
    """`__all__`, the imports for type checkers, and the table of lazy names say the same."""
    tree = ast.parse((CLIENT / "__init__.py").read_text(encoding="utf-8"))
    (block,) = [
        node
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    seen = {alias.name: node.module for node in block.body for alias in node.names}
    assert not [alias for node in block.body for alias in node.names if alias.asname]
    assert set(modelgates_client.__all__) == seen.keys()
    assert len(modelgates_client.__all__) == len(seen)
    assert seen == modelgates_client._HOMES
    for name in modelgates_client.__all__:
        assert getattr(modelgates_client, name) is getattr(
            importlib.import_module(seen[name]), name
        )


#: The resources of every tag, whichever the spec has: they are named for type checkers alone.
RESOURCES = {
    name: value
    for module in pkgutil.iter_modules(resources.__path__)
    for name, value in vars(importlib.import_module(f"{resources.__name__}.{module.name}")).items()
}


def signatures():
    """Yield the public functions and methods of what the package exports, attributes too."""
    for name in modelgates_client.__all__:
        value = getattr(modelgates_client, name)
        if not inspect.isclass(value):
            continue
        classes = [value]
        classes += [hint for hint in typing.get_type_hints(value).values() if inspect.isclass(hint)]
        for _, member in inspect.getmembers_static(
            value, lambda one: isinstance(one, cached_property)
        ):
            classes.append(typing.get_type_hints(member.func, localns=RESOURCES)["return"])
        for cls in classes:
            for member_name, member in inspect.getmembers(cls):
                function = member.fget if isinstance(member, property) else member
                public = not member_name.startswith("_") or member_name == "__init__"
                if public and inspect.isroutine(function) and hasattr(function, "__annotations__"):
                    yield f"{cls.__name__}.{member_name}", function


@pytest.mark.parametrize(
    ("name", "function"),
    list(signatures()),
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_no_public_signature_shows_the_transport(name, function):
    """The transport must stay exchangeable; httpx is named where people give a client of it."""
    shown = dict(function.__annotations__)
    for hint in function.__annotations__.values():
        for part in (hint, *typing.get_args(hint)):  # `**options: Unpack[SomeOptions]`
            shown.update(getattr(part, "__annotations__", {}))
    given = shown.pop("http_client", "httpx.Client")
    assert "httpx.Client" in str(given) or "httpx.AsyncClient" in str(given)
    assert not [name for name in ENGINE if name in str(shown)]


def test_the_signatures_looked_at_are_the_public_ones():
    """The search above finds what people call."""
    names = {name for name, _ in signatures()}
    assert {
        "ModelGates.__init__",
        "ModelGates.close",
        "ModelGates.with_options",
        "AsyncModelGates.__init__",
        "AsyncModelGates.close",
        "AsyncModelGates.with_options",
        "Generations.get",
        "Generations.wait",
        "AsyncGenerations.get_raw",
        "Generation.drift",
        "Response.request_id",
    } <= names


def test_no_exception_is_one_of_the_transport():
    """Neither is any of them derived from one."""
    for name in modelgates_client.__all__:
        value = getattr(modelgates_client, name)
        if inspect.isclass(value) and issubclass(value, Exception):
            assert all(base.__module__.split(".")[0] not in ENGINE for base in value.__mro__)
            assert modelgates_client.ModelGatesError in value.__mro__
