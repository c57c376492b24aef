"""Many ids through a server that fails in all ways: each has one outcome, and nothing piles up."""

import gc
import os
import random
import threading
from collections import Counter
from pathlib import Path

import pytest

from modelgates_client import ModelGates

from ..fast_server import KEY, Answer, Gateway, error, record

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts by /proc")

FAILURES = (
    *map(error, (408, 500, 529)),
    error(503, "Retry-After: 0"),
    error(429, "retry-after-ms: 20"),
    Answer(502, b"<html><title>Bad gateway</title>"),
    Answer(524, b""),
    Answer(200, b'{"data": {"id": "gen-of-another"}}'),
    Answer(200, b'{"error": {"code": 503, "message": "later"}}'),
    Answer(200, b'{"data": ', ("Content-Length: 900",)),
    Answer(200, b"{}", ("Transfer-Encoding: chunked",)),
    Answer(200, b"no gzip", ("Content-Encoding: gzip",)),
    Answer(200, b"null", ("Connection: close",)),
)


def usage():
    """Return the resident megabytes, the open descriptors and the threads of this process."""
    gc.collect()
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    descriptors = len([*Path("/proc/self/fd").iterdir()])
    return resident / 2**20, descriptors, threading.active_count()


@pytest.mark.slow("a thousand ids, some of them retried")
@pytest.mark.timeout(0)
def test_nothing_piles_up_over_many_ids(size):
    """One request in a hundred fails, or loses its connection."""
    rng, outcomes, seen = random.Random(0), Counter(), []
    batch = max(100, size("ids") // 1_000)

    def answer(generation_id, _):
        if rng.random() < 0.01:
            transports = [*gateway.transports]
            if transports and rng.random() < 0.3:
                rng.choice(transports).abort()
            return rng.choice(FAILURES)
        return record(generation_id)

    with (
        Gateway(answer) as gateway,
        ModelGates(api_key=KEY, base_url=gateway.base_url, timeout=60) as client,
    ):
        for first in range(0, size("ids"), batch):
            ids = [f"gen-{number}" for number in range(first, first + batch)]
            results = [*client.generations.get_many(ids, concurrency=50)]
            assert sorted(result.generation_id for result in results) == sorted(ids)
            outcomes.update(type(result).__name__ for result in results)
            gateway.requests.clear()
            seen.append(usage())
    early, late = seen[len(seen) // 4], seen[-1]
    assert outcomes["Resolved"] > 0.95 * size("ids")
    assert late[0] < early[0] + 20
    assert late[1] <= early[1] + 2 * 50
    assert late[2] <= early[2] + 2
