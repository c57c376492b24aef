"""Which requests the API would not accept, and why; nothing here shows a key. Pure."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from modelgates_runtime.operation import Operation

#: The key that the stub takes.
STUB_KEY: Final = "sk-mg-stub"

_MASK: Final = "[API key]"
_KEYS: Final = re.compile(r"sk-mg-[^\s'\"&/?]*")
_MIN_MASKED: Final = 8  # characters; shorter tokens are part of other words


@dataclass(frozen=True)
class StubRequest:
    """A request that came, and what became of it; the key is in no part of it.

    Attributes:
        method: The HTTP method.
        path: The path, without the query.
        id: The generation that was asked for; None if there was none, or more than one.
        status: The status that was answered; None if the connection was dropped instead.
        violation: Why the API would not have accepted it; None if it would.
        operation: The id of the operation that it was for, by the spec; None if it was for none.
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


class ReceivedRequest(NamedTuple):
    """What a request says, as far as it is looked at; its `repr` shows no key.

    Attributes:
        method: The HTTP method.
        path: The path, decoded.
        query: The values of each parameter in the query.
        headers: By name in lower case.
        body: The body.
    """

    method: str
    path: str
    query: Mapping[str, Sequence[str]]
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def ids(self) -> Sequence[str]:
        """The values of the parameter `id`."""
        return self.query.get("id", ())

    def masked(self, text: str, api_key: str) -> str:
        """Return a text of the request without keys: what was sent as one, or looks like one."""
        token = self.headers.get("authorization", "").rpartition(" ")[2]
        for key in (token, api_key):
            if len(key) >= _MIN_MASKED:
                text = text.replace(key, _MASK)
        return _KEYS.sub(_MASK, text)

    def __repr__(self) -> str:
        return "Asked(…)"


class Refusal(NamedTuple):
    """What the API answers in place of what was asked for.

    Attributes:
        status: The status.
        message: What the error body says; None if the answer is a plain page, not the API's.
        violation: What the client did wrong, for whoever tests it.
        allowed: The methods of the path, where the status is 405.
    """

    status: int
    message: str | None
    violation: str
    allowed: str = ""


def misplaced(operations: Mapping[str, Operation[Any]], known: Sequence[str]) -> Refusal:
    """Return why a request is for no operation.

    Args:
        operations: Those of its path, by method.
        known: The paths that there are.
    """
    if not operations:
        paths = known[0] if len(known) == 1 else f"one of {', '.join(known)}"
        return Refusal(404, None, f"the path is not {paths}")
    allowed = ", ".join(operations)
    return Refusal(405, None, f"the method is not {allowed}", allowed)


def refusal(asked: ReceivedRequest, operation: Operation[Any], api_key: str) -> Refusal | None:
    """Return why the API would not accept a request for an operation; None if it would.

    Args:
        asked: The request.
        operation: What it is for.
        api_key: The key that is accepted.
    """
    wrong = unauthorized(asked, api_key) if operation.is_secured else None
    return wrong or next(_wrong_parameters(asked, operation), None) or _wrong_body(asked, operation)


def unauthorized(asked: ReceivedRequest, api_key: str) -> Refusal | None:
    """Return why the API would not accept the key of a request; None if it would."""
    authorization = asked.headers.get("authorization")
    wrong = _wrong_key(authorization, api_key)
    if wrong is None:
        return None
    message = "No auth credentials found" if authorization is None else "User not found."
    return Refusal(401, message, wrong)


def _wrong_parameters(asked: ReceivedRequest, operation: Operation[Any]) -> Iterator[Refusal]:
    for parameter in operation.parameters:
        name = parameter.name
        if parameter.place == "query":
            values = asked.query.get(name, ())
        elif parameter.place == "header":
            values = [asked.headers[name.lower()]] if name.lower() in asked.headers else []
        else:
            continue
        is_many = parameter.is_array or parameter.style == "deepObject"
        if not values:
            if parameter.required and not is_many:
                yield Refusal(400, f"{name}: Required", f"the parameter {name} is missing")
        elif len(values) > 1 and not is_many:
            why = f"the parameter {name} is there {len(values)} times"
            yield Refusal(400, f"{name}: Expected string, received array", why)
        elif not values[0] and parameter.required:
            yield Refusal(400, f"{name}: Required", f"the parameter {name} is empty")


def _wrong_body(asked: ReceivedRequest, operation: Operation[Any]) -> Refusal | None:
    if not operation.bodies:
        return None
    if not asked.body:
        if not operation.needs_body:
            return None
        return Refusal(400, "body: Required", "there is no body")
    sent = asked.headers.get("content-type", "").partition(";")[0].strip().lower()
    kinds = [body.content_type.partition(";")[0].strip().lower() for body in operation.bodies]
    if sent not in kinds:
        why = f"the body is {sent or 'of no type'}, not {' or '.join(kinds)}"
        return Refusal(415, "Unsupported Media Type", why)
    if sent == "application/json" or sent.endswith("+json"):
        try:
            json.loads(asked.body)
        except ValueError:
            return Refusal(400, "body: Invalid JSON", "the body is no JSON")
    return None


def _wrong_key(authorization: str | None, api_key: str) -> str | None:
    """Return what is wrong with the header; schemes are of any case (RFC 9110, section 11.1)."""
    if authorization is None:
        return "no Authorization header"
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        return "the Authorization header holds no bearer token"
    return None if token == api_key else "another bearer token than the stub's key"
