"""Which operation a request is for, and why the API would not accept it; without keys. Pure."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from modelgates_runtime.operation import Operation

if TYPE_CHECKING:
    from werkzeug import Request

#: The API key that the stub accepts by default.
STUB_KEY: Final = "sk-mg-stub"

_MASK: Final = "[API key]"
_KEYS: Final = re.compile(r"sk-mg-[^\s'\"&/?]*")
_MIN_MASKED: Final = 8  # characters; shorter tokens may be part of other words
_PARAMETER: Final = re.compile(r"\\\{[^{}]+\\\}")  # a parameter in an escaped path


@dataclass(frozen=True)
class StubRequest:
    """A request and the status of its response; no attribute contains a key.

    Attributes:
        method: The HTTP method.
        path: The path, without the query.
        id: The requested generation; None if there was none, or more than one.
        status: The status of the response; None if the connection was dropped.
        violation: Why the API would not have accepted the request; None if it would.
        operation: The operation's id in the spec; None if the request was for no operation.
    """

    method: str
    path: str
    id: str | None
    status: int | None
    violation: str | None = None
    operation: str | None = None

    def __str__(self) -> str:
        status = "dropped" if self.status is None else self.status
        line = f"{self.method} {self.path} {self.id or '-'} {status}"
        return f"{line}: {self.violation}" if self.violation else line


class Refusal(NamedTuple):
    """The error response to a request that the API would not accept.

    Attributes:
        status: The status code.
        message: The message in the API's error body; None if the response is plain text.
        violation: What is wrong with the request, for the author of the test.
        allowed: The methods of the path, if the status is 405.
    """

    status: int
    message: str | None
    violation: str
    allowed: str = ""


class Routes:
    """Finds the operations of a path."""

    def __init__(self, operations: Iterable[Operation[Any]]) -> None:
        """Prefer paths with fewer parameters."""
        self._patterns = [
            (re.compile(_PARAMETER.sub("[^/]+", re.escape(operation.path))), operation)
            for operation in sorted(operations, key=lambda operation: operation.path.count("{"))
        ]

    def at(self, path: str) -> dict[str, Operation[Any]]:
        """Return the operations of a path, as it is sent, by their methods."""
        template: str | None = None
        found: dict[str, Operation[Any]] = {}
        for pattern, operation in self._patterns:
            if template in {None, operation.path} and pattern.fullmatch(path):
                template = operation.path
                found[operation.method] = operation
        return found


def unknown_route(operations: Mapping[str, Operation[Any]], paths: Sequence[str]) -> Refusal:
    """Return the refusal of a request that is for no operation.

    Args:
        operations: The operations of its path, by method.
        paths: All paths.
    """
    if not operations:
        expected = paths[0] if len(paths) == 1 else f"one of {', '.join(paths)}"
        return Refusal(404, None, f"the path is not {expected}")
    allowed = ", ".join(operations)
    return Refusal(405, None, f"the method is not {allowed}", allowed)


def refusal(request: "Request", operation: Operation[Any], api_key: str) -> Refusal | None:
    """Return why the API would not accept a request for an operation; None if it would.

    Args:
        request: The request.
        operation: The operation.
        api_key: The key that is accepted.
    """
    return (
        (unauthorized(request, api_key) if operation.is_secured else None)
        or next(_invalid_parameters(request, operation), None)
        or _invalid_body(request, operation)
    )


def masked(text: str, request: "Request", api_key: str) -> str:
    """Return a text without the key that was sent, the stub's key, and anything like a key."""
    token = request.headers.get("Authorization", "").rpartition(" ")[2]
    for key in (token, api_key):
        if len(key) >= _MIN_MASKED:
            text = text.replace(key, _MASK)
    return _KEYS.sub(_MASK, text)


def unauthorized(request: "Request", api_key: str) -> Refusal | None:
    """Return why the API would not accept the key of a request; None if it would."""
    authorization = request.headers.get("Authorization")
    if authorization is None:
        return Refusal(401, "No auth credentials found", "no Authorization header")
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:  # case-insensitive (RFC 9110, 11.1)
        violation = "the Authorization header has no bearer token"
    elif token != api_key:
        violation = "the bearer token is not the stub's key"
    else:
        return None
    return Refusal(401, "User not found.", violation)


def _invalid_parameters(request: "Request", operation: Operation[Any]) -> Iterator[Refusal]:
    for parameter in operation.parameters:
        name = parameter.name
        if parameter.place == "query":
            values = request.args.getlist(name)
        elif parameter.place == "header":
            values = request.headers.getlist(name)
        else:
            continue
        is_many = parameter.is_array or parameter.style == "deepObject"
        if not values:
            if parameter.required and not is_many:
                yield Refusal(400, f"{name}: Required", f"the parameter {name} is missing")
        elif len(values) > 1 and not is_many:
            violation = f"the parameter {name} is sent {len(values)} times"
            yield Refusal(400, f"{name}: Expected string, received array", violation)
        elif not values[0] and parameter.required:
            yield Refusal(400, f"{name}: Required", f"the parameter {name} is empty")


def _invalid_body(request: "Request", operation: Operation[Any]) -> Refusal | None:
    if not operation.bodies:
        return None
    body = request.get_data()
    if not body:
        return Refusal(400, "body: Required", "there is no body") if operation.needs_body else None
    kinds = [kind.content_type.partition(";")[0].strip().lower() for kind in operation.bodies]
    if request.mimetype not in kinds:
        violation = f"the body is {request.mimetype or 'of no type'}, not {' or '.join(kinds)}"
        return Refusal(415, "Unsupported Media Type", violation)
    if request.is_json:
        try:
            json.loads(body)
        except ValueError:
            return Refusal(400, "body: Invalid JSON", "the body is not JSON")
    return None
