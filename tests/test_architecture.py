"""Which module may import which, and which types public signatures may have.

The rules of imports are contracts of import-linter in `pyproject.toml`.
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
from modelgates_client import errors

from .documents import Page

ROOT = Path(__file__).parent.parent
CLIENT = ROOT / "overlays" / "modelgates_client"
API = ROOT / "generated" / "modelgates_api"
SCRIPTS = ROOT / "scripts"

PACKAGES = ("modelgates_client", "modelgates_api", "modelgates_runtime")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

#: The packages under the transport; no public signature may contain their types.
ENGINE = ("anyio", "h11", "httpcore", "httptools", "httpx", "sniffio")

#: Modules that must not be loaded before they are needed.
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

#: Modules of distributions with other names.
MODULES = {
    "adbc_driver_sqlite": {"adbc_driver_manager", "adbc_driver_sqlite"},
    "opentelemetry_api": {"opentelemetry"},
    "python_dateutil": {"dateutil"},
    "pytest_httpserver": {"pytest", "pytest_httpserver", "werkzeug"},
}

#: Packages that call a method of ours, which may therefore import them.
CALLERS = {"PyInstaller", "pydantic_core"}


@pytest.fixture(scope="module")
def graph():
    """The imports of the packages, including external ones."""
    return grimp.build_graph(*PACKAGES, include_external_packages=True, cache_dir=None)


def test_import_contracts_are_kept():
    """In a separate process, because the linter disables other loggers."""
    lint = "from importlinter import cli; raise SystemExit(cli.lint_imports(no_cache=True))"
    environ = {**os.environ, "PYTHONPATH": str(SCRIPTS), "PYTHONUTF8": "1"}
    result = subprocess.run(
        [sys.executable, "-c", lint], cwd=ROOT, env=environ, capture_output=True, encoding="utf-8"
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_top_level_scripts_import_no_package_of_ours():
    """They generate the packages; import-linter checks only the folders next to them."""
    scripts = [*SCRIPTS.glob("*.py"), *(SCRIPTS / "benchmarks").glob("*.py")]
    assert scripts
    for file in scripts:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [name for name in names if name.startswith(PACKAGES)], file


def test_the_packages_import_only_declared_dependencies(graph):
    """In addition to the standard library: dependencies and, if installed, extras."""
    project = PROJECT["project"]
    declared = [project["dependencies"], *project["optional-dependencies"].values()]
    names = {re.match(r"[\w-]+", need)[0].replace("-", "_") for needs in declared for need in needs}
    allowed = set().union(*(MODULES.get(name, {name}) for name in names))
    imported = {name for name in graph.modules if graph.is_module_squashed(name)}
    assert imported - allowed - CALLERS - sys.stdlib_module_names == set()


def package_of(module):
    """Return the subpackage of a module."""
    package, _, path = module.partition(".")
    return path.partition(".")[0] or package if package == "modelgates_client" else package


#: Paths through the packages, from the first to the last, in the direction of the imports.
PATHS = {
    "a call": ("client", "transport"),
    "a body": ("calls", "modelgates_runtime"),
    "a row": ("reports", "rows"),
}


@pytest.fixture(scope="module")
def imported_packages(graph):
    """The packages that each package imports."""
    imports = {}
    for module in graph.modules:
        importer = package_of(module)
        for imported in graph.find_modules_directly_imported_by(module):
            target = package_of(imported)
            if imported.startswith(PACKAGES) and importer not in {"modelgates_client", target}:
                imports.setdefault(importer, set()).add(target)
    for targets in imports.values():
        targets.discard("_version")
    return imports


def draw_imports(imported_packages, start=None, end=None):
    """Draw imports between packages that do not follow from others; with ends, those between them.

    Raises:
        graphlib.CycleError: They are cyclic.
    """
    reach = {}
    for name in graphlib.TopologicalSorter(imported_packages).static_order():
        direct = imported_packages.get(name, set())
        reach[name] = direct.union(*(reach[other] for other in direct))
    between = (
        reach if start is None else {n for n in {start} | reach[start] if end in reach[n]} | {end}
    )
    arrows = [
        f"    {name} --> {other}"
        for name in sorted(between & imported_packages.keys())
        for other in sorted(imported_packages[name] & {*between})
        if not any(other in reach[third] for third in imported_packages[name] & {*between})
    ]
    return "\n".join(["flowchart TD" if start is None else "flowchart LR", *arrows, ""])


def test_contributing_has_the_current_import_diagrams(imported_packages):
    """All packages, and the paths through them; `UPDATE_DOCS=1` redraws them."""
    path = ROOT / "CONTRIBUTING.md"
    diagrams = [
        draw_imports(imported_packages),
        *(draw_imports(imported_packages, *ends) for ends in PATHS.values()),
    ]
    if os.environ.get("UPDATE_DOCS"):
        drawn = iter(diagrams)
        text = path.read_text(encoding="utf-8")
        block = re.compile(r"```mermaid\n.*?```", re.DOTALL)
        path.write_text(
            block.sub(lambda _: f"```mermaid\n{next(drawn)}```", text), encoding="utf-8"
        )
    shown = [block.text for block in Page(path).blocks if block.language == "mermaid"]
    assert shown == diagrams, "run this with UPDATE_DOCS=1"


@pytest.mark.parametrize("ends", PATHS.values(), ids=[*PATHS])
def test_imports_on_a_path_go_in_one_direction(imported_packages, ends):
    """No package on it imports an earlier one."""
    start, end = ends
    lines = draw_imports(imported_packages, start, end).splitlines()[1:]
    arrows = [line.strip().split(" --> ") for line in lines]
    order = list(graphlib.TopologicalSorter({end: []} | importers_of(arrows)).static_order())
    assert (order[0], order[-1]) == (start, end)


def importers_of(arrows):
    """Return the packages that import each package on a path."""
    above = {}
    for name, other in arrows:
        above.setdefault(other, []).append(name)
    return above


def loaded_modules(statement):
    """Return the top-level modules that a statement loads, in a Python without site-packages."""
    path = [str(CLIENT.parent), str(API.parent), *sys.path]
    code = f"import sys; sys.path[:] = {path!r}; before = set(sys.modules); {statement}"
    code += "; print(*{name.partition('.')[0] for name in set(sys.modules) - before})"
    result = subprocess.run(
        [sys.executable, "-S", "-c", code], check=True, capture_output=True, text=True
    )
    return set(result.stdout.split())


def test_importing_the_package_loads_nothing_else():
    """`HEAVY` are modules that take noticeable time."""
    assert loaded_modules("import modelgates_client") == {"modelgates_client"}


def test_creating_a_client_loads_heavy_modules_but_not_httpx():
    """So the check of loaded modules works."""
    modules = loaded_modules("from modelgates_client import ModelGates; ModelGates(api_key='k')")
    assert "httpx" not in modules
    assert {"httpcore", "modelgates_api", "ssl", "typing"} <= modules & HEAVY


def test_errors_load_no_engine():
    """Programs that only catch or unpickle errors need none."""
    modules = loaded_modules("from modelgates_client import NotFoundError")
    assert not modules & {*ENGINE, "asyncio", "ssl"}


def test_importing_the_models_does_not_import_the_transport():
    """Programs that only read records need none."""
    assert not loaded_modules("import modelgates_api.models") & {*ENGINE, "asyncio", "ssl"}
    modules = loaded_modules("from modelgates_client import Generation")
    assert not modules & {*ENGINE, "asyncio", "ssl"}


def test_lazy_names_agree_with_those_for_type_checkers():
    """The imports for type checkers export each name, and those of `errors` come from a list."""
    tree = ast.parse((CLIENT / "__init__.py").read_text(encoding="utf-8"))
    (block,) = [
        node
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    imported = [(alias, node.module) for node in block.body for alias in node.names]
    assert [module for alias, module in imported if alias.name == "*"] == [errors.__name__]
    named = {alias.asname: module for alias, module in imported if alias.name != "*"}
    assert [alias.name for alias, _ in imported if alias.name != "*"] == [*named]
    assert named == modelgates_client._HOMES
    homes = named | dict.fromkeys(errors.__all__, errors.__name__)
    assert sorted(modelgates_client.__all__) == sorted(homes)
    for name, home in homes.items():
        assert getattr(modelgates_client, name) is getattr(importlib.import_module(home), name)


#: The resources of every tag of the spec: they are imported for type checkers only.
RESOURCES = {
    name: value
    for module in pkgutil.iter_modules(resources.__path__)
    for name, value in vars(importlib.import_module(f"{resources.__name__}.{module.name}")).items()
}


def signatures():
    """Yield the public functions and methods of exported classes, and of their attributes."""
    for name in modelgates_client.__all__:
        value = getattr(modelgates_client, name)
        if not inspect.isclass(value):
            continue
        classes = [value]
        classes += [hint for hint in typing.get_type_hints(value).values() if inspect.isclass(hint)]
        for _, member in inspect.getmembers_static(
            value, lambda member: isinstance(member, cached_property)
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
def test_no_public_signature_has_types_of_the_transport(name, function):
    """The transport is replaceable; httpx is allowed for clients that users pass."""
    annotations = dict(function.__annotations__)
    for hint in function.__annotations__.values():
        for part in (hint, *typing.get_args(hint)):  # `**options: Unpack[SomeOptions]`
            annotations.update(getattr(part, "__annotations__", {}))
    client_type = annotations.pop("http_client", "httpx.Client")
    assert "httpx.Client" in str(client_type) or "httpx.AsyncClient" in str(client_type)
    assert not [name for name in ENGINE if name in str(annotations)]


def test_the_checked_signatures_include_known_ones():
    """The search above finds methods that users call."""
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


def test_no_public_exception_derives_from_the_transport():
    """Each derives from `ModelGatesError`."""
    for name in modelgates_client.__all__:
        value = getattr(modelgates_client, name)
        if inspect.isclass(value) and issubclass(value, Exception):
            assert all(base.__module__.split(".")[0] not in ENGINE for base in value.__mro__)
            assert modelgates_client.ModelGatesError in value.__mro__
