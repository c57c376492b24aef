"""The maintainer's tasks, one verb a session; `python3 scripts/run.py NAME` needs no nox.

Everyday: `nox` (the same as `nox -s test`). After a change of an overlay or a template:
`nox -s regenerate`. When the spec changes: `vendor`, `drift`, `regenerate`, `test`.
"""

import ast
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nox
from filelock import FileLock
from nox.command import CommandFailed

nox.needs_version = ">=2026.10"
nox.options.default_venv_backend = "none"  # `environment` creates them, shared by sessions
nox.options.sessions = ["test"]
if not {"-s", "--session"} & {*sys.argv} or {"test", "tests"} & {*sys.argv}:  # several sessions
    nox.options.parallel = 6  # tests often wait: six keep two cores busy

ROOT = Path(__file__).parent
PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
CODEGEN = ("--require-hashes", "-r", "scripts/requirements/codegen.txt")
EXTRAS = ("-e", ".[all]")
TEST_GROUPS = ("test", "mocks", "doors")
LOCKED_GROUPS = (*TEST_GROUPS, "typing", "heavy", "coverage")
LOCKED = ("--require-hashes", "-r", "scripts/requirements/tests.txt")
PACKAGES = ("overlays/modelgates_client", "overlays/modelgates_runtime", "generated/modelgates_api")

# What stands on a dependency: each of them is used in these.
LOWEST = (
    "tests/calls/test_responses.py",
    "tests/cli/test_command.py",
    "tests/cli/test_export.py",
    "tests/cli/test_report.py",
    "tests/client/test_engines.py",
    "tests/client/test_hostile.py",
    "tests/client/test_life_cycle.py",
    "tests/client/test_network.py",
    "tests/client/test_proxies.py",
    "tests/exports",
    "tests/faults/test_happy_eyeballs.py",
    "tests/faults/test_protocol.py",
    "tests/records",
    "tests/reports/test_page.py",
    "tests/reports/test_terminal.py",
    "tests/rows",
    "tests/runtime",
    "tests/testing/test_exit.py",
    "tests/testing/test_stub.py",
)


def interpreters() -> dict[str, str]:
    """Return the installed versions from 3.11 on, with the paths of their commands."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found: dict[str, str] = {}
    for version in (f"3.{minor}" for minor in range(11, 16)):
        selected = shutil.which(f"python{version}")
        if (
            selected and Path(selected).parent != pyenv / "shims"
        ):  # they fail for versions that are not selected
            found[version] = selected
        for command in sorted(pyenv.glob(f"versions/{version}.*/bin/python{version}")):
            found.setdefault(version, str(command))
    found["{}.{}".format(*sys.version_info)] = sys.executable
    return dict(sorted(found.items()))


INTERPRETERS = interpreters()


def group(name: str) -> list[str]:
    """Return a dependency group of pyproject.toml."""
    return list(nox.project.dependency_groups(PROJECT, name))


def environment(
    session: nox.Session, name: str, *installs: tuple[str, ...], python: str = sys.executable
) -> None:
    """Create an environment if needed; put its programs first on the session's PATH.

    It is created again only when its inputs have changed, so that a second run needs no network;
    with uv if possible, otherwise with virtualenv and pip.

    Args:
        session: The session that needs it.
        name: Its name; sessions with the same name share it.
        installs: What to install, the arguments of one `pip install` each.
        python: The interpreter.
    """
    home = ROOT / ".nox" / name
    programs = home / ("Scripts" if os.name == "nt" else "bin")
    session.env.update(VIRTUAL_ENV=str(home), PYTHONDONTWRITEBYTECODE="")  # or all is compiled anew
    session.env["PATH"] = os.pathsep.join([str(programs), os.environ.get("PATH", os.defpath)])
    version_file = PROJECT["tool"]["hatch"]["version"]["path"]
    inputs = ("pyproject.toml", CODEGEN[-1], LOCKED[-1], version_file)
    contents = [(ROOT / name).read_text(encoding="utf-8") for name in inputs]
    made_of = repr((str(home), Path(python).resolve(), sys.version, installs, contents))
    key = hashlib.sha256(made_of.encode()).hexdigest()
    stamp = home / "made-of"
    home.parent.mkdir(exist_ok=True)
    with FileLock(f"{home}.lock"):
        if stamp.is_file() and stamp.read_text(encoding="utf-8") == key:
            return
        shutil.rmtree(home, ignore_errors=True)
        if not create_with_uv(session, home, programs / "python", python, installs):
            shutil.rmtree(home, ignore_errors=True)
            create_with_pip(session, home, programs / "python", python, installs)
        stamp.write_text(key, encoding="utf-8")


def create_with_uv(
    session: nox.Session,
    home: Path,
    inside: Path,
    python: str,
    installs: tuple[tuple[str, ...], ...],
) -> bool:
    """Create an environment with uv and the indexes of pip; return False if that fails."""
    uv = shutil.which("uv")
    if uv is None:
        return False
    as_pip = {**os.environ, **pip_settings()}
    commands = [
        ["venv", "--quiet", "--no-python-downloads", "--python", python, str(home)],
        *(["pip", "install", "--quiet", "--python", str(inside), *what] for what in installs),
    ]
    for command in commands:
        done = subprocess.run([uv, *command], cwd=ROOT, env=as_pip, check=False)
        if done.returncode:
            session.warn(f"`uv {' '.join(command)}` failed; pip is tried instead")
            return False
    return True


def pip_settings() -> dict[str, str]:
    """Return pip's configuration as variables of uv, which does not read pip's files."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(command, capture_output=True, encoding="utf-8", check=False).stdout
    settings = {"UV_INDEX_STRATEGY": "unsafe-best-match"}  # as pip has it
    names = {
        "find-links": ("UV_FIND_LINKS", ","),
        "index-url": ("UV_DEFAULT_INDEX", " "),
        "extra-index-url": ("UV_INDEX", " "),
        "cert": ("SSL_CERT_FILE", " "),
    }
    for line in listed.splitlines():
        key, _, value = line.partition("=")
        name, separator = names.get(key.rpartition(".")[2], ("", ""))
        if name and name not in os.environ:
            settings[name] = separator.join(ast.literal_eval(value).split())
    return settings


def create_with_pip(
    session: nox.Session,
    home: Path,
    inside: Path,
    python: str,
    installs: tuple[tuple[str, ...], ...],
) -> None:
    """Create an environment with virtualenv and pip; end the session if that fails."""
    session.run(sys.executable, "-m", "virtualenv", "--quiet", "-p", python, str(home))
    for what in installs:
        session.run(str(inside), "-m", "pip", "install", "--quiet", *what)


def project(session: nox.Session, version: str | None = None) -> None:
    """Use the environment that has everything any test or type checker needs."""
    python = INTERPRETERS[version] if version else sys.executable
    version = version or "{}.{}".format(*sys.version_info)
    ours = ("--no-deps", "-e", ".")
    environment(session, f"project-{version}", CODEGEN, LOCKED, ours, python=python)


def tools_alone(session: nox.Session) -> None:
    """Use the environment that has what turns the spec into code, and code into packages."""
    environment(session, "tools-alone", CODEGEN, ("build", "hatchling>=1.26", "pip"))


def packaging(session: nox.Session) -> None:
    """Use the same, and for installing what it builds, wheels that are kept here: no network."""
    tools_alone(session)
    wheels = ROOT / ".nox" / "tools-alone" / "wheels"
    needs: list[str] = [*PROJECT["project"]["dependencies"]]
    for extra in ("cli", "testing"):
        needs += PROJECT["project"]["optional-dependencies"][extra]
    if not wheels.exists():
        with tempfile.TemporaryDirectory(dir=wheels.parent) as partial:
            run(session, "python", "-m", "pip", "wheel", "--quiet", "--wheel-dir", partial, *needs)
            shutil.copytree(partial, wheels)
    session.env.update(PIP_NO_INDEX="1", PIP_FIND_LINKS=wheels.as_uri())


def run(session: nox.Session, name: str, *arguments: str, silent: bool = False) -> None:
    """Run a program of the session's environment."""
    session.run(program(session, name), *arguments, silent=silent)


def program(session: nox.Session, name: str) -> str:
    """Return where a program of the session's environment is."""
    found = shutil.which(name, path=session.env["PATH"])
    return found or session.error(f"{name} is not in the session's environment")


ON_EVERY = [f"tests-{version}" for version in reversed(INTERPRETERS)]


@nox.session(
    requires=[  # the longest first
        "tools",
        "heavy",
        "once",
        *ON_EVERY,
        "lowest",
        "comparison",
        "typing",
        "fresh",
        "package",
        "extras",
        "lint",
    ]
)
def test(session: nox.Session) -> None:
    """Run all checks: lint, types, freshness, tests, packages."""


@nox.session(allow_parallel=True)
def lint(session: nox.Session) -> None:
    """Check the style and formatting of hand-written code."""
    environment(session, "lint", tuple(group("lint")))
    run(session, "ruff", "check", ".")
    run(session, "ruff", "format", "--check", ".")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation site in site/; a broken link fails."""
    environment(session, "docs", tuple(group("docs")))
    session.env["NO_MKDOCS_2_WARNING"] = "1"  # the theme's, of another version
    run(session, "mkdocs", "build", "--strict", "--clean", *session.posargs)


@nox.session
def audit(session: nox.Session) -> None:
    """Look for known vulnerabilities of dependencies, and for weak spots in workflows and code."""
    environment(session, "audit", tuple(group("audit")))
    run(session, "zizmor", "--offline", ".github/workflows")
    run(session, "bandit", "--quiet", "--configfile", "pyproject.toml", "--recursive", *PACKAGES)
    # Strict: a package that the index does not know is an error, not skipped.
    for locked in ("codegen", "nox", "tests"):
        requirements = f"scripts/requirements/{locked}.txt"
        audited = ("--strict", "--disable-pip", "--require-hashes", "-r", requirements)
        run(session, "pip-audit", *audited)
    run(session, "pip-audit", "--strict", ".")


@nox.session
def release(session: nox.Session) -> None:
    """Build the distributions of a tag, if version, changelog and tag agree."""
    tools_alone(session)
    script(session, "release.py")


@nox.session(allow_parallel=True)
def typing(session: nox.Session) -> None:
    """Check the types of hand-written and generated code: mypy --strict and pyright."""
    project(session)
    cache = ROOT / ".mypy_cache" / "tests"  # which runs of mypy in tests share, one at a time
    cache.mkdir(parents=True, exist_ok=True)
    session.env["MYPY_CACHE_DIR"] = str(cache)
    for checked in (PACKAGES, ("noxfile.py",), ("scripts",)):
        with FileLock(cache / "lock"):
            run(session, "mypy", *checked)
    run(session, "pyright")


@nox.session
def regenerate(session: nox.Session) -> None:
    """Rewrite generated/ from the spec, the overlays and the configuration."""
    tools_alone(session)
    run(session, "python", "scripts/regenerate.py", *session.posargs)


@nox.session(allow_parallel=True)
def fresh(session: nox.Session) -> None:
    """Check that generated/ matches its inputs byte for byte; name the files that do not."""
    tools_alone(session)
    run(session, "python", "scripts/regenerate.py", "--check", *session.posargs)


@nox.session
def vendor(session: nox.Session) -> None:
    """Vendor a new spec from a URL or a file, and print what changed."""
    refuse_missing_files(session)
    tools_alone(session)
    script(session, "vendor.py")


@nox.session
def drift(session: nox.Session) -> None:
    """Report what a new spec breaks, and for whom, verified by execution."""
    refuse_missing_files(session)
    tools_alone(session)
    script(session, "drift.py")


@nox.session
def routine(session: nox.Session) -> None:
    """Take new specs through all checks in a scratch checkout, and report whether they pass."""
    refuse_missing_files(session)
    project(session)
    script(session, "routine.py")


@nox.session
def backtest(session: nox.Session) -> None:
    """Let the client of each version read what servers of the other versions may send."""
    refuse_missing_files(session)
    tools_alone(session)
    script(session, "backtest.py")


def refuse_missing_files(session: nox.Session) -> None:
    """End the session if an argument names a missing file, before an environment is created."""
    before_documents = ("--against", "--all-pairs", "--apply", "--no-backtest")
    for before, argument in zip(["", *session.posargs], session.posargs, strict=False):
        is_value = before.startswith("--") and "=" not in before and before not in before_documents
        is_no_path = argument.startswith("-") or "://" in argument or is_date(argument)
        if not is_value and not is_no_path and not Path(argument).is_file():
            session.warn(f"there is no file {argument!r}")
            sys.exit(2)


def is_date(argument: str) -> bool:
    """Whether an argument is the date of a kept version."""
    return re.fullmatch(r"\d{4}-\d\d-\d\d", argument) is not None


@nox.session
def pins(session: nox.Session) -> None:
    """Compile the pins of tools and tests again, with hashes; arguments go to uv.

    uv is installed with nox, by `scripts/requirements/nox.txt`, if `scripts/run.py` is used.
    """
    uv = shutil.which("uv") or session.error("uv is missing: run `python3 scripts/run.py pins`")
    options = ("--universal", "--generate-hashes", "--python-version", "3.11", "--no-header")
    compiled = (uv, "pip", "compile", "--quiet", *options, *session.posargs)
    with session.chdir(ROOT / "scripts"):
        for name in ("requirements/codegen", "requirements/nox"):
            session.run(*compiled, f"{name}.in", "--output-file", f"{name}.txt")
    groups = [f"--group={name}" for name in LOCKED_GROUPS]
    files = ("pyproject.toml", "--constraint", CODEGEN[-1], "--output-file", LOCKED[-1])
    session.run(*compiled, "--no-annotate", "--all-extras", *groups, *files)


def script(session: nox.Session, name: str) -> None:
    """Run a script with the arguments after `--`; exit with its status, not with nox's."""
    command = [program(session, "python"), f"scripts/{name}", *session.posargs]
    environ = os.environ | {key: value for key, value in session.env.items() if value is not None}
    status = subprocess.run(command, env=environ, check=False).returncode
    if status:
        sys.exit(status)


@nox.session
def contract(session: nox.Session) -> None:
    """Test the committed client against a server that follows the spec, status by status."""
    pytest(session, "tests/contract", *session.posargs)


@nox.session(requires=["once", *ON_EVERY])
def tests(session: nox.Session) -> None:
    """Run the tests of the packages; arguments after `--` go to pytest."""


@nox.session(allow_parallel=True)
def once(session: nox.Session) -> None:
    """Run the tests of the packages that do not depend on the interpreter, on the newest."""
    project(session, list(INTERPRETERS)[-1])
    run_pytest(session, "--on=one", *session.posargs)


def add_tests(version: str) -> None:
    """Add the session of one interpreter."""

    @nox.session(name=f"tests-{version}", allow_parallel=True)
    def tests_on(session: nox.Session) -> None:
        """Run the tests of the packages that depend on the interpreter, or all in given paths."""
        project(session, version)
        run_pytest(session, "--on=every", *session.posargs)


for _version in INTERPRETERS:
    add_tests(_version)


@nox.session(allow_parallel=True)
def lowest(session: nox.Session) -> None:
    """Run the tests that use dependencies with the lowest versions that pyproject.toml allows."""
    metadata = PROJECT["project"]
    # The MCP SDK needs newer versions of the base dependencies; `all` includes it.
    extras = {
        name: needs
        for name, needs in metadata["optional-dependencies"].items()
        if name not in {"all", "mcp"}
    }
    bounds = [bound for needs in (metadata["dependencies"], *extras.values()) for bound in needs]
    # `name>=1.2,<2` to `name==1.2`; other packages may be as new as these allow.
    pins = [re.sub(r">=([^,;\s]+).*", r"==\1", bound) for bound in bounds]
    oldest = next(iter(INTERPRETERS.values()))
    needs = ("-e", f".[{','.join(extras)}]", *group("pytest"), "ruamel.yaml", *pins)
    environment(session, "lowest", needs, python=oldest)
    run_pytest(session, *LOWEST, *session.posargs)


@nox.session
def newest(session: nox.Session) -> None:
    """Run the tests with the newest versions of all dependencies, on the newest interpreter."""
    needs = (*EXTRAS, *(need for name in TEST_GROUPS for need in group(name)), "ruamel.yaml")
    shutil.rmtree(ROOT / ".nox" / "newest", ignore_errors=True)  # what is newest changes
    environment(session, "newest", needs, python=list(INTERPRETERS.values())[-1])
    # What generates code has versions of its own, which are pinned.
    others = ("tests/attack", "tests/scripts", "tests/heavy", "tests/comparison")
    run_pytest(session, *(f"--ignore={path}" for path in others), *session.posargs)


@nox.session
def attack(session: nox.Session) -> None:
    """Attack the package for about an hour; `-- --bodies 1000` and the like say how much."""
    needs = (*EXTRAS, *(need for name in TEST_GROUPS for need in group(name)), *group("attack"))
    environment(session, "attack", CODEGEN, needs)
    fuzzing = ("--fuzz-seconds=10", "--decoder-seconds=600")
    whole = ("--bodies=1000000", *fuzzing, "--specs=100", "--ids=1000000")
    with scratch_folder(session):
        run(session, "pytest", "--durations=0", "tests/attack", *whole, *session.posargs)


@nox.session
def mutants(session: nox.Session) -> None:
    """Change modules in one place at a time, and list the changes that no test notices."""
    ours = ("--no-deps", "-e", ".")
    environment(session, "mutants", CODEGEN, LOCKED, ours, tuple(group("mutants")))
    script(session, "mutants.py")


@nox.session(allow_parallel=True)
def tools(session: nox.Session) -> None:
    """Run the tests of the maintainer's tools, on one interpreter like the tools themselves."""
    # By file: the tests of a file share generated code, which is then generated only once.
    by_file = ("--numprocesses=2", "--dist=loadfile", "--no-loadscope-reorder")
    pytest(session, *by_file, "tests/scripts", *session.posargs)


@nox.session(allow_parallel=True)
def heavy(session: nox.Session) -> None:
    """Run the tests that take long, on one interpreter: kills, a cluster, a browser."""
    find_browser(session)
    pytest(session, "--numprocesses=3", "tests/heavy", *session.posargs)


@nox.session(allow_parallel=True)
def comparison(session: nox.Session) -> None:
    """Test the page that compares this client with others, in a separate environment."""
    needs = (*EXTRAS, *group("pytest"), *group("comparison"))
    environment(session, "comparison", CODEGEN, needs)
    run_pytest(session, "tests/comparison", *session.posargs)


def find_browser(session: nox.Session) -> None:
    """Find Chromium, or install it if that needs no confirmation: on Debian, as root."""
    if any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")):
        return
    if not (shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0):
        session.error("the report's page is opened in Chromium: install it, then run this again")
    session.run("apt-get", "update", "-qq", external=True)
    session.run("apt-get", "install", "-y", "-qq", "chromium", external=True, silent=True)


@nox.session
def coverage(session: nox.Session) -> None:
    """Print untested branches; fail under 97 % coverage of the client, or 95 % of the scripts."""
    project(session)
    with scratch_folder(session) as scratch:
        session.env["COVERAGE_FILE"] = str(Path(scratch) / "coverage")
        suite = ("-m", "pytest", "--numprocesses=4", "--ignore=tests/comparison")
        missed: list[str] = []
        try:
            run(session, "coverage", "run", *suite, *session.posargs)
        except CommandFailed:
            missed.append("tests fail")  # reported after the coverage, which takes long to measure
        run(session, "coverage", "combine", "--quiet")
        report = ("coverage", "report", "--show-missing", "--skip-covered")
        minimum = {"scripts/*": 95, "overlays/*,generated/*": 97}
        for files, percent in minimum.items():
            try:
                run(session, *report, f"--include={files}", f"--fail-under={percent}")
            except CommandFailed:
                missed.append(f"{files} is covered by less than {percent} %")
    if missed:
        session.error("; ".join(missed))


def pytest(session: nox.Session, *arguments: str) -> None:
    """Run pytest on this interpreter."""
    project(session)
    run_pytest(session, *arguments)


def run_pytest(session: nox.Session, *arguments: str) -> None:
    """Run pytest in the session's environment."""
    with scratch_folder(session):
        run(session, "pytest", "--durations=20", *arguments)


@contextmanager
def scratch_folder(session: nox.Session) -> Iterator[str]:
    """Put all temporary files of a session into one folder, which is deleted at its end."""
    with tempfile.TemporaryDirectory(prefix="modelgates-", ignore_cleanup_errors=True) as scratch:
        session.env.update(TMPDIR=scratch, TEMP=scratch, TMP=scratch)
        yield scratch


@nox.session(allow_parallel=True)
def package(session: nox.Session) -> None:
    """Build the wheel and the sdist, check their files, and import the wheel by itself."""
    packaging(session)
    with tempfile.TemporaryDirectory() as dist:
        run(session, "python", "-m", "build", "--no-isolation", "--outdir", dist, silent=True)
        run(session, "python", "scripts/check_dist.py", dist)
        wheel, env = next(Path(dist).glob("*.whl")), Path(dist) / "env"
        run(session, "python", "-m", "venv", "--without-pip", str(env))
        python = str(env / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
        run(session, "python", "-m", "pip", "--python", python, "install", "--quiet", str(wheel))
        use = "import modelgates_client as m; [getattr(m, name) for name in m.__all__]"
        session.run(python, "-W", "error", "-c", use)


@nox.session(allow_parallel=True)
def extras(session: nox.Session) -> None:
    """Use each extra as its users do, in an environment with only that extra."""
    for extra in ("base", *PROJECT["project"]["optional-dependencies"]):
        environment(session, f"extra-{extra}", ("-e", "." if extra == "base" else f".[{extra}]"))
        run(
            session, "python", "-P", "tests/use_extras.py", extra
        )  # otherwise tests/mcp would hide mcp


@nox.session
def demo(session: nox.Session) -> None:
    """Show the main task: regenerate, compare, build, install, fetch a record from a stub."""
    packaging(session)
    run(session, "python", "scripts/demo.py")


@nox.session
def bench(session: nox.Session) -> None:
    """Print measurements of the client and its peers, as ratios; `-- --help` lists the parts."""
    if "growth" in session.posargs:
        project(session)  # the SDK of openrouter installs a `jsonpath` over the tools' own
    else:
        environment(session, "bench", CODEGEN, ("-e", ".[cli,fast,report]", *group("bench")))
    session.env.update(PYTHONPATH="scripts")
    run(session, "python", "-m", "benchmarks", *session.posargs)


@nox.session
def startup(session: nox.Session) -> None:
    """Print the CPU time of import, client and first request, compared with bare httpx."""
    session.posargs.insert(0, session.name)
    bench(session)


@nox.session
def bulk(session: nox.Session) -> None:
    """Print how fetching many records compares: on loopback, with latency, behind a limit."""
    session.posargs.insert(0, session.name)
    bench(session)
