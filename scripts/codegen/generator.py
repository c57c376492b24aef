"""Runs openapi-python-client over a prepared document, and refuses what it would do wrong."""

import contextlib
import io
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from jinja2 import TemplateError
from openapi_python_client import Project as GeneratorProject
from openapi_python_client.config import Config, ConfigFile, MetaType
from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.errors import GeneratorError
from openapi_python_client.schema.untrusted_string import UntrustedString
from pydantic import ValidationError

from codegen import documents, enum_names, overlay, toolchain
from codegen.failure import Failure
from codegen.project import PACKAGE, Project

#: What every model has of its own; a field of such a name gets an underscore behind it.
RESERVED = frozenset({"additional_properties", "drift", "from_dict", "to_dict", "to_multipart"})

_HEADER = "# Generated from openapi.yaml by `nox -s regenerate`; do not edit.\n"


@contextlib.contextmanager
def generated(project: Project) -> Iterator[Path]:
    """Yield a temporary directory that holds what `project.generated` should.

    Raises:
        Failure: An input is missing, malformed or contradictory.
    """
    toolchain.check_versions(project)
    toolchain.check_templates(project)
    document = prepare(project)
    with tempfile.TemporaryDirectory(prefix="modelgates-codegen-") as scratch:
        out = Path(scratch)
        _generate(project, document, out / PACKAGE)
        yield out


def prepare(project: Project) -> dict[str, Any]:
    """Return the document that is generated from: the spec under its overlay, enums named."""
    document = overlay.apply(documents.load(project.overlay), documents.load(project.spec))
    enum_names.assign(document)
    return document


def _generate(project: Project, document: dict[str, Any], package: Path) -> None:
    config = _config(project, package)
    data = GeneratorData.from_dict(document, config=config)
    if isinstance(data, GeneratorError):
        raise Failure(f"{project.spec.name} is not an OpenAPI 3 document: {_words(data)}")
    _check_names(data)
    runner = GeneratorProject(openapi=data, config=config, custom_template_path=project.templates)
    runner.env.globals["fail"] = _fail
    shutil.copytree(project.runtime, package / "runtime", ignore=shutil.ignore_patterns("__*__"))
    shutil.copy(project.runtime / "__init__.py", package / "runtime")
    with contextlib.redirect_stdout(io.StringIO()), _path(toolchain.search_path()):
        try:
            errors = runner.build()
        except TemplateError as error:
            place = f"{getattr(error, 'name', None) or 'a template'}:{getattr(error, 'lineno', '?')}"
            raise Failure(f"{place} is not a valid template: {error}") from None
    if errors:
        raise Failure("; ".join(_words(error) for error in errors))
    for path in package.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        path.write_text(_HEADER + text, encoding="utf-8", newline="\n")
    (package / "py.typed").touch()


def _config(project: Project, package: Path) -> Config:
    values = documents.load(project.config)
    if unknown := values.keys() - ConfigFile.model_fields.keys():
        known = ", ".join(sorted(ConfigFile.model_fields))
        raise Failure(
            f"{project.config.name} has an unknown key {min(unknown)!r}; the generator knows {known}"
        )
    try:
        file = ConfigFile(**values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Failure(f"{project.config.name}: {place}: {first['msg']}") from None
    return Config.from_sources(
        file,
        MetaType.NONE,
        document_source=project.spec,
        file_encoding="utf-8",
        overwrite=True,
        output_path=package,
    )


def _check_names(data: GeneratorData) -> None:
    """Rename fields that would hide a model's own; refuse modules that would overwrite another."""
    modules: dict[str, str] = {}
    for item in [*data.models, *data.enums]:
        module, name = item.class_info.module_name, item.class_info.name
        if modules.setdefault(module, name) != name:
            raise Failure(
                f"the schemas {modules[module]} and {name} would both be models/{module}.py; "
                "rename one with `class_overrides` in codegen-config.yaml"
            )
    for model in data.models:
        for field in [*(model.required_properties or []), *(model.optional_properties or [])]:
            if field.python_name in RESERVED:
                renamed = UntrustedString(f"{field.python_name}_")
                object.__setattr__(field, "python_name", type(field.python_name)(
                    renamed, prefix="", skip_snake_case=True
                ))
    for tag, collection in data.endpoint_collections_by_tag.items():
        names = [endpoint.name for endpoint in collection.endpoints]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise Failure(f"two operations of the tag {tag} would both be {twice}; rename one in the overlay")


@contextlib.contextmanager
def _path(directory: str) -> Iterator[None]:
    """Put a directory in front of the PATH: post hooks find the pinned formatter there."""
    before = os.environ.get("PATH", "")
    os.environ["PATH"] = os.pathsep.join([directory, before])
    try:
        yield
    finally:
        os.environ["PATH"] = before


def _fail(message: str) -> NoReturn:
    raise Failure(message)


def _words(error: GeneratorError) -> str:
    data = getattr(error, "data", None)
    shown = data.model_dump_json(exclude_unset=True, by_alias=True) if data is not None else ""
    return " ".join(part for part in (error.header, error.detail, shown[:300]) if part)
