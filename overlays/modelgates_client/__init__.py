"""Client for the ModelGates API: what a generation cost, and what it really was.

>>> with ModelGates() as client:  # doctest: +SKIP
...     print(client.generations.get("gen-1771967973-0hZ8J5kY7qLMOKbPx0u3").total_cost)
"""

from modelgates_api.errors import ClientClosedError, FieldError, ModelGatesError
from modelgates_api.models import Generation, ProviderResponse
from modelgates_api.runtime.drift import Drift
from modelgates_client._client import DEFAULT_BASE_URL, ModelGates
from modelgates_client._errors import (
    APIConnectionError,
    APIStatusError,
    ConfigurationError,
    ResponseValidationError,
)

__all__ = [
    "DEFAULT_BASE_URL",
    "APIConnectionError",
    "APIStatusError",
    "ClientClosedError",
    "ConfigurationError",
    "Drift",
    "FieldError",
    "Generation",
    "ModelGates",
    "ModelGatesError",
    "ProviderResponse",
    "ResponseValidationError",
]
