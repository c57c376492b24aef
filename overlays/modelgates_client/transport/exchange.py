"""What all engines share: how many connections, how much of a body, and what an ending says."""

import errno
from collections.abc import Sequence
from typing import Final, Protocol

from modelgates_client.transport import content
from modelgates_client.transport.credentials import Secret
from modelgates_client.transport.messages import ERROR_LIMIT, Failure, FailureKind, HTTPResponse
from modelgates_runtime.errors import ClientClosedError

#: Seconds that an idle connection is kept: less than servers usually do, so that few are stale.
KEEP_ALIVE_S: Final = 15.0
#: Connections of a client at one time; further calls wait, within their deadlines.
MAX_CONNECTIONS: Final = 100
#: Connections kept when they are idle.
MAX_IDLE: Final = 20

_FIRST_ERROR: Final = 400
_SCARCE: Final = frozenset({errno.EMFILE, errno.ENFILE})


class ResponseHead(Protocol):
    """The beginning of an answer."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Sequence[tuple[bytes, bytes]]:
        """Names and values, as they came."""
        ...


def clear_frames(error: BaseException) -> None:
    """Forget where an interruption hit: the frames of the engine show the key in their locals."""
    error.__traceback__ = error.__context__ = error.__cause__ = None


def closed_error() -> ClientClosedError:
    """Return the error that there is nothing to send by any more."""
    return ClientClosedError("the client was closed; make a new one")


def timeout_failure() -> Failure:
    """Return the failure to be done by the deadline."""
    return Failure("timeout", "no complete answer within the deadline")


def connect_failure(error: BaseException, reason: str) -> Failure:
    """Return the failure to connect: the server's, or that no descriptor is left."""
    own = isinstance(error, OSError) and error.errno in _SCARCE
    kind: FailureKind = "scarce" if own else "connection"
    return Failure(kind, f"no connection: {reason}", is_sent=False)


def body_limit(status: int, limit: int) -> int:
    """Return how many bytes of a body are read."""
    return min(limit, ERROR_LIMIT) if status >= _FIRST_ERROR else limit


def attempt_result(
    head: ResponseHead | None,
    body: bytes,
    failed: Failure | None,
    limit: int,
    secret: Secret,
) -> HTTPResponse | Failure:
    """Return what came: a reply, once there is a head that says more than the failure.

    An error's class follows its status: its body need not be whole. The key is taken out, should
    the server send it back.
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
    # Searched for the key at once, which is quicker: no key has a line end, so none is across two.
    text = b"\n".join([part for pair in raw for part in pair]).decode("latin-1")
    parts = text.split("\n")
    if len(parts) != 2 * len(raw) or secret.masked(text) != text:
        parts = [secret.masked(part.decode("latin-1")) for pair in raw for part in pair]
    headers: dict[str, str] = {}
    for name, value in zip(parts[::2], parts[1::2], strict=True):
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return headers
