"""Fetches a source, finds the document in it, and checks that it may be vendored."""

from dataclasses import dataclass
from typing import Any

from common import documents, versions
from common.project import Project
from common.versions import Version

from vendoring import admission, fetching, finding


@dataclass(frozen=True)
class Admitted:
    """A document that may be vendored.

    Attributes:
        content: Its bytes, unchanged.
        document: The parsed document.
        name: What failures and reports call it.
        origin: What the lock records.
    """

    content: bytes
    document: dict[str, Any]
    name: str
    origin: str


def admit_source(project: Project, source: str) -> Admitted:
    """Return the document of a source.

    Args:
        project: The project.
        source: An https URL, a file, or `-` for standard input: a document, or a page with a
            document in it.

    Raises:
        ToolError: It cannot be fetched, has no document, or has one that is refused.
    """
    fetched = fetching.fetch(source)
    vendored = project.spec.read_bytes() if project.spec.exists() else b""
    text = vendored.decode("utf-8", "replace")
    content, document = finding.find(fetched.content, fetched.name, text)
    corrections = documents.load(project.overlay) if project.overlay.exists() else None
    admission.admit(document, fetched.name, corrections)
    return Admitted(content, document, fetched.name, fetched.origin)


def version(project: Project, name: str) -> Version:
    """Return the archived version of a date, or else the document of a source.

    An archived document is read with the overlay archived for it, however it is named.

    Raises:
        ToolError: There is no such version, or one of the reasons of `admit_source`.
    """
    if versions.is_date(name):
        return versions.dated(project, name)
    admitted = admit_source(project, name)
    overlays_by_content = {
        version.content: version.overlay for version in versions.all(project).values()
    }
    return Version(admitted.name, admitted.content, overlays_by_content.get(admitted.content))
