"""`StubAPI`: serves records like the API and checks requests like the API."""

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, Self, overload

from modelgates_api.api import OPERATIONS
from modelgates_client.testing import _chat
from modelgates_client.testing._behaviours import BehaviourQueues, Behaviours
from modelgates_client.testing._chat import StubChat
from modelgates_client.testing._records import (
    RECORDS,
    json_copy,
    make_body,
    make_error,
    make_record,
    make_response,
)
from modelgates_client.testing._request_check import (
    STUB_KEY,
    Refusal,
    Routes,
    StubRequest,
    masked,
    refusal,
    unknown_route,
)
from modelgates_client.testing._responses import (
    StubResponse,
    delayed,
    json_response,
    text_response,
)
from modelgates_client.testing._server import StubServer
from modelgates_runtime.operation import Operation

if TYPE_CHECKING:
    from werkzeug import Request

_PREFIX: Final = "/api/v1"
_PATHS: Final = tuple(
    dict.fromkeys(f"{_PREFIX}{operation.path}" for operation in OPERATIONS.values())
)
_PAGES: Final[Mapping[int, str]] = {404: "Not Found", 405: "Method Not Allowed"}


class StubAPI(Behaviours):
    """A stub server for the API, with records that you pass or that it makes from the spec.

    It responds like the API: with a record; 401 for a wrong or missing key; 404 for an unknown id;
    400 for a missing, empty or repeated id; 404 and 405 in plain text for other paths and methods.
    Other operations of the spec get a successful response as the spec documents it. Requests that
    the API would not accept are listed in `violations`. Methods such as `not_ready`, `rate_limit`
    and `fail` change the next responses.

    Attributes:
        base_url: The `base_url` for clients.
        chat: Chat completions, whose generations have records; see `StubChat`.
        api_key: The `api_key` for clients.
        violations: What was wrong with requests, one line each, without keys. The fixture
            `modelgates_stub` fails a test if the list is not empty at the end.
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
        """Start the server; it runs until `close`.

        Args:
            records: Records, as for `add`.
            host: The address to listen on; `0.0.0.0` means all addresses of the machine. Anyone who
                can connect can read the records, and nothing else.
            port: The port; 0 means a free one.
            latency_s: Seconds by which each response is delayed.
            on_request: Called with each request, in the thread that handles it.

        Raises:
            OSError: The address or the port is not available.
            ValueError: A record, the latency or the port is invalid.
            TypeError: `records` is a single record or an id instead of a list.
        """
        if isinstance(records, str | Mapping):
            raise TypeError("records must be a list of records; use `add` for a single one")
        if port not in range(65_536):
            raise ValueError(f"port is {port}; it must be 0 to 65535")
        self.api_key = STUB_KEY
        self.violations: list[str] = []
        self._requests: list[StubRequest] = []
        self._bodies: dict[str, dict[str, Any]] = {}
        self._responses: dict[str, StubResponse] = {}
        self._behaviours = BehaviourQueues()
        self._add_latency = delayed(latency_s)
        self._on_request = on_request
        self._lock = threading.Lock()
        self._is_closed = False
        self.chat = StubChat(self.add)
        for record in records:
            self.add(record)
        self._routes = Routes(OPERATIONS.values())
        self._server = StubServer(self._respond_to, self._add_violation, host, port)
        self._server.start()
        self.base_url = self._server.url_for(_PREFIX)
        for unspecified, loopback in (("//0.0.0.0:", "//127.0.0.1:"), ("//[::]:", "//[::1]:")):
            self.base_url = self.base_url.replace(unspecified, loopback)

    @overload
    def add(self, generation_id: str, /, **fields: Any) -> dict[str, Any]: ...

    @overload
    def add(self, record: Mapping[str, Any], /) -> dict[str, Any]: ...

    def add(self, record: Mapping[str, Any] | str, /, **fields: Any) -> dict[str, Any]:
        """Serve a record; it replaces another one with the same id.

        Args:
            record: The id of a record to make from the spec, as with `make_record`; or a record,
                which is served unchanged; or the whole body of a response.
            fields: Values of your own, by the spec's names, for a record that is made.

        Returns:
            The record as it is served.

        Raises:
            ValueError: The record has no id, or the spec does not allow the fields.
            TypeError: The record is not an object, or cannot be represented in JSON.
        """
        if isinstance(record, str):
            record = make_record(record, **fields)
        elif not _is_mapping(record):
            raise TypeError(f"a record must be an object, or an id to make one; this is {record!r}")
        elif fields:
            raise TypeError("fields are only for a record that is made; add them to the record")
        body: dict[str, Any] = json_copy(
            record if isinstance(record.get("data"), Mapping) else make_body(record)
        )
        generation_id = body["data"].get("id")
        if not isinstance(generation_id, str) or not generation_id:
            raise ValueError("the record has no id, so it cannot be requested")
        with self._lock:
            self._bodies[generation_id] = body
        return dict(body["data"])

    def respond(self, operation_id: str, body: Any, *, status: int = 200) -> None:
        """Set the response to all requests for an operation.

        Args:
            operation_id: The operation's id in the spec.
            body: The body: bytes are sent unchanged, anything else as JSON.
            status: The status code.

        Raises:
            ValueError: The spec has no such operation.
            TypeError: The body cannot be represented in JSON.
        """
        if operation_id not in OPERATIONS:
            raise ValueError(f"the spec has no operation {operation_id!r}")
        response = (
            StubResponse(status, body) if isinstance(body, bytes) else json_response(body, status)
        )
        with self._lock:
            self._responses[operation_id] = response

    @property
    def requests(self) -> list[StubRequest]:
        """All requests so far, in order."""
        with self._lock:
            return list(self._requests)

    def check(self) -> None:
        """Raise an error if there are violations.

        Raises:
            AssertionError: There are violations; the message lists them.
        """
        if self.violations:
            lines = "\n".join(f"  {line}" for line in self.violations)
            raise AssertionError(
                f"the API would not have accepted {len(self.violations)} request(s); a test that "
                f"sends them on purpose calls violations.clear():\n{lines}"
            )

    def close(self) -> None:
        """Stop the server without waiting for delayed responses; a second call does nothing."""
        if not self._is_closed:
            self._is_closed = True
            self._server.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"StubAPI({self.base_url!r}, {len(self._bodies)} record(s))"

    def _record_of(self, generation_id: str) -> Mapping[str, Any] | None:
        body = self._bodies.get(generation_id)
        return None if body is None else body["data"]

    def _respond_to(self, request: "Request") -> StubResponse:
        """Return the response to a request and list the request."""
        request.get_data()  # what is not read would be taken for the next request
        if request.path == _PREFIX + _chat.PATH:
            response, listed = self._complete(request)
        else:
            path = request.environ["REQUEST_URI"].partition("?")[0]
            is_api = path.startswith(_PREFIX)
            operations = self._routes.at(path.removeprefix(_PREFIX)) if is_api else {}
            operation = operations.get(request.method)
            with self._lock:  # one at a time, so that they are listed in the order of behaviours
                if operation is None:
                    response, violation = _refused(unknown_route(operations, _PATHS))
                else:
                    response, violation = self._decide(request, operation)
                status = None if response.is_dropped else response.status
                generation_id = _single_id(request)
                listed = self._list(request, generation_id, status, violation, operation)
        if self._on_request is not None:
            self._on_request(listed)
        return response

    def _complete(self, request: "Request") -> tuple[StubResponse, StubRequest]:
        """Return the response to a request for a chat completion, and the request as listed."""
        completion = _chat.refusal(request, self.api_key) or self.chat.respond(request.get_data())
        if isinstance(completion, Refusal):
            (response, violation), generation_id = _refused(completion), _single_id(request)
        else:
            (response, generation_id), violation = completion, None
        with self._lock:
            listed = self._list(request, generation_id, response.status, violation)
        return self._add_latency(response), listed

    def _decide(
        self, request: "Request", operation: Operation[Any]
    ) -> tuple[StubResponse, str | None]:
        """Return the response to a request for an operation, and the violation if any."""
        refused = refusal(request, operation, self.api_key)
        if refused is not None:
            return _refused(refused)
        response = self._responses.get(operation.id)
        if response is None:
            response = (
                self._record_response(request.args["id"])
                if operation is RECORDS
                else make_response(operation, request.args)
            )
        key = request.args["id"] if operation is RECORDS else operation.id
        behaviour = self._behaviours.take(key)
        try:
            response = response if behaviour is None else behaviour(response)
        except ValueError as error:  # such as a drift that the record cannot have
            message = f"the stub cannot apply the behaviour to this response: {error}"
            return text_response(500, message), message
        return self._add_latency(response), None

    def _record_response(self, generation_id: str) -> StubResponse:
        is_hidden = self.chat.is_hidden(generation_id)
        body = None if is_hidden else self._bodies.get(generation_id)
        return json_response(make_error(404), 404) if body is None else json_response(body)

    def _list(
        self,
        request: "Request",
        generation_id: str | None,
        status: int | None,
        violation: str | None,
        operation: Operation[Any] | None = None,
    ) -> StubRequest:
        listed = StubRequest(
            masked(request.method, request, self.api_key),
            masked(request.path, request, self.api_key),
            None if generation_id is None else masked(generation_id, request, self.api_key),
            status,
            violation,
            None if operation is None else operation.id,
        )
        self._requests.append(listed)
        if violation is not None:
            self.violations.append(str(listed))
        return listed

    def _add_violation(self, violation: str) -> None:
        with self._lock:
            self.violations.append(violation)


def _single_id(request: "Request") -> str | None:
    """Return the requested id; None if there is none, or more than one."""
    ids = request.args.getlist("id")
    return ids[0] if len(ids) == 1 else None


def _refused(refused: Refusal) -> tuple[StubResponse, str | None]:
    """Return the response to a request that is refused, and the violation."""
    if refused.message is not None:
        response = json_response(make_error(refused.status, refused.message), refused.status)
    else:
        headers = {"Allow": refused.allowed} if refused.allowed else {}
        response = text_response(refused.status, _PAGES[refused.status], **headers)
    return response, refused.violation


def _is_mapping(value: object) -> bool:
    """Whether a value is a mapping, for callers without type checkers."""
    return isinstance(value, Mapping)
