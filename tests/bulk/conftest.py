"""`get_many` by the sync and by the async client, behind one interface."""

import asyncio
from contextlib import aclosing

import pytest

from modelgates_client import AsyncModelGates, ModelGates

from ..fast_server import KEY


def client_options(gateway, options):
    """Return the options of a client for a gateway."""
    return {"api_key": KEY, "base_url": gateway.base_url, **(options or {})}


def get_many_sync(gateway, ids, *, max_outcomes=None, options=None, outcomes=None, **arguments):
    """Return the outcomes of `ModelGates`, at most `max_outcomes`, and fill `outcomes`."""
    with ModelGates(**client_options(gateway, options)) as client:
        outcomes = [] if outcomes is None else outcomes
        stream = client.generations.get_many(ids, **arguments)
        for outcome in stream:
            outcomes.append(outcome)
            if len(outcomes) == max_outcomes:
                break
        stream.close()
        return outcomes


def get_many_async(gateway, ids, *, max_outcomes=None, options=None, outcomes=None, **arguments):
    """Return the outcomes of `AsyncModelGates` in the same way, and check that no task is left."""
    outcomes = [] if outcomes is None else outcomes

    async def main():
        async with AsyncModelGates(**client_options(gateway, options)) as client:
            async with aclosing(client.generations.get_many(ids, **arguments)) as stream:
                async for outcome in stream:
                    outcomes.append(outcome)
                    if len(outcomes) == max_outcomes:
                        break
            assert asyncio.all_tasks() == {asyncio.current_task()}
            return outcomes

    return asyncio.run(main())


@pytest.fixture(params=[get_many_sync, get_many_async])
def get_many(request):
    """`get_many(gateway, ids, …)` of each client."""
    return request.param
