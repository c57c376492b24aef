"""One call of many on its way to its end."""

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

    What one id waits for others, a place or the server's rate limit, is not taken off its time.
    """

    __slots__ = ("_clock", "_held_s")

    def __init__(self, clock: Clock = monotonic_s) -> None:
        """Follow `clock`, which tells the seconds."""
        self._clock = clock
        self._held_s = 0.0

    def hold(self, seconds: float) -> None:
        """Stand still for some seconds that have passed."""
        self._held_s += max(0.0, seconds)

    def __call__(self) -> float:
        """Return the time, in seconds."""
        return self._clock() - self._held_s


class AmbiguousFailure(NamedTuple):
    """A failure of which it is not known yet whether it is the id's own, or an outage's.

    Attributes:
        attempt_result: What the attempt ended with.
        failed_at: When it did.
        answers: How many answers there had been by then.
        tries: How many attempts in a row ended like that.
        not_before: When the next may be made at the earliest, as the server asked.
    """

    attempt_result: AttemptResult
    failed_at: float
    answers: int
    tries: int
    not_before: float


class Lookup:
    """One call on its way.

    Attributes:
        number: Which it is of those that were given, counted from 0.
        item: What was given: an id, or the call itself.
        execution: The execution of the call; None if there can be none.
        clock: Its time.
        due_s: When it would be sent if nothing held it up, by the clock of all.
        again: The attempt that it has to make again, which failed for reasons that are not its own.
        ambiguous_failure: Why that may yet be its own failure.
        failures: How often it failed for what may be its own reason.
        refused_at: How many answers there had been when it was refused last, by a limit that is
            told by 503; infinite if it was not.
        refusals: How often in a row it was refused for its rate.
        hangs: How often an attempt was given up because it hung while others were answered.
        sent_at: When the latest attempt was begun.
        attempts: How many times it was asked for.
        latest: The latest reply with a record, which is not final.
    """

    __slots__ = (
        "_begun_s",
        "_is_own",
        "_steps",
        "_uncounted",
        "again",
        "ambiguous_failure",
        "attempts",
        "clock",
        "due_s",
        "execution",
        "failures",
        "hangs",
        "item",
        "latest",
        "number",
        "refusals",
        "refused_at",
        "sent_at",
    )

    def __init__(
        self, number: int, item: object, prepared: PreparedCall, clock: PausableClock, due_s: float
    ) -> None:
        """Take what was given, and how it is asked for."""
        self.number = number
        self.item = item
        self.execution = prepared.execution
        self.clock = clock
        self.due_s = due_s
        self.again: Send | None = None
        self.ambiguous_failure: AmbiguousFailure | None = None
        self.failures = self.refusals = self.hangs = self.attempts = 0
        self.refused_at = math.inf
        self.sent_at = due_s
        self.latest: HTTPResponse | None = None
        self._steps = prepared.steps
        self._is_own = False
        self._uncounted: list[AttemptResult] = []  # failures that the steps do not know of
        self._begun_s = due_s

    def __lt__(self, other: "Lookup") -> bool:
        return self.number < other.number

    @property
    def call(self) -> Call[Any] | None:
        """The call; None if there is none."""
        return None if self.execution is None else self.execution.call

    @property
    def is_repeatable(self) -> bool:
        """Whether to send it twice does what to send it once does."""
        return self.execution is None or self.execution.call.is_repeatable

    def may_repeat(self, attempt_result: AttemptResult) -> bool:
        """Whether it may be sent again after an attempt that failed."""
        if self.is_repeatable or self.execution is None:
            return True
        result = self.execution.interpret(attempt_result, 1)
        return isinstance(result, CallProblem) and result.failed_attempt.is_safe_to_repeat

    @property
    def may_be_bad(self) -> bool:
        """Whether it failed in a way in which it may make the server fail, each time."""
        return self.failures > 0 or self.refused_at < math.inf

    def advance(self, attempt_result: AttemptResult | None) -> Step | Completed:
        """Go on: with an attempt's ending, or with None, at the start and after a pause."""
        if attempt_result is not None:
            self.refusals = 0
            if isinstance(attempt_result, HTTPResponse) and attempt_result.status < _FIRST_ERROR:
                self.latest = attempt_result
        try:
            step = self._steps.send(attempt_result)
            if isinstance(step, Send) and self._is_own and self._uncounted:
                step = self._steps.send(self._uncounted.pop())
            return step
        except StopIteration as stop:
            return Completed(self.number, self.item, stop.value)
        except ModelGatesError as error:
            return Completed(self.number, self.item, error)

    def failed(
        self, ambiguous_failure: AmbiguousFailure, *, is_own: bool
    ) -> Step | Completed | None:
        """Count a failure: go on with it if it is the id's own, else keep it for when it is.

        An id that fails again and again while others are answered is what failed all the time.
        """
        self.ambiguous_failure = None
        self.failures += ambiguous_failure.tries
        self._is_own = is_own
        self._uncounted += [ambiguous_failure.attempt_result] * (ambiguous_failure.tries - is_own)
        if not is_own:
            return None
        self.again = None
        return self.advance(ambiguous_failure.attempt_result)

    def give_up(self, attempt_result: AttemptResult, now: float) -> Completed:
        """End in an outage, with what came last: the answer is not ready."""
        execution = self.execution
        if execution is None:
            ended = self.advance(None)
            if not isinstance(ended, Completed):
                raise TypeError("what cannot be asked for has no steps")
            return ended
        last = execution.interpret(attempt_result, max(1, self.attempts))
        known = None if self.latest is None else execution.interpret(self.latest, 1)
        elapsed_s = now - self._begun_s
        if isinstance(known, Response):
            known = known._replace(attempts=self.attempts, elapsed_s=elapsed_s)
        error = GenerationNotReadyError(
            execution.call.subject,
            elapsed_s,
            self.attempts,
            known if isinstance(known, Response) else None,
            last.error if isinstance(last, CallProblem) else None,
        )
        return Completed(self.number, self.item, error)
