"""`Resolver`: records of captured generations are passed to the application."""

import asyncio
import logging
import os
import threading
import time
from pathlib import Path

import httpx
import pytest

from modelgates_client import AsyncModelGates, ConfigurationError, ModelGates
from modelgates_client.capture import Resolver, resolver
from modelgates_client.ledger import Ledger, LedgerCounts
from modelgates_client.ledger.capture_file import CaptureFile
from modelgates_client.testing import StubAPI

from ..cli import preforked

pytestmark = pytest.mark.usefixtures("patient")

GUARD_S = 60  # a generous limit for a busy machine


@pytest.fixture
def stub(monkeypatch):
    with StubAPI() as stub:
        monkeypatch.setenv("MODELGATES_BASE_URL", stub.base_url)
        monkeypatch.setenv("MODELGATES_API_KEY", stub.api_key)
        yield stub


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "costs.db")


@pytest.fixture
def capture_ids(stub, path):
    """Capture generations that the stub has, from now on."""
    file = CaptureFile(path)

    def capture_ids(*ids, **fields):
        for generation_id in ids:
            stub.add(generation_id, **fields)
            file.append(generation_id)

    return capture_ids


def wait_until(condition):
    """Wait until a condition is true."""
    ends_s = time.monotonic() + GUARD_S
    while not condition():
        assert time.monotonic() < ends_s
        time.sleep(0.01)


def counts(path):
    with Ledger(path, read_only=True) as ledger:
        return ledger.counts()


@pytest.mark.parametrize("kind", [None, ModelGates, AsyncModelGates])
def test_each_record_is_stored_and_handed_on_once(stub, path, capture_ids, kind):
    """Ids captured before and after the start; with a client of either kind, or without one."""
    client = None if kind is None else kind(base_url=stub.base_url, api_key=stub.api_key)
    received, threads = [], set()

    def on_record(record):
        received.append((record.id, record.total_cost))
        threads.add(threading.current_thread().name)

    capture_ids("gen-1", "gen-2", total_cost=0.25)
    with Resolver(path, client, on_record=on_record) as resolver:
        wait_until(lambda: len(received) == 2)
        capture_ids("gen-3", total_cost=0.5)
        assert resolver.drain(GUARD_S)
    assert sorted(received) == [("gen-1", 0.25), ("gen-2", 0.25), ("gen-3", 0.5)]
    assert threads == {"modelgates-resolver"}
    assert counts(path) == LedgerCounts(3, 0, 0, 0)
    assert "modelgates-resolver" not in {thread.name for thread in threading.enumerate()}
    if kind is ModelGates:
        client.close()


def test_in_a_task_callbacks_may_be_awaited(stub, path, capture_ids):
    """The event loop is not blocked meanwhile."""
    received = []

    async def on_record(record):
        await asyncio.sleep(0)
        received.append(record.id)

    async def main():
        before = asyncio.all_tasks()
        async with Resolver(path, on_record=on_record):
            capture_ids("gen-1", "gen-2")
            await asyncio.to_thread(wait_until, lambda: len(received) == 2)
        assert asyncio.all_tasks() == before

    asyncio.run(asyncio.wait_for(main(), GUARD_S))
    assert sorted(received) == ["gen-1", "gen-2"]


def test_a_late_record_is_waited_for(stub, path, capture_ids):
    """The callback gets it when it is final."""
    received = []
    stub.not_ready("gen-1", times=2)
    capture_ids("gen-1")
    with Resolver(path, on_record=lambda record: received.append(record.id)):
        wait_until(lambda: received)
    assert received == ["gen-1"]


def test_an_id_without_a_record_is_requested_again(stub, path, capture_ids):
    """After a delay, not at once."""
    received = []
    stub.not_ready("gen-1", times=3)
    capture_ids("gen-1")
    with Resolver(path, on_record=lambda record: received.append(record.id), wait=0, again=0.3):
        wait_until(lambda: received)
    assert received == ["gen-1"]
    assert counts(path) == LedgerCounts(1, 0, 0, 0)


def test_an_error_of_the_callback_does_not_stop_the_resolver(stub, path, capture_ids, caplog):
    """It is logged with the id."""
    received = []

    def on_record(record):
        received.append(record.id)
        raise ValueError("no such tenant")

    capture_ids("gen-1")
    with Resolver(path, on_record=on_record):
        wait_until(lambda: len(received) == 1)
        capture_ids("gen-2")
        wait_until(lambda: len(received) == 2)
    messages = [record.getMessage() for record in caplog.records if record.exc_info]
    assert messages == ["on_record raised, for gen-1", "on_record raised, for gen-2"]
    assert counts(path) == LedgerCounts(2, 0, 0, 0)


def test_an_error_is_logged_and_retried(stub, path, capture_ids, caplog, monkeypatch):
    """Here a rejected key; no id is lost, and the log does not contain the key."""
    caplog.set_level(logging.WARNING, "modelgates_client")
    monkeypatch.setattr(resolver, "_MAX_PAUSE_S", 0.05)
    capture_ids("gen-1")
    received = []
    stub.fail(status=401, times=2)
    with Resolver(path, on_record=lambda record: received.append(record.id)):
        wait_until(lambda: received)
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == 1
    assert messages[0].startswith("captured ids are waiting: AuthenticationError: ")
    assert stub.api_key not in caplog.text


def test_pending_ids_are_left_for_the_next_resolver(stub, path, capture_ids):
    """Leases are released at once."""
    stub.not_ready(times=None)
    capture_ids("gen-1", "gen-2")
    with Resolver(path):
        wait_until(lambda: stub.requests)
    with Ledger(path) as ledger:
        assert ledger.counts() == LedgerCounts(0, 0, 2, 0)
        assert sorted(ledger.lease(10, wait=False)) == ["gen-1", "gen-2"]


def test_several_share_the_work(stub, path, capture_ids):
    """No id is requested by both."""
    received = []
    ids = [f"gen-{number}" for number in range(60)]
    with (
        Resolver(path, on_record=lambda record: received.append(record.id)) as first,
        Resolver(path, on_record=lambda record: received.append(record.id)),
    ):
        capture_ids(*ids)
        assert first.drain(GUARD_S)
        wait_until(lambda: len(received) >= 60)
    assert sorted(received) == sorted(ids)
    assert len(stub.requests) == 60


def test_it_is_started_once_and_closed_as_often_as_wanted(stub, path):
    """In a thread and in a task."""
    resolver = Resolver(path)
    resolver.start()
    with pytest.raises(RuntimeError, match="once"):
        resolver.start()
    resolver.close()
    resolver.close()
    Resolver(path).close()

    async def main():
        async with Resolver(path) as again:
            with pytest.raises(RuntimeError, match="once"):
                await again.__aenter__()
        await again.aclose()
        await Resolver(path).aclose()

    asyncio.run(main())


def test_it_may_be_closed_by_its_own_callback(stub, path, capture_ids):
    """It does not wait for itself."""
    closed = []

    def on_record(_):
        resolver.close()
        closed.append(True)

    capture_ids("gen-1")
    resolver = Resolver(path, on_record=on_record)
    resolver.start()
    wait_until(lambda: closed)


def test_without_captured_ids_there_is_nothing_to_resolve(stub, path):
    """No ledger exists then, and none is created."""
    client = ModelGates(base_url=stub.base_url, api_key=stub.api_key)
    with client:
        assert Resolver(path, client).drain(0) is True
    assert not Path(path).exists()


def test_drain_has_a_timeout(stub, path, capture_ids):
    """It returns False then."""
    stub.not_ready(times=None)
    capture_ids("gen-1")
    with Resolver(path) as resolver:
        assert resolver.drain(0.3) is False


@pytest.mark.parametrize("client", ["gen-1", 5, httpx.Client])
def test_an_object_that_is_not_a_client_is_refused(path, client):
    """The constructor raises the error."""
    with pytest.raises(ConfigurationError, match="client: expected a ModelGates"):
        Resolver(path, client)


def test_a_sync_client_with_an_http_client_is_refused(stub, path):
    """The resolver could not use it asynchronously."""
    with (
        httpx.Client() as mine,
        ModelGates(http_client=mine) as client,
        pytest.raises(ConfigurationError, match="AsyncModelGates"),
    ):
        Resolver(path, client)


PROGRAM = """
import sys
from modelgates_client.capture import Resolver
from modelgates_client.ledger.capture_file import CaptureFile
seen = []
resolver = Resolver(sys.argv[1], on_record=lambda record: seen.append(record.id))
resolver.start()
CaptureFile(sys.argv[1]).append("gen-1")
while not seen:
    pass
CaptureFile(sys.argv[1]).append("gen-2")
print(seen)
"""


def test_a_program_may_exit_without_closing_it(stub, path):
    """Silently, at once, and the captured ids are stored."""
    stub.add("gen-1")
    assert preforked.run_program(PROGRAM, str(path)) == (0, "['gen-1']\n", "")
    with Ledger(path) as ledger:
        assert ledger.counts() == LedgerCounts(1, 0, 1, 0)


def test_a_ledger_that_opens_after_the_end_is_closed(stub, path, monkeypatch):
    """Otherwise the file would stay open."""
    opening, go_on, closed = threading.Event(), threading.Event(), []

    class Slow(Ledger):
        def __init__(self, *arguments, **options):
            opening.set()
            go_on.wait(GUARD_S)
            super().__init__(*arguments, **options)

        def close(self):
            super().close()
            closed.append(self)

    monkeypatch.setattr("modelgates_client.capture.resolver.Ledger", Slow)

    async def main():
        async with Resolver(path):
            await asyncio.to_thread(opening.wait, GUARD_S)
            asyncio.get_running_loop().call_later(0.05, go_on.set)

    asyncio.run(main())
    assert len(closed) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_after_a_fork_only_the_parent_uses_it(stub, path):
    """Closing it in the child returns at once; in the parent it continues."""
    program = """
import os, sys, warnings
from modelgates_client.capture import Resolver

warnings.simplefilter("ignore")  # Python warns of forks in threaded processes
resolver = Resolver(sys.argv[1])
resolver.start()
resolver._has_started.wait()
child = os.fork()
if not child:
    resolver.close()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert resolver._thread.is_alive()
resolver.close()
"""
    assert preforked.run_program(program, str(path)) == (0, "", "")
