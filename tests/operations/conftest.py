"""Both clients against the stub, and every operation of the spec."""

import asyncio

import pytest

from modelgates_api.api import OPERATIONS
from modelgates_client import AsyncModelGates, ModelGates
from modelgates_client.testing import StubAPI

from .sample_arguments import method_of


@pytest.fixture
def api():
    """A stub of the API; it fails the test if it received an invalid request."""
    with StubAPI() as stub:
        stub.add("gen-1")
        yield stub
        stub.check()


@pytest.fixture(params=["sync", "async"])
def run(request, api):
    """Return a function that uses a sync or async client.

    It calls its argument with the client and returns the result: coroutines are awaited,
    async iterators are collected into a list.
    """
    options = {"api_key": api.api_key, "base_url": api.base_url, "max_retries": 0}

    async def collect(value):
        if hasattr(value, "__aiter__"):
            return [item async for item in value]
        return await value

    async def run_async(use_client, more_options):
        async with AsyncModelGates(**options, **more_options) as client:
            return await collect(use_client(client))

    def run(use_client, **more_options):
        if request.param == "async":
            return asyncio.run(run_async(use_client, more_options))
        with ModelGates(**options, **more_options) as client:
            result = use_client(client)
            return list(result) if hasattr(result, "__next__") else result

    return run


@pytest.fixture(params=OPERATIONS)
def operation(request):
    """Each operation of the spec."""
    return OPERATIONS[request.param]


@pytest.fixture
def call(run, operation):
    """A function that calls an operation as a method of a client, with sample arguments."""
    return lambda **options: run(lambda client: method_of(client, operation)(**options))
