"""Chat completions of the stub: each has a cost, and its record exists a moment later."""

import datetime
import json
import secrets
import string
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from modelgates_client.testing._behaviours import BehaviourQueues, error_response
from modelgates_client.testing._records import make_error, make_record
from modelgates_client.testing._request_check import Refusal, unauthorized
from modelgates_client.testing._responses import (
    StubResponse,
    StubStream,
    compressed,
    json_response,
)
from modelgates_runtime.values import is_array, is_object

if TYPE_CHECKING:
    from werkzeug import Request

PATH: Final = "/chat/completions"

_METHOD: Final = "POST"
_ID_HEADER: Final = "X-Generation-Id"
_LETTERS: Final = string.ascii_letters + string.digits
_PROCESSING: Final = b": MODELGATES PROCESSING\n\n"
_DONE: Final = b"data: [DONE]\n\n"


class Completion(NamedTuple):
    """The response to a completion, and the id of its generation; None if it is an error."""

    response: StubResponse
    generation_id: str | None = None


class StubChat:
    """`POST /chat/completions`: the attribute `chat` of a `StubAPI`.

    Each completion is a generation, and `GET /generation` has its record a moment later. The
    response is `text`, streamed word by word on request. If the request has tools, the response is
    a call of the first tool, until the conversation contains the result of a call. Methods such as
    `fail` change the next responses, in the order in which they are called.

    Attributes:
        text: The text of responses.
        ready_s: Seconds until the record of a completion exists.
        pause_s: Seconds between two events of a stream.
    """

    def __init__(self, add_record: Callable[[Mapping[str, Any]], object]) -> None:
        """Pass the records of completions to `add_record`."""
        self.text = "This is what the stub has to say."
        self.ready_s = 0.05
        self.pause_s = 0.0
        self._add_record = add_record
        self._behaviours = BehaviourQueues()
        self._costs: dict[str, Decimal] = {}
        self._ready_at: dict[str, float] = {}
        self._lock = threading.Lock()

    @property
    def ids(self) -> list[str]:
        """The ids of the generations so far, in order."""
        with self._lock:
            return list(self._costs)

    @property
    def costs(self) -> dict[str, Decimal]:
        """The exact cost of each generation, in US dollars."""
        with self._lock:
            return dict(self._costs)

    @property
    def charged(self) -> Decimal:
        """The exact cost of all generations, in US dollars."""
        with self._lock:
            return sum(self._costs.values(), Decimal(0))

    def normal(self, *, times: int = 1) -> None:
        """Respond as usual, before later responses that differ."""
        self._behaviours.add(None, times, lambda response: response)

    def fail(
        self,
        *,
        status: int = 500,
        message: str | None = None,
        retry_after: int | None = None,
        times: int = 1,
    ) -> None:
        """Respond with an error; there is no generation."""
        error = error_response(status, message, retry_after=retry_after)
        self._behaviours.add(None, times, lambda _: error)

    def break_off(self, *, after: int = 2, times: int = 1) -> None:
        """Close the connection after some pieces of text; the generation is cancelled."""

        def broken(response: StubResponse) -> StubResponse:
            if not isinstance(response, StubStream):
                return replace(response, is_truncated=True)
            return replace(response, events=response.events[:-1][: 1 + after], is_broken=True)

        self._behaviours.add(None, times, broken)

    def fail_midway(self, *, after: int = 2, message: str | None = None, times: int = 1) -> None:
        """End a stream with an error after some pieces; other responses are normal."""
        error = make_error(502, message)["error"]

        def failed(response: StubResponse) -> StubResponse:
            if not isinstance(response, StubStream):
                return response
            pieces = response.events[:-1][: 1 + after]
            chunk: Any = json.loads(response.events[1].removeprefix(b"data: "))
            chunk["choices"][0].update(delta={"content": ""}, finish_reason="error")
            return replace(response, events=(*pieces, _event({**chunk, "error": error})))

        self._behaviours.add(None, times, failed)

    def late(self, seconds: float, *, times: int = 1) -> None:
        """Make the record exist only after some seconds."""
        self._behaviours.add(None, times, lambda response: replace(response, ready_s=seconds))

    def unnamed(self, *, times: int = 1, gzip: bool = False) -> None:
        """Respond without the header `X-Generation-Id`, like other gateways; or compressed, too."""

        def changed(response: StubResponse) -> StubResponse:
            headers = {name: v for name, v in response.headers.items() if name != _ID_HEADER}
            response = replace(response, headers=headers)
            is_compressed = gzip and not isinstance(response, StubStream)
            return compressed(response) if is_compressed else response

        self._behaviours.add(None, times, changed)

    def is_hidden(self, generation_id: str) -> bool:
        """Whether the record of a generation does not exist yet."""
        return time.monotonic() < self._ready_at.get(generation_id, 0.0)

    def respond(self, content: bytes) -> Completion | Refusal:
        """Return the response to a request's body, or why the API would not accept it."""
        body = _parsed(content)
        invalid = _invalid_body(body)
        if invalid is not None:
            return invalid
        generation_id = (
            f"gen-{int(time.time())}-{''.join(secrets.choice(_LETTERS) for _ in range(20))}"
        )
        record = make_record(
            generation_id,
            model=body["model"],
            streamed=body.get("stream") is True,
            created_at=datetime.datetime.now(datetime.UTC).isoformat().replace("+00:00", "Z"),
        )
        response = (self._stream if record["streamed"] else self._unstreamed)(record, body)
        behaviour = self._behaviours.take("")
        if behaviour is not None:
            response = behaviour(response)
        if response.status >= HTTPStatus.BAD_REQUEST:
            return Completion(response)
        record["cancelled"] = response.is_cut_short
        ready_s = self.ready_s if response.ready_s is None else response.ready_s
        with self._lock:
            self._costs[generation_id] = Decimal(str(record["total_cost"]))
            self._ready_at[generation_id] = time.monotonic() + ready_s
        self._add_record(record)
        return Completion(response, generation_id)

    def _unstreamed(self, record: Mapping[str, Any], body: Mapping[str, Any]) -> StubResponse:
        call = _tool_call(body)
        message: dict[str, Any] = {
            "role": "assistant",
            "content": self.text if call is None else None,
        }
        if call is not None:
            message["tool_calls"] = [call]
        finish = "stop" if call is None else "tool_calls"
        choice = {"index": 0, "message": message, "finish_reason": finish, "logprobs": None}
        response = json_response(
            {**_head(record, "chat.completion"), "choices": [choice], "usage": _usage(record)}
        )
        return replace(response, headers={**response.headers, _ID_HEADER: record["id"]})

    def _stream(self, record: Mapping[str, Any], body: Mapping[str, Any]) -> StubResponse:
        headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}
        return StubStream(
            200,
            b"",
            {**headers, _ID_HEADER: record["id"]},
            events=(_PROCESSING, *self._events(record, body), _DONE),
            pause_s=self.pause_s,
        )

    def _events(self, record: Mapping[str, Any], body: Mapping[str, Any]) -> Iterator[bytes]:
        call = _tool_call(body)
        if call is None:
            for word in self.text.split(" "):
                yield _event(_chunk(record, {"role": "assistant", "content": f"{word} "}))
        else:
            yield _event(
                _chunk(record, {"role": "assistant", "tool_calls": [{"index": 0, **call}]})
            )
        yield _event(_chunk(record, {}, "stop" if call is None else "tool_calls"))
        options = body.get("stream_options")
        if is_object(options) and options.get("include_usage") is True:
            head = _head(record, "chat.completion.chunk")
            yield _event({**head, "choices": [], "usage": _usage(record)})


def refusal(request: "Request", api_key: str) -> Refusal | None:
    """Return why the API would not accept a request, whatever its body; None if it would."""
    if request.method != _METHOD:
        return Refusal(405, None, f"the method is not {_METHOD}", _METHOD)
    return unauthorized(request, api_key)


def _head(record: Mapping[str, Any], kind: str) -> dict[str, Any]:
    return {
        "id": record["id"],
        "object": kind,
        "created": int(time.time()),
        "model": record["model"],
        "provider": record["provider_name"],
    }


def _chunk(
    record: Mapping[str, Any], delta: Mapping[str, Any], finish: str | None = None
) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
    return {**_head(record, "chat.completion.chunk"), "choices": [choice]}


def _usage(record: Mapping[str, Any]) -> dict[str, Any]:
    prompt, completion = record["tokens_prompt"], record["tokens_completion"]
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "cost": record["total_cost"],
    }


def _event(data: Mapping[str, Any]) -> bytes:
    return b"data: %s\n\n" % json.dumps(data).encode()


def _tool_call(body: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a call of the request's first tool; None if it has no tools, or a result already."""
    tools = body.get("tools")
    has_result = any(is_object(each) and each.get("role") == "tool" for each in body["messages"])
    if not tools or has_result or body.get("tool_choice") == "none":
        return None
    function = {"name": tools[0]["function"]["name"], "arguments": "{}"}
    return {"id": f"call_{secrets.token_hex(8)}", "type": "function", "function": function}


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _invalid_body(body: Any) -> Refusal | None:
    """Return what is wrong with the body of a request; None if nothing is."""
    if not is_object(body):
        return Refusal(400, "Invalid JSON", "the body is not a JSON object")
    if not isinstance(body.get("model"), str):
        return Refusal(400, "model: Required", "model is not a string")
    messages = body.get("messages")
    if not is_array(messages) or not messages:
        return Refusal(400, "messages: Required", "messages is not a list of messages")
    tools: Any = body.get("tools")
    if tools is not None and not (is_array(tools) and all(map(_is_function, tools))):
        return Refusal(400, "tools: Invalid input", "a tool is not a function with a name")
    return None


def _is_function(tool: Any) -> bool:
    function = tool.get("function") if is_object(tool) else None
    return is_object(function) and isinstance(function.get("name"), str)
