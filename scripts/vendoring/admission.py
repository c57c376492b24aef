"""What a document must be to be vendored: an API that the project can, and may, be generated from.

The limits on what it costs to read are `codegen.guard`'s. These here keep what comes after from
growing without bounds, keys from going where nobody may read them, and names from being more than
names: in a diff, in a file name, in the generated code.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

from common.failure import Failure
from openapi_python_client.schema import OpenAPI
from pydantic import ValidationError

from vendoring import references
from vendoring.addresses import is_this_machine

#: The operation that the hand-written client is made over; without it, the client is of no use.
OPERATION = "get-generation"

#: Bytes of a name: a key, title, tag, enum value or operation id. Names become file names, which
#: end at 255 bytes, and get underscores and a suffix on the way.
MAX_NAME = 160

#: Operations. Generating takes about 30 ms for each, formatting included.
MAX_OPERATIONS = 500

#: Components of all kinds. About 10 ms for each.
MAX_COMPONENTS = 2_000

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_VERSION = re.compile(r"3\.[01]\.\d{1,3}")

# Keys whose value, or whose values, are names.
_NAMING = frozenset({"enum", "name", "operationId", "required", "tags", "title"})

# RFC 3986, section 3.3 (pchar), and the braces of a template.
_PATH = re.compile(r"/[A-Za-z0-9\-._~!$&'()*+,;=:@%{}/]*")
_VARIABLE = re.compile(r"[A-Za-z0-9\-._~/]*")

# What makes text on a screen other than it is in the file (Unicode UAX #9, explicit formatting).
_REORDERING = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")


def admit(document: dict[str, Any], name: str) -> None:
    """Return if a document may be vendored.

    Args:
        document: As `codegen.documents` reads it.
        name: What failures call it.

    Raises:
        Failure: It may not; the words say where, and what would be accepted.
    """
    _check_version(document, name)
    for problem in _wrong_texts(document, "#"):
        raise Failure(f"{name}: {problem}")
    _check_model(document, name)
    references.check(document, name)
    _check_operations(document, name)
    _check_sizes(document, name)
    for place, server in _servers(document, "#"):
        _check_server(server, f"{name}: {place}")


def _check_version(document: dict[str, Any], name: str) -> None:
    if "swagger" in document:
        raise Failure(f"{name} is a Swagger 2.0 document; ask the provider for OpenAPI 3.0 or 3.1")
    version = document.get("openapi")
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        shown = ascii(version)[:40]
        raise Failure(f"{name} says `openapi: {shown}`; only 3.0.x and 3.1.x are understood")
    paths = document.get("paths")
    if not isinstance(paths, dict) or not paths:
        raise Failure(f"{name} describes no `paths`, so that there is nothing to generate")


def _check_model(document: dict[str, Any], name: str) -> None:
    try:
        OpenAPI.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Failure(
            f"{name} is not an OpenAPI 3 document: {place}: {first['msg']} "
            f"({error.error_count()} such problem(s)); tell the provider"
        ) from None


def _wrong_texts(node: Any, place: str, *, naming: bool = False) -> Iterator[str]:
    """Yield what is wrong with the names and texts of a document, each with its place."""
    if isinstance(node, dict):
        for key, value in node.items():
            if problem := _wrong_name(key):
                yield f"a key at {place} {problem}"
            below = references.child(place, key)
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


def _check_operations(document: dict[str, Any], name: str) -> None:
    seen: dict[str, str] = {}
    count = 0
    for path, item in document["paths"].items():
        if problem := _wrong_path(path):
            raise Failure(f"{name}: the path {path!r} {problem}")
        if not isinstance(item, dict) or "$ref" in item:
            raise Failure(f"{name}: the path {path!r} is a reference, which the generator ignores")
        for method in _METHODS:
            if method not in item:
                continue
            count += 1
            operation = item[method].get("operationId")
            place = f"{method.upper()} {path}"
            if operation is not None and seen.setdefault(operation, place) != place:
                raise Failure(
                    f"{name}: {seen[operation]} and {place} have the same operationId "
                    f"{operation!r}; it must be unique"
                )
    if OPERATION not in seen:
        raise Failure(
            f"{name} has no operation `{OPERATION}`, which the client stands on; is it the right "
            "document?"
        )
    if count > MAX_OPERATIONS:
        raise Failure(f"{name} has {count} operations; more than {MAX_OPERATIONS} are not vendored")


def _wrong_path(path: str) -> str | None:
    if not _PATH.fullmatch(path):
        return "does not begin with `/`, or has characters that a URL's path does not have"
    if any(unquote(segment) in {".", ".."} for segment in path.split("/")):
        return "has a segment `.` or `..`, which leads elsewhere"
    return None


def _check_sizes(document: dict[str, Any], name: str) -> None:
    kinds = (document.get("components") or {}).values()
    count = sum(len(kind) for kind in kinds if isinstance(kind, dict))
    if count > MAX_COMPONENTS:
        raise Failure(f"{name} has {count} components; more than {MAX_COMPONENTS} are not vendored")


def _servers(node: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Yield every Server Object: of the document, its paths, operations and links."""
    if isinstance(node, dict):
        servers = node.get("servers")
        for index, server in enumerate(servers if isinstance(servers, list) else ()):
            yield f"{place}/servers/{index}", server
        if isinstance(node.get("server"), dict):
            yield f"{place}/server", node["server"]
        for key, value in node.items():
            yield from _servers(value, references.child(place, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _servers(value, f"{place}/{index}")


def _check_server(server: Any, place: str) -> None:
    """Fail unless keys sent to a server stay between the two.

    Source: OpenAPI 3.1.0, sections 4.8.5 and 4.8.6 (a URL may be relative, and have variables).
    """
    if not isinstance(server, dict) or not isinstance(server.get("url"), str):
        return  # a property that is called `servers`
    url = server["url"]
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        raise Failure(f"{place}: {url!r:.200} is no URL") from None
    relative = url.startswith(("/", "./", "../")) and not parts.netloc
    secure = parts.scheme == "https" and host
    if not (relative or secure or (parts.scheme == "http" and host and is_this_machine(host))):
        raise Failure(f"{place}: {url!r:.200} would send keys over other than https")
    if "@" in parts.netloc or "\\" in url:
        raise Failure(f"{place}: {url!r:.200} names a user, and may lead elsewhere than it says")
    variables = server.get("variables") or {}
    for variable in variables.values():
        for value in [variable.get("default"), *(variable.get("enum") or [])]:
            if not _VARIABLE.fullmatch(str(value)):
                raise Failure(f"{place}: a variable's value {value!r:.200} may lead elsewhere")
