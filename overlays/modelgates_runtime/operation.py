"""An operation of the spec as a value, and a call of it. Pure: nothing here sends.

An `Operation` says all that the spec says of one. `Operation.call` fills it: the `Call` holds the
request, and knows how its answers are decoded. Whatever fulfils `Sender` or `AsyncSender` sends
it.
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
from modelgates_runtime.extending import decoding
from modelgates_runtime.model import Model
from modelgates_runtime.paging import Pages
from modelgates_runtime.requests import Body, Parameter

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
M = TypeVar("M", bound=Model)

Validation = Literal["lenient", "strict"]

_JSON: Final = "application/json"
_SUCCESS: Final = "2"  # the first digit of statuses of success

#: Methods that change nothing (RFC 9110, section 9.2.1).
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})

#: Methods that do the same whether they are sent once or more often (RFC 9110, section 9.2.2).
IDEMPOTENT_METHODS: Final = SAFE_METHODS | {"PUT", "DELETE"}


class RequestOptions(TypedDict, total=False):
    """What the requests of a call can be told; what is left out is as the client has it.

    Attributes:
        headers: Sent beside the client's own.
        validation: `"strict"` raises where the answer is not as the spec says.
        idempotency_key: Sent as `Idempotency-Key`: the server does the same thing once, however
            often it is asked with one key, so that any request may be sent again.
    """

    headers: Mapping[str, str]
    validation: Validation
    idempotency_key: str


class CallOptions(RequestOptions, total=False):
    """What a single call can be told; what is left out is as the client has it.

    Attributes:
        timeout: Seconds that the call may take in all, every retry included.
        max_retries: Attempts after the first, where another may help.
    """

    timeout: float
    max_retries: int


#: The names of the options of a call.
CALL_OPTIONS: Final = frozenset({*RequestOptions.__annotations__, *CallOptions.__annotations__})


class Content(NamedTuple):
    """What the spec says of the body of an answer.

    Attributes:
        decoder: What takes it; None where there is no body.
        content_type: Its media type.
    """

    decoder: Decoder | None = None
    content_type: str = _JSON

    @property
    def is_json(self) -> bool:
        """Whether it is JSON."""
        if self.content_type == _JSON:
            return True
        kind = self.content_type.partition(";")[0].strip().lower()
        return kind == _JSON or kind.endswith("+json")

    def decode(self, status_code: int, content: bytes) -> Any:
        """Decode a body.

        Raises:
            InvalidBodyError: It is not what the spec says.
        """
        if self.decoder is None:
            return None
        if self.is_json:
            return bodies.decode_json(self.decoder, status_code, content)
        if self.content_type.startswith("text/"):
            return bodies.decode_text(self.decoder, status_code, content)
        return bodies.decode_bytes(self.decoder, status_code, content)


class Operation(NamedTuple, Generic[T_co]):
    """All that the spec says of an operation.

    Attributes:
        id: Its `operationId`.
        method: The HTTP method.
        path: The template of its path, below the server's URL.
        responses: What is answered, by status as the spec writes it: `200`, `4XX`, `default`.
        parameters: Its parameters.
        bodies: The kinds of body that it takes; none where it takes no body.
        needs_body: Whether there is no request without one.
        is_secured: Whether the key is sent.
        servers: The URLs of its own servers, where it has such.
        is_deprecated: Whether the spec advises against it.
        pages: How its pages follow one another, where it gives pages.
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
        """Whether the method says that to send it twice does what to send it once does."""
        return self.method in IDEMPOTENT_METHODS

    @property
    def is_safe(self) -> bool:
        """Whether the method only reads, so that a request has no body (RFC 9110, 9.2.1)."""
        return self.method in SAFE_METHODS

    def call(self, arguments: Mapping[str, Any], body: Any = None) -> "Call[T_co]":
        """Fill the request; what is None is not sent.

        Args:
            arguments: The value of each parameter, by its name in Python.
            body: The body, of one of the types that the operation takes.

        Raises:
            ValueError: A parameter of the path is empty, `.` or `..`, or a number is not finite.
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
        return Call(self, target, headers, content, arguments, body)

    def content(self, status_code: int) -> Content | None:
        """Return what is documented for a status; None if nothing is.

        What is documented as `default` is the error that other statuses bring, unless there is no
        other success.
        """
        key = str(status_code)
        found = self.responses.get(key)
        if found is not None:
            return found
        found = self.responses.get(f"{key[0]}XX")
        if found is None and not (key[0] == _SUCCESS and self._has_success):
            found = self.responses.get("default")
        return found

    def decode(self, status_code: int, content: bytes) -> Any:
        """Decode a body as the spec says for its status, any status.

        Raises:
            InvalidBodyError: The body is not what the spec says for this status.
            UnexpectedStatusError: The spec does not document this status.
        """
        documented = self.content(status_code)
        if documented is None:
            reason = "the spec does not document this status"
            raise UnexpectedStatusError(status_code, reason, content)
        return documented.decode(status_code, content)

    def reading(self, model: type[Model], extended: type[M]) -> "Operation[M]":
        """Return a copy of the operation that decodes the bodies of a model to a class over it."""
        responses = {
            status: content
            if content.decoder is None
            else content._replace(decoder=decoding(content.decoder, model, extended))
            for status, content in self.responses.items()
        }
        return cast("Operation[M]", self._replace(responses=responses))

    @property
    def _has_success(self) -> bool:
        return any(status.startswith(_SUCCESS) for status in self.responses)

    def _accept(self) -> str:
        """Return what the request is to accept, if that is not JSON alone."""
        kinds = {
            content.content_type: None
            for status, content in self.responses.items()
            if content.decoder is not None and status.startswith(_SUCCESS)
        }
        if all(kind == _JSON for kind in kinds):
            return ""
        return ", ".join({**kinds, _JSON: None})  # errors are JSON wherever they come from


def _anything(_: Any) -> str | None:
    return None


class Call(NamedTuple, Generic[T_co]):
    """A filled request, and how its answers are decoded.

    Attributes:
        operation: What is called.
        target: Path and query, below the server's URL.
        headers: Those of the call itself.
        content: The body; None if there is none.
        arguments: What it was filled with, by names in Python.
        body: The body before it was encoded.
        subject: Whose answer is asked for, where errors are to name it: the id of a generation.
        problem: Says why an answer is to another question than this; None when it is to this one.
        has_key: Whether an idempotency key goes along.
    """

    operation: Operation[T_co]
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    content: bytes | None = None
    arguments: Mapping[str, Any] = MappingProxyType({})
    body: Any = None
    subject: str = ""
    problem: Callable[[Any], str | None] = _anything
    has_key: bool = False

    @property
    def is_repeatable(self) -> bool:
        """Whether to send it twice does what to send it once does."""
        return self.has_key or self.operation.is_idempotent

    def identified(self, key: str) -> "Call[T_co]":
        """Return the same call with an idempotency key."""
        headers = (*self.headers, ("Idempotency-Key", key))
        return self._replace(headers=headers, has_key=True)

    def about(self, subject: str, problem: Callable[[T_co], str | None]) -> "Call[T_co]":
        """Return the same call, which takes only an answer that is about its subject."""
        return self._replace(subject=subject, problem=problem)

    def with_arguments(self, **changes: Any) -> "Call[T_co]":
        """Return the same call with other arguments."""
        filled = self.operation.call({**self.arguments, **changes}, self.body)
        return filled._replace(subject=self.subject, problem=self.problem)

    def __repr__(self) -> str:
        return f"Call({self.operation.method} {self.operation.path})"


class Sender(Protocol):
    """What sends calls, blocking: `ModelGates` does."""

    def send(self, call: Call[T], /, **options: Unpack[CallOptions]) -> T:
        """Send a call, and return what its answer says."""
        ...


class AsyncSender(Protocol):
    """What sends calls, awaited: `AsyncModelGates` does."""

    async def send(self, call: Call[T], /, **options: Unpack[CallOptions]) -> T:
        """Send a call, and return what its answer says."""
        ...
