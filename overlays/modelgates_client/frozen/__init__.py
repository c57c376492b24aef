"""What PyInstaller has to be told to freeze a program with this package: its hooks.

PyInstaller finds them by the entry point `pyinstaller40`; each is a file `hook-MODULE.py` here.
"""

from pathlib import Path


def hook_dirs() -> list[str]:
    """Return the folder of the hooks."""
    return [str(Path(__file__).parent)]
