"""Tests hold wherever they are started: in any zone and locale, and in the background."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCAL = ("tests/rows", "tests/reports/test_periods.py", "tests/reports/test_terminal.py")
INTERRUPTED = ("tests/bulk/test_interrupts.py", "tests/cli/test_statuses.py")


def ignoring_ctrl_c():
    """Be as what a shell starts with `&`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def passes(paths, environ, **how):
    """Fail, saying why, unless the tests of some paths pass."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *paths]
    done = subprocess.run(
        command, cwd=ROOT, env=environ, stdin=subprocess.DEVNULL, capture_output=True, **how
    )
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-5000:]


@pytest.mark.parametrize(
    "setting", ["TZ=Asia/Kathmandu", "LANG=C", "LANG=tr_TR.UTF-8"], ids=lambda text: text
)
def test_they_hold_in_any_zone_and_locale(setting):
    """What writes and reads times, numbers and texts."""
    name, _, value = setting.partition("=")
    kept = {key: value for key, value in os.environ.items() if not key.startswith("LC_")}
    passes(LOCAL, {**kept, name: value})


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is a signal there")
def test_they_hold_in_the_background_with_next_to_no_environment():
    """Where Ctrl-C is ignored, nothing is a terminal, and there are PATH and HOME alone."""
    environ = {name: os.environ[name] for name in ("PATH", "HOME")}
    passes(INTERRUPTED, environ, preexec_fn=ignoring_ctrl_c, start_new_session=True)
