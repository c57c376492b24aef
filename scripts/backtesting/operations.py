"""The responses of a document's operations: their statuses and media types."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from normalizing import operations
from normalizing.normal import NormalForm
from normalizing.writing import NormalSchema

#: Records for a place why the bodies do not cover all that the spec allows.
Note = Callable[[str, str], None]


@dataclass(frozen=True)
class SentOperation:
    """One operation.

    Attributes:
        name: Its `operationId`, or its method and path where it has none.
        route: Its method and path; what parameters are called does not matter there.
    """

    name: str
    route: str


@dataclass(frozen=True)
class SentResponse:
    """The response of an operation with one status.

    Attributes:
        status: As the document has it: `200`, `4XX` or `default`.
        codes: The HTTP status codes that this status covers.
        kind: `json`, `text`, or `empty` for no body.
        schema: The schema of the body, in the normal form.
        pointer: Where that stands in the document.
    """

    operation: SentOperation
    status: str
    codes: tuple[int, ...]
    kind: str
    schema: NormalSchema
    pointer: str


def route(method: str, path: str) -> str:
    """Return a method and path, its parameters without their names and its slashes single."""
    return f"{method.upper()} {re.sub(r'/+', '/', re.sub(r'{[^}]*}', '{}', path))}"


def identify(operation: operations.NormalOperation) -> SentOperation:
    """Return the identity of an operation."""
    place = route(operation.method, operation.raw_path)
    return SentOperation(operation.id or place, place)


def statuses(normal: NormalForm) -> set[str]:
    """Return all statuses that a document lists for any operation."""
    return {response.status for operation in normal.operations for response in operation.responses}


def responses(normal: NormalForm, note: Note) -> Iterator[SentResponse]:
    """Yield the responses of every operation of a document, status by status.

    Args:
        normal: The document.
        note: Called for bodies that cannot be generated.
    """
    for omitted in normal.omitted:
        for problem in omitted.problems:
            note(omitted.name, f"it cannot be read: {problem.pointer} {problem.reason}")
    for line in normal.left_out:
        note(*line.split(": ", 1))
    for described in normal.operations:
        operation = identify(described)
        documented = [response.status for response in described.responses]
        for response in described.responses:
            codes = tuple(_codes(response.status, documented))
            media = response.media
            kind = "empty" if media is None else media.kind
            if kind == "bytes" and media is not None:
                note(f"{operation.name} {response.status}", f"bodies of {media.type} are not made")
                continue
            schema = media.schema if media and media.schema is not None else NormalSchema()
            pointer = f"{media.pointer}/schema" if media and media.schema is not None else ""
            yield SentResponse(operation, response.status, codes, kind, schema, pointer)


def _codes(status: str, documented: Any) -> Iterator[int]:
    if re.fullmatch("[1-5][0-9][0-9]", status):
        yield int(status)
        return
    ranges = {key[0] for key in documented if re.fullmatch("[1-5]XX", key.upper())}
    # Where a success is documented, clients take `default` for the errors, as documents mean it.
    ranges |= {key[0] for key in documented if status == "default" and key[0] == "2"}
    for code in sorted(HTTPStatus, key=lambda code: (code < HTTPStatus.BAD_REQUEST, code)):
        first = str(int(code))[0]
        if str(int(code)) in documented or first == "1":
            continue
        if status.upper() == f"{first}XX" or (status == "default" and first not in ranges):
            yield int(code)
