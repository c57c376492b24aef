"""Every way to fetch many ids rides out an outage: clients, engines, ledgers and leases."""

import asyncio
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from modelgates_client import AsyncModelGates, ModelGates, OutageError, Resolved
from modelgates_client.exports.parts import fetch_part
from modelgates_client.ledger import Ledger
from modelgates_client.ledger.fetching import fetch_all

from ..fast_server import KEY, Gateway, error, record

pytestmark = pytest.mark.usefixtures("patient")

IDS = [f"gen-{number}" for number in range(300)]
DOWN_S = 0.7  # longer than the first probes, and long enough to be reported as an outage
MANY = {"concurrency": 20, "wait": 0}


@pytest.fixture(autouse=True)
def key(monkeypatch):
    """Set the environment variable with the key that workers read."""
    monkeypatch.setenv("MODELGATES_API_KEY", KEY)


def outage(status):
    """Return a response function that fails for some time, after the first fifty requests."""
    lock, seen, ends_at = threading.Lock(), [0], [float("inf")]

    def respond(generation_id, _):
        with lock:
            seen[0] += 1
            if seen[0] == 51:
                ends_at[0] = time.monotonic() + DOWN_S
        if seen[0] > 50 and time.monotonic() < ends_at[0]:
            return error(status)
        return record(generation_id)._replace(delay_s=0.005)

    return respond


def fetch_with_sync_client(base_url, _):
    """Fetch with `ModelGates`."""
    with ModelGates(base_url=base_url) as client:
        return sum(
            isinstance(outcome, Resolved) for outcome in client.generations.get_many(IDS, **MANY)
        )


async def _fetch_with_async_client(base_url):
    async with AsyncModelGates(base_url=base_url) as client:
        outcomes = client.generations.get_many(IDS, **MANY)
        return sum([isinstance(outcome, Resolved) async for outcome in outcomes])


def fetch_over_httptools(base_url, _):
    """Fetch with `AsyncModelGates` over httptools."""
    return asyncio.run(_fetch_with_async_client(base_url))


def fetch_over_httpcore(base_url, _):
    """Fetch with `AsyncModelGates` over httpcore."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "httptools", None)
        return asyncio.run(_fetch_with_async_client(base_url))


def fetch_into_ledger(base_url, folder):
    """Fetch into a ledger."""
    fetch_all(str(folder / "one.db"), IDS, base_url=base_url, **MANY)
    with Ledger(folder / "one.db", read_only=True) as stored:
        return stored.counts().final


def fetch_for_worker(base_url, folder):
    """Fetch one part of an export, as a worker does."""
    return fetch_part(IDS, str(folder / "one.parquet"), base_url=base_url, **MANY).counts.final


def fetch_with_leases(base_url, folder):
    """Let three workers share the ids of a ledger by leases."""
    path = folder / "shared.db"
    with Ledger(path) as queue:
        queue.enqueue(IDS)

    def work(_):
        with Ledger(path) as shared, ModelGates(base_url=base_url) as client:
            while batch := shared.lease(40):
                shared.add(client.generations.get_many(batch, **MANY))

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, range(3)))
    with Ledger(path, read_only=True) as stored:
        return stored.counts().final


FETCHERS = [
    fetch_with_sync_client,
    fetch_over_httptools,
    fetch_over_httpcore,
    fetch_into_ledger,
    fetch_for_worker,
    fetch_with_leases,
]


@pytest.mark.parametrize("status", [502, 503])
@pytest.mark.parametrize("fetch", FETCHERS)
def test_no_id_is_lost_and_few_are_requested_again(fetch, status, tmp_path):
    """Each worker repeats only its requests in flight and a few probes."""
    workers = 3 if fetch is fetch_with_leases else 1
    with Gateway(outage(status)) as gateway:
        assert fetch(gateway.base_url, tmp_path) == len(IDS)
    assert gateway.requests.total() <= len(IDS) + workers * (MANY["concurrency"] + 12)


@pytest.mark.parametrize(
    "fetch",
    [
        fetch_with_sync_client,
        fetch_over_httptools,
        fetch_over_httpcore,
        fetch_into_ledger,
        fetch_for_worker,
    ],
)
def test_a_lasting_outage_is_an_error(fetch, tmp_path, monkeypatch):
    """Every way raises the same error soon, and records no result for an id."""
    monkeypatch.setitem(MANY, "outage_timeout", 0.3)
    with Gateway(lambda *_: error(503)) as gateway, pytest.raises(OutageError) as caught:
        fetch(gateway.base_url, tmp_path)
    assert "no response for 0.3 s" in str(caught.value)
