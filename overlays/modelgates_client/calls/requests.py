"""The call for a record: its request, and how much trouble it is worth."""

from collections.abc import Callable
from urllib.parse import urlencode

from modelgates_api.api.generations import get_generation
from modelgates_client.calls.call import Call
from modelgates_client.calls.retry import RetryPolicy
from modelgates_client.calls.settings import Settings
from modelgates_client.errors import ConfigurationError
from modelgates_client.records.generation_ids import is_askable
from modelgates_client.transport.deadline import monotonic_s
from modelgates_client.transport.messages import Request


def call_of(
    generation_id: object,
    settings: Settings,
    policy: RetryPolicy,
    clock: Callable[[], float] = monotonic_s,
) -> Call:
    """Return the call that asks for a record.

    Raises:
        ConfigurationError: The id is none.
    """
    if not is_askable(generation_id):
        raise ConfigurationError(f"the generation id is {generation_id!r}; it is like gen-…")
    built = get_generation.build_request(id=generation_id)
    query = urlencode(built["params"], doseq=True)
    own = tuple(built["headers"].items())
    headers = settings.headers + own if own else settings.headers  # engines know what is the same
    request = Request(
        built["method"], f"{settings.network.server.path}{built['url']}?{query}", headers
    )
    host = settings.network.server.host
    return Call(
        generation_id, request, settings.validation, policy, settings.timeout_s, clock, host
    )
