"""Shows the main task end to end, without an API key: run it as `nox -s demo`.

It builds a wheel from the vendored spec, installs it into a fresh environment, and fetches a real
record with it from a stub of the API on loopback.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common.tool_errors import ToolError, run

ROOT = Path(__file__).resolve().parent.parent
RECORD = ROOT / "tests" / "records" / "2026-02-cancelled-stream.json"
STEPS = 5
ENVIRONMENT = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONUTF8": "1"}


def main() -> None:
    """Run the steps and print their progress."""
    with tempfile.TemporaryDirectory(prefix="modelgates-demo-") as scratch:
        with step(1, "Regenerating the client from openapi.yaml, comparing it with generated/"):
            call(sys.executable, "scripts/regenerate.py", "--check")
        with step(2, "Building the wheel"):
            call(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", scratch)
            wheel = next(Path(scratch).glob("*.whl"))
        with step(3, f"Installing {wheel.name} into a fresh environment"):
            home = Path(scratch) / "env"
            venv.create(home)
            python = str(home / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
            pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet"]
            call(*pip, f"modelgates-client[cli,testing] @ {wheel.as_uri()}")
        with step(4, "Starting the stub of the API on loopback"):
            stub, settings = start_stub(python, Path(scratch))
        try:
            generation_id = json.loads(RECORD.read_bytes())["data"]["id"]
            with step(5, f"Fetching {generation_id} through the installed wheel"):
                command = [python, "-m", "modelgates_client", "get", generation_id, "--summary"]
                output = call(*command, cwd=scratch, env=settings)
        finally:
            stub.terminate()
            stub.communicate()
    print(f"\n{output}", end="")


@contextmanager
def step(number: int, what: str) -> Iterator[None]:
    """Print a step, and how long it took in seconds."""
    print(f"[{number}/{STEPS}] {what} …", end="", flush=True)
    start = time.monotonic()
    try:
        yield
    except BaseException:
        print(" failed", flush=True)
        raise
    print(f" done ({time.monotonic() - start:.1f} s)", flush=True)


def call(*command: str, cwd: Path | str = ROOT, env: dict[str, str] | None = None) -> str:
    """Run a command and return its output.

    Raises:
        ToolError: It failed; the message has its output.
    """
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**ENVIRONMENT, **(env or {})},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        raise ToolError(f"`{' '.join(command)}` failed: {done.stdout} {done.stderr}")
    return done.stdout


def start_stub(python: str, cwd: Path) -> tuple[subprocess.Popen[str], dict[str, str]]:
    """Start the stub of the wheel; return it with the settings of a client for it."""
    stub = subprocess.Popen(
        [python, "-m", "modelgates_client", "stub", str(RECORD)],
        cwd=cwd,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    lines = [stub.stdout.readline(), stub.stdout.readline()] if stub.stdout else []
    settings = dict(line.strip().split("=", 1) for line in lines if "=" in line)
    if settings.keys() != {"MODELGATES_BASE_URL", "MODELGATES_API_KEY"}:
        _, errors = stub.communicate()
        raise ToolError(f"the stub did not start: {errors}")
    return stub, settings


if __name__ == "__main__":
    run(main)
