"""The execution of a call: its request, and how much trouble it is worth."""

from collections.abc import Callable
from typing import TypeVar, cast

from modelgates_client.calls.call import Execution
from modelgates_client.calls.retry import RetryPolicy
from modelgates_client.calls.settings import (
    Settings,
    check_count,
    check_headers,
    check_seconds,
    check_validation,
)
from modelgates_client.errors import ConfigurationError
from modelgates_client.transport.deadline import monotonic_s
from modelgates_client.transport.messages import Request
from modelgates_runtime.operation import CALL_OPTIONS, Call, CallOptions

T = TypeVar("T")


def execution_of(
    call: Call[T],
    settings: Settings,
    policy: RetryPolicy,
    options: CallOptions,
    clock: Callable[[], float] = monotonic_s,
) -> Execution[T]:
    """Return how a call is executed, by the client's settings and the call's own options.

    Raises:
        ConfigurationError: It is no call, an option is unknown or cannot be used, or a header
            cannot be sent.
    """
    if not isinstance(cast("object", call), Call):
        raise ConfigurationError(f"{call!r} is no call; the functions of an operation make one")
    timeout_s, validation, own = settings.timeout_s, settings.validation, call.headers
    if options:
        if unknown := options.keys() - CALL_OPTIONS:
            raise ConfigurationError(f"there is no option {', '.join(sorted(unknown))} of a call")
        if "timeout" in options:
            timeout_s = check_seconds("timeout", options["timeout"])
        if "max_retries" in options:
            max_retries = check_count("max_retries", options["max_retries"], 0)
            policy = policy._replace(max_retries=max_retries)
        if "validation" in options:
            validation = check_validation(options["validation"])
        if "idempotency_key" in options:
            call = call.identified(options["idempotency_key"])
        own = (*check_headers(options.get("headers") or {}), *call.headers)
    headers = settings.headers  # engines know what is the same
    if own:
        headers = tuple({**dict(headers), **dict(check_headers(dict(own)))}.items())
    server, operation = settings.network.server, call.operation
    request = Request(
        operation.method,
        f"{server.path}{call.target}",
        headers,
        call.content if call.content is not None or operation.is_safe else b"",
        operation.is_secured,
    )
    return Execution(call, request, validation, policy, timeout_s, clock, server.host)
