"""Lets openapi-python-client render what a spec comes to in its normal form."""

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
from jinja2 import TemplateError
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
#: What of the generator's configuration is of use here; the rest of it is for its own parser.
_KNOWN = {"class_overrides", "field_prefix", "post_hooks"}
_KNOWN |= {"package_name_override", "project_name_override"}

_SHOWN = 300  # characters of the generator's own words that are worth showing


@contextlib.contextmanager
def generated(project: Project, normal: NormalForm | None = None) -> Iterator[Path]:
    """Yield a temporary directory that holds what `project.generated` should.

    Args:
        project: The project.
        normal: What `prepare` returns for it, if that is at hand.

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
    """Return what is generated from: the spec under its overlay, in its normal form.

    Raises:
        ToolError: The spec or the overlay cannot be read, or nothing of the spec can be carried.
    """
    normal = normalize(overlay.apply(documents.load(project.overlay), documents.load(project.spec)))
    if not normal.operations:
        words = "\n".join(messages.lines(normal)) or "it describes no operation"
        raise ToolError(f"nothing of {project.spec.name} can be carried: {words}")
    return normal


def obsolete(project: Project) -> list[str]:
    """Return the actions of the overlay that say only what the spec says, a line each."""
    done: list[Update] = []
    overlay.apply(documents.load(project.overlay), documents.load(project.spec), done)
    words = "says only what the spec says, too; delete it"
    return [f"obsolete: {action} {words}" for action in updates.obsolete(done)]


def left_out(normal: NormalForm) -> list[str]:
    """Return what of the spec the generated code neither sends nor reads, with the reason."""
    lost = [
        f"{one.name}: {problem.pointer}: {problem.reason}"
        for one in normal.lost
        for problem in one.problems
    ]
    return [*normal.left_out, *lost]


def _generate(project: Project, normal: NormalForm, package: Path) -> None:
    config = _config(project, package)
    try:
        data, properties = rendering.data(normal, config)
        operations.describe(normal, data, config.field_prefix)
    except (AttributeError, TypeError) as error:  # it has moved what is built of it here
        generator = f"{toolchain.GENERATOR} {version(toolchain.GENERATOR)}"
        words = f"{generator} does not make what {project.spec.name} comes to: {_described(error)}"
        raise ToolError(words) from error
    _render(project, data, properties, config, left_out(normal))
    for path in package.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        path.write_text(_HEADER + text, encoding="utf-8", newline="\n")
    (package / "py.typed").touch()


class _Generator(GeneratorProject):
    """The generator; it writes a client's resources in place of a client over httpx."""

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


def _render(
    project: Project,
    data: GeneratorData,
    properties: Properties,
    config: Config,
    left_out: list[str],
) -> None:
    runner = _Generator(openapi=data, config=config, custom_template_path=project.templates)
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
        words = f"the templates cannot render {project.spec.name}: {_described(error)}"
        raise ToolError(words) from error
    if errors:
        said = ": ".join(part for part in (errors[0].header, errors[0].detail) if part)
        raise ToolError(_readable(f"the generated code cannot be finished: {said}"))


def _config(project: Project, package: Path) -> Config:
    name = project.config.name
    values = documents.load(project.config)
    if unknown := values.keys() - _KNOWN:
        known = ", ".join(sorted(_KNOWN))
        raise ToolError(f"{name} has an unknown key {min(unknown)!r}; what is known is {known}")
    try:
        file = ConfigFile(**values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ToolError(f"{name}: {place}: {first['msg']}") from None
    if not file.post_hooks:
        raise ToolError(
            f"{name} gives no `post_hooks`; without its own, the output is not formatted"
        )
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
    """Put a directory in front of the PATH: post hooks find the pinned formatter there."""
    before = os.environ.get("PATH", "")
    os.environ["PATH"] = os.pathsep.join([directory, before])
    try:
        yield
    finally:
        os.environ["PATH"] = before


def _literal(value: str | UntrustedString) -> str:
    """Return the Python literal of a text, whatever is in it."""
    return repr(value if isinstance(value, str) else value.get_untrusted_value())


def _fail(message: str) -> NoReturn:
    raise ToolError(message)


def _described(error: Exception) -> str:
    return _readable(f"{type(error).__name__}: {error}")[:_SHOWN]


def _readable(words: str) -> str:
    """Return the generator's words less the objects that it shows no value of."""
    return re.sub(r" *<[\w.]*UntrustedString object at \w+>", " …", words)
