"""Checks that the installed tools are the pinned ones: the output depends on each of them."""

import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from common.project import Project
from common.tool_errors import ToolError

GENERATOR = "openapi-python-client"
FORMATTER = "ruff"
_MODULES = ("jinja2", "jsonpath", "openapi_python_client", "pydantic", "ruamel.yaml")
_PIN = re.compile(r"^([a-z0-9._-]+)==(\S+)", re.MULTILINE | re.IGNORECASE)
_REPLACES = re.compile(r"\{# Replaces (\S+), sha256 ([0-9a-f]{64}):")


def pins(project: Project) -> dict[str, str]:
    """Return the pinned version of every tool, by name.

    Raises:
        ToolError: The requirements file is missing, or lacks the generator or the formatter.
    """
    try:
        text = project.requirements.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ToolError(f"{project.requirements.name} is missing; restore it from git") from None
    except UnicodeDecodeError:
        raise ToolError(f"{project.requirements.name} is not text; restore it from git") from None
    by_name = {name.lower(): pinned for name, pinned in _PIN.findall(text)}
    for name in (GENERATOR, FORMATTER):
        if name not in by_name:
            raise ToolError(
                f"{project.requirements.name} does not pin {name}; add `{name}==VERSION`"
            )
    return by_name


def hashes(project: Project, name: str) -> list[str]:
    """Return the sha256 of every allowed distribution of a tool."""
    text = project.requirements.read_text(encoding="utf-8")
    pinned = re.search(rf"^{re.escape(name)}==.*\n(?: +--hash=.*\n)*", text, re.MULTILINE)
    return re.findall(r"--hash=sha256:([0-9a-f]{64})", pinned[0] if pinned else "")


def check_versions(project: Project) -> None:
    """Check that exactly the pinned generator and formatter are installed."""
    pinned = pins(project)
    advice = "run `nox -s regenerate`, which installs it, or `pip install -r` the file"
    pinned_in = project.requirements.name
    try:
        installed = version(GENERATOR)
    except PackageNotFoundError:
        raise ToolError(f"{GENERATOR} is not installed; {advice} {pinned_in}") from None
    if installed != pinned[GENERATOR]:
        raise ToolError(
            f"{GENERATOR} is {installed}, {pinned_in} pins {pinned[GENERATOR]}; "
            f"{advice} {pinned_in}"
        )
    if missing := [name for name in _MODULES if not _is_installed(name)]:
        raise ToolError(f"the module {missing[0]} is not installed; {advice} {pinned_in}")
    formatter = _formatter_version() or "not installed"
    if formatter != pinned[FORMATTER]:
        raise ToolError(
            f"{FORMATTER} is {formatter}, {pinned_in} pins {pinned[FORMATTER]}; "
            f"{advice} {pinned_in}"
        )


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # its parent package is not installed either
        return False


def search_path() -> str:
    """Return this interpreter's scripts directory, which has the pinned formatter."""
    return str(Path(sys.executable).parent)


def _formatter_version() -> str | None:
    command = shutil.which(FORMATTER, path=search_path())
    if command is None:
        return None
    try:
        done = subprocess.run([command, "--version"], capture_output=True, text=True, check=False)
    except (OSError, UnicodeDecodeError):  # not a program, or another program
        return None
    return done.stdout.removeprefix(FORMATTER).strip() or None


def check_templates(project: Project) -> None:
    """Check that every template override gives the hash of the upstream template it replaces.

    One error names all that do not: a new generator usually changes several.
    """
    if not project.templates.is_dir():
        place = project.templates.relative_to(project.root).as_posix()
        raise ToolError(f"{place} is missing; restore it (git checkout -- {place})")
    overrides = sorted(project.templates.glob("**/*.jinja"))
    problems = [problem for override in overrides for problem in _problems(project, override)]
    if problems:
        raise ToolError("; ".join(problems))


def _problems(project: Project, override: Path) -> Iterator[str]:
    """Yield the problems of an override."""
    name = override.relative_to(project.templates).as_posix()
    try:
        header = _REPLACES.match(override.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        yield f"template {name} is not UTF-8 text; save it as UTF-8"
        return
    original = files("openapi_python_client") / "templates" / name
    if not original.is_file():
        if header:
            yield (
                f"template {name} replaces a template that {GENERATOR} does not have; delete "
                "it, or rename it to one that exists"
            )
        return
    actual = hashlib.sha256(original.read_bytes()).hexdigest()
    if header is None or header[1] != name:
        yield (
            f"template {name} does not name the template it replaces; begin it with "
            f"`{{# Replaces {name}, sha256 {actual}: why. #}}`"
        )
    elif header[2] != actual:
        yield (
            f"template {name} replaces an upstream template that has changed, {original} "
            f"(sha256 {actual}); compare the two, carry over the changes since "
            f"{header[2][:12]}…, then put the new hash in its header"
        )
