"""Hooks for PyInstaller: what it cannot find by itself is named."""

import runpy
from importlib.metadata import entry_points
from pathlib import Path

import modelgates_client
from modelgates_client import testing
from modelgates_client.frozen import hook_dirs
from modelgates_client.reports import page


def hook(name):
    """Return what a hook tells PyInstaller."""
    (folder,) = hook_dirs()
    return runpy.run_path(str(Path(folder) / f"hook-{name}.py"))


def test_the_hooks_are_found_by_their_entry_point():
    """As PyInstaller looks for them."""
    found = [each.load() for each in entry_points(group="pyinstaller40", name="hook-dirs")]
    assert hook_dirs in found


def test_what_is_loaded_by_its_name_is_told():
    """Each home of a name that loads late, and each operation."""
    assert set(modelgates_client._HOMES.values()) <= set(hook("modelgates_client")["hiddenimports"])
    assert set(testing._HOMES.values()) <= set(hook("modelgates_client.testing")["hiddenimports"])
    assert (
        "modelgates_api.api.generations.get_generation" in hook("modelgates_api")["hiddenimports"]
    )


def test_the_files_of_the_page_are_packed():
    """Each that is no module."""
    packed = {Path(source).name for source, _ in hook("modelgates_client")["datas"]}
    files = {path.name for path in Path(page.__file__).parent.iterdir() if path.is_file()}
    assert {name for name in files if not name.endswith(".py")} <= packed


def test_the_driver_of_ledgers_is_packed():
    """The library, and the file that its module reads."""
    found = hook("adbc_driver_sqlite")
    assert found["binaries"]
    assert [Path(source).name for source, _ in found["datas"]] == ["_static_version.py"]
