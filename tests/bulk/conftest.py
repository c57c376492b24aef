"""Both clients, asked for many ids in the same way."""

import asyncio
from contextlib import aclosing

import pytest

from modelgates_client import AsyncModelGates, ModelGates

from ..fast_server import KEY


def settings(gateway, options):
    """Return the options of a client of a gateway."""
    return {"api_key": KEY, "base_url": gateway.base_url, **(options or {})}


def blocking(gateway, ids, *, most=None, options=None, outcomes=None, **arguments):
    """Return outcomes, all or the first, by `ModelGates`; they are added to a list, if given."""
    with ModelGates(**settings(gateway, options)) as client:
        outcomes = [] if outcomes is None else outcomes
        stream = client.generations.get_many(ids, **arguments)
        for outcome in stream:
            outcomes.append(outcome)
            if len(outcomes) == most:
                break
        stream.close()
        return outcomes


def awaited(gateway, ids, *, most=None, options=None, outcomes=None, **arguments):
    """Return the same, by `AsyncModelGates`; no task is left."""
    outcomes = [] if outcomes is None else outcomes

    async def main():
        async with AsyncModelGates(**settings(gateway, options)) as client:
            async with aclosing(client.generations.get_many(ids, **arguments)) as stream:
                async for outcome in stream:
                    outcomes.append(outcome)
                    if len(outcomes) == most:
                        break
            assert asyncio.all_tasks() == {asyncio.current_task()}
            return outcomes

    return asyncio.run(main())


@pytest.fixture(params=[blocking, awaited])
def get_many(request):
    """Ask a gateway for many ids: `get_many(gateway, ids, …)`."""
    return request.param
