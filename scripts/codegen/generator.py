"""Runs openapi-python-client over a prepared document, and refuses what it would do wrong."""

import contextlib
import io
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

from common import documents, toolchain
from common.failure import Failure
from common.project import PACKAGE, Project
from jinja2 import TemplateError
from openapi_python_client import Project as GeneratorProject
from openapi_python_client.config import Config, ConfigFile, MetaType
from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.errors import GeneratorError
from openapi_python_client.schema.untrusted_string import UntrustedString
from pydantic import ValidationError

from codegen import corrections, discriminators, enum_names, operations, overlay

_HEADER = "# Generated from openapi.yaml by `nox -s regenerate`; do not edit.\n"
_SHOWN = 300  # characters of the generator's own words that are worth showing


@contextlib.contextmanager
def generated(project: Project) -> Iterator[Path]:
    """Yield a temporary directory that holds what `project.generated` should.

    Raises:
        Failure: An input is missing, malformed or contradictory.
    """
    toolchain.check_templates(project)
    document = prepare(project)
    with tempfile.TemporaryDirectory(prefix="modelgates-codegen-") as scratch:
        out = Path(scratch) / project.generated.name
        out.mkdir()
        _generate(project, document, out / PACKAGE)
        yield out


def prepare(project: Project) -> dict[str, Any]:
    """Return the document that is generated from: the spec under its overlay, made plain.

    What of it is left out, it says itself.
    """
    document = overlay.apply(documents.load(project.overlay), documents.load(project.spec))
    discriminators.spell_out(document)
    enum_names.assign(document)
    document[operations.LEFT_OUT] = operations.make_plain(document)
    return document


def left_out(project: Project) -> list[str]:
    """Return what of the spec the generated code neither sends nor reads, with the reason."""
    lines: list[str] = prepare(project)[operations.LEFT_OUT]
    return lines


def _generate(project: Project, document: dict[str, Any], package: Path) -> None:
    config = _config(project, package)
    for kind in filter(operations.is_binary, operations.content_types(document)):
        config.content_type_overrides.setdefault(kind, "application/octet-stream")
    data = _parse(project, document, config)
    corrections.correct(data)
    operations.describe(document, data, config.field_prefix)
    _render(project, data, config, document[operations.LEFT_OUT])
    for path in package.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        path.write_text(_HEADER + text, encoding="utf-8", newline="\n")
    (package / "py.typed").touch()


def _parse(project: Project, document: dict[str, Any], config: Config) -> GeneratorData:
    name = project.spec.name
    try:
        data = GeneratorData.from_dict(document, config=config)
    except Exception as error:  # what it trips over, it does not say otherwise
        raise Failure(f"the generator cannot read {name}: {_described(error)}") from error
    if isinstance(data, GeneratorError):
        _, place, problem, *_ = f"{data.detail}\n\n\n".splitlines()
        words = f"{place}: {problem.split(' [type=')[0]}"
        raise Failure(f"{name} is not an OpenAPI 3 document: {words}; mend it in the overlay")
    _refuse(data.errors)  # first: what is wrong with operations follows from them
    _refuse([e for tag in data.endpoint_collections_by_tag.values() for e in tag.parse_errors])
    return data


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


def _render(project: Project, data: GeneratorData, config: Config, left_out: list[str]) -> None:
    runner = _Generator(openapi=data, config=config, custom_template_path=project.templates)
    runner.env.globals["left_out"] = left_out
    runner.env.globals["fail"] = _fail
    runner.env.filters["literal"] = _literal
    try:
        with contextlib.redirect_stdout(io.StringIO()), _path(toolchain.search_path()):
            errors = runner.build()
    except TemplateError as error:
        place = f"{getattr(error, 'name', None) or 'a template'}:{getattr(error, 'lineno', '?')}"
        raise Failure(f"{place} is not a valid template: {error}") from None
    except (Failure, OSError):
        raise
    except Exception as error:  # a template can raise anything
        words = f"the templates cannot render {project.spec.name}: {_described(error)}"
        raise Failure(words) from error
    _refuse(errors)


def _config(project: Project, package: Path) -> Config:
    name = project.config.name
    values = documents.load(project.config)
    if unknown := values.keys() - ConfigFile.model_fields.keys():
        known = ", ".join(sorted(ConfigFile.model_fields))
        raise Failure(f"{name} has an unknown key {min(unknown)!r}; the generator knows {known}")
    try:
        file = ConfigFile(**values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Failure(f"{name}: {place}: {first['msg']}") from None
    if not file.post_hooks:
        raise Failure(f"{name} gives no `post_hooks`; without its own, the output is not formatted")
    config = Config.from_sources(
        file,
        MetaType.NONE,
        document_source=project.spec,
        file_encoding="utf-8",
        overwrite=True,
        output_path=package,
    )
    corrections.reserve_type_names(config)
    return config


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
    raise Failure(message)


def _refuse(errors: Sequence[GeneratorError]) -> None:
    """Fail with the first of the generator's errors, if there are any."""
    if not errors:
        return
    error = errors[0]
    data = getattr(error, "data", None)
    shown = data.model_dump_json(exclude_unset=True, by_alias=True) if data is not None else ""
    words = [part.strip(" :\n") for part in (error.header, error.detail, shown[:_SHOWN]) if part]
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    raise Failure(_readable(f"the generator refuses the spec: {': '.join(words)}{more}"))


def _described(error: Exception) -> str:
    return _readable(f"{type(error).__name__}: {error}")[:_SHOWN]


def _readable(words: str) -> str:
    """Return the generator's words less the objects that it shows no value of."""
    return re.sub(r" *<[\w.]*UntrustedString object at \w+>", " …", words)
