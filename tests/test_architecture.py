"""Which module may import which, and what the public names may show."""

import ast
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

#: The modules of the client that may touch the generated package.
TOUCHING = {
    "__init__.py",
    "__main__.py",
    "_client.py",
    "_errors.py",
    "_generations.py",
    "_summary.py",
}


def imports(file):
    """Return the top-level names of the modules that a file imports from outside its package."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module)
    return {name.partition(".")[0] for name in names}


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
    assert importing(CLIENT, "modelgates_api") == TOUCHING


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
    allowed = {"attrs", "httpx", *OURS}
    extras = {"modelgates_client": {"pytest_httpserver", "werkzeug"}, "modelgates_api": {"msgspec"}}
    for package in (CLIENT, API):
        for file in files(package):
            beyond = imports(file) - allowed - extras[package.name] - sys.stdlib_module_names
            assert beyond == set(), file


def test_importing_the_models_does_not_import_the_transport():
    """Who only reads records does not pay for httpx."""
    code = f"import sys; sys.path[:] = {sys.path!r}; import modelgates_api.models"
    code += "; assert 'httpx' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


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
    ("name", "function"), list(signatures()), ids=lambda value: str(value)[:60]
)
def test_no_public_signature_shows_the_transport(name, function):
    """The transport must stay exchangeable."""
    assert "httpx" not in str(inspect.signature(function))
    assert "httpx" not in str(function.__annotations__)


def test_the_signatures_looked_at_are_the_public_ones():
    """The search above finds what people call."""
    names = {name for name, _ in signatures()}
    assert {
        "ModelGates.__init__",
        "ModelGates.close",
        "Generations.get",
        "Generation.drift",
    } <= names


def test_no_exception_is_one_of_the_transport():
    """Neither is any of them derived from one."""
    for name in modelgates_client.__all__:
        value = getattr(modelgates_client, name)
        if inspect.isclass(value) and issubclass(value, Exception):
            assert all(base.__module__.split(".")[0] != "httpx" for base in value.__mro__)
            assert modelgates_client.ModelGatesError in value.__mro__
