"""One request through a copy of the caller's httpx client, and its result; without I/O.

The sync and async engines share it: which headers are sent, the timeouts, and the conversion of
responses and errors.
"""

from typing import Any, Final, Generic, NamedTuple, TypeVar

import anyio
import httpx

from modelgates_client.transport import exchange, httpcore_mapping
from modelgates_client.transport.credentials import Secret
from modelgates_client.transport.deadline import Deadline
from modelgates_client.transport.messages import AttemptResult, Failure, Request
from modelgates_client.transport.options import Server

C = TypeVar("C", bound=httpx.Client | httpx.AsyncClient)

#: Headers of the caller's client that are not sent: they identify the sender or describe the body.
_NOT_SENT: Final = frozenset(
    {"authorization", "content-length", "content-type", "cookie", "host", "transfer-encoding"}
)

#: What transports raise when there is no response: httpx's errors, and those that it lets through.
_FAILURES: Final = (
    httpx.TransportError,
    OSError,
    EOFError,
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
    anyio.EndOfStream,
)


class _Head(NamedTuple):
    status: int
    headers: list[tuple[bytes, bytes]]


class Exchange(Generic[C]):
    """One request and its result so far.

    Attributes:
        client: The copy of the caller's client.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the arguments of `send`, and the engine's
        self,
        client: C,
        server: Server,
        request: Request,
        secret: Secret,
        deadline: Deadline,
        limit: int,
    ) -> None:
        self._server, self._request, self._secret = server, request, secret
        self._deadline, self._limit = deadline, limit
        self._head: _Head | None = None
        self._body = bytearray()
        self._failed: Failure | None = None
        self._timeouts: dict[str, float] = {}
        self.client: C = client

    def prepare(self, hook: Any) -> None:
        """Drop what is not sent; install a hook that gets the head before the caller's hooks."""
        client = self.client
        client.cookies = httpx.Cookies()
        client.params = httpx.QueryParams()
        headers = [item for item in client.headers.multi_items() if item[0] not in _NOT_SENT]
        client.headers = httpx.Headers(headers)
        hooks: Any = client.event_hooks
        client.event_hooks = {**hooks, "response": [hook, *hooks["response"]]}

    def lower_timeouts(self, *_: object) -> None:
        """Lower the caller's timeouts to the seconds that remain."""
        left = self._deadline.remaining()
        for name, value in self.client.timeout.as_dict().items():
            self._timeouts[name] = left if value is None else min(left, value)

    def request(self, **extensions: Any) -> httpx.Request:
        """Return the request as an httpx request."""
        server = self._server
        self.lower_timeouts()
        key = f"Bearer {self._secret.reveal()}"
        return self.client.build_request(
            self._request.method,
            f"{server.scheme}://{server.authority}{self._request.target}",
            headers=[
                ("Host", server.authority),
                *self._request.headers,
                *([("Authorization", key)] if self._request.is_secured else []),
            ],
            content=self._request.body,
            extensions={"timeout": self._timeouts, **extensions},
        )

    def begin(self, response: httpx.Response) -> None:
        """Store the status and the headers."""
        self._head = _Head(response.status_code, response.headers.raw)
        self._limit = exchange.body_limit(response.status_code, self._limit)

    def has_body(self, response: httpx.Response) -> bool:
        """Store the body if it was read and decoded already; return whether it was."""
        if not response.is_stream_consumed:
            return False
        self._body += response.content
        if self._head is not None:
            raw = self._head.headers
            headers = [item for item in raw if item[0].lower() != b"content-encoding"]
            self._head = self._head._replace(headers=headers)
        return True

    def add(self, chunk: bytes) -> bool:
        """Store a part of the body; return whether the limit allows another."""
        self._body += chunk
        return len(self._body) <= self._limit

    def is_in_time(self) -> bool:
        """Return whether the deadline allows another part; if not, store the failure."""
        if not self._deadline.remaining():
            self._failed = exchange.timeout_failure()
        return self._failed is None

    def fail(self, error: Exception) -> None:
        """Store the failure for an error, which may be any exception of a caller's hook."""
        detail = self._secret.masked(f"{type(error).__name__}: {error}".removesuffix(": "))
        if not self._deadline.remaining():
            self._failed = exchange.timeout_failure()
        elif isinstance(error, httpx.TimeoutException | TimeoutError):
            is_sent = not isinstance(error, httpx.ConnectTimeout)
            self._failed = Failure(
                "timeout", f"the http_client timed out before the deadline: {detail}", is_sent
            )
        elif isinstance(error, _FAILURES):
            self._failed = httpcore_mapping.failure(error, self._secret, httpx)
        else:
            self._failed = Failure("refused", f"the http_client failed: {detail}")

    def attempt_result(self) -> AttemptResult:
        """Return the response, or the reason why there is none."""
        return exchange.attempt_result(
            self._head, bytes(self._body), self._failed, self._limit, self._secret
        )
