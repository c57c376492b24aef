"""A call from its first attempt to its last, as steps.

What to do next is decided here, and done by the client, blocking or not. Nothing here waits or
sends.
"""

from collections.abc import Callable, Generator
from typing import Final, NamedTuple

from modelgates_client.calls.answers import Answer, Problem, Validation, interpret
from modelgates_client.calls.retry import RetryPolicy, Setback, backoff_s
from modelgates_client.errors import APITimeoutError, GenerationNotReadyError, RateLimitError
from modelgates_client.records.responses import RawResponse
from modelgates_client.transport.deadline import Deadline, monotonic_s
from modelgates_client.transport.messages import Ending, Request
from modelgates_runtime.errors import ModelGatesError

_POLL_FIRST_S: Final = 0.25
_POLL_LONGEST_S: Final = 5.0


class Send(NamedTuple):
    """Make an attempt, and send its ending back."""

    request: Request
    deadline: Deadline


class Pause(NamedTuple):
    """Wait; the seconds fit within the deadline."""

    seconds: float


class Reset(NamedTuple):
    """Close the idle connections: one of them brought an answer to another question."""


Step = Send | Pause | Reset
Steps = Generator[Step, Ending | None, "Result"]


class Result(NamedTuple):
    """What a call came to.

    Attributes:
        answer: The record, and how it came.
        attempts: How many requests it took.
        elapsed_s: Seconds from the beginning of the call to its end.
    """

    answer: Answer
    attempts: int
    elapsed_s: float

    @property
    def response(self) -> RawResponse:
        """The same, as callers see it."""
        reply = self.answer.reply
        return RawResponse(
            self.answer.record,
            reply.status,
            reply.headers,
            reply.body,
            self.attempts,
            self.elapsed_s,
        )


class Call(NamedTuple):
    """A question to the server, and how much trouble it is worth.

    Attributes:
        generation_id: Whose record is asked for.
        request: The request that asks for it.
        validation: Whether deviations from the spec are an error.
        policy: When to try again.
        timeout_s: Seconds that a call may take, retries included.
        clock: Tells the seconds.
        host: Which host is asked.
    """

    generation_id: str
    request: Request
    validation: Validation
    policy: RetryPolicy
    timeout_s: float
    clock: Callable[[], float] = monotonic_s
    host: str = ""

    def get(self) -> Steps:
        """Ask, and ask again where that may help.

        Raises:
            ModelGatesError: What the last attempt ended with.
        """
        started, deadline = self.clock(), Deadline.after(self.timeout_s, self.clock)
        attempts = paid = 0
        earlier: ModelGatesError | None = None
        while True:
            attempts += 1
            result = yield from self._attempt(deadline, attempts)
            if isinstance(result, Answer):
                self.policy.succeeded(paid)
                return Result(result, attempts, self.clock() - started)
            pause = self.policy.pause(result.setback, attempts, deadline.remaining())
            if pause is None:
                raise _with_earlier(result.error, earlier, self.timeout_s)
            paid, earlier = result.setback.cost, result.error
            yield Pause(pause)

    def wait(self, timeout_s: float, *, final: bool) -> Steps:
        """Ask until there is a record, or until it is final.

        Each attempt may take `self.timeout_s`; all of them together, `timeout_s`.

        Raises:
            GenerationNotReadyError: The time is over.
            ModelGatesError: An attempt ended in a way that waiting does not mend.
        """
        started, deadline = self.clock(), Deadline.after(timeout_s, self.clock)
        attempts = setbacks = 0
        latest: Result | None = None
        error: ModelGatesError | None = None
        while True:
            attempts += 1
            before_s = self.clock()
            result = yield from self._attempt(deadline.sooner(self.timeout_s), attempts)
            elapsed_s = self.clock() - started
            if isinstance(result, Answer):
                self.policy.succeeded(0)
                latest, error, setbacks = Result(result, attempts, elapsed_s), None, 0
                if not final or result.record.is_final:
                    return latest
                asked_s = 0.0
            elif result.setback.timed_out and not deadline.remaining():
                # The end of the time says less than what was before, an error or a record.
                error = error or (result.error if latest is None else None)
                asked_s = 0.0
            else:
                error = result.error
                if not result.is_absence:
                    self._bear(result.setback, error)
                    setbacks += 1
                asked_s = result.setback.retry_after or 0.0
            remaining = deadline.remaining()
            if asked_s >= remaining or remaining < _POLL_FIRST_S:
                if isinstance(error, RateLimitError) and asked_s >= remaining > 0:
                    raise error  # it says how long to wait, which is longer than there is time
                response = None if latest is None else latest.response
                raise GenerationNotReadyError(
                    self.generation_id, elapsed_s, attempts, response, error
                )
            pause = poll_pause_s(elapsed_s) + backoff_s(setbacks, self.policy.uniform)
            # The last poll comes shortly before the end, whenever the schedule would have it: as
            # shortly as its answer takes.
            last_s = remaining - max(_POLL_FIRST_S / 2, 2 * (self.clock() - before_s))
            yield Pause(max(asked_s, min(pause, last_s), 0.0))

    def _bear(self, setback: Setback, error: ModelGatesError) -> None:
        """Pay for another attempt after a failure; raise it where none would help."""
        if not setback.retryable or not self.policy.budget.spend(setback.cost):
            raise error

    def _attempt(
        self, deadline: Deadline, attempts: int
    ) -> Generator[Step, Ending | None, Answer | Problem]:
        ending = yield Send(self.request, deadline)
        if ending is None:
            raise TypeError("a `Send` must be answered by an ending")
        result = interpret(ending, self.generation_id, attempts, self.validation, self.host)
        if isinstance(result, Problem) and result.astray:
            yield Reset()
        return result


def poll_pause_s(elapsed_s: float) -> float:
    """Return the wait before the next poll: a quarter of the time waited so far, within bounds.

    A record is thus noticed at most a quarter later than it could be, be it there after one second
    or after forty, by some two dozen requests in a minute.
    """
    return min(_POLL_LONGEST_S, max(_POLL_FIRST_S, elapsed_s / 4))


def _with_earlier(
    error: ModelGatesError, earlier: ModelGatesError | None, timeout_s: float
) -> ModelGatesError:
    """Return a time-out that says how long, and what the attempt before it ended with."""
    if not isinstance(error, APITimeoutError):
        return error
    before = f"; the attempt before ended with: {earlier}" if earlier is not None else ""
    return APITimeoutError(f"no complete answer within {timeout_s:g} s{before}", error.attempts)
