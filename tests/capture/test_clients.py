"""Captured clients of httpx and httpx2: ids are noted, and responses are unchanged."""

import asyncio
import gzip
import json
import logging

import httpx
import pytest

from modelgates_client import ConfigurationError
from modelgates_client.capture import CaptureTransport, capture

from .exchanges import ID, LIBRARIES, URL, StubResponse, async_client, read, sync_client

KINDS = pytest.mark.parametrize(
    ("library", "by", "is_async"),
    [
        (library, by, is_async)
        for library in LIBRARIES
        for by in ("hook", "transport")
        for is_async in (False, True)
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
NAMED = {"X-Generation-Id": ID}
BODY = json.dumps({"object": "chat.completion", "id": ID, "choices": []}).encode()
EVENT = f'data: {{"id":"{ID}","choices":[]}}\n\n'.encode()


@KINDS
def test_a_stream_passes_chunk_by_chunk_and_its_id_is_noted(library, by, is_async):
    """No chunk waits for the next one, and none is joined or split."""
    noted = []
    chunks = [b": PROCESSING\n\n", EVENT[:9], EVENT[9:], EVENT, b"data: [DONE]\n\n"]
    stub = StubResponse(*chunks)
    assert read(library, stub, by, noted.append, is_async=is_async) == [
        (chunk, number) for number, chunk in enumerate(chunks, 1)
    ]
    assert noted == [ID]
    assert stub.closed == 1


@KINDS
def test_an_id_in_the_headers_is_noted_before_the_body_is_read(library, by, is_async):
    """So a stream that is cancelled at once is captured, too; the body is not wrapped then."""
    noted = []
    stub = StubResponse(EVENT, EVENT, EVENT, headers=NAMED)

    def run_sync():
        with (
            sync_client(library, stub, by, noted.append) as client,
            client.stream("POST", URL),
        ):
            assert (noted, stub.chunks_read) == ([ID], 0)

    async def run_async():
        async with (
            async_client(library, stub, by, noted.append) as client,
            client.stream("POST", URL),
        ):
            assert (noted, stub.chunks_read) == ([ID], 0)

    asyncio.run(run_async()) if is_async else run_sync()
    assert (noted, stub.closed) == ([ID], 1)


@KINDS
def test_a_cancelled_stream_is_captured(library, by, is_async):
    """It is cancelled after its first event."""
    noted = []
    stub = StubResponse(EVENT, EVENT, EVENT)
    read(library, stub, by, noted.append, is_async=is_async, max_chunks=1)
    assert (noted, stub.chunks_read, stub.closed) == ([ID], 1, 1)


@KINDS
def test_a_broken_stream_is_captured_and_raises(library, by, is_async):
    """The error is the library's own."""
    noted = []
    stub = StubResponse(EVENT, breaks="gone")
    with pytest.raises(library.ReadError, match="gone"):
        read(library, stub, by, noted.append, is_async=is_async)
    assert (noted, stub.closed) == ([ID], 1)


@KINDS
def test_a_compressed_body_is_scanned_and_unchanged(library, by, is_async):
    """Chunks may split the compressed data anywhere."""
    noted = []
    packed = gzip.compress(BODY)
    stub = StubResponse(packed[:20], packed[20:], headers={"Content-Encoding": "gzip"})
    received = read(library, stub, by, noted.append, is_async=is_async)
    assert [chunk for chunk, _ in received] == [packed[:20], packed[20:]]
    received = read(library, stub, by, noted.append, is_async=is_async, raw=False)
    assert b"".join(chunk for chunk, _ in received) == BODY
    assert noted == [ID, ID]


@KINDS
def test_an_invalid_encoding_raises_the_usual_error(library, by, is_async):
    """No id is noted."""
    noted = []
    stub = StubResponse(b"no gzip at all", headers={"Content-Encoding": "gzip"})
    with pytest.raises(library.DecodingError):
        read(library, stub, by, noted.append, is_async=is_async, raw=False)
    assert noted == []


@KINDS
@pytest.mark.parametrize(
    "answered",
    [
        (b'{"error":{"code":429,"message":"gen-1"}}', 429, NAMED),
        (BODY, 500, {}),
        (BODY, 302, NAMED),
        (f'{{"data":[{{"id":"{ID}"}}]}}'.encode(), 200, {}),
        (b"", 204, {}),
        (b"<html></html>", 200, {"X-Generation-Id": "no id at all"}),
        (b"\x89PNG" + bytes(100), 200, {"X-Generation-Id": "g" * 1000}),
        (BODY, 200, {"Content-Encoding": "snappy"}),
    ],
)
def test_other_responses_yield_no_id(library, by, is_async, answered):
    """Errors, redirects, lists, pages, and objects without an id."""
    noted = []
    body, status, headers = answered
    stub = StubResponse(body, status=status, headers=headers)
    received = read(library, stub, by, noted.append, is_async=is_async)
    assert b"".join(chunk for chunk, _ in received) == body
    assert noted == []


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.__name__)
@pytest.mark.parametrize("by", ["hook", "transport"])
def test_the_response_of_a_mock_is_captured(library, by):
    """Its body exists already and is not streamed."""
    noted = []
    mock = library.MockTransport(lambda _: library.Response(200, content=BODY))
    if by == "hook":
        client = capture(library.Client(transport=mock), to=noted.append)
    else:
        client = library.Client(transport=CaptureTransport(mock, to=noted.append))
    with client:
        assert client.post(URL).content == BODY
    assert noted == [ID]


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.__name__)
def test_elapsed_is_still_set(library):
    """`Response.elapsed` is set when the stream is closed."""
    with sync_client(library, StubResponse(BODY), "hook", lambda _: None) as client:
        assert client.post(URL).elapsed.total_seconds() >= 0


def test_hooks_of_the_application_may_read_the_body():
    """They run after the capturing hook."""
    noted, received = [], []

    def reads(response):
        received.append(response.read())

    with httpx.Client(
        transport=StubResponse(BODY).sync_transport(httpx), event_hooks={"response": [reads]}
    ) as client:
        assert capture(client, to=noted.append) is client
        assert client.post(URL).content == BODY
    assert (noted, received) == ([ID], [BODY])


def test_capturing_twice_notes_each_id_once():
    """Per sink, with the labels that were given last; a second sink gets the ids as well."""
    noted, noted_by_second_sink = [], []
    take = noted.append
    with httpx.Client(transport=StubResponse(headers=NAMED).sync_transport(httpx)) as client:
        capture(client, to=take)
        capture(client, to=take)
        capture(client, to=noted_by_second_sink.append)
        client.post(URL)
    assert (noted, noted_by_second_sink) == ([ID], [ID])


@KINDS
def test_an_error_of_the_sink_is_logged_and_not_raised(library, by, is_async, caplog):
    """The log has the id once."""

    def sink(generation_id):
        raise OSError(28, "No space left on device")

    caplog.set_level(logging.DEBUG, "modelgates_client")
    for headers in (NAMED, {}):
        stub = StubResponse(BODY, headers=headers)
        received = read(library, stub, by, sink, is_async=is_async)
        assert [chunk for chunk, _ in received] == [BODY]
    messages = [(record.levelname, record.getMessage()) for record in caplog.records]
    expected = f"{ID} was not captured: OSError: [Errno 28] No space left on device"
    assert [line for _, line in messages].count(expected) == 2
    assert ("WARNING", expected) in messages


def test_repeated_failures_are_one_warning(caplog):
    """More would fill the log."""
    caplog.set_level(logging.DEBUG, "modelgates_client")

    def sink(generation_id):
        raise ValueError(generation_id)

    with sync_client(httpx, StubResponse(headers=NAMED), "hook", sink) as client:
        for _ in range(3):
            client.post(URL)
    levels = [r.levelname for r in caplog.records if "was not captured" in r.getMessage()]
    assert levels == ["WARNING", "DEBUG", "DEBUG"]


@pytest.mark.parametrize("thing", [None, object(), {}, "costs.db", httpx, httpx.Response(200)])
def test_an_object_that_is_not_a_client_is_refused(thing):
    """The error says in one line what to do."""
    with pytest.raises(ConfigurationError, match="cannot be captured"):
        capture(thing, to=print)


async def coroutine(generation_id):
    """Accept an id asynchronously."""


@pytest.mark.parametrize("to", [None, 5, coroutine, ["costs.db"]])
def test_an_invalid_sink_is_refused(to):
    """When the client is captured, not when it is used."""
    with httpx.Client() as client, pytest.raises(ConfigurationError, match="to: expected"):
        capture(client, to=to)


def test_the_transports_are_closed_with_their_client():
    """They are entered with it, too."""
    calls = []

    class Inner(httpx.BaseTransport):
        def handle_request(self, _):
            return httpx.Response(200)

        def close(self):
            calls.append("closed")

    client = httpx.Client(transport=CaptureTransport(Inner(), to=print))
    client.close()
    with httpx.Client(transport=CaptureTransport(Inner(), to=print)) as client:
        client.get(URL)
    assert calls == ["closed", "closed"]
