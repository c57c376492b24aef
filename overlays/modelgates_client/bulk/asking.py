"""How many are asked for: the plan for all, and what became of each."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from modelgates_client.bulk.outcomes import Answered, Unanswered
from modelgates_client.calls.settings import check_seconds
from modelgates_client.errors import ConfigurationError, GenerationNotReadyError
from modelgates_runtime.errors import ModelGatesError
from modelgates_runtime.operation import Call

if TYPE_CHECKING:
    from modelgates_client.bulk.lookups import Finished, Question
    from modelgates_client.bulk.outage import Outage
    from modelgates_client.bulk.running import Plan

#: Requests at one time, unless told otherwise.
CONCURRENCY: Final = 32

#: Seconds that an outage may last, unless told otherwise.
OUTAGE_TIMEOUT_S: Final = 300.0

MOST_CONCURRENCY: Final = 1_000


def plan_of(
    concurrency: object,
    max_rate: object,
    outage_timeout: object,
    on_outage: "Callable[[Outage | None], object] | None" = None,
    *,
    ordered: bool,
) -> "Plan":
    """Return how many ids are asked for at one time, how fast, and how long in an outage.

    Raises:
        ConfigurationError: That cannot be done.
    """
    from modelgates_client.bulk.running import Plan  # noqa: PLC0415 - asyncio costs

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


def calls_question() -> "Question":
    """Return how calls are asked for that are given as such."""
    from modelgates_client.bulk.lookups import Question  # noqa: PLC0415 - not all ask for many

    return Question(_as_call, lambda execution: execution.send())


def answer_of(finished: "Finished") -> "Answered[Any] | Unanswered":
    """Return what became of a call."""
    call: Any = finished.item
    if not isinstance(finished.result, ModelGatesError):
        return Answered(call, finished.result)
    error = finished.result
    if isinstance(error, GenerationNotReadyError):  # an outage ended before its turn came again
        error = error.last_error or error
    return Unanswered(call, error)


def _as_call(item: object) -> Call[Any]:
    if not isinstance(item, Call):
        raise ConfigurationError(f"{item!r} is no call; the functions of an operation make one")
    return item
