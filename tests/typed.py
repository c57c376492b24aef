"""Runs of mypy that share what they learn."""

import os
import subprocess
import sys
from pathlib import Path

from filelock import FileLock

CACHE = Path(__file__).parents[1] / ".mypy_cache" / "tests"


def mypy(*arguments: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run mypy --strict, without a configuration; one run at a time, as its cache wants.

    It checks for the lowest version of Python, as pyright does, whichever version runs it: so all
    share the cache.

    The cache has the standard library and what else many runs read. mypy reads a file anew unless
    its content is the same, wherever it is.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    options = ("--strict", "--config-file=", "--python-version=3.11")
    command = [sys.executable, "-m", "mypy", *options, *map(str, arguments)]
    with FileLock(CACHE / "lock"):
        return subprocess.run(
            command,
            cwd=cwd,
            env={**os.environ, "MYPY_CACHE_DIR": str(CACHE), **environment},
            capture_output=True,
            text=True,
            check=False,
        )
