"""Resource leaks: descriptors, memory, and connections of interrupted calls."""

import asyncio
import gc
import os
import signal
import weakref
from pathlib import Path

import pytest

from modelgates_client import AsyncModelGates, ModelGates, ModelGatesError

from .servers import (
    GUARD_S,
    KEY,
    interrupt,
    refusing_port,
    respond_with_record,
    silence,
)
from .subprocess_scripts import run

DESCRIPTORS = Path("/dev/fd")  # on Linux and macOS


def open_descriptors():
    """Return the number of open descriptors of this process."""
    gc.collect()
    return len(os.listdir(DESCRIPTORS))  # noqa: PTH208 - a path for each would cost more


@pytest.mark.skipif(not DESCRIPTORS.exists(), reason="the system does not list descriptors")
def test_refused_connections_leave_no_descriptor_open(either):
    """A hundred of them; tests/faults/test_after_faults.py has failures of other kinds."""
    base_url = f"http://127.0.0.1:{refusing_port()}/api/v1"
    client = either.make(base_url=base_url, max_retries=0)

    def fail():
        with pytest.raises(ModelGatesError):
            either(client.generations.get("gen-1"))

    fail()
    before = open_descriptors()
    for _ in range(100):
        fail()
    assert open_descriptors() <= before + 2


MEMORY = """
import asyncio, gc, resource, sys
url, bundle, kind = sys.argv[1:]
if kind == "async":
    sys.modules["httptools"] = None
from modelgates_client import AsyncModelGates, ModelGates

clients = []

async def call(client, is_closed):
    await client.generations.get("gen-1")
    if is_closed:
        await client.close()

def use(count, is_closed):
    for _ in range(count):
        if kind == "sync":
            client = ModelGates(base_url=url, ca_bundle=bundle)
            client.generations.get("gen-1")
            if is_closed:
                client.close()
        else:
            client = AsyncModelGates(base_url=url, ca_bundle=bundle)
            runner.run(call(client, is_closed))
        if not is_closed:
            clients.append(client)

def peak_bytes():
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit

async def close():
    for client in clients:
        await client.close()

with asyncio.Runner() as runner:
    use(10, False)
    gc.collect()
    before = peak_bytes()
    use(50, True)
    use(50, False)
    print(peak_bytes() - before)
    if kind == "sync":
        for client in clients:
            client.close()
    else:
        runner.run(close())
"""


@pytest.mark.slow("a process that creates a hundred clients")
@pytest.mark.skipif(os.name == "nt", reason="Windows has no resource usage of this kind")
@pytest.mark.parametrize("kind", ["sync", "async", "fast"])
def test_a_hundred_clients_take_little_memory(tls_server, ca_bundle, kind):
    """Under 2 MB including TLS, half of them closed: expensive objects are shared."""
    (growth_bytes,) = run(MEMORY, tls_server.base_url, ca_bundle, kind)
    assert int(growth_bytes) < 2e6


@pytest.mark.filterwarnings("ignore:unclosed <ssl:ResourceWarning")
def test_garbage_collected_clients_leave_no_connection(tls_server, ca_bundle):
    """Without being closed, and even in a reference cycle."""
    references: list[weakref.ref[ModelGates]] = []
    for _ in range(5):
        client = ModelGates(api_key=KEY, base_url=tls_server.base_url, ca_bundle=ca_bundle)
        client.generations.get("gen-1")
        references.append(weakref.ref(client))
    del client
    gc.collect()
    assert [client() for client in references] == [None] * 5
    assert tls_server.all_connections_closed()


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="Windows cannot signal a thread")
@pytest.mark.parametrize("method", ["get", "wait"])
def test_ctrl_c_leaves_no_open_connection(either, server, client, method):
    """The client stays usable."""
    server.respond_with(interrupt, respond_with_record)
    with pytest.raises(KeyboardInterrupt):
        either(getattr(client.generations, method)("gen-1"))
    assert server.all_connections_closed()
    assert either(client.generations.get("gen-2")).id == "gen-2"
    assert len(server.requests) == 2


@pytest.mark.parametrize("method", ["get", "get_raw", "wait"])
def test_cancellation_leaves_no_open_connection(server, engine, method):
    """More cancellations than connections: the pool loses none."""
    server.respond_with(silence)

    async def main():
        async with patient_client(server) as client:
            call = getattr(client.generations, method)
            for _ in range(2):
                tasks = [asyncio.create_task(call(f"gen-{number}")) for number in range(120)]
                await asyncio.sleep(0.15)
                for task in tasks:
                    task.cancel()
                done, _ = await asyncio.wait(tasks, timeout=GUARD_S)
                assert [task.cancelled() for task in done] == [True] * len(tasks)
            gone = await asyncio.to_thread(server.all_connections_closed)
            server.respond_with(respond_with_record)
            return gone, (await client.generations.get("gen-2")).id

    assert asyncio.run(main()) == (True, "gen-2")


def test_asyncio_timeout_is_not_a_timeout_of_the_client(server, engine):
    """`asyncio.timeout` around a call raises `TimeoutError`."""
    server.respond_with(silence, respond_with_record)

    async def main():
        async with patient_client(server) as client:
            with pytest.raises(TimeoutError) as caught:
                async with asyncio.timeout(0.1):
                    await client.generations.get("gen-1")
            assert not isinstance(caught.value, ModelGatesError)
            gone = await asyncio.to_thread(server.all_connections_closed)
            return gone, (await client.generations.get("gen-2")).id

    assert asyncio.run(main()) == (True, "gen-2")
    assert len(server.requests) == 2


def patient_client(server):
    """Return a client whose own timeout ends no call: only the cancellation does."""
    return AsyncModelGates(api_key=KEY, base_url=server.base_url, timeout=4 * GUARD_S)
