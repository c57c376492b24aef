"""The httptools engine: reuse of connections, deadlines, and what its failures show."""

import asyncio
import gc
import socket
import traceback
import weakref

import pytest

from modelgates_client.transport import exchange, protocol
from modelgates_client.transport.httptools_async import HttptoolsEngine
from modelgates_client.transport.messages import Failure

from . import tls
from .attempts import LIMIT, TARGET, attempt, options, results
from .faults import STALL, good, play, sequence
from .servers import GUARD_S, FaultServer
from .wire import GOOD, ID, KEY, NEXT_ID, WRONG_COST, body, response

# --- data after a response


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("excess", [b"HTTP/1.1 200 OK\r\n", "forged"], ids=["head", "response"])
def test_data_after_a_response_that_fills_the_buffer_prevents_reuse(excess, secure):
    """The first read ends exactly with the response, and more data follows."""
    size = protocol._READ_SIZE
    fill_size = size - len(response(body(), "200 OK", "X-Fill: "))
    filling = response(body(), "200 OK", "X-Fill: " + "x" * fill_size)
    assert len(filling) == size
    if excess == "forged":
        excess = response(body(NEXT_ID, total_cost=WRONG_COST))
    context = tls.valid() if secure else None
    with FaultServer(sequence((filling + excess,)), context=context) as server:
        first, second = results(server, ID, NEXT_ID, secure=secure)
    assert (first.body, second.body) == (body(), body(NEXT_ID))
    assert server.connections == 2


def test_unread_data_in_the_socket_prevents_reuse():
    """The next request follows at once, before asyncio has polled the socket again."""
    forged = response(body(NEXT_ID, total_cost=WRONG_COST))

    async def main(server):
        engine = HttptoolsEngine(options(server.port))
        await attempt(engine)
        (connection,) = engine._loops[asyncio.get_running_loop()].idle
        connection._reader._transport.pause_reading()  # as if asyncio had not polled it yet
        server.healed.set()
        await asyncio.to_thread(connection._reader._readable.poll, 30_000)
        result = await attempt(engine, NEXT_ID)
        await engine.close()
        return result

    def script(peer):
        request = peer.request()
        peer.send(good(request, peer))
        if peer.number == 1:
            peer.server.healed.wait(GUARD_S)
            peer.send(forged)
        peer.stall() if peer.number == 1 else play(good)(peer)

    with FaultServer(script) as server:
        result = asyncio.run(main(server))
    assert (result.body, server.connections) == (body(NEXT_ID), 2)


# --- deadlines


def test_each_response_has_its_own_deadline():
    """On one connection: neither a shorter nor a longer deadline carries over to the next."""

    async def main(port, short_s):
        engine = HttptoolsEngine(options(port))
        short = await attempt(engine, seconds=short_s)
        long = await attempt(engine, seconds=2 * GUARD_S)
        late = await asyncio.wait_for(attempt(engine, seconds=short_s / 2), GUARD_S)
        await engine.close()
        return short, long, late

    for short_s in (0.3, 3.0):  # the second on a machine that is too busy for the first
        with FaultServer(sequence((good,), (2 * short_s, good), (STALL,))) as server:
            short, long, late = asyncio.run(main(server.port, short_s))
        if short != exchange.timeout_failure():
            break
    assert (short.status, long.status) == (200, 200)
    assert late == exchange.timeout_failure()
    assert server.connections == 1


def test_nothing_is_sent_after_the_deadline():
    """Neither on an idle connection nor on a new one."""

    async def main(port):
        engine = HttptoolsEngine(options(port))
        result = [await attempt(engine, seconds=seconds) for seconds in (0.0, GUARD_S, 0.0)]
        await engine.close()
        return result

    with FaultServer(play(good)) as server:
        before, between, after = asyncio.run(main(server.port))
    assert before == after == exchange.timeout_failure()
    assert (between.status, len(server.requests), server.connections) == (200, 1, 1)


def test_a_connection_that_was_idle_for_too_long_is_not_reused(monkeypatch):
    """Its server may be about to close it."""
    monkeypatch.setattr(exchange, "KEEP_ALIVE_S", 0.0)
    with FaultServer(play(good)) as server:
        first, second = results(server, ID, NEXT_ID)
    assert (first.status, second.status, server.connections) == (200, 200, 2)


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_a_call_may_be_cancelled_at_any_iteration_of_the_loop(secure):
    """While it connects, does its TLS handshake, or reads: every connection is closed."""

    async def main(server):
        engine = HttptoolsEngine(options(server.port, secure=secure))
        for turns in range(0, 400, 5):
            call = asyncio.create_task(attempt(engine))
            for _ in range(turns):
                await asyncio.sleep(0)
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        await engine.close()
        return tasks, await asyncio.to_thread(server.all_closed)

    context = tls.valid() if secure else None
    gc.disable()
    try:
        with FaultServer(play(good), context=context) as server:
            tasks, all_closed = asyncio.run(main(server))
    finally:
        gc.enable()
    assert (tasks, all_closed) == (set(), True)


def test_a_closed_connection_is_garbage_collected():
    """No timer of a distant deadline refers to it."""

    async def main(port):
        engine = HttptoolsEngine(options(port))
        await attempt(engine, seconds=600)
        reader = weakref.ref(engine._loops[asyncio.get_running_loop()].idle[0]._reader)
        assert reader() is not None
        await engine.close()
        for _ in range(3):
            await asyncio.sleep(0)
        gc.collect()
        return reader()

    with FaultServer(play(good)) as server:
        assert asyncio.run(main(server.port)) is None


class SilentTransport(asyncio.Transport):
    """A transport that sends nothing and, like asyncio's, closes some time after `abort`."""

    def __init__(self, sock):
        super().__init__({"socket": sock})
        self._closing = False

    def write(self, _):
        """Send nothing."""

    def is_closing(self):
        return self._closing

    def abort(self):
        self._closing = True


@pytest.fixture
def sockets():
    """The two ends of a connection: the client's, and the server's."""
    client_end, server_end = socket.socketpair()
    with client_end, server_end:
        yield client_end, server_end


@pytest.fixture
def peer(sockets):
    """The server's end of the reader's connection."""
    return sockets[1]


@pytest.fixture
def reader(sockets):
    """A reader that has sent a request and expects the response."""
    loop = asyncio.new_event_loop()
    reader = protocol.HTTPReader(loop)
    reader.connection_made(SilentTransport(sockets[0]))
    reader.expect(LIMIT, 5.0)
    reader.write(b"")
    yield reader
    loop.close()


def receive(reader, content):
    """Pass received bytes to the reader, as asyncio does."""
    reader.get_buffer(-1)[: len(content)] = content
    reader.buffer_updated(len(content))


def test_a_connection_is_not_reused_when_the_response_fills_the_buffer(reader):
    """TLS has a buffer of its own, which may hold more data."""
    fill_size = protocol._READ_SIZE - len(response(body(), "200 OK", "X-Fill: "))
    receive(reader, response(body(), "200 OK", "X-Fill: " + "x" * fill_size))
    assert (reader.status, reader.failed, reader.is_reusable) == (200, None, False)


def test_a_connection_with_a_response_before_the_request_is_not_reused(reader):
    """Its responses would always be one ahead of the requests."""
    reader.expect(LIMIT, 5.0)
    receive(reader, GOOD)
    assert (reader.status, reader.failed, reader.is_reusable) == (200, None, False)


def test_a_request_is_not_sent_when_the_response_is_there_already(monkeypatch):
    """A server may respond, and close the connection, as soon as it is open."""
    connection_made = protocol.HTTPReader.connection_made

    def respond_at_once(reader, transport):
        connection_made(reader, transport)
        receive(reader, GOOD)
        reader.connection_lost(None)

    monkeypatch.setattr(protocol.HTTPReader, "connection_made", respond_at_once)
    with FaultServer(play(good)) as server:
        (result,) = results(server, ID)
        assert server.all_closed()
    assert (result.status, server.requests) == (200, [])


def test_a_connection_that_is_about_to_close_is_not_fresh(reader):
    """Even though it has no unread data."""
    receive(reader, GOOD)
    assert reader.is_reusable
    assert reader.is_fresh()
    assert not reader.has_unread_data()
    reader._transport.abort()
    assert not reader.is_fresh()


def test_a_connection_with_data_that_was_not_read_has_unread_data(reader, peer):
    """The socket is polled: the event loop may not have read what follows the response."""
    receive(reader, GOOD)
    peer.send(b"HTTP")
    assert reader.has_unread_data()
    assert reader.is_fresh()


# --- what failures show


def test_an_interrupt_while_writing_shows_no_key(monkeypatch):
    """The traceback has no frames that hold the request."""

    def interrupt(_, request):
        assert KEY.encode() in request
        raise KeyboardInterrupt

    monkeypatch.setattr(protocol.HTTPReader, "write", interrupt)
    with FaultServer(play(good)) as server, pytest.raises(KeyboardInterrupt) as caught:
        results(server, ID)
    assert caught.value.__context__ is None
    report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    ours = [
        line
        for frame in report.stack
        if "modelgates_client" in frame.filename
        for line in (frame.locals or {}).values()
    ]
    assert any(TARGET in line for line in ours)  # the outer frames are there
    assert KEY not in "".join(report.format())


def test_the_reason_of_a_failure_shows_no_key(monkeypatch):
    """Even if it quotes the server."""
    failure = Failure("connection", f"no such key: {KEY}")
    monkeypatch.setattr(protocol.HTTPReader, "write", lambda reader, _: reader._end(failure))
    with FaultServer(play(good)) as server:
        assert results(server, ID) == [Failure("connection", "no such key: [API key]")]


def test_a_bug_in_the_reader_is_reported_to_the_event_loop(monkeypatch):
    """As asyncio does for any protocol; the call ends nevertheless."""
    reports = []

    async def main(port):
        asyncio.get_running_loop().set_exception_handler(lambda _, report: reports.append(report))
        return await attempt(HttptoolsEngine(options(port)))

    monkeypatch.setattr(exchange, "body_limit", lambda *_: 1 // 0)
    with FaultServer(play(good)) as server:
        result = asyncio.run(main(server.port))
    assert isinstance(result, Failure)
    assert [type(report["exception"]) for report in reports] == [ZeroDivisionError]
