"""The account's activity, of which not every spec says how to ask for it."""

from typing import Any

from modelgates_api.api import OPERATIONS
from modelgates_runtime.operation import Call


def activity() -> Call[Any] | None:
    """Return the call of `GET /activity`; None where the spec of the day has no such operation.

    Source: openapi.yaml, whichever operation has this path.
    """
    operations = (OPERATIONS[name] for name in OPERATIONS)
    for operation in operations:
        if (operation.method, operation.path) == ("GET", "/activity"):
            return operation.call({})
    return None
