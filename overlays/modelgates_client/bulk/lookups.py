"""One call of a bulk run, and its clock."""

import math
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from modelgates_client.bulk.options import Completed, PreparedCall
from modelgates_client.calls.execution import Send, Step
from modelgates_client.calls.responses import CallProblem
from modelgates_client.errors import GenerationNotReadyError
from modelgates_client.transport.deadline import monotonic_s
from modelgates_client.transport.messages import AttemptResult, HTTPResponse
from modelgates_runtime.errors import ModelGatesError
from modelgates_runtime.operation import Call
from modelgates_runtime.types import Response

Clock = Callable[[], float]

_FIRST_ERROR: Final = 400


class PausableClock:
    """A clock that stands still while its lookup is held up.

    Time spent waiting for a free slot or the server's rate limit does not count against a deadline.
    """

    __slots__ = ("_clock", "_paused_s")

    def __init__(self, clock: Clock = monotonic_s) -> None:
        """Follow `clock`, which returns seconds."""
        self._clock = clock
        self._paused_s = 0.0

    def exclude(self, seconds: float) -> None:
        """Discount `seconds` that have passed."""
        self._paused_s += max(0.0, seconds)

    def __call__(self) -> float:
        """Return the time, in seconds."""
        return self._clock() - self._paused_s


class AmbiguousFailure(NamedTuple):
    """A failure that may be due to the id or to an outage; later results will tell.

    Attributes:
        attempt_result: The result of the attempt.
        failed_at: When it failed.
        response_count: Responses to any id by then.
        attempts: How many attempts in a row failed like that.
        not_before: The earliest time of the next attempt, as the server asked.
    """

    attempt_result: AttemptResult
    failed_at: float
    response_count: int
    attempts: int
    not_before: float


class Lookup:
    """One call in progress.

    Attributes:
        number: Its position in the input, counted from 0.
        item: The input: an id, or the call itself.
        execution: The execution of the call; None if the input makes no valid call.
        clock: Its clock.
        due_s: When it would be sent if nothing held it up, by the clock of the run.
        next_send: The attempt to make next: a new one, or one that failed or was abandoned without
            counting. None while the lookup pauses.
        ambiguous_failure: The latest failure, if its cause is unknown.
        failures: How many failures may be due to the id.
        refused_at: The number of responses when a rate limit last refused it by 503; infinite if
            none did.
        refusals: How many attempts in a row a rate limit refused.
        hang_count: How many attempts were abandoned because they hung while others got responses.
        sent_at: When the latest attempt was sent.
        attempts: How many attempts were made.
        latest_response: The latest response with a record that is not final.
    """

    __slots__ = (
        "_is_own_failure",
        "_started_s",
        "_steps",
        "_uncounted",
        "ambiguous_failure",
        "attempts",
        "clock",
        "due_s",
        "execution",
        "failures",
        "hang_count",
        "item",
        "latest_response",
        "next_send",
        "number",
        "refusals",
        "refused_at",
        "sent_at",
    )

    def __init__(
        self, number: int, item: object, prepared: PreparedCall, clock: PausableClock, due_s: float
    ) -> None:
        """Start the lookup of an item with its prepared call."""
        self.number = number
        self.item = item
        self.execution = prepared.execution
        self.clock = clock
        self.due_s = due_s
        self.next_send: Send | None = None
        self.ambiguous_failure: AmbiguousFailure | None = None
        self.failures = self.refusals = self.hang_count = self.attempts = 0
        self.refused_at = math.inf
        self.sent_at = due_s
        self.latest_response: Response[Any] | None = None
        self._steps = prepared.steps
        self._is_own_failure = False
        self._uncounted: list[AttemptResult] = []  # failures not yet passed to the steps
        self._started_s = due_s

    def __lt__(self, other: "Lookup") -> bool:
        return self.number < other.number

    @property
    def call(self) -> Call[Any] | None:
        """The call; None if the input makes no valid call."""
        return None if self.execution is None else self.execution.call

    @property
    def timeout_s(self) -> float:
        """The seconds that a request may take, retries included."""
        return 0.0 if self.execution is None else self.execution.timeout_s

    @property
    def is_repeatable(self) -> bool:
        """Whether the call may be sent twice without further effect."""
        return self.execution is None or self.execution.call.is_repeatable

    def may_repeat(self, attempt_result: AttemptResult) -> bool:
        """Whether the call may be sent again after this result."""
        if self.is_repeatable or self.execution is None:
            return True
        result = self.execution.interpret(attempt_result, 1)
        return isinstance(result, CallProblem) and result.failed_attempt.is_safe_to_repeat

    @property
    def may_be_faulty(self) -> bool:
        """Whether the id itself may be what makes the server fail."""
        return self.failures > 0 or self.refused_at < math.inf

    def advance(self, attempt_result: AttemptResult | None) -> Step | Completed:
        """Return the next step, given a result, or None at the start and after a pause."""
        if attempt_result is not None:
            self.refusals = 0
        try:
            step = self._steps.send(attempt_result)
            self._keep_record(attempt_result)
            if isinstance(step, Send) and self._is_own_failure and self._uncounted:
                step = self._steps.send(self._uncounted.pop())
            return step
        except StopIteration as stop:
            return Completed(self.number, self.item, stop.value)
        except ModelGatesError as error:
            return Completed(self.number, self.item, error)

    def _keep_record(self, attempt_result: AttemptResult | None) -> None:
        """Keep the record of a response that was not the last one, if it has one."""
        if isinstance(attempt_result, HTTPResponse) and attempt_result.status < _FIRST_ERROR:
            result = self.execution and self.execution.interpret(attempt_result, 1)
            if isinstance(result, Response):
                self.latest_response = result

    def count_failure(
        self, ambiguous_failure: AmbiguousFailure, *, is_own: bool
    ) -> Step | Completed | None:
        """Count a failure; advance if it is the id's own, otherwise remember it.

        Once a failure is the id's own, the remembered ones count as its attempts, too.
        """
        self.ambiguous_failure = None
        self.failures += ambiguous_failure.attempts
        self._is_own_failure = is_own
        self._uncounted += [ambiguous_failure.attempt_result] * (
            ambiguous_failure.attempts - is_own
        )
        if not is_own:
            return None
        self.next_send = None
        return self.advance(ambiguous_failure.attempt_result)

    def give_up(self, attempt_result: AttemptResult, now: float) -> Completed:
        """Complete with a `GenerationNotReadyError` because the run ends in an outage."""
        execution = self.execution
        if execution is None:
            step = self.advance(None)
            if not isinstance(step, Completed):
                raise TypeError("an invalid item must complete at once")
            return step
        last = execution.interpret(attempt_result, max(1, self.attempts))
        elapsed_s, known = now - self._started_s, self.latest_response
        if known is not None:
            known = known._replace(attempts=self.attempts, elapsed_s=elapsed_s)
        error = GenerationNotReadyError(
            execution.call.subject,
            elapsed_s,
            self.attempts,
            known,
            last.error if isinstance(last, CallProblem) else None,
        )
        return Completed(self.number, self.item, error)
