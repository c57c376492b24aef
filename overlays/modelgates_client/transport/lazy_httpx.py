"""httpx, as annotations name it: loaded when `typing.get_type_hints` asks, and not before."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx as httpx  # noqa: PLC0414 - to be imported from here
else:

    class _Httpx:
        def __getattr__(self, name: str) -> Any:
            import httpx as loaded  # noqa: PLC0415 - not before it is needed

            return getattr(loaded, name)

    httpx = _Httpx()
