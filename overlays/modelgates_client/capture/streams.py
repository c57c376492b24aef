"""Body streams, passed on unchanged while their beginning is read; for httpx and httpx2."""

import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from functools import cache
from typing import Any, Final

from modelgates_client.capture.encodings import identity
from modelgates_client.capture.response_ids import IdSniffer, id_in_headers, may_be_generation

#: The libraries whose clients can be captured. They are never imported here: an application that
#: has a client has imported its library.
LIBRARIES: Final = ("httpx2", "httpx")


@cache  # the keys are types, and few
def library_of(kind: type[Any]) -> str | None:
    """Return the library that a class belongs to or derives from; None if neither."""
    for cls in kind.__mro__:
        name = cls.__module__.partition(".")[0]
        if name in LIBRARIES and name in sys.modules:
            return name
    return None


def observe(response: Any, note: Callable[[str], object], *, is_async: bool) -> None:
    """Record the id of a response, now or while the body is read. The body is not changed.

    Args:
        response: A response whose headers have arrived.
        note: Takes the id; does not raise.
        is_async: Whether the body is read by `async for`.
    """
    if not may_be_generation(response):
        return
    generation_id = id_in_headers(response)
    if generation_id is not None:
        note(generation_id)
    elif response.is_stream_consumed:  # a mock's response, whose whole body is available
        IdSniffer(identity, note).feed(response.content)
    else:
        kind: Any = response.__class__  # mypy takes no `type[...]` for hashable
        library = library_of(kind)
        sniffer = IdSniffer.of(response, note)
        if library is not None and not sniffer.is_done:
            stream_class = _async_class(library) if is_async else _sync_class(library)
            response.stream = stream_class(response.stream, sniffer)


class _ObservedStream:
    """The common base of both kinds of streams."""

    def __init__(self, stream: Any, sniffer: IdSniffer) -> None:
        self._stream = stream
        self._sniffer = sniffer

    def __getattr__(self, name: str) -> Any:
        """Return another attribute of the stream, where httpx2 keeps the response time."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._stream, name)


class _SyncStream(_ObservedStream):
    def __iter__(self) -> Iterator[bytes]:
        chunks = iter(self._stream)
        for chunk in chunks:
            self._sniffer.feed(chunk)
            yield chunk
            if self._sniffer.is_done:
                break
        yield from chunks

    def close(self) -> None:
        self._stream.close()


class _AsyncStream(_ObservedStream):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunks = self._stream.__aiter__()
        try:
            async for chunk in chunks:
                self._sniffer.feed(chunk)
                yield chunk
        finally:
            if isinstance(chunks, AsyncGenerator):
                await chunks.aclose()

    async def aclose(self) -> None:
        await self._stream.aclose()


@cache
def _sync_class(library: str) -> Callable[[Any, IdSniffer], Any]:
    """Return a stream class that a library accepts as its own."""
    return type("CapturedStream", (_SyncStream, sys.modules[library].SyncByteStream), {})


@cache
def _async_class(library: str) -> Callable[[Any, IdSniffer], Any]:
    return type("CapturedStream", (_AsyncStream, sys.modules[library].AsyncByteStream), {})
