"""The package in a zip on the path, without HOME and without a writable folder."""

import subprocess
import sys
import zipfile
from pathlib import Path

import modelgates_api
import modelgates_client
import modelgates_runtime
from modelgates_client.testing import StubAPI

PACKAGES = (modelgates_api, modelgates_client, modelgates_runtime)

PROGRAM = """
import sys

HOMES = {homes!r}
sys.path[:] = [{archive!r}, *(path for path in sys.path if path not in HOMES)]
import modelgates_client
from modelgates_client.cli import main
from modelgates_client.reports.page.document import _part

assert modelgates_client.__file__.startswith({archive!r}), modelgates_client.__file__
assert "<html" in _part("page.html")
sys.exit(main())
"""


def test_the_command_runs_from_a_zip_without_a_home(tmp_path):
    """The files of the HTML page can be read, too."""
    archive, homes = str(tmp_path / "packages.zip"), []
    with zipfile.ZipFile(archive, "w") as packed:
        for package in PACKAGES:
            folder = Path(package.__file__).parent
            homes.append(str(folder.parent))
            for path in folder.rglob("*"):
                if path.is_file() and path.suffix != ".pyc":
                    packed.write(path, path.relative_to(folder.parent))
    program = PROGRAM.format(homes=homes, archive=archive)
    with StubAPI() as stub:
        stub.add("gen-1", total_cost=0.5)
        environ = {"MODELGATES_API_KEY": stub.api_key, "MODELGATES_BASE_URL": stub.base_url}
        result = subprocess.run(
            [sys.executable, "-B", "-c", program, "get", "gen-1"],
            cwd="/",
            env=environ,
            capture_output=True,
            text=True,
        )
    assert '"total_cost":0.5' in result.stdout, result.stderr
    assert result.returncode == 0
