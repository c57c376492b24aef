"""A client in both processes of a fork."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from modelgates_runtime import resource

from .servers import GUARD_S
from .subprocess_scripts import run

#: A child sheds the parent's connections without closing them, which are the parent's to close.
SHED = ("-W", "ignore:unclosed:ResourceWarning")

FORK = """
import asyncio, os, sys
from modelgates_client import AsyncModelGates, ModelGates

async def once(client, name):
    record = await client.generations.get(name)
    await client._engine.reset()
    return record

def get(client, name):
    if isinstance(client, AsyncModelGates):
        return asyncio.run(once(client, name)).id
    return client.generations.get(name).id

def forked(work):
    child = os.fork()
    if not child:
        status = 1
        try:
            status = 0 if work() else 2
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

url, bundle, kind = sys.argv[1:]
if kind == "async":
    sys.modules["httptools"] = None
client = (ModelGates if kind == "sync" else AsyncModelGates)(base_url=url, ca_bundle=bundle)
assert get(client, "gen-0") == "gen-0"
print(forked(lambda: all(get(client, f"gen-{n}") == f"gen-{n}" for n in range(1, 6))))
if kind == "sync":
    print(forked(lambda: client.close() is None))
assert all(get(client, f"gen-{n}") == f"gen-{n}" for n in range(6, 12))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
@pytest.mark.parametrize("kind", ["sync", "async", "fast"])
def test_a_client_works_on_both_sides_of_a_fork(tls_server, ca_bundle, kind):
    """The child does not use the parent's connections, and does not break them by closing."""
    assert set(run(FORK, tls_server.base_url, ca_bundle, kind, options=SHED)) == {"0"}
    assert sorted(request.id for request in tls_server.requests) == sorted(
        f"gen-{number}" for number in range(12)
    )
    if kind == "sync":
        assert tls_server.connections == 2


FORKED_WHILE_CALLING = """
import os, sys, threading
from modelgates_client import ModelGates

client = ModelGates(base_url=sys.argv[1], max_retries=0)
stop = threading.Event()

def calls():
    while not stop.is_set():
        client.generations.get("gen-0")

threads = [threading.Thread(target=calls) for _ in range(4)]
for thread in threads:
    thread.start()
statuses = []
for _ in range(20):
    child = os.fork()
    if not child:
        os._exit(0 if client.generations.get("gen-1").id == "gen-1" else 1)
    statuses.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
stop.set()
for thread in threads:
    thread.join()
print(*set(statuses))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
@pytest.mark.skipif(
    sys.version_info >= (3, 12), reason="from 3.12 on, Python itself warns of forks among threads"
)
def test_a_fork_while_other_threads_call_leaves_no_lock_held(server):
    """The child does not have the threads that would release it."""
    assert run(FORKED_WHILE_CALLING, server.base_url, options=SHED) == ["0"]


def test_a_resource_is_created_without_a_lock():
    """A fork while a thread creates it would leave the lock held in the child."""
    both_create_it = Barrier(2)

    class Client:
        @resource.tag
        def generations(self):
            """Wait until two clients create it."""
            return both_create_it.wait(GUARD_S)

    with ThreadPoolExecutor(2) as pool:
        created = pool.map(lambda client: client.generations, [Client(), Client()])
    assert sorted(created) == [0, 1]
