"""What the stub can do but answer: each method says what becomes of the next requests."""

import datetime
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from modelgates_client.testing import _responses, _stub_response
from modelgates_client.testing._drift import changed, changes
from modelgates_client.testing._records import make_error, make_record
from modelgates_client.testing._responses import Step


@dataclass
class _BehaviourTurn:
    """A step, and for how many requests it is still there; None is for ever."""

    step: Step
    left: int | None


class Sequences:
    """What is to become of the next requests, by id and for any id.

    A request takes the next step of its id; if there is none, that of any id; if there is none
    either, it gets its normal answer. Threads may share it: no step is taken twice.
    """

    def __init__(self) -> None:
        """Start with none."""
        self._lock = threading.Lock()
        self._turns: dict[str | None, deque[_BehaviourTurn]] = {}

    def add(self, generation_id: str | None, times: int | None, step: Step) -> None:
        """Add a step behind those that are there.

        Raises:
            ValueError: `times` is no number of requests, or nothing would ever come to this step.
            TypeError: The id is none.
        """
        _check_turn(generation_id, times)
        with self._lock:
            turns = self._turns.setdefault(generation_id, deque())
            if turns and turns[-1].left is None:
                raise ValueError("what was asked for before lasts for ever; recover() ends it")
            turns.append(_BehaviourTurn(step, times))

    def take(self, generation_id: str) -> Step | None:
        """Take the step of a request."""
        with self._lock:
            for key in (generation_id, None):
                turns = self._turns.get(key)
                if turns:
                    turn = turns[0]
                    if turn.left is not None:
                        turn.left -= 1
                        if not turn.left:
                            turns.popleft()
                    return turn.step
        return None

    def clear(self, generation_id: str | None) -> None:
        """Forget the steps of an id; of None: all steps."""
        with self._lock:
            if generation_id is None:
                self._turns.clear()
            else:
                self._turns.pop(generation_id, None)


class Behaviours(ABC):
    """What becomes of the next requests, in the order in which the methods are called.

    Each method takes an id, or None for requests of any id; what was asked for an id comes first.
    It lasts for as many requests as `times` says (None: for ever), then all is normal again.
    A request that the API would not accept is refused before any of this, and uses none of it up.
    """

    _sequences: Sequences

    @abstractmethod
    def _known(self, generation_id: str) -> Mapping[str, Any] | None:
        """Return the record of an id, if there is one."""

    def not_ready(self, generation_id: str | None = None, *, times: int | None = 1) -> None:
        """Answer 404, as if the record had not been written yet."""
        self._instead(generation_id, times, _stub_response.as_json(make_error(404), 404))

    def rate_limit(
        self,
        generation_id: str | None = None,
        *,
        times: int | None = 1,
        retry_after: int | datetime.datetime | None = 1,
    ) -> None:
        """Answer 429.

        Args:
            generation_id: Of which requests; None: of any.
            times: Of how many requests; None: for ever.
            retry_after: What the header `Retry-After` says: seconds, or a date and time; None:
                there is none.
        """
        self.fail(generation_id, status=429, times=times, retry_after=retry_after)

    def fail(  # noqa: PLR0913 - each says another thing of the error
        self,
        generation_id: str | None = None,
        *,
        status: int = 500,
        message: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        retry_after: int | datetime.datetime | None = None,
        times: int | None = 1,
    ) -> None:
        """Answer with any status and the API's error body, as `make_error` makes it."""
        headers = (
            {} if retry_after is None else {"Retry_After": _responses.retry_after(retry_after)}
        )
        body = make_error(_error_status(status), message, metadata=metadata)
        self._instead(generation_id, times, _stub_response.as_json(body, status, **headers))

    def edge_page(
        self, generation_id: str | None = None, *, status: int = 502, times: int | None = 1
    ) -> None:
        """Answer with an HTML page, as the edge before the API does: 502, 504, 524."""
        self._instead(generation_id, times, _responses.page(_error_status(status)))

    def error_in_success(
        self,
        generation_id: str | None = None,
        *,
        code: int = 500,
        message: str | None = None,
        times: int | None = 1,
    ) -> None:
        """Answer 200 with an error object in place of the record."""
        self._instead(generation_id, times, _responses.error_in_success(code, message))

    def delay(
        self, generation_id: str | None = None, *, seconds: float, times: int | None = 1
    ) -> None:
        """Answer normally, but later; `close` does not wait for it."""
        self._sequences.add(generation_id, times, _responses.delayed(seconds))

    def truncate(self, generation_id: str | None = None, *, times: int | None = 1) -> None:
        """Close the connection in the middle of the body."""
        self._sequences.add(generation_id, times, _responses.truncated)

    def disconnect(self, generation_id: str | None = None, *, times: int | None = 1) -> None:
        """Close the connection without an answer."""
        self._sequences.add(generation_id, times, _responses.dropped)

    def not_json(self, generation_id: str | None = None, *, times: int | None = 1) -> None:
        """Answer with a body that claims to be JSON, and is not."""
        self._sequences.add(generation_id, times, _responses.garbled)

    def mix_up(self, generation_id: str | None = None, *, times: int | None = 1) -> None:
        """Answer with the record of another generation."""
        self._sequences.add(generation_id, times, _responses.mixed_up)

    def gzip(self, generation_id: str | None = None, *, times: int | None = 1) -> None:
        """Answer normally, compressed."""
        self._sequences.add(generation_id, times, _responses.compressed)

    def drift(  # noqa: PLR0913 - each says another kind of drift
        self,
        generation_id: str | None = None,
        *,
        missing: Iterable[str] = (),
        null: Iterable[str] = (),
        extra: Mapping[str, Any] | None = None,
        values: Mapping[str, Any] | None = None,
        unknown: Iterable[str] = (),
        times: int | None = 1,
    ) -> None:
        """Answer with a record that is not as the spec says; see `drifted` for the arguments."""
        asked = changes(missing=missing, null=null, extra=extra, values=values, unknown=unknown)
        known = None if generation_id is None else self._known(generation_id)
        changed(make_record("gen-1") if known is None else known, asked)  # whether that can be
        self._sequences.add(generation_id, times, _responses.drifting(asked))

    def recover(self, generation_id: str | None = None) -> None:
        """Be normal again: forget what was asked for an id; for None, all of it."""
        self._sequences.clear(generation_id)

    def _instead(
        self, generation_id: str | None, times: int | None, answer: _stub_response.StubResponse
    ) -> None:
        self._sequences.add(generation_id, times, _responses.instead(answer))


def _check_turn(generation_id: object, times: object) -> None:
    """Refuse what would be no error, but another behaviour than the test means."""
    if not isinstance(generation_id, str | None):
        raise TypeError(
            f"{generation_id!r} is no id; a number of requests is times={generation_id!r}"
        )
    if times is not None and (type(times) is not int or times < 1):
        raise ValueError(f"times is {times!r}; it is 1 or more, or None: for ever")


def _error_status(status: int) -> int:
    if status not in range(400, 600):
        raise ValueError(f"status is {status}; an error's is 400 to 599")
    return status
