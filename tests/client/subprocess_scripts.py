"""Test scripts that run in their own Python process."""

import os
import subprocess
import sys
from pathlib import Path

from .servers import KEY

#: Where the packages are, for scripts run by themselves.
PATH = os.pathsep.join(
    str(Path(__file__).parents[2] / folder) for folder in ("overlays", "generated")
)


def run(script, *arguments, options=()):
    """Run a script with an API key in its environment; return the words of its output."""
    done = subprocess.run(
        [sys.executable, "-W", "error", *options, "-c", script, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": PATH, "MODELGATES_API_KEY": KEY},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.split()
