"""What a program does at its end while a stub is still open."""

import subprocess
import sys


def test_an_open_stub_does_not_keep_a_program_from_ending():
    code = "from modelgates_client.testing import StubAPI; stub = StubAPI(); print(stub.base_url)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("http://127.0.0.1:")
