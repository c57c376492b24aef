"""An operation of the spec as a value, and a call of it. Pure: nothing here does I/O.

An `Operation` holds everything that the spec says about it. `Operation.call` returns a `Call`,
which holds the request and decodes its responses. A `Sender` or `AsyncSender` sends it.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import (
    Any,
    Final,
    Generic,
    Literal,
    NamedTuple,
    Protocol,
    TypedDict,
    TypeVar,
    Unpack,
    cast,
)

from modelgates_runtime import bodies, requests
from modelgates_runtime.decoder import Decoder
from modelgates_runtime.errors import UnexpectedStatusError
from modelgates_runtime.extending import decoder_with_subclass
from modelgates_runtime.model import Model
from modelgates_runtime.paging import Pages
from modelgates_runtime.requests import Body, Parameter

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
M = TypeVar("M", bound=Model)

Validation = Literal["lenient", "strict"]

_JSON: Final = "application/json"
_SUCCESS: Final = "2"  # the first digit of success statuses

#: Methods that change nothing (RFC 9110, section 9.2.1).
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})

#: Methods with the same effect whether sent once or repeatedly (RFC 9110, section 9.2.2).
IDEMPOTENT_METHODS: Final = SAFE_METHODS | {"PUT", "DELETE"}


class RequestOptions(TypedDict, total=False):
    """The options of a call's requests; the client's settings apply to missing ones.

    Attributes:
        headers: Additional headers.
        validation: `"strict"` raises if the response deviates from the spec.
        idempotency_key: Sent as `Idempotency-Key`. The server executes requests with the same key
            only once, so any request may be retried.
    """

    headers: Mapping[str, str]
    validation: Validation
    idempotency_key: str


class CallOptions(RequestOptions, total=False):
    """The options of a single call; the client's settings apply to missing ones.

    Attributes:
        timeout: The maximum duration of the call in seconds, all retries included.
        max_retries: The maximum number of attempts after the first.
    """

    timeout: float
    max_retries: int


#: The names of all call options.
CALL_OPTIONS: Final = frozenset({*RequestOptions.__annotations__, *CallOptions.__annotations__})


class Content(NamedTuple):
    """The spec of a response's body.

    Attributes:
        decoder: The decoder of the body; None if there is no body.
        content_type: The media type.
    """

    decoder: Decoder | None = None
    content_type: str = _JSON

    @property
    def is_json(self) -> bool:
        """Whether the media type is JSON."""
        if self.content_type == _JSON:
            return True
        kind = self.content_type.partition(";")[0].strip().lower()
        return kind == _JSON or kind.endswith("+json")

    def decode(self, status_code: int, content: bytes) -> Any:
        """Decode a body.

        Raises:
            InvalidBodyError: It does not conform to the spec.
        """
        if self.decoder is None:
            return None
        if self.is_json:
            return bodies.decode_json(self.decoder, status_code, content)
        if self.content_type.startswith("text/"):
            return bodies.decode_text(self.decoder, status_code, content)
        return bodies.decode_bytes(self.decoder, status_code, content)


def _accept_any(_: Any) -> str | None:
    return None


class Operation(NamedTuple, Generic[T_co]):
    """Everything that the spec says about an operation.

    Attributes:
        id: The `operationId`.
        method: The HTTP method.
        path: The template of the path, relative to the server's URL.
        responses: The responses by status, as the spec writes it: `200`, `4XX`, `default`.
        parameters: The parameters.
        bodies: The kinds of request body; empty if there is no body.
        needs_body: Whether a body is required.
        is_secured: Whether the API key is sent.
        servers: The URLs of the operation's own servers, if it has any.
        is_deprecated: Whether the spec marks it as deprecated.
        pages: How to find the next page; None if the operation is not paginated.
    """

    id: str
    method: str
    path: str
    responses: Mapping[str, Content]
    parameters: tuple[Parameter, ...] = ()
    bodies: tuple[Body, ...] = ()
    needs_body: bool = False
    is_secured: bool = True
    servers: tuple[str, ...] = ()
    is_deprecated: bool = False
    pages: Pages | None = None

    @property
    def is_idempotent(self) -> bool:
        """Whether the method has the same effect when sent repeatedly (RFC 9110, 9.2.2)."""
        return self.method in IDEMPOTENT_METHODS

    @property
    def is_safe(self) -> bool:
        """Whether the method only reads, so that a request has no body (RFC 9110, 9.2.1)."""
        return self.method in SAFE_METHODS

    def call(
        self,
        arguments: Mapping[str, Any],
        body: Any = None,
        subject: str = "",
        problem: Callable[[Any], str | None] = _accept_any,
    ) -> "Call[T_co]":
        """Return a call with these arguments; those that are None are not sent.

        Args:
            arguments: The value of each parameter, by its Python name.
            body: The body, of one of the types that the operation takes.
            subject: See `Call`.
            problem: See `Call`.

        Raises:
            ValueError: A path parameter is empty, `.` or `..`, or a number is not finite.
        """
        target = requests.path(self.path, self.parameters, arguments)
        query = requests.query(self.parameters, arguments)
        headers = requests.headers(self.parameters, arguments)
        content = None
        if body is not None:
            kind = next(kind for kind in self.bodies if isinstance(body, kind.type))
            content_type, content = kind.encoded(body)
            headers = (*headers, ("Content-Type", content_type))
        if accept := self._accept():
            headers = (*headers, ("Accept", accept))
        target = f"{target}?{query}" if query else target
        return Call(self, target, headers, content, arguments, body, subject, problem)

    def content(self, status_code: int) -> Content | None:
        """Return the documented content for a status; None if there is none.

        `default` documents errors, unless no success status is documented.
        """
        key = str(status_code)
        content = self.responses.get(key)
        if content is not None:
            return content
        content = self.responses.get(f"{key[0]}XX")
        if content is None and not (key[0] == _SUCCESS and self._has_success):
            content = self.responses.get("default")
        return content

    def decode(self, status_code: int, content: bytes) -> Any:
        """Decode a body by the spec's schema for its status.

        Raises:
            InvalidBodyError: The body does not conform to the schema of this status.
            UnexpectedStatusError: The spec does not document this status.
        """
        documented = self.content(status_code)
        if documented is None:
            reason = "the spec does not document this status"
            raise UnexpectedStatusError(status_code, reason, content)
        return documented.decode(status_code, content)

    def reading(self, model: type[Model], extended: type[M]) -> "Operation[M]":
        """Return a copy of the operation that decodes a model as a subclass of the model."""
        responses = {
            status: content
            if content.decoder is None
            else content._replace(decoder=decoder_with_subclass(content.decoder, model, extended))
            for status, content in self.responses.items()
        }
        return cast("Operation[M]", self._replace(responses=responses))

    @property
    def _has_success(self) -> bool:
        return any(status.startswith(_SUCCESS) for status in self.responses)

    def _accept(self) -> str:
        """Return the `Accept` header, or "" if only JSON is accepted."""
        kinds = [
            content.content_type
            for status, content in self.responses.items()
            if status[0] == _SUCCESS and content.decoder is not None
        ]
        if kinds in ([], [_JSON]):
            return ""
        return ", ".join(dict.fromkeys([*kinds, _JSON]))  # errors are always JSON


class Call(NamedTuple, Generic[T_co]):
    """A request with its arguments, and the decoding of its responses.

    Attributes:
        operation: The operation.
        target: Path and query, relative to the server's URL.
        headers: The headers of the call itself.
        content: The encoded body; None if there is none.
        arguments: The arguments by Python name.
        body: The body before encoding.
        subject: What the call is about, for error messages: the id of a generation.
        problem: Returns why a response does not belong to this call; None if it does.
        has_key: Whether an idempotency key is sent.
    """

    operation: Operation[T_co]
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    content: bytes | None = None
    arguments: Mapping[str, Any] = MappingProxyType({})
    body: Any = None
    subject: str = ""
    problem: Callable[[Any], str | None] = _accept_any
    has_key: bool = False

    @property
    def is_repeatable(self) -> bool:
        """Whether sending it repeatedly has the same effect as sending it once."""
        return self.has_key or self.operation.is_idempotent

    def identified(self, key: str) -> "Call[T_co]":
        """Return the same call with an idempotency key."""
        headers = (*self.headers, ("Idempotency-Key", key))
        return self._replace(headers=headers, has_key=True)

    def with_arguments(self, **changes: Any) -> "Call[T_co]":
        """Return the same call with other arguments."""
        arguments = {**self.arguments, **changes}
        return self.operation.call(arguments, self.body, self.subject, self.problem)

    def __repr__(self) -> str:
        return f"Call({self.operation.method} {self.operation.path})"


class Sender(Protocol):
    """Sends calls synchronously, like `ModelGates`."""

    def send(self, call: Call[T], /, **options: Unpack[CallOptions]) -> T:
        """Send a call, and return the decoded body of its response."""
        ...


class AsyncSender(Protocol):
    """Sends calls asynchronously, like `AsyncModelGates`."""

    async def send(self, call: Call[T], /, **options: Unpack[CallOptions]) -> T:
        """Send a call, and return the decoded body of its response."""
        ...
