"""Connections: that do not come, come late or unwanted; and what is agreed on when they come."""

import asyncio
import gc
import itertools
import socket
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from modelgates_client.transport import exchange, happy_eyeballs
from modelgates_client.transport.credentials import Secret
from modelgates_client.transport.deadline import Deadline
from modelgates_client.transport.messages import Request
from modelgates_client.transport.options import NetworkOptions, Server, Trust

from . import tls
from .attempts import ENGINES, ask, options
from .faults import good, play
from .servers import FaultServer
from .wire import KEY

DESCRIPTORS = Path("/proc/self/fd")
PATIENT_S = 30.0  # what is not there by then does not come

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere, a full queue may answer, and nothing lists sockets"
)


def descriptors():
    """Return how many descriptors this process has open: earlier tests may close some yet."""
    return len(list(DESCRIPTORS.iterdir()))


def listening(stack, backlog):
    """Return a listener, and its port."""
    listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=backlog))
    return listener.getsockname()[1]


@pytest.fixture
def deaf():
    """The port of a listener that answers no attempt to connect: its queue is full."""
    with ExitStack() as stack:
        port = listening(stack, 0)
        for _ in range(4):
            sock = stack.enter_context(socket.socket())
            sock.settimeout(0)
            sock.connect_ex(("127.0.0.1", port))
        yield port


@pytest.fixture
def live():
    """The port of a listener that takes connections."""
    with ExitStack() as stack:
        yield listening(stack, 1_000)


@pytest.fixture
def refusing():
    """A port where nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


@pytest.fixture
def host(monkeypatch):
    """A function that gives a host these addresses, all here; the host."""
    given = []

    def look_up(name, *_, flags=0, **__):
        if flags & socket.AI_NUMERICHOST:
            raise socket.gaierror
        assert name == "many.example"
        kind = (socket.AF_INET, socket.SOCK_STREAM, 0, "")
        return [(*kind, ("127.0.0.1", port)) for port in given]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)

    def host(*ports):
        given[:] = ports
        return "many.example"

    return host


async def dialled(name):
    """Return the port that a host was reached at, once all but the winner is gone."""
    sock = await asyncio.wait_for(happy_eyeballs.open_socket(name, 9), PATIENT_S)
    for _ in range(3):
        await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    with sock:
        assert not sock.getblocking()
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        return sock.getpeername()[1]


def test_the_next_address_is_tried_if_one_does_not_respond(host, deaf, live, monkeypatch):
    """Soon, not after the system's timeout."""
    monkeypatch.setattr(happy_eyeballs, "_ATTEMPT_DELAY_S", 0.01)
    name, before = host(deaf, deaf, live), descriptors()
    assert asyncio.run(dialled(name)) == live
    assert descriptors() <= before


def test_the_next_address_is_tried_at_once_if_one_refuses(host, refusing, live, monkeypatch):
    """Without the delay between attempts."""
    monkeypatch.setattr(happy_eyeballs, "_ATTEMPT_DELAY_S", 60.0)
    assert asyncio.run(dialled(host(refusing, refusing, live))) == live


def test_no_further_address_is_tried_after_a_connection(host, live, refusing):
    """The first one that answers is used."""
    assert asyncio.run(dialled(host(live, refusing))) == live


def test_one_error_is_raised_if_all_addresses_refuse(host, refusing):
    """As with a single address."""
    for ports in ([refusing], [refusing] * 3):
        with pytest.raises(ConnectionRefusedError, match=str(refusing)):
            asyncio.run(dialled(host(*ports)))


def test_address_families_alternate():
    """One of them may be broken altogether (RFC 8305, section 4)."""
    six, four = socket.AF_INET6, socket.AF_INET
    found = [(family, 1, 6, "", number) for number, family in enumerate([six, six, six, four])]
    assert [one[4] for one in happy_eyeballs._interleave_families(found)] == [0, 3, 1, 2]


@pytest.mark.parametrize("most", [1, 2])
def test_connecting_may_be_cancelled_at_any_iteration_of_the_loop(host, live, most, monkeypatch):
    """No socket stays open, not even one that was just connected; no task continues."""
    monkeypatch.setattr(happy_eyeballs, "_ATTEMPT_DELAY_S", 0.0)
    name = host(*[live] * most)
    come = []

    async def main():
        await asyncio.get_running_loop().getaddrinfo(name, 9)  # starts the thread that looks up
        before = descriptors()
        for turns in itertools.count():
            if turns >= 200 and come:
                break
            call = asyncio.create_task(happy_eyeballs.open_socket(name, 9))
            for _ in range(turns):
                await asyncio.sleep(0)
            call.cancel()
            (sock,) = await asyncio.gather(call, return_exceptions=True)
            if isinstance(sock, socket.socket):
                come.append(turns)
                sock.close()
            for _ in range(3):
                await asyncio.sleep(0)
            assert asyncio.all_tasks() == {asyncio.current_task()}
        return descriptors() - before

    gc.disable()
    try:
        sync_client = asyncio.run(main())
    finally:
        gc.enable()
    assert sync_client <= 0
    assert come[0] > 0  # some were cancelled, and some had their connection


@pytest.mark.parametrize("ends", ["cancelled", "late"])
@ENGINES
def test_a_failed_connection_leaves_no_task_and_no_socket(kind, ends, deaf):
    """Whether its call is cancelled or times out."""

    async def main():
        engine = kind(NetworkOptions(Server.of(f"http://127.0.0.1:{deaf}", ""), Trust()))
        before = descriptors()
        deadline = Deadline.after(0.2 if ends == "late" else PATIENT_S)
        sending = engine.send(Request("GET", "/"), Secret(KEY), deadline, 1 << 20)
        call = asyncio.create_task(sending)
        if ends == "cancelled":
            while descriptors() <= before:  # noqa: ASYNC110 - nothing tells of a socket
                await asyncio.sleep(0.001)
            call.cancel()
        (ending,) = await asyncio.gather(call, return_exceptions=True)
        for _ in range(3):
            await asyncio.sleep(0)
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        return ending, tasks, descriptors() - before

    gc.collect()
    ending, tasks, sync_client = asyncio.run(main())
    assert tasks == set()
    assert sync_client <= 0
    if ends == "late":
        assert ending == exchange.timeout_failure()
    else:
        assert isinstance(ending, asyncio.CancelledError)


@ENGINES
def test_http_1_1_is_negotiated(kind):
    """Even if the caller's context and the server prefer another protocol."""
    agreed = []
    theirs = tls.speaking_http_2()
    theirs.set_alpn_protocols(["h2", "http/1.1"])

    def script(peer):
        agreed.append(peer.sock.selected_alpn_protocol())
        play(good)(peer)

    async def main(port):
        where = options(port, secure=True)
        where.trust.context.set_alpn_protocols(["h2"])
        engine = kind(where)
        ending = await ask(engine)
        await engine.close()
        return ending

    with FaultServer(script, context=theirs) as server:
        assert asyncio.run(main(server.port)).status == 200
    assert agreed == ["http/1.1"]
