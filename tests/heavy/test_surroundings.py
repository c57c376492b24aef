"""Tests pass in any time zone and locale, and in the background."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCAL = ("tests/rows", "tests/reports/test_periods.py", "tests/reports/test_terminal.py")
INTERRUPTED = ("tests/bulk/test_interrupts.py", "tests/cli/test_statuses.py")


def ignore_ctrl_c():
    """Ignore SIGINT, as a process that a shell starts with `&` does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def run_tests(paths, environ, **options):
    """Run the tests of some paths; fail with their output unless they pass."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *paths]
    result = subprocess.run(
        command, cwd=ROOT, env=environ, stdin=subprocess.DEVNULL, capture_output=True, **options
    )
    assert result.returncode == 0, result.stdout.decode(errors="replace")[-5000:]


@pytest.mark.parametrize(
    "settings",
    [{"TZ": "Asia/Kathmandu", "LANG": "C"}, {"TZ": "UTC", "LANG": "tr_TR.UTF-8"}],
    ids=lambda settings: settings["LANG"],
)
def test_tests_pass_in_any_zone_and_locale(settings):
    """Those of code that formats and parses times, numbers and texts."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("LC_")}
    run_tests(LOCAL, inherited | settings)


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_tests_pass_in_the_background_with_a_minimal_environment():
    """SIGINT is ignored, no stream is a terminal, and only PATH and HOME are set."""
    environ = {name: os.environ[name] for name in ("PATH", "HOME")}
    run_tests(INTERRUPTED, environ, preexec_fn=ignore_ctrl_c, start_new_session=True)
