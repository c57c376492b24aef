"""The operations of a document: which statuses each documents, and what it sends with them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from backtesting.schemas import Note, Schemas

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


@dataclass(frozen=True)
class Operation:
    """One operation.

    Attributes:
        name: Its `operationId`, or its method and path where it has none.
        route: Its method and path; what parameters are called does not matter there.
    """

    name: str
    route: str


@dataclass(frozen=True)
class Response:
    """What an operation sends with a status.

    Attributes:
        status: As the document has it: `200`, `4XX` or `default`.
        codes: HTTP statuses that this stands for. The first stands for all that are alike.
        kind: `json`, `text`, or `empty` for no body.
        schema: The schema of the body.
    """

    operation: Operation
    status: str
    codes: tuple[int, ...]
    kind: str
    schema: Any


def route(method: str, path: str) -> str:
    """Return a method and path, its parameters without their names and its slashes single."""
    return f"{method.upper()} {re.sub(r'/+', '/', re.sub(r'{[^}]*}', '{}', path))}"


def of(document: dict[str, Any]) -> Iterator[tuple[Operation, dict[str, Any]]]:
    """Yield every operation of a document, with the object that describes it."""
    schemas = Schemas(document)
    for path, reference in (document.get("paths") or {}).items():
        item = schemas.followed(reference)
        for method in METHODS:
            described = item.get(method) if isinstance(item, dict) else None
            if isinstance(described, dict):
                place = route(method, path)
                yield Operation(str(described.get("operationId") or place), place), described


def statuses(document: dict[str, Any]) -> set[str]:
    """Return the statuses that a document tells apart, whatever the operation."""
    found = (described.get("responses") for _, described in of(document))
    return {status for listed in found if isinstance(listed, dict) for status in listed}


def responses(document: dict[str, Any], note: Note) -> Iterator[Response]:
    """Yield what every operation of a document sends, status by status.

    Args:
        document: An OpenAPI document.
        note: Is told which bodies cannot be made.
    """
    schemas = Schemas(document)
    for operation, described in of(document):
        documented = described.get("responses")
        if not isinstance(documented, dict):
            continue
        for status, reference in documented.items():
            response = schemas.followed(reference)
            codes = tuple(_codes(status, documented))
            if not codes or not isinstance(response, dict):
                note(operation.name, f"the response {status!r} cannot be read")
                continue
            kind, schema = _content(f"{operation.name} {status}", response, note)
            if kind:
                yield Response(operation, status, codes, kind, schema)


def _codes(status: str, documented: dict[str, Any]) -> Iterator[int]:
    if re.fullmatch("[1-5][0-9][0-9]", status):
        yield int(status)
        return
    ranges = {key[0] for key in documented if re.fullmatch("[1-5]XX", key.upper())}
    for code in sorted(HTTPStatus, key=lambda code: (code < HTTPStatus.BAD_REQUEST, code)):
        first = str(int(code))[0]
        if str(int(code)) in documented or first == "1":
            continue
        if status.upper() == f"{first}XX" or (status == "default" and first not in ranges):
            yield int(code)


def _content(where: str, response: dict[str, Any], note: Note) -> tuple[str, Any]:
    content = response.get("content") or {}
    kinds = {name: _kind(name) for name in content}
    for wanted in ("json", "text"):
        names = [name for name, kind in kinds.items() if kind == wanted]
        if names:
            for other in kinds.keys() - {names[0]}:
                note(where, f"bodies of {other} are not made")
            media = content[names[0]]
            return wanted, media.get("schema", True) if isinstance(media, dict) else True
    if kinds:
        note(where, f"bodies of {', '.join(kinds)} are not made")
        return "", None
    return "empty", None


def _kind(media_type: str) -> str:
    name = media_type.partition(";")[0].strip().lower()
    if name == "application/json" or name.endswith("+json"):
        return "json"
    return "text" if name.startswith("text/") else "other"
