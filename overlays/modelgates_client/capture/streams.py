"""Responses, and the ids in their headers or bodies; for httpx and httpx2.

A body is passed on unchanged, and read only until the id is found.
"""

import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from functools import cache
from typing import Any, Final

from modelgates_client.capture.encodings import Decode, decoder, identity
from modelgates_client.capture.id_recorder import IdRecorder
from modelgates_client.capture.scanning import BodyScanner, id_at_start
from modelgates_client.records.generation_ids import is_askable
from modelgates_client.records.log import logger

#: The libraries whose clients can be captured. They are never imported here: an application that
#: has a client has imported its library.
LIBRARIES: Final = ("httpx2", "httpx")

_HEADER: Final = "x-generation-id"
_MAX_ID_LENGTH: Final = 200  # characters of an id; real ones have 35
_MAX_BODY_BYTES: Final = 16 * 2**20  # bytes of a body that are looked at, encoding undone


def observe(response: Any, recorder: IdRecorder, *, is_async: bool) -> None:
    """Record the id of a response, now or while the body is read. The body is not changed.

    Args:
        response: A response whose headers have arrived.
        recorder: Records the id.
        is_async: Whether the body is read by `async for`.
    """
    if not 200 <= response.status_code < 300:  # noqa: PLR2004 - RFC 9110, section 15.3
        return
    headers = response.headers
    # `get` for a missing header takes twice as long as `in`.
    generation_id = _id_in_header(headers[_HEADER]) if _HEADER in headers else None
    if generation_id is not None:
        recorder.record(generation_id, recorder.current_labels())
    elif response.is_stream_consumed:  # a mock's response, whose whole body is available
        _ObservedStream(None, response, recorder, identity).observe(response.content)
    else:
        stream_class = _stream_class(response.__class__, is_async)
        if stream_class is not None:
            response.stream = stream_class(response.stream, response, recorder)


def _id_in_header(value: str) -> str | None:
    """Return the id in a header; None if it is not an id."""
    word = value.partition(",")[0].strip()  # a repeated header is a list
    is_id = is_askable(word) and word.isascii() and " " not in word and len(word) <= _MAX_ID_LENGTH
    return word if is_id else None


class _ObservedStream:
    """The stream of a body. Its beginning is read until the id is found or there is none.

    What most responses do not need is created when a chunk does not begin with the id.
    """

    def __init__(
        self, stream: Any, response: Any, recorder: IdRecorder, decode: Decode | None = None
    ) -> None:
        self._stream = stream
        self._headers = response.headers
        self._recorder = recorder
        self._labels = recorder.current_labels()
        self._decode = decode
        self._scanner: BodyScanner | None = None
        self._left = _MAX_BODY_BYTES

    def __getattr__(self, name: str) -> Any:
        """Return another attribute of the stream, where httpx2 keeps the response time."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._stream, name)

    def observe(self, chunk: bytes) -> bool:
        """Process the next bytes; return whether no more are needed. Never raises."""
        found = id_at_start(chunk) if self._scanner is None else None
        if found is None:
            try:
                if not self._scan(chunk):
                    return False
            except Exception as error:  # noqa: BLE001 - a broken encoding, in one of several libraries
                logger().debug("the id of a generation cannot be read: %s", type(error).__name__)
                return True
            found = None if self._scanner is None else self._scanner.found
        if found is not None:
            self._recorder.record(found, self._labels)
        return True

    def _scan(self, chunk: bytes) -> bool:
        """Scan the next bytes; return whether the search is over."""
        if self._scanner is None:
            self._scanner = BodyScanner()
            self._decode = self._decode or decoder(self._headers.get("content-encoding", ""))
        if self._decode is None:
            return True
        for piece in self._decode(chunk):
            self._scanner.feed(piece)
            self._left -= len(piece)
            if self._scanner.is_done or self._left < 0:
                return True
        return False


class _SyncStream(_ObservedStream):
    def __iter__(self) -> Iterator[bytes]:
        chunks = iter(self._stream)
        for chunk in chunks:
            is_done = self.observe(chunk)
            yield chunk
            if is_done:
                break
        yield from chunks

    def close(self) -> None:
        self._stream.close()


class _AsyncStream(_ObservedStream):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunks = self._stream.__aiter__()
        is_done = False
        try:
            async for chunk in chunks:
                is_done = is_done or self.observe(chunk)
                yield chunk
        finally:
            if isinstance(chunks, AsyncGenerator):
                await chunks.aclose()

    async def aclose(self) -> None:
        await self._stream.aclose()


@cache  # the keys are few
def _stream_class(response_class: Any, is_async: bool) -> Callable[..., Any] | None:  # noqa: FBT001 - `cache` is faster without keywords
    """Return a stream class for a class of responses; None if no supported library made it."""
    for cls in response_class.__mro__:
        name = cls.__module__.partition(".")[0]
        if name in LIBRARIES and name in sys.modules:
            library = sys.modules[name]
            if is_async:
                return type("CapturedStream", (_AsyncStream, library.AsyncByteStream), {})
            return type("CapturedStream", (_SyncStream, library.SyncByteStream), {})
    return None
