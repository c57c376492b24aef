"""`Resolver`: records of captured generations come to the application by themselves."""

import asyncio
import logging
import os
import subprocess
import sys
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

pytestmark = pytest.mark.usefixtures("patient")

GUARD_S = 60  # within which a busy machine does what takes a moment


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
def captured(stub, path):
    """Capture generations that the stub has, from now on."""
    file = CaptureFile(path)

    def captured(*ids, **fields):
        for generation_id in ids:
            stub.add(generation_id, **fields)
            file.append(generation_id)

    return captured


def until(condition):
    """Wait until something is so."""
    ends_s = time.monotonic() + GUARD_S
    while not condition():
        assert time.monotonic() < ends_s
        time.sleep(0.01)


def counts(path):
    with Ledger(path, read_only=True) as ledger:
        return ledger.counts()


@pytest.mark.parametrize("kind", [None, ModelGates, AsyncModelGates])
def test_each_record_is_stored_and_handed_on_once(stub, path, captured, kind):
    """Those from before, and those that come; by a client of either kind, or by none."""
    client = None if kind is None else kind(base_url=stub.base_url, api_key=stub.api_key)
    seen, threads = [], set()

    def on_record(record):
        seen.append((record.id, record.total_cost))
        threads.add(threading.current_thread().name)

    captured("gen-1", "gen-2", total_cost=0.25)
    with Resolver(path, client, on_record=on_record) as resolver:
        until(lambda: len(seen) == 2)
        captured("gen-3", total_cost=0.5)
        assert resolver.drain(GUARD_S)
    assert sorted(seen) == [("gen-1", 0.25), ("gen-2", 0.25), ("gen-3", 0.5)]
    assert threads == {"modelgates-resolver"}
    assert counts(path) == LedgerCounts(3, 0, 0, 0)
    assert "modelgates-resolver" not in {thread.name for thread in threading.enumerate()}
    if kind is ModelGates:
        client.close()


def test_in_a_task_callbacks_may_be_awaited(stub, path, captured):
    """And the loop goes on meanwhile."""
    seen = []

    async def on_record(record):
        await asyncio.sleep(0)
        seen.append(record.id)

    async def main():
        before = asyncio.all_tasks()
        async with Resolver(path, on_record=on_record):
            captured("gen-1", "gen-2")
            await asyncio.to_thread(until, lambda: len(seen) == 2)
        assert asyncio.all_tasks() == before

    asyncio.run(asyncio.wait_for(main(), GUARD_S))
    assert sorted(seen) == ["gen-1", "gen-2"]


def test_a_record_that_comes_late_is_waited_for(stub, path, captured):
    """It is handed on when it is settled."""
    seen = []
    stub.not_ready("gen-1", times=2)
    captured("gen-1")
    with Resolver(path, on_record=lambda record: seen.append(record.id)):
        until(lambda: seen)
    assert seen == ["gen-1"]


def test_what_has_no_record_is_asked_for_again(stub, path, captured):
    """After a while, not at once."""
    seen = []
    stub.not_ready("gen-1", times=3)
    captured("gen-1")
    with Resolver(path, on_record=lambda record: seen.append(record.id), wait=0, again=0.3):
        until(lambda: seen)
    assert seen == ["gen-1"]
    assert counts(path) == LedgerCounts(1, 0, 0, 0)


def test_a_callback_that_raises_ends_nothing(stub, path, captured, caplog):
    """It is logged, with the id."""
    seen = []

    def on_record(record):
        seen.append(record.id)
        raise ValueError("no such tenant")

    captured("gen-1")
    with Resolver(path, on_record=on_record):
        until(lambda: len(seen) == 1)
        captured("gen-2")
        until(lambda: len(seen) == 2)
    said = [record.getMessage() for record in caplog.records if record.exc_info]
    assert said == ["on_record raised, for gen-1", "on_record raised, for gen-2"]
    assert counts(path) == LedgerCounts(2, 0, 0, 0)


def test_an_error_is_logged_and_tried_again(stub, path, captured, caplog, monkeypatch):
    """A key that is not taken, here; nothing is lost, and nothing is shown of the key."""
    caplog.set_level(logging.WARNING, "modelgates_client")
    monkeypatch.setattr(resolver, "_MAX_PAUSE_S", 0.05)
    captured("gen-1")
    seen = []
    stub.fail(status=401, times=2)
    with Resolver(path, on_record=lambda record: seen.append(record.id)):
        until(lambda: seen)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 1
    assert said[0].startswith("captured ids are waiting: AuthenticationError: ")
    assert stub.api_key not in caplog.text


def test_what_is_left_when_it_stops_is_there_for_the_next(stub, path, captured):
    """Leases are given back at once."""
    stub.not_ready(times=None)
    captured("gen-1", "gen-2")
    with Resolver(path):
        until(lambda: stub.requests)
    with Ledger(path) as ledger:
        assert ledger.counts() == LedgerCounts(0, 0, 2, 0)
        assert sorted(ledger.lease(10, wait=False)) == ["gen-1", "gen-2"]


def test_several_share_the_work(stub, path, captured):
    """No id is asked for by both."""
    seen = []
    ids = [f"gen-{number}" for number in range(60)]
    with (
        Resolver(path, on_record=lambda record: seen.append(record.id)) as one,
        Resolver(path, on_record=lambda record: seen.append(record.id)),
    ):
        captured(*ids)
        assert one.drain(GUARD_S)
        until(lambda: len(seen) >= 60)
    assert sorted(seen) == sorted(ids)
    assert len(stub.requests) == 60


def test_it_is_started_once_and_closed_as_often_as_wanted(stub, path):
    """In a thread as in a task."""
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


def test_it_may_be_closed_by_its_own_callback(stub, path, captured):
    """It does not wait for itself."""
    closed = []

    def on_record(_):
        resolver.close()
        closed.append(True)

    captured("gen-1")
    resolver = Resolver(path, on_record=on_record)
    resolver.start()
    until(lambda: closed)


def test_where_nothing_was_captured_nothing_is_left_to_resolve(stub, path):
    """There is no ledger then, and none is made."""
    client = ModelGates(base_url=stub.base_url, api_key=stub.api_key)
    with client:
        assert Resolver(path, client).drain(0) is True
    assert not Path(path).exists()


def test_draining_has_an_end(stub, path, captured):
    """It says that it is not done."""
    stub.not_ready(times=None)
    captured("gen-1")
    with Resolver(path) as resolver:
        assert resolver.drain(0.3) is False


@pytest.mark.parametrize("client", ["gen-1", 5, httpx.Client])
def test_what_is_no_client_is_refused(path, client):
    """When the resolver is made."""
    with pytest.raises(ConfigurationError, match="client: expected a ModelGates"):
        Resolver(path, client)


def test_a_client_that_blocks_by_its_own_http_client_is_refused(stub, path):
    """It could not be awaited."""
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


@pytest.mark.slow("a process that is started")
def test_a_program_ends_without_closing_it(stub, path):
    """In silence, at once, and what was captured is there."""
    stub.add("gen-1")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, path],
        capture_output=True,
        text=True,
        timeout=GUARD_S,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "['gen-1']\n", "")
    with Ledger(path) as ledger:
        assert ledger.counts() == LedgerCounts(1, 0, 1, 0)


def test_a_ledger_that_is_being_opened_at_the_end_is_closed(stub, path, monkeypatch):
    """Nobody waits for it any more, and it would keep the file open."""
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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are forks on POSIX")
def test_after_a_fork_it_is_the_parents_alone(stub, path):
    """Closing it in the child waits for nothing; in the parent it goes on."""
    program = """
import os, sys, warnings
from modelgates_client.capture import Resolver

warnings.simplefilter("ignore")  # Python's own, of forks beside threads
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
    subprocess.run([sys.executable, "-c", program, path], check=True, timeout=GUARD_S)
