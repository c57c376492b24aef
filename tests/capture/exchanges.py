"""Exchanges without a server: sync and async clients of both libraries over stub transports."""

import asyncio

import httpx
import httpx2

from modelgates_client.capture import AsyncCaptureTransport, CaptureTransport, capture

LIBRARIES = [httpx, httpx2]
ID = "gen-1771967973-0hZ8J5kY7qLMOKbPx0u3"
URL = "http://gateway.test/api/v1/chat/completions"


class StubResponse:
    """The response of a stub transport, and how much of it was read.

    Attributes:
        chunks_read: The number of chunks that were read.
        closed: How often the body was closed.
    """

    def __init__(self, *chunks, status=200, headers=(), breaks=None):
        self.chunks = chunks
        self.status = status
        self.headers = dict(headers)
        self.breaks = breaks
        self.chunks_read = self.closed = 0

    def sync_transport(self, library):
        """Return a sync transport that returns this response."""
        stub = self

        class Body(library.SyncByteStream):
            def __iter__(self):
                for chunk in stub.chunks:
                    stub.chunks_read += 1
                    yield chunk
                if stub.breaks:
                    raise library.ReadError(stub.breaks)

            def close(self):
                stub.closed += 1

        class Transport(library.BaseTransport):
            def handle_request(self, _):
                return library.Response(stub.status, headers=stub.headers, stream=Body())

        return Transport()

    def async_transport(self, library):
        """Return an async transport that returns this response."""
        stub = self

        class Body(library.AsyncByteStream):
            async def __aiter__(self):
                for chunk in stub.chunks:
                    stub.chunks_read += 1
                    await asyncio.sleep(0)
                    yield chunk
                if stub.breaks:
                    raise library.ReadError(stub.breaks)

            async def aclose(self):
                stub.closed += 1

        class Transport(library.AsyncBaseTransport):
            async def handle_async_request(self, _):
                return library.Response(stub.status, headers=stub.headers, stream=Body())

        return Transport()


def sync_client(library, stub, by, to, **options):
    """Return a sync client that is captured by a hook or by its transport."""
    transport = stub.sync_transport(library)
    if by == "transport":
        return library.Client(transport=CaptureTransport(transport, to=to), **options)
    return capture(library.Client(transport=transport, **options), to=to)


def async_client(library, stub, by, to, **options):
    """Return an async client that is captured by a hook or by its transport."""
    transport = stub.async_transport(library)
    if by == "transport":
        return library.AsyncClient(transport=AsyncCaptureTransport(transport, to=to), **options)
    return capture(library.AsyncClient(transport=transport, **options), to=to)


def read(library, stub, by, to, *, is_async, max_chunks=None, raw=True):  # noqa: PLR0913 - all vary
    """Stream a response; return each chunk with the number of chunks that were read by then.

    Args:
        library: httpx or httpx2.
        stub: The response.
        by: What captures: `hook` or `transport`.
        to: Where ids go.
        is_async: Whether the client is async.
        max_chunks: The number of chunks to read before the stream is cancelled.
        raw: Whether the chunks are read without decoding.
    """
    received = []

    def is_enough(chunk):
        received.append((chunk, stub.chunks_read))
        return max_chunks is not None and len(received) >= max_chunks

    def run_sync():
        with (
            sync_client(library, stub, by, to) as client,
            client.stream("POST", URL) as response,
        ):
            for chunk in response.iter_raw() if raw else response.iter_bytes():
                if is_enough(chunk):
                    break

    async def run_async():
        async with (
            async_client(library, stub, by, to) as client,
            client.stream("POST", URL) as response,
        ):
            async for chunk in response.aiter_raw() if raw else response.aiter_bytes():
                if is_enough(chunk):
                    break

    if is_async:
        asyncio.run(run_async())
    else:
        run_sync()
    return received
