"""Transports that capture, for new clients of httpx and httpx2."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Self

from modelgates_client.capture.id_recorder import IdRecorder, Sink
from modelgates_client.capture.streams import observe

if TYPE_CHECKING:
    _Transport = Any  # lets type checkers accept it as a transport of either library
else:
    _Transport = object


class _Capturing(_Transport):  # type: ignore[misc] # see above
    def __init__(
        self, transport: Any, *, to: Sink, labels: Mapping[str, str] | None = None
    ) -> None:
        """Capture what goes through a transport; the arguments are those of `capture`."""
        self._transport: Final = transport
        self._recorder: Final = IdRecorder(to, labels)


class CaptureTransport(_Capturing):
    """A transport that wraps another one, and records the ids of generations.

    >>> transport = CaptureTransport(httpx.HTTPTransport(), to="costs.db")  # doctest: +SKIP
    >>> client = httpx.Client(transport=transport)  # doctest: +SKIP
    """

    def handle_request(self, request: Any) -> Any:
        """Send a request; return its response."""
        response = self._transport.handle_request(request)
        observe(response, self._recorder, is_async=False)
        return response

    def close(self) -> None:
        """Close the other transport."""
        self._transport.close()

    def __enter__(self) -> Self:
        self._transport.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._transport.__exit__(*exception)


class AsyncCaptureTransport(_Capturing):
    """`CaptureTransport` for async clients."""

    async def handle_async_request(self, request: Any) -> Any:
        """Send a request; return its response."""
        response = await self._transport.handle_async_request(request)
        observe(response, self._recorder, is_async=True)
        return response

    async def aclose(self) -> None:
        """Close the other transport."""
        await self._transport.aclose()

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._transport.__aexit__(*exception)
