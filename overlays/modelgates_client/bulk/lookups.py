"""One id on its way to its outcome."""

import math
from collections.abc import Callable, Generator
from typing import Final, NamedTuple

from modelgates_client.bulk.outcomes import Failed, Outcome, Pending, Resolved
from modelgates_client.calls.answers import Answer, Problem, interpret
from modelgates_client.calls.call import Call, Result, Send, Step, Steps
from modelgates_client.errors import (
    EndpointNotFoundError,
    GenerationNotReadyError,
    NotFoundError,
)
from modelgates_client.transport.deadline import monotonic_s
from modelgates_client.transport.messages import Ending, Reply
from modelgates_runtime.errors import ModelGatesError

Clock = Callable[[], float]

_FIRST_ERROR: Final = 400


class HeldClock:
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


class Doubt(NamedTuple):
    """A failure of which it is not known yet whether it is the id's own, or an outage's.

    Attributes:
        ending: What the attempt ended with.
        failed_at: When it did.
        answers: How many answers there had been by then.
        tries: How many attempts in a row ended like that.
        not_before: When the next may be made at the earliest, as the server asked.
    """

    ending: Ending
    failed_at: float
    answers: int
    tries: int
    not_before: float


class Lookup:
    """One id on its way.

    Attributes:
        number: Which id it is of those that were given, counted from 0.
        generation_id: The id.
        clock: Its time.
        due_s: When it would be sent if nothing held it up, by the clock of all.
        again: The attempt that it has to make again, which failed for reasons that are not its own.
        doubt: Why that may yet be its own failure.
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
        "attempts",
        "clock",
        "doubt",
        "due_s",
        "failures",
        "generation_id",
        "hangs",
        "latest",
        "number",
        "refusals",
        "refused_at",
        "sent_at",
    )

    def __init__(
        self, number: int, generation_id: str, steps: Steps, clock: HeldClock, due_s: float
    ) -> None:
        """Take an id, and the steps that ask for it."""
        self.number = number
        self.generation_id = generation_id
        self.clock = clock
        self.due_s = due_s
        self.again: Send | None = None
        self.doubt: Doubt | None = None
        self.failures = self.refusals = self.hangs = self.attempts = 0
        self.refused_at = math.inf
        self.sent_at = due_s
        self.latest: Reply | None = None
        self._steps = steps
        self._is_own = False
        self._uncounted: list[Ending] = []  # failures that the steps do not know of
        self._begun_s = due_s

    def __lt__(self, other: "Lookup") -> bool:
        return self.number < other.number

    def advance(self, ending: Ending | None) -> "Step | Finished":
        """Go on: with an attempt's ending, or with None, at the start and after a pause."""
        if ending is not None:
            self.refusals = 0
            if isinstance(ending, Reply) and ending.status < _FIRST_ERROR:
                self.latest = ending
        try:
            step = self._steps.send(ending)
            if isinstance(step, Send) and self._is_own and self._uncounted:
                step = self._steps.send(self._uncounted.pop())
            return step
        except StopIteration as stop:
            return Finished(self.number, self.generation_id, stop.value)
        except ModelGatesError as error:
            return Finished(self.number, self.generation_id, error)

    def failed(self, doubt: Doubt, *, is_own: bool) -> "Step | Finished | None":
        """Count a failure: go on with it if it is the id's own, else keep it for when it is.

        An id that fails again and again while others are answered is what failed all the time.
        """
        self.doubt = None
        self.failures += doubt.tries
        self._is_own = is_own
        self._uncounted += [doubt.ending] * (doubt.tries - is_own)
        if not is_own:
            return None
        self.again = None
        return self.advance(doubt.ending)

    def give_up(self, ending: Ending, now: float) -> "Finished":
        """End in an outage, with what came last: the id is not ready."""
        last = interpret(ending, self.generation_id, max(1, self.attempts), "lenient")
        known = (
            None
            if self.latest is None
            else interpret(self.latest, self.generation_id, 1, "lenient")
        )
        elapsed_s = now - self._begun_s
        error = GenerationNotReadyError(
            self.generation_id,
            elapsed_s,
            self.attempts,
            Result(known, self.attempts, elapsed_s).response if isinstance(known, Answer) else None,
            last.error if isinstance(last, Problem) else None,
        )
        return Finished(self.number, self.generation_id, error)


class Finished(NamedTuple):
    """A lookup that came to its end.

    Attributes:
        number: Which id it was of those that were given.
        generation_id: The id.
        result: What it came to.
    """

    number: int
    generation_id: str
    result: Result | ModelGatesError

    @property
    def outcome(self) -> Outcome:
        """What became of the id, as callers see it."""
        if isinstance(self.result, GenerationNotReadyError):
            return Pending(self.generation_id, self.result)
        if isinstance(self.result, ModelGatesError):
            return Failed(self.generation_id, self.result)
        return Resolved(self.generation_id, self.result.response)


class Question(NamedTuple):
    """How each id is asked for.

    Attributes:
        call: Makes the call for an id; raises a `ConfigurationError` if it is none.
        wait_s: Seconds to wait for a record that is not there yet; 0: ask once.
        final: Whether a record must be final, too.
    """

    call: Callable[[object, Clock], Call]
    wait_s: float
    final: bool

    def steps(self, generation_id: object, clock: Clock) -> Steps:
        """Return the steps that ask for an id."""
        call = self.call(generation_id, clock)
        if self.wait_s:
            return (yield from call.wait(self.wait_s, final=self.final))
        return (yield from _once(call, final=self.final))


def _once(call: Call, *, final: bool) -> Generator[Step, Ending | None, Result]:
    """Ask without waiting: what is not there, or not final, is not ready."""
    started = call.clock()
    try:
        result = yield from call.get()
    except EndpointNotFoundError:
        raise
    except NotFoundError as error:
        elapsed_s = call.clock() - started
        raise GenerationNotReadyError(
            call.generation_id, elapsed_s, error.attempts, None, error
        ) from None
    if final and not result.answer.record.is_final:
        raise GenerationNotReadyError(
            call.generation_id, result.elapsed_s, result.attempts, result.response
        )
    return result
