"""What faults leave behind (nothing), and what they may cost: little time and memory."""

import asyncio
import gc
import signal
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from modelgates_client import ModelGates, ModelGatesError

from . import tls
from .calls import PATIENT_S, serving, settings
from .catalogue import FAULTS
from .clients import ASYNC_FLAVOURS, async_client, sync_client
from .compressor_faults import bomb
from .faults import CLOSE, RESET, STALL, Drip, act, connect, good, play, take
from .known_weaknesses import ENDLESS_HEADS
from .servers import GUARD_S, FaultServer
from .wire import COST, GOOD, ID, KEY, OTHER_ID, WRONG_COST, body, page, response

BY_ID = {fault.id: fault for fault in FAULTS}
DESCRIPTORS = Path("/proc/self/fd")


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    """Shorten the waits between attempts."""
    monkeypatch.setattr("modelgates_client.calls.retry._FIRST_WAIT_S", 0.02)


def assert_all_calls_fail(flavour, times, **arguments):
    """Make calls by one client, all of which must fail."""
    if flavour in ASYNC_FLAVOURS:
        asyncio.run(_assert_all_async_calls_fail(flavour, times, **arguments))
        return
    with sync_client(flavour, **arguments) as client:
        for _ in range(times):
            with pytest.raises(ModelGatesError):
                client.generations.get(ID)


async def _assert_all_async_calls_fail(flavour, times, **arguments):
    async with async_client(flavour, **arguments) as client:
        for _ in range(times):
            with pytest.raises(ModelGatesError):
                await client.generations.get(ID)


#: What happens on a connection, in turn.
MISHAPS = (
    (RESET,),
    (CLOSE,),
    (b"HTTP/1.1 2", CLOSE),
    (GOOD[:-9], RESET),
    (b"garbage\r\n\r\n", CLOSE),
    (page(),),
    (page("down", "503 Down"),),
    (response(b"{"),),
    (response(body(OTHER_ID)),),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nContent-Encoding: gzip\r\n\r\n" + b"x" * 9,),
)


def serve_mishaps(peer):
    """Answer each request with the next mishap."""
    while (request := peer.request()) is not None:
        take(peer, request, MISHAPS[len(peer.server.requests) % len(MISHAPS)])


@pytest.mark.slow("a hundred real failures")
@pytest.mark.skipif(not DESCRIPTORS.exists(), reason="only Linux lists a process's descriptors")
def test_failures_leave_no_descriptor_open(flavour):
    """Neither sockets nor anything else, without the help of a garbage collection."""
    gc.collect()
    gc.disable()
    try:
        before = len(list(DESCRIPTORS.iterdir()))
        with FaultServer(serve_mishaps) as server:
            assert_all_calls_fail(
                flavour,
                10 * len(MISHAPS),
                base_url=f"http://127.0.0.1:{server.port}",
                max_retries=1,
            )
        assert len(list(DESCRIPTORS.iterdir())) <= before + 1
    finally:
        gc.enable()


@pytest.mark.parametrize(
    "name",
    [
        "silent",
        "stall-in-body",
        "drip-head",
        "103-endless-drip",
        "handshake-stalls-at-accept",
        "handshake-stalls-halfway",
        "silent-after-handshake",
        "proxy-silent",
        "proxy-joins-then-silent",
    ],
)
def test_a_call_that_timed_out_leaves_no_connection(name, flavour):
    """The server sees it closed at once, without a garbage collection."""
    if flavour == "httpx" and name in ENDLESS_HEADS:
        pytest.skip("no blocking call over httpx is cut there")
    fault = BY_ID[name]
    gc.disable()
    try:
        with serving(fault) as server:
            for timeout_s in (0.1, 1.0, 10.0):  # a busy machine may not connect in so short a time
                assert_all_calls_fail(
                    flavour, 3, **{**settings(fault, server), "timeout": timeout_s}
                )
                if server.connections >= 3:
                    break
            all_closed = server.all_closed()
    finally:
        gc.enable()
        gc.collect()
    assert server.connections >= 3
    assert all_closed


@pytest.mark.parametrize("flavour", ASYNC_FLAVOURS, indirect=True)
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize(
    "script",
    [
        None,
        play(STALL),
        play(GOOD[:40], STALL),
        play(GOOD[:-9], STALL),
        play(page(status="503 Down"), CLOSE),
    ],
    ids=["handshake", "head-awaited", "in-head", "in-body", "between-attempts"],
)
def test_a_cancelled_call_leaves_no_task_and_no_connection(script, secure, flavour, monkeypatch):
    """Wherever it is cancelled; and the client still works."""
    monkeypatch.setattr("modelgates_client.calls.retry._FIRST_WAIT_S", 5.0)

    async def run(server):
        scheme, host = ("https", "localhost") if secure else ("http", "127.0.0.1")
        url = f"{scheme}://{host}:{server.port}/api/v1"
        context = tls.trusting()
        options = {"base_url": url, "ssl_context": context, "timeout": 10 * GUARD_S}
        async with async_client(flavour, **options) as client:
            call = asyncio.create_task(client.generations.get(ID))
            await asyncio.to_thread(server.accepted.wait, PATIENT_S)
            await asyncio.sleep(0.05)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            all_closed = await asyncio.to_thread(server.all_closed)
            server.heal()
            record = await client.generations.get(ID)
        return tasks, all_closed, record.total_cost

    with FaultServer(
        connect(STALL) if script is None else script,
        healthy=play(good),
        context=tls.valid() if secure and script is not None else None,
        healthy_context=tls.valid() if secure else None,
    ) as server:
        tasks, all_closed, cost = asyncio.run(run(server))
    assert tasks == set()
    assert all_closed
    assert cost == COST


def interrupt_main_thread(*_):
    """Interrupt the call that waits for the response, as Ctrl-C does; send nothing."""
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
    return b""


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="Windows cannot signal a thread")
@pytest.mark.parametrize(
    "script",
    [play(interrupt_main_thread, STALL), play(GOOD[:-9], interrupt_main_thread, STALL)],
    ids=["head", "body"],
)
def test_an_interrupted_call_leaves_no_connection(script):
    """Ctrl-C in a sync call; and the client still works."""
    with (
        FaultServer(script, healthy=play(good)) as server,
        ModelGates(api_key=KEY, base_url=f"http://127.0.0.1:{server.port}") as client,
    ):
        with pytest.raises(KeyboardInterrupt):
            client.generations.get(ID)
        all_closed = server.all_closed()
        server.heal()
        record = client.generations.get(ID)
    assert all_closed
    assert record.total_cost == COST


@pytest.mark.parametrize("name", ["gzip-bomb", "endless", "gzip-endless"])
def test_memory_use_is_bounded(name, flavour):
    """An endless body uses a small multiple of the limit, however large it is when decoded."""
    bomb()  # made before memory is measured
    fault, limit = BY_ID[name], 1 << 20
    with serving(fault) as server:
        arguments = {**settings(fault, server), "max_response_bytes": limit, "max_retries": 0}
        tracemalloc.start()
        try:
            assert_all_calls_fail(flavour, 1, **{**arguments, "timeout": PATIENT_S})
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 8 * limit


@pytest.mark.parametrize(
    "script",
    [
        play(Drip(GOOD, 0.02)),
        play(GOOD[:150], Drip(GOOD[150:], 0.02)),
        play(page("down", "503 Down", "Retry-After: 0.05")),
        play(page("down", "503 Down")),
        play(0.05, RESET),
        play(0.05, GOOD[:-9], CLOSE),
    ],
    ids=["drip-head", "drip-body", "503-told", "503", "resets", "truncations"],
)
def test_endless_retries_end_at_the_deadline(script, flavour):
    """All attempts share the deadline."""
    with FaultServer(script) as server:
        began = time.monotonic()
        url = f"http://127.0.0.1:{server.port}"
        assert_all_calls_fail(flavour, 1, base_url=url, timeout=0.4, max_retries=1_000)
        elapsed_s = time.monotonic() - began
    assert elapsed_s < GUARD_S


def serve_chaos(peer):
    """Respond normally to most requests, to others with a mishap or an excess record."""
    others = response(body(OTHER_ID, total_cost=WRONG_COST))
    while (request := peer.request()) is not None:
        number = len(peer.server.requests)
        if number % 7 == 0:
            act(peer, RESET)
        peer.send(others if number % 5 == 0 else good(request, peer))
        if number % 3 == 0:
            peer.send(others)


@pytest.mark.slow("a hundred and fifty calls, of which many are repeated")
def test_concurrent_calls_never_get_records_of_other_calls(flavour):
    """Each gets its own record or a typed error, on shared connections."""
    ids = [f"gen-{number}" for number in range(150)]
    with FaultServer(serve_chaos) as server:
        arguments = {"base_url": f"http://127.0.0.1:{server.port}", "timeout": PATIENT_S}
        if flavour in ASYNC_FLAVOURS:
            results = asyncio.run(_gather(flavour, arguments, ids))
        else:
            with sync_client(flavour, **arguments) as client, ThreadPoolExecutor(12) as pool:
                results = list(pool.map(lambda one: _or_error(client, one), ids))
    records = [
        (one, get_record)
        for one, get_record in zip(ids, results, strict=True)
        if get_record is not None
    ]
    assert len(records) > len(ids) // 2
    assert [(one, get_record) for one, get_record in records if get_record != (one, COST)] == []


def _or_error(client, generation_id):
    try:
        record = client.generations.get(generation_id)
    except ModelGatesError:
        return None
    return record.id, record.total_cost


async def _gather(flavour, arguments, ids):
    places = asyncio.Semaphore(12)
    async with async_client(flavour, **arguments) as client:

        async def one(generation_id):
            async with places:
                try:
                    record = await client.generations.get(generation_id)
                except ModelGatesError:
                    return None
                return record.id, record.total_cost

        return await asyncio.gather(*map(one, ids))
