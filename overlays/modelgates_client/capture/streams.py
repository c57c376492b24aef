"""Bodies that pass on unchanged while their beginning is read; for httpx and httpx2 alike."""

import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from functools import cache
from typing import Any, Final

from modelgates_client.capture.encodings import identity
from modelgates_client.capture.response_ids import IdSniffer, id_in_head, may_be_generation

#: The libraries whose clients can be captured. They are never imported: whoever has a client of one
#: has imported it.
LIBRARIES: Final = ("httpx2", "httpx")


@cache  # of types, of which there are few
def library_of(kind: type[Any]) -> str | None:
    """Return which library a class is of, or derived from; None if of neither."""
    for cls in kind.__mro__:
        name = cls.__module__.partition(".")[0]
        if name in LIBRARIES and name in sys.modules:
            return name
    return None


def observe(response: Any, note: Callable[[str], object], *, is_awaited: bool) -> None:
    """Have the id of a response noted: now, or when it passes in the body. The body stays as it is.

    Args:
        response: A response whose head has come.
        note: Takes the id; does not raise.
        is_awaited: Whether the body is read by `async for`.
    """
    if not may_be_generation(response):
        return
    found = id_in_head(response)
    if found is not None:
        note(found)
    elif response.is_stream_consumed:  # as responses of mocks are: the whole body is there
        IdSniffer(identity, note).feed(response.content)
    else:
        kind: Any = response.__class__  # mypy takes no `type[...]` for hashable
        library = library_of(kind)
        sniffer = IdSniffer.of(response, note)
        if library is not None and not sniffer.is_done:
            wrap = _awaited(library) if is_awaited else _blocking(library)
            response.stream = wrap(response.stream, sniffer)


class _ObservedStream:
    """What both kinds of streams have in common."""

    def __init__(self, stream: Any, sniffer: IdSniffer) -> None:
        self._stream = stream
        self._sniffer = sniffer

    def __getattr__(self, name: str) -> Any:
        """Return what else the stream has: httpx2 keeps there how long the response took."""
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
def _blocking(library: str) -> Callable[[Any, IdSniffer], Any]:
    """Return the class of streams that a library takes for its own."""
    return type("CapturedStream", (_SyncStream, sys.modules[library].SyncByteStream), {})


@cache
def _awaited(library: str) -> Callable[[Any, IdSniffer], Any]:
    return type("CapturedStream", (_AsyncStream, sys.modules[library].AsyncByteStream), {})
