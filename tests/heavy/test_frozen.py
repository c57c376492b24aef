"""A program frozen by PyInstaller gets a record, and has the page's files and the driver."""

import os
import subprocess
import sys

import pytest

from modelgates_client.testing import StubAPI

PROGRAM = """
from importlib.resources import files

from adbc_driver_sqlite import connect
from modelgates_client import ModelGates, NotFoundError
from modelgates_client.cli.reading import read_text

with ModelGates() as client:
    print(client.generations.get("gen-1").cost.charged)
    print([type(each).__name__ for each in client.generations.get_many(["gen-1"], wait=0)])
    try:
        client.generations.get("gen-none")
    except NotFoundError as error:
        print(error.status_code)
connect().close()
print(files("modelgates_client.reports.page").joinpath("page.css").is_file())
"""
#: Installed modules that the program does not use.
EXCLUDED = (
    *("IPython", "PIL", "click", "cryptography", "duckdb", "fastapi", "mcp", "mypy", "numpy"),
    *("openai", "opentelemetry", "pandas", "plotly", "polars", "pyarrow", "pydantic", "pytest"),
    *("rich", "setuptools", "trio", "werkzeug"),
)


@pytest.mark.slow("PyInstaller analyses every import of a program")
def test_a_frozen_program_has_all_that_it_needs(tmp_path):
    """PyInstaller finds the hooks by itself."""
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    options = ["--onedir", "--noconfirm", "--log-level", "ERROR", "--specpath", "."]
    options += [f"--exclude-module={name}" for name in EXCLUDED]
    environ = {**os.environ, "PYINSTALLER_CONFIG_DIR": str(tmp_path / "config")}
    command = [sys.executable, "-m", "PyInstaller", *options, "program.py"]
    build = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True)
    assert build.returncode == 0, build.stderr
    with StubAPI() as stub:
        stub.add("gen-1", total_cost=0.5)
        environ = {"MODELGATES_API_KEY": stub.api_key, "MODELGATES_BASE_URL": stub.base_url}
        result = subprocess.run(
            [str(tmp_path / "dist" / "program" / "program")],
            env=environ,
            capture_output=True,
            text=True,
        )
    assert result.stdout.split("\n") == ["0.5", "['Resolved']", "404", "True", ""], result.stderr
