"""Both clients over the stub, and every operation that the spec has."""

import asyncio

import pytest

from modelgates_api.api import OPERATIONS
from modelgates_client import AsyncModelGates, ModelGates
from modelgates_client.testing import StubAPI

from .sample_arguments import method_of


@pytest.fixture
def api():
    """A stub of the API, which fails the test if it was asked for what the API would not take."""
    with StubAPI() as stub:
        stub.add("gen-1")
        yield stub
        stub.check()


@pytest.fixture(params=["sync", "async"])
def run(request, api):
    """Return what lets a test do something with a client, blocking or awaited.

    The function is given the client; what it returns is awaited where that is needed, and an
    asynchronous iterator is gathered into a list.
    """
    options = {"api_key": api.api_key, "base_url": api.base_url, "max_retries": 0}

    async def resolved(value):
        if hasattr(value, "__aiter__"):
            return [item async for item in value]
        return await value

    async def awaited(do, more):
        async with AsyncModelGates(**options, **more) as client:
            return await resolved(do(client))

    def run(do, **more):
        if request.param == "async":
            return asyncio.run(awaited(do, more))
        with ModelGates(**options, **more) as client:
            found = do(client)
            return list(found) if hasattr(found, "__next__") else found

    return run


@pytest.fixture(params=OPERATIONS)
def operation(request):
    """Each operation of the spec."""
    return OPERATIONS[request.param]


@pytest.fixture
def call(run, operation):
    """Call an operation as a method of a client, with arguments made from its types."""
    return lambda **options: run(lambda client: method_of(client, operation)(**options))
