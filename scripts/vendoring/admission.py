"""Checks whether a document may be vendored.

`common.guard` limits what a document costs to read, and `normalizing` limits the size of its normal
form. The checks here keep API keys from being sent to insecure servers, and keep names from doing
harm in a diff, in a file name or in the generated code.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from codegen import overlay
from common.tool_errors import ToolError
from normalizing.located import child, locate
from normalizing.normal import normalize
from normalizing.operations import ApiDescription, Server

from vendoring.addresses import is_this_machine

#: The module of the operation that the hand-written client is built on.
MODULE = "get_generation"

#: Bytes of a name: a key, title, tag, enum value or operation id. Names become file names of up to
#: 255 bytes, with underscores and a suffix added.
MAX_NAME = 160

#: Operations. Generating takes about 30 ms for each, formatting included.
MAX_OPERATIONS = 2_000

#: Components of all kinds. Generating takes about 10 ms for each.
MAX_COMPONENTS = 10_000

_MAX_REPORTED = 20  # problems in one error message
_VERSION = re.compile(r"3\.[01]\.\d{1,3}")

# Keys whose value, or list of values, is a name.
_NAME_KEYS = frozenset({"enum", "name", "operationId", "required", "tags", "title"})

_VARIABLE = re.compile(r"[A-Za-z0-9\-._~/]*")

# Characters that make text look different on a screen (Unicode UAX #9, explicit formatting).
_REORDERING = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")


def admit(document: dict[str, Any], name: str, corrections: dict[str, Any] | None = None) -> None:
    """Check that a document may be vendored.

    Args:
        document: The document, as `common.documents` reads it.
        name: Its name in error messages.
        corrections: The project's overlay, which is applied before the document is read.

    Raises:
        ToolError: It may not; the message gives the place and what would be accepted.
    """
    _check_version(document, name)
    api = ApiDescription(locate(document))
    problems = [*_text_problems(document, "#"), *_server_problems(api)]
    problems += _size_problems(api)
    if problems:
        more = (
            f"; and {len(problems) - _MAX_REPORTED} more" if len(problems) > _MAX_REPORTED else ""
        )
        listed = "; ".join(problems[:_MAX_REPORTED])
        listed = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in listed)
        raise ToolError(f"{name}: {listed}{more}")
    _check_operation(document, name, corrections)


def _check_version(document: dict[str, Any], name: str) -> None:
    if "swagger" in document:
        raise ToolError(
            f"{name} is a Swagger 2.0 document; ask the provider for OpenAPI 3.0 or 3.1"
        )
    version = document.get("openapi")
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        quoted = ascii(version)[:40]
        raise ToolError(f"{name} has `openapi: {quoted}`; only 3.0.x and 3.1.x are supported")
    paths = document.get("paths")
    if not isinstance(paths, dict) or not paths:
        raise ToolError(f"{name} has no `paths`, so there is nothing to generate")


def _text_problems(node: Any, place: str, *, is_name: bool = False) -> Iterator[str]:
    """Yield each problem with the names and texts of a document, with its place."""
    if isinstance(node, dict):
        for key, value in node.items():
            if problem := _name_problem(key):
                yield f"a key at {place} {problem}"
            below = child(place, key)
            yield from _text_problems(value, below, is_name=key in _NAME_KEYS)
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _text_problems(value, f"{place}/{index}", is_name=is_name)
    elif isinstance(node, str) and (problem := (_name_problem if is_name else _text_problem)(node)):
        yield f"the text at {place} {problem}"


def _name_problem(name: str) -> str | None:
    if (length := len(name.encode())) > MAX_NAME:
        return f"is a name of {length} bytes; more than {MAX_NAME} are not vendored"
    for character in name:
        if unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp"}:
            return f"is a name with the invisible character U+{ord(character):04X}"
    return None


def _text_problem(text: str) -> str | None:
    if control := _REORDERING.search(text) or _CONTROL.search(text):
        return f"holds the control character U+{ord(control[0]):04X}"
    return None


def _size_problems(api: ApiDescription) -> Iterator[str]:
    count = len(api.operations)
    if count > MAX_OPERATIONS:
        yield f"{count} operations; more than {MAX_OPERATIONS} are not vendored"
    kinds = api.document.get("components")
    listed = kinds.values() if isinstance(kinds, dict) else ()
    count = sum(len(kind) for kind in listed if isinstance(kind, dict))
    if count > MAX_COMPONENTS:
        yield f"{count} components; more than {MAX_COMPONENTS} are not vendored"


def _check_operation(
    document: dict[str, Any], name: str, corrections: dict[str, Any] | None
) -> None:
    """Check that the document has the operation that the client is built on."""
    try:
        corrected = overlay.apply(corrections, document) if corrections else document
    except ToolError:  # `regenerate` reports the action that does not fit this document
        corrected = document
    normal = normalize(corrected)
    if any(operation.module[1] == MODULE for operation in normal.operations):
        return
    reasons = [
        f"{lost.name} is not supported: {problem.pointer} {problem.reason}"
        for lost in normal.omitted
        for problem in lost.problems
    ]
    detail = "; ".join(reasons[:_MAX_REPORTED]) or "is it the right document?"
    raise ToolError(
        f"{name} has no usable operation `{MODULE}`, which the client is built on; {detail}"
    )


def _server_problems(api: ApiDescription) -> Iterator[str]:
    """Yield each server that API keys should not be sent to, with the reason."""
    servers = {server.pointer: server for server in api.servers}
    servers |= {s.pointer: s for operation in api.operations for s in operation.own_servers}
    for pointer, server in servers.items():
        if problem := _server_problem(server):
            yield f"{pointer}: {problem}"


def _server_problem(server: Server) -> str | None:
    """Return why API keys sent to a server would not be safe, or None if they are.

    Source: OpenAPI 3.1.0, sections 4.8.5 and 4.8.6 (a URL may be relative, and have variables).
    """
    url = server.url
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return f"{url!r:.200} is not a URL"
    relative = url.startswith(("/", "./", "../")) and not parts.netloc
    secure = parts.scheme == "https" and host
    if not (relative or secure or (parts.scheme == "http" and host and is_this_machine(host))):
        return f"{url!r:.200} would send keys over a connection other than https"
    if "@" in parts.netloc or "\\" in url:
        return f"{url!r:.200} has a user name or a backslash, and may lead to another host"
    for value in server.values:
        if not _VARIABLE.fullmatch(value):
            return f"a variable's value {value!r:.200} may lead to another host"
    return None
