"""Atomic files: private, complete or absent, without leftovers of killed processes."""

import os
import subprocess
import sys

import pytest

from modelgates_client.cli.output import write_file
from modelgates_client.exports.atomic_files import replacing

HOLD = """
import sys
from modelgates_client.exports.atomic_files import replacing

with replacing(sys.argv[1]) as new:
    new.write_bytes(bytes(1000))
    print(new.parent, flush=True)
    sys.stdin.read()
"""

pytestmark = pytest.mark.skipif(os.name == "nt", reason="permissions and locks of POSIX")


def mode(path):
    """Return the permissions of a file."""
    return path.stat().st_mode & 0o777


def test_only_the_owner_may_read_a_new_file(tmp_path):
    """A replaced file keeps its permissions."""
    path = tmp_path / "page.html"
    write_file(str(path), "first")
    assert mode(path) == 0o600
    path.chmod(0o640)
    write_file(str(path), "second")
    assert (path.read_text(), mode(path)) == ("second", 0o640)
    assert list(tmp_path.iterdir()) == [path]


def test_folders_of_killed_processes_are_removed(tmp_path):
    """By the next writer of that name; folders in use and other hidden files stay."""
    path = tmp_path / "out.csv"
    other = tmp_path / ".out.csv.swp"
    other.write_text("an editor's")
    started = [
        subprocess.Popen(
            [sys.executable, "-c", HOLD, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    killed, living = started
    folders = [process.stdout.readline().strip() for process in started]
    killed.kill()
    killed.communicate()
    try:
        with replacing(str(path)) as new:
            new.write_text("new")
        assert {str(each) for each in tmp_path.iterdir()} == {str(path), str(other), folders[1]}
    finally:
        living.communicate("")
    assert {*tmp_path.iterdir()} == {path, other}
