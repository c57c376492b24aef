"""Which operation of the spec a request is for, by its method and path. Pure."""

import re
from collections.abc import Iterable
from typing import Any, Final

from modelgates_runtime.operation import Operation

_PARAMETER: Final = re.compile(r"\\\{[^{}]+\\\}")  # of a path, once it is escaped


class Routes:
    """The operations, by path."""

    def __init__(self, operations: Iterable[Operation[Any]]) -> None:
        """Take the operations; of two paths that fit, that with fewer parameters counts."""
        found = sorted(operations, key=lambda operation: operation.path.count("{"))
        self._patterns = [
            (re.compile(_PARAMETER.sub("[^/]+", re.escape(operation.path))), operation)
            for operation in found
        ]

    def at(self, path: str) -> dict[str, Operation[Any]]:
        """Return the operations of a path, as it is sent, by their methods."""
        template: str | None = None
        found: dict[str, Operation[Any]] = {}
        for pattern, operation in self._patterns:
            if template in {None, operation.path} and pattern.fullmatch(path):
                template = operation.path
                found[operation.method] = operation
        return found
