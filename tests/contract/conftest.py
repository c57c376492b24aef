"""Both parsers, and the four ways to call the generated operation."""

import asyncio
import inspect

import msgspec
import pytest

from modelgates_api.api.generations import get_generation
from modelgates_api.client import Client
from modelgates_api.types import Response
from modelgates_runtime import parsing


@pytest.fixture(params=["msgspec", "json"], scope="session")
def parser(request):
    """Run a test with each parser: what they read must be the same."""
    loads = {"msgspec": msgspec.json.decode, "json": parsing._loads}[request.param]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parsing, "_fast_loads", loads)
        yield request.param


@pytest.fixture(params=["sync", "sync_detailed", "asyncio", "asyncio_detailed"], scope="session")
def call(request, stub):
    """Call the operation and return what the body says; detailed ways must say the same."""
    operation = getattr(get_generation, request.param)

    async def acall(**options):
        async with Client(stub.base_url, verify=False, **options) as client:
            return await operation(client=client, id="gen-1 &/?")

    def call(**options):
        if inspect.iscoroutinefunction(operation):
            answer = asyncio.run(acall(**options))
        else:
            with Client(stub.base_url, verify=False, **options) as client:
                answer = operation(client=client, id="gen-1 &/?")
        if isinstance(answer, Response):
            assert (answer.status_code, answer.content) == (stub.status, stub.body)
            return answer.parsed
        return answer

    return call
