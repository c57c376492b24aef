"""Hooks for PyInstaller: they name the modules and files that it cannot find by itself."""

import runpy
from importlib.metadata import entry_points
from pathlib import Path

import modelgates_client
from modelgates_client import testing
from modelgates_client.frozen import hook_dirs
from modelgates_client.reports import page


def run_hook(name):
    """Return the variables that a hook sets for PyInstaller."""
    (folder,) = hook_dirs()
    return runpy.run_path(str(Path(folder) / f"hook-{name}.py"))


def test_the_hooks_are_found_by_their_entry_point():
    """PyInstaller finds them so."""
    loaded = [each.load() for each in entry_points(group="pyinstaller40", name="hook-dirs")]
    assert hook_dirs in loaded


def test_hooks_name_the_lazily_imported_modules():
    """The module of each lazy name, and of each operation."""
    assert set(modelgates_client._HOMES.values()) <= set(
        run_hook("modelgates_client")["hiddenimports"]
    )
    assert set(testing._HOMES.values()) <= set(
        run_hook("modelgates_client.testing")["hiddenimports"]
    )
    assert (
        "modelgates_api.api.generations.get_generation"
        in run_hook("modelgates_api")["hiddenimports"]
    )


def test_the_files_of_the_html_page_are_packed():
    """Each file that is not a module."""
    packed = {Path(source).name for source, _ in run_hook("modelgates_client")["datas"]}
    files = {path.name for path in Path(page.__file__).parent.iterdir() if path.is_file()}
    assert {name for name in files if not name.endswith(".py")} <= packed


def test_the_ledger_driver_is_packed():
    """The library, and the file that its module reads."""
    variables = run_hook("adbc_driver_sqlite")
    assert variables["binaries"]
    assert [Path(source).name for source, _ in variables["datas"]] == ["_static_version.py"]
