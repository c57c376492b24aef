"""The request, the reply, and the failure to get one: plain values, whatever the engine."""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from modelgates_client.transport.options import NetworkOptions

FailureKind = Literal["connection", "scarce", "timeout", "untrusted", "refused"]

#: The most that is kept of the body of an error, in bytes: enough for any message.
ERROR_LIMIT: Final = 256 * 1024


class Request(NamedTuple):
    """One request to the API.

    Attributes:
        method: The HTTP method.
        target: Path and query, as they are sent.
        headers: Without `Host`, `Authorization` and `Content-Length`, which the engine adds.
        body: What is sent; None if there is no body.
        is_secured: Whether the key is sent.
        other_server: How it is sent, if it is to another server than the client's.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    is_secured: bool = True
    other_server: NetworkOptions | None = None

    def __repr__(self) -> str:
        return f"Request({self.method} {self.target})"


class HTTPResponse(NamedTuple):
    """What the server sent.

    Attributes:
        status: The HTTP status.
        headers: By name in lower case; what came more than once is joined by commas.
        body: The body, its content encoding undone.
        defect: Why the body is not whole; None when it is.
        is_retriable: Whether another attempt may bring a whole one.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    defect: str | None = None
    is_retriable: bool = False

    def __repr__(self) -> str:
        return f"Reply({self.status}, {len(self.body)} bytes, defect={self.defect!r})"


class Failure(NamedTuple):
    """There was no reply.

    It has no cause: that of the engine would show the key in its local variables.

    Attributes:
        kind: `connection` (refused, broken off, not HTTP), `scarce` (no descriptor is left to
            connect with), `timeout`, `untrusted` (a certificate) or `refused` (for good).
        reason: What happened, in words.
        is_sent: Whether the server may have got the request, and acted on it.
    """

    kind: FailureKind
    reason: str
    is_sent: bool = True


#: What an attempt ends with.
AttemptResult = HTTPResponse | Failure
