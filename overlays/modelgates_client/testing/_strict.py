"""Which requests the API would not accept, and why; nothing here shows a key. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

#: The key that the stub takes.
STUB_KEY: Final = "sk-mg-stub"

_MASK: Final = "[API key]"
_KEYS: Final = re.compile(r"sk-mg-[^\s'\"&/?]*")
_LEAST_MASKED: Final = 8  # characters; shorter tokens are part of other words


@dataclass(frozen=True)
class StubRequest:
    """A request that came, and what became of it; the key is in no part of it.

    Attributes:
        method: The HTTP method.
        path: The path, without the query.
        id: The generation that was asked for; None if there was none, or more than one.
        status: The status that was answered; None if the connection was dropped instead.
        violation: Why the API would not have accepted it; None if it would.
    """

    method: str
    path: str
    id: str | None
    status: int | None
    violation: str | None = None

    def __str__(self) -> str:
        status = "dropped" if self.status is None else self.status
        line = f"{self.method} {self.path} {self.id or '-'} {status}"
        return f"{line}: {self.violation}" if self.violation else line


class Asked(NamedTuple):
    """What a request says, as far as it is looked at; its `repr` shows no key.

    Attributes:
        method: The HTTP method.
        path: The path, decoded.
        ids: The values of the parameter `id`.
        authorization: The header, or None.
    """

    method: str
    path: str
    ids: Sequence[str]
    authorization: str | None

    def masked(self, text: str, api_key: str) -> str:
        """Return a text of the request without keys: what was sent as one, or looks like one."""
        token = (self.authorization or "").rpartition(" ")[2]
        for key in (token, api_key):
            if len(key) >= _LEAST_MASKED:
                text = text.replace(key, _MASK)
        return _KEYS.sub(_MASK, text)

    def __repr__(self) -> str:
        return "Asked(…)"


class Refusal(NamedTuple):
    """What the API answers in place of a record.

    Attributes:
        status: The status.
        message: What the error body says; None if the answer is a plain page, not the API's.
        violation: What the client did wrong, for whoever tests it.
    """

    status: int
    message: str | None
    violation: str


def refusal(asked: Asked, method: str, path: str, api_key: str) -> Refusal | None:
    """Return why the API would not accept a request; None if it would.

    Args:
        asked: The request.
        method: What the operation's method is.
        path: What its path is.
        api_key: The key that is accepted.
    """
    if asked.path != path:
        return Refusal(404, None, f"the path is not {path}")
    if asked.method != method:
        return Refusal(405, None, f"the method is not {method}")
    wrong = _unauthorized(asked.authorization, api_key)
    if wrong is not None:
        missing = asked.authorization is None
        message = "No auth credentials found" if missing else "User not found."
        return Refusal(401, message, wrong)
    if not asked.ids:
        return Refusal(400, "id: Required", "the parameter id is missing")
    if len(asked.ids) > 1:
        wrong = f"the parameter id is there {len(asked.ids)} times"
        return Refusal(400, "id: Expected string, received array", wrong)
    if not asked.ids[0]:
        return Refusal(400, "id: Required", "the parameter id is empty")
    return None


def _unauthorized(authorization: str | None, api_key: str) -> str | None:
    """Return what is wrong with the header; schemes are of any case (RFC 9110, section 11.1)."""
    if authorization is None:
        return "no Authorization header"
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        return "the Authorization header holds no bearer token"
    return None if token == api_key else "another bearer token than the stub's key"
