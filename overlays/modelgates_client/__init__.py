"""Client for the ModelGates API: what a generation cost, and what it really was.

>>> with ModelGates() as client:  # doctest: +SKIP
...     print(client.generations.get("gen-1771967973-0hZ8J5kY7qLMOKbPx0u3").cost.charged)

Each name is imported on first use, so importing this package is cheap.
"""

# False, but editors follow both branches and complete the names; importing `typing` is slow.
TYPE_CHECKING = bool()  # noqa: UP018 - a literal hides them
if TYPE_CHECKING:
    from modelgates_api.models import ProviderResponse
    from modelgates_client._version import __version__
    from modelgates_client.bulk.outcomes import (
        Answered,
        Failed,
        Outcome,
        Pending,
        Resolved,
        Unanswered,
    )
    from modelgates_client.calls.settings import DEFAULT_BASE_URL
    from modelgates_client.client.async_client import AsyncModelGates
    from modelgates_client.client.client import ModelGates
    from modelgates_client.errors import (
        APIConnectionError,
        APIStatusError,
        APITimeoutError,
        AuthenticationError,
        BadGatewayError,
        BadRequestError,
        ConfigurationError,
        EdgeTimeoutError,
        EndpointNotFoundError,
        GenerationNotReadyError,
        InsufficientCreditsError,
        InternalServerError,
        NotFoundError,
        OutageError,
        OverloadedError,
        PermissionDeniedError,
        RateLimitError,
        ResponseValidationError,
        ServerError,
    )
    from modelgates_client.records.attempts import Attempt, Attempts
    from modelgates_client.records.generation import Generation
    from modelgates_client.records.money import Cost, format_usd
    from modelgates_runtime.drift import Drift
    from modelgates_runtime.errors import ClientClosedError, FieldError, ModelGatesError
    from modelgates_runtime.limits import RateLimit
    from modelgates_runtime.types import Response

#: Where each name is defined.
_HOMES = {
    "ClientClosedError": "modelgates_runtime.errors",
    "FieldError": "modelgates_runtime.errors",
    "ModelGatesError": "modelgates_runtime.errors",
    "ProviderResponse": "modelgates_api.models",
    "Drift": "modelgates_runtime.drift",
    "RateLimit": "modelgates_runtime.limits",
    "AsyncModelGates": "modelgates_client.client.async_client",
    "Attempt": "modelgates_client.records.attempts",
    "Attempts": "modelgates_client.records.attempts",
    "ModelGates": "modelgates_client.client.client",
    "APIConnectionError": "modelgates_client.errors",
    "APIStatusError": "modelgates_client.errors",
    "APITimeoutError": "modelgates_client.errors",
    "AuthenticationError": "modelgates_client.errors",
    "BadGatewayError": "modelgates_client.errors",
    "BadRequestError": "modelgates_client.errors",
    "ConfigurationError": "modelgates_client.errors",
    "EdgeTimeoutError": "modelgates_client.errors",
    "EndpointNotFoundError": "modelgates_client.errors",
    "GenerationNotReadyError": "modelgates_client.errors",
    "InsufficientCreditsError": "modelgates_client.errors",
    "InternalServerError": "modelgates_client.errors",
    "NotFoundError": "modelgates_client.errors",
    "OutageError": "modelgates_client.errors",
    "OverloadedError": "modelgates_client.errors",
    "PermissionDeniedError": "modelgates_client.errors",
    "RateLimitError": "modelgates_client.errors",
    "ResponseValidationError": "modelgates_client.errors",
    "ServerError": "modelgates_client.errors",
    "Generation": "modelgates_client.records.generation",
    "Cost": "modelgates_client.records.money",
    "format_usd": "modelgates_client.records.money",
    "Response": "modelgates_runtime.types",
    "DEFAULT_BASE_URL": "modelgates_client.calls.settings",
    "__version__": "modelgates_client._version",
    "Answered": "modelgates_client.bulk.outcomes",
    "Unanswered": "modelgates_client.bulk.outcomes",
    "Failed": "modelgates_client.bulk.outcomes",
    "Outcome": "modelgates_client.bulk.outcomes",
    "Pending": "modelgates_client.bulk.outcomes",
    "Resolved": "modelgates_client.bulk.outcomes",
}

__all__ = [
    "DEFAULT_BASE_URL",
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "Answered",
    "AsyncModelGates",
    "Attempt",
    "Attempts",
    "AuthenticationError",
    "BadGatewayError",
    "BadRequestError",
    "ClientClosedError",
    "ConfigurationError",
    "Cost",
    "Drift",
    "EdgeTimeoutError",
    "EndpointNotFoundError",
    "Failed",
    "FieldError",
    "Generation",
    "GenerationNotReadyError",
    "InsufficientCreditsError",
    "InternalServerError",
    "ModelGates",
    "ModelGatesError",
    "NotFoundError",
    "OutageError",
    "Outcome",
    "OverloadedError",
    "Pending",
    "PermissionDeniedError",
    "ProviderResponse",
    "RateLimit",
    "RateLimitError",
    "Resolved",
    "Response",
    "ResponseValidationError",
    "ServerError",
    "Unanswered",
    "__version__",
    "format_usd",
]


if not TYPE_CHECKING:  # type checkers would accept any name

    def __getattr__(name):  # noqa: ANN001, ANN202 - type checkers do not see it
        """Import a public name on first use (PEP 562)."""
        home = _HOMES.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module  # noqa: PLC0415 - on first use

        try:
            module = import_module(home)
        except AttributeError as error:  # would look like a missing name
            raise ImportError(f"{home} cannot be loaded: {error}", name=home) from error
        value = globals()[name] = getattr(module, name)
        return value

    def __dir__():  # noqa: ANN202 - type checkers do not see it
        """List the public names, imported or not."""
        return sorted(__all__)
