"""One request by a copy of an httpx client of the caller's, and what comes of it; without I/O.

Blocking and awaited engines share it: what is sent and what is not, how long may be waited, and
what an answer or an error means.
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

#: Of the caller's headers, those that say whose request it is, or what is in it.
_NOT_SENT: Final = frozenset(
    {"authorization", "content-length", "content-type", "cookie", "host", "transfer-encoding"}
)

#: What transports raise when there is no answer; beside httpx's own, what it lets through.
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
    """One request, and what has come of it.

    Attributes:
        client: The copy.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what `send` is given, and by whom
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
        """Leave out what is not for us; have the head before a hook of the caller's may raise."""
        client = self.client
        client.cookies = httpx.Cookies()
        client.params = httpx.QueryParams()
        kept = [one for one in client.headers.multi_items() if one[0] not in _NOT_SENT]
        client.headers = httpx.Headers(kept)
        hooks: Any = client.event_hooks
        client.event_hooks = {**hooks, "response": [hook, *hooks["response"]]}

    def lower(self, *_: object) -> None:
        """Lower the caller's timeouts to what remains now, in seconds."""
        left = self._deadline.remaining()
        for name, value in self.client.timeout.as_dict().items():
            self._timeouts[name] = left if value is None else min(left, value)

    def request(self, **extensions: Any) -> httpx.Request:
        """Return the request in httpx's terms."""
        server = self._server
        self.lower()
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
        """Take the head."""
        self._head = _Head(response.status_code, response.headers.raw)
        self._limit = exchange.body_limit(response.status_code, self._limit)

    def has_body(self, response: httpx.Response) -> bool:
        """Take the body, if it has been read and decoded already; return whether it has."""
        if not response.is_stream_consumed:
            return False
        self._body += response.content
        if self._head is not None:
            headers = [one for one in self._head.headers if one[0].lower() != b"content-encoding"]
            self._head = self._head._replace(headers=headers)
        return True

    def take(self, chunk: bytes) -> bool:
        """Take a part of the body; return whether another may come."""
        self._body += chunk
        return len(self._body) <= self._limit

    def is_in_time(self) -> bool:
        """Return whether there is time for another part; if not, this is the end."""
        if not self._deadline.remaining():
            self._failed = exchange.timeout_failure()
        return self._failed is None

    def fail(self, error: Exception) -> None:
        """Take an error for what it means; it may be one of a hook, whatever that is."""
        said = self._secret.masked(f"{type(error).__name__}: {error}".removesuffix(": "))
        if not self._deadline.remaining():
            self._failed = exchange.timeout_failure()
        elif isinstance(error, httpx.TimeoutException | TimeoutError):
            is_sent = not isinstance(error, httpx.ConnectTimeout)
            self._failed = Failure("timeout", f"the http_client gave up sooner: {said}", is_sent)
        elif isinstance(error, _FAILURES):
            self._failed = httpcore_mapping.failure(error, self._secret, httpx)
        else:
            self._failed = Failure("refused", f"the http_client failed: {said}")

    def attempt_result(self) -> AttemptResult:
        """Return what came, or why nothing did."""
        return exchange.attempt_result(
            self._head, bytes(self._body), self._failed, self._limit, self._secret
        )
