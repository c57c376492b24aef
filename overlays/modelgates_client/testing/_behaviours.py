"""What the stub can do instead of responding normally: each method changes the next responses."""

import datetime
import json
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from modelgates_client.testing._drift import drifted
from modelgates_client.testing._records import make_error
from modelgates_client.testing._responses import (
    Behaviour,
    StubResponse,
    compressed,
    delayed,
    html_page,
    json_response,
    retry_after_header,
)
from modelgates_runtime.values import is_object


@dataclass
class _Planned:
    """A behaviour, and for how many more requests it applies; None means no limit."""

    behaviour: Behaviour
    remaining: int | None


class BehaviourQueues:
    """The behaviours for the next requests: a queue for each id, and one for all ids.

    A request takes the next behaviour from the queue of its id, or else from the queue for all ids.
    If both are empty, its response is normal. Thread-safe: each request takes its own.
    """

    def __init__(self) -> None:
        """Start with empty queues."""
        self._lock = threading.Lock()
        self._queues: dict[str | None, deque[_Planned]] = {}

    def add(self, generation_id: str | None, times: int | None, behaviour: Behaviour) -> None:
        """Append a behaviour to the queue of an id, or to the queue for all ids (None).

        Raises:
            ValueError: `times` is not a number of requests, or an earlier behaviour has no limit.
            TypeError: The id is not a string.
        """
        if not isinstance(generation_id, str | None):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
            raise TypeError(
                f"{generation_id!r} is not an id; to set the number of requests, "
                f"use times={generation_id!r}"
            )
        if times is not None and (type(times) is not int or times < 1):
            raise ValueError(f"times is {times!r}; it must be 1 or more, or None for no limit")
        with self._lock:
            queue = self._queues.setdefault(generation_id, deque())
            if queue and queue[-1].remaining is None:
                raise ValueError("an earlier behaviour has no limit; call recover() to end it")
            queue.append(_Planned(behaviour, times))

    def take(self, generation_id: str) -> Behaviour | None:
        """Return the behaviour for a request; None if its response is normal."""
        with self._lock:
            for queue in (self._queues.get(generation_id), self._queues.get(None)):
                if queue:
                    planned = queue[0]
                    if planned.remaining is not None:
                        planned.remaining -= 1
                        if not planned.remaining:
                            queue.popleft()
                    return planned.behaviour
        return None

    def clear(self, generation_id: str | None) -> None:
        """Empty the queue of an id; for None, empty all queues."""
        with self._lock:
            if generation_id is None:
                self._queues.clear()
            else:
                self._queues.pop(generation_id, None)


class Behaviours(ABC):
    """Changes the next responses, in the order in which the methods are called.

    Each method takes an id, or None for all ids; behaviours for an id come first. A behaviour
    applies to `times` requests (None: no limit). After that, responses are normal again. A request
    that the API would not accept is refused before, and does not count.
    """

    _behaviours: BehaviourQueues

    @abstractmethod
    def _record_of(self, generation_id: str) -> Mapping[str, Any] | None:
        """Return the record of an id; None if there is none."""

    def not_ready(self, generation_id: str | None = None, *, times: int | None = 1) -> None:
        """Respond with 404, as if the record did not exist yet."""
        self._respond(generation_id, times, json_response(make_error(404), 404))

    def rate_limit(
        self,
        generation_id: str | None = None,
        *,
        times: int | None = 1,
        retry_after: int | datetime.datetime | None = 1,
    ) -> None:
        """Respond with 429.

        Args:
            generation_id: The id to which this applies; None: all ids.
            times: The number of requests; None: no limit.
            retry_after: The value of the header `Retry-After`: seconds, or a date and time; None:
                no header.
        """
        self.fail(generation_id, status=429, times=times, retry_after=retry_after)

    def fail(  # noqa: PLR0913 - each is another part of the error
        self,
        generation_id: str | None = None,
        *,
        status: int = 500,
        message: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        retry_after: int | datetime.datetime | None = None,
        times: int | None = 1,
    ) -> None:
        """Respond with an error status and the API's error body; see `make_error`."""
        error = error_response(status, message, metadata=metadata, retry_after=retry_after)
        self._respond(generation_id, times, error)

    def edge_page(
        self, generation_id: str | None = None, *, status: int = 502, times: int | None = 1
    ) -> None:
        """Respond with an HTML page, like an edge server in front of the API: 502, 504, 524."""
        self._respond(generation_id, times, html_page(_checked_status(status)))

    def error_in_success(
        self,
        generation_id: str | None = None,
        *,
        code: int = 500,
        message: str | None = None,
        times: int | None = 1,
    ) -> None:
        """Respond with 200 and an error object instead of the record."""
        self._respond(generation_id, times, json_response(make_error(code, message)))

    def delay(
        self, generation_id: str | None = None, *, seconds: float, times: int | None = 1
    ) -> None:
        """Respond normally, but later; `close` does not wait for it."""
        self._behaviours.add(generation_id, times, delayed(seconds))

    def truncate(self, generation_id: str | None = None, *, times: int | None = 1) -> None:
        """Close the connection in the middle of the body."""
        self._behaviours.add(
            generation_id, times, lambda response: replace(response, is_truncated=True)
        )

    def disconnect(self, generation_id: str | None = None, *, times: int | None = 1) -> None:
        """Close the connection without a response."""
        self._behaviours.add(
            generation_id, times, lambda response: replace(response, is_dropped=True)
        )

    def not_json(self, generation_id: str | None = None, *, times: int | None = 1) -> None:
        """Respond with a body that is not JSON, although its content type says so."""
        self._behaviours.add(generation_id, times, _invalid_json)

    def mix_up(self, generation_id: str | None = None, *, times: int | None = 1) -> None:
        """Respond with the record of another generation."""
        self._behaviours.add(
            generation_id,
            times,
            _changing(lambda record: {**record, "id": f"{record.get('id')}-other"}),
        )

    def gzip(self, generation_id: str | None = None, *, times: int | None = 1) -> None:
        """Respond normally, compressed."""
        self._behaviours.add(generation_id, times, compressed)

    def drift(
        self,
        generation_id: str | None = None,
        *,
        missing: Collection[str] = (),
        extra: Mapping[str, Any] | None = None,
        values: Mapping[str, Any] | None = None,
        times: int | None = 1,
    ) -> None:
        """Respond with a record that deviates from the spec; see `drifted` for the arguments."""
        drift = partial(drifted, missing=missing, extra=extra, values=values)
        record = None if generation_id is None else self._record_of(generation_id)
        drift("gen-1" if record is None else record)  # raises if this cannot be
        self._behaviours.add(generation_id, times, _changing(drift))

    def recover(self, generation_id: str | None = None) -> None:
        """Respond normally again: remove the behaviours for an id; for None, all behaviours."""
        self._behaviours.clear(generation_id)

    def _respond(
        self, generation_id: str | None, times: int | None, response: StubResponse
    ) -> None:
        self._behaviours.add(generation_id, times, lambda _: response)


def error_response(
    status: int,
    message: str | None = None,
    *,
    metadata: Mapping[str, Any] | None = None,
    retry_after: int | datetime.datetime | None = None,
) -> StubResponse:
    """Return an error response; see `Behaviours.fail`."""
    headers = {} if retry_after is None else {"Retry_After": retry_after_header(retry_after)}
    body = make_error(_checked_status(status), message, metadata=metadata)
    return json_response(body, status, **headers)


def _changing(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Behaviour:
    """Return a behaviour that changes the record; a response without one stays as it is."""

    def changed(response: StubResponse) -> StubResponse:
        body: Any = json.loads(response.body)
        record = body.get("data") if is_object(body) else None
        if not is_object(record):
            return response
        return replace(response, body=json_response({**body, "data": change(record)}).body)

    return changed


def _invalid_json(response: StubResponse) -> StubResponse:
    return replace(response, body=response.body.replace(b'"', b"'") + b"}")


def _checked_status(status: int) -> int:
    if status not in range(400, 600):
        raise ValueError(f"status is {status}; it must be 400 to 599")
    return status
