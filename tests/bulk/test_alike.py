"""All ways of asking for many ids ride out an outage alike: clients, engines, ledgers, leases."""

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
DOWN_S = 0.7  # longer than the first probes take, and an outage is told of
MANY = {"concurrency": 20, "wait": 0}


@pytest.fixture(autouse=True)
def key(monkeypatch):
    """The key of the environment, which workers use."""
    monkeypatch.setenv("MODELGATES_API_KEY", KEY)


def outage(status):
    """Return an answer to each request: an error for some time, after the first fifty."""
    lock, seen, ends_at = threading.Lock(), [0], [float("inf")]

    def answer(generation_id, _):
        with lock:
            seen[0] += 1
            if seen[0] == 51:
                ends_at[0] = time.monotonic() + DOWN_S
        if seen[0] > 50 and time.monotonic() < ends_at[0]:
            return error(status)
        return record(generation_id)._replace(delay_s=0.005)

    return answer


def blocking(base_url, _):
    """Ask by `ModelGates`."""
    with ModelGates(base_url=base_url) as client:
        return sum(isinstance(one, Resolved) for one in client.generations.get_many(IDS, **MANY))


async def _awaited(base_url):
    async with AsyncModelGates(base_url=base_url) as client:
        outcomes = client.generations.get_many(IDS, **MANY)
        return sum([isinstance(outcome, Resolved) async for outcome in outcomes])


def fast(base_url, _):
    """Ask by `AsyncModelGates`, over httptools."""
    return asyncio.run(_awaited(base_url))


def httpcore(base_url, _):
    """Ask by `AsyncModelGates`, over httpcore."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "httptools", None)
        return asyncio.run(_awaited(base_url))


def ledger(base_url, folder):
    """Fetch into a ledger."""
    fetch_all(str(folder / "one.db"), IDS, base_url=base_url, **MANY)
    with Ledger(folder / "one.db", read_only=True) as stored:
        return stored.counts().final


def part(base_url, folder):
    """Fetch a part for a worker."""
    return fetch_part(IDS, str(folder / "one.parquet"), base_url=base_url, **MANY).counts.final


def leases(base_url, folder):
    """Let three workers share the ids of a ledger."""
    path = folder / "shared.db"
    with Ledger(path) as made:
        made.enqueue(IDS)

    def work(_):
        with Ledger(path) as shared, ModelGates(base_url=base_url) as client:
            while batch := shared.lease(40):
                shared.add(client.generations.get_many(batch, **MANY))

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, range(3)))
    with Ledger(path, read_only=True) as stored:
        return stored.counts().final


WAYS = [blocking, fast, httpcore, ledger, part, leases]


@pytest.mark.parametrize("status", [502, 503])
@pytest.mark.parametrize("way", WAYS)
def test_no_id_is_lost_and_few_are_asked_for_again(way, status, tmp_path):
    """What was on its way is, and a probe now and then, of each worker."""
    workers = 3 if way is leases else 1
    with Gateway(outage(status)) as gateway:
        assert way(gateway.base_url, tmp_path) == len(IDS)
    assert gateway.requests.total() <= len(IDS) + workers * (MANY["concurrency"] + 12)


@pytest.mark.parametrize("way", [blocking, fast, httpcore, ledger, part])
def test_an_outage_that_lasts_is_an_error(way, tmp_path, monkeypatch):
    """The same one, soon; nothing was taken for an answer about an id."""
    monkeypatch.setitem(MANY, "outage_timeout", 0.3)
    with Gateway(lambda *_: error(503)) as gateway, pytest.raises(OutageError) as caught:
        way(gateway.base_url, tmp_path)
    assert "no response for 0.3 s" in str(caught.value)
