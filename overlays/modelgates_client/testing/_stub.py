"""`StubAPI`: the API on loopback, faithful in what it answers and strict in what it takes."""

import threading
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, overload

from modelgates_api.api import OPERATIONS
from modelgates_client.testing import _chat, _responses, _stub_response
from modelgates_client.testing._behaviours import Behaviours, Sequences
from modelgates_client.testing._chat import StubChat
from modelgates_client.testing._records import (
    RECORDS,
    as_sent,
    make_answer,
    make_body,
    make_error,
    make_record,
)
from modelgates_client.testing._request_check import (
    STUB_KEY,
    ReceivedRequest,
    Refusal,
    StubRequest,
    misplaced,
    refusal,
)
from modelgates_client.testing._routes import Routes
from modelgates_client.testing._server import StubServer
from modelgates_client.testing._stub_response import StubResponse
from modelgates_runtime.operation import Operation

if TYPE_CHECKING:
    from werkzeug import Request

_PREFIX: Final = "/api/v1"
_PAGES: Final[Mapping[int, str]] = {404: "Not Found", 405: "Method Not Allowed"}


class StubAPI(Behaviours):
    """The API on loopback, with the records that it is given or makes from the spec.

    It answers as the API does: a record; 401 for another key or none; 404 for an unknown id; 400
    for no id, an empty one or two; 404 and 405 in plain text for other paths and methods. Every
    other operation of the spec is answered with what the spec says of a success. What
    the API would not accept is a violation, too. The methods `not_ready`, `rate_limit`, `fail`
    and so on say what becomes of the next requests in place of that.

    Attributes:
        base_url: What a client takes as its `base_url`.
        chat: Chat completions, whose generations are among the records; see `StubChat`.
        api_key: What a client takes as its `api_key`.
        violations: What requests did wrong, a line for each, without any key. The fixture
            `modelgates_stub` fails a test that leaves some; a test that provokes them clears it.
    """

    def __init__(
        self,
        records: Iterable[Mapping[str, Any]] = (),
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        latency_s: float = 0.0,
        on_request: Callable[[StubRequest], object] | None = None,
    ) -> None:
        """Serve records until `close`, on loopback unless it is told otherwise.

        Args:
            records: Records, as `add` takes them.
            host: The address to listen on, as `0.0.0.0` for all that the machine has. Whoever
                reaches it may ask; the records are all that there is to be had.
            port: The port; 0: a free one.
            latency_s: Seconds that every answer takes.
            on_request: Is called with each request, in the thread that answers it.

        Raises:
            OSError: The address or the port cannot be had.
            ValueError: A record is none, the latency cannot be waited, or the port is no port.
            TypeError: A single record is given, or an id, where a list of records is expected.
        """
        if isinstance(records, str | Mapping):
            raise TypeError("records is a list of records; a single one is for `add`")
        if port not in range(65_536):
            raise ValueError(f"port is {port}; it is 0 to 65535")
        self.api_key = STUB_KEY
        self.violations: list[str] = []
        self._requests: list[StubRequest] = []
        self._bodies: dict[str, dict[str, Any]] = {}
        self._sequences = Sequences()
        self._late = _responses.delayed(latency_s)
        self._on_request = on_request
        self._lock = threading.Lock()
        self._closed = False
        self.chat = StubChat(self.add)
        for record in records:
            self.add(record)
        self._given: dict[str, StubResponse] = {}
        self._routes = Routes(OPERATIONS.values())
        self._server = StubServer(self._answer, self._garbage, host, port)
        self._server.start()
        self.base_url = self._server.url_for(_PREFIX)
        for anywhere, here in (("//0.0.0.0:", "//127.0.0.1:"), ("//[::]:", "//[::1]:")):
            self.base_url = self.base_url.replace(anywhere, here)

    @overload
    def add(self, generation_id: str, /, **fields: Any) -> dict[str, Any]: ...

    @overload
    def add(self, record: Mapping[str, Any], /) -> dict[str, Any]: ...

    def add(self, record: Mapping[str, Any] | str, /, **fields: Any) -> dict[str, Any]:
        """Serve a record, in place of any other of its id.

        Args:
            record: The id of one to make from the spec, as `make_record` does; or the record,
                served as it is, whatever the spec says; or the whole body of a response.
            fields: Values of your own, by the spec's names, for a record that is made.

        Returns:
            The record as it is served.

        Raises:
            ValueError: It has no id, or the fields are not as the spec says.
            TypeError: It is not JSON, or no object.
        """
        if isinstance(record, str):
            record = make_record(record, **fields)
        elif not _is_mapping(record):
            raise TypeError(f"a record is an object, or an id to make one of; this is {record!r}")
        elif fields:
            raise TypeError("fields are for a record that is made; put them into the given one")
        body: dict[str, Any] = as_sent(
            record if isinstance(record.get("data"), Mapping) else make_body(record)
        )
        generation_id = body["data"].get("id")
        if not isinstance(generation_id, str) or not generation_id:
            raise ValueError("the record has no id, so nobody can ask for it")
        with self._lock:
            self._bodies[generation_id] = body
        return dict(body["data"])

    def answer(self, operation_id: str, body: Any, *, status: int = 200) -> None:
        """Answer an operation from now on with a body of your own.

        Args:
            operation_id: The operation, by its id in the spec.
            body: What is sent: bytes as they are, anything else as JSON.
            status: The status.

        Raises:
            ValueError: The spec has no such operation.
            TypeError: The body is not JSON.
        """
        if operation_id not in OPERATIONS:
            raise ValueError(f"the spec has no operation {operation_id!r}")
        answer = (
            StubResponse(status, body)
            if isinstance(body, bytes)
            else _stub_response.as_json(body, status)
        )
        with self._lock:
            self._given[operation_id] = answer

    @property
    def requests(self) -> list[StubRequest]:
        """All requests so far, in the order in which they came."""
        with self._lock:
            return list(self._requests)

    def check(self) -> None:
        """Fail if there are violations.

        Raises:
            AssertionError: There are; it lists them.
        """
        if self.violations:
            lines = "\n".join(f"  {line}" for line in self.violations)
            raise AssertionError(
                f"the API would not have accepted {len(self.violations)} request(s); a test that "
                f"means them calls violations.clear():\n{lines}"
            )

    def close(self) -> None:
        """Stop serving; what is delayed is not waited for. Twice is once."""
        if not self._closed:
            self._closed = True
            self._server.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"StubAPI({self.base_url!r}, {len(self._bodies)} record(s))"

    def _known(self, generation_id: str) -> Mapping[str, Any] | None:
        body = self._bodies.get(generation_id)
        return None if body is None else body["data"]

    def _answer(self, request: "Request") -> StubResponse:
        """Answer a request, and note it; each in its turn, so that sequences keep their order."""
        asked = ReceivedRequest(
            request.method,
            request.path,
            dict(request.args.lists()),
            {name.lower(): value for name, value in request.headers.items()},
            request.get_data(cache=True),
        )
        if asked.path == _PREFIX + _chat.PATH:
            return self._complete(asked)
        path = request.environ["REQUEST_URI"].partition("?")[0]
        at = self._routes.at(path.removeprefix(_PREFIX)) if path.startswith(_PREFIX) else {}
        operation = at.get(asked.method)
        with self._lock:
            if operation is None:
                known = list(dict.fromkeys(f"{_PREFIX}{one.path}" for one in OPERATIONS.values()))
                refused = misplaced(at, known)
                decided: tuple[StubResponse, str | None] = self._refused(refused), refused.violation
            else:
                decided = self._decide(asked, operation)
            answer, violation = decided
            status = None if answer.dropped else answer.status
            noted = self._note(asked, operation, status, violation)
        if self._on_request is not None:
            self._on_request(noted)
        return answer

    def _complete(self, asked: ReceivedRequest) -> StubResponse:
        """Answer a request for a completion, and note it."""
        answered = self.chat.answer(asked, self.api_key)
        if isinstance(answered, Refusal):
            answer, violation = self._refused(answered), answered.violation
        else:
            answer, violation = answered.answer, None
            asked = asked._replace(query={"id": answered.ids})
        with self._lock:
            noted = self._note(asked, None, answer.status, violation)
        if self._on_request is not None:
            self._on_request(noted)
        return self._late(answer)

    def _decide(
        self, asked: ReceivedRequest, operation: Operation[Any]
    ) -> tuple[StubResponse, str | None]:
        refused = refusal(asked, operation, self.api_key)
        if refused is not None:
            return self._refused(refused), refused.violation
        if operation is RECORDS:
            key, normal = asked.ids[0], self._record(asked.ids[0])
        else:
            key = operation.id
            normal = self._given.get(key) or make_answer(operation, asked.query)
        step = self._sequences.take(key)
        try:
            answer = normal if step is None else step(normal)
        except ValueError as error:  # a drift that this record cannot have
            message = f"the stub cannot do what it was asked for: {error}"
            return _responses.plain(500, message), message
        return self._late(answer), None

    def _record(self, generation_id: str) -> StubResponse:
        is_hidden = self.chat.is_hidden(generation_id)
        body = None if is_hidden else self._bodies.get(generation_id)
        return (
            _stub_response.as_json(make_error(404), 404)
            if body is None
            else _stub_response.as_json(body)
        )

    def _refused(self, refused: Refusal) -> StubResponse:
        if refused.message is not None:
            return _stub_response.as_json(
                make_error(refused.status, refused.message), refused.status
            )
        allowed = {"Allow": refused.allowed} if refused.allowed else {}
        return _responses.plain(refused.status, _PAGES[refused.status], **allowed)

    def _note(
        self,
        asked: ReceivedRequest,
        operation: Operation[Any] | None,
        status: int | None,
        violation: str | None,
    ) -> StubRequest:
        single = asked.ids[0] if len(asked.ids) == 1 else None
        noted = StubRequest(
            asked.masked(asked.method, self.api_key),
            asked.masked(asked.path, self.api_key),
            None if single is None else asked.masked(single, self.api_key),
            status,
            violation,
            None if operation is None else operation.id,
        )
        self._requests.append(noted)
        if violation is not None:
            self.violations.append(str(noted))
        return noted

    def _garbage(self, reason: str) -> None:
        with self._lock:
            self.violations.append(reason)


def _is_mapping(value: object) -> bool:
    """Whether it is one, whatever its type is said to be."""
    return isinstance(value, Mapping)
