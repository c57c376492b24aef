"""Exchanges with a server that is none: the four kinds of clients over transports of a test."""

import asyncio

import httpx
import httpx2

from modelgates_client.capture import AsyncCaptureTransport, CaptureTransport, capture

LIBRARIES = [httpx, httpx2]
ID = "gen-1771967973-0hZ8J5kY7qLMOKbPx0u3"
URL = "http://gateway.test/api/v1/chat/completions"


class Reply:
    """What a server answers, and how much of it was taken.

    Attributes:
        taken: How many chunks were taken.
        closed: How often the body was closed.
    """

    def __init__(self, *chunks, status=200, headers=(), breaks=None):
        self.chunks = chunks
        self.status = status
        self.headers = dict(headers)
        self.breaks = breaks
        self.taken = self.closed = 0

    def blocking(self, library):
        """Return a transport that answers with it."""
        reply = self

        class Body(library.SyncByteStream):
            def __iter__(self):
                for chunk in reply.chunks:
                    reply.taken += 1
                    yield chunk
                if reply.breaks:
                    raise library.ReadError(reply.breaks)

            def close(self):
                reply.closed += 1

        class Transport(library.BaseTransport):
            def handle_request(self, _):
                return library.Response(reply.status, headers=reply.headers, stream=Body())

        return Transport()

    def awaited(self, library):
        """Return a transport that answers with it, awaited."""
        reply = self

        class Body(library.AsyncByteStream):
            async def __aiter__(self):
                for chunk in reply.chunks:
                    reply.taken += 1
                    await asyncio.sleep(0)
                    yield chunk
                if reply.breaks:
                    raise library.ReadError(reply.breaks)

            async def aclose(self):
                reply.closed += 1

        class Transport(library.AsyncBaseTransport):
            async def handle_async_request(self, _):
                return library.Response(reply.status, headers=reply.headers, stream=Body())

        return Transport()


def blocking_client(library, reply, by, to, **options):
    """Return a client that is captured, by a hook or by its transport."""
    transport = reply.blocking(library)
    if by == "transport":
        return library.Client(transport=CaptureTransport(transport, to=to), **options)
    return capture(library.Client(transport=transport, **options), to=to)


def awaited_client(library, reply, by, to, **options):
    """Return the same, to be awaited."""
    transport = reply.awaited(library)
    if by == "transport":
        return library.AsyncClient(transport=AsyncCaptureTransport(transport, to=to), **options)
    return capture(library.AsyncClient(transport=transport, **options), to=to)


def read(library, reply, by, to, *, is_async, most=None, raw=True):  # noqa: PLR0913 - a test says all
    """Stream a reply; return what came, chunk by chunk, with how many were taken by then.

    Args:
        library: httpx or httpx2.
        reply: What is answered.
        by: What captures: `hook` or `transport`.
        to: Where ids go.
        is_async: Whether the client is awaited.
        most: How many chunks are read; the rest is cancelled.
        raw: Whether the chunks are taken as they came.
    """
    seen = []

    def take(chunk):
        seen.append((chunk, reply.taken))
        return most is not None and len(seen) >= most

    def block():
        with (
            blocking_client(library, reply, by, to) as client,
            client.stream("POST", URL) as response,
        ):
            for chunk in response.iter_raw() if raw else response.iter_bytes():
                if take(chunk):
                    break

    async def wait():
        async with (
            awaited_client(library, reply, by, to) as client,
            client.stream("POST", URL) as response,
        ):
            async for chunk in response.aiter_raw() if raw else response.aiter_bytes():
                if take(chunk):
                    break

    if is_async:
        asyncio.run(wait())
    else:
        block()
    return seen
