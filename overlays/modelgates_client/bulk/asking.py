"""How many are asked for: the plan for all, and what became of each."""

import math
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from modelgates_client.bulk.lookups import Question
from modelgates_client.bulk.outage import Outage
from modelgates_client.calls.call import Execution, Steps
from modelgates_client.calls.settings import check_seconds
from modelgates_client.errors import ConfigurationError
from modelgates_runtime.operation import Call

#: Requests at one time, unless told otherwise.
CONCURRENCY: Final = 32

#: Seconds that an outage may last, unless told otherwise.
OUTAGE_TIMEOUT_S: Final = 300.0

MOST_CONCURRENCY: Final = 1_000


class Plan(NamedTuple):
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


def plan_of(
    concurrency: object,
    max_rate: object,
    outage_timeout: object,
    on_outage: Callable[[Outage | None], object] | None = None,
    *,
    ordered: bool,
) -> Plan:
    """Return how many ids are asked for at one time, how fast, and how long in an outage.

    Raises:
        ConfigurationError: That cannot be done.
    """
    if (
        not isinstance(concurrency, int)
        or isinstance(concurrency, bool)
        or not 1 <= concurrency <= MOST_CONCURRENCY
    ):
        raise ConfigurationError(
            f"concurrency is {concurrency!r}; it is a whole number from 1 to {MOST_CONCURRENCY}"
        )
    timeout_s = 0.0 if outage_timeout == 0 else check_seconds("outage_timeout", outage_timeout)
    if max_rate is None:
        return Plan(concurrency, ordered, None, timeout_s, on_outage)
    if not isinstance(max_rate, int | float) or max_rate is True or not 0 < max_rate < math.inf:
        raise ConfigurationError(
            f"max_rate is {max_rate!r}; it is in requests per second, and more than 0"
        )
    return Plan(concurrency, ordered, float(max_rate), timeout_s, on_outage)


def calls_question() -> Question:
    """Return how calls are asked for that are given as such."""
    return Question(_as_call, _steps)


def _as_call(item: object) -> Call[Any]:
    if not isinstance(item, Call):
        raise ConfigurationError(f"{item!r} is no call; the functions of an operation make one")
    return item  # pyright: ignore[reportUnknownVariableType] - a call of anything


def _steps(execution: Execution[Any]) -> Steps[Any]:
    return execution.send()
