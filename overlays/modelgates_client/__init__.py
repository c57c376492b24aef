"""Client for the ModelGates API: what a generation cost, and what it really was.

>>> with ModelGates() as client:  # doctest: +SKIP
...     print(client.generations.get("gen-1771967973-0hZ8J5kY7qLMOKbPx0u3").cost.charged)

Each name is imported on first use, so importing this package is cheap.
"""

# False, but editors follow both branches and complete the names; importing `typing` is slow.
TYPE_CHECKING = bool()  # noqa: UP018 - a literal hides them
if TYPE_CHECKING:
    from modelgates_api.models import ProviderResponse as ProviderResponse
    from modelgates_client._version import __version__ as __version__
    from modelgates_client.bulk.outcomes import (
        Answered as Answered,
        Failed as Failed,
        Outcome as Outcome,
        Pending as Pending,
        Resolved as Resolved,
        Unanswered as Unanswered,
    )
    from modelgates_client.calls.settings import DEFAULT_BASE_URL as DEFAULT_BASE_URL
    from modelgates_client.client.async_client import AsyncModelGates as AsyncModelGates
    from modelgates_client.client.client import ModelGates as ModelGates
    from modelgates_client.errors import *  # noqa: F403 - it exports errors alone
    from modelgates_client.records.attempts import (
        Attempt as Attempt,
        Attempts as Attempts,
    )
    from modelgates_client.records.generation import Generation as Generation
    from modelgates_client.records.money import (
        Cost as Cost,
        format_usd as format_usd,
    )
    from modelgates_runtime.drift import Drift as Drift
    from modelgates_runtime.limits import RateLimit as RateLimit
    from modelgates_runtime.types import Response as Response

#: Where each name is defined, except for errors.
_HOMES = {
    "ProviderResponse": "modelgates_api.models",
    "__version__": "modelgates_client._version",
    "Answered": "modelgates_client.bulk.outcomes",
    "Failed": "modelgates_client.bulk.outcomes",
    "Outcome": "modelgates_client.bulk.outcomes",
    "Pending": "modelgates_client.bulk.outcomes",
    "Resolved": "modelgates_client.bulk.outcomes",
    "Unanswered": "modelgates_client.bulk.outcomes",
    "DEFAULT_BASE_URL": "modelgates_client.calls.settings",
    "AsyncModelGates": "modelgates_client.client.async_client",
    "ModelGates": "modelgates_client.client.client",
    "Attempt": "modelgates_client.records.attempts",
    "Attempts": "modelgates_client.records.attempts",
    "Generation": "modelgates_client.records.generation",
    "Cost": "modelgates_client.records.money",
    "format_usd": "modelgates_client.records.money",
    "Drift": "modelgates_runtime.drift",
    "RateLimit": "modelgates_runtime.limits",
    "Response": "modelgates_runtime.types",
}


if not TYPE_CHECKING:  # type checkers would accept any name

    def __getattr__(name):  # noqa: ANN001, ANN202 - type checkers do not see it
        """Import a public name on first use (PEP 562)."""
        if name == "__all__":
            return __dir__()
        home = "modelgates_client.errors" if name.endswith("Error") else _HOMES.get(name)
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
        from modelgates_client.errors import __all__ as errors  # noqa: PLC0415 - on request

        return sorted([*_HOMES, *errors])
