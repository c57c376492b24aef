"""httpx for annotations: imported only when `typing.get_type_hints` evaluates one."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx as httpx  # noqa: PLC0414 - re-exported
else:

    class _Httpx:
        def __getattr__(self, name: str) -> Any:
            import httpx as loaded  # noqa: PLC0415 - on first use

            return getattr(loaded, name)

    httpx = _Httpx()
