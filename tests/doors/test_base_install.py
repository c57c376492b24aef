"""What nobody asked for is not loaded: no extra, by the list of loaded modules."""

import subprocess
import sys

#: What extras bring, but for `fast`, which is used wherever it is.
EXTRAS = {
    *("adbc_driver_manager", "adbc_driver_sqlite", "duckdb", "plotly"),  # report
    *("click", "rich", "tzlocal"),  # cli
    *("mcp", "pydantic", "pydantic_core", "opentelemetry"),  # mcp, otel
    *("pytest", "pytest_httpserver", "werkzeug"),  # testing
    *("IPython", "fastapi", "jedi", "pandas", "polars", "pyarrow", "PyInstaller"),  # none of ours
}
#: Modules that are of an extra as a whole: the rest of the package has to do without.
OF_EXTRAS = (
    *("modelgates_client.cli", "modelgates_client.mcp", "modelgates_client.reports.page"),
    *("modelgates_client.reports.terminal", "modelgates_client.testing"),
)


def run(program):
    """Run a program; return the names of the extras' modules that it loaded."""
    told = f"print('loaded', *{EXTRAS!r} & {{name for name in sys.modules if sys.modules[name]}})"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{program}\n{told}"], capture_output=True, text=True
    )
    assert done.stdout.startswith("loaded"), done.stderr
    return set(done.stdout.split()[1:])


def test_a_client_loads_no_extra():
    """Though all of them are installed here."""
    program = "import modelgates_client as m; m.ModelGates(api_key='k').generations"
    assert run(f"{program}; [getattr(m, name) for name in m.__all__]") == set()


def test_the_package_needs_no_extra():
    """All modules can be loaded that are not an extra's own, where none is installed."""
    program = f"""
import pkgutil
sys.modules.update(dict.fromkeys({EXTRAS!r}))
import modelgates_api, modelgates_client, modelgates_runtime
for package in (modelgates_client, modelgates_api, modelgates_runtime):
    for _, name, _ in pkgutil.walk_packages(package.__path__, f"{{package.__name__}}."):
        if not name.startswith({OF_EXTRAS!r}) and ".hook-" not in name:
            __import__(name)
"""
    assert run(program) == set()
