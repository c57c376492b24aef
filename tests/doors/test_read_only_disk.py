"""A disk that is mounted read-only: reading works, and writing fails with one line."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from modelgates_client import ModelGates
from modelgates_client.ledger import Ledger
from modelgates_client.testing import StubAPI

#: A separate user and mount namespace, if the system allows it.
NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-ec")
MOUNT = """
    mount -t tmpfs disk "$1"
    cp "$2"/* "$1"
    mount -o remount,ro "$1"
    cd "$1"
    exec "$3" -B -c "$4"
"""
PROGRAM = """
import json, sys
import httpx
from modelgates_client.capture import capture
from modelgates_client.cli import main
from modelgates_client.ledger import LedgerError

for command in {commands}:
    sys.argv = ["modelgates", *command]
    try:
        status = main()
    except SystemExit as ended:
        status = ended.code
    print("", flush=True)
    print("status", status, *command, flush=True)
try:
    capture(httpx.Client(), to="costs.db")
except LedgerError as error:
    print(error)
    print("status 1 capture")
"""
READS = [
    ["get", "gen-1"],
    ["check", "costs.db"],
    ["report", "costs.db"],
    ["budget", "costs.db", "--max-usd", "1"],
    ["export", "costs.db", "--to", "-"],
]
WRITES = [
    ["export", "costs.db", "--to", "costs.csv"],
    ["fetch", "ids.txt", "--ledger", "costs.db"],
    ["fetch", "ids.txt", "--ledger", "new.db"],
    ["forget", "costs.db", "gen-1"],
]


@pytest.fixture
def outcomes(tmp_path):
    """Return each command's exit status and output lines, by the command."""
    (source := tmp_path / "source").mkdir()
    (disk := tmp_path / "disk").mkdir()
    (source / "ids.txt").write_text("gen-2\n", encoding="utf-8")
    with StubAPI() as stub:
        stub.add("gen-1", total_cost=0.5, is_byok=False)
        with (
            Ledger(source / "costs.db") as ledger,
            ModelGates(base_url=stub.base_url, api_key=stub.api_key) as client,
        ):
            ledger.add(client.generations.get_many(["gen-1"]))
        program = PROGRAM.format(commands=json.dumps(READS + WRITES))
        paths = (str(disk), str(source), sys.executable, program)
        result = subprocess.run(
            [*NAMESPACE, MOUNT, "sh", *paths],
            env={
                "PATH": os.environ["PATH"],
                "MODELGATES_API_KEY": stub.api_key,
                "MODELGATES_BASE_URL": stub.base_url,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    printed, outcomes_by_command = [], {}
    for line in result.stdout.splitlines():
        if line.startswith("status "):
            _, status, *command = line.split()
            outcomes_by_command[" ".join(command)] = int(status), [each for each in printed if each]
            printed = []
        else:
            printed.append(line)
    if not outcomes_by_command and "Traceback" not in result.stdout:
        pytest.skip(f"no disk can be mounted here: {result.stdout}")
    return outcomes_by_command


@pytest.mark.skipif(shutil.which("unshare") is None, reason="mounting needs unshare of Linux")
def test_reading_works_and_writing_fails_with_one_line(outcomes):
    """No traceback, and no success without having written."""
    assert {command: outcomes[command][0] for command in map(" ".join, READS)} == dict.fromkeys(
        map(" ".join, READS), 0
    )
    for command in ["capture", *map(" ".join, WRITES)]:
        status, lines = outcomes[command]
        assert status == 1, (command, lines)
        assert len(lines) == 1, (command, lines)
        assert re.search("[Rr]ead-only|writable", lines[0]), (command, lines)
