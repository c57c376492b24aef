"""Chat completions of the stub: each has a cost, and its record exists a moment later."""

import datetime
import json
import secrets
import string
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final, NamedTuple

from modelgates_client.testing._records import make_error, make_record
from modelgates_client.testing._request_check import ReceivedRequest, Refusal, unauthorized
from modelgates_client.testing._responses import (
    StubResponse,
    StubStream,
    compressed,
    json_response,
    retry_after_header,
)
from modelgates_runtime.values import is_array, is_object

PATH: Final = "/chat/completions"

_METHOD: Final = "POST"
_LETTERS: Final = string.ascii_letters + string.digits
_PROCESSING: Final = b": MODELGATES PROCESSING\n\n"
_DONE: Final = b"data: [DONE]\n\n"


@dataclass(frozen=True)
class _Plan:
    """How to respond to a completion.

    Attributes:
        error: The error response; None: there is a generation.
        ready_s: Seconds until the record exists; None: as usual.
        break_after: The number of pieces of text after which the response ends early; None: it
            does not.
        error_event: The error at the end of such a stream; None: the connection breaks.
        is_named: Whether the headers name the generation.
        is_compressed: Whether the response is compressed, unless it is streamed.
    """

    error: StubResponse | None = None
    ready_s: float | None = None
    break_after: int | None = None
    error_event: Mapping[str, Any] | None = None
    is_named: bool = True
    is_compressed: bool = False

    @property
    def breaks(self) -> bool:
        """Whether the connection closes before the end of the response."""
        return self.break_after is not None and self.error_event is None


class ChatResponse(NamedTuple):
    """The response to a completion, and the id of its generation; None if it is an error."""

    response: StubResponse
    generation_id: str | None = None


class StubChat:
    """`POST /chat/completions`: the attribute `chat` of a `StubAPI`.

    Each completion is a generation, and `GET /generation` has its record a moment later. The
    response is `text`, streamed word by word on request. If the request has tools, the response is
    a call of the first tool, until the conversation contains the result of a call. The methods
    change the next responses, in the order in which they are called.

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
        self._plans = deque[_Plan]()
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
        self._plan(_Plan(), times)

    def fail(
        self,
        *,
        status: int = 500,
        message: str | None = None,
        retry_after: int | None = None,
        times: int = 1,
    ) -> None:
        """Respond with an error; there is no generation."""
        headers = {} if retry_after is None else {"Retry_After": retry_after_header(retry_after)}
        response = json_response(make_error(status, message), status, **headers)
        self._plan(_Plan(error=response), times)

    def break_off(self, *, after: int = 2, times: int = 1) -> None:
        """Close the connection after some pieces of text; the generation is cancelled."""
        self._plan(_Plan(break_after=after), times)

    def fail_midway(self, *, after: int = 2, message: str | None = None, times: int = 1) -> None:
        """End a stream with an error after some pieces; other responses are normal."""
        error = make_error(502, message)["error"]
        self._plan(_Plan(break_after=after, error_event=error), times)

    def late(self, seconds: float, *, times: int = 1) -> None:
        """Make the record exist only after some seconds."""
        self._plan(_Plan(ready_s=seconds), times)

    def unnamed(self, *, times: int = 1, gzip: bool = False) -> None:
        """Respond without the header `X-Generation-Id`, like other gateways; or compressed, too."""
        self._plan(_Plan(is_named=False, is_compressed=gzip), times)

    def _plan(self, plan: _Plan, times: int) -> None:
        with self._lock:
            self._plans += [plan] * times

    def is_hidden(self, generation_id: str) -> bool:
        """Whether the record of a generation does not exist yet."""
        return time.monotonic() < self._ready_at.get(generation_id, 0.0)

    def respond(self, request: ReceivedRequest, api_key: str) -> ChatResponse | Refusal:
        """Return the response to a request, or why the API would not accept it."""
        body = _parsed(request.body)
        refusal = (
            (None if request.method == _METHOD else _METHOD_NOT_ALLOWED)
            or unauthorized(request, api_key)
            or _invalid_body(body)
        )
        if refusal is not None:
            return refusal
        with self._lock:
            plan = self._plans.popleft() if self._plans else _Plan()
        if plan.error is not None:
            return ChatResponse(plan.error)
        generation_id = (
            f"gen-{int(time.time())}-{''.join(secrets.choice(_LETTERS) for _ in range(20))}"
        )
        is_streamed = body.get("stream") is True
        record = make_record(
            generation_id,
            model=body["model"],
            streamed=is_streamed,
            cancelled=plan.breaks,
            created_at=datetime.datetime.now(datetime.UTC).isoformat().replace("+00:00", "Z"),
        )
        ready_s = self.ready_s if plan.ready_s is None else plan.ready_s
        with self._lock:
            self._costs[generation_id] = Decimal(str(record["total_cost"]))
            self._ready_at[generation_id] = time.monotonic() + ready_s
        self._add_record(record)
        headers = {"X-Generation-Id": generation_id} if plan.is_named else {}
        response = (self._stream if is_streamed else self._whole)(plan, record, body, headers)
        return ChatResponse(response, generation_id)

    def _whole(
        self,
        plan: _Plan,
        record: Mapping[str, Any],
        body: Mapping[str, Any],
        headers: dict[str, str],
    ) -> StubResponse:
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
        response = replace(
            response, headers={**response.headers, **headers}, is_truncated=plan.breaks
        )
        return compressed(response) if plan.is_compressed else response

    def _stream(
        self,
        plan: _Plan,
        record: Mapping[str, Any],
        body: Mapping[str, Any],
        headers: dict[str, str],
    ) -> StubResponse:
        events = [_PROCESSING, *self._events(record, body)]
        if plan.break_after is None:
            events.append(_DONE)
        else:
            events = events[: 1 + plan.break_after]
            if plan.error_event is not None:
                chunk = _chunk(record, {"content": ""}, "error")
                events.append(_event({**chunk, "error": plan.error_event}))
        return StubStream(
            200,
            b"",
            {"Content-Type": "text/event-stream", "Cache-Control": "no-cache", **headers},
            events=tuple(events),
            pause_s=self.pause_s,
            is_broken=plan.breaks,
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


_METHOD_NOT_ALLOWED: Final = Refusal(405, None, f"the method is not {_METHOD}", _METHOD)


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
