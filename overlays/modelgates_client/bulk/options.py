"""The options of a bulk run, and the values that it takes and yields.

Clients import this module alone from the package; the modules that execute a run are imported when
the first run starts.
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

#: Default maximum number of requests in flight.
DEFAULT_CONCURRENCY: Final = 32

#: Default time that an outage may last, in seconds.
DEFAULT_OUTAGE_TIMEOUT_S: Final = 300.0

MAX_CONCURRENCY: Final = 1_000


class Outage(NamedTuple):
    """A current outage.

    Attributes:
        error: The error of the latest request.
        since: When the outage began.
        waiting: How many ids have been taken and wait for its end.
        probes: How many requests were sent to see whether it is over.
        next_probe_s: Seconds until the next probe.
        left_s: Seconds until `OutageError` is raised.
    """

    error: ModelGatesError
    since: datetime
    waiting: int
    probes: int
    next_probe_s: float
    left_s: float


class BulkOptions(NamedTuple):
    """The options of a bulk run.

    Attributes:
        concurrency: The maximum number of requests in flight.
        ordered: Whether outcomes come in the order of the ids.
        max_rate: The maximum number of requests per second; None: no maximum.
        outage_timeout_s: Seconds that an outage may last.
        on_outage: Called repeatedly with the state of an outage, and with None at its end.
        on_request: Called for each request that is sent, on the event loop of the run.
    """

    concurrency: int
    ordered: bool
    max_rate: float | None
    outage_timeout_s: float
    on_outage: Callable[[Outage | None], object] | None = None
    on_request: Callable[[], object] | None = None


def validate_bulk_options(  # noqa: PLR0913 - the options of a run
    concurrency: object,
    max_rate: object,
    outage_timeout: object,
    on_outage: Callable[[Outage | None], object] | None = None,
    on_request: Callable[[], object] | None = None,
    *,
    ordered: bool,
) -> BulkOptions:
    """Validate the bulk options.

    Raises:
        ConfigurationError: One of them is invalid.
    """
    if (
        not isinstance(concurrency, int)
        or isinstance(concurrency, bool)
        or not 1 <= concurrency <= MAX_CONCURRENCY
    ):
        raise ConfigurationError(
            f"concurrency must be a whole number from 1 to {MAX_CONCURRENCY}, not {concurrency!r}"
        )
    timeout_s = 0.0 if outage_timeout == 0 else check_seconds("outage_timeout", outage_timeout)
    rate: float | None = None
    if max_rate is not None:
        if not isinstance(max_rate, int | float) or max_rate is True or not 0 < max_rate < math.inf:
            raise ConfigurationError(
                f"max_rate must be in requests per second and more than 0, not {max_rate!r}"
            )
        rate = float(max_rate)
    return BulkOptions(concurrency, ordered, rate, timeout_s, on_outage, on_request)


class Completed(NamedTuple):
    """A completed call.

    Attributes:
        number: The position of its item in the input, counted from 0.
        item: The input: an id, or the call itself.
        result: The response, or the error.
    """

    number: int
    item: object
    result: Response[Any] | ModelGatesError


class PreparedCall(NamedTuple):
    """A call of a bulk run, ready to be executed.

    Attributes:
        execution: Its execution; None if the item makes no valid call.
        steps: The steps of the execution; they raise the error if there is none.
    """

    execution: Execution[Any] | None
    steps: Steps[Any]


class CallFactory(NamedTuple):
    """Creates the calls of a bulk run, and their outcomes.

    Attributes:
        call: Creates the call for an item; raises a `ConfigurationError` if the item is invalid.
        steps: Returns the steps that execute a call.
        outcome: Returns a function from a completed call to its outcome. Called when a run begins:
            importing the classes of outcomes takes time and a file descriptor.
    """

    call: Callable[[object], Call[Any]]
    steps: Callable[[Execution[Any]], Steps[Any]]
    outcome: Callable[[], Callable[[Completed], Any]]

    def prepared(
        self, item: object, execute: Callable[[Call[Any]], Execution[Any]]
    ) -> PreparedCall:
        """Return the prepared call for an item; an invalid item fails when it is executed."""
        try:
            execution = execute(self.call(item))
        except ModelGatesError as error:
            return PreparedCall(None, _raising(error))
        return PreparedCall(execution, self.steps(execution))


def _raising(error: ModelGatesError) -> Generator[Step, AttemptResult | None, Response[Any]]:
    raise error
    yield  # makes it a generator


def raw_call_factory() -> CallFactory:
    """Return the factory for items that are calls already."""
    return CallFactory(_as_call, _steps, _answer)


def _as_call(item: object) -> Call[Any]:
    if not isinstance(item, Call):
        raise ConfigurationError(f"{item!r} is no call; the functions of an operation make one")
    return item  # pyright: ignore[reportUnknownVariableType] - a call of anything


def _steps(execution: Execution[Any]) -> Steps[Any]:
    return execution.send()


def _answer() -> Callable[[Completed], Any]:
    from modelgates_client.bulk.outcomes import call_outcome_of  # noqa: PLC0415 - see `CallFactory`

    return call_outcome_of


def flatten(batches: Generator[list[T]]) -> Generator[T]:
    """Yield the items of all batches."""
    with closing(batches):
        for batch in batches:
            yield from batch


async def flatten_async(batches: AsyncGenerator[list[T]]) -> AsyncGenerator[T]:
    """Yield the items of all batches."""
    async with aclosing(batches):
        async for batch in batches:
            for one in batch:
                yield one
