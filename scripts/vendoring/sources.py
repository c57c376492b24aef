"""A source to a document that may be used: fetched, found in what came, admitted."""

from dataclasses import dataclass
from typing import Any

from common import documents, versions
from common.project import Project
from common.versions import Version

from vendoring import admission, fetching, finding


@dataclass(frozen=True)
class Admitted:
    """A document that may be used.

    Attributes:
        content: Byte for byte.
        document: The same, parsed.
        name: What failures and reports call it.
        origin: What the lock records.
    """

    content: bytes
    document: dict[str, Any]
    name: str
    origin: str


def take(project: Project, source: str) -> Admitted:
    """Return the document of a source.

    Args:
        project: The project that it is for.
        source: An https URL, a file, or `-` for standard input: a document, or a page that has it;
            one that lost its line breaks may show the spec that is vendored now.

    Raises:
        ToolError: It cannot be had, holds no document, or one that is refused.
    """
    fetched = fetching.fetch(source)
    vendored = project.spec.read_bytes() if project.spec.exists() else b""
    text = vendored.decode("utf-8", "replace")
    content, document = finding.find(fetched.content, fetched.name, text)
    corrections = documents.load(project.overlay) if project.overlay.exists() else None
    admission.admit(document, fetched.name, corrections)
    return Admitted(content, document, fetched.name, fetched.origin)


def version(project: Project, name: str) -> Version:
    """Return the kept version of a date, or else the document of a source.

    A document that is kept is read under the overlay that it is kept with, whatever names it.

    Raises:
        ToolError: There is no such version, or as `take`.
    """
    if versions.is_date(name):
        return versions.dated(project, name)
    taken = take(project, name)
    known = {one.content: one.overlay for one in versions.all(project).values()}
    return Version(taken.name, taken.content, known.get(taken.content))
