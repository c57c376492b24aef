"""The lock file: the origin of the spec, and the exact tools and inputs of the generated code."""

import hashlib
import json
from typing import Any

from common import toolchain
from common.project import Project
from common.tool_errors import ToolError


def digest(content: bytes) -> str:
    """Return the sha256 of `content`, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def read(project: Project) -> dict[str, Any]:
    """Read the lock.

    Raises:
        ToolError: It is missing or malformed.
    """
    name = project.lock.name
    try:
        lock = json.loads(project.lock.read_bytes())
        spec = lock["spec"]
        if not all(isinstance(spec[key], str) for key in ("source", "retrieved", "sha256")):
            raise TypeError  # noqa: TRY301 - one clause handles every malformed lock
    except FileNotFoundError:
        raise ToolError(f"{name} is missing; restore it (git checkout -- {name})") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ToolError(f"{name} is malformed; restore it (git checkout -- {name})") from None
    return dict(lock)


def vendored(
    lock: dict[str, Any], *, source: str, retrieved: str, content: bytes
) -> dict[str, Any]:
    """Return the lock for a newly vendored spec; everything else in it stays.

    If the new spec did not come from a URL, the last URL stays on record.

    Args:
        lock: The current lock.
        source: The origin of the spec.
        retrieved: The date it was retrieved, in ISO 8601 form.
        content: The bytes of the spec.
    """
    spec = {"source": source, "retrieved": retrieved, "sha256": digest(content)}
    if "://" not in source and (url := last_url(lock)):
        spec["url"] = url
    return {**lock, "spec": spec}


def last_url(lock: dict[str, Any]) -> str | None:
    """Return the URL of the spec, or of the last spec that came from a URL."""
    spec = lock["spec"]
    source: str = spec["source"]
    url: str | None = spec.get("url")
    return source if "://" in source else url


def text(lock: dict[str, Any]) -> str:
    """Return the text of the lock file."""
    return json.dumps(lock, indent=2) + "\n"


def check_spec(project: Project, lock: dict[str, Any]) -> None:
    """Check that the vendored spec is, byte for byte, the one that the lock records."""
    try:
        actual = digest(project.spec.read_bytes())
    except FileNotFoundError:
        name = project.spec.name
        raise ToolError(f"{name} is missing; restore it (git checkout -- {name})") from None
    if actual != lock["spec"]["sha256"]:
        raise ToolError(
            f"{project.spec.name} was changed after it was vendored (sha256 {actual[:12]}…, "
            f"in the lock {lock['spec']['sha256'][:12]}…); do not edit it: restore it, and put "
            "corrections into overlays/spec.overlay.yaml"
        )


def check_overrides(project: Project, lock: dict[str, Any]) -> None:
    """Check that no recorded template is missing: the generator would use its own instead."""
    templates = project.templates.relative_to(project.root).as_posix()
    for name in lock.get("inputs", {}):
        if name.startswith(templates) and not (project.root / name).is_file():
            raise ToolError(
                f"{name} is missing, and the generator would use its own instead; restore it "
                f"(git checkout -- {name}), or delete its line from {project.lock.name}"
            )


def current(project: Project, lock: dict[str, Any]) -> str:
    """Return the up-to-date text of the lock: the origin is kept, everything else is computed."""
    versions = toolchain.pins(project)
    content: dict[str, Any] = {
        "spec": lock["spec"],
        "tools": {
            name: {"version": versions[name], "sha256": toolchain.hashes(project, name)}
            for name in (toolchain.GENERATOR, toolchain.FORMATTER)
        },
        "inputs": {
            path.relative_to(project.root).as_posix(): digest(path.read_bytes())
            for path in project.inputs()
        },
    }
    return text(content)
