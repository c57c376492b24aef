"""Projects in temporary directories, and the package that a large spec is generated to."""

import contextlib
import hashlib
import importlib
import importlib.util
import io
import json
import os
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple

import pytest
from common import versions
from common.project import Project
from hypothesis.internal import constants_ast

ROOT = Path(__file__).parents[2]

#: An overlay without actions, for foreign specs.
NO_OVERLAY = "overlay: 1.0.0\ninfo: {title: Nothing, version: 1.0.0}\nactions: []\n"

#: The version that tests of the tools start from, and those that are kept beside it. A published
#: version never changes: what the tools say of it holds whichever one this project is at.
PINNED = "2026-05-13"
KEPT = (
    *("2026-05-24", "2026-05-28", "2026-05-30", "2026-06-02"),
    *("2026-06-08", "2026-06-09", "2026-06-10", "2026-06-23"),
)
#: Those versions, by their names.
FROZEN = {
    name: version
    for name, version in versions.all(Project(ROOT)).items()
    if name in {PINNED, *KEPT}
}
#: The URL of the project's spec.
SOURCE = "https://modelgates.ai/docs/api/api-reference/generations/get-generation"
#: A recorded response.
RECORD = "tests/records/2026-02-cancelled-stream.json"


#: What a new document changes in a checkout, and tests marked `frozen` must not read.
VENDORED = (str(ROOT / "openapi.yaml"), f"{ROOT / 'generated'}{os.sep}")
#: The files of the vendored document that were opened since the current test began.
opened: list[str] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of the tools as `frozen`, but for those that are marked `vendored`."""
    for item in items:
        if item.path.is_relative_to(ROOT / "tests" / "scripts") and (
            item.get_closest_marker("vendored") is None
        ):
            item.add_marker("frozen")


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and isinstance(arguments[0], str | os.PathLike):
        path = os.path.abspath(arguments[0])  # noqa: PTH100 - for every file that is opened
        if path.startswith(VENDORED) and not _is_hypothesis_reading():
            opened.append(path)


def _is_hypothesis_reading() -> bool:
    """Whether Hypothesis reads the source of the loaded modules: it draws their constants, too."""
    frame = sys._getframe()
    while frame is not None and frame.f_globals.get("__name__") != constants_ast.__name__:
        frame = frame.f_back
    return frame is not None


sys.addaudithook(_audit)


@pytest.fixture(autouse=True)
def independent_of_the_vendored_document(request: pytest.FixtureRequest) -> Iterator[None]:
    """Check that tests marked `frozen` read nothing that a new document changes.

    `nox -s routine` runs them once, not for each document. Their projects, and the programs that
    they start, are in temporary directories, at `PINNED`.
    """
    opened.clear()
    yield
    if request.node.get_closest_marker("frozen"):
        assert not opened, "mark this test `vendored`"


@pytest.fixture(scope="session", autouse=True)
def run_by_nox() -> Iterator[None]:
    """Make hints name nox sessions, however the tests are run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MODELGATES_RUN_BY", raising=False)
        yield


class Ended(NamedTuple):
    """The result of a script: its status or error line, and its output."""

    status: str | int | None
    output: str
    errors: str


def run_script(root: Path, name: str, *arguments: object, stdin: bytes = b"") -> Ended:
    """Run a script as the maintainer does, but in this process, which saves most of its time.

    Other exceptions than SystemExit would be a traceback, and are raised.
    """
    output, errors, status = io.StringIO(), io.StringIO(), None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [name, "--root", str(root), *map(str, arguments)])
        patch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(stdin)))
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            try:
                runpy.run_path(str(ROOT / "scripts" / name), run_name="__main__")
            except SystemExit as end:
                status = end.code
    return Ended(status, output.getvalue(), errors.getvalue())


class ProjectCopy:
    """A copy of the inputs of generation, for tests to change."""

    def __init__(self, root: Path, source: Path) -> None:
        self.root = root
        shutil.copytree(source, root, dirs_exist_ok=True)

    def set_spec(self, spec: dict[str, Any] | str) -> None:
        """Replace openapi.yaml and update the lock."""
        text = spec if isinstance(spec, str) else json.dumps(spec, ensure_ascii=False, indent=1)
        self.write("openapi.yaml", text)
        lock = json.loads(self.read("openapi.lock.json"))
        lock["spec"]["sha256"] = hashlib.sha256(text.encode()).hexdigest()
        self.write("openapi.lock.json", json.dumps(lock))

    def read(self, name: str) -> str:
        """Return the text of a file."""
        return (self.root / name).read_text(encoding="utf-8")

    def write(self, name: str, text: str) -> None:
        """Write a file."""
        (self.root / name).write_text(text, encoding="utf-8", newline="\n")

    def replace(self, name: str, old: str, new: str) -> None:
        """Replace a text in a file, which must be there."""
        text = self.read(name)
        assert old in text
        self.write(name, text.replace(old, new))

    def regenerate(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the script as the maintainer does; in a separate process with an environment."""
        if not environment:
            status, output, errors = run_script(self.root, "regenerate.py", *arguments)
            if isinstance(status, str):  # as Python does with it
                status, errors = 1, f"{errors}{status}\n"
            return subprocess.CompletedProcess(arguments, status or 0, output, errors)
        return subprocess.run(
            [sys.executable, ROOT / "scripts" / "regenerate.py", "--root", self.root, *arguments],
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environment},
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )

    def files(self) -> dict[str, bytes]:
        """Return everything in the project."""
        return {
            path.relative_to(self.root).as_posix(): path.read_bytes()
            for path in self.root.rglob("*")
            if path.is_file()
        }

    def refusal(self, *arguments: str) -> str:
        """Run the script, which must fail with one line and change nothing; return the line."""
        before = self.files()
        ended = run_script(self.root, "regenerate.py", *arguments)
        assert self.files() == before
        assert ended.output + ended.errors == ""
        line = str(ended.status)
        assert line.startswith("error: ")
        assert "\n" not in line
        return line.removeprefix("error: ")


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The inputs of generation: this project's tools, `PINNED`, and the stored versions `KEPT`.

    The tests do not depend on the version that is vendored now.
    """
    root = tmp_path_factory.mktemp("inputs")
    (root / "scripts" / "requirements").mkdir(parents=True)
    (root / "overlays").mkdir()
    (root / "tests" / "records").mkdir(parents=True)
    for name in ("codegen-config.yaml", "scripts/requirements/codegen.txt", RECORD):
        shutil.copy(ROOT / name, root / name)
    ignore = shutil.ignore_patterns("__pycache__")
    for name in ("overlays/templates", "overlays/modelgates_runtime"):
        shutil.copytree(ROOT / name, root / name, ignore=ignore)
    stand_at_pinned(root)
    store = versions.store(Project(root))
    store.mkdir(parents=True)
    lines = (versions.store(Project(ROOT)) / versions.SUMS).read_text().splitlines(keepends=True)
    lines_kept = [line for line in lines if line[66:].startswith(KEPT) and ".overlay." not in line]
    (store / versions.SUMS).write_text("".join(lines_kept))
    for name in KEPT:
        for file in versions.store(Project(ROOT)).glob(f"{name}.[dy]*"):
            shutil.copy(file, store)
    return root


@pytest.fixture(scope="session")
def foreign(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project without an overlay, for specs that are not ours."""
    copied = ProjectCopy(tmp_path_factory.mktemp("foreign"), inputs)
    copied.write("overlays/spec.overlay.yaml", NO_OVERLAY)
    return Project(copied.root)


def stand_at_pinned(root: Path) -> None:
    """Put the spec of `PINNED`, its lock and the overlay that fits it into a project."""
    spec = FROZEN[PINNED]
    (root / "openapi.yaml").write_bytes(spec.content)
    overlay = spec.overlay or Project(ROOT).overlay.read_bytes()
    (root / "overlays" / "spec.overlay.yaml").write_bytes(overlay)
    lock = json.loads((ROOT / "openapi.lock.json").read_text(encoding="utf-8"))
    digest = hashlib.sha256(spec.content).hexdigest()
    lock["spec"] = {"source": SOURCE, "retrieved": PINNED, "sha256": digest}
    (root / "openapi.lock.json").write_text(json.dumps(lock, indent=2) + "\n")


@pytest.fixture
def project(inputs: Path, tmp_path: Path) -> ProjectCopy:
    """A project at `PINNED`, without generated/."""
    return ProjectCopy(tmp_path, inputs)


class Drift:
    """Runs the command in this process, without a terminal."""

    def __init__(self, project: ProjectCopy) -> None:
        self.project = project
        self.text = project.read("openapi.yaml")

    def __call__(self, *arguments):
        """Return the exit status, and what was written to stdout and stderr."""
        return run_script(self.project.root, "drift.py", *arguments)

    def spec(self, *replacements, name="new.yaml"):
        """Write a spec that differs from the vendored one."""
        text = self.text
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new)
        self.project.write(name, text)
        return self.project.root / name


@pytest.fixture
def drift(project):
    """The command, for a project whose spec, version and accepted differences stay the same."""
    for name, text in (
        ("overlays/accepted-differences.yaml", "accepted: []\n"),
        ("overlays/modelgates_client/_version.py", '__version__ = "0.1.0"\n'),
    ):
        (project.root / name).parent.mkdir(exist_ok=True)
        project.write(name, text)
    return Drift(project)


@pytest.fixture(scope="session")
def ours(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> ProjectCopy:
    """A project at `PINNED`, regenerated; tests must not change it."""
    copied = ProjectCopy(tmp_path_factory.mktemp("ours"), inputs)
    done = copied.regenerate()
    assert done.returncode == 0, done.stderr
    return copied


@pytest.fixture
def regenerated(ours: ProjectCopy, tmp_path: Path) -> ProjectCopy:
    """A project at `PINNED`, regenerated, for a test to change."""
    return ProjectCopy(tmp_path, ours.root)


def load(path: Path) -> ModuleType:
    """Import a file that is on no path."""
    found = importlib.util.spec_from_file_location(path.stem, path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def bodies() -> ModuleType:
    """The maker of bodies, tests/specs/bodies.py."""
    return load(ROOT / "tests" / "specs" / "bodies.py")


@pytest.fixture(scope="session")
def large_spec() -> dict[str, Any]:
    """The spec of a hundred operations, tests/specs/large.py."""
    spec: dict[str, Any] = load(ROOT / "tests" / "specs" / "large.py").build()
    return spec


@pytest.fixture(scope="session")
def large(
    inputs: Path, large_spec: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> ProjectCopy:
    """The project of the large spec, regenerated; tests must not change it."""
    copied = ProjectCopy(tmp_path_factory.mktemp("large"), inputs)
    copied.write("overlays/spec.overlay.yaml", NO_OVERLAY)
    copied.set_spec(large_spec)
    done = copied.regenerate()
    assert done.returncode == 0, done.stderr
    return copied


@pytest.fixture(scope="session")
def large_api(large: ProjectCopy, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Any]:
    """Import from the package of the large spec, under a name that hides no other package."""
    parent = tmp_path_factory.mktemp("import")
    shutil.copytree(large.root / "generated" / "modelgates_api", parent / "large_api")
    sys.path.insert(0, str(parent))

    def load_module(name: str) -> Any:
        return importlib.import_module(f"large_api.{name}" if name else "large_api")

    return load_module
