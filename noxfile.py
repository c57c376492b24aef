"""The maintainer's tasks, one verb a session; `python3 scripts/run.py NAME` needs no nox.

Everyday: `nox` (the same as `nox -s test`). After a change of an overlay or a template:
`nox -s regenerate`. When the spec changes: `vendor`, `drift`, `regenerate`, `test`.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nox

nox.needs_version = ">=2025.2"
nox.options.default_venv_backend = "virtualenv"
nox.options.sessions = ["test"]
nox.options.error_on_missing_interpreters = True

PROJECT = nox.project.load_toml("pyproject.toml")
CODEGEN = ("--require-hashes", "-r", "scripts/requirements/codegen.txt")
EXTRAS = ".[cli,fast,report,testing]"
PACKAGES = ("overlays/modelgates_client", "overlays/modelgates_runtime", "generated/modelgates_api")
BENCHMARKS = {"PYTHONPATH": "scripts"}  # they share modules with the other tools


def interpreters() -> list[str]:
    """Return the versions from 3.11 on whose interpreter is found here and runs."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for directory in sorted(pyenv.glob("versions/3.*/bin")):  # its shims hide what is not selected
        os.environ["PATH"] += os.pathsep + str(directory)
    found: list[str] = []
    for minor in range(11, 16):
        command = shutil.which(f"python3.{minor}")
        check = [str(command), "-c", f"import sys; sys.exit(sys.version_info[:2] != (3, {minor}))"]
        if command and subprocess.run(check, capture_output=True, check=False).returncode == 0:
            found.append(f"3.{minor}")
    return found


INTERPRETERS = interpreters()


def group(name: str) -> list[str]:
    """Return a dependency group of pyproject.toml."""
    return list(nox.project.dependency_groups(PROJECT, name))


@nox.session(venv_backend="none")
def test(session: nox.Session) -> None:
    """Everything that must hold: lint, types, freshness, tests, packages."""
    versions = [f"tests-{version}" for version in INTERPRETERS]
    for name in ("lint", "typing", "fresh", "tools", *versions, "heavy", "package"):
        session.notify(name)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting of what is written by hand."""
    session.install(*group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def typing(session: nox.Session) -> None:
    """Check types: mypy --strict and pyright, ours and the generated code's."""
    session.install(*CODEGEN)
    session.install("-e", EXTRAS, *group("test"), *group("typing"))
    session.run("mypy", *PACKAGES)
    session.run("mypy", "noxfile.py")
    session.run("mypy", "scripts")
    session.run("pyright")


@nox.session
def regenerate(session: nox.Session) -> None:
    """Rewrite generated/ from the spec, the overlays and the configuration."""
    session.install(*CODEGEN)
    session.run("python", "scripts/regenerate.py", *session.posargs)


@nox.session
def fresh(session: nox.Session) -> None:
    """Fail, naming files, unless generated/ is byte for byte what its inputs yield."""
    session.install(*CODEGEN)
    session.run("python", "scripts/regenerate.py", "--check", *session.posargs)


@nox.session
def vendor(session: nox.Session) -> None:
    """Take a new spec from a URL or a file, and say what changed."""
    session.install(*CODEGEN)
    script(session, "vendor.py")


@nox.session
def drift(session: nox.Session) -> None:
    """Judge a new spec: what it breaks, for whom, proven by execution."""
    session.install(*CODEGEN)
    script(session, "drift.py")


@nox.session
def backtest(session: nox.Session) -> None:
    """Let the client of each version read what the servers of the others may send."""
    session.install(*CODEGEN)
    script(session, "backtest.py")


def script(session: nox.Session, name: str) -> None:
    """Run a script with the arguments after `--`; end with its own exit status, not with nox's."""
    command = [str(Path(session.bin) / "python"), f"scripts/{name}", *session.posargs]
    status = subprocess.run(command, check=False).returncode
    if status:
        sys.exit(status)


@nox.session
def contract(session: nox.Session) -> None:
    """Hold the committed client against a server that follows the spec, status by status."""
    pytest(session, "tests/contract", *session.posargs)


@nox.session(python=INTERPRETERS)
def tests(session: nox.Session) -> None:
    """Run the tests of the packages; arguments after `--` go to pytest."""
    pytest(session, "--ignore=tests/scripts", "--ignore=tests/heavy", *session.posargs)


@nox.session
def tools(session: nox.Session) -> None:
    """Run the tests of the maintainer's tools, which run on one interpreter as they do."""
    pytest(session, "tests/scripts", *session.posargs)


@nox.session
def heavy(session: nox.Session) -> None:
    """Run the tests that take long, on one interpreter: kills, a cluster, a browser."""
    session.install(*group("heavy"))
    find_browser(session)
    pytest(session, "tests/heavy", *session.posargs)


def find_browser(session: nox.Session) -> None:
    """See that there is a Chromium; install it where nobody is to be asked: Debian, as root."""
    if any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")):
        return
    if not (shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0):
        session.error("the report's page is opened in Chromium: install it, then run this again")
    session.run("apt-get", "update", "-qq", external=True)
    session.run("apt-get", "install", "-y", "-qq", "chromium", external=True, silent=True)


def pytest(session: nox.Session, *arguments: str) -> None:
    """Run pytest with everything that any test needs."""
    session.install(*CODEGEN)
    session.install("-e", EXTRAS, *group("test"), *group("typing"))
    # Most of the time is waiting, for servers that misbehave: four processes, on any machine.
    session.run("pytest", "--numprocesses=4", *arguments)


@nox.session
def package(session: nox.Session) -> None:
    """Build wheel and sdist, check what they hold, import the wheel with its own needs alone."""
    session.install("build")
    with tempfile.TemporaryDirectory() as dist:
        session.run("python", "-m", "build", "--outdir", dist, silent=True)
        session.run("python", "scripts/check_dist.py", dist)
        wheel, env = next(Path(dist).glob("*.whl")), Path(dist) / "env"
        session.run("python", "-m", "venv", "--without-pip", str(env))
        python = str(env / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
        session.run("python", "-m", "pip", "--python", python, "install", "--quiet", str(wheel))
        use = "import modelgates_client as m; [getattr(m, name) for name in m.__all__]"
        session.run(python, "-W", "error", "-c", use, external=True)


@nox.session
def demo(session: nox.Session) -> None:
    """Show the main job: regenerate, compare, build, install, fetch a record from a stub."""
    session.install(*CODEGEN)
    session.install("build")
    session.run("python", "scripts/demo.py")


@nox.session
def bench(session: nox.Session) -> None:
    """Print how decoding compares: instructions and memory, as ratios."""
    session.install(*CODEGEN)
    session.install(*group("bench"))
    session.run("python", "scripts/benchmarks/bench_decode.py", *session.posargs, env=BENCHMARKS)


@nox.session
def bulk(session: nox.Session) -> None:
    """Print how `get_many` compares, as ratios of one run: on loopback, with latency, limited."""
    session.install(*CODEGEN)
    session.install("-e", ".[fast]", *group("bulk"))
    session.run("python", "scripts/benchmarks/bench_bulk.py", *session.posargs, env=BENCHMARKS)


@nox.session
def startup(session: nox.Session) -> None:
    """Print what import, client and first request cost, against bare httpx, in CPU."""
    session.install(".")
    session.run("python", "scripts/benchmarks/bench_startup.py", *session.posargs, env=BENCHMARKS)
