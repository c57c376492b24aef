"""The client of a version, generated in a scratch directory, under the overlay that fits it."""

import ast
import contextlib
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from codegen import computed, generator
from common.project import PACKAGE, Project
from common.tool_errors import ToolError
from common.versions import Version
from normalizing.normal import NormalForm
from normalizing.operations import route

from backtesting.bodies import ResponseBody


@dataclass(frozen=True)
class GeneratedClient:
    """A generated client.

    Attributes:
        version: The name of the version that it was generated from.
        directory: Holds the package, which must not be imported into this process: it comes from
            an unreviewed document.
        runtime: Holds the runtime package that it imports.
        modules: The modules inside the package that decode an operation's responses, by the name
            of the operation and by its route.
        unknown: The computed properties that are unknown with it, each with the reason.
    """

    version: str
    directory: Path
    runtime: Path
    modules: Mapping[str, str]
    unknown: Mapping[str, str] = field(default_factory=dict)

    def module(self, body: ResponseBody) -> str | None:
        """Return the module of a body's operation, found by its id, or else by its route."""
        return self.modules.get(body.operation) or self.modules.get(body.route)


@contextlib.contextmanager
def generated(
    project: Project, versions: Iterable[Version]
) -> Iterator[dict[str, GeneratedClient]]:
    """Yield the clients of versions, by name, in a directory that is deleted afterwards.

    Raises:
        ToolError: One cannot be generated; the message names it.
    """
    with tempfile.TemporaryDirectory(prefix="modelgates-backtest-") as scratch:
        yield {
            version.name: generate(project, version, Path(scratch).resolve() / str(number))
            for number, version in enumerate(versions)
        }


def generate(project: Project, version: Version, directory: Path) -> GeneratedClient:
    """Generate the client of one version into a directory, which must not exist yet.

    Raises:
        ToolError: It cannot be generated; the message names the version.
    """
    root = directory / "project"
    for path in project.inputs():
        copy = root / path.relative_to(project.root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    scratch = Project(root)
    scratch.spec.write_bytes(version.content)
    if version.overlay is not None:
        scratch.overlay.write_bytes(version.overlay)
    try:
        normal = generator.prepare(scratch)
        with generator.generated(scratch, normal) as fresh:
            package = directory / "client"
            shutil.copytree(fresh, package)
        modules = modules_of(package / PACKAGE, normal)
    except ToolError as failure:
        raise ToolError(f"the client of {version.name} cannot be generated: {failure}") from None
    unknown = computed.lost(project, normal)
    return GeneratedClient(version.name, package, project.runtime.parent, modules, unknown)


def modules_of(package: Path, normal: NormalForm) -> dict[str, str]:
    """Return the module of each operation; each says in its docstring which one it is for."""
    modules: dict[str, str] = {}
    for file in sorted((package / "api").glob("*/*.py")):
        if file.name != "__init__.py":
            docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
            method, _, path = docstring.partition(" ")
            name = ".".join(file.relative_to(package).with_suffix("").parts)
            modules[route(method, path)] = name
    for operation in normal.operations:
        if operation.route not in modules:
            raise ToolError(f"no module says that it is for {operation.route}")
        modules[operation.key] = modules[operation.route]
    return modules
