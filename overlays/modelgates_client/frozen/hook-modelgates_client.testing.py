"""What the stub loads by its name."""

from PyInstaller.utils.hooks import collect_submodules

hiddenimports = collect_submodules(
    "modelgates_client.testing", filter=lambda name: not name.endswith(".plugin")
)
