"""Programs frozen by PyInstaller: it finds the hooks, and thereby all that they need."""

import asyncio
import os
import subprocess
import sys

import pytest
from mcp import Client, StdioServerParameters

from modelgates_client.ledger import Ledger
from modelgates_client.testing import StubAPI

GUARD_S = 120.0  # a generous limit for a busy machine
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
COMMAND = """
import sys
from modelgates_client.cli import main

sys.exit(main())
"""
#: Installed modules that no program uses, and those that only the command uses.
UNUSED = (
    *("IPython", "PIL", "aiohttp", "dask", "distributed", "fastapi", "fsspec", "hypothesis"),
    *("mypy", "numpy", "openai", "pandas", "plotly", "polars", "pyarrow", "pygments", "pytest"),
    *("setuptools", "tornado", "trio", "werkzeug"),
)
OF_THE_COMMAND = ("click", "cryptography", "duckdb", "mcp", "opentelemetry", "pydantic", "rich")


@pytest.fixture
def freeze(tmp_path):
    """Freeze a program without some modules; return the path of its executable."""

    def freeze(text, excluded):
        (tmp_path / "program.py").write_text(text, encoding="utf-8")
        options = ["--onedir", "--noconfirm", "--log-level", "ERROR", "--specpath", "."]
        options += [f"--exclude-module={name}" for name in excluded]
        environ = {**os.environ, "PYINSTALLER_CONFIG_DIR": str(tmp_path / "config")}
        command = [sys.executable, "-m", "PyInstaller", *options, "program.py"]
        build = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True)
        assert build.returncode == 0, build.stderr
        return str(tmp_path / "dist" / "program" / "program")

    return freeze


@pytest.mark.slow("PyInstaller analyses every import of a program")
def test_a_frozen_program_has_all_that_it_needs(freeze):
    """It gets a record, and has the page's files and the driver."""
    program = freeze(PROGRAM, (*UNUSED, *OF_THE_COMMAND))
    with StubAPI() as stub:
        stub.add("gen-1", total_cost=0.5)
        environ = {"MODELGATES_API_KEY": stub.api_key, "MODELGATES_BASE_URL": stub.base_url}
        result = subprocess.run([program], env=environ, capture_output=True, text=True)
    assert result.stdout.split("\n") == ["0.5", "['Resolved']", "404", "True", ""], result.stderr


@pytest.mark.slow("PyInstaller analyses every import of a program")
def test_the_frozen_command_serves_ai_clients(freeze, tmp_path):
    """`modelgates mcp` looks up a record and reports a ledger."""
    program = freeze(COMMAND, UNUSED)
    ledger = str(tmp_path / "costs.db")
    Ledger(ledger).close()

    async def call(environ):
        arguments = ["mcp", "--ledger", ledger]
        command = StdioServerParameters(command=program, args=arguments, env=environ)
        async with asyncio.timeout(GUARD_S), Client(command) as client:
            record = await client.call_tool("get_generation", {"generation_id": "gen-1"})
            report = await client.call_tool("report", {"by": ["model"]})
            return record.structured_content, report.structured_content

    with StubAPI() as stub:
        stub.add("gen-1", total_cost=0.5)
        environ = {"MODELGATES_API_KEY": stub.api_key, "MODELGATES_BASE_URL": stub.base_url}
        record, report = asyncio.run(call(environ))
    assert record["charged_usd"] == "0.5"
    assert report["total"]["all_in_usd"]["known"] == "0"
