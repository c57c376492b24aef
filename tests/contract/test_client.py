"""The client that carries the generated operations, by itself."""

import asyncio
import gc
import threading

import httpx
import pytest

from modelgates_api.api.generations import get_generation
from modelgates_api.client import Client
from modelgates_runtime.errors import ClientClosedError

RECORD = {"data": {"id": "gen-1"}}


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_a_second_event_loop_gets_connections_of_its_own(stub):
    """Connections of a loop that is gone cannot be used, nor closed; the next call must work."""
    stub.answers(RECORD)
    client = Client(stub.base_url)
    for _ in range(3):
        result = asyncio.run(get_generation.asyncio(client=client, id="gen-1"))
        assert result.to_dict() == RECORD
    gc.collect()


def test_calls_of_one_loop_share_their_connections(stub):
    """One pool a loop, not one a call."""
    stub.answers(RECORD)

    async def pools():
        async with Client(stub.base_url) as client:
            seen = set()
            for _ in range(3):
                await get_generation.asyncio(client=client, id="gen-1")
                seen.add(client._async_client)
            return seen

    assert len(asyncio.run(pools())) == 1


def test_threads_that_race_for_the_first_call_share_one_pool(stub, monkeypatch):
    """A pool costs a TLS context; 16 racing threads make one."""
    stub.answers(RECORD)
    made = []
    pool = httpx.Client
    monkeypatch.setattr(httpx, "Client", lambda **options: made.append(1) or pool(**options))
    barrier = threading.Barrier(16)
    with Client(stub.base_url) as client:

        def call():
            barrier.wait()
            get_generation.sync(client=client, id="gen-1")

        threads = [threading.Thread(target=call) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert made == [1]


def test_a_closed_client_sends_nothing(stub):
    """Blocking or not."""
    stub.answers(RECORD)
    client = Client(stub.base_url)
    client.close()
    with pytest.raises(ClientClosedError):
        get_generation.sync(client=client, id="gen-1")
    with pytest.raises(ClientClosedError):
        asyncio.run(get_generation.asyncio(client=client, id="gen-1"))


def test_the_key_is_sent_and_not_shown(stub):
    """As a bearer token; the representation of the client has none of it."""
    stub.answers(RECORD)
    with Client(stub.base_url, token="sk-mg-secret") as client:
        get_generation.sync(client=client, id="gen-1")
        assert "secret" not in repr(client)
    assert stub.request.headers["Authorization"] == "Bearer sk-mg-secret"
