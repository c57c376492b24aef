"""Renders the normal form of a spec with openapi-python-client."""

import contextlib
import io
import os
import re
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

from common import documents, toolchain
from common.project import PACKAGE, Project
from common.tool_errors import ToolError
from jinja2 import BytecodeCache, TemplateError
from jinja2.bccache import Bucket
from normalizing import messages
from normalizing.normal import NormalForm, normalize
from openapi_python_client import Project as GeneratorProject
from openapi_python_client.config import Config, ConfigFile, MetaType
from openapi_python_client.parser import GeneratorData
from openapi_python_client.schema.untrusted_string import UntrustedString
from pydantic import ValidationError

from codegen import operations, overlay, rendering, updates
from codegen.properties import Properties
from codegen.updates import Update

_HEADER = "# Generated from openapi.yaml by `nox -s regenerate`; do not edit.\n"
#: The keys of the generator's configuration that are used here; the others are for its parser.
_KNOWN = {"package_name_override", "post_hooks", "project_name_override"}

_SHOWN = 300  # characters of the generator's message in an error


@contextlib.contextmanager
def generated(project: Project, normal: NormalForm | None = None) -> Iterator[Path]:
    """Yield a temporary directory with the contents that `project.generated` should have.

    Args:
        project: The project.
        normal: The result of `prepare` for it, if already computed.

    Raises:
        ToolError: An input is missing, malformed or contradictory.
    """
    normal = normal or prepare(project)
    with tempfile.TemporaryDirectory(prefix="modelgates-codegen-") as scratch:
        out = Path(scratch) / project.generated.name
        out.mkdir()
        _generate(project, normal, out / PACKAGE)
        yield out


def prepare(project: Project) -> NormalForm:
    """Return the normal form of the spec, with the overlay applied.

    Raises:
        ToolError: The spec or the overlay cannot be read, or no operation is supported.
    """
    normal = normalize(overlay.apply(documents.load(project.overlay), documents.load(project.spec)))
    if not normal.operations:
        problems = "\n".join(messages.lines(normal)) or "it describes no operation"
        raise ToolError(f"no operation of {project.spec.name} is supported: {problems}")
    return normal


def obsolete(project: Project) -> list[str]:
    """Return a line for each overlay action that only repeats the spec."""
    done: list[Update] = []
    overlay.apply(documents.load(project.overlay), documents.load(project.spec), done)
    reason = "only repeats the spec; delete it"
    return [f"obsolete: {action} {reason}" for action in updates.obsolete(done)]


def left_out(normal: NormalForm) -> list[str]:
    """Return a line for each part of the spec that the generated code omits, with the reason."""
    lost = [
        f"{operation.name}: {problem.pointer}: {problem.reason}"
        for operation in normal.omitted
        for problem in operation.problems
    ]
    return [*normal.left_out, *lost]


def _generate(project: Project, normal: NormalForm, package: Path) -> None:
    config = _config(project, package)
    try:
        data, properties = rendering.data(normal, config)
        operations.describe(normal, data)
    except (AttributeError, TypeError) as error:  # its internal classes have changed
        generator = f"{toolchain.GENERATOR} {version(toolchain.GENERATOR)}"
        reason = f"{generator} cannot represent {project.spec.name}: {_described(error)}"
        raise ToolError(reason) from error
    _render(project, data, properties, config, left_out(normal))
    for path in package.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        path.write_text(_HEADER + text, encoding="utf-8", newline="\n")
    (package / "py.typed").touch()


class _Generator(GeneratorProject):
    """The generator; it writes the resources of a client instead of an httpx client."""

    def _build_api(self) -> None:
        super()._build_api()
        (self.package_dir / "client.py").unlink()
        collections = list(self.openapi.endpoint_collections_by_tag.values())
        resources = self.package_dir / "resources"
        resources.mkdir()
        self._write("resources_init", resources / "__init__.py", collections=collections)
        for collection in collections:
            self._write("resource", resources / f"{collection.tag}.py", collection=collection)

    def _write(self, template: str, path: Path, **context: Any) -> None:
        text = self.env.get_template(f"{template}.py.jinja").render(**context)
        path.write_text(text, encoding=self.config.file_encoding)


class _CompiledTemplates(BytecodeCache):
    """The compiled templates of this process, which often generates several clients."""

    def __init__(self) -> None:
        self._compiled: dict[str, bytes] = {}

    def get_cache_key(self, name: str, filename: str | None = None) -> str:  # noqa: ARG002
        """Return the name: the same template in other checkouts is compiled once."""
        return name

    def load_bytecode(self, bucket: Bucket) -> None:
        """Load a template, which Jinja compares by a checksum of its source."""
        if compiled := self._compiled.get(bucket.key):
            bucket.bytecode_from_string(compiled)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep a template."""
        self._compiled[bucket.key] = bucket.bytecode_to_string()


_COMPILED_TEMPLATES = _CompiledTemplates()


def _render(
    project: Project,
    data: GeneratorData,
    properties: Properties,
    config: Config,
    left_out: list[str],
) -> None:
    runner = _Generator(openapi=data, config=config, custom_template_path=project.templates)
    runner.env.bytecode_cache = _COMPILED_TEMPLATES
    runner.env.globals["left_out"] = left_out
    runner.env.globals["fail"] = _fail
    runner.env.globals["tags"] = properties.tags
    runner.env.filters["literal"] = _literal
    try:
        with contextlib.redirect_stdout(io.StringIO()), _path(toolchain.search_path()):
            errors = runner.build()
    except TemplateError as error:
        place = f"{getattr(error, 'name', None) or 'a template'}:{getattr(error, 'lineno', '?')}"
        raise ToolError(f"{place} is not a valid template: {error}") from None
    except (ToolError, OSError):
        raise
    except Exception as error:  # a template can raise anything
        reason = f"the templates cannot render {project.spec.name}: {_described(error)}"
        raise ToolError(reason) from error
    if errors:
        problem = ": ".join(part for part in (errors[0].header, errors[0].detail) if part)
        raise ToolError(_readable(f"the generated code cannot be finished: {problem}"))


def _config(project: Project, package: Path) -> Config:
    name = project.config.name
    values = documents.load(project.config)
    if unknown := values.keys() - _KNOWN:
        known = ", ".join(sorted(_KNOWN))
        raise ToolError(f"{name} has an unknown key {min(unknown)!r}; the known keys are {known}")
    try:
        file = ConfigFile(**values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ToolError(f"{name}: {place}: {first['msg']}") from None
    if not file.post_hooks:
        raise ToolError(f"{name} has no `post_hooks`; without them, the output is not formatted")
    return Config.from_sources(
        file,
        MetaType.NONE,
        document_source=project.spec,
        file_encoding="utf-8",
        overwrite=True,
        output_path=package,
    )


@contextlib.contextmanager
def _path(directory: str) -> Iterator[None]:
    """Put a directory first on the PATH, so that post hooks find the pinned formatter."""
    before = os.environ.get("PATH", "")
    os.environ["PATH"] = os.pathsep.join([directory, before])
    try:
        yield
    finally:
        os.environ["PATH"] = before


def _literal(value: str | UntrustedString) -> str:
    """Return the Python literal of any text."""
    return repr(value if isinstance(value, str) else value.get_untrusted_value())


def _fail(message: str) -> NoReturn:
    raise ToolError(message)


def _described(error: Exception) -> str:
    return _readable(f"{type(error).__name__}: {error}")[:_SHOWN]


def _readable(message: str) -> str:
    """Return the generator's message without the reprs of untrusted strings."""
    return re.sub(r" *<[\w.]*UntrustedString object at \w+>", " …", message)
