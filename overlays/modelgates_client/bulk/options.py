"""How many are asked for: the plan for all, how each is asked for, and what is told of them.

It is all of many that a client knows before it is asked for many: what carries it out is loaded
then.
"""

import math
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing, closing
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar

from modelgates_client.calls.execution import Execution, Step, Steps
from modelgates_client.calls.settings import check_seconds
from modelgates_client.errors import ConfigurationError
from modelgates_client.transport.messages import AttemptResult
from modelgates_runtime.errors import ModelGatesError
from modelgates_runtime.operation import Call
from modelgates_runtime.types import Response

T = TypeVar("T")

#: Requests at one time, unless told otherwise.
DEFAULT_CONCURRENCY: Final = 32

#: Seconds that an outage may last, unless told otherwise.
DEFAULT_OUTAGE_TIMEOUT_S: Final = 300.0

MAX_CONCURRENCY: Final = 1_000


class Outage(NamedTuple):
    """An outage that is going on.

    Attributes:
        error: What the latest request ended with.
        since: When it began.
        waiting: How many ids have been taken and wait for its end.
        probes: How many requests were sent to see whether it is over.
        next_probe_s: Seconds to the next one.
        left_s: Seconds to its end at the latest: then `OutageError` is raised.
    """

    error: ModelGatesError
    since: datetime
    waiting: int
    probes: int
    next_probe_s: float
    left_s: float


class BulkOptions(NamedTuple):
    """How many, how fast, in which order, and for how long without an answer.

    Attributes:
        concurrency: The most requests at one time.
        ordered: Whether outcomes come in the order of the ids.
        max_rate: The most requests per second, if there is a limit.
        outage_timeout_s: Seconds that an outage may last.
        on_outage: Told of an outage, again and again, and of its end (None); if anybody wants that.
    """

    concurrency: int
    ordered: bool
    max_rate: float | None
    outage_timeout_s: float
    on_outage: Callable[[Outage | None], object] | None = None


def bulk_options(
    concurrency: object,
    max_rate: object,
    outage_timeout: object,
    on_outage: Callable[[Outage | None], object] | None = None,
    *,
    ordered: bool,
) -> BulkOptions:
    """Return how many ids are asked for at one time, how fast, and how long in an outage.

    Raises:
        ConfigurationError: That cannot be done.
    """
    if (
        not isinstance(concurrency, int)
        or isinstance(concurrency, bool)
        or not 1 <= concurrency <= MAX_CONCURRENCY
    ):
        raise ConfigurationError(
            f"concurrency is {concurrency!r}; it is a whole number from 1 to {MAX_CONCURRENCY}"
        )
    timeout_s = 0.0 if outage_timeout == 0 else check_seconds("outage_timeout", outage_timeout)
    if max_rate is None:
        return BulkOptions(concurrency, ordered, None, timeout_s, on_outage)
    if not isinstance(max_rate, int | float) or max_rate is True or not 0 < max_rate < math.inf:
        raise ConfigurationError(
            f"max_rate is {max_rate!r}; it is in requests per second, and more than 0"
        )
    return BulkOptions(concurrency, ordered, float(max_rate), timeout_s, on_outage)


class Completed(NamedTuple):
    """A call that came to its end.

    Attributes:
        number: Which it was of those that were given.
        item: What was given.
        result: What it came to.
    """

    number: int
    item: object
    result: Response[Any] | ModelGatesError


class PreparedCall(NamedTuple):
    """How one of many is asked for.

    Attributes:
        execution: The execution of its call; None if there can be none.
        steps: What is to be done.
    """

    execution: Execution[Any] | None
    steps: Steps[Any]


class CallFactory(NamedTuple):
    """How each of many is asked for.

    Attributes:
        call: Makes the call of what was given; raises a `ConfigurationError` if there is none.
        steps: Returns the steps by which a call is executed.
        outcome: Returns what says what became of each. Its classes cost, and need a file descriptor
            to be loaded: so it is called when a run begins.
    """

    call: Callable[[object], Call[Any]]
    steps: Callable[[Execution[Any]], Steps[Any]]
    outcome: Callable[[], Callable[[Completed], Any]]

    def prepared(
        self, item: object, execute: Callable[[Call[Any]], Execution[Any]]
    ) -> PreparedCall:
        """Return how one is asked for; one that cannot be fails when its turn comes."""
        try:
            made = execute(self.call(item))
        except ModelGatesError as error:
            return PreparedCall(None, _raising(error))
        # Which requests hang, a run sees better, by what else is answered.
        execution = made._replace(has_no_stall_limit=True, policy=made.policy.for_many())
        return PreparedCall(execution, self.steps(execution))


def _raising(error: ModelGatesError) -> Generator[Step, AttemptResult | None, Response[Any]]:
    raise error
    yield  # what makes it a generator


def call_factory() -> CallFactory:
    """Return how calls are asked for that are given as such."""
    return CallFactory(_as_call, _steps, _answer)


def _as_call(item: object) -> Call[Any]:
    if not isinstance(item, Call):
        raise ConfigurationError(f"{item!r} is no call; the functions of an operation make one")
    return item  # pyright: ignore[reportUnknownVariableType] - a call of anything


def _steps(execution: Execution[Any]) -> Steps[Any]:
    return execution.send()


def _answer() -> Callable[[Completed], Any]:
    from modelgates_client.bulk.outcomes import answer_of  # noqa: PLC0415 - see `CallFactory`

    return answer_of


def flat(batches: Generator[list[T]]) -> Generator[T]:
    """Yield one at a time."""
    with closing(batches):
        for batch in batches:
            yield from batch


async def flat_awaited(batches: AsyncGenerator[list[T]]) -> AsyncGenerator[T]:
    """Yield one at a time."""
    async with aclosing(batches):
        async for batch in batches:
            for one in batch:
                yield one
