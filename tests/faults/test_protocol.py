"""When the engine over httptools uses a connection again, when it gives up, and what shows then."""

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
from .attempts import LIMIT, TARGET, ask, endings, options
from .faults import STALL, good, play, sequence
from .servers import GUARD_S, FaultServer
from .wire import GOOD, ID, KEY, NEXT_ID, WRONG_COST, body, response

# --- what follows an answer


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("beyond", [b"HTTP/1.1 200 OK\r\n", "forged"], ids=["head", "answer"])
def test_what_follows_an_answer_that_fills_the_buffer_is_noticed(beyond, secure):
    """What is read at a time ends with the answer, and there is more."""
    size = protocol._READ_SIZE
    lacking = size - len(response(body(), "200 OK", "X-Fill: "))
    filling = response(body(), "200 OK", "X-Fill: " + "x" * lacking)
    assert len(filling) == size
    if beyond == "forged":
        beyond = response(body(NEXT_ID, total_cost=WRONG_COST))
    context = tls.valid() if secure else None
    with FaultServer(sequence((filling + beyond,)), context=context) as server:
        first, second = endings(server, ID, NEXT_ID, secure=secure)
    assert (first.body, second.body) == (body(), body(NEXT_ID))
    assert server.connections == 2


def test_what_is_in_the_socket_is_noticed_before_the_loop_has_read_it():
    """The next request follows at once, before asyncio has looked at the socket again."""
    forged = response(body(NEXT_ID, total_cost=WRONG_COST))

    async def main(server):
        engine = HttptoolsEngine(options(server.port))
        await ask(engine)
        (connection,) = engine._loops[asyncio.get_running_loop()].idle
        connection._answers._transport.pause_reading()  # as if it had not come to it
        server.healed.set()
        await asyncio.to_thread(connection._answers._readable.poll, 30_000)
        ending = await ask(engine, NEXT_ID)
        await engine.close()
        return ending

    def script(peer):
        request = peer.request()
        peer.send(good(request, peer))
        if peer.number == 1:
            peer.server.healed.wait(GUARD_S)
            peer.send(forged)
        peer.stall() if peer.number == 1 else play(good)(peer)

    with FaultServer(script) as server:
        ending = asyncio.run(main(server))
    assert (ending.body, server.connections) == (body(NEXT_ID), 2)


# --- time


def test_the_deadline_of_each_answer_is_its_own():
    """On one connection: a shorter one is not taken for the longer before it, nor the reverse."""

    async def main(port, short_s):
        engine = HttptoolsEngine(options(port))
        short = await ask(engine, seconds=short_s)
        long = await ask(engine, seconds=2 * GUARD_S)
        late = await asyncio.wait_for(ask(engine, seconds=short_s / 2), GUARD_S)
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


def test_when_the_deadline_has_passed_nothing_is_asked():
    """Neither on a connection that is there, nor on a new one."""

    async def main(port):
        engine = HttptoolsEngine(options(port))
        ending = [await ask(engine, seconds=seconds) for seconds in (0.0, GUARD_S, 0.0)]
        await engine.close()
        return ending

    with FaultServer(play(good)) as server:
        before, between, after = asyncio.run(main(server.port))
    assert before == after == exchange.timeout_failure()
    assert (between.status, len(server.requests), server.connections) == (200, 1, 1)


def test_a_connection_that_was_idle_for_long_is_not_asked_again(monkeypatch):
    """Its server may be about to close it."""
    monkeypatch.setattr(exchange, "KEEP_ALIVE_S", 0.0)
    with FaultServer(play(good)) as server:
        first, second = endings(server, ID, NEXT_ID)
    assert (first.status, second.status, server.connections) == (200, 200, 2)


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_a_call_may_be_cancelled_at_any_turn_of_the_loop(secure):
    """While it connects, shakes hands, or reads: the server sees the end of every connection."""

    async def main(server):
        engine = HttptoolsEngine(options(server.port, secure=secure))
        for turns in range(0, 400, 5):
            call = asyncio.create_task(ask(engine))
            for _ in range(turns):
                await asyncio.sleep(0)
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        await engine.close()
        return tasks, await asyncio.to_thread(server.is_quiet)

    context = tls.valid() if secure else None
    gc.disable()
    try:
        with FaultServer(play(good), context=context) as server:
            tasks, quiet = asyncio.run(main(server))
    finally:
        gc.enable()
    assert (tasks, quiet) == (set(), True)


def test_a_closed_connection_is_forgotten():
    """No timer of a deadline that is far off keeps it."""

    async def main(port):
        engine = HttptoolsEngine(options(port))
        await ask(engine, seconds=600)
        answers = weakref.ref(engine._loops[asyncio.get_running_loop()].idle[0]._answers)
        assert answers() is not None
        await engine.close()
        for _ in range(3):
            await asyncio.sleep(0)
        gc.collect()
        return answers()

    with FaultServer(play(good)) as server:
        assert asyncio.run(main(server.port)) is None


class Wire(asyncio.Transport):
    """A connection that is closed a moment after it is told to, as asyncio's are."""

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
def answers():
    """What reads a connection, having been asked for an answer."""
    here, there = socket.socketpair()
    loop = asyncio.new_event_loop()
    answers = protocol.HTTPReader(loop)
    answers.connection_made(Wire(here))
    answers.expect(LIMIT, 5.0)
    answers.ask(b"")
    yield answers
    loop.close()
    here.close()
    there.close()


def come(answers, content):
    """Let bytes come, as asyncio does."""
    answers.get_buffer(-1)[: len(content)] = content
    answers.buffer_updated(len(content))


def test_what_fills_the_buffer_may_not_be_all_there_is(answers):
    """TLS has a buffer of its own, where nobody sees what follows."""
    lacking = protocol._READ_SIZE - len(response(body(), "200 OK", "X-Fill: "))
    come(answers, response(body(), "200 OK", "X-Fill: " + "x" * lacking))
    assert (answers.status, answers.failed, answers.reusable) == (200, None, False)


def test_a_connection_that_answered_unasked_is_not_used_again(answers):
    """Its answers would always be one ahead."""
    answers.expect(LIMIT, 5.0)
    come(answers, GOOD)
    assert (answers.status, answers.failed, answers.reusable) == (200, None, False)


def test_who_has_answered_already_is_not_asked(monkeypatch):
    """The answer may have come, and the connection gone, as soon as it was there."""
    connected = protocol.HTTPReader.connection_made

    def answered(answers, transport):
        connected(answers, transport)
        come(answers, GOOD)
        answers.connection_lost(None)

    monkeypatch.setattr(protocol.HTTPReader, "connection_made", answered)
    with FaultServer(play(good)) as server:
        (ending,) = endings(server, ID)
        assert server.is_quiet()
    assert (ending.status, server.requests) == (200, [])


def test_a_connection_that_is_about_to_close_is_not_quiet(answers):
    """Though nothing is to be read from it."""
    come(answers, GOOD)
    assert answers.reusable
    assert answers.is_quiet()
    answers._transport.abort()
    assert not answers.is_quiet()


# --- what must not be seen, and what must


def test_an_interrupt_while_writing_shows_no_key(monkeypatch):
    """The frames that hold the request are not in the traceback."""

    def interrupted(_, request):
        assert KEY.encode() in request
        raise KeyboardInterrupt

    monkeypatch.setattr(protocol.HTTPReader, "ask", interrupted)
    with FaultServer(play(good)) as server, pytest.raises(KeyboardInterrupt) as caught:
        endings(server, ID)
    assert caught.value.__context__ is None
    report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    ours = [
        line
        for frame in report.stack
        if "modelgates_client" in frame.filename
        for line in (frame.locals or {}).values()
    ]
    assert any(TARGET in line for line in ours)  # the frames above are there
    assert KEY not in "".join(report.format())


def test_the_words_of_a_failure_show_no_key(monkeypatch):
    """Whosever they are."""
    said = Failure("connection", f"no such key: {KEY}")
    monkeypatch.setattr(protocol.HTTPReader, "ask", lambda answers, _: answers._end(said))
    with FaultServer(play(good)) as server:
        assert endings(server, ID) == [Failure("connection", "no such key: [API key]")]


def test_a_mistake_of_ours_is_no_fault_of_the_server(monkeypatch):
    """The event loop is told of it, as of any other; the call ends, all the same."""
    told = []

    async def main(port):
        asyncio.get_running_loop().set_exception_handler(lambda _, what: told.append(what))
        return await ask(HttptoolsEngine(options(port)))

    monkeypatch.setattr(exchange, "body_limit", lambda *_: 1 // 0)
    with FaultServer(play(good)) as server:
        ending = asyncio.run(main(server.port))
    assert isinstance(ending, Failure)
    assert [type(what["exception"]) for what in told] == [ZeroDivisionError]
