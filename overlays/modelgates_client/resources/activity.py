"""The account's activity, an operation that not every version of the spec has."""

from typing import Any

from modelgates_api.api import OPERATIONS
from modelgates_runtime.operation import Call


def activity() -> Call[Any] | None:
    """Return the call of `GET /activity`, without filters; None if the spec does not have it.

    Source: openapi.yaml, the operation with this path, whatever its id.
    """
    operations = (OPERATIONS[name] for name in OPERATIONS)
    for operation in operations:
        if (operation.method, operation.path) == ("GET", "/activity"):
            return operation.call(dict.fromkeys(each.argument for each in operation.parameters))
    return None
