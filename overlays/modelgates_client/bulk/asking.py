"""How many ids are asked for: the question for each, and the plan for all."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from modelgates_client.calls.call import Call
from modelgates_client.calls.requests import call_of
from modelgates_client.calls.retry import RetryPolicy
from modelgates_client.calls.settings import Settings, check_seconds
from modelgates_client.errors import ConfigurationError

if TYPE_CHECKING:
    from modelgates_client.bulk.lookups import Question
    from modelgates_client.bulk.outage import Outage
    from modelgates_client.bulk.running import Plan

MOST_CONCURRENCY: Final = 1_000


def question_of(
    settings: Settings, policy: RetryPolicy, wait_s: object, *, final: bool
) -> "Question":
    """Return how each of many ids is asked for."""
    from modelgates_client.bulk.lookups import Question  # noqa: PLC0415 - not all ask for many

    def call(generation_id: object, clock: Callable[[], float]) -> Call:
        return call_of(generation_id, settings, policy, clock)

    return Question(call, 0.0 if wait_s == 0 else check_seconds("wait", wait_s), final)


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
