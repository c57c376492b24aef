"""The published versions of the spec: the vendored one, and those kept in `tests/specs/versions`.

A version is stored as a whole document, `DATE.yaml`, or as a unified diff, `DATE.diff`, against the
earlier one that its header names. `SHA256SUMS` has the checksum of each restored document.

Next to it is the overlay that was used with it, `DATE.overlay.yaml`, so that the client of a
version stays the one that people had. Versions that share an overlay store it once,
under the first of them, and the others record its checksum.
"""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from common import documents, lock
from common.project import Project
from common.tool_errors import ToolError

SUMS = "SHA256SUMS"
_HUNK = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+\d+(?:,\d+)? @@")
_SUM = re.compile(r"([0-9a-f]{64}) [ *](\d{4}-\d\d-\d\d)(\.overlay)?\.yaml")


@dataclass(frozen=True)
class Version:
    """One version of the spec.

    Attributes:
        name: The date of its publication, or the name that the maintainer gave it.
        content: The document, byte for byte.
        overlay: The overlay used with it, byte for byte; None for the project's current one.
    """

    name: str
    content: bytes
    overlay: bytes | None = None

    @cached_property
    def document(self) -> dict[str, Any]:
        """The document, parsed.

        Raises:
            ToolError: It is not a YAML or JSON mapping.
        """
        return documents.parse(self.content, self.name)


def store(project: Project) -> Path:
    """Return the directory of the archived versions."""
    return project.root / "tests" / "specs" / "versions"


def all(project: Project) -> dict[str, Version]:  # noqa: A001 - used as `versions.all`
    """Return every version, the vendored one among them, by name and in that order.

    Raises:
        ToolError: One is missing, or has changed since it was archived.
    """
    result = _restored(store(project))
    recorded = lock.read(project)
    lock.check_spec(project, recorded)
    vendored = Version(recorded["spec"]["retrieved"], project.spec.read_bytes())
    if result.get(vendored.name, vendored).content != vendored.content:
        raise ToolError(
            f"{project.spec.name} has the date {vendored.name}, and so has another document in "
            f"{store(project).name}/; correct `spec.retrieved` in {project.lock.name}"
        )
    result[vendored.name] = vendored
    return {name: result[name] for name in sorted(result)}


def is_date(name: str) -> bool:
    """Whether a name is in the form of an archived version's."""
    return re.fullmatch(r"\d{4}-\d\d-\d\d", name) is not None


def dated(project: Project, name: str) -> Version:
    """Return the version of a date.

    Raises:
        ToolError: There is none.
    """
    archived = all(project)
    if name not in archived:
        raise ToolError(f"there is no version {name!r}; known are {', '.join(archived)}")
    return archived[name]


def archive_files(project: Project, version: Version) -> dict[Path, bytes]:
    """Return the files, with their content, that archive a version; none if it is archived already.

    It is stored as a diff against the latest version before it, or whole if that is not larger. The
    project's overlay is archived for this version, and for those that have none yet.

    Raises:
        ToolError: Its name is not a date, or another document has it.
    """
    directory = store(project)
    archived = check_free(project, version)
    sums = (directory / SUMS).read_bytes()
    files: dict[Path, bytes] = {}
    if version.name not in archived:
        file, content = directory / f"{version.name}.yaml", version.content
        base = max((name for name in archived if name < version.name), default=None)
        if base and _has_unix_lines(archived[base].content) and _has_unix_lines(content):
            patch = _difference(base, archived[base].content, version)
            if len(patch) < len(content):
                file, content = file.with_suffix(".diff"), patch
        files[file] = content
        sums += f"{lock.digest(version.content)}  {version.name}.yaml\n".encode()
    files |= _overlays(project, version.name, archived, sums)
    return files


def _overlays(
    project: Project, name: str, archived: dict[str, Version], sums: bytes
) -> dict[Path, bytes]:
    """Return the files that archive the project's overlay for a version and for those without one.

    Args:
        project: The project.
        name: The version.
        archived: The archived versions.
        sums: The checksums, without those of the overlay.
    """
    directory, content = store(project), project.overlay.read_bytes()
    fits = {v.name for v in archived.values() if v.overlay is None} | {name}
    other_overlays = {v.overlay for v in archived.values() if v.name not in fits}
    stale = {f"{date}.overlay.yaml".encode() for date in fits}
    lines = [line for line in sums.splitlines(keepends=True) if line.rstrip()[66:] not in stale]
    lines += [f"{lock.digest(content)}  {date}.overlay.yaml\n".encode() for date in sorted(fits)]
    files = {directory / SUMS: b"".join(lines)}
    if content not in other_overlays:
        files = {directory / f"{min(fits)}.overlay.yaml": content, **files}
    return files if files[directory / SUMS] != (directory / SUMS).read_bytes() else {}


def check_free(project: Project, version: Version) -> dict[str, Version]:
    """Return the archived versions, after checking that this one does not conflict with them.

    Raises:
        ToolError: Its name is not a date, or another document has it.
    """
    archived = _restored(store(project))
    if not is_date(version.name):
        raise ToolError(f"{version.name!r} is not a date; a version is named like 2026-05-24")
    if archived.get(version.name, version).content != version.content:
        raise ToolError(f"version {version.name} is another document; a kept version never changes")
    return archived


def _has_unix_lines(content: bytes) -> bool:
    return content.endswith(b"\n") and b"\r" not in content


def _restored(directory: Path) -> dict[str, Version]:
    documents, overlays = _sums(directory)
    contents: dict[str, bytes] = {}
    for name, digest in sorted(documents.items()):
        contents[name] = _restore(directory, name, contents)
        if lock.digest(contents[name]) != digest:
            raise ToolError(
                f"version {name} is not what it was when it was kept ({SUMS} has another sum); "
                f"restore it (git checkout -- tests/specs/{directory.name})"
            )
    stored = {path: path.name.partition(".")[0] for path in directory.glob("????-??-??.*")}
    if unknown := set(stored.values()) - contents.keys():
        raise ToolError(f"version {min(unknown)} has no line in {SUMS}; delete it or add the line")
    files = (path.read_bytes() for path in stored if path.name.endswith(".overlay.yaml"))
    by_digest = {lock.digest(content): content for content in files}
    for name, digest in overlays.items():
        if digest not in by_digest or name not in contents:
            raise ToolError(
                f"the overlay of version {name} is missing, or is not what it was when it was "
                f"kept; restore it (git checkout -- tests/specs/{directory.name})"
            )
    overlay_contents = {name: by_digest[digest] for name, digest in overlays.items()}
    return {
        name: Version(name, content, overlay_contents.get(name))
        for name, content in contents.items()
    }


def _sums(directory: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Return the recorded checksums of the documents and of the overlays, by version name."""
    try:
        lines = (directory / SUMS).read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        place = f"tests/specs/{directory.name}/{SUMS}"
        raise ToolError(f"{place} is missing; restore it (git checkout -- {place})") from None
    documents: dict[str, str] = {}
    overlays: dict[str, str] = {}
    for line in lines:
        match = _SUM.fullmatch(line)
        if match is None:
            raise ToolError(f"{SUMS} has a malformed line {line[:80]!r}; restore it")
        (overlays if match[3] else documents)[match[2]] = match[1]
    return documents, overlays


def _restore(directory: Path, name: str, earlier: dict[str, bytes]) -> bytes:
    document_file, patch = directory / f"{name}.yaml", directory / f"{name}.diff"
    if document_file.is_file():
        return document_file.read_bytes()
    try:
        diff = patch.read_bytes()
    except FileNotFoundError:
        raise ToolError(f"{patch.name} is missing; restore it (git checkout)") from None
    header = diff.partition(b"\n")[0].decode("utf-8", "replace")
    base = header.removeprefix("--- a/").removesuffix(".yaml")
    if base not in earlier:
        raise ToolError(f"{patch.name} is against {base[:80]!r}, which is not an earlier version")
    return _patched(earlier[base], diff, patch.name)


def _difference(base: str, old: bytes, new: Version) -> bytes:
    lines = difflib.diff_bytes(
        difflib.unified_diff,
        old.splitlines(keepends=True),
        new.content.splitlines(keepends=True),
        f"a/{base}.yaml".encode(),
        f"b/{new.name}.yaml".encode(),
        n=3,
    )
    return b"".join(lines)


def _patched(old: bytes, diff: bytes, name: str) -> bytes:
    """Apply a unified diff of one file; its context must match exactly."""
    lines, result, done = old.splitlines(keepends=True), list[bytes](), 0
    for start, hunk in _hunks(diff.splitlines(keepends=True)[2:], name):
        before = [line[1:] for line in hunk if line[:1] in b" -"]
        if start < done or lines[start : start + len(before)] != before:
            raise ToolError(f"{name} does not match the version it is against, at line {start + 1}")
        result += lines[done:start]
        result += [line[1:] for line in hunk if line[:1] in b" +"]
        done = start + len(before)
    return b"".join(result + lines[done:])


def _hunks(lines: list[bytes], name: str) -> Iterator[tuple[int, list[bytes]]]:
    starts = [index for index, line in enumerate(lines) if line[:1] not in b" +-"]
    for index, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        match = _HUNK.match(lines[index])
        if match is None:
            raise ToolError(f"{name} is not a unified diff: {lines[index][:80]!r}; restore it")
        yield int(match[1]) - (match[2] != b"0"), lines[index + 1 : end]
