"""A clock that only moves when it is told to, and a server that answers on it as scripted."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from modelgates_client import ModelGatesError
from modelgates_client.calls.execution import Execution, Pause, Reset, Send, Step
from modelgates_client.calls.retry import RetryBudget, RetryPolicy
from modelgates_client.resources.generations import _is_settled, call_for
from modelgates_client.transport.messages import AttemptResult, Failure, Request
from modelgates_runtime.types import Response

REQUEST = Request("GET", "/generation?id=gen-1")
ROUNDING_S = 1e-6


class Clock:
    """Tells the seconds.

    Attributes:
        now_s: What it tells.
    """

    def __init__(self, now_s: float = 0.0) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s


class Turn(NamedTuple):
    """What the server does with a request.

    Attributes:
        outcome: What comes; None if nothing does.
        latency_s: Seconds that it takes.
        is_retriable: Whether a `get` may ask again after it; None for a record that is right.
        pause_s: Seconds that it asks to wait, if it does.
        absent: Whether it says that there is no such record, or not yet.
        is_misrouted: Whether it answers another question.
    """

    outcome: AttemptResult | None
    latency_s: float = 0.0
    is_retriable: bool | None = None
    pause_s: float | None = None
    absent: bool = False
    is_misrouted: bool = False


@dataclass
class Trace:
    """What became of a call.

    Attributes:
        clock: As it is in the end.
        steps: Each step of the call, and when it began.
        turns: What the server did, one for each request.
        result: What it came to, if it came to anything.
        error: What it raised, if it did.
    """

    clock: Clock = field(default_factory=Clock)
    steps: list[tuple[float, Step]] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    result: Response | None = None
    error: ModelGatesError | None = None

    def of(self, kind: type[Any]) -> list[tuple[float, Any]]:
        """Return the steps of a kind, and when they began."""
        return [(at_s, step) for at_s, step in self.steps if isinstance(step, kind)]

    @property
    def sent_s(self) -> list[float]:
        """When each request was made."""
        return [at_s for at_s, _ in self.of(Send)]

    @property
    def pauses(self) -> list[float]:
        """How long each pause was."""
        return [pause.seconds for _, pause in self.of(Pause)]


def call(  # noqa: PLR0913 - all that a call depends on
    clock: Clock,
    *,
    max_retries: int = 4,
    timeout_s: float = 30.0,
    uniform: Callable[[], float] = lambda: 0.5,
    budget: RetryBudget | None = None,
    validation: str = "lenient",
) -> Execution:
    """Return a call that asks for `gen-1`, by a clock."""
    policy = RetryPolicy(max_retries, budget or RetryBudget(clock), uniform)
    return Execution(call_for("gen-1"), REQUEST, validation, policy, timeout_s, clock)


def play(
    server: Callable[[float], Turn] | Iterable[Turn],
    *,
    wait_s: float | None = None,
    final: bool = False,
    overrun_s: float = 0.0,
    **options: Any,
) -> Trace:
    """Do what the steps of a call say, and fail if one does not fit in its time.

    Args:
        server: Says what happens at a time; or what happens, one after the other.
        wait_s: The time-out of a `wait`; None for a `get`.
        final: Whether to wait for the final record.
        overrun_s: Seconds that an attempt without an answer ends too late.
        options: Of `call`.
    """
    trace = Trace(options.pop("clock", None) or Clock())
    clock = trace.clock
    asked = call(clock, **options)
    total_s = asked.timeout_s if wait_s is None else wait_s
    end_s = clock.now_s + total_s
    steps = asked.send() if wait_s is None else asked.poll(wait_s, partial(_is_settled, final))
    script = None if callable(server) else iter(server)
    outcome: AttemptResult | None = None
    while True:
        try:
            step = steps.send(outcome)
        except StopIteration as stop:
            trace.result = stop.value
            return trace
        except ModelGatesError as error:
            trace.error = error
            return trace
        trace.steps.append((clock.now_s, step))
        outcome = None
        if isinstance(step, Send):
            turn = next(script) if script else server(clock.now_s)
            remaining_s = step.deadline.remaining()
            assert remaining_s <= min(asked.timeout_s, end_s - clock.now_s) + ROUNDING_S
            if turn.outcome is None or turn.latency_s >= remaining_s:
                turn = Turn(
                    Failure("timeout", "too slow"), remaining_s + overrun_s, is_retriable=True
                )
            clock.now_s += turn.latency_s
            trace.turns.append(turn)
            outcome = turn.outcome
        elif isinstance(step, Pause):
            assert 0 <= step.seconds < end_s - clock.now_s
            clock.now_s += step.seconds
        else:
            assert isinstance(step, Reset)
