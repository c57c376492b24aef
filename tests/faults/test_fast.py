"""What the httptools engine sends and accepts; also the httpcore engine."""

import asyncio

import pytest

from modelgates_client.transport.credentials import Secret
from modelgates_client.transport.deadline import Deadline
from modelgates_client.transport.httptools_async import HttptoolsEngine
from modelgates_client.transport.messages import Failure, HTTPResponse, Request

from .attempts import ENGINES, attempt, options, results
from .faults import CLOSE, RESET, STALL, connect, good, play, sequence
from .servers import FaultServer
from .wire import CHUNKED, GOOD, ID, KEY, NEXT_ID, body, chunked, head, response

# --- requests


@ENGINES
@pytest.mark.parametrize(
    "changes",
    [
        {"headers": (("X-One", "a\r\nX-Two: b"),)},
        {"headers": (("X-One", "a\nX-Two: b"),)},
        {"headers": (("X-One", "a\0"),)},
        {"headers": (("X-One", " a"),)},
        {"headers": (("X-One\r\nX-Two", "a"),)},
        {"headers": (("X One", "a"),)},
        {"headers": (("", "a"),)},
        {"target": "/ HTTP/1.1\r\nX-Two: b\r\n\r\n"},
        {"target": "/a b"},
        {"target": "/\x7f"},
        {"method": "GET /other"},
        {"method": "GET\r\n"},
    ],
    ids=repr,
)
def test_a_request_with_injected_parts_is_not_sent(kind, changes):
    """It is not retryable, and nothing is sent."""

    async def main(port):
        engine = kind(options(port))
        ending = await attempt(engine, **changes)
        await engine.close()
        return ending

    with FaultServer(play(good)) as server:
        ending = asyncio.run(main(server.port))
    assert isinstance(ending, Failure)
    assert (ending.kind, server.requests) == ("refused", [])


@pytest.mark.parametrize(
    "changes",
    [
        {"headers": (("Content-Length", "5"),)},
        {"headers": (("transfer-encoding", "chunked"),)},
        {"headers": (("Host", "elsewhere"),)},
        {"headers": (("AUTHORIZATION", "Bearer another"),)},
        {"headers": (("X-One", "✓"),)},
        {"target": "/é"},
        {"target": ""},
        {"method": "HEAD"},
        {"method": "CONNECT"},
    ],
    ids=repr,
)
def test_a_request_with_other_framing_is_not_sent(changes):
    """The httptools engine supports only methods and headers with normal framing."""

    async def main(port):
        return await attempt(HttptoolsEngine(options(port)), **changes)

    with FaultServer(play(good)) as server:
        ending = asyncio.run(main(server.port))
    assert isinstance(ending, Failure)
    assert (ending.kind, server.connections) == ("refused", 0)


@ENGINES
@pytest.mark.parametrize("key", ["sk-mg-a\r\nX-Two: b", "sk-mg-a\0"], ids=repr)
def test_a_key_with_an_injected_header_is_not_sent(kind, key):
    """Clients reject such a key; engines do, too."""

    async def main(port):
        deadline = Deadline.after(5.0)
        return await kind(options(port)).send(Request("GET", "/"), Secret(key), deadline, 1_000)

    with FaultServer(play(good)) as server:
        ending = asyncio.run(main(server.port))
    assert isinstance(ending, Failure)
    assert (ending.kind, server.requests) == ("refused", [])


def test_changed_headers_are_sent():
    """The cache of header lines is not stale."""
    first, second = (("X-One", "1"),), (("X-One", "2"), ("X-Empty", ""), ("X-Latin", "ä\tö"))

    async def main(port):
        engine = HttptoolsEngine(options(port))
        for headers in (first, second, second, first):
            await attempt(engine, headers=headers)
        await engine.close()

    with FaultServer(play(good)) as server:
        asyncio.run(main(server.port))
    lines = [request.head.split(b"\r\n")[2:-1] for request in server.requests]
    later = [b"X-One: 2", b"X-Empty: ", "X-Latin: ä\tö".encode("latin-1")]
    assert lines == [[b"X-One: 1"], later, later, [b"X-One: 1"]]
    assert server.connections == 1


# --- heads


@pytest.mark.parametrize(
    "first",
    [
        b"RTSP/1.1 200 OK",
        b"ICE/1.0 200 OK",
        b"HTTP/2.0 200 OK",
        b"HTTP/0.9 200 OK",
        b"HTTP/1.1 099 OK",
        b"HTTP/1.1 101 OK",
        b"HTTP/1.1 101 OK\r\nUpgrade: x\r\nConnection: upgrade",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 OK",
        b"\r\nHTTP/1.1 200 OK",
        b"HTTP/1.1 200 OK\r\nX-Folded: a\r\n b",
        b"HTTP/1.1 200 OK\r\nX-Space : a",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked",  # beside a length
        b"HTTP/1.1 200 OK\r\nContent-Length: 3",
    ],
    ids=repr,
)
def test_a_head_that_httptools_or_the_engine_rejects_is_a_failure(first):
    """No part of it is used, and the connection is not reused."""
    with FaultServer(sequence((GOOD.replace(b"HTTP/1.1 200 OK", first, 1), STALL))) as server:
        ending, after = results(server, ID, NEXT_ID)
    assert isinstance(ending, Failure)
    assert ending.kind == "connection"
    assert ending.reason.startswith("the response is not valid HTTP: ")
    assert (after.status, server.connections) == (200, 2)


@pytest.mark.parametrize(
    "coding",
    ["gzip, chunked", "chunked, chunked", "identity", "xchunked", "chunked\r\n" + CHUNKED],
    ids=repr,
)
def test_transfer_codings_other_than_chunked_are_rejected(coding):
    """Servers and proxies disagree on where such a body ends."""
    answer = head("200 OK", f"Transfer-Encoding: {coding}") + chunked(body())
    with FaultServer(sequence((answer, CLOSE))) as server:
        (ending,) = results(server, ID)
    assert isinstance(ending, Failure)
    assert "transfer codings" in ending.reason


@ENGINES
@pytest.mark.parametrize(
    ("line", "times"),
    [(b"X-Long: " + b"x" * 60_000, 1), (b"X: y", 10_000), (b"X-Empty:", 100)],
    ids=["60 kB in a line", "10,000 lines", "empty"],
)
def test_a_large_head_is_accepted(line, times, kind):
    """Up to about 100 kB."""
    content = response(body(), "200 OK", *[line] * times)
    with FaultServer(play(content)) as server:
        (ending,) = results(server, ID, kind=kind)
    assert isinstance(ending, HTTPResponse)
    name, _, value = line.decode().partition(":")
    assert ending.headers[name.lower()] == ", ".join([value.strip()] * times)
    assert ending.body == body()


@ENGINES
@pytest.mark.parametrize("part", [b"X-Long: " + b"x" * 300_000, b"X: y\r\n" * 50_000])
def test_an_endless_head_is_not_read_to_its_end(part, kind):
    """It would exhaust the memory."""
    with FaultServer(play(b"HTTP/1.1 200 OK\r\n" + part, STALL)) as server:
        (ending,) = results(server, ID, kind=kind)
    assert isinstance(ending, Failure)
    assert ending.kind == "connection"


def test_endless_informational_responses_are_a_failure():
    """Even though each of them is small."""
    with FaultServer(play(b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n" * 5_000, STALL)) as server:
        (ending,) = results(server, ID)
    assert isinstance(ending, Failure)
    assert ending.reason.endswith("its head is larger than 102400 bytes")


@ENGINES
def test_an_offer_to_upgrade_is_ignored(kind):
    """The response is valid, and the connection is reused."""
    offer = response(body(), "200 OK", "Upgrade: h2c", "Connection: Upgrade")
    with FaultServer(play(offer)) as server:
        first, second = results(server, ID, ID, kind=kind)
    assert first.body == second.body == body()
    assert server.connections == 1


@ENGINES
def test_a_response_before_the_request_is_used(kind):
    """For example that the server is overloaded."""
    busy = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
    with FaultServer(connect(busy, STALL), healthy=play(good)) as server:
        (ending,) = results(server, ID, kind=kind)
        request_count = len(server.requests)
    assert isinstance(ending, HTTPResponse)
    assert (ending.status, request_count) == (503, 0)


@ENGINES
def test_white_space_around_a_header_value_is_removed(kind):
    """RFC 9112, section 5."""
    with FaultServer(play(response(body(), "200 OK", "X-Pad: \t a b \t "))) as server:
        (ending,) = results(server, ID, kind=kind)
    assert ending.headers["x-pad"] == "a b"


@ENGINES
def test_an_http_1_0_connection_is_not_reused(kind):
    """Not even if the server offers keep-alive, which HTTP/1.0 does not define."""
    offer = response(body(), "200 OK", "Connection: keep-alive").replace(b"/1.1", b"/1.0", 1)
    with FaultServer(play(offer)) as server:
        first, second = results(server, ID, ID, kind=kind)
    assert first.body == second.body == body()
    assert server.connections == 2


# --- bodies


@ENGINES
def test_a_reset_makes_a_body_without_length_incomplete(kind):
    """Only an orderly close ends such a body."""
    with FaultServer(play(head() + body()[:-9], 0.1, RESET)) as server:
        (ending,) = results(server, ID, kind=kind)
    assert isinstance(ending, Failure)
    assert ending.kind == "connection"


@ENGINES
def test_a_body_above_the_limit_is_not_read_to_its_end(kind):
    """The limit decides as soon as it is exceeded."""

    async def main(port):
        engine, deadline = kind(options(port)), Deadline.after(20.0)
        ending = await engine.send(Request("GET", "/"), Secret(KEY), deadline, 1_000)
        return ending, deadline.remaining()

    answer = head("200 OK", "Content-Length: 9000") + b"x" * 2_000
    with FaultServer(play(answer, STALL)) as server:
        ending, remaining_s = asyncio.run(main(server.port))
    assert ending.defect == "the body is larger than 1000 bytes"
    assert remaining_s > 0


@ENGINES
@pytest.mark.parametrize("sent", [40, 45, 48], ids=["chunk cut", "chunk without end", "no last"])
def test_a_truncated_chunk_is_an_incomplete_body(sent, kind):
    """For an error status, the received part is used."""
    part = b"28\r\n" + b"x" * 40 + b"\r\n"
    for status in ("200 OK", "500 Oh"):
        answer = head(status, CHUNKED) + part + part[:sent]
        with FaultServer(play(answer, CLOSE)) as server:
            (ending,) = results(server, ID, kind=kind)
        if status == "200 OK":
            assert isinstance(ending, Failure)
            assert ending.kind == "connection"
        else:
            assert (ending.status, ending.is_retriable) == (500, True)
            assert ending.defect is not None
            assert set(ending.body) == {ord("x")}


def test_trailers_are_not_headers():
    """Neither of their own response nor of the next one."""
    trailed = head("200 OK", CHUNKED) + chunked(body())[:-2] + b"X-Late: 1\r\nX-Later: 2\r\n\r\n"
    with FaultServer(play(trailed)) as server:
        first, second = results(server, ID, ID)
    assert first.headers.keys() == second.headers.keys() == {"content-type", "transfer-encoding"}
    assert first.body == second.body == body()
    assert server.connections == 1
