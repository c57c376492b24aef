"""What tests of the stub share: both clients called alike, and raw requests."""

import asyncio
import http.client
import os
import socket
from urllib.parse import urlsplit

import pytest

from modelgates_client import AsyncModelGates, ModelGates, ModelGatesError
from modelgates_client.testing import StubAPI


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    """Take no setting from the machine that runs the tests."""
    for name in list(os.environ):
        if name.startswith(("MODELGATES_", "PYTEST_ADDOPTS")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def stub():
    """A stub that knows one record."""
    with StubAPI() as stub:
        stub.add("gen-1", total_cost=0.25)
        yield stub


@pytest.fixture(params=["sync", "async"])
def get(request, stub):
    """Get a record by each of the two clients, in one attempt."""

    def sync(generation_id="gen-1", **options):
        with ModelGates(**settings(options)) as client:
            return client.generations.get_raw(generation_id)

    async def awaited(generation_id="gen-1", **options):
        async with AsyncModelGates(**settings(options)) as client:
            return await client.generations.get_raw(generation_id)

    def settings(options):
        found = {"api_key": stub.api_key, "base_url": stub.base_url, "max_retries": 0}
        return {**found, **options}

    if request.param == "sync":
        return sync
    return lambda *arguments, **options: asyncio.run(awaited(*arguments, **options))


@pytest.fixture
def failing(get):
    """Get a record in vain; return the error."""

    def failing(*arguments, **options):
        with pytest.raises(ModelGatesError) as caught:
            get(*arguments, **options)
        return caught.value

    return failing


@pytest.fixture
def ask(stub):
    """Send a request as it is written; return the response, its body in `content`."""

    def ask(target="/api/v1/generation?id=gen-1", method="GET", **headers):
        connection = http.client.HTTPConnection(urlsplit(stub.base_url).netloc, timeout=30)
        headers = {"Authorization": f"Bearer {stub.api_key}", **headers}
        try:
            connection.request(
                method, target, headers={name: v for name, v in headers.items() if v is not None}
            )
            response = connection.getresponse()
            response.content = response.read()
            return response
        finally:
            connection.close()

    return ask


@pytest.fixture
def connected(stub):
    """A connection to the stub, on which nothing is said yet."""
    parts = urlsplit(stub.base_url)
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as connection:
        yield connection
