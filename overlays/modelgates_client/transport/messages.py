"""The request, the response, and the failure to get one; the same values for all engines."""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from modelgates_client.transport.options import NetworkOptions

FailureKind = Literal["connection", "scarce", "timeout", "untrusted", "refused"]

#: The maximum size of an error's body that is read, in bytes: enough for any message.
ERROR_LIMIT: Final = 256 * 1024


class Request(NamedTuple):
    """One request to the API.

    Attributes:
        method: The HTTP method.
        target: Path and query, as sent.
        headers: All but `Host`, `Authorization` and `Content-Length`, which the engine adds.
        body: The body; None if there is none.
        is_secured: Whether the API key is sent.
        other_server: Where and how to connect, if not to the client's server.
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
        headers: By lower-case name; repeated headers are joined by commas.
        body: The body, after decoding its content encoding.
        defect: Why the body is incomplete or invalid; None when it is complete.
        is_retriable: Whether another attempt may return a complete body.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    defect: str | None = None
    is_retriable: bool = False

    def __repr__(self) -> str:
        return f"HTTPResponse({self.status}, {len(self.body)} bytes, defect={self.defect!r})"


class Failure(NamedTuple):
    """The reason why there was no response.

    It holds no exception: the engine's frames have the API key in their local variables.

    Attributes:
        kind: `connection` (refused, broken, not HTTP), `scarce` (no file descriptor or local port
            is left), `timeout`, `untrusted` (the certificate) or `refused` (not retryable).
        reason: What happened, as text.
        is_sent: Whether the server may have received the request and acted on it.
    """

    kind: FailureKind
    reason: str
    is_sent: bool = True


#: The result of an attempt.
AttemptResult = HTTPResponse | Failure
