"""Connecting: addresses that fail, respond late or not at all; cancellation; and protocols."""

import asyncio
import gc
import itertools
import socket
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from modelgates_client.transport import addresses, exchange, happy_eyeballs, httpcore_sync
from modelgates_client.transport.credentials import Secret
from modelgates_client.transport.deadline import Deadline
from modelgates_client.transport.messages import Request
from modelgates_client.transport.options import NetworkOptions, Server, Trust

from . import tls
from .attempts import ENGINES, attempt, options
from .faults import good, play
from .servers import FaultServer
from .wire import KEY

DESCRIPTORS = Path("/proc/self/fd")
PATIENT_S = 30.0  # a generous bound for a loaded machine

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere, a full queue may answer, and nothing lists sockets"
)


def open_descriptors():
    """Return the number of open descriptors of this process; earlier tests may still close some."""
    return len(list(DESCRIPTORS.iterdir()))


def listen(stack, backlog, address=("127.0.0.1", 0)):
    """Start a listener, and return its port."""
    listener = stack.enter_context(socket.create_server(address, backlog=backlog))
    return listener.getsockname()[1]


def fill_queue(stack, address=("127.0.0.1", 0)):
    """Start a listener whose queue is full, and return its port."""
    port = listen(stack, 0, address)
    for _ in range(4):
        sock = stack.enter_context(socket.socket())
        sock.settimeout(0)
        sock.connect_ex((address[0], port))
    return port


@pytest.fixture
def unresponsive_port():
    """The port of a listener that does not respond to connection attempts: its queue is full."""
    with ExitStack() as stack:
        yield fill_queue(stack)


@pytest.fixture
def live_port():
    """The port of a listener that accepts connections."""
    with ExitStack() as stack:
        yield listen(stack, 1_000)


@pytest.fixture
def refusing_port():
    """A port without a listener."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


@pytest.fixture
def host(monkeypatch):
    """A function that sets the loopback ports a host name resolves to, and returns the name."""
    resolved_ports = []

    def getaddrinfo(name, *_, flags=0, **__):
        if flags & socket.AI_NUMERICHOST:
            raise socket.gaierror
        assert name == "many.example"
        kind = (socket.AF_INET, socket.SOCK_STREAM, 0, "")
        return [(*kind, ("127.0.0.1", port)) for port in resolved_ports]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    def host(*ports):
        resolved_ports[:] = ports
        return "many.example"

    return host


async def connected_port(name):
    """Return the port that a connection reached, after checking that no other attempt is left."""
    sock = await asyncio.wait_for(happy_eyeballs.open_socket(name, 9), PATIENT_S)
    for _ in range(3):
        await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    with sock:
        assert not sock.getblocking()
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        return sock.getpeername()[1]


def test_the_next_address_is_tried_if_one_does_not_respond(
    host, unresponsive_port, live_port, monkeypatch
):
    """Soon, not after the system's timeout."""
    monkeypatch.setattr(happy_eyeballs, "_ATTEMPT_DELAY_S", 0.01)
    name, before = host(unresponsive_port, unresponsive_port, live_port), open_descriptors()
    assert asyncio.run(connected_port(name)) == live_port
    assert open_descriptors() <= before


def test_the_next_address_is_tried_at_once_if_one_refuses(
    host, refusing_port, live_port, monkeypatch
):
    """Without the delay between attempts."""
    monkeypatch.setattr(happy_eyeballs, "_ATTEMPT_DELAY_S", 60.0)
    assert asyncio.run(connected_port(host(refusing_port, refusing_port, live_port))) == live_port


@pytest.mark.parametrize("dead", [["127.0.0.2"], ["127.0.0.2", "127.0.0.3"]], ids=len)
def test_a_sync_call_does_not_spend_its_time_on_dead_addresses(dead, monkeypatch):
    """They get a moment each, not an equal share of the deadline."""
    monkeypatch.setattr(httpcore_sync, "_MAX_CONNECT_S", 0.01)
    with ExitStack() as stack:
        server = stack.enter_context(FaultServer(play(good)))
        for address in dead:
            fill_queue(stack, (address, server.port))
        kind = (socket.AF_INET, socket.SOCK_STREAM, 0, "")
        found = [(*kind, (address, server.port)) for address in [*dead, "127.0.0.1"]]
        monkeypatch.setattr(httpcore_sync, "resolve", lambda *_: found)
        engine = httpcore_sync.HttpcoreEngine(options(server.port))
        deadline = Deadline.after(PATIENT_S)
        response = engine.send(Request("GET", "/"), Secret(KEY), deadline, 1 << 20)
        engine.close()
    assert response.status == 200
    assert deadline.remaining() > 0.7 * PATIENT_S


@pytest.mark.parametrize("late", [[], ["127.0.0.2"]], ids=["first", "after a timeout"])
def test_the_first_error_is_reported_by_sync_calls(late, refusing_port, monkeypatch):
    """Where IPv6 is off, the last one fails in a way that says nothing about the server."""
    monkeypatch.setattr(httpcore_sync, "_MAX_CONNECT_S", 0.01)
    kind = (socket.AF_INET, socket.SOCK_STREAM, 0, "")
    with ExitStack() as stack:
        for address in late:
            fill_queue(stack, (address, refusing_port))
        names = [*late, "127.0.0.1", "255.255.255.255"]
        found = [(*kind, (address, refusing_port)) for address in names]
        monkeypatch.setattr(httpcore_sync, "resolve", lambda *_: found)
        engine = httpcore_sync.HttpcoreEngine(options(refusing_port))
        result = engine.send(Request("GET", "/"), Secret(KEY), Deadline.after(PATIENT_S), 1 << 20)
        engine.close()
    assert (result.kind, "refused" in result.reason) == ("connection", True), result


def test_no_further_address_is_tried_after_a_connection(host, live_port, refusing_port):
    """The first one that answers is used."""
    assert asyncio.run(connected_port(host(live_port, refusing_port))) == live_port


def test_one_error_is_raised_if_all_addresses_refuse(host, refusing_port):
    """As with a single address."""
    for ports in ([refusing_port], [refusing_port] * 3):
        with pytest.raises(ConnectionRefusedError, match=str(refusing_port)):
            asyncio.run(connected_port(host(*ports)))


def test_address_families_alternate():
    """One of them may be broken altogether (RFC 8305, section 4)."""
    six, four = socket.AF_INET6, socket.AF_INET
    found = [(family, 1, 6, "", number) for number, family in enumerate([six, six, six, four])]
    assert [one[4] for one in addresses._interleave_families(found)] == [0, 3, 1, 2]


@pytest.mark.parametrize("most", [1, 2])
def test_connecting_may_be_cancelled_at_any_iteration_of_the_loop(
    host, live_port, most, monkeypatch
):
    """No socket stays open, not even one that was just connected; no task continues."""
    monkeypatch.setattr(happy_eyeballs, "_ATTEMPT_DELAY_S", 0.0)
    name = host(*[live_port] * most)
    come = []

    async def main():
        await asyncio.get_running_loop().getaddrinfo(name, 9)  # starts the thread that looks up
        before = open_descriptors()
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
        return open_descriptors() - before

    gc.disable()
    try:
        sync_client = asyncio.run(main())
    finally:
        gc.enable()
    assert sync_client <= 0
    assert come[0] > 0  # some were cancelled, and some had their connection


@pytest.mark.parametrize("ends", ["cancelled", "late"])
@ENGINES
def test_a_failed_connection_leaves_no_task_and_no_socket(kind, ends, unresponsive_port):
    """Whether its call is cancelled or times out."""

    async def main():
        engine = kind(
            NetworkOptions(Server.from_url(f"http://127.0.0.1:{unresponsive_port}", ""), Trust())
        )
        before = open_descriptors()
        deadline = Deadline.after(0.2 if ends == "late" else PATIENT_S)
        sending = engine.send(Request("GET", "/"), Secret(KEY), deadline, 1 << 20)
        call = asyncio.create_task(sending)
        if ends == "cancelled":
            while open_descriptors() <= before:  # noqa: ASYNC110 - nothing tells of a socket
                await asyncio.sleep(0.001)
            call.cancel()
        (ending,) = await asyncio.gather(call, return_exceptions=True)
        for _ in range(3):
            await asyncio.sleep(0)
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        return ending, tasks, open_descriptors() - before

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
    theirs = tls.preferring_http_2()
    theirs.set_alpn_protocols(["h2", "http/1.1"])

    def script(peer):
        agreed.append(peer.sock.selected_alpn_protocol())
        play(good)(peer)

    async def main(port):
        where = options(port, secure=True)
        where.trust.context.set_alpn_protocols(["h2"])
        engine = kind(where)
        ending = await attempt(engine)
        await engine.close()
        return ending

    with FaultServer(script, context=theirs) as server:
        assert asyncio.run(main(server.port)).status == 200
    assert agreed == ["http/1.1"]
