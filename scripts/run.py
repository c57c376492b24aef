"""Runs a task of this project on a machine that has only Python (3.11 or newer) and git.

    python3 scripts/run.py demo     the main task, end to end
    python3 scripts/run.py test     all checks and tests

It installs nox into its own environment, once, and runs it with the given arguments; any session
of `noxfile.py` can be given. Nothing is installed outside the checkout.
"""

import hashlib
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "scripts" / "requirements" / "nox.txt"


def main() -> None:
    """Set up nox if needed, then run the sessions that the arguments name."""
    if sys.version_info < (3, 11):  # noqa: UP036 - any Python may start this file
        sys.exit(f"error: Python 3.11 or newer is needed, this is {sys.version.split()[0]}")
    sessions = sys.argv[1:]
    if not sessions or sessions[0] in {"-h", "--help"}:
        print((__doc__ or "").strip())
        print(f"\nSessions: python3 {Path(__file__).relative_to(ROOT)} --list")
        return
    if not REQUIREMENTS.is_file():
        sys.exit(f"error: {REQUIREMENTS.relative_to(ROOT)} is missing; restore it from git")
    home = environment()
    if not os.access(home.parent if home.parent.exists() else ROOT, os.W_OK):
        sys.exit(f"error: this user may not write to {ROOT}: run it in a clone of your own")
    ensure_home()
    if not (home / "ready").exists():
        set_up(home)
    bin_dir = home / ("Scripts" if os.name == "nt" else "bin")
    os.environ["MODELGATES_RUN_BY"] = f"python3 {Path(__file__).relative_to(ROOT).as_posix()}"
    os.environ["PATH"] = os.pathsep.join([str(bin_dir), os.environ.get("PATH", "")])
    options = sessions if sessions[0].startswith("-") else ["--session", *sessions]
    command = [python(home), "-m", "nox", "--noxfile", str(ROOT / "noxfile.py"), *options]
    sys.exit(subprocess.run(command, cwd=ROOT, check=False).returncode)


def ensure_home() -> None:
    """Set a home directory if there is none: nox, among others, fails without one."""
    try:
        Path.home()
    except RuntimeError:  # neither HOME nor an entry for this user
        os.environ["HOME"] = str(ROOT / ".nox" / "home")
        Path.home().mkdir(parents=True, exist_ok=True)


def environment() -> Path:
    """Return the path of the environment, one for each interpreter and set of requirements."""
    key = REQUIREMENTS.read_bytes() + sys.version.encode() + sys.executable.encode()
    return ROOT / ".nox" / f"bootstrap-{hashlib.sha256(key).hexdigest()[:12]}"


def python(home: Path) -> str:
    """Return the environment's interpreter."""
    return str(home / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))


def set_up(home: Path) -> None:
    """Create the environment; with the system's pip if Python has no ensurepip."""
    print(f"Setting up nox in {home.relative_to(ROOT)} (once) …", flush=True)
    venv = [sys.executable, "-m", "venv", "--clear"]
    if find_spec("ensurepip"):
        run([*venv, str(home)])
        pip = [python(home), "-m", "pip"]
    elif find_spec("pip"):
        run([*venv, "--without-pip", str(home)])
        pip = [sys.executable, "-m", "pip", "--python", python(home)]
    else:
        sys.exit(
            "error: this Python has neither ensurepip nor pip; install your system's packages "
            "for them (Debian, Ubuntu: apt install python3-venv)"
        )
    run([*pip, "install", "--quiet", "--require-hashes", "-r", str(REQUIREMENTS)])
    (home / "ready").touch()


def run(command: list[str]) -> None:
    """Run a command; if it fails, exit with its output."""
    environ = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"error: `{' '.join(command)}` failed:\n{done.stdout}{done.stderr}".rstrip())


if __name__ == "__main__":
    main()
