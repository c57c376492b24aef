"""Extras are not loaded unless they are needed: checked by the list of loaded modules."""

import subprocess
import sys

#: Modules of extras, except those of `fast`, which is used if it is installed.
EXTRAS = {
    *("adbc_driver_manager", "adbc_driver_sqlite", "duckdb", "jinja2", "plotly"),  # report
    *("click", "rich", "tzlocal"),  # cli
    *("mcp", "pydantic", "pydantic_core", "opentelemetry"),  # mcp, otel
    *("pytest", "pytest_httpserver", "werkzeug"),  # testing
    *("IPython", "fastapi", "jedi", "pandas", "polars", "pyarrow", "PyInstaller"),  # of no extra
}
#: Our modules that need an extra; all others must work without one.
NEEDING_EXTRAS = (
    *("modelgates_client.cli", "modelgates_client.mcp", "modelgates_client.reports.page"),
    *("modelgates_client.reports.terminal", "modelgates_client.testing"),
)


def modules_of_extras(program):
    """Run a program; return the names of the extras' modules that it loaded."""
    report = f"print('loaded', *{EXTRAS!r} & {{name for name in sys.modules if sys.modules[name]}})"
    result = subprocess.run(
        [sys.executable, "-c", f"import sys\n{program}\n{report}"], capture_output=True, text=True
    )
    assert result.stdout.startswith("loaded"), result.stderr
    return set(result.stdout.split()[1:])


def test_a_client_loads_no_extra():
    """Although all of them are installed here."""
    program = "import modelgates_client as m; m.ModelGates(api_key='k').generations"
    assert modules_of_extras(f"{program}; [getattr(m, name) for name in m.__all__]") == set()


def test_the_package_needs_no_extra():
    """Each module that does not belong to an extra can be imported without any extra."""
    program = f"""
import pkgutil
sys.modules.update(dict.fromkeys({EXTRAS!r}))
import modelgates_api, modelgates_client, modelgates_runtime
for package in (modelgates_client, modelgates_api, modelgates_runtime):
    for _, name, _ in pkgutil.walk_packages(package.__path__, f"{{package.__name__}}."):
        if not name.startswith({NEEDING_EXTRAS!r}) and ".hook-" not in name:
            __import__(name)
"""
    assert modules_of_extras(program) == set()
