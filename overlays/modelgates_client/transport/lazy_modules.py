"""httpx and ssl, imported on first use, such as when `typing.get_type_hints` needs them."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl as ssl  # noqa: PLC0414 - re-exported

    import httpx as httpx  # noqa: PLC0414 - re-exported
else:

    class _LazyModule:
        def __init__(self, name: str) -> None:
            self._name = name

        def __getattr__(self, attribute: str) -> Any:
            return getattr(import_module(self._name), attribute)

    httpx, ssl = _LazyModule("httpx"), _LazyModule("ssl")
