"""Clients of httpx and httpx2, captured: ids are noted, and everything passes on unchanged."""

import asyncio
import gzip
import json
import logging

import httpx
import pytest

from modelgates_client import ConfigurationError
from modelgates_client.capture import CaptureTransport, capture

from .exchanges import ID, LIBRARIES, URL, Reply, awaited_client, blocking_client, read

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
    """No chunk waits for the next one, none is joined or cut."""
    noted = []
    chunks = [b": PROCESSING\n\n", EVENT[:9], EVENT[9:], EVENT, b"data: [DONE]\n\n"]
    reply = Reply(*chunks)
    assert read(library, reply, by, noted.append, is_async=is_async) == [
        (chunk, number) for number, chunk in enumerate(chunks, 1)
    ]
    assert noted == [ID]
    assert reply.closed == 1


@KINDS
def test_the_head_names_it_before_anything_of_the_body_is_read(library, by, is_async):
    """So a stream that is cancelled at once is captured, too; nothing is wrapped then."""
    noted = []
    reply = Reply(EVENT, EVENT, EVENT, headers=NAMED)

    def block():
        with (
            blocking_client(library, reply, by, noted.append) as client,
            client.stream("POST", URL),
        ):
            assert (noted, reply.taken) == ([ID], 0)

    async def wait():
        async with (
            awaited_client(library, reply, by, noted.append) as client,
            client.stream("POST", URL),
        ):
            assert (noted, reply.taken) == ([ID], 0)

    asyncio.run(wait()) if is_async else block()
    assert (noted, reply.closed) == ([ID], 1)


@KINDS
def test_a_stream_that_is_cancelled_is_captured(library, by, is_async):
    """After its first event."""
    noted = []
    reply = Reply(EVENT, EVENT, EVENT)
    read(library, reply, by, noted.append, is_async=is_async, most=1)
    assert (noted, reply.taken, reply.closed) == ([ID], 1, 1)


@KINDS
def test_a_stream_that_breaks_is_captured_and_breaks(library, by, is_async):
    """With the library's own error."""
    noted = []
    reply = Reply(EVENT, breaks="gone")
    with pytest.raises(library.ReadError, match="gone"):
        read(library, reply, by, noted.append, is_async=is_async)
    assert (noted, reply.closed) == ([ID], 1)


@KINDS
def test_a_compressed_body_is_read_and_stays_as_it_came(library, by, is_async):
    """Whatever the chunks are."""
    noted = []
    packed = gzip.compress(BODY)
    reply = Reply(packed[:20], packed[20:], headers={"Content-Encoding": "gzip"})
    seen = read(library, reply, by, noted.append, is_async=is_async)
    assert [chunk for chunk, _ in seen] == [packed[:20], packed[20:]]
    seen = read(library, reply, by, noted.append, is_async=is_async, raw=False)
    assert b"".join(chunk for chunk, _ in seen) == BODY
    assert noted == [ID, ID]


@KINDS
def test_an_encoding_that_is_none_is_the_applications_own_affair(library, by, is_async):
    """It gets the error that it would get, and nothing is noted."""
    noted = []
    reply = Reply(b"no gzip at all", headers={"Content-Encoding": "gzip"})
    with pytest.raises(library.DecodingError):
        read(library, reply, by, noted.append, is_async=is_async, raw=False)
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
def test_another_answer_gives_nothing(library, by, is_async, answered):
    """Errors, redirects, lists, pages, what is named by no id."""
    noted = []
    body, status, headers = answered
    reply = Reply(body, status=status, headers=headers)
    seen = read(library, reply, by, noted.append, is_async=is_async)
    assert b"".join(chunk for chunk, _ in seen) == body
    assert noted == []


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.__name__)
@pytest.mark.parametrize("by", ["hook", "transport"])
def test_what_a_mock_answers_is_captured(library, by):
    """Its body is there already, and never passes."""
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
def test_how_long_it_took_is_known_as_before(library):
    """`Response.elapsed` is set when the stream is closed."""
    with blocking_client(library, Reply(BODY), "hook", lambda _: None) as client:
        assert client.post(URL).elapsed.total_seconds() >= 0


def test_other_hooks_stay_and_may_read_the_body():
    """Those of the application come behind ours."""
    noted, seen = [], []

    def reads(response):
        seen.append(response.read())

    with httpx.Client(
        transport=Reply(BODY).blocking(httpx), event_hooks={"response": [reads]}
    ) as client:
        assert capture(client, to=noted.append) is client
        assert client.post(URL).content == BODY
    assert (noted, seen) == ([ID], [BODY])


def test_capturing_again_is_capturing_once():
    """The same goal is told once, with the labels that were given last; another one, too."""
    noted, others = [], []
    take = noted.append
    with httpx.Client(transport=Reply(headers=NAMED).blocking(httpx)) as client:
        capture(client, to=take)
        capture(client, to=take)
        capture(client, to=others.append)
        client.post(URL)
    assert (noted, others) == ([ID], [ID])


@KINDS
def test_what_the_sink_raises_is_logged_once_and_not_felt(library, by, is_async, caplog):
    """The id is in the log."""

    def sink(generation_id):
        raise OSError(28, "No space left on device")

    caplog.set_level(logging.DEBUG, "modelgates_client")
    for headers in (NAMED, {}):
        reply = Reply(BODY, headers=headers)
        seen = read(library, reply, by, sink, is_async=is_async)
        assert [chunk for chunk, _ in seen] == [BODY]
    said = [(record.levelname, record.getMessage()) for record in caplog.records]
    expected = f"{ID} was not captured: OSError: [Errno 28] No space left on device"
    assert [line for _, line in said].count(expected) == 2
    assert ("WARNING", expected) in said


def test_a_failure_is_a_warning_only_once(caplog):
    """Others of its kind would fill the log."""
    caplog.set_level(logging.DEBUG, "modelgates_client")

    def sink(generation_id):
        raise ValueError(generation_id)

    with blocking_client(httpx, Reply(headers=NAMED), "hook", sink) as client:
        for _ in range(3):
            client.post(URL)
    levels = [r.levelname for r in caplog.records if "was not captured" in r.getMessage()]
    assert levels == ["WARNING", "DEBUG", "DEBUG"]


@pytest.mark.parametrize("thing", [None, object(), {}, "costs.db", httpx, httpx.Response(200)])
def test_what_is_no_client_is_refused(thing):
    """In one line that says what can be done."""
    with pytest.raises(ConfigurationError, match="cannot be captured"):
        capture(thing, to=print)


async def coroutine(generation_id):
    """Take an id, later."""


@pytest.mark.parametrize("to", [None, 5, coroutine, ["costs.db"]])
def test_what_takes_no_ids_is_refused(to):
    """When the client is captured, not when it is used."""
    with httpx.Client() as client, pytest.raises(ConfigurationError, match="to: expected"):
        capture(client, to=to)


def test_the_transports_are_closed_with_their_client():
    """And entered with it."""
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
