"""Chat completions of the stub: they cost something, and their records come a moment later."""

import datetime
import json
import secrets
import string
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final, NamedTuple

from modelgates_client.testing._records import make_error, make_record
from modelgates_client.testing._request_check import ReceivedRequest, Refusal, unauthorized
from modelgates_client.testing._responses import compressed
from modelgates_client.testing._responses import retry_after as _retry_after
from modelgates_client.testing._stub_response import StubResponse, as_json
from modelgates_runtime.values import is_array, is_object

PATH: Final = "/chat/completions"
METHOD: Final = "POST"

_LETTERS: Final = string.ascii_letters + string.digits
_WAITING: Final = b": MODELGATES PROCESSING\n\n"
_DONE: Final = b"data: [DONE]\n\n"


@dataclass(frozen=True)
class ChatStream(StubResponse):
    """An answer that comes event by event.

    Attributes:
        events: What is sent, piece by piece.
        pause_s: Seconds between them.
        broken: Whether the connection closes behind the last, in place of the end.
    """

    events: Sequence[bytes] = field(default=())
    pause_s: float = 0.0
    broken: bool = False


@dataclass(frozen=True)
class _ChatTurn:
    """What becomes of a completion.

    Attributes:
        error: What is answered in its place; None: there is a generation.
        ready_s: Seconds until its record is there; None: as usual.
        after: Behind how many pieces of the text it breaks; None: it does not.
        said: The error that a stream ends with; None: the connection breaks.
        named: Whether the head names the generation.
        gzip: Whether the answer is compressed.
    """

    error: StubResponse | None = None
    ready_s: float | None = None
    after: int | None = None
    said: Mapping[str, Any] | None = None
    named: bool = True
    gzip: bool = False


class ChatResponse(NamedTuple):
    """What is answered.

    Attributes:
        answer: The answer.
        ids: The generation that there is; none, if it is an error.
    """

    answer: StubResponse
    ids: tuple[str, ...] = ()


class StubChat:
    """`POST /chat/completions`: the attribute `chat` of a `StubAPI`.

    Every completion is a generation, with a record that `GET /generation` has a moment later. It
    answers with `text`, streamed word by word if it is asked to; where the request has tools, with
    a call of the first of them, until the conversation has a result of one. The methods say what
    becomes of the next completions, in their order, in place of that.

    Attributes:
        text: What is answered.
        ready_s: Seconds until the record of a completion is there.
        pause_s: Seconds between two pieces of a stream.
    """

    def __init__(self, add: Callable[[Mapping[str, Any]], object]) -> None:
        """Serve records by `add`."""
        self.text = "This is what the stub has to say."
        self.ready_s = 0.05
        self.pause_s = 0.0
        self._add = add
        self._turns = deque[_ChatTurn]()
        self._costs: dict[str, Decimal] = {}
        self._ready_at: dict[str, float] = {}
        self._lock = threading.Lock()

    @property
    def ids(self) -> list[str]:
        """The generations so far, in their order."""
        with self._lock:
            return list(self._costs)

    @property
    def costs(self) -> dict[str, Decimal]:
        """What each of them cost, in US dollars; exact."""
        with self._lock:
            return dict(self._costs)

    @property
    def charged(self) -> Decimal:
        """What all of them cost, in US dollars; exact."""
        with self._lock:
            return sum(self._costs.values(), Decimal(0))

    def normal(self, *, times: int = 1) -> None:
        """Answer as usual: for a sequence of which later ones are not."""
        self._plan(_ChatTurn(), times)

    def fail(
        self,
        *,
        status: int = 500,
        message: str | None = None,
        retry_after: int | None = None,
        times: int = 1,
    ) -> None:
        """Answer with an error; there is no generation."""
        headers = {} if retry_after is None else {"Retry_After": _retry_after(retry_after)}
        answer = as_json(make_error(status, message), status, **headers)
        self._plan(_ChatTurn(error=answer), times)

    def break_off(self, *, after: int = 2, times: int = 1) -> None:
        """Close the connection behind some pieces of the text; there is a generation, cancelled."""
        self._plan(_ChatTurn(after=after), times)

    def fail_midway(self, *, after: int = 2, message: str | None = None, times: int = 1) -> None:
        """End a stream with an error behind some pieces; what is not streamed is answered whole."""
        self._plan(_ChatTurn(after=after, said=make_error(502, message)["error"]), times)

    def late(self, seconds: float, *, times: int = 1) -> None:
        """Have the record later than usual."""
        self._plan(_ChatTurn(ready_s=seconds), times)

    def unnamed(self, *, times: int = 1, gzip: bool = False) -> None:
        """Answer without the header `X-Generation-Id`, as other gateways do; perhaps compressed."""
        self._plan(_ChatTurn(named=False, gzip=gzip), times)

    def _plan(self, turn: _ChatTurn, times: int) -> None:
        with self._lock:
            self._turns += [turn] * times

    def is_hidden(self, generation_id: str) -> bool:
        """Whether the record of a generation is not there yet."""
        return time.monotonic() < self._ready_at.get(generation_id, 0.0)

    def answer(self, asked: ReceivedRequest, api_key: str) -> "ChatResponse | Refusal":
        """Return what is answered to a request."""
        body = _parsed(asked.body)
        refused = _wrong_method(asked) or unauthorized(asked, api_key) or _wrong(body)
        if refused is not None:
            return refused
        with self._lock:
            turn = self._turns.popleft() if self._turns else _ChatTurn()
        if turn.error is not None:
            return ChatResponse(turn.error)
        generation_id = (
            f"gen-{int(time.time())}-{''.join(secrets.choice(_LETTERS) for _ in range(20))}"
        )
        is_streamed = body.get("stream") is True
        is_cancelled = turn.after is not None and turn.said is None
        record = make_record(
            generation_id,
            model=body["model"],
            streamed=is_streamed,
            cancelled=is_cancelled,
            created_at=datetime.datetime.now(datetime.UTC).isoformat().replace("+00:00", "Z"),
        )
        ready_s = self.ready_s if turn.ready_s is None else turn.ready_s
        with self._lock:
            self._costs[generation_id] = Decimal(str(record["total_cost"]))
            self._ready_at[generation_id] = time.monotonic() + ready_s
        self._add(record)
        headers = {"X-Generation-Id": generation_id} if turn.named else {}
        make = self._streamed if is_streamed else self._whole
        return ChatResponse(make(turn, record, body, headers), (generation_id,))

    def _whole(
        self,
        turn: _ChatTurn,
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
        said = {**_head(record, "chat.completion"), "choices": [choice], "usage": _usage(record)}
        answer = as_json(said)
        broken = turn.after is not None and turn.said is None
        answer = replace(answer, headers={**answer.headers, **headers}, truncated=broken)
        return compressed(answer) if turn.gzip else answer

    def _streamed(
        self,
        turn: _ChatTurn,
        record: Mapping[str, Any],
        body: Mapping[str, Any],
        headers: dict[str, str],
    ) -> StubResponse:
        events = [_WAITING, *self._events(record, body)]
        if turn.after is not None:
            events = events[: 1 + turn.after]
            if turn.said is not None:
                failed = _chunk(record, {"content": ""}, "error")
                events.append(_event({**failed, "error": turn.said}))
        else:
            events.append(_DONE)
        return ChatStream(
            200,
            b"",
            {"Content-Type": "text/event-stream", "Cache-Control": "no-cache", **headers},
            events=tuple(events),
            pause_s=self.pause_s,
            broken=turn.after is not None and turn.said is None,
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


def _event(said: Mapping[str, Any]) -> bytes:
    return b"data: %s\n\n" % json.dumps(said).encode()


def _tool_call(body: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a call of the first tool of a request; None if it has none, or a result of one."""
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


def _wrong_method(asked: ReceivedRequest) -> Refusal | None:
    if asked.method == METHOD:
        return None
    return Refusal(405, None, f"the method is not {METHOD}", METHOD)


def _wrong(body: Any) -> Refusal | None:
    """Return what is wrong with the body of a request."""
    if not is_object(body):
        return Refusal(400, "Invalid JSON", "the body is no object of JSON")
    if not isinstance(body.get("model"), str):
        return Refusal(400, "model: Required", "model is no text")
    messages = body.get("messages")
    if not is_array(messages) or not messages:
        return Refusal(400, "messages: Required", "messages is no list of messages")
    tools: Any = body.get("tools")
    if tools is not None and not (is_array(tools) and all(map(_is_function, tools))):
        return Refusal(400, "tools: Invalid input", "a tool is no function with a name")
    return None


def _is_function(tool: Any) -> bool:
    function = tool.get("function") if is_object(tool) else None
    return is_object(function) and isinstance(function.get("name"), str)
