"""A simulated clock, and a scripted server that runs on it."""

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
    """A clock that is advanced by hand.

    Attributes:
        now_s: The current time in seconds.
    """

    def __init__(self, now_s: float = 0.0) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s


class Turn(NamedTuple):
    """The server's reaction to a request.

    Attributes:
        outcome: The result of the attempt; None if the server never responds.
        latency_s: The time until the outcome, in seconds.
        is_retriable: Whether a `get` may retry; None for a correct record.
        pause_s: The pause in seconds that the server asks for, if any.
        absent: Whether the response says that the record does not exist (yet).
        is_misrouted: Whether the response belongs to another request.
    """

    outcome: AttemptResult | None
    latency_s: float = 0.0
    is_retriable: bool | None = None
    pause_s: float | None = None
    absent: bool = False
    is_misrouted: bool = False


@dataclass
class Trace:
    """The course of a call.

    Attributes:
        clock: The clock at the end of the call.
        steps: The steps of the call, each with its start.
        turns: The server's turn for each request.
        result: The response, if the call succeeded.
        error: The error, if the call raised one.
    """

    clock: Clock = field(default_factory=Clock)
    steps: list[tuple[float, Step]] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    result: Response | None = None
    error: ModelGatesError | None = None

    def steps_of(self, kind: type[Any]) -> list[tuple[float, Any]]:
        """Return the steps of a kind, each with its start."""
        return [(at_s, step) for at_s, step in self.steps if isinstance(step, kind)]

    @property
    def sent_s(self) -> list[float]:
        """The time of each request."""
        return [at_s for at_s, _ in self.steps_of(Send)]

    @property
    def pauses(self) -> list[float]:
        """The duration of each pause."""
        return [pause.seconds for _, pause in self.steps_of(Pause)]


def create_execution(  # noqa: PLR0913 - all that a call depends on
    clock: Clock,
    *,
    max_retries: int = 4,
    timeout_s: float = 30.0,
    uniform: Callable[[], float] = lambda: 0.5,
    budget: RetryBudget | None = None,
    validation: str = "lenient",
) -> Execution:
    """Return the execution of a call for `gen-1` on a clock."""
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
    """Execute the steps of a call, and check that each ends in time.

    Args:
        server: Returns the turn at a time, or iterates over successive turns.
        wait_s: The timeout of a `wait`; None for a `get`.
        final: Whether to wait for the final record.
        overrun_s: The seconds by which a timeout ends late.
        options: Options of `create_execution`.
    """
    trace = Trace(options.pop("clock", None) or Clock())
    clock = trace.clock
    execution = create_execution(clock, **options)
    total_s = execution.timeout_s if wait_s is None else wait_s
    end_s = clock.now_s + total_s
    steps = (
        execution.send() if wait_s is None else execution.poll(wait_s, partial(_is_settled, final))
    )
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
            assert remaining_s <= min(execution.timeout_s, end_s - clock.now_s) + ROUNDING_S
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
