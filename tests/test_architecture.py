"""Which module may import which, and what the public names may show."""

import ast
import importlib
import inspect
import subprocess
import sys
import typing
from pathlib import Path

import pytest

import modelgates_client

ROOT = Path(__file__).parent.parent
CLIENT = ROOT / "overlays" / "modelgates_client"
API = ROOT / "generated" / "modelgates_api"
SCRIPTS = ROOT / "scripts"

#: The modules of the client that may touch the generated package, beside the command line.
TOUCHING = {
    "__init__.py",
    "_answers.py",
    "_asking.py",
    "_attempts.py",
    "_base.py",
    "_calls.py",
    "_errors.py",
    "_generation.py",
    "_harmless.py",
    "_known.py",
    "_money.py",
    "_observe.py",
    "_summary.py",
    "bulk/lookups.py",
    "bulk/outcomes.py",
    "bulk/running.py",
    "conformance/checking.py",
    "conformance/recorded.py",
    "exports/errors.py",
    "ledger/derived.py",
    "ledger/errors.py",
    "ledger/judging.py",
    "ledger/progress.py",
    "ledger/working.py",
    "rows/columns.py",
    "rows/row.py",
    "rows/values.py",
    "testing/_drift.py",
    "testing/_records.py",
}

#: What the transport may take from the client: `_credentials` and so on.
LOW = ("credentials", "deadline", "errors")

#: What the transport stands on; nobody else may know.
ENGINE = ("anyio", "h11", "httpcore", "httptools", "httpx", "sniffio")

#: The extra `report`, and which parts of the client may use it.
REPORT = ("adbc_driver_manager", "adbc_driver_sqlite", "duckdb", "plotly")
REPORTING = ("exports/", "reports/")

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
    "msgspec",
    "ssl",
    "typing",
}


def modules(file):
    """Return the modules that a file imports from outside its package, wherever it does."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module)
    return names


def imports(file):
    """Return the top-level names of these modules."""
    return {name.partition(".")[0] for name in modules(file)}


def files(folder):
    """Return the Python files of a folder; there must be some."""
    found = sorted(folder.rglob("*.py"))
    assert found
    return found


def importing(folder, *names):
    """Return the files of a folder that import any of the names."""
    return {
        file.relative_to(folder).as_posix() for file in files(folder) if imports(file) & {*names}
    }


OURS = ("modelgates_client", "modelgates_api")
PROGRAMS = [path.stem for path in SCRIPTS.iterdir() if path.suffix == ".py" or path.is_dir()]


def test_the_generated_package_never_imports_the_client():
    """The direction is client to generated code, never back."""
    assert importing(API, "modelgates_client") == set()
    assert importing(ROOT / "overlays" / "templates", "modelgates_client") == set()


def test_few_modules_touch_the_generated_package():
    """A change of the generated code is felt in these alone."""
    touching = importing(CLIENT, "modelgates_api")
    assert {name for name in touching if not name.startswith("cli/")} == TOUCHING


def test_the_command_line_touches_no_generated_model_or_operation():
    """It goes through the client, as any program does."""
    for file in files(CLIENT / "cli"):
        touched = {name for name in modules(file) if name.startswith("modelgates_api")}
        assert touched <= {"modelgates_api.errors", "modelgates_api.runtime.values"}, file


def test_the_transport_knows_nothing_of_generations():
    """It carries requests, whatever they ask for."""
    for file in files(CLIENT / "transport"):
        ours = {name for name in modules(file) if name.startswith("modelgates")}
        beyond = {name for name in ours if not name.startswith("modelgates_client.transport")}
        assert beyond <= {f"modelgates_client._{name}" for name in LOW}, file


def test_only_the_transport_knows_its_engine():
    """It must stay exchangeable."""
    found = importing(CLIENT, *ENGINE)
    assert found
    assert {name for name in found if not name.startswith("transport/")} == set()


def test_only_the_stub_needs_its_extra():
    """What serves in tests is needed by nobody else; the command loads it when it is asked to."""
    found = importing(CLIENT, "pytest", "pytest_httpserver", "werkzeug")
    assert found
    assert {name for name in found if not name.startswith("testing/")} == set()
    for file in files(CLIENT):
        if file.parent.name != "testing" and file.name != "_stub.py":
            assert "modelgates_client.testing" not in modules(file), file


def test_only_the_command_line_needs_its_extra():
    """Nothing that it needs is needed by a program that uses the client."""
    found = importing(CLIENT, "click", "rich")
    assert {name for name in found if not name.startswith(("cli/", "reports/terminal/"))} == set()
    for file in files(CLIENT):
        if file.parent.name != "cli" and file.name != "__main__.py":
            assert not {name for name in modules(file) if name.startswith("modelgates_client.cli")}


def test_only_reports_and_exports_need_their_extra():
    """Asking for many records, and keeping them, needs none of it."""
    found = importing(CLIENT, *REPORT)
    assert found
    assert {name for name in found if not name.startswith(REPORTING)} == set()


def test_data_flow_one_way():
    """Ids become outcomes, those a ledger, that rows, those reports; nobody looks ahead."""
    order = ["transport", "bulk", "rows", "ledger", "exports", "reports", "cli"]
    for place, folder in enumerate(order):
        later = tuple(f"modelgates_client.{name}" for name in order[place + 1 :])
        for file in files(CLIENT / folder):
            assert not {name for name in modules(file) if name.startswith(later)}, file


def test_neither_package_imports_the_scripts():
    """They are the maintainer's, and are not installed."""
    assert "codegen" in PROGRAMS
    for package in (CLIENT, API):
        assert importing(package, "scripts", *PROGRAMS) == set()


def test_the_scripts_import_neither_package():
    """They make the packages, so they must run before there are any."""
    assert importing(SCRIPTS, *OURS) == set()


def test_the_packages_import_what_is_declared():
    """Besides the standard library: the dependencies, and where they are there the extras."""
    allowed = {"attrs", "dateutil", "httpcore", "httpx", *OURS}
    allowed |= {"anyio", "certifi"}  # httpx cannot be installed without them
    extras = {
        "modelgates_client": {
            "click",
            "httptools",
            *REPORT,
            "pytest",
            "pytest_httpserver",
            "rich",
            "werkzeug",
        },
        "modelgates_api": {"msgspec"},
    }
    for package in (CLIENT, API):
        for file in files(package):
            beyond = imports(file) - allowed - extras[package.name] - sys.stdlib_module_names
            assert beyond == set(), file


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
    """A client cannot be made without most of what is heavy."""
    found = loaded("from modelgates_client import ModelGates")
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


def signatures():
    """Yield the public functions and methods of what the package exports, attributes too."""
    for name in modelgates_client.__all__:
        value = getattr(modelgates_client, name)
        if not inspect.isclass(value):
            continue
        classes = [value]
        classes += [hint for hint in typing.get_type_hints(value).values() if inspect.isclass(hint)]
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
    """The transport must stay exchangeable."""
    shown = f"{inspect.signature(function)} {function.__annotations__}"
    for hint in function.__annotations__.values():
        for part in (hint, *typing.get_args(hint)):  # `**options: Unpack[SomeOptions]`
            shown += str(getattr(part, "__annotations__", ""))
    assert not [name for name in ENGINE if name in shown]


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
        "RawResponse.request_id",
    } <= names


def test_no_exception_is_one_of_the_transport():
    """Neither is any of them derived from one."""
    for name in modelgates_client.__all__:
        value = getattr(modelgates_client, name)
        if inspect.isclass(value) and issubclass(value, Exception):
            assert all(base.__module__.split(".")[0] not in ENGINE for base in value.__mro__)
            assert modelgates_client.ModelGatesError in value.__mro__
