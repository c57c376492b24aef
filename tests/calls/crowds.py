"""Many calls of one client at a time, on a clock that is simulated."""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random

from modelgates_client import ModelGatesError
from modelgates_client.calls.execution import Pause, Send, Steps
from modelgates_client.calls.retry import RetryBudget
from modelgates_client.transport.messages import AttemptResult, Failure
from modelgates_runtime.types import Response

from .simulation import Clock, Turn, call


@dataclass
class Crowd:
    """What became of many calls.

    Attributes:
        sent_s: When each request was made.
        results: What the calls came to that came to anything.
        errors: What the others raised.
        attempts: How many requests each call made.
        end_s: When the last of them ended.
        retries: How many requests took a token.
    """

    sent_s: list[float] = field(default_factory=list)
    results: list[Response] = field(default_factory=list)
    errors: list[ModelGatesError] = field(default_factory=list)
    attempts: list[int] = field(default_factory=list)
    end_s: float = 0.0


def gather(  # noqa: PLR0913 - all that a crowd depends on
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
    """Make as many calls, some at one time, each after the other; return what became of them.

    Args:
        server: Says what happens to a request at a time.
        count: How many calls.
        at_once: How many at one time; None for all.
        seed: Of all chance.
        wait_s: The time-out of a `wait`; None for a `get`.
        budget: Makes the budget that they share.
        timeout_s: The client's.
        max_retries: The client's.
        late_s: Seconds by which a pause ends too late at most.
    """
    clock, random, crowd = Clock(), Random(seed), Crowd()
    shared = budget(clock)
    left = iter(range(count))

    def steps() -> Iterator[Steps]:
        for _ in left:
            made = call(
                clock,
                budget=shared,
                uniform=random.random,
                timeout_s=timeout_s,
                max_retries=max_retries,
            )
            yield made.send() if wait_s is None else made.poll(wait_s, lambda _: True)

    calls = steps()
    # When it goes on, a number that makes the order total, what goes on, and with what.
    agenda: list[tuple[float, int, Steps, AttemptResult | None]] = []
    for number, made in zip(range(at_once or count), calls, strict=False):
        heapq.heappush(agenda, (random.random() * 0.1, number, made, None))
    while agenda:
        clock.now_s, number, made, attempt_result = heapq.heappop(agenda)
        try:
            step = made.send(attempt_result)
        except (StopIteration, ModelGatesError) as end:
            _end(crowd, end)
            crowd.end_s = clock.now_s
            following = next(calls, None)
            if following is not None:
                heapq.heappush(agenda, (clock.now_s, number, following, None))
            continue
        after_s, came = 0.0, None
        if isinstance(step, Send):
            crowd.sent_s.append(clock.now_s)
            turn = server(clock.now_s)
            after_s, came = turn.latency_s, turn.outcome
            if came is None or after_s >= step.deadline.remaining():
                after_s, came = step.deadline.remaining(), Failure("timeout", "too slow")
        elif isinstance(step, Pause):
            after_s = step.seconds + random.random() * late_s
        heapq.heappush(agenda, (clock.now_s + after_s, number, made, came))
    return crowd


def _end(crowd: Crowd, end: StopIteration | ModelGatesError) -> None:
    if isinstance(end, StopIteration):
        crowd.results.append(end.value)
        crowd.attempts.append(end.value.attempts)
    else:
        crowd.errors.append(end)
        crowd.attempts.append(end.attempts)
