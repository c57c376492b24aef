"""What all engines share: connection and body limits, and building an attempt's result."""

import errno
from collections.abc import Sequence
from typing import Final, Protocol

from modelgates_client.transport import content
from modelgates_client.transport.credentials import Secret
from modelgates_client.transport.messages import ERROR_LIMIT, Failure, FailureKind, HTTPResponse
from modelgates_runtime.errors import ClientClosedError

#: How long an idle connection is kept, in seconds: less than servers usually do, so few are stale.
KEEP_ALIVE_S: Final = 15.0
#: Maximum connections of a client; further calls wait for one within their deadlines.
MAX_CONNECTIONS: Final = 1000
#: Maximum idle connections that are kept open.
MAX_IDLE: Final = 100

_FIRST_ERROR: Final = 400
_SCARCE: Final = frozenset(  # descriptors, memory of the kernel, local ports
    {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL}
)


class ResponseHead(Protocol):
    """The status and headers of a response."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Sequence[tuple[bytes, bytes]]:
        """Names and values as received."""
        ...


def clear_frames(error: BaseException) -> None:
    """Remove traceback and causes from an error: the engine's frames hold the key in locals."""
    error.__traceback__ = error.__context__ = error.__cause__ = None


def closed_error() -> ClientClosedError:
    """Return the error for a call on a closed client."""
    return ClientClosedError("the client was closed; create a new one")


def timeout_failure() -> Failure:
    """Return the failure for a passed deadline."""
    return Failure("timeout", "no complete response before the deadline")


def connect_failure(error: BaseException, reason: str) -> Failure:
    """Return the failure to connect; its kind says whether this machine ran out of sockets."""
    is_scarce = isinstance(error, OSError) and error.errno in _SCARCE
    kind: FailureKind = "scarce" if is_scarce else "connection"
    return Failure(kind, f"no connection: {reason}", is_sent=False)


def body_limit(status: int, limit: int) -> int:
    """Return the maximum number of bytes to read of the body, given the status."""
    return min(limit, ERROR_LIMIT) if status >= _FIRST_ERROR else limit


def attempt_result(
    head: ResponseHead | None,
    body: bytes,
    failed: Failure | None,
    limit: int,
    secret: Secret,
) -> HTTPResponse | Failure:
    """Return the response, or the failure if there is no head or a success is incomplete.

    An error response needs no complete body, as its class follows from the status. The API key is
    masked in case the server sends it back.
    """
    if head is None or (failed is not None and head.status < _FIRST_ERROR):
        return failed or timeout_failure()
    headers = _headers(head.headers, secret)
    defect, is_retriable = (failed.reason, True) if failed is not None else (None, False)
    if len(body) > limit:
        defect, is_retriable = f"the body is larger than {limit} bytes", False
    elif defect is None:
        try:
            body = content.decode(body, headers.get("content-encoding", ""), limit)
        except content.ContentError as error:
            defect, is_retriable = str(error), not isinstance(error, content.TooLargeError)
    return HTTPResponse(head.status, headers, secret.masked_bytes(body), defect, is_retriable)


def _headers(raw: Sequence[tuple[bytes, bytes]], secret: Secret) -> dict[str, str]:
    # All headers are searched for the key at once, which is faster; a key has no line break, so no
    # match spans two of them.
    text = b"\n".join([part for pair in raw for part in pair]).decode("latin-1")
    parts = text.split("\n")
    if len(parts) != 2 * len(raw) or secret.masked(text) != text:
        parts = [secret.masked(part.decode("latin-1")) for pair in raw for part in pair]
    headers: dict[str, str] = {}
    for name, value in zip(parts[::2], parts[1::2], strict=True):
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return headers
