"""What a document must be to be vendored: an API that the project can, and may, be generated from.

The limits on what it costs to read are those of `common.guard`; what it comes to when it is read
has those of `normalizing`. These here keep keys from going where nobody may read them, and names
from being more than names: in a diff, in a file name, in the generated code.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from codegen import overlay
from common.tool_errors import ToolError
from normalizing.located import child
from normalizing.normal import normalize

from vendoring.addresses import is_this_machine

#: The module of the operation that the hand-written client is made over.
MODULE = "get_generation"

#: Bytes of a name: a key, title, tag, enum value or operation id. Names become file names, which
#: end at 255 bytes, and get underscores and a suffix on the way.
MAX_NAME = 160

#: Operations. Generating takes about 30 ms for each, formatting included.
MAX_OPERATIONS = 2_000

#: Components of all kinds. About 10 ms for each.
MAX_COMPONENTS = 10_000

_SHOWN = 20  # problems that are worth saying at once
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_VERSION = re.compile(r"3\.[01]\.\d{1,3}")

# Keys whose value, or whose values, are names.
_NAMING = frozenset({"enum", "name", "operationId", "required", "tags", "title"})

_VARIABLE = re.compile(r"[A-Za-z0-9\-._~/]*")

# What makes text on a screen other than it is in the file (Unicode UAX #9, explicit formatting).
_REORDERING = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")


def admit(document: dict[str, Any], name: str, corrections: dict[str, Any] | None = None) -> None:
    """Return if a document may be vendored.

    Args:
        document: As `common.documents` reads it.
        name: Its name in error messages.
        corrections: The project's overlay, under which the document will be read.

    Raises:
        ToolError: It may not; the words say where, and what would be accepted.
    """
    _check_version(document, name)
    problems = [*_wrong_texts(document, "#"), *_wrong_servers(document, "#")]
    problems += _wrong_sizes(document)
    if problems:
        more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise ToolError(f"{name}: {'; '.join(problems[:_SHOWN])}{more}")
    _check_operation(document, name, corrections)


def _check_version(document: dict[str, Any], name: str) -> None:
    if "swagger" in document:
        raise ToolError(
            f"{name} is a Swagger 2.0 document; ask the provider for OpenAPI 3.0 or 3.1"
        )
    version = document.get("openapi")
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        shown = ascii(version)[:40]
        raise ToolError(f"{name} says `openapi: {shown}`; only 3.0.x and 3.1.x are understood")
    paths = document.get("paths")
    if not isinstance(paths, dict) or not paths:
        raise ToolError(f"{name} describes no `paths`, so that there is nothing to generate")


def _wrong_texts(node: Any, place: str, *, naming: bool = False) -> Iterator[str]:
    """Yield what is wrong with the names and texts of a document, each with its place."""
    if isinstance(node, dict):
        for key, value in node.items():
            if problem := _wrong_name(key):
                yield f"a key at {place} {problem}"
            below = child(place, key)
            yield from _wrong_texts(value, below, naming=key in _NAMING)
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _wrong_texts(value, f"{place}/{index}", naming=naming)
    elif isinstance(node, str) and (problem := (_wrong_name if naming else _wrong_text)(node)):
        yield f"the text at {place} {problem}"


def _wrong_name(name: str) -> str | None:
    if (length := len(name.encode())) > MAX_NAME:
        return f"is a name of {length} bytes; more than {MAX_NAME} are not vendored"
    for character in name:
        if unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp"}:
            return f"is a name with the invisible character U+{ord(character):04X}"
    return None


def _wrong_text(text: str) -> str | None:
    if found := _REORDERING.search(text) or _CONTROL.search(text):
        return f"holds the control character U+{ord(found[0]):04X}"
    return None


def _wrong_sizes(document: dict[str, Any]) -> Iterator[str]:
    items = [item for item in document["paths"].values() if isinstance(item, dict)]
    count = sum(method in item for item in items for method in _METHODS)
    if count > MAX_OPERATIONS:
        yield f"{count} operations; more than {MAX_OPERATIONS} are not vendored"
    kinds = document.get("components")
    listed = kinds.values() if isinstance(kinds, dict) else ()
    count = sum(len(kind) for kind in listed if isinstance(kind, dict))
    if count > MAX_COMPONENTS:
        yield f"{count} components; more than {MAX_COMPONENTS} are not vendored"


def _check_operation(
    document: dict[str, Any], name: str, corrections: dict[str, Any] | None
) -> None:
    """Fail unless the operation is there that the client stands on."""
    try:
        corrected = overlay.apply(corrections, document) if corrections else document
    except ToolError:  # an action has to be changed for this document: `regenerate` says which
        corrected = document
    normal = normalize(corrected)
    if any(operation.module[1] == MODULE for operation in normal.operations):
        return
    said = [
        f"{lost.name} cannot be carried: {problem.pointer} {problem.reason}"
        for lost in normal.lost
        for problem in lost.problems
    ]
    words = "; ".join(said[:_SHOWN]) or "is it the right document?"
    raise ToolError(
        f"{name} has no operation `{MODULE}` that can be carried, which the client stands on; "
        f"{words}"
    )


def _wrong_servers(document: dict[str, Any], place: str) -> Iterator[str]:
    for where, server in _servers(document, place):
        if problem := _wrong_server(server):
            yield f"{where}: {problem}"


def _servers(node: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Yield every Server Object: of the document, its paths, operations and links."""
    if isinstance(node, dict):
        servers = node.get("servers")
        for index, server in enumerate(servers if isinstance(servers, list) else ()):
            yield f"{place}/servers/{index}", server
        if isinstance(node.get("server"), dict):
            yield f"{place}/server", node["server"]
        for key, value in node.items():
            yield from _servers(value, child(place, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _servers(value, f"{place}/{index}")


def _wrong_server(server: Any) -> str | None:
    """Return why keys sent to a server would not stay between the two.

    Source: OpenAPI 3.1.0, sections 4.8.5 and 4.8.6 (a URL may be relative, and have variables).
    """
    if not isinstance(server, dict) or not isinstance(server.get("url"), str):
        return None  # a property that is called `servers`
    url = server["url"]
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return f"{url!r:.200} is not a URL"
    relative = url.startswith(("/", "./", "../")) and not parts.netloc
    secure = parts.scheme == "https" and host
    if not (relative or secure or (parts.scheme == "http" and host and is_this_machine(host))):
        return f"{url!r:.200} would send keys over other than https"
    if "@" in parts.netloc or "\\" in url:
        return f"{url!r:.200} names a user, and may lead elsewhere than it says"
    variables = server.get("variables")
    for variable in variables.values() if isinstance(variables, dict) else ():
        if not isinstance(variable, dict):
            return "has a variable that is none"
        for value in [variable.get("default"), *(variable.get("enum") or [])]:
            if not _VARIABLE.fullmatch(str(value)):
                return f"a variable's value {value!r:.200} may lead elsewhere"
    return None
