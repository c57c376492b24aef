"""Commands, which are loaded by their names."""

from PyInstaller.utils.hooks import collect_submodules

hiddenimports = collect_submodules("modelgates_client.cli")
