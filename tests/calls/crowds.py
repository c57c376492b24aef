"""Many concurrent calls of one client, on a simulated clock."""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random

from modelgates_client import ModelGatesError
from modelgates_client.calls.execution import Pause, Send, Steps
from modelgates_client.calls.retry import RetryBudget
from modelgates_client.transport.messages import AttemptResult, Failure
from modelgates_runtime.types import Response

from .simulation import Clock, Turn, create_execution


@dataclass
class Crowd:
    """The results of many calls.

    Attributes:
        sent_s: The time of each request.
        results: The responses of successful calls.
        errors: The errors of the other calls.
        attempts: The number of requests of each call.
        end_s: The time when the last call ended.
    """

    sent_s: list[float] = field(default_factory=list)
    results: list[Response] = field(default_factory=list)
    errors: list[ModelGatesError] = field(default_factory=list)
    attempts: list[int] = field(default_factory=list)
    end_s: float = 0.0


def simulate_calls(  # noqa: PLR0913 - all that a crowd depends on
    server: Callable[[float], Turn],
    count: int,
    *,
    at_once: int | None = None,
    seed: int = 0,
    wait_s: float | None = None,
    budget: Callable[[Clock], RetryBudget] = RetryBudget,
    timeout_s: float = 30.0,
    max_retries: int = 10,
    late_s: float = 0.0,
) -> Crowd:
    """Simulate many calls, some of them concurrent, and return their results.

    Args:
        server: Returns the server's turn for a request at a given time.
        count: The number of calls.
        at_once: The number of concurrent calls; None for all.
        seed: The seed of all random numbers.
        wait_s: The timeout of a `wait`; None for a `get`.
        budget: Creates the budget that the calls share.
        timeout_s: The client's timeout.
        max_retries: The client's number of retries.
        late_s: The maximum number of seconds by which a pause ends late.
    """
    clock, random, crowd = Clock(), Random(seed), Crowd()
    shared = budget(clock)
    left = iter(range(count))

    def steps() -> Iterator[Steps]:
        for _ in left:
            execution = create_execution(
                clock,
                budget=shared,
                uniform=random.random,
                timeout_s=timeout_s,
                max_retries=max_retries,
            )
            yield execution.send() if wait_s is None else execution.poll(wait_s, lambda _: True)

    calls = steps()
    # The time, a tie-breaker, the call's steps, and the attempt result to send them.
    agenda: list[tuple[float, int, Steps, AttemptResult | None]] = []
    for number, call_steps in zip(range(at_once or count), calls, strict=False):
        heapq.heappush(agenda, (random.random() * 0.1, number, call_steps, None))
    while agenda:
        clock.now_s, number, call_steps, attempt_result = heapq.heappop(agenda)
        try:
            step = call_steps.send(attempt_result)
        except (StopIteration, ModelGatesError) as end:
            _end(crowd, end)
            crowd.end_s = clock.now_s
            following = next(calls, None)
            if following is not None:
                heapq.heappush(agenda, (clock.now_s, number, following, None))
            continue
        after_s, attempt_outcome = 0.0, None
        if isinstance(step, Send):
            crowd.sent_s.append(clock.now_s)
            turn = server(clock.now_s)
            after_s, attempt_outcome = turn.latency_s, turn.outcome
            if attempt_outcome is None or after_s >= step.deadline.remaining():
                after_s, attempt_outcome = step.deadline.remaining(), Failure("timeout", "too slow")
        elif isinstance(step, Pause):
            after_s = step.seconds + random.random() * late_s
        heapq.heappush(agenda, (clock.now_s + after_s, number, call_steps, attempt_outcome))
    return crowd


def _end(crowd: Crowd, end: StopIteration | ModelGatesError) -> None:
    if isinstance(end, StopIteration):
        crowd.results.append(end.value)
        crowd.attempts.append(end.value.attempts)
    else:
        crowd.errors.append(end)
        crowd.attempts.append(end.attempts)
